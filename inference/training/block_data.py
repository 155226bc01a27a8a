"""More places for the candidate filter: the detector's proposals in the blocks about nodules of known growth.

A block is a few centimetres of a simulated chest (``inference.training.known_nodules``), so it costs little to search,
and many patients give many protocols, vessels and walls. The nodule in its middle was scanned with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.candidate_filter import log_odds
from inference.candidates import find_candidates
from inference.networks.candidate_filter import SIDE, STEP_MM
from inference.patches import cut_patches
from inference.training.candidate_data import HIT_MM, NEAR_MM, ROOM, Examples
from inference.training.known_nodules import read_nodules
from registration.lungs import Lungs
from registration.volume import Volume

LUNG_STEP_MM: Final = 3.0
AERATED_HU: Final = -500.0
CLOSED: Final = 3  # steps: vessels and what sits on the wall count as lung
LEAST_LUNG: Final = 0.1  # of a block
PROPOSALS: Final = 24  # of each block, looked at
WITHIN_MM: Final = SIDE * STEP_MM / 2  # of the border of a block: nearer, part of what the network sees is missing


def block_examples(folder: Path, patients: Sequence[int]) -> Examples:
    """Search both blocks of every nodule of these patients."""
    parts = []
    for patient in patients:
        known = list(read_nodules(folder, {patient}))
        for scans in ([one.prior for one in known], [one.current for one in known]):
            nodules_lps_mm = np.array([scan.centre_lps_mm for scan in scans]).reshape(-1, 3)
            diameters_mm = np.cbrt(6 / np.pi * np.array([scan.volume_mm3 for scan in scans]))
            parts += [examples_of_block(scan.volume, nodules_lps_mm, diameters_mm) for scan in scans]
    return Examples.joined([one for one in parts if one is not None])


def examples_of_block(
    volume: Volume, nodules_lps_mm: NDArray[np.float64], diameters_mm: NDArray[np.float64]
) -> Examples | None:
    """Right and wrong proposals in a block; None where there is hardly any lung or nothing is proposed.

    Parameters
    ----------
    nodules_lps_mm, diameters_mm : (n, 3), (n,)
        All nodules of the patient: another one may lie in the same block.
    """
    lungs = lungs_of_block(volume)
    if float((lungs.mask > 0).mean()) < LEAST_LUNG:
        return None
    found = find_candidates(volume, lungs, limit=PROPOSALS, least_score=0.0)
    places = np.array([one.lps_mm for one in found]).reshape(-1, 3)
    away_mm = np.linalg.norm(places[:, None] - nodules_lps_mm, axis=-1)
    of_mm = np.where(away_mm < np.maximum(HIT_MM, diameters_mm / 2), diameters_mm, 0.0).max(axis=1, initial=0.0)
    wrong = (away_mm > np.maximum(NEAR_MM, diameters_mm)).all(axis=1)
    kept = np.flatnonzero(((of_mm > 0) | wrong) & _well_within(volume, places))
    if not len(kept):
        return None
    patches = cut_patches(volume, places[kept], side=SIDE + 2 * ROOM, step_mm=STEP_MM, averaged=True)
    odds = np.array([log_odds(found[number].score) for number in kept])
    return Examples(patches, of_mm[kept] > 0, odds, of_mm[kept])


def _well_within(volume: Volume, places_lps_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    index, spacing = volume.index_from_lps(places_lps_mm), np.asarray(volume.spacing_zyx_mm)
    far: NDArray[np.bool_] = (
        (index * spacing >= WITHIN_MM) & ((np.asarray(volume.shape_zyx) - 1 - index) * spacing >= WITHIN_MM)
    ).all(axis=1)
    return far


def lungs_of_block(volume: Volume) -> Lungs:
    """What is aerated in a block, with what it encloses or has on its wall; all of it counts as right lung."""
    step = np.maximum(np.rint(LUNG_STEP_MM / np.asarray(volume.spacing_zyx_mm)).astype(int), 1)
    means = ndimage.uniform_filter(volume.array_hu.astype(np.float32), step)[:: step[0], :: step[1], :: step[2]]
    aerated = np.pad(means < AERATED_HU, CLOSED, mode="edge")
    closed = ndimage.binary_closing(aerated, iterations=CLOSED)[CLOSED:-CLOSED, CLOSED:-CLOSED, CLOSED:-CLOSED]
    z, y, x = (float(v) for v in step * np.asarray(volume.spacing_zyx_mm))
    mean_hu = float(means[means < AERATED_HU].mean()) if closed.any() else AERATED_HU
    ml = float(closed.sum() * z * y * x / 1000)
    return Lungs(
        closed.astype(np.uint8), (z, y, x), volume.origin_lps_mm, volume.direction, ml, 0.0, mean_hu, True, True
    )
