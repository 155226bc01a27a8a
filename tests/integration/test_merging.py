"""Two nodules that are one: joined and parted by a reader, with nothing deleted and nobody lost."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from nodules_app.lifecycles import FollowUpState, NoduleState, NoSuchStep, RunState
from nodules_app.models import (
    AuditEvent,
    Comparison,
    ComparisonWord,
    Finding,
    FollowUp,
    FollowUpKind,
    Match,
    Measurement,
    Nodule,
    Origin,
    Patient,
    Registration,
    Run,
    RunKind,
)
from nodules_app.services import assessments, matches, merging, nodules, safety_net
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def twice_marked() -> tuple[Patient, Nodule, Nodule]:
    """One nodule that was marked on each of two exams as if it were two; the pair is registered."""
    patient = factories.patient()
    prior = factories.scan(patient, factories.CURRENT_ON.replace(year=factories.CURRENT_ON.year - 1))
    current = factories.scan(patient, factories.CURRENT_ON)
    pair = factories.comparison(prior, current)
    Registration.objects.create(
        comparison=pair, method="m", version="1", residual_mm=0.3, inverse_error_mm=0.1, fold_fraction=0.0, map_file="m"
    )
    first, second = (factories.nodule(patient, covered=False) for _ in range(2))
    factories.follow_up(patient, [first, second])
    before = factories.finding(first, prior, (0.0, 0.0, 0.0))
    after = factories.finding(second, current, (1.0, 0.0, 2.0))
    carried = factories.finding(first, current, (0.5, 0.0, 2.0), origin=Origin.REGISTRATION)
    for found in (before, after, carried):
        factories.measurement(found)
    factories.match(pair, before, carried, ambiguous_with=["N2"])
    factories.match(pair, None, after, ComparisonWord.NOT_ASSESSABLE, ambiguous_with=["N1"])
    return patient, first, second


def in_force(nodule: Nodule) -> dict[object, Finding]:
    return {finding.scan.study.acquired_on: finding for finding in nodule.findings.filter(superseded_at=None)}


def covered_by_open_steps(patient: Patient) -> set[str]:
    steps = FollowUp.objects.filter(patient=patient, state=FollowUpState.PROPOSED)
    return {nodule.label for step in steps for nodule in step.nodules.all()}


def test_the_other_nodule_takes_over_what_was_marked_and_keeps_what_it_had(
    twice_marked: tuple[Patient, Nodule, Nodule],
) -> None:
    _, first, second = twice_marked
    reader = factories.member()
    rows = Finding.objects.count(), Measurement.objects.count()
    assert merging.merge(nodule=second, into=first, by=reader) == first
    second.refresh_from_db()
    assert (second.state, second.merged_into) == (NoduleState.MERGED, first)
    assert in_force(first)[factories.CURRENT_ON].lps_mm == (1.0, 0.0, 2.0)  # the mark, not what was carried over
    assert (Finding.objects.count(), Measurement.objects.count()) == (rows[0] + 1, rows[1])
    match = first.matches.get(superseded_at=None)
    assert match.prior_finding == in_force(first)[Comparison.objects.get().prior.study.acquired_on]
    assert (match.current_finding, match.confirmed_by) == (in_force(first)[factories.CURRENT_ON], reader)
    assert match.ambiguous_with == []
    assert Run.objects.filter(kind=RunKind.MEASURE, comparison=match.comparison, state=RunState.QUEUED).exists()


def test_one_review_is_owed_and_nobody_is_lost(twice_marked: tuple[Patient, Nodule, Nodule]) -> None:
    patient, first, second = twice_marked
    merging.merge(nodule=second, into=first, by=factories.member())
    reviews = patient.follow_ups.filter(kind=FollowUpKind.REVIEW, state=FollowUpState.PROPOSED)
    assert covered_by_open_steps(patient) == {"N1"}
    assert reviews.exists()
    assert safety_net.prove()
    assert AuditEvent.objects.get(verb="nodule.merged").facts == {"nodule": "N2", "into": "N1"}


def test_a_merged_nodule_is_not_put_to_the_guidelines_twice(twice_marked: tuple[Patient, Nodule, Nodule]) -> None:
    patient, first, second = twice_marked
    merging.merge(nodule=second, into=first, by=factories.member())
    case = assessments.case_of(patient)
    assert case is not None
    assert [nodule["id"] for nodule in case["nodules"]] == ["N1"]


def test_parting_gives_back_what_was_taken_and_owes_both_a_review(
    twice_marked: tuple[Patient, Nodule, Nodule],
) -> None:
    patient, first, second = twice_marked
    reader = factories.member()
    merging.merge(nodule=second, into=first, by=reader)
    parted = merging.unmerge(nodule=second, by=reader)
    assert (parted.state, parted.merged_into) == (NoduleState.ACTIVE, None)
    assert list(in_force(first)) == [Comparison.objects.get().prior.study.acquired_on]
    assert in_force(second)[factories.CURRENT_ON].lps_mm == (1.0, 0.0, 2.0)
    assert covered_by_open_steps(patient) == {"N1", "N2"}
    assert Run.objects.filter(kind=RunKind.MATCH, state=RunState.QUEUED).exists()  # looked for anew
    assert safety_net.prove()
    with pytest.raises(NoSuchStep):
        merging.unmerge(nodule=second, by=reader)


def test_a_chain_of_merges_is_parted_to_its_end(twice_marked: tuple[Patient, Nodule, Nodule]) -> None:
    patient, first, second = twice_marked
    reader, third = factories.member(), factories.nodule(patient, covered=False)
    patient.follow_ups.get().nodules.add(third)
    merging.merge(nodule=second, into=first, by=reader)
    merging.merge(nodule=first, into=third, by=reader)
    assert factories.CURRENT_ON in in_force(third)
    merging.unmerge(nodule=second, by=reader)
    assert factories.CURRENT_ON not in in_force(third)
    assert covered_by_open_steps(patient) == {"N2", "N3"}
    assert safety_net.prove()


@pytest.mark.parametrize("case", ["itself", "stranger", "not followed"])
def test_what_cannot_be_one_nodule_is_refused(twice_marked: tuple[Patient, Nodule, Nodule], case: str) -> None:
    _, first, second = twice_marked
    reader = factories.member()
    into = {"itself": second, "stranger": factories.nodule(factories.patient()), "not followed": first}[case]
    if case == "not followed":
        nodules.reject(nodule=first, by=reader)
    with pytest.raises(merging.NotToBeJoined):
        merging.merge(nodule=second, into=into, by=reader)
    second.refresh_from_db()
    assert second.state == NoduleState.ACTIVE


def test_the_database_refuses_a_merged_nodule_that_names_none(twice_marked: tuple[Patient, Nodule, Nodule]) -> None:
    _, first, second = twice_marked
    for fields in ({"state": NoduleState.MERGED}, {"merged_into": first}):
        with pytest.raises(IntegrityError, match="merged_nodule_names_the_one_it_is"), transaction.atomic():
            Nodule.objects.filter(pk=second.pk).update(**fields)


def test_a_mark_on_a_merged_nodule_is_the_one_that_is_followed(twice_marked: tuple[Patient, Nodule, Nodule]) -> None:
    patient, first, second = twice_marked
    reader = factories.member()
    merging.merge(nodule=second, into=first, by=reader)
    current = Comparison.objects.get().current
    assert nodules.mark_nodule(scan=current, lps_mm=(1.0, 0.0, 2.0), by=reader) == first
    assert patient.nodules.count() == 2


def test_linking_the_only_finding_of_a_nodule_joins_the_two(twice_marked: tuple[Patient, Nodule, Nodule]) -> None:
    patient, first, second = twice_marked
    reader = factories.member()
    match = Match.objects.get(nodule=first, superseded_at=None)
    joined = matches.relink(match=match, finding=second.findings.get(), by=reader)
    second.refresh_from_db()
    assert (second.state, second.merged_into) == (NoduleState.MERGED, first)
    assert joined.current_finding is not None
    assert joined.current_finding.lps_mm == (1.0, 0.0, 2.0)
    assert covered_by_open_steps(patient) == {"N1"}
    assert merging.unmerge(nodule=second, by=reader).state == NoduleState.ACTIVE
    assert safety_net.prove()


def test_only_a_person_says_resected_or_no_nodule_and_may_take_it_back() -> None:
    patient = factories.followed_patient(nodules=2)
    first, second = patient.nodules.order_by("number")
    reader = factories.member()
    nodules.resect(nodule=first, by=reader)
    nodules.reject(nodule=second, by=reader)
    words = {match.nodule.label: (match.word, match.confirmed_by) for match in Match.objects.all()}
    assert words == {"N1": (ComparisonWord.RESECTED, reader), "N2": (ComparisonWord.NOT_A_NODULE, reader)}
    nodules.reopen(nodule=second, by=reader)
    again = Match.objects.get(nodule=second)
    assert again.word == ""
    assert Run.objects.filter(kind=RunKind.MEASURE, comparison=again.comparison, state=RunState.QUEUED).exists()
