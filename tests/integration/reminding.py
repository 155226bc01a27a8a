"""A step that is owed, and what tests ask of its reminders. Monday noon is the moment at which they happen."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction

from nodules_app.ladder.rungs import Channel
from nodules_app.lifecycles import FollowUpState
from nodules_app.models import Clinic, ContactPoint, Evidence, FollowUp, FollowUpKind, Reminder, User
from nodules_app.services import steps
from nodules_app.services.reminders.sweep import sweep
from tests import factories

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TODAY = NOON.date()


def owed(days: int = 3, *, kind: str = "email", began: date = TODAY, **fields: object) -> FollowUp:
    """A signed CT, due in some days, of a patient who can be reached in one way."""
    clinic = factories.clinic()
    Clinic.objects.filter(pk=clinic.pk).update(reply_phone="555 0100", reply_email="desk@clinic.example")
    patient = factories.patient(clinic=Clinic.objects.get(pk=clinic.pk))
    if kind:
        ContactPoint.objects.create(
            patient=patient, kind=kind, value="patient@home.example" if kind == "email" else "555 0142", consented=True
        )
    target = TODAY + timedelta(days=days)
    ordinary = {
        "kind": FollowUpKind.CT,
        "state": FollowUpState.PLANNED,
        "due_from": target,
        "target_on": target,
        "due_until": target + timedelta(days=14),
    }
    step = factories.follow_up(patient, **(ordinary | fields))
    FollowUp.objects.filter(pk=step.pk).update(created_at=datetime.combine(began, time(6), UTC))
    return FollowUp.objects.get(pk=step.pk)


def written(now: datetime = NOON) -> list[Reminder]:
    sweep(now=now)
    return list(Reminder.objects.order_by("pk"))


def message(step: FollowUp) -> Reminder:
    """The one message of a step that waits to be sent."""
    sweep(now=NOON)
    return step.reminders.exclude(channel=Channel.TASK).get()


def event_steps(reminder: Reminder) -> list[str]:
    return list(reminder.events.order_by("pk").values_list("step", flat=True))


def end_step(step: FollowUp, by: User) -> None:
    """A clinician signs that the step is not needed."""
    with transaction.atomic():
        held = steps.hold(step)
        proof = Evidence.objects.create(
            patient=held.patient, kind="signed", on=TODAY, by=by, signed=True, reason="Not indicated any more"
        )
        steps.end(held, proof, reason="Not indicated any more", by=by)


def end_exam(step: FollowUp) -> None:
    """The patient came."""
    with transaction.atomic():
        steps.move(steps.hold(step), "perform", by=None, exam=factories.scan(step.patient, TODAY).study)
