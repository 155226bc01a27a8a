"""Which rays met a vessel that runs into or along the nodule, told from where the vessel is seen on its own.

Outside the nodule a vessel is a bright spot on a shell around it, and again on a wider shell. The two spots give its
course; continued inward as a tube as wide as the spot it says which parts of the border are the vessel's, also where
it passes the nodule's side and bulges too little to be told by the length of a ray.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csgraph
from scipy.spatial import cKDTree

from inference.star import Floats, ray_directions

NEARER_SHELL = 1.25  # times the radius of the nodule along the ray
NEARER_SHELL_MM = 0.8
SHELLS_APART_MM = 1.6
NEIGHBOURS_RAD = 0.26  # between rays: one and a half times their mean distance
LARGEST_SPOT = 0.2  # of all rays: more is a wall or a fissure, no tube
FEWEST_RAYS = 2
FURTHEST_STEP_MM = 3.2  # between the spots of one vessel on both shells: twice their distance, else it passes by
SAME_VESSEL = 0.85  # cosine between the courses of two spots and the line between them
THINNEST_MM = 0.6
WIDTH_OF_SPOT = 1.7  # radius of a disc over the spread of its points (1.41), and half the distance of two rays
WIDEST = 0.75  # of the nodule's radius: beyond, the nodule sits on something that is no vessel to it
BESIDE_MM = 0.35  # around the tube: its blur


def vessel_rays(
    hu: NDArray[np.float32], along_mm: Floats, radii_mm: Floats, ends_mm: Floats, level_hu: float
) -> NDArray[np.bool_]:
    """Find the rays whose border belongs to a vessel.

    Parameters
    ----------
    hu : (RAYS, m)
        Attenuation along the rays; the wall and what lies behind it must have been made dark.
    along_mm : (m,)
    radii_mm, ends_mm : (RAYS,)
        Of the fitted surface, and where the attenuation fell.
    level_hu
        Brighter is tissue.

    Returns
    -------
    (RAYS,)
    """
    directions = ray_directions()
    shells = [NEARER_SHELL * radii_mm + NEARER_SHELL_MM + apart for apart in (0.0, SHELLS_APART_MM)]
    spots = [_spots(hu, along_mm, shell, level_hu) for shell in shells]
    # Between the nodule and a vessel that passes by there is lung.
    reaching = [spot for spot in spots[0] if (ends_mm[spot] > shells[0][spot]).any()]
    here = [directions[spot] * shells[0][spot, None] for spot in reaching]
    beyond = [directions[spot] * shells[1][spot, None] for spot in spots[1]]
    borders = directions * ends_mm[:, None]
    met = np.zeros(len(directions), bool)
    for points, inward in zip(here, _courses(here, beyond), strict=True):
        if inward is None:
            continue
        middle = points.mean(axis=0)
        across = _from_axis(points, middle, inward)
        radius_mm = max(THINNEST_MM, WIDTH_OF_SPOT * float(np.sqrt(np.mean(across**2))))
        if radius_mm > WIDEST * float(np.median(radii_mm)):
            continue
        # As far as the point nearest to the centre; a vessel that goes on leaves by a spot of its own.
        along = np.minimum((borders - middle) @ inward, max(-float(middle @ inward), 0.0))
        away = np.linalg.norm(borders - middle - along[:, None] * inward, axis=1)
        met |= away < radius_mm + BESIDE_MM
    return met


def _courses(here: list[Floats], beyond: list[Floats]) -> list[Floats | None]:
    """Unit vector into the nodule for each spot; None for one that is not seen on the wider shell."""
    middles = [points.mean(axis=0) for points in here]
    courses: list[Floats | None] = []
    for middle in middles:
        steps = [middle - points.mean(axis=0) for points in beyond]
        nearest = min(steps, key=lambda step: float(np.linalg.norm(step)), default=None)
        found = nearest is not None and float(np.linalg.norm(nearest)) <= FURTHEST_STEP_MM
        courses.append(nearest / np.linalg.norm(nearest) if found and nearest is not None else None)
    # Where one vessel goes through, the line between its two spots is truer than their courses.
    for first, second in itertools.combinations(range(len(here)), 2):
        one, other = courses[first], courses[second]
        through = middles[second] - middles[first]
        through /= np.linalg.norm(through) + 1e-9
        if one is not None and other is not None and min(one @ through, -other @ through) > SAME_VESSEL:
            courses[first], courses[second] = through, -through
    return courses


def _from_axis(points: Floats, start: Floats, along: Floats) -> Floats:
    offset = points - start
    distance: Floats = np.linalg.norm(offset - (offset @ along)[:, None] * along, axis=1)
    return distance


def _spots(hu: NDArray[np.float32], along_mm: Floats, shell_mm: Floats, level_hu: float) -> list[NDArray[np.int_]]:
    """Groups of neighbouring rays that are bright where they cross the shell; too small and too large ones left out."""
    at = np.minimum(np.searchsorted(along_mm, shell_mm), len(along_mm) - 1)
    bright = hu[np.arange(len(hu)), at] > level_hu
    first, second = _neighbours()
    joined = bright[first] & bright[second]
    graph = coo_array((np.ones(joined.sum()), (first[joined], second[joined])), shape=(len(hu), len(hu)))
    labels = csgraph.connected_components(graph, directed=False)[1]
    sizes = np.bincount(labels[bright], minlength=1)
    wanted = np.flatnonzero((sizes >= FEWEST_RAYS) & (sizes <= LARGEST_SPOT * len(hu)))
    return [np.flatnonzero(bright & (labels == label)) for label in wanted]


@cache
def _neighbours() -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    pairs = cKDTree(ray_directions()).query_pairs(NEIGHBOURS_RAD, output_type="ndarray")
    return pairs[:, 0], pairs[:, 1]
