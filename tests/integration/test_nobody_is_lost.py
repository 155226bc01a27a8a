"""The database itself refuses the commit that would lose a patient, and the change of what was recorded once."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from nodules_app.lifecycles import EvidenceKind, FollowUpState, NoduleState
from nodules_app.models import (
    Assessment,
    AuditEvent,
    Closure,
    Evidence,
    FollowUp,
    FollowUpKind,
    Nodule,
    Patient,
    RiskFactors,
    Role,
    User,
)
from nodules_app.selectors.safety_net import Coverage
from nodules_app.services import endings, follow_ups, safety_net, steps
from nodules_app.services.audit import record
from tests import factories


@pytest.fixture
def patient() -> Patient:
    return factories.patient(identifier="SIM-1")


@pytest.fixture
def physician() -> User:
    return factories.member(Role.PHYSICIAN)


def nodule_of(patient: Patient, **fields: object) -> Nodule:
    return Nodule.objects.create(patient=patient, number=1, tracking_uid="2.25.1", **fields)


def owed_nodule(patient: Patient) -> tuple[Nodule, FollowUp]:
    with transaction.atomic():
        nodule = nodule_of(patient)
        step = follow_ups.owe_review(patient=patient, nodule=nodule)
    assert step
    return nodule, step


lost = pytest.raises(DatabaseError, match="neither an open follow-up nor a closure")


@pytest.mark.django_db(transaction=True)
class TestNobodyIsLost:
    def test_an_active_nodule_needs_a_step(self, patient: Patient) -> None:
        with lost:
            nodule_of(patient)

    def test_one_that_is_not_followed_needs_none_until_it_is(self, patient: Patient) -> None:
        nodule = nodule_of(patient, state=NoduleState.NOT_A_NODULE)
        with lost:
            Nodule.objects.filter(pk=nodule.pk).update(state=NoduleState.ACTIVE)

    def test_the_only_step_cannot_just_close(self, patient: Patient) -> None:
        _, step = owed_nodule(patient)
        by = factories.member()
        proof = Evidence.objects.create(
            patient=patient, kind=EvidenceKind.SIGNED, on=date(2026, 1, 1), by=by, signed=True, reason="So it seemed."
        )
        with lost, transaction.atomic():
            steps.end(steps.hold(step), proof, reason="So it seemed.", by=by)

    def test_a_nodule_cannot_be_taken_out_of_its_step(self, patient: Patient) -> None:
        nodule, step = owed_nodule(patient)
        with lost:
            step.nodules.remove(nodule)

    def test_a_step_cannot_be_deleted(self, patient: Patient) -> None:
        step = factories.nodule(patient).follow_ups.get()
        with lost, transaction.atomic():
            step.nodules.clear()
            step.delete()

    def test_a_closure_with_a_reason_is_enough(self, patient: Patient, physician: User) -> None:
        owed_nodule(patient)
        closure = endings.withdraw(patient=patient, reason="Moved abroad.", on=date(2026, 1, 1), by=physician)
        assert safety_net.prove().covered == Coverage(active_nodules=1, by_step=0, by_closure=1)
        with lost:
            Closure.objects.filter(pk=closure.pk).update(ended_at="2026-01-01T00:00Z")

    def test_a_new_nodule_ends_the_closure_and_opens_a_step(self, patient: Patient, physician: User) -> None:
        owed_nodule(patient)
        endings.withdraw(patient=patient, reason="Moved abroad.", on=date(2026, 1, 1), by=physician)
        with transaction.atomic():
            second = Nodule.objects.create(patient=patient, number=2, tracking_uid="2.25.2")
            follow_ups.owe_review(patient=patient, nodule=second)

        assert not Closure.objects.filter(ended_at__isnull=True).exists()
        assert safety_net.prove().covered.by_step == 2

    def test_the_proof_finds_what_slipped_past_the_trigger(self, patient: Patient) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE nodules_app_nodule DISABLE TRIGGER nobody_is_lost_by_nodule")
            nodule_of(patient)
            cursor.execute("ALTER TABLE nodules_app_nodule ENABLE TRIGGER nobody_is_lost_by_nodule")
        with pytest.raises(safety_net.SomebodyIsLost, match=str(patient.code)):
            safety_net.prove()


@pytest.mark.django_db
class TestRecordedOnce:
    def test_an_audit_event_stays_as_it_was_written(self, patient: Patient) -> None:
        event = record("patient.seen", patient, by=None)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            AuditEvent.objects.filter(pk=event.pk).update(verb="nothing.happened")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            event.delete()

    def test_an_answer_and_the_facts_behind_it_stay(self, patient: Patient) -> None:
        facts = RiskFactors.objects.create(patient=patient, facts={"emphysema": True})
        answer = Assessment.objects.create(
            patient=patient,
            exam_on=date(2026, 1, 1),
            guideline="BTS2015",
            edition="2015",
            ruleset_version="R1",
            rule_id="BTS2015.NONE",
            management="bts_discharge",
            inputs={},
            answer={},
        )
        for row in (facts, answer):
            with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
                row.delete()


@pytest.mark.django_db
class TestFollowUpConstraints:
    DAYS = {"due_from": date(2026, 1, 1), "target_on": date(2026, 2, 1), "due_until": date(2026, 3, 1)}

    @pytest.mark.parametrize(
        ("fields", "constraint"),
        [
            ({"state": FollowUpState.CLOSED}, "follow_up_closes_with_a_reason"),
            ({"closing_reason": "none"}, "follow_up_closes_with_a_reason"),
            ({"due_until": date(2025, 1, 1)}, "follow_up_window_is_in_order"),
            ({"state": FollowUpState.BOOKED}, "follow_up_booked_has_a_day"),
            ({"state": "forgotten"}, "follow_up_is_in_a_known_state"),
        ],
    )
    def test_a_step_that_cannot_be(self, patient: Patient, fields: dict[str, object], constraint: str) -> None:
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            FollowUp.objects.create(patient=patient, kind=FollowUpKind.CT, **(self.DAYS | fields))
