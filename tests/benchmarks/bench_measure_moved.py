"""How far the volume moves when the asked point does: every kind of nodule, asked 2 mm beside its middle.

``python -m tests.benchmarks.bench_measure_moved`` prints a Markdown table. Each nodule is asked at its middle and at
2 mm from it along both ways of every axis. Goal: 3 % median, 10 % at most.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from inference.errors import NotMeasured
from inference.measure import measure
from tests.phantoms import DrawnNodule, NodulePhantom, draw

MOVED_MM = 2.0
DIAMETERS_MM = (6.0, 8.0, 12.0)
KINDS: dict[str, NodulePhantom] = {
    "solid, isolated": NodulePhantom(irregularity=0.12),
    "solid, isolated, 2.5 mm slices": NodulePhantom(
        irregularity=0.12, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5
    ),
    "solid, on vessels": NodulePhantom(irregularity=0.12, vessels=2),
    "solid, on the wall": NodulePhantom(irregularity=0.12, wall=True),
    "solid, on fat on the wall": NodulePhantom(irregularity=0.12, wall=True, fat_mm=4),
    "solid, wall and vessel": NodulePhantom(irregularity=0.12, wall=True, vessels=1),
    "ground glass": NodulePhantom(irregularity=0.12, nodule_hu=-600),
    "ground glass, on a vessel": NodulePhantom(irregularity=0.12, nodule_hu=-600, vessels=1),
    "part solid": NodulePhantom(irregularity=0.12, nodule_hu=-600, solid_core_mm=4.0),
    "with a cavity": NodulePhantom(irregularity=0.12, solid_core_mm=3.5, core_hu=-950.0, core_off_mm=0.5),
}


@dataclass(slots=True)
class Moved:
    """Absolute changes of ln(volume), points that were refused, and CPU seconds of all points."""

    changes: list[float] = field(default_factory=list)
    refused: int = 0
    asked: int = 0
    cpu_seconds: float = 0.0

    def ask(self, drawn: DrawnNodule) -> None:
        """Ask one nodule at its middle and around it."""
        started = time.process_time()
        volumes = [_measured_mm3(drawn, move) for move in MOVED_MM * np.vstack([np.zeros(3), np.eye(3), -np.eye(3)])]
        self.cpu_seconds += time.process_time() - started
        self.asked += len(volumes)
        self.refused += sum(volume is None for volume in volumes)
        middle, *others = volumes
        if middle is not None:
            self.changes += [abs(math.log(other / middle)) for other in others if other is not None]


def _measured_mm3(drawn: DrawnNodule, move_mm: NDArray[np.float64]) -> float | None:
    try:
        return measure(drawn.volume, drawn.centre_lps_mm + move_mm).volume_mm3.value
    except NotMeasured:
        return None


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="nodules per cell")
    times = parser.parse_args().times
    sys.stdout.write(
        "| nodule | mm | points | median change % | 95 % below | largest | over 10 % | refused | CPU s a point |\n"
        "|---|---|---|---|---|---|---|---|---|\n"
    )
    everything: list[float] = []
    for name, kind in KINDS.items():
        for diameter_mm in DIAMETERS_MM:
            moved = Moved()
            for k in range(times):
                moved.ask(draw(replace(kind, diameter_mm=diameter_mm, seed=17 * k + 5, side_mm=1.2 * diameter_mm + 28)))
            everything += moved.changes
            each = f"{moved.refused} | {moved.cpu_seconds / moved.asked:.2f}"
            sys.stdout.write(f"| {name} | {diameter_mm:.0f} | {moved.asked} | {_cells(moved.changes)} | {each} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"| all | | {len(everything)} | {_cells(everything)} | | |\n")


def _cells(moved: list[float]) -> str:
    if not moved:
        return "- | - | - | -"
    median, most, largest = (100 * float(np.quantile(moved, share)) for share in (0.5, 0.95, 1.0))
    return f"{median:.1f} | {most:.1f} | {largest:.1f} | {sum(one > math.log(1.1) for one in moved)}"


if __name__ == "__main__":
    main()
