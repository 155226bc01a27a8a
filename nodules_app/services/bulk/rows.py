"""What each act does to one patient, what it was before, and how that is put back.

``do`` gives what undoing needs as two JSON values: what was, and what the act left. ``undo`` compares the second with
what is now: where somebody has changed the row since, it raises ``ChangedSince`` by name and touches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from nodules_app.ladder.rungs import Channel
from nodules_app.lifecycles import OPEN_FOLLOW_UP, FollowUpState, ReminderState
from nodules_app.models import (
    FROM_LIST,
    BulkItem,
    BulkKind,
    Claim,
    Decision,
    DecisionTakenBack,
    FollowUp,
    FollowUpChange,
    FollowUpKind,
    Patient,
    Reminder,
    ReminderEvent,
    User,
)
from nodules_app.selectors.clinics import Act, acts_of
from nodules_app.services import decisions, steps, worklists
from nodules_app.services.attempts import FOR_CLINICIANS
from nodules_app.services.audit import record
from nodules_app.services.reminders.moves import held as held_reminder
from registration.errors import Refused, gettext_noop

Facts = dict[str, Any]


class NothingOwed(Refused):
    """The patient has no open step."""

    code = "nothing_owed"
    sentence = gettext_noop("Nothing is owed to this patient.")
    remedy = gettext_noop("Leave this row out.")


class NotHeldByYou(Refused):
    """Only what one holds can be given back."""

    code = "not_held_by_you"
    sentence = gettext_noop("You have not taken this patient.")
    remedy = gettext_noop("Leave this row out.")


class NothingToSign(Refused):
    """The step is not a proposal of the rules that a signature alone accepts."""

    code = "nothing_to_sign"
    sentence = gettext_noop("There is no proposed step that a signature alone would accept.")
    remedy = gettext_noop("Open the patient: a review, or a discharge, asks for more than a signature.")


class MayNotAnswer(Refused):
    """The colleague could not act on this patient."""

    code = "may_not_answer"
    sentence = gettext_noop("{who} has no role that may act on this patient.")
    remedy = gettext_noop("Choose somebody of the same clinic.")


class NothingToPostpone(Refused):
    """No reminder waits and no task of the team is open."""

    code = "nothing_to_postpone"
    sentence = gettext_noop("No message waits and no task of the team is open for this patient.")
    remedy = gettext_noop("Leave this row out.")


class ChangedSince(Refused):
    """Somebody changed the row after the act: what is now is not touched."""

    code = "changed_since"
    sentence = gettext_noop("{who} has changed this since.")
    remedy = gettext_noop("It stays as it is now; open the patient to change it.")


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose beside the rows."""

    owner: User | None = None
    days: int = 0


@dataclass(frozen=True, slots=True)
class Handler:
    """One kind of act: who may, what it does to one held patient, how that is undone."""

    may: Act
    do: Callable[[Patient, Choice, User], tuple[Facts, Facts]]
    undo: Callable[[BulkItem, Patient, User], None] | None  # None: what left the house cannot be called back


def step_of(patient: Patient) -> FollowUp:
    """The step that the row of a worklist shows. Raises ``NothingOwed``."""
    open_steps = FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP).select_related("owner", "patient")
    step = open_steps.order_by("due_until", "pk").first()
    if step is None:
        raise NothingOwed
    return step


def _take(patient: Patient, choice: Choice, by: User) -> tuple[Facts, Facts]:
    now = timezone.now()
    mine = Claim.objects.filter(patient=patient, by=by, until__gt=now).first()
    taken = worklists.claim(patient=patient, by=by, now=now)
    return {"until": mine.until.isoformat() if mine else None}, {"until": taken.until.isoformat()}


def _untake(item: BulkItem, patient: Patient, by: User) -> None:
    claim = Claim.objects.select_for_update().select_related("by").filter(patient=patient).first()
    if claim is None:
        return  # given back, or taken away by time: that is what was
    if claim.by_id != by.pk or claim.until.isoformat() != item.after["until"]:
        raise ChangedSince(who=str(claim.by))
    before = _instant(item.before["until"])
    if before is None:
        worklists.release(patient=patient, by=by)
    else:
        Claim.objects.filter(pk=claim.pk).update(until=before)
        record("patient.claimed", patient, by=by, until=before.isoformat())


def _release(patient: Patient, choice: Choice, by: User) -> tuple[Facts, Facts]:
    claim = Claim.objects.filter(patient=patient, by=by).first()
    if claim is None:
        raise NotHeldByYou
    worklists.release(patient=patient, by=by)
    return {"until": claim.until.isoformat()}, {}


def _unrelease(item: BulkItem, patient: Patient, by: User) -> None:
    claim = Claim.objects.select_related("by").filter(patient=patient, until__gt=timezone.now()).first()
    if claim is not None:
        raise ChangedSince(who=str(claim.by))
    until = _instant(item.before["until"])
    if until is not None and until > timezone.now():
        Claim.objects.update_or_create(patient=patient, defaults={"by": by, "until": until})
        record("patient.claimed", patient, by=by, until=until.isoformat())


def _assign(patient: Patient, choice: Choice, by: User) -> tuple[Facts, Facts]:
    if choice.owner is not None and not acts_of(choice.owner, patient.clinic_id) & {Act.RECORD, Act.DECIDE}:
        raise MayNotAnswer(who=str(choice.owner))
    step = step_of(patient)
    given = steps.assign(follow_up=step, owner=choice.owner, by=by)
    return {"step": step.pk, "owner": step.owner_id}, {"version": given.version}


def _unassign(item: BulkItem, patient: Patient, by: User) -> None:
    step = _unchanged_step(item)
    owner = User.objects.filter(pk=item.before["owner"]).first() if item.before["owner"] else None
    steps.amend(step, "assign", by=by, why=str(owner or ""), owner=owner)


def _accept(patient: Patient, choice: Choice, by: User) -> tuple[Facts, Facts]:
    step = step_of(patient)
    says_who = step.rule_id or step.management == FROM_LIST
    if step.state != FollowUpState.PROPOSED or not says_who or step.kind == FollowUpKind.DISCHARGE:
        raise NothingToSign
    signed = decisions.accept(follow_up=step, by=by, seen=step.version)
    decision = Decision.objects.filter(assessment=signed.assessment, by=by).order_by("-pk").first()
    before = {"step": step.pk, "owner": step.owner_id}
    return before, {"version": signed.version, "decision": decision.pk if decision else None}


def _unaccept(item: BulkItem, patient: Patient, by: User) -> None:
    step = _unchanged_step(item)
    owner = User.objects.filter(pk=item.before["owner"]).first() if item.before["owner"] else None
    steps.move(step, "unsign", by=by, owner=owner)
    if item.after["decision"] is not None:
        DecisionTakenBack.objects.create(decision_id=item.after["decision"], by=by)
    record("decision.taken_back", patient, by=by, follow_up=step.code)


def _postpone(patient: Patient, choice: Choice, by: User) -> tuple[Facts, Facts]:
    """Put off what waits to be sent or answered; what asks a clinician is put off by a clinician only."""
    by_days = timedelta(days=choice.days)
    clinician = Act.DECIDE in acts_of(by, patient.clinic_id)
    waiting = Reminder.objects.filter(
        patient=patient, state__in=[ReminderState.QUEUED, ReminderState.DELIVERED], follow_up__state__in=OPEN_FOLLOW_UP
    ).exclude(channel=Channel.LETTER)  # a letter waits for the printer anyway
    before: Facts = {}
    after: Facts = {}
    for key in waiting.order_by("pk").values_list("pk", flat=True):
        row = held_reminder(key)
        queued, task = row.state == ReminderState.QUEUED, row.state == ReminderState.DELIVERED
        if (task and row.answer_by is None) or (row.recipient in FOR_CLINICIANS and not clinician):
            continue
        field = "not_before" if queued else "answer_by"
        was: datetime = getattr(row, field)
        then = max(was, timezone.now()) + by_days
        _set_time(row, field, then, "postpone", by=by)
        before[str(row.pk)] = {"field": field, "at": was.isoformat()}
        after[str(row.pk)] = {"state": row.state, "at": then.isoformat()}
    if not before:
        raise NothingToPostpone
    record("reminder.postponed", patient, by=by, reminders=len(before), days=choice.days)
    return before, after


def _unpostpone(item: BulkItem, patient: Patient, by: User) -> None:
    rows = [(held_reminder(int(key)), key) for key in sorted(item.before, key=int)]
    for row, key in rows:
        field = item.before[key]["field"]
        if row.state != item.after[key]["state"] or getattr(row, field).isoformat() != item.after[key]["at"]:
            event = ReminderEvent.objects.filter(reminder=row).select_related("by").order_by("-pk").first()
            raise ChangedSince(who=str(event.by) if event and event.by else steps.THE_PRODUCT)
    for row, key in rows:
        was = _instant(item.before[key]["at"])
        _set_time(row, item.before[key]["field"], was, "put_back", by=by)
    record("reminder.put_back", patient, by=by, reminders=len(rows))


def _set_time(row: Reminder, field: str, at: datetime | None, step: str, *, by: User) -> None:
    setattr(row, field, at)
    row.save(update_fields=[field])
    ReminderEvent.objects.create(reminder=row, by=by, step=step, from_state=row.state, to_state=row.state)


def _letters(patient: Patient, choice: Choice, by: User) -> tuple[Facts, Facts]:
    """Only look whether a letter waits: the batch is printed once for all rows, see ``bulk.acts``."""
    if not letters_waiting(patient):
        raise NoLetter
    return {}, {}


class NoLetter(Refused):
    """No letter waits for this patient."""

    code = "no_letter"
    sentence = gettext_noop("No letter about this patient waits to be printed.")
    remedy = gettext_noop("Leave this row out.")


def letters_waiting(patient: Patient) -> bool:
    waiting = Reminder.objects.filter(patient=patient, channel=Channel.LETTER, state=ReminderState.QUEUED)
    return waiting.exists()


def _unchanged_step(item: BulkItem) -> FollowUp:
    """The step, held, if nobody changed it since. Raises ``ChangedSince``."""
    step = FollowUp.objects.get(pk=item.before["step"])
    held = steps.hold(step)
    if held.version != item.after["version"]:
        change = FollowUpChange.objects.filter(follow_up=held).select_related("by").order_by("-version").first()
        raise ChangedSince(who=str(change.by) if change and change.by else steps.THE_PRODUCT)
    return held


def _instant(told: str | None) -> datetime | None:
    return parse_datetime(told) if told else None


HANDLERS: Final[Mapping[BulkKind, Handler]] = {
    BulkKind.TAKE: Handler(Act.RECORD, _take, _untake),
    BulkKind.RELEASE: Handler(Act.RECORD, _release, _unrelease),
    BulkKind.ASSIGN: Handler(Act.RECORD, _assign, _unassign),
    BulkKind.ACCEPT: Handler(Act.DECIDE, _accept, _unaccept),
    BulkKind.POSTPONE: Handler(Act.RECORD, _postpone, _unpostpone),
    BulkKind.LETTERS: Handler(Act.RECORD, _letters, None),
}
