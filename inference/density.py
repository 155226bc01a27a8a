"""What the nodule is made of: solid, part solid or ground glass; its solid part, mean attenuation and mass.

The rule
--------
Inside the border (rim left out, where lung and nodule mix) a voxel of the lightly smoothed scan counts as solid above
``SOLID_HU``, half way between ground glass (about -600 HU) and soft tissue (about 30 HU). The largest connected solid
region is the solid part.

* ground glass: it is smaller than ``LEAST_SOLID_MM`` across, or less than ``LEAST_SOLID_SHARE`` of the inside;
* solid: it fills at least ``SOLID_SHARE`` of the inside;
* part solid: between;
* below 6 mm (``SMALLEST_GRADED_MM3``) only the middle is looked at, and nothing is called part solid;
* where the border was drawn around a thin layer of ground glass (``inference.halo``) the core is known: it is the solid
  part, at any size, unless it is smaller than ``LEAST_SOLID_MM``.

Source
------
Subsolid nodules are split by whether lung markings show through (Bankier et al. 2017, Radiology 285:584); a solid
part below 3 mm is not reported separately there. The threshold between ground glass and solid follows from the half-
way rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.occupancy import Occupancy
from inference.repeatability import Attenuation
from inference.segment import Segmentation

SOLID_HU = -300.0
SOLID_SHARE = 0.75
LEAST_SOLID_SHARE = 0.05
LEAST_SOLID_MM = 3.0
RIM_BLURS = 1.0  # depth, in blurs of the scanner, from which a voxel holds nodule alone
SMOOTHING_MM = 0.5
FEWEST_INSIDE = 8
SMALLEST_GRADED_MM3 = 113.0  # 6 mm: in a smaller one the blur of the border fills it, only its middle tells


@dataclass(frozen=True, slots=True)
class Density:
    """Attenuation of one nodule. The solid part is None unless the nodule is part solid."""

    attenuation: Attenuation
    solid_volume_mm3: float | None
    solid_mean_diameter_mm: float | None
    mean_hu: float
    mass_mg: float


def describe_density(found: Segmentation, filled: Occupancy, volume_mm3: float) -> Density:
    """Class, solid part, mean attenuation and mass by the rule of this module."""
    near = found.near
    depth_mm = RIM_BLURS * filled.scanner_blur_mm
    inside = filled.depth_mm > depth_mm
    if inside.sum() < FEWEST_INSIDE:  # a few millimetres across: its middle is all there is
        inside = filled.depth_mm >= np.sort(filled.depth_mm, axis=None)[-FEWEST_INSIDE]
    mean_hu = float(near.hu[inside].mean(dtype=np.float64))
    mass_mg = volume_mm3 * (mean_hu + 1000) / 1000
    if found.core is not None:
        if found.core.diameter_mm < LEAST_SOLID_MM:
            return Density("ground_glass", None, None, mean_hu, mass_mg)
        return Density("part_solid", found.core.volume_mm3, found.core.diameter_mm, mean_hu, mass_mg)
    # A cavity makes nothing ground glass, but it has no mass.
    solid = _largest_region((found.sealed.smoothed(SMOOTHING_MM) > SOLID_HU) & (filled.depth_mm > 0))
    share = float((solid & inside).sum() / inside.sum())
    if volume_mm3 < SMALLEST_GRADED_MM3:
        kind: Attenuation = "solid" if found.levels.core_hu > SOLID_HU else "ground_glass"
        return Density(kind, None, None, mean_hu, mass_mg)
    solid_mm3 = float((solid * np.clip(filled.share, 0, 1)).sum() * np.prod(near.spacing_mm))
    solid_mm = _mean_diameter_mm(solid, near.spacing_mm)
    if share >= SOLID_SHARE:
        return Density("solid", None, None, mean_hu, mass_mg)
    if share < LEAST_SOLID_SHARE or solid_mm < LEAST_SOLID_MM:
        return Density("ground_glass", None, None, mean_hu, mass_mg)
    return Density("part_solid", solid_mm3, solid_mm, mean_hu, mass_mg)


def _largest_region(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    labels, count = ndimage.label(mask)
    if count == 0:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    largest: NDArray[np.bool_] = labels == sizes.argmax()
    return largest


def _mean_diameter_mm(region: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> float:
    """Mean of long and short axis of the largest axial section, from second moments as of an ellipse."""
    if not region.any():
        return 0.0
    section = np.argwhere(region[region.sum(axis=(1, 2)).argmax()]) * spacing_mm[1:]
    if len(section) < 3:
        return float(np.sqrt(len(section) * spacing_mm[1] * spacing_mm[2] * 4 / np.pi))
    moments = np.cov(section.T) + np.diag(spacing_mm[1:] ** 2 / 12)
    return float(4 * np.sqrt(np.maximum(np.linalg.eigvalsh(moments), 0)).mean())
