"""Where the lung would end if the nodule were not there: pleura, mediastinum or diaphragm as one smooth surface.

Tissue into which a ball larger than the nodule fits is wall. Under the nodule that alone would cut off its base, so the
surface there is continued from a ring around it, as a quadric height field over the tangent plane.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from inference.neighbourhood import Floats, Neighbourhood, sample

TISSUE_HU = -500.0
PLEURA_HU = -405.0  # half way between lung (-860) and soft tissue (50): the blurred border lies where it lay unblurred
WALL_HU = 40.0  # muscle and blood; pleural fat a little less
COARSE_MM = 1.3  # the balls are fitted on block means of about this size: EDTs cost the cube of the resolution
RING_MM = 9.0  # how far around the nodule the wall is looked at
SMALLEST_BALL_MM = 3.5
LARGEST_BALL_MM = 17.0
BALL_FACTORS = (1.0, 1.35, 1.8, 0.75)  # larger when the nodule itself is taken for wall, smaller when no ball fits
BESIDE_BASE_MM = 2.0  # a point near the base may lie in a ball that leans into the nodule; the smooth surface decides
FEWEST_POINTS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Wall:
    """The wall beside a nodule.

    Parameters
    ----------
    depth_mm : (z, y, x)
        Signed distance to the wall's surface: positive on the lung's side.
    outward : (3,)
        Unit vector (z, y, x of the array) from the lung into the wall.
    """

    depth_mm: NDArray[np.float32]
    outward: Floats

    def without_glow(self, hu: NDArray[np.float32], blur_mm: float) -> NDArray[np.float32]:
        """Take off the brightness that the blurred wall sheds on the lung's side.

        Without this the border of a nodule seems to reach further along the wall, the more so the fainter the nodule
        is.

        Parameters
        ----------
        hu : (z, y, x)
        blur_mm
            Standard deviation of the blur in ``hu``.
        """
        wall_share = special.ndtr(-np.maximum(self.depth_mm, 0) / blur_mm).astype(np.float32)
        cleared = (hu - wall_share * WALL_HU) / (1 - wall_share)
        return np.where((self.depth_mm > 0) & (wall_share > 0.01), cleared, hu)


def find_wall(
    near: Neighbourhood, smooth: NDArray[np.float32], centre_mm: Floats, nodule_depth_mm: float
) -> Wall | None:
    """Find the wall near a nodule whose inscribed ball has about the radius ``nodule_depth_mm``.

    Returns
    -------
    Wall, or None when there is no tissue thicker than the nodule, or the point itself lies in it.
    """
    ball_mm = max(SMALLEST_BALL_MM, 1.3 * nodule_depth_mm + 1.2)
    coarse, step = _block_means(smooth, near.spacing_mm)
    spacing = near.spacing_mm * step
    origin = (step - 1) / 2 * near.spacing_mm
    for factor in BALL_FACTORS:
        ball = min(max(ball_mm * factor, SMALLEST_BALL_MM), LARGEST_BALL_MM)
        depth = _coarse_depth_mm(coarse, spacing, ball)
        if depth is None or float(sample(depth, centre_mm - origin, spacing)) < -BESIDE_BASE_MM:
            continue
        wall = _smooth_surface(near, smooth, centre_mm, (depth, spacing, origin), ball / 1.3)
        if wall is not None and float(sample(wall.depth_mm, centre_mm, near.spacing_mm)) > 0:
            return wall
    return None


def _block_means(hu: NDArray[np.float32], spacing_mm: Floats) -> tuple[NDArray[np.float32], NDArray[np.int_]]:
    step = np.maximum(1, np.round(COARSE_MM / spacing_mm)).astype(int)
    pad = -np.asarray(hu.shape) % step
    whole = np.pad(hu, [(0, int(n)) for n in pad], mode="edge")
    z, y, x = (n // s for n, s in zip(whole.shape, step, strict=True))
    return whole.reshape(z, step[0], y, step[1], x, step[2]).mean(axis=(1, 3, 5)), step


def _coarse_depth_mm(coarse: NDArray[np.float32], spacing: Floats, ball_mm: float) -> NDArray[np.float32] | None:
    """Signed distance to the union of all balls that fit into tissue; the block's border is continued outward."""
    margin = [(int(n), int(n)) for n in np.ceil((ball_mm + 2) / spacing)]
    tissue = np.pad(coarse > TISSUE_HU, margin, mode="edge")
    centres = ndimage.distance_transform_edt(tissue, sampling=spacing) > ball_mm
    if not centres.any():
        return None
    reach = ndimage.distance_transform_edt(~centres, sampling=spacing) - ball_mm
    inner = tuple(slice(low, -high) for low, high in margin)
    depth: NDArray[np.float32] = reach[inner].astype(np.float32)
    # Everything near can be tissue, and then nothing is lung; far lung alone is no wall of this nodule.
    return depth if (depth <= 0).any() and (depth > 0).any() else None


def _smooth_surface(
    near: Neighbourhood,
    smooth: NDArray[np.float32],
    centre_mm: Floats,
    coarse: tuple[NDArray[np.float32], Floats, Floats],
    nodule_mm: float,
) -> Wall | None:
    depth, spacing, origin = coarse
    at = (centre_mm - origin) / spacing
    slope = [
        float(ndimage.map_coordinates(ndimage.gaussian_filter1d(depth, 1.5, axis=k, order=1), at[:, None], order=1)[0])
        for k in range(3)
    ]
    outward = -np.asarray(slope) / spacing
    if not outward.any():  # as far from tissue on every side: no wall is the nearest
        return None
    outward /= np.linalg.norm(outward)
    z, y, x = near.grid_mm()
    grid = np.stack(np.broadcast_arrays(z, y, x), axis=-1)
    coarse_depth = sample(depth, grid - origin, spacing)
    plane = _tangent_frame(outward)
    surface = _border_points(smooth, near.spacing_mm)
    surface = surface[sample(depth, surface - origin, spacing) < 1.2 * spacing.max()]
    heights, across = _in_frame(surface - centre_mm, outward, plane)
    away = np.hypot(*across)
    ring = (away > 1.05 * nodule_mm) & (away < nodule_mm + RING_MM) & (np.abs(heights) < nodule_mm + 8)
    if ring.sum() < FEWEST_POINTS:
        return Wall(coarse_depth, outward)
    quadric = _fit_quadric(across[:, ring], heights[ring])
    heights, across = _in_frame(grid - centre_mm, outward, plane)
    fitted = (np.moveaxis(_quadric_terms(across), 0, -1) @ quadric - heights).astype(np.float32)
    beside = np.hypot(*across) < 1.4 * nodule_mm + 2
    return Wall(np.where(beside, fitted, np.minimum(coarse_depth, fitted + 3)), outward)


def _border_points(hu: NDArray[np.float32], spacing_mm: Floats) -> Floats:
    """Points where the attenuation passes from air to tissue between neighbours, to a fraction of a voxel."""
    found = []
    for axis in range(3):
        first = np.moveaxis(hu, axis, 0)[:-1]
        second = np.moveaxis(hu, axis, 0)[1:]
        crossing = np.nonzero((first < PLEURA_HU) != (second < PLEURA_HU))
        part = (PLEURA_HU - first[crossing]) / (second[crossing] - first[crossing])
        index = np.stack(crossing, axis=1).astype(np.float64)
        index[:, 0] += part
        found.append(np.moveaxis(np.insert(index[:, 1:], axis, index[:, 0], axis=1), 0, 0))
    return np.concatenate(found) * spacing_mm


def _tangent_frame(outward: Floats) -> tuple[Floats, Floats]:
    start = np.array([1.0, 0, 0]) if abs(outward[0]) < 0.8 else np.array([0, 1.0, 0])
    first = np.cross(outward, start)
    first /= np.linalg.norm(first)
    return first, np.cross(outward, first)


def _in_frame(offsets_mm: Floats, outward: Floats, plane: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    return offsets_mm @ outward, np.stack([offsets_mm @ plane[0], offsets_mm @ plane[1]])


def _quadric_terms(across: Floats) -> Floats:
    u, v = across
    return np.stack([np.ones_like(u), u, v, u * u, u * v, v * v])


def _fit_quadric(across: Floats, heights_mm: Floats) -> Floats:
    """Robust least squares; near points count more, strong curvature has to be earned."""
    terms = _quadric_terms(across)
    closeness = np.exp(-np.hypot(*across) / 8)
    stiffness = np.diag([1e-3, 1e-3, 1e-3, 30, 30, 30])
    weight = closeness
    quadric = np.zeros(6)
    for _ in range(6):
        normal = (terms * weight) @ terms.T + stiffness * weight.mean()
        quadric = np.linalg.solve(normal, (terms * weight) @ heights_mm)
        misfit = heights_mm - quadric @ terms
        scale = max(0.5, 1.5 * float(np.median(np.abs(misfit))))
        weight = closeness / (1 + (misfit / scale) ** 2) ** 2
    return quadric
