"""How far registration is off, how well it knows, and how long it takes, on pairs with a motion that is known.

Pairs: real CT moved by a known breath, if the research data lie beside the checkout, the research pair as it stands,
and simulated patients, whose lungs slide along the ribs. Each case runs in a process of its own, so that its peak
memory is its own. Run as ``python -m tests.benchmarks.bench_registration``; wall time counts on free cores only, CPU
time always. Making the moved scans takes one to two CPU minutes each; ``--folder`` keeps them for the next time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from registration.local import LocalScan, hollow_mm, refine_places
from registration.lungs import segment_lungs
from registration.register import register
from registration.transform import Registration
from registration.warm import warm
from tests.benchmarks.known_motion import DATA, FULL_SIZE, MOVED_SCANS, Case, moved_scan, research_pair, simulated_pair

DEPTHS_MM = (0, 3, 6, 10, 20, 99)
SIMULATED = {"simulated 400 x 400 x 170": (5, {}), "simulated 512 x 512 x 300": (3, FULL_SIZE)}
RESEARCH = "research pair"
ASKED_VESSELS = 150  # of the vessels, at which the last step is tried
NODULE_MM = 10.0  # left out around each nodule: larger than most of them


def made(name: str, folder: Path) -> Case:
    """The pair of a name."""
    if name == RESEARCH:
        return research_pair()
    if name in SIMULATED:
        return simulated_pair(*SIMULATED[name])
    (plan,) = (plan for plan in MOVED_SCANS if plan.name == name)
    return moved_scan(plan, folder)


def spread(off_mm: NDArray[np.float64]) -> str:
    """Median, 95th percentile, largest."""
    return f"{np.nanmedian(off_mm):.3f} / {np.nanpercentile(off_mm, 95):.3f} / {np.nanmax(off_mm):.2f}"


def within(off_mm: NDArray[np.float64], expected_mm: NDArray[np.float64]) -> str:
    """Shares of the errors within one and within two of what was expected."""
    known = np.isfinite(off_mm)
    return " / ".join(f"{np.mean(off_mm[known] < k * expected_mm[known]):.2f}" for k in (1, 2))


def row(name: str, folder: str) -> str:
    """Register one pair and judge it: one line of the table, and one for each depth below the pleura."""
    warm()
    case = made(name, Path(folder))
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    registration = register(case.prior, case.current)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    carry = registration.current_from_prior
    off_mm = [np.linalg.norm(carry(part[0]) - part[1], axis=1) for part in (case.vessels, case.nodules, case.lattice)]
    expected_mm = [registration.residual_mm(part[0]) for part in (case.vessels, case.nodules, case.lattice)]
    start_mm = np.linalg.norm(registration.roughly_on_current(case.lattice[0]) - case.lattice[1], axis=1)
    moved_mm = np.linalg.norm(case.lattice[1] - case.lattice[0], axis=1).max()
    lines = [
        f"| {name} | {moved_mm:.0f} | {wall_s:.1f} | {cpu_s:.1f} | {peak_mb:.0f} | {spread(off_mm[0])} "
        f"| {within(off_mm[0], expected_mm[0])} | {spread(off_mm[1])} | {within(off_mm[1], expected_mm[1])} |"
    ]
    lines.append(stepped(case, registration))
    for low, high in pairwise(DEPTHS_MM):
        here = (case.depth_mm >= low) & (case.depth_mm < high)
        worse = np.mean(off_mm[2][here] > start_mm[here])
        lines.append(
            f"  {low} to {high} mm below the pleura: {spread(off_mm[2][here])}, within 1 / 2 sigma "
            f"{within(off_mm[2][here], expected_mm[2][here])}, worse than the affine start {100 * worse:.1f} %"
        )
    return "\n".join(lines) + "\n"


def stepped(case: Case, registration: Registration) -> str:
    """The same places with a last step of their own: asked vessels as they are, nodules left out."""
    prior, current = (LocalScan(one, segment_lungs(one)) for one in (case.prior, case.current))
    every = max(1, len(case.vessels[0]) // ASKED_VESSELS)
    parts = [("vessels", case.vessels[0][::every], case.vessels[1][::every], 0.0)]
    parts.append(("nodules", *case.nodules, float(hollow_mm(NODULE_MM))))
    told = []
    for name, points, truth, left_out_mm in parts:
        cpu_s = time.process_time()
        found = refine_places(prior, current, registration, points, left_out_mm=left_out_mm)
        cpu_s = time.process_time() - cpu_s
        by_map_mm = np.linalg.norm(registration.current_from_prior(points) - truth, axis=1)
        off_mm = np.linalg.norm(found.places_lps_mm - truth, axis=1)
        told.append(
            f"  {name} ({len(points)}) by the map {spread(by_map_mm)}, with a step {spread(off_mm)}, "
            f"within 1 / 2 sigma {within(off_mm, found.residuals_mm)}, moved {100 * found.moved.mean():.0f} %, "
            f"{1000 * cpu_s / len(points):.0f} CPU ms a point"
        )
    return "\n".join(told)


def main() -> None:
    """Run every case, each in a fresh process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="run the cases whose name holds this")
    parser.add_argument("--folder", help="keep the moved scans here")
    asked = parser.parse_args()
    research = [RESEARCH, *(plan.name for plan in MOVED_SCANS)] if DATA.exists() else []
    sys.stdout.write(
        "Errors in mm: median / 95th percentile / largest. Known: share of errors within 1 / 2 sigma.\n"
        "| pair | moved up to mm | wall s | CPU s | peak MB | vessels | known | nodules | known |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as temporary:
        for name in (*SIMULATED, *research):
            if asked.only in name:
                with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as process:
                    sys.stdout.write(process.submit(row, name, asked.folder or temporary).result())
                sys.stdout.flush()


if __name__ == "__main__":
    main()
