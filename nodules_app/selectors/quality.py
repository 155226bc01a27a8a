"""The figures of a clinic, each by a definition that stands beside it; every one is counted from rows, none is stored.

``DEFINITIONS_VERSION`` is shown with the figures and goes into the export: a changed definition raises it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db import connection
from django.db.models import (
    Aggregate,
    Count,
    DateField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    FloatField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Extract, Least, TruncMonth
from django.utils import timezone

from nodules_app.ladder.rungs import Recipient
from nodules_app.lifecycles import FOLLOWED_NODULE, TO_ARRANGE, EvidenceKind, FollowUpState, ReminderState
from nodules_app.models import (
    Assessment,
    AttemptOutcome,
    Clinic,
    ContactAttempt,
    ContactOf,
    Decision,
    FollowUp,
    FollowUpKind,
    MdtAction,
    MdtOutcome,
    Nodule,
    Reading,
    Reminder,
)

DEFINITIONS_VERSION: Final = "1"
NOT_COUNTED: Final = (  # steps that nobody was to keep any more: no credit and no blame
    EvidenceKind.DECEASED,
    EvidenceKind.TRANSFERRED,
    EvidenceKind.SUPERSEDED,
    EvidenceKind.NOTHING_LEFT,
    EvidenceKind.ENTERED_IN_ERROR,
)
WITHIN_DAYS: Final = 30  # of the target day: as published safety-net studies count
OVERDUE_DAYS: Final = (30, 90, 180)
MDT_WITHIN: Final = timedelta(hours=24)
ARRIVED: Final = (ReminderState.HANDED_OVER, ReminderState.DELIVERED, ReminderState.ACKNOWLEDGED)
MANAGEMENTS_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    part: int
    whole: int

    @property
    def ratio(self) -> float | None:
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Spread:
    """How long it took, in days: the middle one, and what nine of ten stayed below."""

    count: int
    median_days: float | None
    p90_days: float | None


@dataclass(frozen=True, slots=True)
class Month:
    starts_on: date
    on_time: Share


@dataclass(frozen=True, slots=True)
class Quality:
    """The page. Figures of now stand first, figures of the period after them."""

    first: date
    last: date
    lost: Share  # active nodules without an open step or a reason
    suspected_lost: int
    overdue: tuple[tuple[int, int], ...]  # (up to how many days, how many steps); the last bound is 0: longer
    on_time: Share
    within_30_days: Share
    by_kind: tuple[tuple[str, Share], ...]
    months: tuple[Month, ...]
    scan_to_result: Spread
    result_to_contact: Spread
    not_contacted: int
    concordance: Share
    overrides: tuple[tuple[str, int], ...]
    managements: tuple[tuple[str, str, int], ...]  # guideline, management, patients
    mdt_wait: Spread
    mdt_within_24_h: Share
    mdt_actions_on_time: Share
    reminders: tuple[tuple[str, str, int], ...]  # channel, state, how many


class Percentile(Aggregate):
    """PostgreSQL's percentile_cont of a number."""

    function = "percentile_cont"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def quality(clinics: Sequence[Clinic], *, first: date, last: date, today: date) -> Quality:
    """Count everything for these clinics; ``first`` and ``last`` are days of the period, both included."""
    on_time, within_30_days = _kept(_due(clinics, first, last))
    wait, within, actions = _conference(clinics, first, last, today)
    told, not_contacted = _result_to_contact(clinics, first, last)
    return Quality(
        first=first,
        last=last,
        lost=_lost(clinics),
        suspected_lost=FollowUp.objects.filter(patient__clinic__in=clinics, state=FollowUpState.LOST_SUSPECTED).count(),
        overdue=_overdue(clinics, today),
        on_time=on_time,
        within_30_days=within_30_days,
        by_kind=_by_kind(clinics, first, last),
        months=_months(clinics, last),
        scan_to_result=_scan_to_result(clinics, first, last),
        result_to_contact=told,
        not_contacted=not_contacted,
        concordance=_concordance(clinics, first, last),
        overrides=_overrides(clinics, first, last),
        managements=_managements(clinics, first, last),
        mdt_wait=wait,
        mdt_within_24_h=within,
        mdt_actions_on_time=actions,
        reminders=_reminders(clinics, first, last),
    )


# ------------------------------------------------------------------ steps

KEPT: Final = Q(exam__acquired_on__lte=F("due_until"))
KEPT_WITHIN_30: Final = Q(exam__acquired_on__lte=F("target_on") + timedelta(days=WITHIN_DAYS))


def _due(clinics: Sequence[Clinic], first: date, last: date) -> QuerySet[FollowUp]:
    """CTs whose window ended in the period; those that nobody was to keep any more are left out."""
    rows = FollowUp.objects.filter(
        patient__clinic__in=clinics, kind=FollowUpKind.CT, due_until__gte=first, due_until__lte=last
    )
    return rows.exclude(evidence__kind__in=NOT_COUNTED).exclude(state=FollowUpState.PROPOSED)


def _kept(due: QuerySet[FollowUp]) -> tuple[Share, Share]:
    """How many were made by the end of their window, and how many within thirty days of their target."""
    found = due.aggregate(
        in_window=Count("pk", filter=KEPT), in_30=Count("pk", filter=KEPT_WITHIN_30), whole=Count("pk")
    )
    return Share(found["in_window"], found["whole"]), Share(found["in_30"], found["whole"])


def _by_kind(clinics: Sequence[Clinic], first: date, last: date) -> tuple[tuple[str, Share], ...]:
    """Every kind of step that ended or should have, and how many ended before their window did."""
    rows = FollowUp.objects.filter(patient__clinic__in=clinics, due_until__gte=first, due_until__lte=last)
    rows = rows.exclude(evidence__kind__in=NOT_COUNTED).annotate(closed_on=Cast("closed_at", DateField()))
    ended = Q(closed_on__lte=F("due_until")) | Q(exam__acquired_on__lte=F("due_until"))
    found = rows.values("kind").annotate(part=Count("pk", filter=ended), whole=Count("pk")).order_by("kind")
    return tuple((row["kind"], Share(row["part"], row["whole"])) for row in found)


def _months(clinics: Sequence[Clinic], last: date) -> tuple[Month, ...]:
    """On-time CTs by month of their due day, the last twelve months."""
    first = (last.replace(day=1) - timedelta(days=335)).replace(day=1)
    rows = _due(clinics, first, last).annotate(month=TruncMonth("due_until")).values("month")
    found = rows.annotate(part=Count("pk", filter=KEPT), whole=Count("pk")).order_by("month")
    return tuple(Month(row["month"], Share(row["part"], row["whole"])) for row in found)


def _overdue(clinics: Sequence[Clinic], today: date) -> tuple[tuple[int, int], ...]:
    open_now = FollowUp.objects.filter(patient__clinic__in=clinics, state__in=TO_ARRANGE, due_until__lt=today)
    bounds = [0, *OVERDUE_DAYS]
    counts = {
        f"up_to_{upper}": Count(
            "pk",
            filter=Q(due_until__lt=today - timedelta(days=lower), due_until__gte=today - timedelta(days=upper)),
        )
        for lower, upper in zip(bounds, OVERDUE_DAYS, strict=False)
    }
    longest = Count("pk", filter=Q(due_until__lt=today - timedelta(days=OVERDUE_DAYS[-1])))
    found = open_now.aggregate(**counts, longer=longest)
    return (*((upper, found[f"up_to_{upper}"]) for upper in OVERDUE_DAYS), (0, found["longer"]))


def _lost(clinics: Sequence[Clinic]) -> Share:
    """Ask the view that the safety net's trigger asks too."""
    keys = [clinic.pk for clinic in clinics]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM nodules_app_uncovered_nodule u "
            "JOIN nodules_app_patient p ON p.id = u.patient_id WHERE p.clinic_id = ANY(%s)",
            [keys],
        )
        row = cursor.fetchone()
    whole = Nodule.objects.filter(patient__clinic__in=clinics, state__in=FOLLOWED_NODULE).count()
    return Share(row[0] if row else 0, whole)


# ------------------------------------------------------------------ how long it took


def _instants(first: date, last: date) -> tuple[datetime, datetime]:
    """The period as instants, in the installation's zone."""
    zone = timezone.get_default_timezone()
    return datetime.combine(first, time.min, zone), datetime.combine(last + timedelta(days=1), time.min, zone)


def _days_between(start: str, stop: str) -> Combinable:
    return ExpressionWrapper(
        Extract(ExpressionWrapper(F(stop) - F(start), output_field=DurationField()), "epoch") / 86400.0,
        output_field=FloatField(),
    )


def _spread(found: Mapping[str, float | int | None]) -> Spread:
    return Spread(int(found["count"] or 0), found["median"], found["p90"])


MEASURES: Final = {
    "count": Count("days"),
    "median": Percentile("days", share="0.5"),
    "p90": Percentile("days", share="0.9"),
}


def _scan_to_result(clinics: Sequence[Clinic], first: date, last: date) -> Spread:
    """From the day of the exam to its first signature."""
    start, stop = _instants(first, last)
    rows = Reading.objects.filter(
        patient__clinic__in=clinics, version=1, signed_at__gte=start, signed_at__lt=stop, signed_by__isnull=False
    )
    days = ExpressionWrapper(
        Cast("signed_at", DateField()) - F("scan__study__acquired_on"), output_field=DurationField()
    )
    whole_days = ExpressionWrapper(Extract(days, "epoch") / 86400.0, output_field=FloatField())
    return _spread(rows.filter(scan__study__acquired_on__isnull=False).annotate(days=whole_days).aggregate(**MEASURES))


def _result_to_contact(clinics: Sequence[Clinic], first: date, last: date) -> tuple[Spread, int]:
    """From the first signature to the first time that the patient was reached or written to; and who was not yet."""
    start, stop = _instants(first, last)
    reached = ContactAttempt.objects.filter(
        patient=OuterRef("patient"),
        of=ContactOf.PATIENT,
        at__gte=OuterRef("signed_at"),
        outcome=AttemptOutcome.REACHED,
    )
    written = Reminder.objects.filter(
        patient=OuterRef("patient"),
        recipient=Recipient.PATIENT,
        state__in=ARRIVED,
        handed_over_at__gte=OuterRef("signed_at"),
    )
    rows = Reading.objects.filter(
        patient__clinic__in=clinics, version=1, signed_at__gte=start, signed_at__lt=stop, signed_by__isnull=False
    ).annotate(
        reached_at=Subquery(reached.order_by("at").values("at")[:1]),
        written_at=Subquery(written.order_by("handed_over_at").values("handed_over_at")[:1]),
    )
    told = rows.annotate(told_at=Least("reached_at", "written_at"))
    found = told.filter(told_at__isnull=False).annotate(days=_days_between("signed_at", "told_at"))
    return _spread(found.aggregate(**MEASURES)), told.filter(told_at__isnull=True).count()


# ------------------------------------------------------------------ decisions


def _concordance(clinics: Sequence[Clinic], first: date, last: date) -> Share:
    """Decisions that follow the guideline, of all decisions."""
    found = _decided(clinics, first, last).aggregate(part=Count("pk", filter=Q(overrides=False)), whole=Count("pk"))
    return Share(found["part"], found["whole"])


def _overrides(clinics: Sequence[Clinic], first: date, last: date) -> tuple[tuple[str, int], ...]:
    rows = _decided(clinics, first, last).filter(overrides=True).values("reason_code")
    return tuple((row["reason_code"], row["n"]) for row in rows.annotate(n=Count("pk")).order_by("-n", "reason_code"))


def _decided(clinics: Sequence[Clinic], first: date, last: date) -> QuerySet[Decision]:
    start, stop = _instants(first, last)
    rows = Decision.objects.filter(taken_back__isnull=True, created_at__gte=start, created_at__lt=stop)
    return rows.filter(assessment__patient__clinic__in=clinics)


def _managements(clinics: Sequence[Clinic], first: date, last: date) -> tuple[tuple[str, str, int], ...]:
    """What the guidelines answered to exams of the period, counted by patient."""
    rows = Assessment.objects.filter(patient__clinic__in=clinics, exam_on__gte=first, exam_on__lte=last)
    rows = rows.exclude(management__in=["not_applicable", "not_supported"])
    counted = rows.values("guideline", "management").annotate(n=Count("patient", distinct=True))
    top = counted.order_by("-n", "guideline", "management")[:MANAGEMENTS_SHOWN]
    return tuple((row["guideline"], row["management"], row["n"]) for row in top)


def _conference(clinics: Sequence[Clinic], first: date, last: date, today: date) -> tuple[Spread, Share, Share]:
    """Days from the question to the confirmed outcome; outcomes within a day of the meeting; actions by their day."""
    start, stop = _instants(first, last)
    outcomes = MdtOutcome.objects.filter(
        case__patient__clinic__in=clinics, confirmed_at__gte=start, confirmed_at__lt=stop
    )
    wait = _spread(outcomes.annotate(days=_days_between("case__created_at", "confirmed_at")).aggregate(**MEASURES))
    in_time = Q(confirmed_at__lte=F("case__meeting__ended_at") + MDT_WITHIN) | Q(case__meeting__ended_at__isnull=True)
    found = outcomes.aggregate(part=Count("pk", filter=in_time), whole=Count("pk"))
    due = MdtAction.objects.filter(
        case__patient__clinic__in=clinics, due_on__gte=first, due_on__lte=min(last, today - timedelta(days=1))
    ).annotate(done_on=Cast("done_at", DateField()))
    kept = due.filter(Exists(MdtOutcome.objects.filter(case=OuterRef("case"), confirmed_at__isnull=False)))
    done = kept.aggregate(part=Count("pk", filter=Q(done_on__lte=F("due_on"))), whole=Count("pk"))
    return wait, Share(found["part"], found["whole"]), Share(done["part"], done["whole"])


def _reminders(clinics: Sequence[Clinic], first: date, last: date) -> tuple[tuple[str, str, int], ...]:
    rows = Reminder.objects.filter(clinic__in=clinics, planned_on__gte=first, planned_on__lte=last)
    counted = rows.values("channel", "state").annotate(n=Count("pk")).order_by("channel", "state")
    return tuple((row["channel"], row["state"], row["n"]) for row in counted)
