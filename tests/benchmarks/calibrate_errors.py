"""Fit the tables of ``inference.repeatability`` on nodules of known growth, and check them on others.

``python -m tests.benchmarks.calibrate_errors FOLDER`` reads what ``known_nodules`` kept. Every second round of seeds
through the protocols is fitted, the others are only counted. Printed are the constants of both tables, the coverage of
the 95 % interval of the ratio by subgroup, how often an unchanged nodule is called grown, and both ways of measuring
side by side.

The errors have heavy tails (a border that ran into a vessel), so the fit is by maximum likelihood of Student's t with
three degrees of freedom; then all constants are multiplied by the one number that makes the interval of a normal
distribution hold 95 % of the fitted pairs.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from inference.comparability import ScanFacts, grade, scan_grain_mm
from inference.errors import NotMeasured
from inference.estimate import Z_95
from inference.growth import REPEATABLE_RATIO
from inference.joint import measure_together
from inference.measure import NoduleMeasurement, measure
from inference.repeatability import TYPICAL_NOISE, ErrorTable, volume_error
from tests.benchmarks.known_nodules import PROTOCOLS, KnownNodule, KnownScan, read_nodules

OFF_MIDDLE = 0.1  # of the diameter: spread of the asked point
HEAVY_TAILS = 3.0  # degrees of freedom
FIRST_GUESS = ErrorTable(noise=1.0, sampling=0.15, border_mm=0.01, joined_mm=0.25, wall=0.04, subsolid_mm=0.04)
WORST = 15  # cases told one by one
PULL = 0.02  # towards the first guess, for constants that the data do not settle

Measured = tuple[NoduleMeasurement, NoduleMeasurement]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One nodule that was measured on both scans, apart and together."""

    known: KnownNodule
    apart: Measured
    together: Measured | None

    @property
    def fitted(self) -> bool:
        """Whether its seed belongs to those that the constants are fitted on."""
        return int(self.known.name.split("-")[0]) // len(PROTOCOLS) % 2 == 0

    @property
    def like_protocols(self) -> bool:
        """Whether both scans were made alike; else the comparability of the pair adds its own error."""
        return self.known.prior.slice_mm == self.known.current.slice_mm

    @property
    def like_kinds(self) -> bool:
        """Whether both were called solid, or both not."""
        return (self.apart[0].attenuation == "solid") == (self.apart[1].attenuation == "solid")

    def off(self, how: str) -> float:
        """Logarithm of the measured over the true ratio."""
        first, second = self.measured(how)
        return math.log(second.volume_mm3.value / first.volume_mm3.value) - self.known.log_ratio

    def measured(self, how: str) -> Measured:
        """The two measurements, ``apart`` or ``together``."""
        return self.together or self.apart if how == "together" else self.apart

    def error(self, how: str, table: ErrorTable) -> float:
        """Standard error of the ratio by a table; what comparability adds included."""
        return float(math.hypot(*(_error(one, table) for one in self.measured(how)), self.extra))

    @property
    def extra(self) -> float:
        """What the grade of the pair adds."""
        return grade(*(_facts(scan) for scan in (self.known.prior, self.known.current))).extra_relative_error


def _facts(scan: KnownScan) -> ScanFacts:
    pixel_mm = scan.volume.spacing_zyx_mm[2]
    return ScanFacts(
        slice_thickness_mm=scan.slice_mm,
        slice_spacing_mm=scan.volume.spacing_zyx_mm[0],
        kernel=scan.kernel,
        noise_hu=scan.noise.sd_hu,
        grain_mm=scan_grain_mm(scan.noise.correlation_voxels, pixel_mm),
    )


def _error(one: NoduleMeasurement, table: ErrorTable) -> float:
    return volume_error(
        volume_mm3=one.volume_mm3.value,
        contrast_hu=one.contrast_hu,
        voxel_mm3=one.scan.volume.voxel_mm3,
        slice_mm=one.scan.slice_mm,
        noise=one.scan.noise or TYPICAL_NOISE,
        joined_share=one.joined_share,
        wall_share=one.wall_share,
        attenuation=one.attenuation,
        table=table,
    ).total


def measured_cases(folder: Path, seeds: set[int] | None) -> tuple[list[Case], int]:
    """Measure all pairs; gives also how many had a side that was refused."""
    cases, refused = [], 0
    for known in read_nodules(folder, seeds):
        rng = np.random.default_rng([int(part) for part in known.name.split("-")])
        try:
            first, second = (_measure(scan, rng) for scan in (known.prior, known.current))
        except NotMeasured:
            refused += 1
            continue
        cases.append(Case(known, (first, second), measure_together(first, second, known.jacobian)))
    return cases, refused


def _measure(scan: KnownScan, rng: np.random.Generator) -> NoduleMeasurement:
    diameter_mm = (6 * scan.volume_mm3 / math.pi) ** (1 / 3)
    point = scan.centre_lps_mm + rng.normal(0, OFF_MIDDLE * diameter_mm, 3)
    return measure(scan.volume, point, slice_thickness_mm=scan.slice_mm, noise=scan.noise)


def fit(cases: Sequence[Case], how: str) -> ErrorTable:
    """Constants of one way of measuring, from the pairs given."""
    off = np.array([case.off(how) for case in cases])
    start = np.log([getattr(FIRST_GUESS, one.name) for one in fields(ErrorTable)])

    def misfit(logs: NDArray[np.float64]) -> float:
        error = np.array([case.error(how, _table(logs)) for case in cases])
        return float(
            -(stats.t.logpdf(off / error, HEAVY_TAILS) - np.log(error)).sum() + PULL * ((logs - start) ** 2).sum()
        )

    best = optimize.minimize(misfit, start, method="Powell", options={"maxiter": 12, "ftol": 1e-4}).x
    error = np.array([case.error(how, _table(best)) for case in cases])
    return _table(best + math.log(float(np.quantile(np.abs(off) / error, 0.95)) / Z_95))


def _table(logs: NDArray[np.float64]) -> ErrorTable:
    return ErrorTable(**dict(zip([one.name for one in fields(ErrorTable)], map(float, np.exp(logs)), strict=True)))


def _size_mm(case: Case) -> float:
    return float(min((6 * side.volume_mm3 / math.pi) ** (1 / 3) for side in (case.known.prior, case.known.current)))


SUBGROUPS: dict[str, Callable[[Case], bool]] = {
    "all": lambda case: True,
    "below 6 mm": lambda case: _size_mm(case) < 6,
    "6 to 8 mm": lambda case: 6 <= _size_mm(case) < 8,
    "8 to 11 mm": lambda case: 8 <= _size_mm(case) < 11,
    "11 mm and more": lambda case: _size_mm(case) >= 11,
    "solid": lambda case: case.known.attenuation == "solid",
    "ground glass": lambda case: case.known.attenuation == "ground_glass",
    "part solid": lambda case: case.known.attenuation == "part_solid",
    "isolated": lambda case: case.known.placement == "isolated",
    "on a vessel": lambda case: case.known.placement == "vessel",
    "on the pleura": lambda case: case.known.placement == "pleura",
    "slices to 1.25 mm": lambda case: max(case.known.prior.slice_mm, case.known.current.slice_mm) <= 1.25,
    "slices from 2 mm": lambda case: max(case.known.prior.slice_mm, case.known.current.slice_mm) >= 2,
    "soft kernel": lambda case: case.known.prior.kernel == case.known.current.kernel == "soft",
    "sharp kernel": lambda case: case.known.prior.kernel == case.known.current.kernel == "sharp",
}


def report(cases: Sequence[Case], tables: dict[str, ErrorTable]) -> str:
    """Coverage by subgroup and spread of both ways, on the cases given, as a Markdown table."""
    lines = [
        "| subgroup | n | apart: bias / spread / rms % | covered % | together: bias / spread / rms % | covered % |",
        "|---|---|---|---|---|---|",
    ]
    for name, belongs in SUBGROUPS.items():
        chosen = [case for case in cases if belongs(case)]
        if not chosen:
            continue
        cells = []
        for how, table in tables.items():
            off = np.array([case.off(how) for case in chosen])
            error = np.array([case.error(how, table) for case in chosen])
            spread = 1.4826 * float(np.median(np.abs(off - np.median(off))))
            cells.append(f"{100 * np.median(off):+.1f} / {100 * spread:.1f} / {100 * np.sqrt(np.mean(off**2)):.1f}")
            cells.append(f"{100 * np.mean(np.abs(off) < Z_95 * error):.0f}")
        lines.append(f"| {name} | {len(chosen)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def falsely_grown(cases: Sequence[Case], how: str, table: ErrorTable) -> str:
    """How many unchanged nodules are called grown."""
    unchanged = [case for case in cases if case.known.log_ratio == 0]
    limit = math.log(REPEATABLE_RATIO)
    called = sum(case.off(how) > max(limit, Z_95 * case.error(how, table)) for case in unchanged)
    return f"{called} of {len(unchanged)}"


def _told(case: Case) -> str:
    sides = [
        f"{one.volume_mm3.value / scan.volume_mm3:.2f} of {scan.volume_mm3:.0f} mm3, {one.attenuation}, "
        f"joined {one.joined_share:.2f}, wall {one.wall_share:.2f}"
        for one, scan in zip(case.measured("together"), (case.known.prior, case.known.current), strict=True)
    ]
    return f"{case.known.name} {case.known.attenuation} {case.known.placement}: {'; '.join(sides)}"


def main() -> None:
    """Measure, fit, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*")
    asked = parser.parse_args()
    cases, refused = measured_cases(asked.folder, set(asked.seeds) if asked.seeds else None)
    alike = [case for case in cases if case.like_protocols and case.like_kinds]
    tables = {how: fit([case for case in alike if case.fitted], how) for how in ("apart", "together")}
    checked = [case for case in alike if not case.fitted]
    out = [f"{len(cases)} nodules measured on both scans, {refused} refused; {len(alike)} on like protocols"]
    out += [f"{how}: {table}" for how, table in tables.items()]
    for title, chosen in (("Fitted", [case for case in alike if case.fitted]), ("Checked", checked)):
        out += ["", f"{title} seeds", "", report(chosen, tables)]
        out += [f"unchanged called grown, {how}: {falsely_grown(chosen, how, tables[how])}" for how in tables]
    other = [case for case in cases if case.like_kinds and not case.like_protocols]
    out += ["", "Other protocols", "", report(other, tables)]
    unlike = [case.off("together") for case in cases if not case.like_kinds]
    out += [f"called solid once only: {len(unlike)}, rms {100 * np.sqrt(np.mean(np.square(unlike))):.0f} %"]
    worst = sorted(cases, key=lambda case: -abs(case.off("together")))[:WORST]
    out += ["", "Furthest off (together):"] + [_told(case) for case in worst]
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
