"""The one place where a step begins, changes and ends: each change by the table, with its record, in one transaction.

What every change leaves is a ``FollowUpChange`` (who, when, from, to, why); the audit trail names the change only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import (
    END_STEP,
    ENDED_BY,
    FOLLOW_UP,
    OPEN_FOLLOW_UP,
    EvidenceKind,
    FollowUpState,
    NoSuchStep,
    after,
)
from nodules_app.models import Evidence, FollowUp, FollowUpChange, Nodule, Patient, User
from nodules_app.services import slots
from nodules_app.services.audit import record, record_all
from registration.errors import Refused, gettext_noop

AT_ONCE: Final = 1000  # rows of one statement
THE_PRODUCT: Final = gettext_noop("The product")  # an exam came in, or the guidelines answered anew


class ChangedMeanwhile(Refused):
    """Somebody changed the step after the page was drawn; what was typed is kept and shown again."""

    code = "changed_meanwhile"
    sentence = gettext_noop("{who} changed this step while you had it open.")
    remedy = gettext_noop("Nothing of yours is lost: look at what changed, and send it again if it still holds.")


def hold_patient(patient: Patient | int) -> Patient:
    """Lock the patient: what every act does first, or a signature and a new plan wait for each other."""
    key = patient.pk if isinstance(patient, Patient) else patient
    return Patient.objects.select_for_update().select_related("clinic").get(pk=key)


def hold(follow_up: FollowUp, *, seen: int | None = None) -> FollowUp:
    """Lock the patient, then the step as it is now.

    Parameters
    ----------
    seen
        The version that the page showed; None when no page was shown.

    Raises
    ------
    ChangedMeanwhile
        The step is not any more what the page showed.
    """
    hold_patient(follow_up.patient_id)
    step = FollowUp.objects.select_for_update(of=("self",)).select_related("patient__clinic", "assessment", "exam")
    held = step.get(pk=follow_up.pk)
    if seen is not None and held.version != seen:
        change = FollowUpChange.objects.filter(follow_up=held).select_related("by").order_by("-version").first()
        raise ChangedMeanwhile(who=str(change.by) if change and change.by else THE_PRODUCT)
    return held


def open_of(patient: Patient) -> list[FollowUp]:
    """The open steps of a patient, locked, the earliest deadline first."""
    steps = FollowUp.objects.select_for_update(of=("self",)).filter(patient=patient, state__in=OPEN_FOLLOW_UP)
    return list(steps.select_related("patient__clinic", "assessment", "exam").order_by("due_until", "pk"))


def begin(step: FollowUp, *, nodules: Iterable[Nodule], by: User | None, why: str = "") -> FollowUp:
    """Store a new step with the nodules that it covers, and write down why it began."""
    step.save(force_insert=True)
    step.nodules.set(nodules)
    name = "propose" if step.state == FollowUpState.PROPOSED else "plan"
    FollowUpChange.objects.create(
        follow_up=step, version=step.version, by=by, step=name, to_state=step.state, why=why, facts=_days(step)
    )
    record(f"follow_up.{name}", step.patient, by=by, follow_up=step.code, rule=step.rule_id)
    return step


def begin_all(begun: Sequence[tuple[FollowUp, Sequence[Nodule]]], *, by: User | None, why: str = "") -> None:
    """Store many new steps as ``begin`` stores one, in five statements however many there are."""
    FollowUp.objects.bulk_create([step for step, _ in begun], batch_size=AT_ONCE)
    covers = FollowUp.nodules.through
    covers._default_manager.bulk_create(  # noqa: SLF001 Django's own name
        [covers(followup=step, nodule=nodule) for step, nodules in begun for nodule in nodules], batch_size=AT_ONCE
    )
    names = [("propose" if step.state == FollowUpState.PROPOSED else "plan", step) for step, _ in begun]
    FollowUpChange.objects.bulk_create(
        [
            FollowUpChange(
                follow_up=step,
                version=step.version,
                by=by,
                step=name,
                to_state=step.state,
                why=why,
                facts=_days(step),
            )
            for name, step in names
        ],
        batch_size=AT_ONCE,
    )
    record_all(
        [(f"follow_up.{name}", step.patient, {"follow_up": step.code, "rule": step.rule_id}) for name, step in names],
        by=by,
    )


def move(step: FollowUp, name: str, *, by: User | None, why: str = "", **fields: object) -> FollowUp:
    """Take a held step to the state that the table names. Raises ``NoSuchStep`` where it names none."""
    state = after(FOLLOW_UP, FollowUpState(step.state), name)
    return _write(step, name, state, by=by, why=why, fields=fields)


def amend(step: FollowUp, name: str, *, by: User | None, why: str = "", **fields: object) -> FollowUp:
    """Change the owner or the window of an open, held step without moving it. Raises ``NoSuchStep`` when it ended."""
    if step.state not in OPEN_FOLLOW_UP:
        raise NoSuchStep(FollowUpState(step.state), name)
    return _write(step, name, FollowUpState(step.state), by=by, why=why, fields=fields)


def end(step: FollowUp, evidence: Evidence, *, reason: str, by: User | None) -> FollowUp:
    """End a held step by evidence; how it ended follows from the kind of evidence alone."""
    state = ENDED_BY[EvidenceKind(evidence.kind)]
    told = {"evidence": evidence, "closing_reason": reason[:200], "closed_at": timezone.now()}
    return move(step, END_STEP[state], by=by, why=reason, **told)


@transaction.atomic
def assign(*, follow_up: FollowUp, owner: User | None, by: User, seen: int | None = None) -> FollowUp:
    """Give a step to somebody who answers for it, or to nobody."""
    return amend(hold(follow_up, seen=seen), "assign", by=by, why=str(owner or ""), owner=owner)


def _write(
    step: FollowUp,
    name: str,
    state: FollowUpState,
    *,
    by: User | None,
    why: str,
    fields: Mapping[str, object],
) -> FollowUp:
    before, step.state = step.state, state
    step.version += 1
    for field, value in fields.items():
        setattr(step, field, value)
    step.save(update_fields=["state", "version", *fields])
    FollowUpChange.objects.create(
        follow_up=step,
        version=step.version,
        by=by,
        step=name,
        from_state=before,
        to_state=state,
        why=why[:2000],
        facts=_days(step),
    )
    slots.release(step, because=why)
    record(f"follow_up.{name}", step.patient, by=by, follow_up=step.code, state=state)
    return step


def _days(step: FollowUp) -> dict[str, str]:
    days = {"due_from": step.due_from, "due_until": step.due_until, "booked_on": step.booked_on}
    return {name: day.isoformat() for name, day in days.items() if day is not None}
