"""How far each delivery has come, for the import page: a fixed number of queries for any number of deliveries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db.models import Prefetch, Q

from nodules_app.lifecycles import OPEN_RUN, RunState
from nodules_app.models import ImportBatch, Run, RunKind, Scan, Series, Study, User
from nodules_app.selectors.clinics import Act, clinics_where, may_where

DELIVERIES: Final = 12
Refusal = dict[str, Any]  # as services.runs.told keeps it
# Growth is computed with the measurements it belongs to; the page shows the steps that a person can tell apart.
STEPS: Final = (
    RunKind.INTAKE,
    RunKind.LUNGS,
    RunKind.REGISTER,
    RunKind.MATCH,
    RunKind.MEASURE,
    RunKind.ASSESS,
    RunKind.PLAN,
)
ABOUT_A_SCAN: Final = frozenset({RunKind.LUNGS, RunKind.MEASURE})
ABOUT_A_PAIR: Final = frozenset({RunKind.REGISTER, RunKind.MATCH})


@dataclass(frozen=True, slots=True)
class StepState:
    """One step of a delivery: how its work stands over all exams in it."""

    kind: RunKind
    state: str  # "", done, running, refused, failed
    progress: int
    lasted: timedelta | None


@dataclass(frozen=True, slots=True)
class SeriesChoice:
    """A series that an exam could be measured on."""

    code: UUID
    description: str
    slices: int
    slice_thickness_mm: float | None
    kernel: str
    measurable: bool
    chosen: bool
    notices: tuple[Refusal, ...]


@dataclass(frozen=True, slots=True)
class Exam:
    """One exam of a delivery with the series that is measured, and why that one."""

    patient_code: UUID
    patient_name: str
    patient_number: str
    acquired_on: date | None
    description: str
    scan_code: UUID | None
    because: tuple[Mapping[str, Any], ...]
    series: tuple[SeriesChoice, ...]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One upload or folder: what came, what was made of it, what was refused."""

    code: UUID
    source_name: str
    received_at: datetime
    files_seen: int
    instances_new: int
    exams: tuple[Exam, ...]
    steps: tuple[StepState, ...]
    refused: tuple[Refusal, ...]
    notices: tuple[Refusal, ...]
    state: str  # running, done, refused, failed
    progress: int
    retry: UUID | None  # a run that ended without a result and may be asked for again

    @property
    def is_all_known(self) -> bool:
        """Whether it was read to its end and brought nothing that was not here already."""
        brought_marks = any(notice["code"] == "marks_on_stored_exam" for notice in self.notices)
        return self.state == "done" and not self.exams and not self.refused and not brought_marks


def deliveries(*, user: User, newest: int = DELIVERIES) -> tuple[Delivery, ...]:
    """Give the latest deliveries to this person's clinics, the newest first."""
    ours = ImportBatch.objects.filter(clinic__in=clinics_where(user, Act.SEE).order_by(), spreadsheet__isnull=True)
    batches = list(ours.order_by("-pk")[:newest])
    studies = _studies(batches, user)
    runs = _runs(batches, studies)
    return tuple(_delivery(batch, studies[batch.pk], runs) for batch in batches)


def _studies(batches: Iterable[ImportBatch], user: User) -> defaultdict[int, list[Study]]:
    in_force = Scan.objects.filter(superseded_at__isnull=True).select_related("series")
    found: defaultdict[int, list[Study]] = defaultdict(list)
    for study in (
        Study.objects.filter(may_where(user, Act.SEE), imported_in__in=batches)  # one may be another clinic's patient
        .select_related("patient")
        .prefetch_related(
            Prefetch("scans", in_force, to_attr="in_force"), Prefetch("series", Series.objects.order_by("description"))
        )
        .order_by("acquired_on", "pk")
    ):
        found[study.imported_in_id or 0].append(study)
    return found


def _runs(batches: Sequence[ImportBatch], studies: defaultdict[int, list[Study]]) -> list[Run]:
    """Every run that may belong to these deliveries, the oldest first."""
    patients = {study.patient_id for of_batch in studies.values() for study in of_batch}
    asked = Run.objects.filter(Q(import_batch__in=batches) | Q(patient__in=patients, kind__in=STEPS))
    return list(asked.select_related("comparison").order_by("pk"))


def _delivery(batch: ImportBatch, studies: Sequence[Study], runs: Iterable[Run]) -> Delivery:
    ours = [run for run in runs if _belongs(run, batch, studies)]
    latest = {(run.kind, run.scan_id, run.comparison_id, run.patient_id): run for run in ours}  # later ones replace
    steps = tuple(_step(kind, [run for run in latest.values() if run.kind == kind]) for kind in STEPS)
    said: list[Refusal] = list(batch.notices)
    refused = [notice for notice in said if notice.get("refused")]
    refused += [run.refusal for run in latest.values() if run.refusal]
    ended_badly = (run for run in latest.values() if run.state in (RunState.FAILED, RunState.REFUSED))
    return Delivery(
        code=batch.code,
        source_name=batch.source_name,
        received_at=batch.created_at,
        files_seen=batch.files_seen,
        instances_new=batch.instances_new,
        exams=tuple(_exam(study) for study in studies),
        steps=steps,
        refused=tuple(refused),
        notices=tuple(notice for notice in said if not notice.get("refused")),
        state=_state(latest.values()),
        progress=max((step.progress for step in steps if step.state == "running"), default=0),
        # A refused reading is not tried again: its files are gone, the exam has to be sent anew.
        retry=next((run.code for run in ended_badly if run.patient_id or run.state == RunState.FAILED), None),
    )


def _belongs(run: Run, batch: ImportBatch, studies: Sequence[Study]) -> bool:
    if run.kind == RunKind.INTAKE:
        return run.import_batch_id == batch.pk
    scans = {scan.pk for study in studies for scan in study.in_force}  # type: ignore[attr-defined] # to_attr above
    if run.kind in ABOUT_A_SCAN:
        return run.scan_id in scans
    if run.kind in ABOUT_A_PAIR:
        pair = run.comparison
        return pair is not None and bool({pair.prior_id, pair.current_id} & scans)
    return run.patient_id in {study.patient_id for study in studies} and run.created_at >= batch.created_at


def _step(kind: RunKind, runs: Sequence[Run]) -> StepState:
    busy = [run for run in runs if run.state in OPEN_RUN]
    ended = [run.ended_at - run.started_at for run in runs if run.started_at and run.ended_at]
    return StepState(
        kind=kind,
        state=_state(runs) if runs else "",
        progress=min((run.progress for run in busy), default=0),
        lasted=sum(ended, timedelta()) if ended and not busy else None,
    )


def _state(runs: Iterable[Run]) -> str:
    states = {run.state for run in runs}
    if states & set(OPEN_RUN):
        return "running"
    if RunState.FAILED in states:
        return "failed"
    return "refused" if RunState.REFUSED in states else "done"


def _exam(study: Study) -> Exam:
    scan = next(iter(study.in_force), None)  # type: ignore[attr-defined] # to_attr above
    chosen = scan.series_id if scan else None
    return Exam(
        patient_code=study.patient.code,
        patient_name=study.patient.name,
        patient_number=study.patient.identifier,
        acquired_on=study.acquired_on,
        description=study.description,
        scan_code=scan.code if scan else None,
        because=tuple(scan.because) if scan else (),
        series=tuple(
            SeriesChoice(
                code=series.code,
                description=series.description,
                slices=series.slices,
                slice_thickness_mm=series.slice_thickness_mm,
                kernel=series.kernel,
                measurable=series.measurable,
                chosen=series.pk == chosen,
                notices=tuple(series.notices),
            )
            for series in study.series.all()
        ),
    )


@dataclass(frozen=True, slots=True)
class Today:
    """What came in today, in four figures."""

    deliveries: int
    exams: int
    refused: int
    without_prior: int


def today_in_figures(*, user: User, since: datetime) -> Today:
    """Count what came since the day began."""
    clinics = clinics_where(user, Act.SEE).order_by()
    batches = ImportBatch.objects.filter(clinic__in=clinics, created_at__gte=since, spreadsheet__isnull=True)
    studies = Study.objects.filter(patient__clinic__in=clinics, created_at__gte=since)
    compared = Q(scans__comparisons_as_prior__isnull=False) | Q(scans__comparisons_as_current__isnull=False)
    return Today(
        deliveries=batches.count(),
        exams=studies.count(),
        refused=Run.objects.filter(kind=RunKind.INTAKE, state=RunState.REFUSED, import_batch__in=batches).count(),
        without_prior=studies.exclude(pk__in=studies.filter(compared).values("pk")).count(),
    )
