"""How far a repeat of the same scan would put the same volume: noise, sampling and the judgement of the border.

The variance of ln(volume) is the sum of three parts. Their sizes are fitted such that the 95 % interval of the ratio of
two volumes of one nodule holds the true ratio on simulated chests; what the method does wrong on both dates alike is
not in them. Patients vary more than simulated ones: whatever the error, a change of less than 25 % is not called growth
(``growth.REPEATABLE_RATIO``).

Source
------
Noise term: error propagation of the partial-volume sum. Constants: ``tests.benchmarks.calibrate_errors``. For
comparison, repeat scans of the same patient within minutes differ by up to 25 to 27 % (95 %) over mixed nodules and
older methods, which is 0.09 to 0.10 per scan (Gietema et al. 2007, Radiology 245:888; de Hoop et al. 2009, Eur Radiol
19:800).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from inference.noise import ScanNoise

Attenuation = Literal["solid", "part_solid", "ground_glass"]
Attachment = Literal["pleura", "vessel", "fissure", "mediastinum", "diaphragm"]

METHOD_VERSION = "star-pv 6"

TYPICAL_NOISE = ScanNoise(sd_hu=40.0, correlation_voxels=4.0)  # for cut-outs without soft tissue: a low-dose scan


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorTable:
    """How a volume's error follows from what was seen; fitted by ``tests.benchmarks.calibrate_errors``.

    Parameters
    ----------
    noise
        Factor on the error that the scan's noise makes by itself.
    sampling
        Factor on the square of slice thickness over diameter.
    border_mm
        How far off the whole border may lie, all at once.
    joined_mm
        The same of the share of the border that cannot be seen because something joins.
    wall, wall_joined_ratio
        Relative error of a volume whose base is cut off at a wall; and for a whole border, in so far as on a wall it
        cannot be seen because something joins: fat and folds hide where the base ends.
    moved_wall_ratio
        Relative error for a whole border that one scan of a pair puts on the wall and the other does not.
    subsolid_mm, part_solid_mm
        How far off the border of ground glass may lie, of itself or around something solid.
    small_mm2, small_joined_mm2
        Over the square of the diameter: what blur alone leaves open in a nodule that is hardly more than blur; and for
        a whole border that cannot be seen because something joins.
    """

    noise: float
    sampling: float
    border_mm: float
    joined_mm: float
    wall: float
    wall_joined_ratio: float
    moved_wall_ratio: float
    subsolid_mm: float
    part_solid_mm: float
    small_mm2: float
    small_joined_mm2: float


# Of one volume, such that the ratio of two volumes measured apart, or together, is held by its 95 % interval: of pairs
# whose border is seen all around, and of those on a wall, beside a vessel, small or part solid by themselves, whose
# errors are seldom but large. Fitted on 319 nodules of fourteen simulated patients; what they cover on patients made
# afterwards stands in ``docs/benchmarks.md``.
SEPARATE: Final = ErrorTable(
    noise=0.37,
    sampling=0.18,
    border_mm=0.0045,
    joined_mm=0.11,
    wall=0.013,
    wall_joined_ratio=1.3,
    moved_wall_ratio=0.0,  # one scan by itself cannot know
    subsolid_mm=0.024,
    part_solid_mm=0.023,
    small_mm2=1.5,
    small_joined_mm2=21.0,
)
TOGETHER: Final = ErrorTable(
    noise=0.24,
    sampling=0.11,
    border_mm=0.0032,
    joined_mm=0.086,
    wall=0.0068,
    wall_joined_ratio=0.2,
    moved_wall_ratio=1.6,
    subsolid_mm=0.015,
    part_solid_mm=0.019,
    small_mm2=1.5,
    small_joined_mm2=7.0,
)
OTHER_KIND_ERROR: Final = 0.7  # of the ratio: solid on one date, subsolid on the other, so two borders are compared
WALL_SHARE: Final = 0.03  # of the border: less is a touch


@dataclass(frozen=True, slots=True)
class ErrorParts:
    """Standard errors of ln(volume) by cause; ratios, no unit."""

    noise: float
    sampling: float
    method: float

    @property
    def total(self) -> float:
        """All parts together."""
        return math.sqrt(self.noise**2 + self.sampling**2 + self.method**2)


def volume_error(  # noqa: PLR0913 - every argument is something that makes a volume less sure
    *,
    volume_mm3: float,
    contrast_hu: float,
    voxel_mm3: float,
    slice_mm: float,
    noise: ScanNoise,
    joined_share: float,
    wall_share: float,
    attenuation: Attenuation,
    moved_wall_share: float = 0.0,
    table: ErrorTable = SEPARATE,
) -> ErrorParts:
    """Standard error of ln(volume) of one nodule on one scan.

    Parameters
    ----------
    contrast_hu
        Core less lung.
    slice_mm
        Slice thickness or slice spacing, whichever is larger.
    joined_share, wall_share
        Of the border: not seen because something joins; lying on a wall.
    moved_wall_share
        How far ``wall_share`` lies from that of the other scan of the pair. The nodule sits where it sat, so a wall
        that covers more of it on one date than on the other was put elsewhere: what follows is seldom small.
    """
    diameter_mm = (6 * volume_mm3 / math.pi) ** (1 / 3)
    counted_voxels = math.pi / 6 * (diameter_mm + 2.6) ** 3 / voxel_mm3
    spread = math.sqrt(noise.correlation_voxels * counted_voxels)
    noise_part = table.noise * noise.sd_hu / contrast_hu * spread * voxel_mm3 / volume_mm3
    sampling_part = table.sampling * (slice_mm / diameter_mm) ** 2
    of_kind_mm = {"solid": 0.0, "ground_glass": table.subsolid_mm, "part_solid": table.part_solid_mm}[attenuation]
    border_mm = math.hypot(table.border_mm, table.joined_mm * joined_share, of_kind_mm)
    # A layer of this thickness on a ball changes its volume by six times the thickness over the diameter.
    method_part = math.hypot(
        6 * border_mm / diameter_mm,
        table.small_mm2 / diameter_mm**2,
        table.small_joined_mm2 * joined_share / diameter_mm**2,
        math.hypot(table.wall, table.wall_joined_ratio * joined_share) if wall_share >= WALL_SHARE else 0.0,
        table.moved_wall_ratio * moved_wall_share,
    )
    return ErrorParts(noise_part, sampling_part, method_part)


def diameter_error_mm(diameter_mm: float, volume_relative_error: float, pixel_mm: float) -> float:
    """Standard error of the mean diameter: a third of the volume's, and the grid on which two axes are read.

    Each of the four ends of the axes is placed to within a pixel (uniform, so pixel/sqrt(12)); the mean of both axes
    divides that by two and each axis has two ends.
    """
    return math.hypot(diameter_mm * volume_relative_error / 3, pixel_mm / math.sqrt(12))
