"""Moved real scans that no learned model was looked at with before it was final: for evaluation alone.

``python -m tests.benchmarks.learned_pairs FOLDER`` makes them: other breaths, protocols, places and growths than the
pairs of ``tests.benchmarks.bench_registration``. One to two CPU minutes each; what is there already is kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Final

from tests.benchmarks.known_motion import LIDC, NLST, THICK, THIN, MovedScan, moved_scan

FRESH: Final = (
    MovedScan("NLST, breath, 1.25 mm", NLST, 11, THIN | {
        "motion": {"amplitude_si_mm": 15, "amplitude_ap_mm": 5, "amplitude_lr_mm": 2, "bumps_mm": 1.2},
        "rotation_deg": [-1, 2, 1], "shift_mm": [7, 3, -6], "noise_hu": 25, "spacing_mm": 1.25, "pixel_mm": 0.75}),
    MovedScan("LIDC, small breath, 2 mm", LIDC, 12, THICK | {
        "motion": {"amplitude_si_mm": 8, "amplitude_ap_mm": 3, "amplitude_lr_mm": 1, "bumps_mm": 1.0},
        "rotation_deg": [1, -2, 1], "shift_mm": [-4, 9, 5], "noise_hu": 20, "spacing_mm": 2.0, "pixel_mm": 0.75}),
    MovedScan("NLST, breathed out, 2 mm, half dose", NLST, 13, THICK | {
        "motion": {"amplitude_si_mm": -14, "amplitude_ap_mm": -4, "amplitude_lr_mm": -2, "bumps_mm": 1.5},
        "rotation_deg": [2, -1, -2], "shift_mm": [-8, -5, 9], "noise_hu": 32, "spacing_mm": 2.0}),
    MovedScan("LIDC, deep breath, 1.25 mm", LIDC, 14, THIN | {
        "motion": {"amplitude_si_mm": 20, "amplitude_ap_mm": 6, "amplitude_lr_mm": 3, "bumps_mm": 1.3},
        "rotation_deg": [-2, -1, 2], "shift_mm": [6, 7, -9], "noise_hu": 28, "spacing_mm": 1.25, "pixel_mm": 0.8}),
)  # fmt: skip


def main() -> None:
    """Make those that are not there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    for plan in FRESH:
        case = moved_scan(plan, asked.folder)
        sys.stdout.write(f"{plan.name}: {len(case.nodules[0])} nodules\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
