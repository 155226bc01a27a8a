"""Real nodules of other patients in real CT, with known place and growth: what learned models say of them.

``tests.benchmarks.bench_registration --folder FOLDER`` makes the pairs: nodules of the reader cubes laid into the
research scans, which are then moved, breathe, grow and get noise of their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.candidate_filter import LOOKED_AT, cut_about, weighed
from inference.candidates import Candidate, find_candidates
from inference.comparability import grade
from inference.errors import NotMeasured
from inference.fusing import fuse
from inference.joint import measure_together
from inference.learned_growth import read_answers
from inference.measure import NoduleMeasurement, measure
from inference.networks.growth import SIDE, STEP_MM
from inference.networks.running import Network
from inference.patches import Shorts, cut_patches
from inference.repeatability import OTHER_KIND_ERROR
from nodules_app.services.compare.reading import ReadyScan, make_ready, read_scan
from registration.register import register
from registration.transform import Registration
from registration.volume import Volume
from tests.benchmarks.bench_candidates import HIT_MM, OWN_LPS_MM, OWN_REACH_MM

HOST_OF = {"NLST": "nlst-101287/prior", "LIDC": "lidc-0001/ct"}


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredReal:
    """One nodule: logarithms of the true and the measured ratio, and what a network will be shown of it."""

    pair: str
    true: float
    measured: float
    measured_error: float
    cubes_hu: Shorts


@dataclass(frozen=True, slots=True)
class RealGrowth:
    """One nodule: logarithms of the true, the measured, the learned and the fused ratio."""

    pair: str
    true: float
    measured: float
    learned: float
    fused: float
    measured_error: float
    learned_error: float
    fused_error: float


def made_pairs(made: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Name, folder and truth of each pair."""
    for truth in sorted(made.glob("*/truth.json")):
        yield truth.parent.name, truth.parent, json.loads(truth.read_text("utf-8"))


@dataclass(frozen=True, slots=True, eq=False)
class RealPair:
    """Two real scans, registered; ``extra`` is the error that their being unlike adds to a ratio."""

    name: str
    prior: ReadyScan
    current: ReadyScan
    found: Registration
    extra: float

    def with_volumes(self, prior: Volume, current: Volume) -> RealPair:
        """The same pair with something laid into both."""
        sides = [
            replace(scan, read=replace(scan.read, volume=volume))
            for scan, volume in ((self.prior, prior), (self.current, current))
        ]
        return replace(self, prior=sides[0], current=sides[1])


def real_pair(name: str, folder: Path) -> RealPair:
    """Read and register a pair as the product does."""
    prior, current = (make_ready(read_scan(folder / side, wanted_uid=None)) for side in ("prior", "current"))
    found = register(prior.read.volume, current.read.volume, prior_lungs=prior.lungs, current_lungs=current.lungs)
    graded = grade(prior.facts, current.facts, registration_residual_mm=found.median_residual_mm, interval_days=180)
    return RealPair(name, prior, current, found, graded.extra_relative_error)


def measure_real(pair: RealPair, prior_lps_mm: NDArray[np.float64], log_ratio: float) -> MeasuredReal | None:
    """Measure one nodule of known growth on both scans as the product does; None where one of them is refused."""
    try:
        first = _measure(pair.prior, prior_lps_mm)
        second = _measure(pair.current, pair.found.current_from_prior(first.centre_lps_mm))
    except NotMeasured:
        return None
    both = measure_together(first, second, pair.found.jacobians(first.centre_lps_mm)[0]) or (first, second)
    cubes = [
        cut_patches(scan.read.volume, one.centre_lps_mm, side=SIDE, step_mm=STEP_MM)[0]
        for scan, one in ((pair.prior, first), (pair.current, second))
    ]
    return MeasuredReal(pair.name, log_ratio, _log_ratio(*both), _error(*both, pair.extra), np.stack(cubes))


def measure_real_ct(made: Sequence[Path]) -> tuple[list[MeasuredReal], int]:
    """Measure every real nodule of every pair; gives also how many were not measured."""
    told: list[MeasuredReal | None] = []
    for name, folder, truth in (pair for place in made for pair in made_pairs(place)):
        pair = real_pair(name, folder)
        told += [
            measure_real(pair, np.asarray(nodule["prior_lps_mm"]), math.log(nodule["volume_ratio"]))
            for nodule in truth["nodules"]
        ]
    return [one for one in told if one is not None], sum(one is None for one in told)


def growth_on_real_ct(measured: Sequence[MeasuredReal], network: Network) -> list[RealGrowth]:
    """Ask about every nodule that was measured, and fuse."""
    answers = read_answers(np.stack([one.cubes_hu for one in measured]), network)
    rows = []
    for one, seen in zip(measured, answers, strict=True):
        fused = fuse(math.exp(one.measured), one.measured_error, seen)
        ratios = one.measured, math.log(seen.volume_ratio), math.log(fused.volume_ratio)
        rows.append(
            RealGrowth(one.pair, one.true, *ratios, one.measured_error, seen.log_ratio_error, fused.log_ratio_error)
        )
    return rows


def _measure(scan: ReadyScan, point: NDArray[np.float64]) -> NoduleMeasurement:
    thickness_mm = scan.read.series.slice_thickness_mm
    return measure(scan.read.volume, point, lungs=scan.lungs, slice_thickness_mm=thickness_mm, noise=scan.noise)


def _log_ratio(first: NoduleMeasurement, second: NoduleMeasurement) -> float:
    return math.log(second.volume_mm3.value / first.volume_mm3.value)


def _error(first: NoduleMeasurement, second: NoduleMeasurement, extra: float) -> float:
    other_kind = OTHER_KIND_ERROR if (first.attenuation == "solid") != (second.attenuation == "solid") else 0.0
    return math.hypot(first.volume_mm3.relative_error, second.volume_mm3.relative_error, extra, other_kind)


@dataclass(frozen=True, slots=True)
class RealPlace:
    """How many false places stand before a real nodule, by the detector and by both; infinite when it is missed."""

    diameter_mm: float
    by_detector: float
    by_both: float


@dataclass(frozen=True, slots=True, eq=False)
class SearchedReal:
    """A scan with real nodules as the detector saw it, and what a network will be shown of each place."""

    found: tuple[Candidate, ...]
    patches_hu: Shorts
    nodules_lps_mm: NDArray[np.float64]
    diameters_mm: NDArray[np.float64]
    own_lps_mm: NDArray[np.float64]

    def false_before(self, listed: tuple[Candidate, ...]) -> list[float]:
        """How many false places stand before each nodule."""
        places = np.array([one.lps_mm for one in listed])
        on = np.linalg.norm(places[:, None] - self.nodules_lps_mm, axis=-1) < np.maximum(HIT_MM, self.diameters_mm / 2)
        own = (np.linalg.norm(places[:, None] - self.own_lps_mm, axis=-1) < OWN_REACH_MM).any(axis=1)
        false = np.concatenate([[0], np.cumsum(~on.any(axis=1) & ~own)])
        return [float(false[hit.argmax()]) if hit.any() else math.inf for hit in on.T]


def search_real_ct(made: Path) -> list[SearchedReal]:
    """Search the prior scan of every pair with the detector."""
    told = []
    for name, folder, truth in made_pairs(made):
        scan = make_ready(read_scan(folder / "prior", wanted_uid=None))
        found = find_candidates(scan.read.volume, scan.lungs, limit=LOOKED_AT, least_score=0.0)
        own = np.array(OWN_LPS_MM[HOST_OF[name.split("-")[0]]])
        places = np.array([nodule["prior_lps_mm"] for nodule in truth["nodules"]])
        diameters_mm = np.array([nodule["equivalent_diameter_prior_mm"] for nodule in truth["nodules"]])
        told.append(SearchedReal(found, cut_about(scan.read.volume, found), places, diameters_mm, own))
    return told


def places_on_real_ct(searched: Sequence[SearchedReal], network: Network) -> list[RealPlace]:
    """Put the places of every scan in order both ways."""
    told: list[RealPlace] = []
    for one in searched:
        again = weighed(one.found, one.patches_hu, network)
        rows = zip(one.diameters_mm.tolist(), one.false_before(one.found), one.false_before(again), strict=True)
        told += [RealPlace(*row) for row in rows]
    return told
