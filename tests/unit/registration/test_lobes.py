"""Lobes of a drawn chest whose fissures are known, and the refusal to guess where none are drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from registration.lobes import Lobe, Lobes, find_lobes
from registration.lungs import segment_lungs
from registration.volume import Volume
from tests.unit.registration.chest import axes_mm, mirrored_axis

SHAPE_ZYX = (180, 130, 190)
SPACING_ZYX_MM = (1.25, 1.45, 1.45)
FISSURE_HU = -650.0
FISSURE_MM = 1.0
TILT = np.deg2rad(42.0)
HORIZONTAL_Z_MM = 12.0


def oblique_mm(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance behind and below a plane that falls from the back to the front."""
    return np.asarray(np.cos(TILT) * y - np.sin(TILT) * z)


def chest(*, fissures: bool) -> Volume:
    """Two oval lungs with small round vessels; fissures as bright sheets when asked for."""
    z, y, x = axes_mm(SHAPE_ZYX, SPACING_ZYX_MM)
    body = np.broadcast_to((x / 130) ** 2 + (y / 90) ** 2 < 1, SHAPE_ZYX)
    lungs = sum((((x - side) / 50) ** 2 + (y / 70) ** 2 + (z / 95) ** 2 < 1) for side in (-62, 62)) > 0
    random = np.random.default_rng(3)
    blobs = ndimage.gaussian_filter(random.standard_normal(SHAPE_ZYX), 1.6)
    drawn = np.where(body, 40.0, -1000.0)
    drawn[lungs] = -870 + 700 * np.clip(blobs[lungs] / blobs.std() - 2.6, 0, 1)
    if fissures:
        oblique = np.broadcast_to(oblique_mm(z, y), SHAPE_ZYX)
        horizontal = np.broadcast_to(z - HORIZONTAL_Z_MM, SHAPE_ZYX)
        sheet = np.clip(1 - np.abs(oblique) / FISSURE_MM, 0, 1)
        in_front = (oblique < 0) & np.broadcast_to(x < 0, SHAPE_ZYX)
        sheet = np.maximum(sheet, np.where(in_front, np.clip(1 - np.abs(horizontal) / FISSURE_MM, 0, 1), 0))
        drawn[lungs] += (sheet * np.maximum(FISSURE_HU - drawn, 0))[lungs]
    noisy = ndimage.gaussian_filter(drawn, 0.5) + ndimage.gaussian_filter(random.normal(0, 40, SHAPE_ZYX), 0.6)
    return Volume(np.rint(noisy).astype(np.int16), SPACING_ZYX_MM, (-100.0, 20.0, -300.0), np.eye(3))


def lobes_of(volume: Volume) -> Lobes:
    return find_lobes(volume, segment_lungs(volume))


def at(offsets_mm: list[list[float]]) -> np.ndarray:
    """Patient points at offsets x, y, z from the middle of the drawing."""
    middle = (np.asarray(SHAPE_ZYX) - 1) / 2 * SPACING_ZYX_MM
    return np.asarray(np.add((-100.0, 20.0, -300.0), middle[::-1]) + np.asarray(offsets_mm))


@pytest.fixture(scope="module")
def divided() -> Lobes:
    return lobes_of(chest(fissures=True))


PLACES = {
    Lobe.RIGHT_UPPER: [-62.0, -20.0, 40.0],
    Lobe.RIGHT_MIDDLE: [-62.0, -35.0, -12.0],
    Lobe.RIGHT_LOWER: [-62.0, 25.0, -40.0],
    Lobe.LEFT_UPPER: [62.0, -20.0, 40.0],
    Lobe.LEFT_LOWER: [62.0, 25.0, -40.0],
}


@pytest.mark.parametrize("lobe", Lobe)
def test_each_lobe_is_named(divided: Lobes, lobe: Lobe) -> None:
    (found,) = divided.lobe_at(at([PLACES[lobe]]))
    assert found.lobe == lobe
    assert found.certainty > 0.8


def test_a_point_on_the_fissure_belongs_to_neither_lobe(divided: Lobes) -> None:
    (found,) = divided.lobe_at(at([[62.0, 0.0, 0.0]]))
    assert found.lobe is None
    assert found.certainty < 0.8


def test_outside_the_lungs_there_is_no_lobe(divided: Lobes) -> None:
    assert [found.lobe for found in divided.lobe_at(at([[0.0, 0.0, 0.0], [0.0, 0.0, 500.0]]))] == [None, None]


def test_a_point_just_under_the_pleura_still_has_one(divided: Lobes) -> None:
    (found,) = divided.lobe_at(at([[115.0, 10.0, -20.0]]))
    assert found.lobe == Lobe.LEFT_LOWER


def test_the_distance_to_the_fissure_is_right(divided: Lobes) -> None:
    offsets = np.array([[62.0, y, z] for y in (-20.0, 0.0, 20.0) for z in (-25.0, 10.0, 25.0)])
    for offset, found in zip(offsets, divided.fissure_distance(at(offsets.tolist())), strict=True):
        assert found is not None
        true_mm = abs(float(oblique_mm(offset[2], offset[1])))
        assert found.distance_mm == pytest.approx(true_mm, abs=2.0)
        assert abs(found.distance_mm - true_mm) < 3 * found.error_mm


def test_where_no_fissure_is_seen_nothing_is_guessed() -> None:
    lobes = lobes_of(chest(fissures=False))
    assert (lobes.oblique_right, lobes.horizontal, lobes.oblique_left) == (None, None, None)
    points = at(list(PLACES.values()))
    assert [found.lobe for found in lobes.lobe_at(points)] == [None] * 5
    assert lobes.fissure_distance(points) == [None] * 5


def test_feet_first_the_lobes_are_the_same() -> None:
    lobes = lobes_of(mirrored_axis(chest(fissures=True), 0))
    assert [found.lobe for found in lobes.lobe_at(at(list(PLACES.values())))] == list(PLACES)


def test_without_the_horizontal_fissure_upper_and_middle_lobe_stay_unknown(divided: Lobes) -> None:
    unsplit = replace(divided, horizontal=None)
    places = at([PLACES[Lobe.RIGHT_UPPER], PLACES[Lobe.RIGHT_MIDDLE], PLACES[Lobe.RIGHT_LOWER]])
    assert [found.lobe for found in unsplit.lobe_at(places)] == [None, None, Lobe.RIGHT_LOWER]
