"""One smooth surface through the plates of a lung, with an error that grows where no plate supports it.

The surface is a height over a plane. Its prior says only that it bends gently; each plate near it pulls. The plane is
found by trying all that anatomy allows; then the surface is fitted again and again to what lies ever closer to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, ndimage, sparse

from registration.fissures import Plates

Floats = NDArray[np.float64]

PLANE_BIN_MM: Final = 3.0
PLANE_BLUR_BINS: Final = 2.0  # a fissure bends some millimetres out of its best plane
PLANE_ALIGNED: Final = 0.87  # cosine between a plate's normal and the plane's
SURFACE_ALIGNED: Final = 0.90
NODE_MM: Final = 12.0
BEND_MM: Final = 1.0  # standard deviation of the second difference of neighbouring nodes: radii from 100 mm on
PLATE_MM: Final = 1.2  # how far a plate lies off the fissure that it belongs to
SAME_PLATE: Final = 12.0  # neighbouring points tell the same: so many count as one
BANDS_MM: Final = (14.0, 9.0, 6.0, 4.0, 3.0, 3.0)  # how far from the last surface plates are believed
FEWEST_PLATES: Final = 60
CELL_MM: Final = 5.0  # of the surface, when its support is counted
SUPPORT_MM: Final = 2.0
BESIDE_MM: Final = (-17.0, -13.0, -9.0, 9.0, 13.0, 17.0)  # parallel surfaces, to see what chance alone supports


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A fissure as a height over a plane, in the frame of a scan (z, y, x in mm).

    Parameters
    ----------
    axes : (3, 3)
        Rows: the plane's normal and two directions in it, unit vectors in order z, y, x.
    corner_mm : (2,)
        Place of the first node along the two directions.
    height_mm, error_mm : (u, v)
        Height over the plane through the frame's zero, and its standard error, at nodes ``NODE_MM`` apart.
    supported_share
        Share of the surface in the lung that plates support.
    chance_share
        The same of parallel surfaces beside it: what vessels and noise alone support.
    """

    axes: Floats
    corner_mm: Floats
    height_mm: Floats
    error_mm: Floats
    supported_share: float = 0.0
    chance_share: float = 0.0

    def distance_mm(self, points_mm: Floats) -> Floats:
        """Signed distance of frame points (n, 3) to the surface, positive on the side of the normal."""
        height, _, node = self.on_grid(points_mm)
        fitted = _sampled(self.height_mm, node)
        along_u, along_v = self.slopes(node)
        distance: Floats = (height - fitted) / np.sqrt(1 + along_u**2 + along_v**2)
        return distance

    def error_at_mm(self, points_mm: Floats) -> Floats:
        """Standard error of the surface where frame points (n, 3) are nearest to it."""
        _, across, node = self.on_grid(points_mm)
        last = (np.asarray(self.height_mm.shape) - 1) * NODE_MM
        beyond = np.linalg.norm(np.maximum(np.maximum(-across, across - last), 0), axis=1)
        error: Floats = _sampled(self.error_mm, node) + beyond  # off the grid nothing is known
        return error

    def slopes(self, node: Floats) -> tuple[Floats, Floats]:
        """Slopes of the height along both directions at continuous nodes (n, 2)."""
        return (
            _sampled(np.asarray(np.gradient(self.height_mm, NODE_MM, axis=0)), node),
            _sampled(np.asarray(np.gradient(self.height_mm, NODE_MM, axis=1)), node),
        )

    def on_grid(self, points_mm: Floats) -> tuple[Floats, Floats, Floats]:
        """Height of frame points (n, 3) over the plane, their place (n, 2) in it in mm, and in nodes."""
        along = points_mm @ self.axes.T
        across = along[:, 1:] - self.corner_mm
        return along[:, 0], across, across / NODE_MM


def fit_surface(plates: Plates, normals: Floats, lung_points_mm: Floats) -> Surface | None:
    """Fit the best surface whose normal is near one of those allowed.

    Parameters
    ----------
    plates
        Of one lung.
    normals : (n, 3)
        Unit vectors z, y, x to try.
    lung_points_mm : (m, 3)
        Points that fill the lung, about 3 mm apart; they say where the surface has to reach.

    Returns
    -------
    Surface, or None when there are too few plates to say anything.
    """
    if len(plates.weights) < FEWEST_PLATES:
        return None
    normal, height_mm = _best_plane(plates, normals)
    axes = _axes(normal)
    across = (lung_points_mm @ axes.T)[:, 1:]
    corner = across.min(axis=0) - NODE_MM
    shape = tuple(np.ceil((across.max(axis=0) - corner) / NODE_MM).astype(int) + 2)
    surface = Surface(axes, corner, np.full(shape, height_mm), np.full(shape, np.inf))
    for band_index, band_mm in enumerate(BANDS_MM):
        near = np.abs(surface.distance_mm(plates.points_mm)) < band_mm
        if near.sum() < FEWEST_PLATES:
            return None
        surface = _refitted(surface, plates.chosen(near), band_mm, with_error=band_index == len(BANDS_MM) - 1)
    supported, chance = _support(surface, plates, lung_points_mm)
    return replace(surface, supported_share=supported, chance_share=chance)


def _best_plane(plates: Plates, normals: Floats) -> tuple[Floats, float]:
    """Normal and height of the plane that gathers most plates facing its way."""
    reach = float(np.abs(plates.points_mm).max()) * 2
    bins = np.arange(-reach, reach + PLANE_BIN_MM, PLANE_BIN_MM)
    best, best_sum, best_height = normals[0], -1.0, 0.0
    for normal in normals:
        facing = np.abs(plates.normals @ normal) > PLANE_ALIGNED
        counted, _ = np.histogram(plates.points_mm[facing] @ normal, bins, weights=plates.weights[facing] ** 2)
        gathered = ndimage.gaussian_filter1d(counted, PLANE_BLUR_BINS)
        if gathered.max() > best_sum:
            best, best_sum = normal, float(gathered.max())
            best_height = float(bins[int(gathered.argmax())] + PLANE_BIN_MM / 2)
    return best, best_height


def _axes(normal: Floats) -> Floats:
    first = np.cross(normal, [0.0, 0.0, 1.0])  # x is never across a fissure, so this is never zero
    first /= np.linalg.norm(first)
    return np.stack([normal, first, np.cross(normal, first)])


def _refitted(surface: Surface, plates: Plates, band_mm: float, *, with_error: bool) -> Surface:
    """Posterior mean of the height, and its error if asked for, given the plates near the last one."""
    height, _, node = surface.on_grid(plates.points_mm)
    residual = (height - _sampled(surface.height_mm, node)) / band_mm
    facing = np.abs(np.einsum("ij,ij->i", plates.normals, _normals(surface, node)))
    weight = np.clip(1 - residual**2, 0, 1) ** 2 * (facing > SURFACE_ALIGNED) * np.minimum(plates.weights, 1)
    shape = surface.height_mm.shape
    reads = _interpolation(node, shape)
    precision = sparse.diags(weight / (SAME_PLATE * PLATE_MM**2))
    bends = _second_differences(shape)
    matrix = (reads.T @ precision @ reads + bends.T @ bends / BEND_MM**2).toarray()
    matrix += np.eye(len(matrix)) * 1e-6  # heights to a metre: three of them would else be free without a plate
    factor = linalg.cho_factor(matrix)
    fitted = linalg.cho_solve(factor, reads.T @ (precision @ height)).reshape(shape)
    if not with_error:
        return replace(surface, height_mm=fitted)
    variance = np.diag(linalg.cho_solve(factor, np.eye(len(matrix))))
    return replace(surface, height_mm=fitted, error_mm=np.sqrt(variance).reshape(shape))


def _normals(surface: Surface, node: Floats) -> Floats:
    """Unit normals (n, 3) of the surface at continuous nodes (n, 2)."""
    along_u, along_v = surface.slopes(node)
    normals = surface.axes[0] - along_u[:, None] * surface.axes[1] - along_v[:, None] * surface.axes[2]
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


def _sampled(values: Floats, node: Floats) -> Floats:
    sampled: Floats = ndimage.map_coordinates(values, node.T, order=1, mode="nearest")
    return sampled


def _interpolation(node: Floats, shape: tuple[int, ...]) -> sparse.csr_array:
    """Matrix that reads heights at continuous nodes (n, 2), bilinear."""
    low = np.clip(np.floor(node).astype(int), 0, np.asarray(shape) - 2)
    part = np.clip(node - low, 0, 1)
    rows = np.arange(len(node))
    parts = []
    for du in (0, 1):
        for dv in (0, 1):
            share = np.abs(1 - du - part[:, 0]) * np.abs(1 - dv - part[:, 1])
            columns = (low[:, 0] + du) * shape[1] + low[:, 1] + dv
            parts.append(sparse.csr_array((share, (rows, columns)), shape=(len(node), shape[0] * shape[1])))
    return sum(parts[1:], start=parts[0])


def _second_differences(shape: tuple[int, ...]) -> sparse.csr_array:
    """Matrix of the second differences along both directions and of the mixed one (which counts twice)."""
    number = np.arange(shape[0] * shape[1]).reshape(shape)
    triples = [
        (number[:-2], number[1:-1], number[2:]),
        (number[:, :-2], number[:, 1:-1], number[:, 2:]),
    ]
    blocks = []
    for before, middle, after in triples:
        rows = np.arange(before.size)
        for_all = np.concatenate([before.ravel(), middle.ravel(), after.ravel()])
        values = np.repeat([1.0, -2.0, 1.0], before.size)
        blocks.append(sparse.csr_array((values, (np.tile(rows, 3), for_all)), shape=(before.size, number.size)))
    corners = [number[:-1, :-1], number[1:, 1:], number[:-1, 1:], number[1:, :-1]]
    rows = np.arange(corners[0].size)
    values = np.repeat([1.0, 1.0, -1.0, -1.0], corners[0].size) * np.sqrt(2)
    places = np.concatenate([corner.ravel() for corner in corners])
    blocks.append(sparse.csr_array((values, (np.tile(rows, 4), places)), shape=(corners[0].size, number.size)))
    return sparse.vstack(blocks).tocsr()


def _support(surface: Surface, plates: Plates, lung_points_mm: Floats) -> tuple[float, float]:
    """Share of the surface's cells in the lung that hold a plate facing its way; the same of parallel surfaces."""
    inside, lung_cells = surface.distance_mm(lung_points_mm), _cells(surface, lung_points_mm)
    off, plate_cells = surface.distance_mm(plates.points_mm), _cells(surface, plates.points_mm)
    _, _, node = surface.on_grid(plates.points_mm)
    facing = np.abs(np.einsum("ij,ij->i", plates.normals, _normals(surface, node))) > SURFACE_ALIGNED

    def share(beside_mm: float) -> float:
        crossed = np.unique(lung_cells[np.abs(inside - beside_mm) < NODE_MM / 4])
        held = np.unique(plate_cells[facing & (np.abs(off - beside_mm) < SUPPORT_MM)])
        return float(np.isin(crossed, held).mean()) if crossed.size else 0.0

    return share(0.0), float(np.mean([share(beside_mm) for beside_mm in BESIDE_MM]))


def _cells(surface: Surface, points_mm: Floats) -> NDArray[np.int64]:
    """Number of the cell of the surface over which each point lies."""
    _, across, _ = surface.on_grid(points_mm)
    index = np.floor(across / CELL_MM).astype(np.int64)
    return index[:, 0] * 10_000 + index[:, 1]
