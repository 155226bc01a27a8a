"""What is painted into a simulated chest stands where its anatomy says."""

from __future__ import annotations

import numpy as np
import pytest

from inference.simulate.grid import Grid
from inference.simulate.motion import Motion
from inference.simulate.patient import Patient
from inference.simulate.scene import FISSURE_HU, Scene
from inference.simulate.shapes import Shapes

SPACING_MM = 0.7


@pytest.fixture(scope="module")
def patient() -> Patient:
    return Patient.drawn(3, vessel_ends=400)


def block(patient: Patient, middle_zyx_mm: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances (n,) from the oblique and from the horizontal fissure, and HU (n,), of a block of the lung."""
    z, y, x = (middle - 20 * SPACING_MM for middle in middle_zyx_mm)
    grid = Grid((41, 41, 41), (SPACING_MM,) * 3, (z, y, x))
    motion = Motion.none()
    picture = Scene.of(patient, Shapes.of(patient.anatomy, grid, motion, patient.texture_seed), motion, ()).paint(grid)
    tissue = patient.anatomy.uneven(motion.tissue_from_scan(grid.points_lps_mm()).astype(np.float32))
    oblique_mm, horizontal_mm = patient.anatomy.fissures_mm(tissue)
    return oblique_mm.ravel(), horizontal_mm.ravel(), picture.ravel()


@pytest.mark.parametrize(
    ("fissure", "middle_zyx_mm"),
    [(0, (10.0, 9.5, -75.0)), (0, (10.0, 3.7, 75.0)), (1, (6.0, -50.0, -75.0))],
    ids=["right oblique", "left oblique", "horizontal"],
)
def test_a_fissure_is_one_sheet(patient: Patient, fissure: int, middle_zyx_mm: tuple[float, float, float]) -> None:
    *distances_mm, picture = block(patient, middle_zyx_mm)
    off_mm = np.abs(distances_mm[fissure])
    on_sheet = off_mm < 0.1
    assert on_sheet.sum() > 200
    assert np.mean(picture[on_sheet] > FISSURE_HU - 40) > 0.95
    assert np.median(picture[np.minimum(*np.abs(distances_mm)) > 2]) < -800


def test_the_left_lung_has_no_horizontal_fissure(patient: Patient) -> None:
    oblique_mm, horizontal_mm, picture = block(patient, (6.0, -40.0, 75.0))
    there = (np.abs(horizontal_mm) < 0.1) & (oblique_mm < -2)
    assert there.sum() > 200
    assert np.median(picture[there]) < -800
