"""How far a repeat of the same scan would put the same volume: noise, sampling and the judgement of the border.

The variance of ln(volume) is the sum of three parts. With thin slices the image is not the limit, the border is: no
volume in a patient is believed to better than ``METHOD_ERROR`` allows.

Source
------
Structure and noise term: error propagation of the partial-volume sum. Size of the method term: repeat scans of the
same patient within minutes differ by up to 25 to 27 % (95 %) over mixed nodules, which is 0.09 to 0.10 per scan
(Gietema et al. 2007, Radiology 245:888; de Hoop et al. 2009, Eur Radiol 19:800).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from inference.noise import ScanNoise

Attenuation = Literal["solid", "part_solid", "ground_glass"]
Attachment = Literal["pleura", "vessel", "fissure", "mediastinum", "diaphragm"]

METHOD_VERSION = "star-pv 1"

METHOD_ERROR: Final = {"isolated": 0.06, "vessel": 0.09, "wall": 0.12, "subsolid": 0.12}
SMALL_ON_WALL_MM = 6.0  # below this the wall decides the volume: spread of 30 % on phantoms
SMALL_ON_WALL_ERROR = 0.30
SLICES_ARE_THIN = 0.15  # slice thickness over diameter below which sampling does not matter
TYPICAL_NOISE = ScanNoise(sd_hu=40.0, correlation_voxels=4.0)  # for cut-outs without soft tissue: a low-dose scan
ON_WALL: Final[frozenset[Attachment]] = frozenset({"pleura", "mediastinum", "diaphragm"})


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


def volume_error(
    *,
    volume_mm3: float,
    contrast_hu: float,
    voxel_mm3: float,
    slice_mm: float,
    noise: ScanNoise,
    attached_to: tuple[Attachment, ...],
    attenuation: Attenuation,
) -> ErrorParts:
    """Standard error of ln(volume) of one nodule on one scan.

    Parameters
    ----------
    contrast_hu
        Core less lung.
    slice_mm
        Slice thickness or slice spacing, whichever is larger.
    """
    diameter_mm = (6 * volume_mm3 / math.pi) ** (1 / 3)
    counted_voxels = math.pi / 6 * (diameter_mm + 2.6) ** 3 / voxel_mm3
    spread = math.sqrt(noise.correlation_voxels * counted_voxels)
    noise_part = noise.sd_hu / contrast_hu * spread * voxel_mm3 / volume_mm3
    coarse = slice_mm / diameter_mm
    sampling_part = 1.5 * coarse**4 if coarse >= SLICES_ARE_THIN else 0.0
    return ErrorParts(noise_part, sampling_part, _method_error(diameter_mm, attached_to, attenuation))


def _method_error(diameter_mm: float, attached_to: tuple[Attachment, ...], attenuation: Attenuation) -> float:
    errors = [METHOD_ERROR["isolated"]]
    if ON_WALL.intersection(attached_to):
        errors.append(SMALL_ON_WALL_ERROR if diameter_mm < SMALL_ON_WALL_MM else METHOD_ERROR["wall"])
    if {"vessel", "fissure"}.intersection(attached_to):
        errors.append(METHOD_ERROR["vessel"])
    if attenuation != "solid":
        errors.append(METHOD_ERROR["subsolid"])
    return max(errors)


def diameter_error_mm(diameter_mm: float, volume_relative_error: float, pixel_mm: float) -> float:
    """Standard error of the mean diameter: a third of the volume's, and the grid on which two axes are read.

    Each of the four ends of the axes is placed to within a pixel (uniform, so pixel/sqrt(12)); the mean of both axes
    divides that by two and each axis has two ends.
    """
    return math.hypot(diameter_mm * volume_relative_error / 3, pixel_mm / math.sqrt(12))
