"""How far registration is off, how well it knows, how long it takes, and what SimpleITK does with the same pair.

Pairs: the research pair with known motion, if it lies beside the checkout, and simulated chests of full size whose two
scans carry noise of their own. Each case runs in a process of its own, so that its peak memory is its own. Run as
``python -m tests.benchmarks.bench_registration``; wall time counts on free cores only, CPU time always.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray

from inference.simulate.follow_up import simulate_pair
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from registration.register import register
from registration.volume import Volume
from registration.warm import warm

Points = NDArray[np.float64]
DATA = Path(os.environ.get("NODULES_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
FULL_SIZE = {"shape_zyx": (300, 512, 512), "spacing_zyx_mm": (1.0, 0.7, 0.7)}
PEER_MM = 2.0


@dataclass(frozen=True)
class Case:
    """Two scans, and places of the lung (n, 3) and of nodules (m, 3) on both."""

    prior: Volume
    current: Volume
    points: tuple[Points, Points]
    nodules: tuple[Points, Points]


@dataclass(frozen=True)
class Answer:
    """Where a method put the points and nodules, what it expected to be off, and what it took."""

    points: Points
    nodules: Points
    expected_mm: Points | None
    wall_s: float
    cpu_s: float


def research_pair() -> Case:
    """The real scan and its warped successor."""

    def volume(name: str) -> Volume:
        with read_examination(DATA / "nlst-101287" / name) as examination:
            return read_volume(examination.series[0])

    truth = json.loads((DATA / "nlst-101287" / "truth.json").read_text())
    points, nodules = truth["lung_points"], truth["nodules"]
    return Case(
        volume("prior"),
        volume("current"),
        (np.array([p["prior_lps_mm"] for p in points]), np.array([p["current_lps_mm"] for p in points])),
        (
            np.array([n["expected_place_in_prior_lps_mm"] for n in nodules]),
            np.array([n["expected_place_in_current_lps_mm"] for n in nodules]),
        ),
    )


def simulated_pair(seed: int, size: dict[str, tuple[float, float, float]]) -> Case:
    """A simulated patient, scanned twice."""
    pair = simulate_pair(seed, **size)  # type: ignore[arg-type]  # sizes of both kinds in one mapping
    truth = pair.truth
    return Case(
        pair.prior,
        pair.current,
        (np.array(truth.prior_points_lps_mm), np.array(truth.current_points_lps_mm)),
        (
            np.array([nodule.expected_prior_lps_mm for nodule in truth.nodules]),
            np.array([nodule.expected_current_lps_mm for nodule in truth.nodules]),
        ),
    )


def ours(case: Case) -> Answer:
    """Our registration, its loops compiled before the clock starts."""
    warm()
    wall, cpu = time.perf_counter(), time.process_time()
    registration = register(case.prior, case.current)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    points, nodules = (registration.current_from_prior(part[0]) for part in (case.points, case.nodules))
    return Answer(points, nodules, registration.residual_mm(case.points[0]), wall, cpu)


def simple_itk(case: Case) -> Answer:
    """What a user would write with SimpleITK: affine, then B-splines, on correlation at 2 mm."""
    fixed, moving = (_as_image(volume) for volume in (case.prior, case.current))
    wall, cpu = time.perf_counter(), time.process_time()
    start = SimpleITK.CenteredTransformInitializer(
        fixed, moving, SimpleITK.AffineTransform(3), SimpleITK.CenteredTransformInitializerFilter.MOMENTS
    )
    method = _peer_method(start, sampling=0.02)
    affine = method.Execute(fixed, moving)
    nodes = [
        max(int(size * spacing / 20), 4) for size, spacing in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)
    ]
    method = _peer_method(SimpleITK.BSplineTransformInitializer(fixed, nodes), sampling=0.05)
    method.SetMovingInitialTransform(affine)
    method.SetOptimizerAsLBFGSB(numberOfIterations=15)
    both = SimpleITK.CompositeTransform([affine, method.Execute(fixed, moving)])
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    points, nodules = (
        np.array([both.TransformPoint(point) for point in part[0].tolist()]) for part in (case.points, case.nodules)
    )
    return Answer(points, nodules, None, wall, cpu)


def _as_image(volume: Volume) -> SimpleITK.Image:
    """Volume at 2 mm, as SimpleITK wants it."""
    image = SimpleITK.GetImageFromArray(volume.array_hu)
    image.SetSpacing(volume.spacing_zyx_mm[::-1])
    image.SetOrigin(volume.origin_lps_mm)
    image.SetDirection(volume.direction.ravel().tolist())
    size = [int(n * s / PEER_MM) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    return SimpleITK.Resample(
        SimpleITK.Cast(SimpleITK.Clamp(image, upperBound=300, lowerBound=-1000), SimpleITK.sitkFloat32),
        size, SimpleITK.Transform(), SimpleITK.sitkLinear, image.GetOrigin(), [PEER_MM] * 3, image.GetDirection(),
    )  # fmt: skip


def _peer_method(start: SimpleITK.Transform, *, sampling: float) -> SimpleITK.ImageRegistrationMethod:
    """Correlation over three levels, sampled at random with a fixed seed."""
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(sampling, 1)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 60)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=False)
    return method


def line(name: str, case: Case, answer: Answer) -> str:
    """One line of figures."""
    off_mm = np.linalg.norm(answer.points - case.points[1], axis=1)
    nodules_mm = np.linalg.norm(answer.nodules - case.nodules[1], axis=1)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    volumes_mb = (case.prior.array_hu.nbytes + case.current.array_hu.nbytes) / 1e6
    known = ""
    if answer.expected_mm is not None:
        within = [float(np.nanmean(off_mm < k * answer.expected_mm)) for k in (1, 2)]
        known = f"  within 1 sigma {within[0]:.2f}, 2 sigma {within[1]:.2f}, not carried {np.isnan(off_mm).sum()}"
    return (
        f"{name:34} {answer.wall_s:6.1f} s wall {answer.cpu_s:6.1f} s CPU {peak_mb:6.0f} MB (scans {volumes_mb:.0f})  "
        f"points {np.nanmedian(off_mm):.3f} / {np.nanpercentile(off_mm, 95):.3f} / {np.nanmax(off_mm):.3f} mm  "
        f"nodules {np.nanmedian(nodules_mm):.3f} / {np.nanmax(nodules_mm):.3f} mm{known}"
    )


def research_ours() -> str:
    """Ours on the research pair."""
    case = research_pair()
    return line("research pair, ours", case, ours(case))


def research_peer() -> str:
    """SimpleITK on the research pair."""
    case = research_pair()
    return line("research pair, SimpleITK", case, simple_itk(case))


def simulated_full() -> str:
    """Ours on a pair of full size."""
    case = simulated_pair(3, FULL_SIZE)
    return line("simulated 512 x 512 x 300, ours", case, ours(case))


def simulated_small() -> str:
    """Ours on a pair with thicker slices."""
    case = simulated_pair(5, {})
    return line("simulated 400 x 400 x 170, ours", case, ours(case))


CASES: tuple[Callable[[], str], ...] = (simulated_small, simulated_full)
RESEARCH_CASES: tuple[Callable[[], str], ...] = (research_ours,)
PEER_CASES: tuple[Callable[[], str], ...] = (research_peer,)


def main() -> None:
    """Run every case, each in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", help="run the cases whose name holds this")
    parser.add_argument("--peer", action="store_true", help="SimpleITK too, which takes minutes")
    asked = parser.parse_args()
    research = (*RESEARCH_CASES, *(PEER_CASES if asked.peer else ()))
    cases = [*CASES, *(research if (DATA / "nlst-101287").exists() else ())]
    sys.stdout.write("Errors: median / 95th percentile / largest; nodules: median / largest.\n")
    for case in cases:
        if asked.only and asked.only not in case.__name__:
            continue
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as process:
            sys.stdout.write(process.submit(case).result() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
