"""How planes lie in space: their order, their distance, and whether they make one even stack. numpy only."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Positions are often written with one decimal; the error does not add up along the stack, so it is judged against the
# best line through all slices and not step by step.
ROUNDING_MM = 0.11
UNEVEN_SHARE = 0.05  # of a step
SAME_PLACE_MM = 0.01
TILT_DEGREES = 0.5
AXIAL_COSINE = math.cos(math.radians(45))


@dataclass(frozen=True, slots=True)
class Stack:
    """Planes in order.

    Parameters
    ----------
    order
        Indices of the planes handed in, from first to last.
    along_mm
        Their places along ``direction``, ascending.
    step_mm
        Distance between neighbours: of the best line if even, the median otherwise.
    even
        Whether every plane lies on that line.
    """

    order: NDArray[np.intp]
    along_mm: NDArray[np.float64]
    direction: NDArray[np.float64]
    step_mm: float
    even: bool
    tilt_degrees: float
    sideways_mm: NDArray[np.float64]


def normal_of(orientation: tuple[float, ...]) -> NDArray[np.float64]:
    """Unit normal of an image plane: row direction x column direction (DICOM PS3.3 C.7.6.2.1.1)."""
    normal = np.cross(orientation[:3], orientation[3:])
    return np.asarray(normal / np.linalg.norm(normal), dtype=np.float64)


def plane_word(orientation: tuple[float, ...]) -> str:
    """Name a plane by the body axis nearest to its normal."""
    return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(normal_of(orientation))))]


def is_axial(orientation: tuple[float, ...]) -> bool:
    """Tell whether the plane cuts across the body's long axis."""
    return abs(float(normal_of(orientation)[2])) > AXIAL_COSINE


def stack(positions_lps_mm: NDArray[np.float64], orientation: tuple[float, ...]) -> Stack:
    """Order planes along their normal and judge their distances.

    Parameters
    ----------
    positions_lps_mm : (n, 3)
        First pixel of each plane, n >= 2, no two in the same place.
    orientation
        Common to all.

    Returns
    -------
    Stack
        Ordered towards the head (LPS +z) where the normal has such a component, else along the normal.
    """
    normal = normal_of(orientation)
    if normal[np.argmax(np.abs(normal))] < 0:
        normal = -normal
    along = positions_lps_mm @ normal
    order = np.argsort(along, kind="stable")
    placed, along = positions_lps_mm[order], along[order]
    step, even = _even_step(along)
    travel = placed[-1] - placed[0]
    sideways = placed - placed[0] - np.outer(along - along[0], normal)
    tilt = math.degrees(math.atan2(float(np.linalg.norm(sideways[-1])), float(travel @ normal)))
    return Stack(order, along, normal, step, even, tilt, np.linalg.norm(sideways, axis=1))


def _even_step(along_mm: NDArray[np.float64]) -> tuple[float, bool]:
    number = np.arange(len(along_mm))
    median = round(
        float(np.quantile(np.diff(along_mm), 0.5, method="lower")), 4
    )  # a step that occurs, not a mean of two
    allowed = max(ROUNDING_MM, UNEVEN_SHARE * median)
    if np.abs(along_mm - along_mm[0] - median * number).max() <= ROUNDING_MM:
        return median, True
    slope, start = np.polyfit(
        number, along_mm, 1
    )  # a nominal step that is itself rounded drifts away; the line does not
    even = bool(np.abs(along_mm - (start + slope * number)).max() <= allowed)
    return (round(float(slope), 6) if even else median), even


@dataclass(frozen=True, slots=True)
class Gap:
    """Where planes are missing: after plane ``index``."""

    index: int
    gap_mm: float
    missing: int


def gaps(along_mm: NDArray[np.float64], step_mm: float) -> tuple[Gap, ...] | None:
    """Explain an uneven stack by missing planes.

    Returns
    -------
    tuple of Gap or None
        None where the distances are no whole multiples of the step: nothing is missing, the spacing varies.
    """
    steps = np.diff(along_mm)
    multiples = np.maximum(np.rint(steps / step_mm), 1).astype(int)
    if np.any(np.abs(steps - multiples * step_mm) > np.maximum(ROUNDING_MM * 2, UNEVEN_SHARE * step_mm)):
        return None
    return tuple(Gap(int(i), float(steps[i]), int(multiples[i] - 1)) for i in np.flatnonzero(multiples > 1))
