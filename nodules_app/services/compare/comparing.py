"""The comparison of two exams from files, step by step, with the time of each step."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import dist

import numpy as np
from numpy.typing import NDArray

from inference.candidates import Candidate, find_candidates, held_against_each_other
from inference.comparability import Comparability, grade
from inference.follow import FollowedNodule, pair_up
from inference.sightings import AT_ONCE, Asked, Point, Side, begin_measuring, look
from nodules_app.services.compare.question import AskedNodule, DatesReversed, DifferentPatients, Question, SameDay
from nodules_app.services.compare.reading import ReadScan, ReadyScan, Source, begin_reading
from registration.errors import Refused
from registration.local import LocalScan, refine_places
from registration.register import register
from registration.transform import Registration

SAME_PLACE_MM = 5.0  # marks of several readers closer than this, or half their extent, mean one nodule
STEPS = ("read", "lungs", "register", "measure", "match", "candidates", "assess")

Progress = Callable[[str], None]


@dataclass(slots=True)
class Stopwatch:
    """Seconds by step."""

    on_step: Progress
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step, and say that it began."""
        self.on_step(name)
        begun = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun

    @property
    def total_s(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self.started


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """All that was found, typed; ``answer`` writes it down."""

    prior: ReadyScan
    current: ReadyScan
    interval_days: int | None
    comparability: Comparability
    registration: Registration
    points_lps_mm: NDArray[np.float64]
    points_residual_mm: NDArray[np.float64]
    nodules: tuple[FollowedNodule, ...]
    warnings: tuple[str, ...]
    candidates: tuple[tuple[Side, Candidate], ...] = ()


def compare(question: Question, watch: Stopwatch) -> Compared:
    """Read both exams, register them, follow every nodule.

    Raises
    ------
    Refused
        The comparison as a whole cannot be made; nodules that cannot be measured are answers, not refusals.
    """
    pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="beside")
    try:
        return _compared(question, watch, pool)
    finally:
        pool.shutdown(cancel_futures=True)  # a pair that is refused waits for nothing that was not begun


def _compared(question: Question, watch: Stopwatch, pool: ThreadPoolExecutor) -> Compared:
    """The steps in their order; what needs no earlier one is begun in the pool, and waited for in its step."""
    sources = Source(question.prior, question.prior_series_uid), Source(question.current, question.current_series_uid)
    with watch.step("read"):
        coming = begin_reading(*sources, pool)
        prior, current = coming[0].read.result(), coming[1].read.result()
        interval_days = _interval_days(prior, current, question)
        asked, warnings = _asked(question, prior, current)
    with watch.step("lungs"):
        ready = coming[0].ready.result(), coming[1].ready.result()
    scans = ready[0].for_following, ready[1].for_following
    to_follow = [Asked(nodule.lps_mm, nodule.on) for nodule in asked]
    own = begin_measuring(*scans, to_follow, pool)
    with watch.step("register"):
        found_map = register(
            prior.volume,
            current.volume,
            prior_lungs=ready[0].lungs,
            current_lungs=ready[1].lungs,
            device=question.device,
        )
        points = np.asarray(question.points_lps_mm, dtype=np.float64).reshape(-1, 3)
        local = LocalScan(prior.volume, ready[0].lungs), LocalScan(current.volume, ready[1].lungs)
        placed = refine_places(*local, found_map, points)
    with watch.step("measure"):
        graded = grade(
            ready[0].facts,
            ready[1].facts,
            registration_residual_mm=found_map.median_residual_mm,
            interval_days=interval_days,
        )
        seen = look(*scans, found_map, to_follow, own=own)
    with watch.step("match"):
        followed = pair_up(*scans, found_map, seen, interval_days=interval_days, comparability=graded)
    proposed = _propose(ready, found_map, watch) if question.candidates else ()
    warnings += [*prior.warnings, *current.warnings]
    return Compared(
        *ready,
        interval_days,
        graded,
        found_map,
        placed.places_lps_mm,
        placed.residuals_mm,
        followed,
        tuple(dict.fromkeys(warnings)),
        proposed,
    )


def _propose(
    ready: tuple[ReadyScan, ReadyScan], found_map: Registration, watch: Stopwatch
) -> tuple[tuple[Side, Candidate], ...]:
    """Propose nodules on both scans, those first that are new, gone or grown."""
    with watch.step("candidates"):
        prior, current = (find_candidates(one.read.volume, one.lungs) for one in ready)
        volumes, lungs = (ready[0].read.volume, ready[1].read.volume), (ready[0].lungs, ready[1].lungs)
        prior, current = held_against_each_other(prior, current, volumes, lungs, found_map)
        return (*(("current", one) for one in current), *(("prior", one) for one in prior))


def _interval_days(prior: ReadScan, current: ReadScan, question: Question) -> int | None:
    """Days between the acquisitions, or None where growth has no meaning. Refuses pairs that cannot be one."""
    whose = [(one.series.issuer, one.series.patient_id) for one in (prior, current)]
    if whose[0] != whose[1] and not question.allow_different_ids:
        raise DifferentPatients(prior=whose[0][1] or "-", current=whose[1][1] or "-")
    first, second = prior.series.acquired_on, current.series.acquired_on
    if first is None or second is None:
        return None
    if question.allow_any_dates and second <= first:
        return None
    if second == first:
        raise SameDay(day=first.isoformat())
    if second < first:
        raise DatesReversed(prior=first.isoformat(), current=second.isoformat())
    return (second - first).days


def _asked(question: Question, prior: ReadScan, current: ReadScan) -> tuple[list[AskedNodule], list[str]]:
    """The nodules that were asked for, by points or by a DICOM file that lies on one of the scans."""
    asked = list(question.nodules)
    if question.nodules_file is None:
        return asked, []
    from nodules_app.dicom.findings import read_findings  # noqa: PLC0415 the codes of all reports take 0.1 s to load

    refusals: list[Refused] = []
    for side, read in (("prior", prior), ("current", current)):
        try:
            marks = read_findings(question.nodules_file, on=read.series)
        except Refused as refusal:
            refusals.append(refusal)
            continue
        for mark in marks:
            if not _known(mark.lps_mm, max(mark.extent_mm), asked):
                asked.append(AskedNodule(mark.lps_mm, "prior" if side == "prior" else "current"))
        return asked, []
    raise refusals[0]


def _known(lps_mm: Point, extent_mm: float, asked: Sequence[AskedNodule]) -> bool:
    return any(dist(lps_mm, other.lps_mm) <= max(SAME_PLACE_MM, extent_mm / 2) for other in asked)


def peak_mb() -> float:
    """Peak resident memory of this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
