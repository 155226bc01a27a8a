"""What is known of a simulated pair, as values and as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from inference.simulate.anatomy import Lobe
from inference.simulate.nodules import Attenuation, Placement

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class NoduleState:
    """A nodule on one scan.

    Parameters
    ----------
    volume_mm3
        True volume; on the pleura, of the part in the lung.
    diameter_mm
        Of the ball with that volume.
    solid_volume_mm3
        Of the solid part: the whole of a solid nodule, 0 of a ground-glass nodule.
    """

    volume_mm3: float
    diameter_mm: float
    solid_volume_mm3: float


@dataclass(frozen=True, slots=True)
class NoduleTruth:
    """A nodule on both scans.

    Parameters
    ----------
    prior_lps_mm, current_lps_mm
        Its centre; None on a scan that does not show it.
    expected_prior_lps_mm, expected_current_lps_mm
        Where its place in the lung lies on each scan, shown or not.
    volume_ratio
        Current to prior; None unless it is on both.
    """

    label: str
    lobe: Lobe
    attenuation: Attenuation
    placement: Placement
    prior_lps_mm: Point | None
    current_lps_mm: Point | None
    expected_prior_lps_mm: Point
    expected_current_lps_mm: Point
    prior: NoduleState | None
    current: NoduleState | None
    volume_ratio: float | None
    doubling_time_days: float | None


@dataclass(frozen=True, slots=True)
class PairTruth:
    """Everything known of a pair.

    Parameters
    ----------
    seed
        Makes the same pair again.
    interval_days
        From prior to current.
    descent_mm
        How much lower the diaphragm stands on the current scan.
    nodules
        In the order of their plans.
    prior_points_lps_mm, current_points_lps_mm
        The same places of the lung on both scans: branchings of vessels, and points between them.
    """

    seed: int
    interval_days: int
    descent_mm: float
    nodules: tuple[NoduleTruth, ...]
    prior_points_lps_mm: tuple[Point, ...]
    current_points_lps_mm: tuple[Point, ...]

    def to_json(self) -> str:
        """Write as JSON; the same truth gives the same text."""
        return json.dumps({"simulated": True, "coordinates": "DICOM patient LPS, mm", **asdict(self)}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> PairTruth:
        """Read back what :meth:`to_json` wrote."""
        read = json.loads(text)
        return cls(
            seed=read["seed"],
            interval_days=read["interval_days"],
            descent_mm=read["descent_mm"],
            nodules=tuple(_nodule(one) for one in read["nodules"]),
            prior_points_lps_mm=tuple(tuple(point) for point in read["prior_points_lps_mm"]),
            current_points_lps_mm=tuple(tuple(point) for point in read["current_points_lps_mm"]),
        )

    @classmethod
    def load(cls, path: Path) -> PairTruth:
        """Read a truth file."""
        return cls.from_json(path.read_text(encoding="utf-8"))


def doubling_time_days(volume_ratio: float, interval_days: int) -> float | None:
    """Volume doubling time; negative for halving, None without change."""
    return None if volume_ratio == 1 else interval_days * math.log(2) / math.log(volume_ratio)


def _nodule(read: dict[str, Any]) -> NoduleTruth:
    states = {day: NoduleState(**read[day]) if read[day] else None for day in ("prior", "current")}
    places = {name: tuple(read[name]) if read[name] else None for name in read if name.endswith("_lps_mm")}
    kinds = {
        "lobe": Lobe(read["lobe"]),
        "attenuation": Attenuation(read["attenuation"]),
        "placement": Placement(read["placement"]),
    }
    return NoduleTruth(**{**read, **states, **places, **kinds})
