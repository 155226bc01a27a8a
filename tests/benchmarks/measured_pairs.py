"""What measuring says of nodules of known growth, kept once so that fitting, checking and drawing need not measure.

``python -m tests.benchmarks.measured_pairs FOLDER FILE`` measures every pair that ``known_nodules`` kept in FOLDER,
apart and together, and adds one line of JSON for each to FILE; pairs that FILE holds already are left out.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np

from inference.comparability import ScanFacts, grade, scan_grain_mm
from inference.errors import NotMeasured
from inference.joint import measure_together
from inference.measure import NoduleMeasurement, measure
from inference.noise import ScanNoise
from inference.repeatability import Attenuation, ErrorTable, volume_error
from inference.training.known_nodules import KnownNodule, KnownScan, read_nodules

How = Literal["apart", "together"]
OFF_MIDDLE = 0.1  # of the diameter: spread of the asked point


@dataclass(frozen=True, slots=True)
class Seen:
    """What one measurement says, as far as its error follows from it."""

    volume_mm3: float
    contrast_hu: float
    joined_share: float
    wall_share: float
    attenuation: Attenuation
    off_mm: float  # of the centre

    @classmethod
    def of(cls, measured: NoduleMeasurement, scan: KnownScan) -> Self:
        """Keep what is needed."""
        return cls(
            measured.volume_mm3.value,
            measured.contrast_hu,
            measured.joined_share,
            measured.wall_share,
            measured.attenuation,
            float(np.linalg.norm(np.asarray(measured.centre_lps_mm) - scan.centre_lps_mm)),
        )


@dataclass(frozen=True, slots=True)
class Side:
    """The truth of one scan, and what measuring by itself said; None when it was refused."""

    true_mm3: float
    voxel_mm3: float
    slice_mm: float
    kernel: str
    noise: ScanNoise
    grain_mm: float
    apart: Seen | None
    refusal: str
    cpu_seconds: float

    @property
    def diameter_mm(self) -> float:
        """Of the ball of the true volume."""
        return float((6 * self.true_mm3 / math.pi) ** (1 / 3))

    def error(self, seen: Seen, table: ErrorTable, moved_wall_share: float) -> float:
        """Standard error of ln(volume) by a table."""
        return volume_error(
            volume_mm3=seen.volume_mm3,
            contrast_hu=seen.contrast_hu,
            voxel_mm3=self.voxel_mm3,
            slice_mm=self.slice_mm,
            noise=self.noise,
            joined_share=seen.joined_share,
            wall_share=seen.wall_share,
            attenuation=seen.attenuation,
            moved_wall_share=moved_wall_share,
            table=table,
        ).total


@dataclass(frozen=True, slots=True)
class Case:
    """One nodule on two scans."""

    name: str
    attenuation: str
    placement: str
    prior: Side
    current: Side
    together: tuple[Seen, Seen] | None

    @property
    def seed(self) -> int:
        """Of its patient."""
        return int(self.name.split("-")[0])

    @property
    def measured(self) -> bool:
        """Whether both sides were."""
        return self.prior.apart is not None and self.current.apart is not None

    @property
    def log_ratio(self) -> float:
        """Logarithm of the true ratio."""
        return math.log(self.current.true_mm3 / self.prior.true_mm3)

    @property
    def like_protocols(self) -> bool:
        """Whether both scans were made alike; else the comparability of the pair adds its own error."""
        return self.prior.slice_mm == self.current.slice_mm and self.prior.kernel == self.current.kernel

    @property
    def like_kinds(self) -> bool:
        """Whether both were called solid, or both not."""
        first, second = self.seen("apart")
        return (first.attenuation == "solid") == (second.attenuation == "solid")

    def seen(self, how: How) -> tuple[Seen, Seen]:
        """The two measurements; together where that could be done."""
        if self.prior.apart is None or self.current.apart is None:
            raise ValueError(f"{self.name} was refused")
        return (self.together if how == "together" else None) or (self.prior.apart, self.current.apart)

    def off(self, how: How) -> float:
        """Logarithm of the measured over the true ratio."""
        first, second = self.seen(how)
        return math.log(second.volume_mm3 / first.volume_mm3) - self.log_ratio

    def error(self, how: How, table: ErrorTable) -> float:
        """Standard error of the ratio by a table; what comparability adds included."""
        first, second = self.seen(how)
        moved = abs(first.wall_share - second.wall_share)
        by_side = (self.prior.error(first, table, moved), self.current.error(second, table, moved))
        return math.hypot(*by_side, self.extra)

    @property
    def extra(self) -> float:
        """What the grade of the pair adds."""
        return grade(_facts(self.prior), _facts(self.current)).extra_relative_error


def _facts(side: Side) -> ScanFacts:
    return ScanFacts(
        slice_thickness_mm=side.slice_mm,
        slice_spacing_mm=side.slice_mm,
        kernel=side.kernel,
        noise_hu=side.noise.sd_hu,
        grain_mm=side.grain_mm,
    )


def measure_case(known: KnownNodule) -> Case:
    """Measure one nodule on both scans, apart and together."""
    rng = np.random.default_rng([int(part) for part in known.name.split("-")])
    found, sides = [], []
    for scan in (known.prior, known.current):
        diameter_mm = (6 * scan.volume_mm3 / math.pi) ** (1 / 3)
        point = scan.centre_lps_mm + rng.normal(0, OFF_MIDDLE * diameter_mm, 3)
        started, refusal = time.process_time(), ""
        measured: NoduleMeasurement | None = None
        try:
            measured = measure(scan.volume, point, slice_thickness_mm=scan.slice_mm, noise=scan.noise)
        except NotMeasured as refused:
            refusal = refused.code
        found.append(measured)
        sides.append(
            Side(
                scan.volume_mm3,
                scan.volume.voxel_mm3,
                scan.slice_mm,
                scan.kernel,
                scan.noise,
                scan_grain_mm(scan.noise.correlation_voxels, scan.volume.spacing_zyx_mm[2]),
                Seen.of(measured, scan) if measured else None,
                refusal,
                time.process_time() - started,
            )
        )
    first, second = found
    both = measure_together(first, second, known.jacobian) if first and second else None
    together = (Seen.of(both[0], known.prior), Seen.of(both[1], known.current)) if both else None
    return Case(known.name, known.attenuation, known.placement, sides[0], sides[1], together)


def read_cases(file: Path) -> list[Case]:
    """Read what ``main`` wrote, in the order of names."""
    if not file.exists():
        return []
    return sorted((_case(json.loads(line)) for line in file.read_text().splitlines()), key=lambda case: case.name)


def _case(kept: dict[str, Any]) -> Case:
    together = kept["together"]
    return Case(
        kept["name"],
        kept["attenuation"],
        kept["placement"],
        _side(kept["prior"]),
        _side(kept["current"]),
        (Seen(**together[0]), Seen(**together[1])) if together else None,
    )


def _side(kept: dict[str, Any]) -> Side:
    apart = Seen(**kept["apart"]) if kept["apart"] else None
    return Side(**(kept | {"noise": ScanNoise(**kept["noise"]), "apart": apart}))


def measured_now(folder: Path, seeds: set[int] | None, left_out: set[str]) -> Iterator[Case]:
    """Measure the pairs of a folder that are not known yet."""
    for known in read_nodules(folder, seeds):
        if known.name not in left_out:
            yield measure_case(known)


def main() -> None:
    """Measure and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    parser.add_argument("--seeds", type=int, nargs="*")
    asked = parser.parse_args()
    known = {case.name for case in read_cases(asked.file)}
    with asked.file.open("a") as kept:
        for case in measured_now(asked.folder, set(asked.seeds) if asked.seeds else None, known):
            kept.write(json.dumps(asdict(case)) + "\n")
            kept.flush()
    sys.stdout.write(f"{len(read_cases(asked.file))} nodules in {asked.file}\n")


if __name__ == "__main__":
    main()
