"""Two records that are one person: joined, parted, told apart, with everything that hangs on them, also two at once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from nodules_app.lifecycles import FollowUpState, NoduleState, ReadingState, ReminderState
from nodules_app.models import (
    AuditEvent,
    Closure,
    ContactKind,
    ContactOf,
    FollowUp,
    FollowUpKind,
    Nodule,
    Patient,
    PatientMerge,
    Reading,
    Reminder,
    Role,
    Run,
    RunKind,
    Scan,
    User,
)
from nodules_app.selectors import identity as selectors
from nodules_app.selectors.safety_net import uncovered_nodules
from nodules_app.services import contacts, decisions, endings, identity, joining, merging, nodules
from nodules_app.services.reminders.sweep import sweep
from tests import factories
from tests.integration.reminding import NOON
from tests.integration.test_two_at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)

WHY = "Same person: identity card seen."


@pytest.fixture
def by() -> User:
    return factories.member(Role.PHYSICIAN)


@pytest.fixture
def gone() -> Patient:
    return factories.followed_patient(nodules=2, name="Zhang^San", identifier="OLD-1")


@pytest.fixture
def kept() -> Patient:
    return factories.followed_patient(nodules=1, name="张^三", sounds="zhang san zhangsan zs", identifier="NEW-1")


def joined(gone: Patient, kept: Patient, by: User) -> PatientMerge:
    return joining.join(gone=gone, kept=kept, reason=WHY, by=by)


def test_a_chain_of_merges_is_undone_from_its_end(gone: Patient, kept: Patient, by: User) -> None:
    first = joined(gone, kept, by)
    third = factories.followed_patient()
    second = joined(kept, third, by)
    assert selectors.followed_as(gone) == third
    with pytest.raises(identity.OneRecord):
        joining.part(merge=first, reason="Two cards.", by=by)
    joining.part(merge=second, reason="Two cards.", by=by)
    joining.part(merge=first, reason="Two cards.", by=by)
    assert [one.nodules.count() for one in (gone, kept, third)] == [2, 1, 1]
    is_sound()


def strangers() -> list[tuple[object, ...]]:
    """What a wrong move leaves: a finding on another person's exam, an open step over another person's nodule."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 'finding', f.id FROM nodules_app_finding f JOIN nodules_app_nodule n ON n.id = f.nodule_id"
            " JOIN nodules_app_scan c ON c.id = f.scan_id JOIN nodules_app_study s ON s.id = c.study_id"
            " WHERE f.superseded_at IS NULL AND s.patient_id <> n.patient_id"
            " UNION ALL SELECT 'cover', fn.id FROM nodules_app_followup_nodules fn"
            " JOIN nodules_app_followup f ON f.id = fn.followup_id JOIN nodules_app_nodule n ON n.id = fn.nodule_id"
            " WHERE f.closed_at IS NULL AND f.patient_id <> n.patient_id"
            " UNION ALL SELECT 'pair', c.id FROM nodules_app_comparison c"
            " JOIN nodules_app_scan a ON a.id = c.prior_id JOIN nodules_app_study s ON s.id = a.study_id"
            " JOIN nodules_app_scan b ON b.id = c.current_id JOIN nodules_app_study t ON t.id = b.study_id"
            " WHERE a.superseded_at IS NULL AND b.superseded_at IS NULL AND s.patient_id <> t.patient_id"
        )
        return list(cursor.fetchall())


def is_sound() -> None:
    assert not uncovered_nodules()
    assert strangers() == []


def test_everything_that_hangs_on_a_record_moves(gone: Patient, kept: Patient, by: User) -> None:
    contacts.add_contact(patient=gone, of=ContactOf.PATIENT, kind=ContactKind.POST, value="Home 1", by=by)
    audited = AuditEvent.objects.filter(patient=gone).count()
    counts = {name: model.objects.filter(patient__in=[gone, kept]).count() for name, model in moving().items()}
    merge = joined(gone, kept, by)
    for name, model in moving().items():
        left = model.objects.filter(patient=gone)
        if name == "run":
            left = left.exclude(kind__in=[RunKind.ASSESS, RunKind.PLAN])
        assert not left.exists(), name
        assert model.objects.filter(patient=kept).count() >= counts[name] - (name == "run"), name
    assert AuditEvent.objects.filter(patient=gone).count() == audited + 1
    assert selectors.followed_as(gone) == kept
    assert merge.moved["keys"]["contactpoint"]
    is_sound()


def moving() -> dict[str, Any]:
    return {name: model for name, model in joining.tables().items() if name != "contactpreference"}


def test_every_table_of_a_patient_moves_or_is_named_as_staying() -> None:
    """A new table decides itself for moving; this list makes its author look."""
    assert set(joining.tables()) == {
        "study",
        "assessment",
        "evidence",
        "clinicaldocument",
        "closure",
        "comparison",
        "contactattempt",
        "contactpoint",
        "contactpreference",
        "correction",
        "followup",
        "listentry",
        "mdtcase",
        "nodule",
        "reading",
        "reminder",
        "riskfactors",
        "run",
        "transfer",
    }


def test_of_two_next_steps_one_stays_and_a_reader_looks_at_all(gone: Patient, kept: Patient, by: User) -> None:
    sooner = gone.follow_ups.get(kind=FollowUpKind.CT)
    FollowUp.objects.filter(pk=sooner.pk).update(due_until=date(2027, 7, 1))
    joined(gone, kept, by)
    (open_ct,) = kept.follow_ups.filter(kind=FollowUpKind.CT, closed_at=None)
    assert open_ct.pk == sooner.pk
    assert open_ct.nodules.count() == 3
    review = kept.follow_ups.get(kind=FollowUpKind.REVIEW, closed_at=None)
    assert set(review.nodules.all()) == set(kept.nodules.all())
    ended = kept.follow_ups.get(kind=FollowUpKind.CT, state=FollowUpState.SUPERSEDED)
    assert ended.evidence
    assert ended.evidence.newer == open_ct
    assert Run.objects.filter(patient=kept, kind=RunKind.ASSESS, state="queued").exists()


def test_numbers_of_nodules_stay_apart(gone: Patient, kept: Patient, by: User) -> None:
    joined(gone, kept, by)
    assert sorted(kept.nodules.values_list("number", flat=True)) == [1, 2, 3]


def test_exams_of_both_are_compared_with_each_other(gone: Patient, kept: Patient, by: User) -> None:
    factories.scan(gone, factories.CURRENT_ON + timedelta(days=90))
    joined(gone, kept, by)
    asked = Run.objects.filter(kind=RunKind.REGISTER, patient=kept).select_related("comparison__prior__study")
    assert asked.exists()
    assert {run.comparison.patient_id for run in asked if run.comparison} == {kept.pk}


@pytest.mark.parametrize("whose_is_sooner", ["gone", "kept"])
def test_parting_gives_back_what_ended_by_nothing_of_the_other(
    gone: Patient, kept: Patient, by: User, whose_is_sooner: str
) -> None:
    """The step that gave way to a step of the other record stays with it; both are owed a review."""
    sooner = {"gone": gone, "kept": kept}[whose_is_sooner].follow_ups.get(kind=FollowUpKind.CT)
    FollowUp.objects.filter(pk=sooner.pk).update(due_until=date(2027, 7, 1))
    given_up = {"gone": kept, "kept": gone}[whose_is_sooner].follow_ups.get(kind=FollowUpKind.CT)
    joining.part(merge=joined(gone, kept, by), reason="Two cards after all.", by=by)
    given_up.refresh_from_db()
    assert given_up.state == FollowUpState.SUPERSEDED
    assert given_up.patient == kept
    assert given_up.evidence is not None
    assert given_up.evidence.patient == kept
    assert not given_up.nodules.exclude(patient=kept).exists()
    for one in (gone, kept):
        assert one.follow_ups.filter(kind=FollowUpKind.REVIEW, closed_at=None).exists()
    assert not uncovered_nodules()


def test_a_merge_can_be_undone_whole(gone: Patient, kept: Patient, by: User) -> None:
    before = {one.pk: owned(one) for one in (gone, kept)}
    merge = joined(gone, kept, by)
    joining.part(merge=merge, reason="Two cards after all.", by=by)
    after = {one.pk: owned(one) for one in (gone, kept)}
    assert after == before
    assert selectors.followed_as(gone) == gone
    for one in (gone, kept):
        assert one.follow_ups.filter(kind=FollowUpKind.REVIEW, closed_at=None).count() == 1
    is_sound()
    with pytest.raises(joining.NotJoined):
        joining.part(merge=merge, reason="Again.", by=by)


def owned(patient: Patient) -> dict[str, object]:
    return {
        "studies": sorted(patient.studies.values_list("pk", flat=True)),
        "nodules": sorted(patient.nodules.values_list("pk", "number")),
        "assessments": sorted(patient.assessments.values_list("pk", flat=True)),
        "ct": sorted(patient.follow_ups.filter(kind=FollowUpKind.CT).values_list("pk", flat=True)),
    }


def test_undone_after_work_was_done_on_both_together(gone: Patient, kept: Patient, by: User) -> None:
    """A nodule marked since on an exam that goes back, one seen on both, two taken for one: each where it is seen."""
    merge = joined(gone, kept, by)
    theirs = Scan.objects.filter(study_id__in=merge.moved["keys"]["study"]).order_by("-study__acquired_on").first()
    ours = Scan.objects.filter(study__patient=kept).exclude(study_id__in=merge.moved["keys"]["study"]).last()
    assert theirs
    assert ours
    marked = nodules.mark_nodule(scan=theirs, lps_mm=(30.0, 30.0, 30.0), by=by)
    shared = nodules.mark_nodule(scan=ours, lps_mm=(-30.0, 30.0, 30.0), by=by)
    with transaction.atomic():
        factories.finding(shared, theirs, (-30.0, 30.0, 30.0))
    own, other = kept.nodules.order_by("number")[:2]
    merging.merge(nodule=other, into=own, by=by)
    joining.part(merge=merge, reason="Two cards after all.", by=by)
    is_sound()
    assert Nodule.objects.get(pk=marked.pk).patient == gone
    assert Nodule.objects.get(pk=shared.pk).patient == kept
    assert Nodule.objects.get(pk=other.pk).state == NoduleState.ACTIVE
    assert gone.nodules.filter(state=NoduleState.ACTIVE).count() == 4  # two, the marked one, the place of the shared


def test_death_of_one_record_is_the_death_of_the_person(gone: Patient, kept: Patient, by: User) -> None:
    endings.record_death(patient=gone, on=timezone.localdate(), source="Registry", confirmed=True, by=by)
    joined(gone, kept, by)
    assert not kept.follow_ups.filter(closed_at=None).exists()
    assert Closure.objects.get(patient=kept, ended_at=None, evidence__kind="deceased")
    is_sound()


def test_one_who_was_discharged_is_followed_for_what_the_other_record_owes(
    gone: Patient, kept: Patient, by: User
) -> None:
    endings.decline(patient=kept, reason=WHY, explained=WHY, letter_on=timezone.localdate(), by=by)
    joined(gone, kept, by)
    assert not Closure.objects.filter(patient=kept, ended_at=None).exists()
    review = kept.follow_ups.get(kind=FollowUpKind.REVIEW, closed_at=None)
    assert review.nodules.count() == 3
    is_sound()


def test_care_that_ended_for_both_has_ended(gone: Patient, kept: Patient, by: User) -> None:
    for one in (gone, kept):
        endings.withdraw(patient=one, reason=WHY, on=timezone.localdate(), by=by)
    joined(gone, kept, by)
    assert Closure.objects.filter(patient=kept, ended_at=None).count() == 1
    assert not kept.follow_ups.filter(closed_at=None).exists()
    is_sound()


def test_messages_of_the_step_that_gave_way_are_not_sent(gone: Patient, kept: Patient, by: User) -> None:
    for one in (gone, kept):
        contacts.add_contact(
            patient=one, of=ContactOf.PATIENT, kind=ContactKind.EMAIL, value="p@home.example", consented=True, by=by
        )
        day = NOON.date() + timedelta(days=3)
        one.follow_ups.filter(kind=FollowUpKind.CT).update(due_from=day, target_on=day, due_until=day)
        decisions.accept(follow_up=one.follow_ups.get(kind=FollowUpKind.CT), by=by)
    sweep(now=NOON)
    assert Reminder.objects.filter(patient__in=[gone, kept]).count() >= 2
    joined(gone, kept, by)
    waiting = Reminder.objects.filter(state__in=[ReminderState.QUEUED, ReminderState.DELIVERED])
    open_step = kept.follow_ups.get(kind=FollowUpKind.CT, closed_at=None)
    assert set(waiting.values_list("follow_up", "patient")) <= {(open_step.pk, kept.pk)}


def test_what_cannot_be_joined_says_so(gone: Patient, kept: Patient, by: User) -> None:
    with pytest.raises(identity.OneRecord):
        joined(kept, kept, by)
    elsewhere = factories.patient(clinic=factories.clinic(name="South"))
    with pytest.raises(identity.TwoClinics, match="South"):
        joined(elsewhere, kept, by)
    joined(gone, kept, by)
    third = factories.followed_patient()
    with pytest.raises(identity.OneRecord):
        joined(gone, third, by)
    with pytest.raises(identity.OneRecord):
        joined(third, gone, by)


def test_two_readings_that_were_begun_must_be_finished_first(gone: Patient, kept: Patient, by: User) -> None:
    for one, state in ((gone, ReadingState.DRAFT), (kept, ReadingState.AWAITING)):
        scan = Scan.objects.filter(study__patient=one).order_by("-pk")[0]
        began = {"reader": by, "began_at": timezone.now()} if state == ReadingState.DRAFT else {}
        Reading.objects.create(patient=one, scan=scan, state=state, **began)
    Reading.objects.filter(patient=kept).update(state=ReadingState.DRAFT, reader=by, began_at=timezone.now())
    with pytest.raises(joining.OpenAtBoth):
        joined(gone, kept, by)
    Reading.objects.filter(patient=kept).update(state=ReadingState.AWAITING)
    joined(gone, kept, by)
    assert kept.readings.filter(state=ReadingState.DRAFT).count() == 1
    assert kept.readings.filter(state=ReadingState.COVERED).count() == 1


def test_a_record_that_was_joined_takes_nothing_new(gone: Patient, kept: Patient, by: User) -> None:
    joined(gone, kept, by)
    with pytest.raises(IntegrityError, match="joined with another one"):
        factories.scan(gone)
    with pytest.raises(IntegrityError, match="joined with another one"):
        endings.withdraw(patient=gone, reason=WHY, on=timezone.localdate(), by=by)


def test_what_is_recorded_once_changes_its_patient_by_a_merge_only(gone: Patient, kept: Patient, by: User) -> None:
    row = gone.assessments.first()
    assert row
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        type(row).objects.filter(pk=row.pk).update(patient=kept)
    merge = joined(gone, kept, by)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('nodules.joining', %s, true)", [str(merge.code)])
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            type(row).objects.filter(pk=row.pk).update(patient=gone, rule_id="another")


def test_a_writer_who_holds_the_record_that_goes_is_not_overlooked(gone: Patient, kept: Patient, by: User) -> None:
    """Whoever comes first, no nodule is left under the record that is gone."""
    scan = Scan.objects.filter(study__patient=gone).select_related("study__patient").order_by("-pk").first()
    assert scan
    place = (25.0, 25.0, 25.0)
    at_once(
        lambda: joined(gone, kept, by),
        lambda: nodules.mark_nodule(scan=scan, lps_mm=place, by=by),
        lambda: endings.withdraw(patient=gone, reason=WHY, on=timezone.localdate(), by=by),
    )
    assert PatientMerge.objects.count() == 1
    merge = PatientMerge.objects.get()
    assert not merge.gone.nodules.exists()
    assert not merge.gone.follow_ups.filter(closed_at=None).exists()
    is_sound()


def test_two_persons_are_not_proposed_again(gone: Patient, kept: Patient, by: User) -> None:
    (pair,) = selectors.near_duplicates(by)
    assert {pair.one, pair.other} == {gone, kept}
    identity.tell_apart(one=gone, other=kept, by=by)
    identity.tell_apart(one=kept, other=gone, by=by)
    assert selectors.near_duplicates(by) == []
    assert AuditEvent.objects.filter(verb="patient.told_apart").count() == 2


@pytest.mark.parametrize(
    ("name", "born", "number", "proposed"),
    [
        ("ZHANG SAN", date(1958, 3, 14), "X", True),
        ("Zhang^San", date(1958, 3, 15), "X", True),  # a slip in the day
        ("Zhang^San", date(1990, 1, 1), "X", False),
        ("Miller^Jane", date(1958, 3, 14), "X", False),
        ("Zhang^San", None, "OLD-1", True),
        ("Miller^Jane", None, "OLD-1", False),
    ],
)
def test_near_duplicates(gone: Patient, by: User, name: str, born: date | None, number: str, proposed: bool) -> None:
    other = factories.patient(name=name, birth_date=born, identifier=number, issuer="ELSEWHERE")
    found = [{pair.one, pair.other} for pair in selectors.near_duplicates(by)]
    assert ({gone, other} in found) == proposed


def test_records_of_another_clinic_are_not_proposed(gone: Patient, by: User) -> None:
    factories.patient(name=gone.name, identifier="OTHER", clinic=factories.clinic(name="South"))
    assert selectors.near_duplicates(by) == []
