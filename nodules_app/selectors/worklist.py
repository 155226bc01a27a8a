"""What is due, for the home page: one row a patient, the most harmful delay first, in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django.db.models import Case, Count, Exists, F, IntegerField, Min, OuterRef, Q, QuerySet, Subquery, Value, When

from nodules_app.clinical.management import MANAGEMENT
from nodules_app.lifecycles import FOLLOWED_NODULE, OPEN_FOLLOW_UP, OPEN_RUN, FollowUpState, NoduleState, RunState
from nodules_app.models import Closure, FollowUp, FollowUpKind, Match, Measurement, Nodule, Patient, Run, Scan, User
from nodules_app.selectors.clinics import patients_of
from nodules_app.selectors.descriptions import descriptions_of

PAGE_ROWS: Final = 50
NODULES_A_ROW: Final = 2
# A nodule that changed leads its row, whatever its size.
LEADS: Final = ("larger-markedly", "new", "larger-slightly")
ENDED_WITHOUT_RESULT: Final = (RunState.REFUSED, RunState.FAILED)


class Show(StrEnum):
    """The five counts; each is also the filter that opens its list."""

    NEW = "new"  # a proposal that nobody has signed, or an exam on which nobody has marked a nodule
    RUNNING = "running"
    REFUSED = "refused"
    DUE = "due"
    OVERDUE = "overdue"


@dataclass(frozen=True, slots=True)
class NoduleCell:
    """A nodule as one line of a row: its latest size and what became of it."""

    label: str
    lobe: str
    attenuation: str
    volume_mm3: float | None
    mean_diameter_mm: float | None
    word: str


@dataclass(frozen=True, slots=True)
class Step:
    """The open step with the earliest deadline."""

    kind: FollowUpKind
    state: FollowUpState
    management_en: str
    management_zh: str
    due_from: date
    due_until: date
    booked_on: date | None


@dataclass(frozen=True, slots=True)
class LastRun:
    """The piece of work that moved last for this patient."""

    kind: str
    state: RunState
    progress: int
    ended_at: datetime | None
    refusal: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One patient of the worklist."""

    code: UUID
    name: str
    number: str
    sex: str
    age_years: int | None
    nodules: tuple[NoduleCell, ...]
    nodules_more: int
    step: Step | None
    run: LastRun | None
    shows: frozenset[Show]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many patients each filter would show, and the two days that say how urgent it is."""

    of: dict[Show, int]
    everybody: int
    earliest_deadline: date | None  # of what is due now
    worst_deadline: date | None  # of what is overdue


@dataclass(frozen=True, slots=True)
class Worklist:
    counts: Counts
    rows: tuple[Row, ...]
    matching: int
    is_running: bool


def worklist(*, user: User, today: date, show: Show | None = None, text: str = "", page: int = 1) -> Worklist:
    """Read one page of the worklist of this person's clinics.

    ``show`` narrows it to one of the counts, ``text`` to patients whose name or number contains every word of it.
    """
    everybody = _with_urgency(patients_of(user), today)
    counts = _counts(everybody, today)
    asked = everybody
    for word in text.split():
        asked = asked.filter(Q(name__icontains=word) | Q(identifier__icontains=word) | Q(studies__accession=word))
    if show is not None:
        asked = asked.filter(**{f"is_{show}": True})
    asked = (
        asked.order_by("urgency", "deadline", "pk").distinct() if text else asked.order_by("urgency", "deadline", "pk")
    )
    first = (page - 1) * PAGE_ROWS
    patients = list(asked[first : first + PAGE_ROWS])
    rows = _rows(patients, today)
    matching = asked.count() if show is not None or text else counts.everybody
    return Worklist(counts, rows, matching, is_running=any(Show.RUNNING in row.shows for row in rows))


def _with_urgency(patients: QuerySet[Patient], today: date) -> QuerySet[Any, Any]:
    """Say of each patient which counts it belongs to, and in which order it stands."""
    open_steps = FollowUp.objects.filter(patient=OuterRef("pk"), state__in=OPEN_FOLLOW_UP)
    waiting = open_steps.exclude(state=FollowUpState.PERFORMED)  # the scan was made: nobody is late any more
    scans = Scan.objects.filter(study__patient=OuterRef("pk"))
    nodules = Nodule.objects.filter(patient=OuterRef("pk"))
    closed = Closure.objects.filter(patient=OuterRef("pk"), ended_at__isnull=True)
    runs = Run.objects.filter(patient=OuterRef("pk"))
    newer = Run.objects.filter(
        Q(scan=OuterRef("scan"))
        | Q(comparison=OuterRef("comparison"))
        | Q(scan__isnull=True, comparison__isnull=True),  # work on the patient as a whole
        patient=OuterRef("patient"),
        kind=OuterRef("kind"),
        pk__gt=OuterRef("pk"),
    )
    return patients.annotate(
        deadline=Subquery(waiting.order_by("due_until").values("due_until")[:1]),
        is_new=Exists(open_steps.filter(state=FollowUpState.PROPOSED))
        | (Exists(scans) & ~Exists(nodules) & ~Exists(closed)),
        is_running=Exists(runs.filter(state__in=OPEN_RUN)),
        is_refused=Exists(runs.filter(~Exists(newer), state__in=ENDED_WITHOUT_RESULT)),
        is_due=Exists(waiting.filter(due_from__lte=today, due_until__gte=today)),
        is_overdue=Exists(waiting.filter(due_until__lt=today)),
    ).annotate(
        urgency=Case(
            When(is_overdue=True, then=Value(0)),
            When(is_refused=True, then=Value(1)),
            When(is_due=True, then=Value(2)),
            When(is_new=True, then=Value(3)),
            When(is_running=True, then=Value(4)),
            default=Value(5),
            output_field=IntegerField(),
        )
    )


def _counts(everybody: QuerySet[Any, Any], today: date) -> Counts:
    figures = everybody.aggregate(
        everybody=Count("pk"),
        **{str(show): Count("pk", filter=Q(**{f"is_{show}": True})) for show in Show},
        earliest=Min("deadline", filter=Q(deadline__gte=today, is_due=True)),
        worst=Min("deadline", filter=Q(is_overdue=True)),
    )
    return Counts(
        of={show: figures[show] for show in Show},
        everybody=figures["everybody"],
        earliest_deadline=figures["earliest"],
        worst_deadline=figures["worst"],
    )


def _rows(patients: Sequence[Any], today: date) -> tuple[Row, ...]:
    keys = [patient.pk for patient in patients]
    steps, runs, nodules = _steps(keys), _last_runs(keys), _nodules(keys)
    return tuple(
        Row(
            code=patient.code,
            name=patient.name,
            number=patient.identifier,
            sex=patient.sex,
            age_years=patient.age_on(today),
            nodules=tuple(nodules[patient.pk][:NODULES_A_ROW]),
            nodules_more=max(0, len(nodules[patient.pk]) - NODULES_A_ROW),
            step=steps.get(patient.pk),
            run=runs.get(patient.pk),
            shows=frozenset(show for show in Show if getattr(patient, f"is_{show}")),
        )
        for patient in patients
    )


def _steps(patients: Iterable[int]) -> dict[int, Step]:
    """The open step of each patient that ends first."""
    open_steps = FollowUp.objects.filter(patient__in=patients, state__in=OPEN_FOLLOW_UP)
    first = open_steps.order_by("patient_id", "due_until", "pk").distinct("patient_id")
    return {step.patient_id: _step(step) for step in first}


def _step(step: FollowUp) -> Step:
    management = MANAGEMENT.get(step.management)
    return Step(
        kind=FollowUpKind(step.kind),
        state=FollowUpState(step.state),
        management_en=management.en if management else "",
        management_zh=management.zh if management else "",
        due_from=step.due_from,
        due_until=step.due_until,
        booked_on=step.booked_on,
    )


def _last_runs(patients: Iterable[int]) -> dict[int, LastRun]:
    at_work_first = F("ended_at").desc(nulls_first=True)
    runs = Run.objects.filter(patient__in=patients).exclude(state=RunState.CANCELLED)
    latest = runs.order_by("patient_id", at_work_first, "-pk").distinct("patient_id")
    return {
        run.patient_id: LastRun(run.kind, RunState(run.state), run.progress, run.ended_at, run.refusal)
        for run in latest
        if run.patient_id is not None
    }


def _nodules(patients: Iterable[int]) -> defaultdict[int, list[NoduleCell]]:
    """The followed and proposed nodules of each patient, the leading one first, each with its latest size and word."""
    shown = Nodule.objects.filter(patient__in=patients, state__in=(*FOLLOWED_NODULE, NoduleState.CANDIDATE))
    measured = {
        row.finding.nodule_id: row
        for row in Measurement.objects.filter(
            finding__nodule__in=shown, finding__superseded_at__isnull=True, finding__present=True
        )
        .select_related("finding")
        .order_by("finding__nodule_id", "-finding__scan__study__acquired_on", "-pk")
        .distinct("finding__nodule_id")
    }
    words = dict(
        Match.objects.filter(nodule__in=shown, superseded_at__isnull=True)
        .order_by("nodule_id", "-comparison__current__study__acquired_on", "-pk")
        .distinct("nodule_id")
        .values_list("nodule_id", "word")
    )
    described = descriptions_of(shown)
    cells: defaultdict[int, list[NoduleCell]] = defaultdict(list)
    for nodule in shown:
        description = described.get(nodule.pk)
        size = measured.get(nodule.pk)
        cells[nodule.patient_id].append(
            NoduleCell(
                label=nodule.label,
                lobe=description.lobe if description else "",
                attenuation=size.attenuation if size else "",
                volume_mm3=size.volume_mm3 if size else None,
                mean_diameter_mm=size.mean_diameter_mm if size else None,
                word=words.get(nodule.pk, ""),
            )
        )
    for nodules in cells.values():
        nodules.sort(key=_leading_first)
    return cells


def _leading_first(cell: NoduleCell) -> tuple[int, float]:
    return LEADS.index(cell.word) if cell.word in LEADS else len(LEADS), -(cell.volume_mm3 or 0)
