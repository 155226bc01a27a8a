"""How round a nodule is, how lobulated, how spiculated, and its axes on the plane where it is largest.

Definitions
-----------
* sphericity: surface of the ball of the same volume over the nodule's own surface (Wadell 1935, J Geol 43:250); 1 for
  a ball, less for anything else. Taken from the fitted surface, which is smooth: spicules do not lower it.
* lobulation: how far the border bulges in and out beyond an ellipsoid: root mean square of its harmonics of
  degree 3 and 4, as a share of the radius.
* spiculation: number of separate narrow strands that leave the surface and end within some millimetres. A strand that
  goes on is a vessel or a tag and is counted apart.

The words behind them are those of the Fleischner glossary (Bankier et al. 2024, Radiology 310:e232558); the indices are
defined here, and their errors were taken from phantoms of known shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist, squareform

from inference.axes import long_and_short
from inference.figure import Figure, Reason, Said, Unsaid
from inference.levels import LEVEL_OFFSET
from inference.neighbourhood import Floats, sample
from inference.occupancy import Occupancy
from inference.segment import Segmentation
from inference.star import harmonics, ray_directions

ELLIPSOID_TERMS: Final = 9  # harmonics of degree 0 to 2
RIDGE: Final = 2.0  # on the finer ones, in rays: keeps them quiet where a vessel or the wall hides the border
STEP: Final = 0.02  # radians, for slopes of the surface
MOST_WALL: Final = 0.25  # of the surface
LEAST_ACROSS: Final = 4.0  # slices or pixels across a nodule, for a shape
SPHERICITY_ERROR: Final = (0.012, 0.35)  # constant, and over the square of the voxels across
LOBULATION_ERROR: Final = (0.010, 0.35)

SPICULE_SLICE_MM: Final = 1.5  # thicker slices blur strands away
SPICULE_LEAST_MM: Final = 6.0
SHELL_RAYS: Final = 2500
STRAND_OUT_MM: Final = (1.6, 2.4)  # beyond the border: there a strand is looked for
STRAND_GOES_ON_MM: Final = (5.0, 6.0)  # what is still there is a vessel or a tag
STRAND_SHARE: Final = 0.2  # of the contrast
CORE_SHARE: Final = 0.45  # of the radius; calcium there is brighter than the border's level allows for
NEIGHBOUR: Final = 1.7  # mean distances between neighbouring rays
WIDEST_MM: Final = 3.5
PLANES: Final = 18
SPOKES: Final = 180
SPOKE_STEP_MM: Final = 0.1


@dataclass(frozen=True, slots=True)
class Strands:
    """Narrow strands that leave the surface: those that end soon, and those that go on."""

    spicules: int
    going_on: int


@dataclass(frozen=True, slots=True)
class Shape:
    """Shape of one nodule. ``spiculation`` counts spicules; the other two are ratios.

    Parameters
    ----------
    largest_long_mm, largest_short_mm
        Axes on the plane, at any slant, that holds the longest diameter and there is widest.
    """

    sphericity: Said
    lobulation: Said
    spiculation: Said
    going_on: int | None
    largest_long_mm: float
    largest_short_mm: float

    @property
    def largest_mean_mm(self) -> float:
        """Mean of both axes of the largest plane."""
        return (self.largest_long_mm + self.largest_short_mm) / 2


def describe_shape(found: Segmentation, filled: Occupancy, slice_mm: float) -> Shape:
    """Describe the border of a nodule.

    Parameters
    ----------
    slice_mm
        Slice thickness or spacing, whichever is larger.
    """
    across = _voxels_across(found, slice_mm)
    why_not = None
    if across < LEAST_ACROSS:
        coarse = slice_mm > 1.5 * float(found.near.spacing_mm[1:].max())
        why_not = Unsaid(Reason.SLICES_TOO_THICK if coarse else Reason.TOO_SMALL)
    elif float(found.rays.at_wall.mean()) > MOST_WALL:
        why_not = Unsaid(Reason.ON_THE_WALL)
    strands = _strands(found, slice_mm)
    long_mm, short_mm = largest_plane_axes_mm(found, filled)
    return Shape(
        sphericity=why_not or Figure(_sphericity(found), _error(SPHERICITY_ERROR, across)),
        lobulation=why_not or Figure(_lobulation(found), _error(LOBULATION_ERROR, across)),
        spiculation=strands
        if isinstance(strands, Unsaid)
        else Figure(float(strands.spicules), float(np.sqrt(strands.spicules + 1.0))),
        going_on=None if isinstance(strands, Unsaid) else strands.going_on,
        largest_long_mm=long_mm,
        largest_short_mm=short_mm,
    )


def _voxels_across(found: Segmentation, slice_mm: float) -> float:
    diameter_mm = 2 * float(np.cbrt((found.star.ray_radii_mm() ** 3).mean()))
    return diameter_mm / max(slice_mm, float(found.near.spacing_mm.max()))


def _error(parts: tuple[float, float], across: float) -> float:
    return parts[0] + parts[1] / across**2


def _sphericity(found: Segmentation) -> float:
    """Surface of the equal ball over the star's surface, the integral of r sqrt(r^2 + |grad r|^2) over directions."""
    directions = ray_directions()
    radii = found.star.ray_radii_mm()
    first = np.cross(directions, np.where(np.abs(directions[:, :1]) < 0.9, [[1.0, 0, 0]], [[0, 1.0, 0]]))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(directions, first)
    slopes2 = np.zeros(len(radii))
    for tangent in (first, second):
        ahead, behind = (found.star.radii_mm(_unit(directions + sign * STEP * tangent)) for sign in (1, -1))
        slopes2 += ((ahead - behind) / (2 * STEP)) ** 2
    surface_mm2 = 4 * np.pi * float((radii * np.sqrt(radii**2 + slopes2)).mean())
    volume_mm3 = 4 / 3 * np.pi * float((radii**3).mean())
    return float(min(np.cbrt(np.pi) * (6 * volume_mm3) ** (2 / 3) / surface_mm2, 1.0))


def _lobulation(found: Segmentation) -> float:
    """Fitted to the rays that ended at a border: the star itself is stiff and smooths lobules away."""
    clean = ~found.leaking
    basis = harmonics(ray_directions()[clean])
    weights = np.sqrt(RIDGE) * np.eye(basis.shape[1])[ELLIPSOID_TERMS:]
    log_radius = np.log(found.rays.ends_mm[clean])
    design = np.concatenate([basis, weights])
    fitted = np.linalg.lstsq(design, np.concatenate([log_radius, np.zeros(len(weights))]), rcond=None)[0]
    bulges = harmonics(ray_directions())[:, ELLIPSOID_TERMS:] @ fitted[ELLIPSOID_TERMS:]
    return float(np.sqrt(np.mean(bulges**2)))


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _strands(found: Segmentation, slice_mm: float) -> Strands | Unsaid:
    """Count the separate bright spots on a shell outside the surface."""
    radii_mm = found.star.ray_radii_mm()
    if slice_mm > SPICULE_SLICE_MM:
        return Unsaid(Reason.SLICES_TOO_THICK)
    if 2 * float(radii_mm.mean()) < SPICULE_LEAST_MM:
        return Unsaid(Reason.TOO_SMALL)
    directions = _evenly(SHELL_RAYS)
    nearest = cKDTree(ray_directions()).query(directions)[1]
    free = ~found.rays.at_wall[nearest]
    bright = free & (_brightest(found, directions, STRAND_OUT_MM) > STRAND_SHARE)
    goes_on = _brightest(found, directions, STRAND_GOES_ON_MM) > STRAND_SHARE
    out_mm = float(radii_mm.mean()) + STRAND_OUT_MM[0]
    spicules = going_on = 0
    for spot in _spots(directions, bright):
        if float(pdist(directions[spot]).max(initial=0.0)) * out_mm > WIDEST_MM:
            continue  # a broad base: wall, fissure or a lobule
        if goes_on[cKDTree(directions).query(_unit(directions[spot].mean(axis=0)[None]), k=12)[1]].any():
            going_on += 1
        else:
            spicules += 1
    return Strands(spicules, going_on)


def _evenly(count: int) -> Floats:
    k = np.arange(count) + 0.5
    z = 1 - 2 * k / count
    turn = np.pi * (1 + np.sqrt(5)) * k
    flat = np.sqrt(1 - z * z)
    return np.stack([z, flat * np.cos(turn), flat * np.sin(turn)], axis=1)


def _brightest(found: Segmentation, directions: Floats, beyond_mm: tuple[float, float]) -> Floats:
    """Least share (n,) of the nodule's contrast between two distances outside the border, along each direction."""
    border = found.star.radii_mm(directions)
    inner = found.near.hu[found.near.distance_mm(found.star.centre_mm) < CORE_SHARE * float(border.mean())]
    core_hu = max(found.levels.core_hu, float(np.median(inner)) if inner.size else found.levels.core_hu)
    shares = []
    for out_mm in np.linspace(*beyond_mm, 3):
        points = found.star.centre_mm + directions * (border + out_mm)[:, None]
        hu = sample(found.near.hu, points, found.near.spacing_mm)
        shares.append((hu - found.levels.lung_hu) / (core_hu - found.levels.lung_hu))
    return np.asarray(np.min(shares, axis=0), dtype=np.float64)


def _spots(directions: Floats, bright: NDArray[np.bool_]) -> list[NDArray[np.int_]]:
    """Connected groups of at least two bright directions: one ray alone is noise."""
    chosen = np.flatnonzero(bright)
    if not chosen.size:
        return []
    reach = NEIGHBOUR * np.sqrt(4 * np.pi / len(directions))
    tree = cKDTree(directions[chosen])
    group = np.arange(len(chosen))
    for first, second in sorted(tree.query_pairs(reach)):
        low, high = sorted((group[first], group[second]))
        group[group == high] = low
    return [chosen[group == one] for one in np.unique(group) if (group == one).sum() > 1]


def largest_plane_axes_mm(found: Segmentation, filled: Occupancy) -> tuple[float, float]:
    """Long axis in any direction, and the longest chord across it on the best plane through it."""
    reach_mm = found.star.ray_radii_mm() - LEVEL_OFFSET * found.blur_mm
    surface = found.star.centre_mm + ray_directions() * np.maximum(reach_mm, 0)[:, None]
    depth = sample(filled.depth_mm, surface, found.near.spacing_mm)
    surface = surface[depth > -0.5]  # the wall may have cut it off
    if len(surface) < 2:
        return 0.0, 0.0
    distances = squareform(pdist(surface))
    first, second = np.unravel_index(int(distances.argmax()), distances.shape)
    along = _unit((surface[second] - surface[first])[None])[0]
    middle = (surface[first] + surface[second]) / 2
    start = _unit(np.cross(along, [1.0, 0, 0] if abs(along[0]) < 0.9 else [0, 1.0, 0])[None])[0]
    other = np.cross(along, start)
    best = (0.0, 0.0)
    for turn in np.arange(PLANES) * np.pi / PLANES:
        across = np.cos(turn) * start + np.sin(turn) * other
        axes = long_and_short(_section_mm(found, filled, middle, along, across))
        best = max(best, axes, key=lambda pair: pair[0] + pair[1])
    return best


def _section_mm(found: Segmentation, filled: Occupancy, middle: Floats, along: Floats, across: Floats) -> Floats:
    """Outline (n, 2) of the nodule on the plane that two unit vectors span."""
    turn = np.arange(SPOKES) * 2 * np.pi / SPOKES
    flat = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    steps = np.arange(0, 2 * float(found.star.ray_radii_mm().max()) + 1, SPOKE_STEP_MM)
    points = middle + (flat @ np.stack([along, across]))[:, None] * steps[:, None]
    outside = sample(filled.depth_mm, points, found.near.spacing_mm) <= 0
    reach = steps[np.where(outside.any(axis=1), outside.argmax(axis=1), len(steps) - 1)]
    return np.asarray(flat * reach[:, None])
