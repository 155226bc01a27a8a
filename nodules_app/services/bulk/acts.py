"""Doing one act to many patients, or to none of them, and undoing it while it is fresh."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import NoSuchStep
from nodules_app.models import BulkAct, BulkItem, BulkKind, LetterBatch, Patient, User
from nodules_app.selectors.clinics import acts_of
from nodules_app.services import steps
from nodules_app.services.audit import record
from nodules_app.services.bulk.rows import HANDLERS, Choice
from nodules_app.services.reminders import acts as reminder_acts
from registration.errors import Refused, gettext_noop

MOST_ROWS: Final = 100
MOST_DAYS: Final = 14  # a reminder that is put off for longer should be a step that is deferred, with a reason
UNDO_WITHIN: Final = timedelta(minutes=10)


Refusal = tuple[Patient, Refused | NoSuchStep]  # a row, and why it says no


class NotForAll(Exception):
    """At least one row refused, so nothing was done; each refusal stands beside its patient."""

    def __init__(self, refused: Sequence[Refusal]) -> None:
        self.refused = tuple(refused)
        super().__init__(f"{len(self.refused)} rows refused")


class NoRows(Refused):
    """Nobody is chosen, or more than the page can show."""

    code = "no_rows"
    sentence = gettext_noop("Choose 1 to {most} patients.")
    remedy = gettext_noop("Tick the rows first.")


class SeveralClinics(Refused):
    """Letters are printed with one clinic's address."""

    code = "several_clinics"
    sentence = gettext_noop("The chosen patients belong to several clinics.")
    remedy = gettext_noop("Print the letters of one clinic at a time.")


class TooLateToUndo(Refused):
    """The minutes are over, or it was undone already."""

    code = "too_late_to_undo"
    sentence = gettext_noop("This can be undone for {minutes} minutes only, and once.")
    remedy = gettext_noop("Open each patient to change it.")


@dataclass(frozen=True, slots=True)
class Undone:
    """How many rows are as they were, and which were left because somebody changed them since."""

    put_back: int
    left: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """The recorded act; ``letters`` is the batch that was printed, if it was that."""

    act: BulkAct
    letters: LetterBatch | None = None


def refusals(*, kind: BulkKind, patients: Sequence[Patient], choice: Choice, by: User) -> tuple[Refusal, ...]:
    """Say what would refuse, row by row, without leaving anything behind: the act is tried and rolled back."""
    with transaction.atomic():
        _, refused = _try(kind, patients, choice, by)
        transaction.set_rollback(True)
    return tuple(refused)


@transaction.atomic
def do(*, kind: BulkKind, patients: Sequence[Patient], choice: Choice, by: User) -> Done:
    """Do it to every patient.

    Raises
    ------
    NotForAll
        Some row refused: then nothing is done to any.
    NoRows, SeveralClinics
    """
    if not 0 < len(patients) <= MOST_ROWS:
        raise NoRows(most=MOST_ROWS)
    clinics = {patient.clinic_id for patient in patients}
    if kind == BulkKind.LETTERS and len(clinics) > 1:
        raise SeveralClinics
    done, refused = _try(kind, patients, choice, by)
    if refused:
        raise NotForAll(refused)
    act = BulkAct.objects.create(kind=kind, by=by)
    BulkItem.objects.bulk_create(
        BulkItem(act=act, patient=patient, before=before, after=after) for patient, before, after in done
    )
    record(f"bulk.{kind}", None, by=by, act=act.code, patients=len(done))
    if kind != BulkKind.LETTERS:
        return Done(act)
    chosen = [patient.pk for patient in patients]
    return Done(act, reminder_acts.print_letters(clinic=patients[0].clinic, by=by, now=timezone.now(), of=chosen))


Row = tuple[Patient, dict[str, object], dict[str, object]]


def _try(kind: BulkKind, patients: Sequence[Patient], choice: Choice, by: User) -> tuple[list[Row], list[Refusal]]:
    handler = HANDLERS[kind]
    done: list[Row] = []
    refused: list[Refusal] = []
    for patient in sorted(patients, key=lambda one: one.pk):  # one order for all, or two acts wait for each other
        if handler.may not in acts_of(by, patient.clinic_id):
            raise PermissionDenied(f"no role allows to {handler.may} there")
        try:
            with transaction.atomic():
                held = steps.hold_patient(patient)
                done.append((patient, *handler.do(held, choice, by)))
        except (Refused, NoSuchStep) as refusal:
            refused.append((patient, refusal))
    return done, refused


@transaction.atomic
def undo(*, act: BulkAct, by: User, now: datetime | None = None) -> Undone:
    """Put each row back to exactly what it was, by new changes; rows that somebody changed since are left and named.

    Raises
    ------
    TooLateToUndo
    """
    held = BulkAct.objects.select_for_update().get(pk=act.pk)
    undo_row = HANDLERS[BulkKind(held.kind)].undo
    if undo_row is None or not can_undo(held, by=by, now=now):
        raise TooLateToUndo(minutes=UNDO_WITHIN.seconds // 60)
    at = now or timezone.now()
    left: list[Refusal] = []
    put_back = 0
    for item in held.items.select_related("patient").order_by("patient_id"):
        try:
            with transaction.atomic():
                undo_row(item, steps.hold_patient(item.patient_id), by)
                item.undone_at = at
                item.save(update_fields=["undone_at"])
                put_back += 1
        except (Refused, NoSuchStep) as refusal:
            left.append((item.patient, refusal))
    held.undone_at = at
    held.save(update_fields=["undone_at"])
    record(f"bulk.{held.kind}.undone", None, by=by, act=held.code, patients=put_back, left=len(left))
    return Undone(put_back, tuple(left))


def can_undo(act: BulkAct, *, by: User, now: datetime | None = None) -> bool:
    """Whether this person may undo it now: their own act, once, within some minutes, unless it left the house."""
    fresh = act.created_at + UNDO_WITHIN > (now or timezone.now())
    return act.by_id == by.pk and act.undone_at is None and fresh and HANDLERS[BulkKind(act.kind)].undo is not None


def latest(by: User, *, now: datetime | None = None) -> BulkAct | None:
    """The last act of this person that can still be undone."""
    since = (now or timezone.now()) - UNDO_WITHIN
    act = BulkAct.objects.filter(by=by, created_at__gt=since).order_by("-pk").first()
    return act if act is not None and can_undo(act, by=by, now=now) else None
