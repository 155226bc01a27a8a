"""What the conference decides: typed while people talk, read back, confirmed; then it is the patient's plan.

The outcome signs the next step in the patient's pathway with the reason "the conference decided so". Whoever owns the
first action owns that step, and it ends as every step does: by evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import MdtCaseState
from nodules_app.models import (
    FollowUp,
    FollowUpKind,
    MdtAction,
    MdtAddendum,
    MdtCase,
    MdtMeeting,
    MdtOutcome,
    OutcomeKind,
    OverrideReason,
    User,
)
from nodules_app.services import decisions, endings, policy, steps
from nodules_app.services.audit import record
from nodules_app.services.mdt import cases
from registration.errors import Refused, gettext_noop

CONFERENCE: Final = "conference_"  # before the kind of outcome, in place of a management code of the guidelines
WINDOW_SHARE: Final = 10  # a CT may lie a tenth of its interval before or after the day that was agreed
WINDOW_DAYS: Final = (7, 30)  # but not less, and not more
DECIDED: Final = gettext_noop("Decided by the conference.")


class NothingToConfirm(Refused):
    """No outcome was written down."""

    code = "mdt_nothing_to_confirm"
    sentence = gettext_noop("No outcome is written down for this case.")
    remedy = gettext_noop("Choose an outcome first.")


class ActionMissing(Refused):
    """An outcome that somebody must act on names nobody."""

    code = "mdt_action_missing"
    sentence = gettext_noop("This outcome needs somebody who acts on it, and a day.")
    remedy = gettext_noop("Write down at least one action with who and by when.")


class ActionInThePast(Refused):
    """What is to be done lies behind us."""

    code = "mdt_action_in_the_past"
    sentence = gettext_noop("{day} has passed.")
    remedy = gettext_noop("Give a day from today on.")


@dataclass(frozen=True, slots=True)
class Task:
    """One line of the form: what, who, by when."""

    what: str
    owner: User
    due_on: date


@transaction.atomic
def draft(
    *,
    case: MdtCase,
    kind: OutcomeKind,
    by: User,
    tasks: Sequence[Task] = (),
    ct_on: date | None = None,
    says: str = "",
    dissent: str = "",
    seen: int | None = None,
) -> MdtOutcome:
    """Write the outcome down, or write it anew, while people talk; nothing follows from it before it is confirmed.

    Raises
    ------
    NoSuchStep, ChangedMeanwhile, ActionMissing, ActionInThePast
    """
    _check(kind, tasks, ct_on)
    held = cases.hold(case, seen=seen)
    if held.state == MdtCaseState.LISTED:
        held = cases.move(held, "discuss", by=by)
    held = cases.move(held, "draft_outcome", by=by)
    outcome, _made = MdtOutcome.objects.update_or_create(
        case=held,
        defaults={"kind": kind, "ct_on": ct_on, "says": says, "dissent": dissent, "drafted_by": by},
    )
    held.actions.all().delete()  # a draft only: a confirmed outcome refuses to be drafted again
    for task in tasks:
        MdtAction.objects.create(case=held, what=task.what, owner=task.owner, due_on=task.due_on)
    return outcome


def _check(kind: OutcomeKind, tasks: Sequence[Task], ct_on: date | None) -> None:
    today = timezone.localdate()
    if not tasks and kind not in {OutcomeKind.DISCHARGE, OutcomeKind.CT}:
        raise ActionMissing
    for day in [task.due_on for task in tasks] + ([ct_on] if ct_on else []):
        if day < today:
            raise ActionInThePast(day=day)


@transaction.atomic
def confirm(*, case: MdtCase, by: User, seen: int | None = None) -> MdtOutcome:
    """Read back and agreed: the outcome stands from now on, and becomes the patient's plan.

    Raises
    ------
    MayNotSign, NothingToConfirm, NoSuchStep, ChangedMeanwhile, CareHasEnded
    """
    held = cases.hold(case, seen=seen)
    policy.require_signature(held.patient, by)
    held = cases.move(held, "confirm_outcome", by=by)
    outcome = MdtOutcome.objects.select_for_update().filter(case=held).first()
    if outcome is None:
        raise NothingToConfirm
    actions = list(held.actions.select_related("owner").order_by("due_on", "pk"))
    outcome.follow_up = _plan(held, outcome, actions, by=by)
    outcome.confirmed_by, outcome.confirmed_at = by, timezone.now()
    outcome.save(update_fields=["follow_up", "confirmed_by", "confirmed_at"])
    cases.move(held, "open_actions" if actions else "complete", by=by)
    return outcome


def _plan(case: MdtCase, outcome: MdtOutcome, actions: Sequence[MdtAction], *, by: User) -> FollowUp | None:
    """Sign the next step as it was decided; None after a discharge."""
    if outcome.kind == OutcomeKind.DISCHARGE:
        endings.discharge(patient=case.patient, reason=outcome.says, by=by)
        return None
    open_now = steps.open_of(case.patient)
    if not open_now:  # somebody discharged the patient since; the conference decides otherwise
        endings.reopen(patient=case.patient, reason=DECIDED, by=by)
        open_now = steps.open_of(case.patient)
    step = next((one for one in open_now if one.kind != FollowUpKind.REVIEW), open_now[0])
    planned = decisions.override(
        follow_up=step,
        kind=FollowUpKind.CT if outcome.kind == OutcomeKind.CT else FollowUpKind.WORKUP,
        management=CONFERENCE + outcome.kind,
        window=_window(outcome, actions),
        reason_code=OverrideReason.CONFERENCE,
        reason=outcome.says or DECIDED,
        by=by,
    )
    return steps.assign(follow_up=planned, owner=actions[0].owner, by=by) if actions else planned


def _window(outcome: MdtOutcome, actions: Sequence[MdtAction]) -> tuple[date, date, date]:
    today = timezone.localdate()
    if outcome.ct_on is not None:
        least, most = WINDOW_DAYS
        around = timedelta(days=min(most, max(least, (outcome.ct_on - today).days // WINDOW_SHARE)))
        return max(today, outcome.ct_on - around), outcome.ct_on, outcome.ct_on + around
    last = max(action.due_on for action in actions)
    return today, today + (last - today) / 2, last


@transaction.atomic
def finish_action(*, action: MdtAction, result: str, by: User) -> MdtCase:
    """Record what came of an action; with the last one the case is complete. The patient's step stays until it ends."""
    held = cases.hold(action.case)
    row = MdtAction.objects.select_for_update().get(pk=action.pk)
    if row.done_at is None:
        row.result, row.done_at, row.done_by = result, timezone.now(), by
        row.save(update_fields=["result", "done_at", "done_by"])
        record("mdt_action.done", held.patient, by=by, action=row.code)
        if held.state == MdtCaseState.ACTIONS_OPEN and not held.actions.filter(done_at__isnull=True).exists():
            held = cases.move(held, "complete", by=by)
    return held


@transaction.atomic
def add(*, case: MdtCase, text: str, by: User) -> MdtAddendum:
    """Add to a confirmed outcome. Raises ``NothingToConfirm`` where none stands yet."""
    if case.meeting_id is not None:  # the minutes hold it, or come after it
        MdtMeeting.objects.select_for_update().get(pk=case.meeting_id)
    held = cases.hold(case)
    if not MdtOutcome.objects.filter(case=held, confirmed_at__isnull=False).exists():
        raise NothingToConfirm
    addendum = MdtAddendum.objects.create(case=held, text=text, by=by)
    record("mdt_case.addendum", held.patient, by=by, case=held.code)
    return addendum
