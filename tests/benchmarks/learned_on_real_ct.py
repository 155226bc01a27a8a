"""Real nodules of other patients in real CT, with known place and growth: what learned models say of them.

``tests.benchmarks.bench_registration --folder FOLDER`` makes the pairs: nodules of the reader cubes laid into the
research scans, which are then moved, breathe, grow and get noise of their own.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.candidate_filter import LOOKED_AT, rescored
from inference.candidates import Candidate, find_candidates
from inference.comparability import grade
from inference.errors import NotMeasured
from inference.fusing import fuse
from inference.joint import measure_together
from inference.learned_growth import see_growth
from inference.measure import NoduleMeasurement, measure
from inference.networks.running import Network
from inference.repeatability import OTHER_KIND_ERROR
from nodules_app.services.compare.reading import ReadyScan, make_ready, read_scan
from registration.register import register
from tests.benchmarks.bench_candidates import HIT_MM, OWN_LPS_MM, OWN_REACH_MM

HOST_OF = {"NLST": "nlst-101287/prior", "LIDC": "lidc-0001/ct"}


@dataclass(frozen=True, slots=True)
class RealGrowth:
    """One nodule: logarithms of the true, the measured, the learned and the fused ratio."""

    pair: str
    true: float
    measured: float
    learned: float
    fused: float
    measured_error: float
    fused_error: float


def made_pairs(made: Path) -> Iterator[tuple[str, Path, dict[str, Any]]]:
    """Name, folder and truth of each pair."""
    for truth in sorted(made.glob("*/truth.json")):
        yield truth.parent.name, truth.parent, json.loads(truth.read_text("utf-8"))


def growth_on_real_ct(made: Path, network: Network) -> tuple[list[RealGrowth], int]:
    """Measure and ask about every nodule of every pair; gives also how many were not measured."""
    rows: list[RealGrowth] = []
    refused = 0
    for name, folder, truth in made_pairs(made):
        prior, current = (make_ready(read_scan(folder / side, wanted_uid=None)) for side in ("prior", "current"))
        found = register(prior.read.volume, current.read.volume, prior_lungs=prior.lungs, current_lungs=current.lungs)
        extra = grade(
            prior.facts, current.facts, registration_residual_mm=found.median_residual_mm, interval_days=180
        ).extra_relative_error
        for nodule in truth["nodules"]:
            try:
                first = _measure(prior, np.asarray(nodule["prior_lps_mm"]))
                carried = found.current_from_prior(first.centre_lps_mm)
                second = _measure(current, carried)
            except NotMeasured:
                refused += 1
                continue
            both = measure_together(first, second, found.jacobians(first.centre_lps_mm)[0]) or (first, second)
            (seen,) = see_growth(
                prior.read.volume, current.read.volume, [first.centre_lps_mm], [second.centre_lps_mm], network
            )
            measured, error = _log_ratio(*both), _error(*both, extra)
            fused = fuse(math.exp(measured), error, seen)
            rows.append(
                RealGrowth(
                    name,
                    math.log(nodule["volume_ratio"]),
                    measured,
                    math.log(seen.volume_ratio),
                    math.log(fused.volume_ratio),
                    error,
                    fused.log_ratio_error,
                )
            )
    return rows, refused


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


def places_on_real_ct(made: Path, network: Network) -> list[RealPlace]:
    """Search the prior scan of every pair both ways."""
    told: list[RealPlace] = []
    for name, folder, truth in made_pairs(made):
        scan = make_ready(read_scan(folder / "prior", wanted_uid=None))
        found = find_candidates(scan.read.volume, scan.lungs, limit=LOOKED_AT, least_score=0.0)
        again, _ = rescored(scan.read.volume, found, network)
        own = np.array(OWN_LPS_MM[HOST_OF[name.split("-")[0]]])
        at = np.array([nodule["prior_lps_mm"] for nodule in truth["nodules"]])
        diameter_mm = np.array([nodule["equivalent_diameter_prior_mm"] for nodule in truth["nodules"]])
        before = [_false_before(listed, at, diameter_mm, own) for listed in (found, again)]
        told += [RealPlace(*row) for row in zip(diameter_mm.tolist(), *before, strict=True)]
    return told


def _false_before(
    listed: tuple[Candidate, ...],
    nodules_lps_mm: NDArray[np.float64],
    diameter_mm: NDArray[np.float64],
    own_lps_mm: NDArray[np.float64],
) -> list[float]:
    places = np.array([one.lps_mm for one in listed])
    on = np.linalg.norm(places[:, None] - nodules_lps_mm, axis=-1) < np.maximum(HIT_MM, diameter_mm / 2)
    own = (np.linalg.norm(places[:, None] - own_lps_mm, axis=-1) < OWN_REACH_MM).any(axis=1)
    false = np.concatenate([[0], np.cumsum(~on.any(axis=1) & ~own)])
    return [float(false[hit.argmax()]) if hit.any() else math.inf for hit in on.T]
