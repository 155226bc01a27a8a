"""A reader's word on a match: what it changes, what it never changes, and what is computed again."""

from __future__ import annotations

import pytest
from django.urls import reverse

from nodules_app.lifecycles import FollowUpState, RunState
from nodules_app.models import (
    AuditEvent,
    Comparison,
    Decision,
    Finding,
    FollowUpKind,
    Match,
    Nodule,
    Origin,
    Patient,
    Role,
    Run,
    RunKind,
    User,
)
from nodules_app.services import matches, safety_net
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

pytestmark = pytest.mark.django_db


def of(patient: Patient, number: int = 1) -> Match:
    return Match.objects.get(nodule__patient=patient, nodule__number=number, superseded_at=None)


def in_force(nodule: Nodule) -> list[Finding]:
    return list(nodule.findings.filter(superseded_at=None).order_by("scan__study__acquired_on"))


def owed_reviews(patient: Patient) -> set[str]:
    steps = patient.follow_ups.filter(kind=FollowUpKind.REVIEW, state=FollowUpState.PROPOSED)
    return {nodule.label for step in steps for nodule in step.nodules.all()}


def measuring(comparison: Comparison) -> int:
    return Run.objects.filter(kind=RunKind.MEASURE, comparison=comparison, state=RunState.QUEUED).count()


def signed_by(reader: User, patient: Patient) -> Decision:
    row = factories.assessment(
        patient,
        factories.result("BTS2015", "bts_ct_3m", "SOLID.SURV"),
        patient.nodules.first(),
        inputs={"nodules": [{"id": "N1"}]},
    )
    return Decision.objects.create(assessment=row, by=reader, management=row.management)


# ------------------------------------------------------------------ the same


def test_a_confirmed_match_names_who_said_so_and_the_first_word_stands() -> None:
    match = of(factories.followed_patient())
    first, second = factories.member(), factories.member()
    matches.confirm(match=match, by=first)
    matches.confirm(match=match, by=second)
    match.refresh_from_db()
    assert match.confirmed_by == first
    assert AuditEvent.objects.filter(verb="match.confirmed").count() == 1
    assert not Run.objects.filter(state=RunState.QUEUED).exists()  # nothing has changed, nothing is computed again


def test_a_nodule_on_one_scan_alone_cannot_be_the_same_on_both() -> None:
    patient = factories.followed_patient()
    match = of(patient)
    assert match.prior_finding_id is not None
    Finding.objects.filter(pk=match.prior_finding_id).update(present=False)
    for act in (matches.confirm, matches.unlink):
        with pytest.raises(matches.NotOnBothScans):
            act(match=of(patient), by=factories.member())


# ------------------------------------------------------------------ not the same


def test_another_nodule_is_followed_as_one_of_its_own_and_both_are_owed_a_review() -> None:
    patient = factories.followed_patient()
    match, reader = of(patient), factories.member()
    decision = signed_by(reader, patient)
    left = matches.unlink(match=match, by=reader)
    first, second = patient.nodules.order_by("number")
    assert [finding.pk for finding in in_force(first)] == [match.prior_finding_id]
    (split,) = in_force(second)
    assert match.current_finding is not None
    assert (split.scan_id, split.lps_mm) == (match.current_finding.scan_id, match.current_finding.lps_mm)
    assert (split.origin, split.by) == (Origin.PERSON, reader)
    assert (left.prior_finding_id, left.current_finding_id, left.word) == (
        match.prior_finding_id,
        None,
        "not-assessable",
    )
    assert of(patient, 2).current_finding == split
    assert owed_reviews(patient) == {"N1", "N2"}
    assert measuring(match.comparison) == 1
    match.refresh_from_db()
    assert match.superseded_at is not None
    assert Decision.objects.filter(pk=decision.pk).exists()
    event = AuditEvent.objects.get(verb="match.unlinked")
    assert event.facts["decisions"] == str(decision.code)


def test_what_is_no_nodule_is_not_followed_and_the_signed_step_stays_open() -> None:
    patient = factories.followed_patient()
    step = patient.follow_ups.get()
    matches.unlink(match=of(patient), by=factories.member(), follow_there=False)
    assert patient.nodules.count() == 1
    step.refresh_from_db()
    assert step.state == FollowUpState.PROPOSED
    assert owed_reviews(patient) == {"N1"}
    assert safety_net.prove()


def test_the_finding_that_was_carried_over_is_the_one_in_doubt() -> None:
    patient = factories.followed_patient()
    match = of(patient)
    assert matches.in_doubt(match) == match.current_finding
    assert match.prior_finding_id is not None
    Finding.objects.filter(pk=match.prior_finding_id).update(origin=Origin.REGISTRATION)
    match = of(patient)
    assert matches.in_doubt(match) == match.prior_finding


def test_a_pair_is_not_searched_again_for_a_place_that_a_person_refused() -> None:
    factories.followed_patient(exams=3)
    middle = Comparison.objects.order_by("pk").first()
    assert middle is not None
    first = Match.objects.get(comparison=middle)
    matches.unlink(match=first, by=factories.member(), follow_there=False)
    in_force_now = Match.objects.filter(nodule__number=1, superseded_at=None).order_by("comparison_id")
    assert [(row.prior_finding is None, row.current_finding is None) for row in in_force_now] == [
        (False, True),
        (True, False),
    ]


# ------------------------------------------------------------------ another one is meant


def test_a_finding_of_another_nodule_can_be_this_nodule() -> None:
    patient = factories.followed_patient(nodules=2)
    match, reader = of(patient, 1), factories.member()
    theirs = of(patient, 2).current_finding
    assert theirs is not None
    joined = matches.relink(match=match, finding=theirs, by=reader)
    assert joined.current_finding is not None
    assert (joined.nodule.number, joined.current_finding.lps_mm) == (1, theirs.lps_mm)
    assert (joined.prior_finding_id, joined.confirmed_by, joined.word) == (match.prior_finding_id, reader, "")
    first, second = patient.nodules.order_by("number")
    assert [finding.pk for finding in in_force(first)] == [match.prior_finding_id, joined.current_finding_id]
    assert len(in_force(second)) == 1
    assert of(patient, 2).current_finding is None
    assert owed_reviews(patient) == {"N1", "N2"}
    assert measuring(match.comparison) == 1
    assert AuditEvent.objects.get(verb="match.relinked").facts["nodules"] == "N1, N2"
    assert safety_net.prove()


def test_a_finding_of_another_scan_or_of_the_nodule_itself_cannot_be_linked() -> None:
    patient, stranger = factories.followed_patient(nodules=2), factories.followed_patient()
    match = of(patient)
    for finding in (of(stranger).current_finding, match.current_finding):
        assert finding is not None
        with pytest.raises(matches.FindingNotOnPair):
            matches.relink(match=match, finding=finding, by=factories.member())
    assert of(patient) == match


def test_the_second_of_two_readers_is_told() -> None:
    match = of(factories.followed_patient())
    reader = factories.member()
    matches.unlink(match=match, by=reader)
    for act in (matches.confirm, matches.unlink):
        with pytest.raises(matches.MatchReplaced):
            act(match=match, by=reader)


# ------------------------------------------------------------------ pages


def test_the_patient_page_asks_whether_it_is_the_same_and_takes_the_answer() -> None:
    patient = factories.followed_patient()
    client, match = signed_in(), of(patient)
    address = reverse("confirm-match", kwargs={"code": match.code})
    html = page_of(patient, client)
    assert address in html
    assert "Same nodule" in words(html)
    said = words(client.post(address, follow=True).content.decode())
    assert "N1 is the same nodule on both scans." in said
    assert "confirmed by Reader" in said
    assert address not in page_of(patient, client)


def test_the_page_of_parting_offers_the_other_nodules_and_needs_an_answer() -> None:
    patient = factories.followed_patient(nodules=2)
    client, match, theirs = signed_in(), of(patient), of(patient, 2).current_finding
    assert theirs is not None
    signed_by(factories.member(), patient)
    address = reverse("part-match", kwargs={"code": match.code})
    said = words(client.get(address).content.decode())
    assert "N1 is what is called N2 there" in said
    assert "1 signed decision rests on this match" in said
    assert client.post(address, {}).status_code == 422
    assert client.post(address, {"answer": str(match.code)}).status_code == 422
    said = words(client.post(address, {"answer": str(theirs.code)}, follow=True).content.decode())
    assert "N1 is linked anew" in said
    assert of(patient).current_finding != match.current_finding


@pytest.mark.parametrize(("answer", "nodules"), [("another", 2), ("nothing", 1)])
def test_parting_from_the_page(answer: str, nodules: int) -> None:
    patient = factories.followed_patient()
    address = reverse("part-match", kwargs={"code": of(patient).code})
    response = signed_in().post(address, {"answer": answer}, follow=True)
    assert "The findings are parted." in words(response.content.decode())
    assert patient.nodules.count() == nodules


def test_an_answer_that_comes_too_late_is_said_in_words() -> None:
    patient = factories.followed_patient()
    match, client = of(patient), signed_in()
    matches.unlink(match=match, by=factories.member())
    for name in ("confirm-match", "part-match"):
        response = client.post(reverse(name, kwargs={"code": match.code}), {"answer": "nothing"}, follow=True)
        assert "This match has been replaced meanwhile." in words(response.content.decode())


@pytest.mark.parametrize("name", ["confirm-match", "part-match"])
def test_only_readers_judge_matches(name: str) -> None:
    patient = factories.followed_patient()
    address = reverse(name, kwargs={"code": of(patient).code})
    client = signed_in(Role.COORDINATOR)
    assert client.post(address, {"answer": "nothing"}).status_code == 403
    assert address not in page_of(patient, client)
