"""The border of a measured nodule as polygons, for drawing on the slice of its axes."""

from __future__ import annotations

import numpy as np
from contourpy import contour_generator
from scipy import ndimage

from inference.measure import NoduleMeasurement

SMOOTHING_PX = 0.6  # rounds the stairs of the voxels off; moves the border by less than a tenth of a pixel


def outline_polygons_px(measured: NoduleMeasurement) -> list[list[tuple[float, float]]]:
    """Draw the outline on the slice ``measured.axial_index``.

    Returns
    -------
    list of polygons
        Each a closed list of (x, y) in pixel coordinates of the whole slice, where (0, 0) is the centre of the first
        pixel; rounded to 0.01 px.
    """
    first_slice, first_row, first_column = measured.outline_start_zyx
    depth = int(np.clip(measured.axial_index - first_slice, 0, measured.outline.shape[0] - 1))
    inside = np.pad(measured.outline[depth].astype(np.float32), 2)
    lines = contour_generator(z=ndimage.gaussian_filter(inside, SMOOTHING_PX)).lines(0.5)
    return [
        [(round(float(x) + first_column - 2, 2), round(float(y) + first_row - 2, 2)) for x, y in line]
        for line in lines
        if isinstance(line, np.ndarray) and len(line) > 3
    ]
