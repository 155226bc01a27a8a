"""The border of a nodule as polygons, for drawing it on the slices of its scan, with its solid part apart."""

from __future__ import annotations

import numpy as np
from contourpy import contour_generator
from numpy.typing import NDArray
from scipy import ndimage

from inference.density import SMOOTHING_MM, SOLID_HU
from inference.measure import NoduleMeasurement
from registration.volume import Volume

SMOOTHING_PX = 0.6  # rounds the stairs of the voxels off; moves the border by less than a tenth of a pixel
MARGIN_PX = 2  # a border at the edge of the block is traced around, not cut open
FEWEST_POINTS = 3  # a closed line names its first point twice
Polygon = list[tuple[float, float]]


def outline_polygons_px(measured: NoduleMeasurement) -> list[Polygon]:
    """Draw the outline on the slice ``measured.axial_index``.

    Returns
    -------
    list of polygons
        Each a closed list of (x, y) in pixel coordinates of the whole slice, where (0, 0) is the centre of the first
        pixel; rounded to 0.01 px.
    """
    first_slice, first_row, first_column = measured.outline_start_zyx
    depth = int(np.clip(measured.axial_index - first_slice, 0, measured.outline.shape[0] - 1))
    return layer_polygons_px(measured.outline[depth], (first_row, first_column))


def polygons_by_slice_px(inside: NDArray[np.bool_], start_zyx: tuple[int, int, int]) -> dict[int, list[Polygon]]:
    """Draw a border on every slice that it reaches.

    Parameters
    ----------
    inside : (z, y, x)
        Voxels within the border, from voxel ``start_zyx`` of the volume on.

    Returns
    -------
    dict
        Polygons as ``outline_polygons_px`` gives them, by slice index of the volume.
    """
    first_slice, first_row, first_column = start_zyx
    return {
        first_slice + depth: layer_polygons_px(layer, (first_row, first_column))
        for depth, layer in enumerate(inside)
        if layer.any()
    }


def solid_part(volume: Volume, inside: NDArray[np.bool_], start_zyx: tuple[int, int, int]) -> NDArray[np.bool_]:
    """Tell which voxels within a border are solid, by the rule of ``inference.density``.

    Parameters
    ----------
    inside : (z, y, x)
        Voxels within the border, from voxel ``start_zyx`` of the volume on.

    Returns
    -------
    (z, y, x)
        The largest connected region above ``SOLID_HU`` on the lightly smoothed scan.
    """
    block = tuple(slice(start, start + size) for start, size in zip(start_zyx, inside.shape, strict=True))
    smoothing_px = [SMOOTHING_MM / spacing for spacing in volume.spacing_zyx_mm]
    hu = ndimage.gaussian_filter(volume.array_hu[block].astype(np.float32), smoothing_px)
    regions, count = ndimage.label(inside & (hu > SOLID_HU))
    if not count:
        return np.zeros_like(inside)
    largest = 1 + int(np.argmax(np.bincount(regions.ravel())[1:]))
    return np.asarray(regions == largest)


def layer_polygons_px(layer: NDArray[np.bool_], start_yx: tuple[int, int]) -> list[Polygon]:
    """Draw a border on one slice, its stairs rounded off.

    Parameters
    ----------
    layer : (y, x)
        Pixels within the border, from pixel ``start_yx`` of the slice on.

    Returns
    -------
    list of polygons
        As ``outline_polygons_px`` gives them.
    """
    first_row, first_column = start_yx
    return [
        [(round(float(x) + first_column, 2), round(float(y) + first_row, 2)) for x, y in line]
        for line in contours_px(layer, smoothing_px=SMOOTHING_PX)
    ]


def contours_px(layer: NDArray[np.bool_], *, smoothing_px: float = 0.0) -> list[NDArray[np.float64]]:
    """Trace a border on one slice, midway between the centres of the pixels inside and outside.

    Parameters
    ----------
    layer : (y, x)
    smoothing_px
        Standard deviation of a Gaussian before tracing; 0 keeps the stairs, which a length is measured on.

    Returns
    -------
    list of (n, 2)
        Closed lines of (x, y) in pixels of the layer; what encloses less than a pixel's corners is left out.
    """
    padded = np.pad(layer.astype(np.float32), MARGIN_PX)
    traced = contour_generator(z=ndimage.gaussian_filter(padded, smoothing_px) if smoothing_px else padded).lines(0.5)
    lines = [np.asarray(line) for line in traced]
    return [line - MARGIN_PX for line in lines if len(line) > FEWEST_POINTS]
