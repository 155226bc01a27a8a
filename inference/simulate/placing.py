"""Where in the lungs of a patient a nodule can stand."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from inference.simulate import trees
from inference.simulate.anatomy import LOBES
from inference.simulate.grid import Floats, Grid
from inference.simulate.nodules import NodulePlan, Placement
from inference.simulate.patient import Patient

APART_MM = 32.0  # so that each can be judged alone
CLEAR_OF_WALL_MM = 4.0
CLEAR_OF_VESSEL_MM = 0.8
VESSEL_CLASSES_MM = (0.8, 1.1, 1.6, 2.4, 3.6, 5.0, np.inf)  # radii; narrower ones are too faint to matter
TOUCHED_VESSEL_MM = (1.1, 2.2)
BURIED_SHARE = 0.35  # of a pleural nodule's radius that lies in the wall


class NoRoom(ValueError):
    """The lobe has no such place left: too many or too large nodules were ordered."""


def place(
    plans: Sequence[NodulePlan],
    patient: Patient,
    depth: NDArray[np.float64],
    seen: NDArray[np.bool_],
    points: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Choose a place for every nodule, as ordered.

    Parameters
    ----------
    plans
        What to place.
    patient
        In whom.
    depth : (n,)
        How deep in the lung each candidate lies, mm.
    seen : (n,)
        Which candidate points both scans show with room to spare.
    points : (n, 3)
        Candidate places in random order, coordinates of the anatomy.

    Returns
    -------
    (m, 3)
        Coordinates of the anatomy.

    Raises
    ------
    NoRoom
        A lobe has no free place of the kind that was ordered.
    """
    gap, width = _nearest_vessel(patient, points)
    lobe = patient.anatomy.lobe_index(points)
    fissure = np.min(np.abs(np.stack(patient.anatomy.fissures_mm(points))), axis=0)
    taken: list[NDArray[np.float64]] = []
    for plan in plans:
        radius = (3 * max(plan.prior_mm3, plan.current_mm3) / (4 * np.pi)) ** (1 / 3)
        fits = seen & (lobe == LOBES.index(plan.lobe)) & (fissure > radius + 3)
        for other in taken:
            fits &= np.linalg.norm(points - other, axis=1) > APART_MM
        if plan.placement is Placement.PLEURA:
            fits &= np.abs(depth - (1 - BURIED_SHARE) * radius) < 0.35
            fits &= _beside_ribs(patient, points) & (gap > radius)
        elif plan.placement is Placement.VESSEL:
            fits &= (depth > radius + CLEAR_OF_WALL_MM) & (np.abs(gap - 0.35 * radius) < 0.3)
            fits &= (width >= TOUCHED_VESSEL_MM[0]) & (width <= TOUCHED_VESSEL_MM[1])
        else:
            fits &= (depth > radius + CLEAR_OF_WALL_MM) & (gap > radius + CLEAR_OF_VESSEL_MM)
        found = np.flatnonzero(fits)
        if not len(found):
            raise NoRoom(f"no {plan.placement} place of {2 * radius:.1f} mm is left in the {plan.lobe}")
        taken.append(points[found[0]])
    return np.array(taken).reshape(-1, 3)


def _nearest_vessel(patient: Patient, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Distance to the surface of the nearest vessel wide enough to be seen, and that vessel's radius; (n,), (n,)."""
    vessels, radii = _vessel_points(patient)
    gap, width = np.full(len(points), np.inf), np.zeros(len(points))
    # The nearest axis need not belong to the nearest surface, so vessels of like width are asked together.
    for narrowest, widest in itertools.pairwise(VESSEL_CLASSES_MM):
        alike = (radii >= narrowest) & (radii < widest)
        if alike.any():
            distance, nearest = cKDTree(vessels[alike]).query(points)
            radius = radii[alike][nearest]
            closer = distance - radius < gap
            gap, width = np.where(closer, distance - radius, gap), np.where(closer, radius, width)
    return gap, width


def _vessel_points(patient: Patient) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points along all vessels, close together, with their radii."""
    parts = [trees.curved(tree, trees.beside(tree, 1.9 * tree.radii_mm)) for tree in patient.bronchi]
    parts += [trees.curved(tree) for tree in patient.bronchi + patient.veins]
    points = [
        one.starts_lps_mm + share * (one.ends_lps_mm - one.starts_lps_mm) for one in parts for share in (0.25, 0.75)
    ]
    return np.concatenate(points), np.concatenate([one.end_radii_mm for one in parts for _ in range(2)])


def _beside_ribs(patient: Patient, points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the nearest surface of the lung is the rib cage, away from domes and mediastinum."""
    anatomy = patient.anatomy
    wall = -anatomy.cavity_mm(points)
    return (wall < 12) & (anatomy.diaphragm_mm(points) > 20) & (anatomy.apex_mm(points) < -15)


def depth_mm(lung_mm: Floats, nodes: Grid, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """How deep points (n, 3) lie in the lung whose signed distance at ``nodes`` is ``lung_mm``; (n,)."""
    index = (points[:, ::-1] - np.asarray(nodes.origin_zyx_mm)) / np.asarray(nodes.spacing_zyx_mm)
    outside: NDArray[np.float32] = ndimage.map_coordinates(lung_mm, index.T, order=1, mode="nearest")
    return -outside.astype(np.float64)
