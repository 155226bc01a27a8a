"""In which lobe a point lies, where the fissures can be seen; without weights, and without a guess where they cannot.

Each lung's oblique fissure, and the horizontal one of the right lung, is fitted to the thin plates of the scan. A
surface is believed when plates support it far more often than they support parallel surfaces beside it. Slices of
2.5 mm and more rarely show enough of a fissure: then the answer is that the lobe is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage, special
from scipy.spatial import cKDTree

from registration.fissure_fit import Surface, fit_surface
from registration.fissures import Plates, find_plates
from registration.grid import Grid
from registration.lungs import LEFT, RIGHT, Lungs
from registration.pyramid import Frame, block_means
from registration.volume import Volume

METHOD: Final = "plates fitted by smooth surfaces, version 1"

GRID_MM: Final = 1.4
GRID_STEPS: Final = 0.7  # of the thickest voxel step: much finer in the other directions only adds noise
RIND_VOXELS: Final = 1  # of the lungs' grid, about 3 mm: the pleura is a plate, too
LEAST_SUPPORTED: Final = {"oblique": 0.11, "horizontal": 0.2}  # share of the surface
OVER_CHANCE: Final = 4.0  # times what chance supports
CHANCE_AT_LEAST: Final = 0.015
MODEL_MM: Final = 1.5  # how far a true fissure lies off a well supported smooth surface
IN_FRONT_MM: Final = 4.0  # the horizontal fissure is sought so far from the oblique one
NEAR_LUNG_MM: Final = 15.0  # a nodule on the pleura may lie outside the coarse mask
SURE: Final = 0.8  # certainty from which a lobe is named


class Lobe(StrEnum):
    """The five lobes; the lingula counts as upper lobe."""

    RIGHT_UPPER = "RUL"
    RIGHT_MIDDLE = "RML"
    RIGHT_LOWER = "RLL"
    LEFT_UPPER = "LUL"
    LEFT_LOWER = "LLL"


@dataclass(frozen=True, slots=True)
class LobeAt:
    """The lobe at a point, None when it is unknown, and how certain that is (a probability)."""

    lobe: Lobe | None
    certainty: float


UNKNOWN: Final = LobeAt(None, 0.0)


@dataclass(frozen=True, slots=True)
class FissureDistance:
    """Distance of a point to the nearest fissure that was found in its lung, and its standard error."""

    distance_mm: float
    error_mm: float


@dataclass(frozen=True, slots=True, eq=False)
class Lobes:
    """The fissures that were found on a scan.

    Parameters
    ----------
    lungs
        Of the same scan.
    frame
        Of the scan.
    oblique_right, horizontal, oblique_left
        None for a fissure that was not found. Normals point into the lower lobe, and into the right upper lobe.
    """

    lungs: Lungs
    frame: Frame
    oblique_right: Surface | None
    horizontal: Surface | None
    oblique_left: Surface | None

    def lobe_at(self, points_lps_mm: ArrayLike) -> list[LobeAt]:
        """Name the lobe of patient points (n, 3); unknown outside the lungs and where no fissure decides."""
        points = np.atleast_2d(np.asarray(points_lps_mm, dtype=np.float64))
        in_frame = self.frame.from_lps(points)
        return [
            self._lobe(int(side), point) for side, point in zip(self._sides(points), in_frame[:, None], strict=True)
        ]

    def fissure_distance(self, points_lps_mm: ArrayLike) -> list[FissureDistance | None]:
        """Distance of patient points (n, 3) to the nearest fissure of their lung; None where none was found."""
        points = np.atleast_2d(np.asarray(points_lps_mm, dtype=np.float64))
        in_frame = self.frame.from_lps(points)
        return [
            self._nearest(int(side), point) for side, point in zip(self._sides(points), in_frame[:, None], strict=True)
        ]

    def _sides(self, points: NDArray[np.float64]) -> NDArray[np.uint8]:
        """Side of each point; of one just outside the mask, that of the nearest lung."""
        sides = self.lungs.side_of(points)
        outside = np.flatnonzero(sides == 0)
        if outside.size:
            voxels = np.argwhere(self.lungs.mask)
            step = np.asarray(self.lungs.spacing_zyx_mm)
            away, nearest = cKDTree(voxels * step).query(self.lungs.index_from_lps(points[outside]) * step)
            found = self.lungs.mask[tuple(voxels[nearest].T)]
            sides[outside] = np.where(away < NEAR_LUNG_MM, found, 0)
        return sides

    def _lobe(self, side: int, point: NDArray[np.float64]) -> LobeAt:
        oblique = {RIGHT: self.oblique_right, LEFT: self.oblique_left}.get(side)
        if oblique is None:
            return UNKNOWN
        lower, sure = _side_of_surface(oblique, point)
        if side == LEFT:
            return _named(Lobe.LEFT_LOWER if lower else Lobe.LEFT_UPPER, sure)
        if lower:
            return _named(Lobe.RIGHT_LOWER, sure)
        if self.horizontal is None:
            return UNKNOWN
        upper, also_sure = _side_of_surface(self.horizontal, point)
        return _named(Lobe.RIGHT_UPPER if upper else Lobe.RIGHT_MIDDLE, sure * also_sure)

    def _nearest(self, side: int, point: NDArray[np.float64]) -> FissureDistance | None:
        oblique = {RIGHT: self.oblique_right, LEFT: self.oblique_left}.get(side)
        if oblique is None:
            return None
        surfaces = [oblique]
        if side == RIGHT and self.horizontal is not None and oblique.distance_mm(point)[0] < 0:
            surfaces.append(self.horizontal)
        nearest = min(surfaces, key=lambda surface: abs(float(surface.distance_mm(point)[0])))
        error = float(np.hypot(nearest.error_at_mm(point)[0], MODEL_MM))
        return FissureDistance(abs(float(nearest.distance_mm(point)[0])), error)


def trust(surface: Surface) -> float:
    """How likely a surface is the fissure and no chance alignment: what its support leaves over three times chance."""
    left_over = 1 - 3 * surface.chance_share / max(surface.supported_share, 1e-9)
    return float(np.clip(left_over, 0.0, 1.0))


def find_lobes(volume: Volume, lungs: Lungs) -> Lobes:
    """Find the fissures of a scan.

    Parameters
    ----------
    lungs
        Of this scan.

    Returns
    -------
    Lobes
        With None for each fissure that the scan does not show well enough.
    """
    frame = Frame.of(volume)
    spacing, origin = np.asarray(lungs.spacing_zyx_mm), frame.from_lps(lungs.origin_lps_mm)
    lung_points = {side: np.argwhere(lungs.mask == side) * spacing + origin for side in (RIGHT, LEFT)}
    fine = _lung_grid(volume, frame, np.concatenate(list(lung_points.values())))
    inner = ndimage.minimum_filter(lungs.mask > 0, size=2 * RIND_VOXELS + 1)
    plates = find_plates(fine, Grid(inner.astype(np.int16), spacing, origin))
    index = np.rint((plates.points_mm - origin) / spacing).astype(int)
    side_of_plate = lungs.mask[tuple(np.clip(index, 0, np.asarray(lungs.mask.shape) - 1).T)]

    oblique: dict[int, Surface | None] = {}
    for side in (RIGHT, LEFT):
        oblique[side] = _believed(plates.chosen(side_of_plate == side), OBLIQUE_NORMALS, lung_points[side], "oblique")
    horizontal = None
    behind = oblique[RIGHT]
    if behind is not None:
        own = plates.chosen(side_of_plate == RIGHT)
        in_front = own.chosen(behind.distance_mm(own.points_mm) < -IN_FRONT_MM)
        front_points = lung_points[RIGHT][behind.distance_mm(lung_points[RIGHT]) < 0]
        horizontal = _believed(in_front, HORIZONTAL_NORMALS, front_points, "horizontal")
    return Lobes(lungs, frame, oblique[RIGHT], horizontal, oblique[LEFT])


def _lung_grid(volume: Volume, frame: Frame, lung_points_mm: NDArray[np.float64]) -> Grid:
    """Block means of the box around the lungs, with steps that differ less than the scan's own."""
    low, high = lung_points_mm.min(axis=0), lung_points_mm.max(axis=0)
    corners = volume.index_from_lps(frame.to_lps(np.stack([low, high])))
    start = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int).tolist()
    stop = np.minimum(np.ceil(corners.max(axis=0)) + 1, volume.shape_zyx).astype(int).tolist()
    target_mm = max(GRID_MM, GRID_STEPS * max(volume.spacing_zyx_mm))
    return block_means(volume, frame, target_mm, (start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _believed(
    plates: Plates, normals: NDArray[np.float64], lung_points_mm: NDArray[np.float64], name: str
) -> Surface | None:
    surface = fit_surface(plates, normals, lung_points_mm) if len(lung_points_mm) else None
    if surface is None:
        return None
    needed = max(LEAST_SUPPORTED[name], OVER_CHANCE * max(surface.chance_share, CHANCE_AT_LEAST))
    return surface if surface.supported_share >= needed else None


def _side_of_surface(surface: Surface, point: NDArray[np.float64]) -> tuple[bool, float]:
    """Whether a point lies on the side of the normal, and how certain that is."""
    distance = float(surface.distance_mm(point)[0])
    error = float(np.hypot(surface.error_at_mm(point)[0], MODEL_MM))
    right_if_true = float(special.ndtr(abs(distance) / error))
    believed = trust(surface)
    return distance > 0, believed * right_if_true + (1 - believed) / 2


def _named(lobe: Lobe, certainty: float) -> LobeAt:
    return LobeAt(lobe, certainty) if certainty >= SURE else LobeAt(None, certainty)


def _directions(
    first_deg: NDArray[np.float64], second_deg: NDArray[np.float64], *, oblique: bool
) -> NDArray[np.float64]:
    """Unit normals (n, 3) in order z, y, x."""
    tilt, turn = (angle.ravel() for angle in np.meshgrid(np.deg2rad(first_deg), np.deg2rad(second_deg)))
    if oblique:  # tilt from the back towards the feet, turn towards the side
        normals = np.stack([-np.sin(tilt) * np.cos(turn), np.cos(tilt) * np.cos(turn), np.sin(turn)], axis=1)
    else:
        normals = np.stack([np.ones_like(tilt), np.tan(tilt), np.tan(turn)], axis=1)
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


# The oblique fissure falls from the back (fourth thoracic vertebra) to the front (sixth costochondral junction); the
# horizontal one runs from it forwards at about the fourth rib. Ranges are generous.
OBLIQUE_NORMALS: Final = _directions(np.arange(26.0, 63, 6), np.arange(-28.0, 29, 7), oblique=True)
HORIZONTAL_NORMALS: Final = _directions(np.arange(-28.0, 29, 7), np.arange(-28.0, 29, 7), oblique=False)
