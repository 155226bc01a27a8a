"""The patients behind a figure: those for whom it went otherwise than wanted, the latest first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import DecimalField, Exists, F, Func, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import TruncDate

from nodules_app.ladder.rungs import Recipient
from nodules_app.lifecycles import TO_ARRANGE, FollowUpState
from nodules_app.models import (
    AttemptOutcome,
    ContactAttempt,
    ContactOf,
    Decision,
    FollowUp,
    FollowUpKind,
    MdtAction,
    MdtChange,
    MdtOutcome,
    Nodule,
    Reading,
    Reminder,
)
from nodules_app.models.evidence import NOTHING_OWED
from nodules_app.models.reminders import ARRIVED
from nodules_app.selectors.quality.asking import Question
from nodules_app.selectors.quality.conference import ON_AND_OFF, WITHIN
from nodules_app.selectors.quality.decided import FLIPS_FROM
from nodules_app.selectors.quality.steps import WITHIN_DAYS

SHOWN: Final = 200
UNCOVERED: Final = "nodules_app_nodule.id IN (SELECT nodule_id FROM nodules_app_uncovered_nodule)"
Rows = QuerySet[Any, Any]


@dataclass(frozen=True, slots=True)
class Patient:
    """One line of the list: who, the day that the figure looks at, and a word of the row."""

    code: UUID
    name: str
    number: str
    on: date | None
    detail: str


@dataclass(frozen=True, slots=True)
class Behind:
    patients: tuple[Patient, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Way:
    """How the rows of a figure are found, and what of them is shown."""

    rows: Callable[[Question], Rows]
    day: str
    detail: str
    patient: str = "patient"
    order: str = ""  # what an index holds in the same order as the day; else the day itself, the latest first


def behind(figure: str, question: Question) -> Behind:
    """List them. Raises ``KeyError`` for a figure that has no list."""
    way = WAYS[figure]
    columns = [f"{way.patient}__{name}" for name in ("code", "name", "identifier")]
    rows = (
        way.rows(question).order_by(way.order or f"-{way.day}").values_list(*columns, way.day, way.detail)[: SHOWN + 1]
    )
    found = [Patient(*row) for row in rows]
    return Behind(tuple(found[:SHOWN]), len(found) > SHOWN)


def _steps(question: Question) -> QuerySet[FollowUp]:
    return FollowUp.objects.filter(patient__clinic__in=question.keys)


def _owed(question: Question) -> QuerySet[FollowUp]:
    """CTs that somebody was to keep, whose window ended in the period."""
    rows = _steps(question).filter(kind=FollowUpKind.CT, due_until__range=(question.first, question.last))
    return rows.exclude(state=FollowUpState.PROPOSED).exclude(evidence__kind__in=NOTHING_OWED)


def _late(question: Question) -> Rows:
    return _owed(question).exclude(exam__acquired_on__isnull=False, exam__acquired_on__lte=F("due_until"))


def _late_by_30(question: Question) -> Rows:
    latest = F("target_on") + timedelta(days=WITHIN_DAYS)
    return _owed(question).exclude(exam__acquired_on__isnull=False, exam__acquired_on__lte=latest)


def _overdue(question: Question) -> Rows:
    return _steps(question).filter(state__in=TO_ARRANGE, due_until__lt=question.today)


def _suspected(question: Question) -> Rows:
    return _steps(question).filter(state=FollowUpState.LOST_SUSPECTED)


def _uncovered(question: Question) -> Rows:
    """The nodules of the view that the safety net's trigger asks too."""
    rows = Nodule.objects.filter(patient__clinic__in=question.keys)
    lost: QuerySet[Nodule] = rows.extra(where=[UNCOVERED])  # noqa: S610 words of this file
    return lost.annotate(since=TruncDate("created_at"))


def _not_contacted(question: Question) -> Rows:
    start, stop = question.instants()
    reached = ContactAttempt.objects.filter(
        patient=OuterRef("patient"),
        of=ContactOf.PATIENT,
        outcome=AttemptOutcome.REACHED,
        at__gte=OuterRef("signed_at"),
    )
    written = Reminder.objects.filter(
        patient=OuterRef("patient"),
        recipient=Recipient.PATIENT,
        state__in=ARRIVED,
        handed_over_at__gte=OuterRef("signed_at"),
    )
    signed = Reading.objects.filter(
        patient__clinic__in=question.keys,
        version=1,
        signed_by__isnull=False,
        signed_at__gte=start,
        signed_at__lt=stop,
    )
    return signed.filter(~Exists(reached), ~Exists(written)).annotate(signed_on=TruncDate("signed_at"))


def _decisions(question: Question) -> QuerySet[Decision]:
    start, stop = question.instants()
    rows = Decision.objects.filter(taken_back__isnull=True, created_at__gte=start, created_at__lt=stop)
    rows = rows.filter(assessment__patient__clinic__in=question.keys)
    return rows.annotate(signed_on=TruncDate("created_at"))


def _overridden(question: Question) -> Rows:
    return _decisions(question).filter(overrides=True)


class SameChance(Func):
    """The chance that the true sizes lead to the very management that was answered."""

    output_field = DecimalField()
    template = (
        "(SELECT coalesce(sum((b ->> 'probability')::numeric), 0) FROM jsonb_array_elements("
        "nodules_app_assessment.answer #> '{result,branches}') b "
        "WHERE b ->> 'management' = nodules_app_assessment.management)"
    )


def _borderline(question: Question) -> Rows:
    unstable = Q(assessment__answer__result__stability__in=["borderline", "could_go_either_way"])
    rows = _decisions(question).filter(unstable).annotate(same=SameChance())
    return rows.filter(same__lt=1 - FLIPS_FROM)


def _outcomes_late(question: Question) -> Rows:
    start, stop = question.instants()
    rows = MdtOutcome.objects.filter(
        case__patient__clinic__in=question.keys, confirmed_at__gte=start, confirmed_at__lt=stop
    ).annotate(confirmed_on=TruncDate("confirmed_at"))
    return rows.filter(confirmed_at__gt=F("case__meeting__ended_at") + WITHIN)


def _not_complete(question: Question) -> Rows:
    """The first time that each case was put on the list of a meeting, where it was not there, complete, at the end."""
    start, stop = question.instants()
    changes = MdtChange.objects.filter(case=OuterRef("case"), meeting=OuterRef("meeting"))
    earlier = changes.filter(step="list", version__lt=OuterRef("version"))
    known = changes.filter(step__in=ON_AND_OFF, at__lte=OuterRef("meeting__cut_off_at"))
    found_incomplete = changes.filter(step="return", by__isnull=True)
    listed = MdtChange.objects.filter(
        ~Exists(earlier),
        case__patient__clinic__in=question.keys,
        step="list",
        meeting__starts_at__gte=start,
        meeting__starts_at__lt=stop,
        meeting__began_at__isnull=False,
    ).annotate(last_step=Subquery(known.order_by("-version").values("step")[:1]), listed_on=TruncDate("at"))
    missed = Q(last_step__isnull=True) | Q(last_step="return") | Q(Exists(found_incomplete), last_step="list")
    return listed.filter(missed)


def _actions(question: Question) -> QuerySet[MdtAction]:
    """Actions that somebody owes: a draft owes nothing yet."""
    return MdtAction.objects.filter(case__patient__clinic__in=question.keys, case__outcome__confirmed_at__isnull=False)


def _actions_overdue(question: Question) -> Rows:
    return _actions(question).filter(done_at__isnull=True, due_on__lt=question.today)


def _actions_late(question: Question) -> Rows:
    passed = min(question.last, question.today - timedelta(days=1))
    rows = _actions(question).filter(due_on__range=(question.first, passed))
    return rows.annotate(done_on=TruncDate("done_at")).exclude(done_on__isnull=False, done_on__lte=F("due_on"))


WAYS: Final[Mapping[str, Way]] = {
    "lost": Way(_uncovered, "since", "state"),
    "suspected": Way(_suspected, "due_until", "state", order="due_until"),
    "overdue": Way(_overdue, "due_until", "state", order="due_until"),
    "on_time": Way(_late, "due_until", "state"),
    "within_30": Way(_late_by_30, "target_on", "state"),
    "result_to_contact": Way(_not_contacted, "signed_on", "state", order="-signed_at"),
    "concordance": Way(_overridden, "signed_on", "reason_code", "assessment__patient", order="-pk"),
    "borderline": Way(_borderline, "signed_on", "management", "assessment__patient", order="-created_at"),
    "mdt_24": Way(_outcomes_late, "confirmed_on", "kind", "case__patient"),
    "mdt_cut_off": Way(_not_complete, "listed_on", "case__state", "case__patient"),
    "actions_overdue": Way(_actions_overdue, "due_on", "what", "case__patient", order="due_on"),
    "mdt_actions": Way(_actions_late, "due_on", "what", "case__patient"),
}
