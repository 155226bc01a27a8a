"""The air inside the chest on a coarse grid: found, freed of airways and gas, parted into right and left, closed.

All arrays here are ``(z, y, x)`` with axes towards head, back and left; all sizes are millimetres.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

AIR_BELOW_HU: Final = -500  # halfway between aerated lung and soft tissue
PADDING_BELOW_HU: Final = -1500  # no tissue: outside the round field of view
GAS_BELOW_HU: Final = -960  # mean of bowel gas or open air; even emphysematous lung keeps vessels and stays above
AIRWAY_DARKNESS: Final = 0.4  # a trachea is darker than lung by this share of the way to open air, -1000 HU

# Open air touches the border along more than this times the square root of its area (1.2 and more in real scans);
# lungs cut by a field of view stay below 1. Density does not tell them apart: clothes make open air as dense as lung.
OPEN_CONTACT: Final = 1.0
SMALLEST_SHARE: Final = 0.1  # of the largest component: an operated or compressed lung is still larger
LUNG_CORE_MM: Final = 21.0  # a lung holds a square of this width in some slice; foam of a table does not
CLOSING_MM: Final = 15.0  # nodules on the pleura and vessels up to this width become part of the lung
JOINED_RATIO: Final = 3.0  # the larger lung is rarely this much larger than the other
LUNGS_APART_MM: Final = 60.0  # from centre to centre
TRACHEA_MM2: Final = (60.0, 800.0)
TRACHEA_GROWTH: Final = 2.0  # from one slice to the next; more is a leak into the lung
IN_PLANE: Final = np.stack([np.zeros((3, 3), bool), ndimage.generate_binary_structure(2, 1), np.zeros((3, 3), bool)])

Mask = NDArray[np.bool_]


def enclosed_air(image_hu: NDArray[np.int16], spacing_mm: NDArray[np.float64]) -> Mask:
    """Air that the body encloses, judged slice by slice.

    In three dimensions one leak joins lungs and open air; within a slice they stay apart. A component is open air when
    it touches the border of the image, or the padding around a round field of view, along much of its outline for
    its area. A lung that a small field of view cuts touches it along less and stays.
    """
    padding = image_hu < PADDING_BELOW_HU
    if padding.any():
        padding = ndimage.maximum_filter(padding, size=(1, 3, 3))  # half-filled blocks look like air and like lung
    air = (image_hu < AIR_BELOW_HU) & ~padding
    labels, count = ndimage.label(air, IN_PLANE)
    border = np.zeros_like(air)
    border[:, [0, -1], :] = True
    border[:, :, [0, -1]] = True
    if padding.any():
        border |= ndimage.maximum_filter(padding, size=(1, 3, 3))
    area_mm2 = np.bincount(labels.ravel(), minlength=count + 1) * spacing_mm[1] * spacing_mm[2]
    contact_mm = np.bincount(labels[border], minlength=count + 1) * np.sqrt(spacing_mm[1] * spacing_mm[2])
    enclosed = contact_mm <= OPEN_CONTACT * np.sqrt(area_mm2)
    enclosed[0] = False
    return np.asarray(enclosed[labels], dtype=bool)


def _trachea_in(dark: Mask, middle: float, spacing_mm: NDArray[np.float64]) -> Mask | None:
    """The small round dark spot near the middle of a slice, if there is one."""
    labels, count = ndimage.label(dark)
    area_mm2 = np.bincount(labels.ravel(), minlength=count + 1) * spacing_mm[1] * spacing_mm[2]
    fitting = [i for i in range(1, count + 1) if TRACHEA_MM2[0] <= area_mm2[i] <= TRACHEA_MM2[1]]
    best: Mask | None = None
    best_off_mm = 35.0  # a trachea stands no further from the middle of the chest
    for label in fitting:
        rows, columns = np.nonzero(labels == label)
        box_mm2 = np.ptp(rows + 0.0) * np.ptp(columns + 0.0) * spacing_mm[1] * spacing_mm[2]
        off_mm = abs(columns.mean() - middle) * spacing_mm[2]
        if off_mm < best_off_mm and box_mm2 < 2.5 * area_mm2[label]:
            best, best_off_mm = labels == label, off_mm
    return best


def airways(image_hu: NDArray[np.int16], air: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """Trachea and main bronchi, followed downwards from the highest slice that shows a trachea.

    Following stops where the area doubles from one slice to the next, which is a leak into the lung.
    """
    found = np.zeros_like(air)
    if not air.any():
        return found
    middle = float(np.nonzero(air.any(axis=(0, 1)))[0][[0, -1]].mean())
    mean_hu = float(image_hu[air].mean())
    dark = air & (image_hu < mean_hu + AIRWAY_DARKNESS * (-1000.0 - mean_hu))
    above: Mask | None = None
    for z in range(air.shape[0] - 1, -1, -1):
        if above is None:
            above = _trachea_in(dark[z], middle, spacing_mm) if z > air.shape[0] // 3 else None
        else:
            labels, _ = ndimage.label(dark[z])
            below = np.isin(labels, np.setdiff1d(labels[above], 0))
            if not below.any() or below.sum() > TRACHEA_GROWTH * max(int(above.sum()), 12):
                break
            above = below
        if above is not None:
            found[z] = above
    return np.asarray(ndimage.maximum_filter(found, size=3), dtype=bool)  # its wall too


def lung_components(image_hu: NDArray[np.int16], air: Mask, spacing_mm: NDArray[np.float64]) -> NDArray[np.int32]:
    """Label what is large, thick and textured enough to be lung; 0 elsewhere, 1 the largest.

    Bowel gas and the air beside an arm are too dark, the foam of a table too thin, a bronchus too small.
    """
    labels, count = ndimage.label(air)
    width = np.maximum(1, np.rint(LUNG_CORE_MM / spacing_mm)).astype(int)
    thick = ndimage.minimum_filter(air, size=(1, width[1], width[2]))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    has_core = np.bincount(labels[thick], minlength=count + 1) > 0
    mean_hu = ndimage.mean(image_hu, labels, np.arange(count + 1))
    lung_like = has_core & (mean_hu > GAS_BELOW_HU)
    sizes[~lung_like] = 0
    order = np.argsort(-sizes, kind="stable")
    names = np.zeros(count + 1, np.int32)
    kept = [label for label in order if sizes[label] > max(0.0, SMALLEST_SHARE * float(sizes.max()))]
    names[kept] = np.arange(1, len(kept) + 1)
    return np.asarray(names[labels], dtype=np.int32)


def _grown(seeds: NDArray[np.uint8], into: Mask) -> NDArray[np.uint8]:
    """Grow two labels step by step through a mask until nothing changes."""
    while True:
        wider = ndimage.maximum_filter(seeds, size=3)
        step = np.where((seeds == 0) & into, wider, seeds)
        if np.array_equal(step, seeds):
            return np.asarray(step, dtype=np.uint8)
        seeds = step


def _side_by_side(labels: NDArray[np.int32], first: int, second: int, spacing_mm: NDArray[np.float64]) -> bool:
    """Whether two pieces lie as two lungs do: apart from right to left, further than along the other axes."""
    centres = np.array([np.argwhere(labels == one).mean(axis=0) for one in (first, second)]) * spacing_mm
    z_mm, y_mm, x_mm = np.abs(centres[0] - centres[1])
    return bool(x_mm > LUNGS_APART_MM and x_mm > max(z_mm, y_mm))


def _parted(lungs: Mask, spacing_mm: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Part two lungs that touch: shrink until they come apart, then grow both back. All 1 if they never do."""
    parts = np.zeros(lungs.shape, np.uint8)
    (box,) = ndimage.find_objects(lungs.view(np.uint8))
    parts[box] = _parted_in_box(lungs[box], spacing_mm)
    return parts


def _parted_in_box(lungs: Mask, spacing_mm: NDArray[np.float64]) -> NDArray[np.uint8]:
    core = lungs
    for _ in range(4):
        core = ndimage.minimum_filter(core, size=3)
        labels, count = ndimage.label(core)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        sizes[0] = 0
        first, second = np.argsort(-sizes, kind="stable")[:2] if count > 1 else (0, 0)
        if count > 1 and sizes[second] > 0.2 * sizes[first] and _side_by_side(labels, first, second, spacing_mm):
            seeds = (labels == first) * np.uint8(1) + (labels == second) * np.uint8(2)
            return _grown(seeds.astype(np.uint8), lungs)
    return lungs.astype(np.uint8)


def right_and_left(components: NDArray[np.int32], middle: float, spacing_mm: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Name each voxel of lung 1 (right) or 2 (left); ``middle`` is the column between them if only one is found."""
    pieces = components.copy()
    sizes = np.bincount(components.ravel(), minlength=3)
    if sizes[1] > JOINED_RATIO * sizes[2]:  # no second lung beside it: it may be both
        parts = _parted(components == 1, spacing_mm)
        if parts.max() == 2:
            pieces[pieces > 1] += 1
            pieces[parts == 2] = 2
    count = int(pieces.max())
    of_piece = pieces[pieces > 0]
    column = np.nonzero(pieces)[2]
    columns = (np.bincount(of_piece, column) / np.maximum(np.bincount(of_piece), 1))[1:]
    if count > 1:
        middle = float(columns[:2].mean())  # the two largest
    names = np.zeros(count + 1, np.uint8)
    names[1:] = np.where(columns < middle, 1, 2)  # x runs to the left of the patient
    return np.asarray(names[pieces], dtype=np.uint8)


def closed(side: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """Lung with its vessels, and with nodules on the pleura: closing by a box, then enclosed holes filled.

    A maximum and a minimum filter are ten times quicker than a closing by distances; the corners of the box do no harm
    at this size. A lung that the scan cuts goes on beyond it, so its last slice is repeated outwards.
    """
    reach = np.maximum(1, np.rint(CLOSING_MM / 2 / spacing_mm)).astype(int)
    width = tuple(2 * reach + 1)
    endless = np.pad(side.view(np.uint8), ((reach[0], reach[0]), (0, 0), (0, 0)), mode="edge")
    padded = np.pad(endless, ((0, 0), (reach[1], reach[1]), (reach[2], reach[2])))
    grown = ndimage.minimum_filter(ndimage.maximum_filter(padded, size=width), size=width)
    inner = grown[reach[0] : -reach[0], reach[1] : -reach[1], reach[2] : -reach[2]] > 0
    labels, count = ndimage.label(~inner)
    outside = np.zeros(count + 1, bool)
    for edge in (labels[[0, -1]], labels[:, [0, -1]], labels[:, :, [0, -1]]):
        outside[np.unique(edge)] = True
    outside[0] = False
    return np.asarray(~outside[labels], dtype=bool)
