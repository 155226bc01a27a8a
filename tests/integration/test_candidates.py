"""What the program proposes: kept apart from nodules until a reader accepts, and not proposed again after a no."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from inference.candidates import Candidate as Found
from nodules_app.lifecycles import CandidateState, NoduleState, NoSuchStep, RunState
from nodules_app.models import (
    AuditEvent,
    Candidate,
    Clinic,
    Comparison,
    FollowUpKind,
    Origin,
    Patient,
    Registration,
    RejectionReason,
    Role,
    Run,
    RunKind,
    Scan,
)
from nodules_app.selectors.candidates import count_by_patient, on_scan, proposals_of
from nodules_app.services import assessments, candidates, nodules, reading_opinions, readings, safety_net
from nodules_app.services.pipeline.proposing import MOST_KEPT, keep
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

pytestmark = pytest.mark.django_db

PLACE = (10.0, 0.0, 5.0)
FAR = (-20.0, 15.0, 20.0)


@pytest.fixture
def pair() -> Comparison:
    """Two exams of a patient without a nodule; the pair is registered."""
    patient = factories.patient()
    prior, current = factories.scan(patient, factories.PRIOR_ON), factories.scan(patient, factories.CURRENT_ON)
    made = factories.comparison(prior, current)
    Registration.objects.create(
        comparison=made, method="m", version="1", residual_mm=0.3, inverse_error_mm=0.1, fold_fraction=0.0, map_file="m"
    )
    return made


def spot(lps_mm: tuple[float, float, float] = PLACE, **told: object) -> Found:
    """A new spot of 6 mm, whose place on the other scan lies 2 mm higher."""
    x, y, z = lps_mm
    ordinary = {"diameter_mm": 6.0, "contrast_hu": 700.0, "score": 0.8, "change": "new", "there_lps_mm": (x, y, z + 2)}
    return Found(lps_mm, **(ordinary | told))  # type: ignore[arg-type]


def propose(pair: Comparison, *found: Found, on: Scan | None = None) -> list[Candidate]:
    scan = on or pair.current
    with transaction.atomic():
        keep(patient=pair.patient, comparison=pair, found=[(scan, one) for one in found])
    return list(Candidate.objects.filter(state=CandidateState.PROPOSED).order_by("pk"))


def searched(patient: Patient) -> Run:
    return factories.run(patient, RunKind.PROPOSE)


# ------------------------------------------------------------------ what is kept


def test_searching_again_keeps_the_row_of_a_place_and_replaces_what_is_not_seen_any_more(pair: Comparison) -> None:
    first, gone = propose(pair, spot(), spot(FAR))
    (again,) = propose(pair, spot((10.5, 0.0, 5.0)))
    assert again.pk == first.pk
    gone.refresh_from_db()
    assert gone.state == CandidateState.REPLACED


def test_a_later_exam_replaces_what_waited_for_the_earlier_pair(pair: Comparison) -> None:
    (waiting,) = propose(pair, spot())
    later = factories.comparison(pair.current, factories.scan(pair.patient, factories.CURRENT_ON + timedelta(days=90)))
    assert [one.comparison for one in propose(later, spot(FAR))] == [later]
    waiting.refresh_from_db()
    assert waiting.state == CandidateState.REPLACED


def test_a_known_nodule_is_not_proposed(pair: Comparison) -> None:
    factories.finding(factories.nodule(pair.patient), pair.current, (10.0, 3.0, 5.0))
    assert [one.lps_mm for one in propose(pair, spot(), spot(FAR))] == [FAR]


def test_the_rim_of_a_large_nodule_is_not_proposed(pair: Comparison) -> None:
    large = factories.finding(factories.nodule(pair.patient), pair.current, (10.0, 9.0, 5.0))
    assert len(propose(pair, spot())) == 1
    factories.measurement(large, volume_mm3=1800.0)  # 15 mm
    assert propose(pair, spot()) == []


def test_a_nodule_that_only_the_prior_shows_is_not_proposed_at_its_place_on_the_current(pair: Comparison) -> None:
    nodule = factories.nodule(pair.patient)
    factories.finding(nodule, pair.prior, (10.0, 0.0, 7.0))
    assert propose(pair, spot()) == []
    factories.finding(nodule, pair.current, FAR)  # found elsewhere: then the spot is another one
    assert [one.lps_mm for one in propose(pair, spot())] == [PLACE]


def test_the_list_is_bounded_and_keeps_the_likeliest(pair: Comparison) -> None:
    many = [spot((10.0 * number, 0.0, 0.0), score=1 - number / 100) for number in range(MOST_KEPT + 5)]
    kept = propose(pair, *many)
    assert [one.score for one in kept] == [one.score for one in many[:MOST_KEPT]]


# ------------------------------------------------------------------ nothing is owed


def test_until_somebody_accepts_nothing_counts_it(pair: Comparison) -> None:
    propose(pair, spot())
    patient = pair.patient
    told = safety_net.prove()
    assert told.covered.active_nodules == 0
    assert not patient.nodules.exists()
    assert not patient.follow_ups.exists()
    case = assessments.case_of(patient)
    assert case is None or not case["nodules"]


def test_an_accepted_one_is_a_nodule_that_is_owed_a_review_and_measured(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    reader = factories.member()
    nodule = candidates.accept(candidate=row, by=reader)
    finding = nodule.findings.get()
    assert (finding.origin, finding.by, finding.lps_mm, finding.scan) == (Origin.CANDIDATE, reader, PLACE, pair.current)
    assert nodule.state == NoduleState.ACTIVE
    assert list(pair.patient.follow_ups.get(kind=FollowUpKind.REVIEW).nodules.all()) == [nodule]
    assert Run.objects.filter(kind=RunKind.MATCH, comparison=pair, state=RunState.QUEUED).count() == 1
    row.refresh_from_db()
    assert (row.state, row.decided_by, row.nodule) == (CandidateState.ACCEPTED, reader, nodule)
    assert safety_net.prove().covered.active_nodules == 1
    assert proposals_of(pair.patient).waiting == ()
    assert AuditEvent.objects.filter(verb="candidate.accepted", by=reader).count() == 1


def test_two_readers_decide_once(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    candidates.accept(candidate=row, by=factories.member())
    with pytest.raises(NoSuchStep):
        candidates.reject(candidate=row, reason=RejectionReason.VESSEL, by=factories.member())
    assert pair.patient.nodules.count() == 1


def test_a_second_reader_decides_after_a_read_of_their_own(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    Clinic.objects.update(readers_needed=2)
    first, second = factories.member(), factories.member()
    candidates.reject(candidate=row, reason=RejectionReason.SCAR, by=second)  # nobody reads it yet
    candidates.reopen(candidate=row, by=second)
    reading = readings.begin(patient=pair.patient, by=first)
    client = Client(headers={"accept-language": "en"})
    client.force_login(second)
    for act, told in (("accept", {}), ("reject", {"reason": "vessel"}), ("reopen", {})):
        answer = client.post(reverse(f"{act}-candidate", kwargs={"code": row.code}), told, follow=True)
        assert "the clinic asks for two readers, each for themselves" in words(answer.content.decode()), act
    row.refresh_from_db()
    assert row.state == CandidateState.PROPOSED
    reading_opinions.read_independently(reading=reading, said={}, by=second)
    assert candidates.accept(candidate=row, by=second)


# ------------------------------------------------------------------ no


def test_a_rejected_place_is_not_proposed_again_on_this_exam_nor_on_the_next(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    reader = factories.member()
    candidates.reject(candidate=row, reason=RejectionReason.VESSEL, by=reader)
    row.refresh_from_db()
    assert (row.state, row.reason, row.decided_by) == (CandidateState.REJECTED, "vessel", reader)
    assert propose(pair, spot((11.0, 1.0, 5.0))) == []
    later = factories.comparison(pair.current, factories.scan(pair.patient, factories.CURRENT_ON + timedelta(days=90)))
    moved = spot((14.0, 0.0, 9.0), there_lps_mm=(10.5, 0.0, 5.0), there_diameter_mm=6.0, change="same")
    assert propose(later, moved) == []
    assert len(propose(later, spot((14.0, 0.0, 9.0), there_lps_mm=(16.0, 0.0, 5.0)))) == 1


def test_another_reason_needs_words(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    with pytest.raises(candidates.NeedsWords):
        candidates.reject(candidate=row, reason=RejectionReason.OTHER, words="  ", by=factories.member())
    told = candidates.reject(candidate=row, reason=RejectionReason.OTHER, words="a clip", by=factories.member())
    assert told.words == "a clip"


def test_a_no_can_be_taken_back(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    reader = factories.member()
    candidates.reject(candidate=row, reason=RejectionReason.SCAR, by=reader)
    candidates.reopen(candidate=row, by=reader)
    assert [one.code for one in proposals_of(pair.patient).waiting] == [row.code]
    verbs = AuditEvent.objects.filter(verb__startswith="candidate.").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["candidate.rejected", "candidate.reopened"]


def test_a_yes_is_taken_back_only_when_its_nodule_is_not_followed(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    reader = factories.member()
    nodule = candidates.accept(candidate=row, by=reader)
    with pytest.raises(candidates.StillFollowed):
        candidates.reopen(candidate=row, by=reader)
    nodules.reject(nodule=nodule, by=reader)
    candidates.reopen(candidate=row, by=reader)
    row.refresh_from_db()
    assert (row.state, row.nodule) == (CandidateState.PROPOSED, None)
    assert proposals_of(pair.patient).waiting == ()  # a reader has said that it is none


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": "accepted", "decided_at": timezone.now()},
        {"state": "rejected", "reason": ""},
        {"score": 1.2},
        {"state": "unheard"},
        {"reason": "vessel"},
    ],
    ids=["accepted by nobody", "rejected without a reason", "too sure", "unknown state", "a reason before the no"],
)
def test_the_database_refuses(pair: Comparison, wrong: dict[str, object]) -> None:
    (row,) = propose(pair, spot())
    with pytest.raises(IntegrityError), transaction.atomic():
        Candidate.objects.filter(pk=row.pk).update(**wrong)


# ------------------------------------------------------------------ selectors


def test_new_grown_and_gone_come_first_and_the_rest_is_folded(pair: Comparison) -> None:
    same = [spot((10.0 * n, -30.0, 0.0), change="same", score=0.9, there_diameter_mm=6.0) for n in range(10)]
    propose(pair, *same, spot(FAR, change="grown", score=0.4), spot(change="new", score=0.35))
    told = proposals_of(pair.patient)
    assert [one.change for one in told.waiting[:3]] == ["new", "grown", "same"]
    assert (len(told.first), len(told.further)) == (6, 6)


def test_a_scan_gets_the_marks_that_it_shows_itself(pair: Comparison) -> None:
    propose(pair, spot(), spot(FAR, change="same", there_diameter_mm=5.0))
    current, prior = on_scan(pair.current), on_scan(pair.prior)
    assert [mark.lps_mm for mark in current] == [PLACE, FAR]
    assert [(mark.lps_mm, mark.diameter_mm) for mark in prior] == [((-20.0, 15.0, 22.0), 5.0)]


def test_waiting_ones_are_counted_in_a_fixed_number_of_queries(
    pair: Comparison, django_assert_num_queries: object
) -> None:
    propose(pair, spot(), spot(FAR))
    nobody = factories.patient()
    factories.finding(factories.nodule(nobody), factories.scan(nobody))
    with django_assert_num_queries(3):  # type: ignore[operator]
        assert dict(count_by_patient([pair.patient_id, nobody.pk])) == {pair.patient_id: 2}


def test_what_was_found_on_a_series_that_is_not_measured_any_more_is_not_shown(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    Scan.objects.filter(pk=pair.current_id).update(superseded_at=timezone.now())
    assert proposals_of(pair.patient).waiting == ()
    with pytest.raises(NoSuchStep):
        candidates.accept(candidate=row, by=factories.member())


# ------------------------------------------------------------------ pages


def test_the_page_shows_both_crops_and_a_reader_decides_there(pair: Comparison) -> None:
    for scan in (pair.prior, pair.current):
        factories.keep_volume(scan)
    (row,) = propose(pair, spot())
    searched(pair.patient)
    client = signed_in()
    html = page_of(pair.patient, client)
    assert "Not on the prior exam" in words(html)
    assert html.count(f"{reverse('place-crop', kwargs={'code': pair.prior.code})}?slice=") == 1
    answer = client.post(reverse("reject-candidate", kwargs={"code": row.code}), {"reason": "vessel"})
    assert answer["Location"].endswith("#proposals")
    told = words(page_of(pair.patient, client))
    assert "1 place that is no nodule" in told
    assert "Vessel or branching" in told
    client.post(reverse("reopen-candidate", kwargs={"code": row.code}))
    client.post(reverse("accept-candidate", kwargs={"code": row.code}))
    assert pair.patient.nodules.count() == 1


def test_a_reason_that_does_not_exist_changes_nothing(pair: Comparison) -> None:
    (row,) = propose(pair, spot())
    client = signed_in()
    for form in ({}, {"reason": "mood"}, {"reason": "other"}):
        client.post(reverse("reject-candidate", kwargs={"code": row.code}), form)
        row.refresh_from_db()
        assert row.state == CandidateState.PROPOSED


@pytest.mark.parametrize("name", ["accept-candidate", "reject-candidate", "reopen-candidate"])
def test_only_readers_of_the_clinic_decide(pair: Comparison, name: str) -> None:
    (row,) = propose(pair, spot())
    address = reverse(name, kwargs={"code": row.code})
    assert signed_in(Role.COORDINATOR).post(address, {"reason": "vessel"}).status_code == 403
    stranger = signed_in()
    Patient.objects.filter(pk=pair.patient_id).update(clinic=factories.clinic(name="Elsewhere"))
    assert stranger.post(address, {"reason": "vessel"}).status_code == 404
    row.refresh_from_db()
    assert row.state == CandidateState.PROPOSED


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "No program has searched"),
        (RunState.RUNNING, "is being searched"),
        (RunState.FAILED, "The search failed"),
        (RunState.REFUSED, "could not be searched"),
        (RunState.SUCCEEDED, "proposes nothing further"),
    ],
)
def test_an_empty_list_says_why_it_is_empty(pair: Comparison, state: RunState | None, said: str) -> None:
    if state:
        factories.run(pair.patient, RunKind.PROPOSE, state)
    told = words(page_of(pair.patient))
    assert said in told
    assert ("proposes nothing further" in told) == (state is RunState.SUCCEEDED)


def test_where_readers_look_first_nothing_is_told_until_they_ask_and_a_new_search_hides_it_again(
    pair: Comparison,
) -> None:
    Clinic.objects.update(proposals_on_request=True)
    propose(pair, spot())
    searched(pair.patient)
    client = signed_in()
    before = words(page_of(pair.patient, client))
    assert "Not on the prior exam" not in before
    assert "waits for a reader" not in before
    client.post(reverse("show-candidates", kwargs={"code": pair.patient.code}))
    assert "Not on the prior exam" in words(page_of(pair.patient, client))
    assert "Not on the prior exam" not in words(page_of(pair.patient))  # another reader looks first too
    searched(pair.patient)
    assert "Not on the prior exam" not in words(page_of(pair.patient, client))
