"""Bias, repeatability, interval coverage and speed of measuring, against region growing, on nodules of known volume.

Run as ``python -m tests.benchmarks.bench_measure``; prints Markdown tables for ``docs/benchmarks.md``. Every nodule
is drawn by ``tests.phantoms`` with a relief of its own, at a random place on the grid, and measured from a point off
its middle. The peer is what a user would write instead: a threshold at half contrast, grown from the seed, opened by
a small ball.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.errors import NotMeasured
from inference.estimate import Z_95
from inference.measure import NoduleMeasurement, measure
from tests.phantoms import DrawnNodule, NodulePhantom, draw

DIAMETERS_MM = (5.0, 6.0, 8.0, 10.0, 15.0)
KINDS: dict[str, NodulePhantom] = {
    "solid, isolated": NodulePhantom(irregularity=0.12),
    "solid, isolated, 2.5 mm slices": NodulePhantom(
        irregularity=0.12, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5
    ),
    "solid, on vessels": NodulePhantom(irregularity=0.12, vessels=2),
    "solid, on the wall": NodulePhantom(irregularity=0.12, wall=True),
    "solid, wall and vessel": NodulePhantom(irregularity=0.12, wall=True, vessels=1),
    "ground glass, isolated": NodulePhantom(irregularity=0.12, nodule_hu=-580),
    "ground glass, on a vessel": NodulePhantom(irregularity=0.12, nodule_hu=-580, vessels=1),
    "ground glass, on the wall": NodulePhantom(irregularity=0.12, nodule_hu=-580, wall=True),
}
OFF_MIDDLE = 0.15  # of the diameter: spread of the asked point around the middle


@dataclass(frozen=True)
class Row:
    """Logarithmic errors of one cell of the table; NaN where refused."""

    ours: NDArray[np.float64]
    peer: NDArray[np.float64]
    stated: NDArray[np.float64]
    seconds: float


def grown_mm3(drawn: DrawnNodule, seed_lps_mm: NDArray[np.float64]) -> float:
    """Volume by region growing at half contrast with an opening; NaN when the seed lies outside."""
    volume = drawn.volume
    index = tuple(np.round(volume.index_from_lps(seed_lps_mm)).astype(int))
    hu = volume.array_hu.astype(np.float32)
    around = tuple(slice(max(0, i - 2), i + 3) for i in index)
    level = (float(np.percentile(hu[around], 80)) + float(np.median(hu[hu < -600]))) / 2
    inside = hu > level
    depth = ndimage.distance_transform_edt(inside, sampling=volume.spacing_zyx_mm)
    ball_mm = float(np.clip(0.5 * depth[around].max(), 0.9, 3))
    core, _ = ndimage.label(depth > ball_mm)
    label = int(core[around].max())
    if label == 0:
        return math.nan
    opened = ndimage.distance_transform_edt(core != label, sampling=volume.spacing_zyx_mm) < ball_mm + 0.7
    return float((opened & inside).sum() * volume.voxel_mm3)


def measure_cell(asked: NodulePhantom, times: int) -> Row:
    """Measure one kind of nodule at one size several times."""
    ours, peer, stated = (np.full(times, np.nan) for _ in range(3))
    spent = 0.0
    for k in range(times):
        drawn = draw(replace(asked, seed=31 * k + 1, side_mm=1.2 * asked.diameter_mm + 28))
        off = np.random.default_rng(k).normal(0, OFF_MIDDLE * asked.diameter_mm / 2, 3)
        seed = drawn.centre_lps_mm + off
        peer[k] = math.log(grown_mm3(drawn, seed) / drawn.volume_mm3)
        started = time.process_time()
        found = _measured(drawn, seed)
        spent += time.process_time() - started
        if found is not None:
            ours[k] = math.log(found.volume_mm3.value / drawn.volume_mm3)
            stated[k] = found.volume_mm3.relative_error
    return Row(ours, peer, stated, spent / times)


def _measured(drawn: DrawnNodule, seed_lps_mm: NDArray[np.float64]) -> NoduleMeasurement | None:
    try:
        return measure(drawn.volume, seed_lps_mm)
    except NotMeasured:
        return None


def covered_percent(row: Row) -> float:
    """How often the stated 95 % interval of the ratio of two repeats holds the truth, over all pairs of repeats."""
    known = np.flatnonzero(np.isfinite(row.ours))
    pairs = [(a, b) for a in known for b in known if a < b]
    held = [abs(row.ours[a] - row.ours[b]) < Z_95 * math.hypot(row.stated[a], row.stated[b]) for a, b in pairs]
    return 100 * float(np.mean(held)) if held else math.nan


def bias_and_spread(errors: NDArray[np.float64]) -> str:
    """Median error and robust spread, both in percent."""
    known = errors[np.isfinite(errors)]
    if not known.size:
        return "-"
    middle = float(np.median(known))
    spread = 1.4826 * float(np.median(np.abs(known - middle)))
    return f"{100 * math.expm1(middle):+.1f} / {100 * spread:.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=8, help="nodules per cell")
    times = parser.parse_args().times
    lines = [
        "| nodule | mm | bias / CV % | worst % | refused | stated % | ratio covered % | CPU s | grown: bias / CV % |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, kind in KINDS.items():
        for diameter_mm in DIAMETERS_MM:
            row = measure_cell(replace(kind, diameter_mm=diameter_mm), times)
            worst = 100 * float(np.nanmax(np.abs(np.expm1(row.ours)), initial=0.0))
            refused = int(np.isnan(row.ours).sum())
            lines.append(
                f"| {name} | {diameter_mm:.0f} | {bias_and_spread(row.ours)} | {worst:.1f} | {refused} of {times} "
                f"| {100 * float(np.nanmean(row.stated)):.0f} | {covered_percent(row):.0f} | {row.seconds:.2f} "
                f"| {bias_and_spread(row.peer)} |"
            )
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
