"""Vessels that run into or along the nodule, told from where they are seen on their own.

Outside the nodule a vessel is a bright spot on a shell around it, and again on wider shells. The spots give its course
and, by how bright they are in all, its width; continued inward as a tube it says which parts of the border are the
vessel's, also where it passes the nodule's side and bulges too little to be told by the length of a ray. What its blur
sheds beside it can be taken off.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, reduce

import numpy as np
from numpy.typing import NDArray
from scipy import special
from scipy.sparse import coo_array, csgraph
from scipy.spatial import cKDTree

from inference.star import RAYS, Floats, ray_directions

VESSEL_HU = 40.0  # blood
NEARER_SHELL = 1.25  # times the radius of the nodule along the ray
NEARER_SHELL_MM = 0.8
SHELLS_APART_MM = (0.0, 1.6, 3.2)
NEIGHBOURS_RAD = 0.26  # between rays: one and a half times their mean distance
LARGEST_SPOT = 0.2  # of all rays: more is a wall or a fissure, no tube
FEWEST_RAYS = 2
FURTHEST_STEP_MM = 3.2  # between the spots of one vessel on both shells: twice their distance, else it passes by
SAME_COURSE = 0.8  # cosine between the steps to the second shell and on to the third
SAME_VESSEL = 0.85  # cosine between the courses of two spots and the line between them
THINNEST_MM = 0.6
AROUND_SPOT_MM = 1.2  # its blur
WIDEST = 0.75  # of the nodule's radius: beyond, the nodule sits on something that is no vessel to it
HIDDEN = 0.5  # share of the vessel from which nothing is seen of the nodule ...
HIDDEN_FAINT = 0.75  # ... or this times the nodule's contrast over the vessel's, when it is less


@dataclass(frozen=True, slots=True, eq=False)
class Vessel:
    """A straight tube; positions in mm from the nodule's centre, order z, y, x.

    Parameters
    ----------
    seen_mm : (3,)
        Where it is seen on its own, nearest to the nodule; outward it goes on without end.
    inward : (3,)
        Unit vector.
    length_mm
        From there, as far inward as it is believed.
    """

    seen_mm: Floats
    inward: Floats
    length_mm: float
    radius_mm: float

    def share(self, points_mm: Floats, from_centre_mm: Floats, blur_mm: float) -> tuple[Floats, Floats]:
        """Share of the vessel in points (..., 3) of a blurred scan, and the part of it that a nodule there would not
        fill as well: none where both surfaces face the same way, all where they cross at right angles.

        Axis by axis, as sums over an axis of three take three times as long.
        """
        offset = points_mm - self.seen_mm
        along = np.minimum(offset @ self.inward, self.length_mm)
        across = [offset[..., axis] - along * self.inward[axis] for axis in range(3)]
        away = np.sqrt(_summed(part * part for part in across))
        share: Floats = special.ndtr((self.radius_mm - away) / blur_mm)
        facing = _summed(part * points_mm[..., axis] for axis, part in enumerate(across))
        alike = facing / np.maximum(away * from_centre_mm, 1e-6)
        return share, share * (1 - np.clip(alike, 0, 1))


def find_vessels(
    hu: NDArray[np.float32], along_mm: Floats, radii_mm: Floats, ends_mm: Floats, *, level_hu: float, lung_hu: float
) -> list[Vessel]:
    """Find the vessels that reach the nodule.

    Parameters
    ----------
    hu : (RAYS, m)
        Attenuation along the rays; the wall and what lies behind it must have been made dark.
    along_mm : (m,)
    radii_mm, ends_mm : (RAYS,)
        Of the fitted surface, and where the attenuation fell.
    level_hu
        Brighter is tissue.
    lung_hu
        Of the lung around.
    """
    shells = [_Shell(hu, along_mm, NEARER_SHELL * radii_mm + NEARER_SHELL_MM + apart) for apart in SHELLS_APART_MM]
    spots = [shell.spots(level_hu) for shell in shells]
    # Between the nodule and a vessel that passes by there is lung.
    reaching = [spot for spot in spots[0] if (ends_mm[spot] > shells[0].radii_mm[spot]).any()]
    middles = [shells[0].middle_mm(spot) for spot in reaching]
    beyond = [[shell.middle_mm(spot) for spot in there] for shell, there in zip(shells[1:], spots[1:], strict=True)]
    courses = [_course(middle, beyond) for middle in middles]
    widest_mm = WIDEST * float(np.median(radii_mm))
    found = []
    for number, inward in enumerate(_joined_up(middles, courses)):
        if inward is None:
            continue
        middle = middles[number]
        radius_mm = shells[0].width_mm(reaching[number], inward, lung_hu)
        if radius_mm < widest_mm:
            # As far as the point nearest to the centre; a vessel that goes on leaves by a spot of its own.
            found.append(Vessel(middle, inward, max(-float(middle @ inward), 0.0), radius_mm))
    return found


def share_of_vessels(points_mm: Floats, vessels: Sequence[Vessel], blur_mm: float) -> tuple[Floats, Floats]:
    """Share of any vessel in points (..., 3) from the nodule's centre, and what of it adds to the nodule."""
    from_centre_mm = np.sqrt(_summed(points_mm[..., axis] ** 2 for axis in range(3)))
    shares = np.array([vessel.share(points_mm, from_centre_mm, blur_mm) for vessel in vessels])
    return shares[:, 0].max(axis=0), shares[:, 1].max(axis=0)


def _summed(parts: Iterable[Floats]) -> Floats:
    return reduce(np.add, parts)


def hidden_from(contrast_hu: float, lung_hu: float) -> float:
    """Share of a vessel that hides the border of a nodule with this contrast to the lung."""
    return min(HIDDEN, HIDDEN_FAINT * contrast_hu / (VESSEL_HU - lung_hu))


def without_vessels(hu: NDArray[np.float32], added: Floats, lung_hu: float) -> NDArray[np.float32]:
    """Take off the brightness that vessels add.

    Parameters
    ----------
    hu, added : same shape
        Attenuation, and the share that vessels add to the nodule.
    """
    cleared = lung_hu + (hu - lung_hu - (VESSEL_HU - lung_hu) * added) / (1 - np.minimum(added, HIDDEN))
    return np.where((added > 0.01) & (added < HIDDEN), cleared, hu).astype(np.float32)


class _Shell:
    """What the rays see where they cross a surface outside the nodule."""

    def __init__(self, hu: NDArray[np.float32], along_mm: Floats, radii_mm: Floats) -> None:
        at = np.minimum(np.searchsorted(along_mm, radii_mm), len(along_mm) - 1)
        self.hu = hu[np.arange(len(hu)), at]
        self.radii_mm = radii_mm
        self.points_mm = ray_directions() * radii_mm[:, None]

    def spots(self, level_hu: float) -> list[NDArray[np.int_]]:
        """Groups of neighbouring bright rays; too small and too large ones left out."""
        bright = self.hu > level_hu
        first, second = _neighbours()
        joined = bright[first] & bright[second]
        size = len(self.hu)
        graph = coo_array((np.ones(joined.sum()), (first[joined], second[joined])), shape=(size, size))
        labels = csgraph.connected_components(graph, directed=False)[1]
        sizes = np.bincount(labels[bright], minlength=1)
        wanted = np.flatnonzero((sizes >= FEWEST_RAYS) & (sizes <= LARGEST_SPOT * size))
        return [np.flatnonzero(bright & (labels == label)) for label in wanted]

    def middle_mm(self, spot: NDArray[np.int_]) -> Floats:
        """Centre of a spot."""
        middle: Floats = self.points_mm[spot].mean(axis=0)
        return middle

    def width_mm(self, spot: NDArray[np.int_], course: Floats, lung_hu: float) -> float:
        """Radius of the vessel: as much brightness as the spot has in all, which no blur changes."""
        middle = self.middle_mm(spot)
        per_ray_mm2 = 4 * np.pi * float(np.mean(self.radii_mm[spot] ** 2)) / RAYS
        across = abs(float(course @ middle) / float(np.linalg.norm(middle)))
        reach_mm = np.sqrt(len(spot) * per_ray_mm2 / np.pi) + AROUND_SPOT_MM
        around = np.linalg.norm(self.points_mm - middle, axis=1) < reach_mm
        bright = np.clip((self.hu[around] - lung_hu) / (VESSEL_HU - lung_hu), -0.2, 1.0)
        return max(THINNEST_MM, float(np.sqrt(max(bright.sum(), 0.0) * per_ray_mm2 * across / np.pi)))


def _course(middle: Floats, beyond: list[list[Floats]]) -> Floats | None:
    """Unit vector into the nodule from a spot's successors on the wider shells; None when it has none."""
    nearest = _nearest(middle, beyond[0])
    if nearest is None:
        return None
    course = middle - nearest
    course /= np.linalg.norm(course) + 1e-9
    further = _nearest(nearest, beyond[1])
    if further is not None:
        onward = (nearest - further) / (np.linalg.norm(nearest - further) + 1e-9)
        if course @ onward > SAME_COURSE:
            whole: Floats = (middle - further) / np.linalg.norm(middle - further)
            return whole
    return course


def _nearest(middle: Floats, others: list[Floats]) -> Floats | None:
    nearest = min(others, key=lambda other: float(np.linalg.norm(middle - other)), default=None)
    return nearest if nearest is not None and np.linalg.norm(middle - nearest) <= FURTHEST_STEP_MM else None


def _joined_up(middles: list[Floats], courses: list[Floats | None]) -> list[Floats | None]:
    """Courses where one vessel goes through: the line between its two spots is truer than either."""
    courses = list(courses)
    for first, second in itertools.combinations(range(len(middles)), 2):
        one, other = courses[first], courses[second]
        through = middles[second] - middles[first]
        through /= np.linalg.norm(through) + 1e-9
        if one is not None and other is not None and min(one @ through, -other @ through) > SAME_VESSEL:
            courses[first], courses[second] = through, -through
    return courses


@cache
def _neighbours() -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    pairs = cKDTree(ray_directions()).query_pairs(NEIGHBOURS_RAD, output_type="ndarray")
    return pairs[:, 0], pairs[:, 1]
