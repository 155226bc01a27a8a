"""A pocket that a nodule on the pleura left in the lungs is filled; a flat or round border stays."""

from __future__ import annotations

import numpy as np
import pytest

from inference.candidate_lungs import without_pockets
from registration.lungs import LEFT, RIGHT, Lungs

SHAPE = (40, 60, 60)
STEP_MM = 3.0


def lungs_of(mask: np.ndarray) -> Lungs:
    return Lungs(mask, (STEP_MM,) * 3, (0.0, 0.0, 0.0), np.eye(3), 800.0, 800.0, -850.0, True, True)


def behind_a_wall(aslant: float) -> np.ndarray:
    """Right lung on one side of a plane; ``aslant`` tilts it against the grid."""
    y, x = np.indices(SHAPE)[1:]
    return ((x + aslant * y) * STEP_MM < 90.0).astype(np.uint8) * RIGHT


@pytest.mark.parametrize("aslant", [0.0, 0.4, 1.0])
def test_a_pocket_in_the_wall_is_filled(aslant: float):
    whole = behind_a_wall(aslant)
    z, y, x = np.indices(SHAPE) * STEP_MM
    at_wall = 90.0 - aslant * 60.0
    pocket = (z - 60) ** 2 + (y - 60) ** 2 + (x - at_wall) ** 2 < 6.0**2
    with_pocket = np.where(pocket, 0, whole).astype(np.uint8)
    lost = (whole > 0) & (with_pocket == 0)
    assert lost.sum() >= 8
    found = without_pockets(lungs_of(with_pocket)).mask
    assert (found[lost] == RIGHT).mean() > 0.6
    assert (found[with_pocket > 0] == with_pocket[with_pocket > 0]).all()


@pytest.mark.parametrize("aslant", [0.0, 0.4, 1.0])
def test_a_flat_wall_stays(aslant: float):
    whole = behind_a_wall(aslant)
    inner = (slice(None), slice(6, -6), slice(6, -6))  # the grid's own edge is no wall
    assert (without_pockets(lungs_of(whole)).mask[inner] == whole[inner]).all()


def test_each_lung_keeps_its_side():
    mask = np.zeros(SHAPE, np.uint8)
    mask[:, :, :28], mask[:, :, 32:] = RIGHT, LEFT
    found = without_pockets(lungs_of(mask)).mask
    assert (found[:, :, :28] == RIGHT).all()
    assert (found[:, :, 32:] == LEFT).all()
    assert (found[:, :, 28:32] == 0).all()
