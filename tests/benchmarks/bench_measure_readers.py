"""Outlines against those of the readers of LIDC-IDRI: Dice with their consensus, and with how they agree themselves.

Run as ``python -m tests.benchmarks.bench_measure_readers``; needs the reader cubes beside the checkout. The consensus
is what at least half of the readers drew. A nodule counts as solid when the readers' median texture is 5 of 5.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.errors import NotMeasured
from inference.measure import NoduleMeasurement, measure
from registration.volume import Volume
from tests.benchmarks.known_motion import DATA

TEXTURE = 7  # column of the readers' scores
SOLID_TEXTURE = 5
MARGIN_MM = 4.0  # most cubes end one slice beyond the nodule: their border is repeated outward
MARGIN_PX = 8


@dataclass(frozen=True, slots=True)
class Score:
    """Dice of one nodule with the consensus, the least Dice between two of its readers, and whether it is solid."""

    ours: float
    least_between_readers: float
    solid: bool


def dice(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Twice the common voxels over all."""
    return float(2 * (first & second).sum() / (first.sum() + second.sum()))


def score(path: Path) -> Score:
    """Measure the nodule of one cube from the middle of the consensus.

    Raises
    ------
    NotMeasured
    """
    with np.load(path) as cube:
        hu, readers, spacing = cube["hu"], cube["reader_masks"], cube["spacing_zyx"]
        texture = cube["reader_scores"][:, TEXTURE]
    consensus = readers.mean(axis=0) >= 0.5
    slices = int(np.ceil(MARGIN_MM / spacing[0]))
    z, y, x = (float(step) for step in spacing)
    padded = np.pad(hu, [(slices, slices), (MARGIN_PX, MARGIN_PX), (MARGIN_PX, MARGIN_PX)], mode="edge")
    volume = Volume(padded.astype(np.int16), (z, y, x), (0.0, 0.0, 0.0), np.eye(3))
    inside = np.argwhere(consensus)
    middle = inside[np.argmin(((inside - inside.mean(axis=0)) ** 2).sum(axis=1))]
    found = measure(volume, volume.lps_from_index(middle + np.array([slices, MARGIN_PX, MARGIN_PX])))
    own = _outline(found, volume)[slices:-slices, MARGIN_PX:-MARGIN_PX, MARGIN_PX:-MARGIN_PX]
    between = [dice(first, second) for first, second in itertools.combinations(readers, 2)]
    return Score(dice(own, consensus), min(between), float(np.median(texture)) >= SOLID_TEXTURE)


def _outline(found: NoduleMeasurement, volume: Volume) -> NDArray[np.bool_]:
    outline = np.zeros(volume.shape_zyx, bool)
    z, y, x = (slice(a, a + n) for a, n in zip(found.outline_start_zyx, found.outline.shape, strict=True))
    outline[z, y, x] = found.outline
    return outline


def main() -> None:
    """Print the table."""
    scores: list[Score] = []
    refusals: Counter[str] = Counter()
    for path in sorted((DATA / "lidc-vois").glob("*.npz")):
        try:
            scores.append(score(path))
        except NotMeasured as refusal:
            refusals[refusal.code] += 1
    if not scores:
        sys.stdout.write("No reader cubes beside the checkout.\n")
        return
    lines = ["| nodules | n | Dice median (10th percentile) | at least the readers' lowest % |", "|---|---|---|---|"]
    for name, chosen in (("all", scores), ("solid", [one for one in scores if one.solid])):
        ours = np.array([one.ours for one in chosen])
        held = np.mean([one.ours >= one.least_between_readers for one in chosen])
        lines.append(
            f"| {name} | {len(chosen)} | {np.median(ours):.3f} ({np.quantile(ours, 0.1):.2f}) | {100 * held:.0f} |"
        )
    said = ", ".join(f"{count} {code}" for code, count in refusals.most_common())
    sys.stdout.write("\n".join(lines) + f"\n\nNot measured: {said}\n")


if __name__ == "__main__":
    main()
