"""Nodules with features: what is drawn is what is told."""

from __future__ import annotations

import numpy as np
import pytest

from inference.simulate.features import Feature, FeaturedNodule, draw_featured
from inference.simulate.grid import Grid
from inference.simulate.nodules import Attenuation, sphere_mm3

GRID = Grid.centred((52, 52, 52), (0.6, 0.6, 0.6))
EVERYWHERE = np.ones(GRID.shape_zyx, np.float32)
TO_PLEURA = np.array([0.0, 12.0, 0.0])


def drawn(attenuation: Attenuation, features: Feature, seed: int = 3) -> FeaturedNodule:
    return draw_featured(np.random.default_rng(seed), np.zeros(3), 10.0, attenuation, features, TO_PLEURA)


def painted(nodule: FeaturedNodule) -> np.ndarray:
    hu = np.full(GRID.shape_zyx, -860.0, np.float32)
    nodule.paint(hu, GRID, EVERYWHERE)
    return hu


@pytest.mark.parametrize("attenuation", list(Attenuation))
def test_the_whole_nodule_has_the_volume_that_was_ordered(attenuation: Attenuation) -> None:
    truth = drawn(attenuation, Feature(0)).known(GRID, EVERYWHERE)
    assert truth.whole.sum() * 0.6**3 == pytest.approx(sphere_mm3(10.0), rel=0.02)
    shares = {Attenuation.SOLID: (1.0, 1.0), Attenuation.PART_SOLID: (0.02, 0.65), Attenuation.GROUND_GLASS: (0, 0)}
    low, high = shares[attenuation]
    assert low <= truth.solid.sum() / truth.whole.sum() <= high
    assert (truth.solid <= truth.whole).all()


def test_calcium_is_bright_and_a_cavity_is_air_and_not_solid() -> None:
    calcified = drawn(Attenuation.SOLID, Feature.CALCIFICATION)
    marks = calcified.known(GRID, EVERYWHERE).marks
    assert painted(calcified)[marks == Feature.CALCIFICATION].mean() > 150
    hollow = drawn(Attenuation.SOLID, Feature.CAVITY)
    truth = hollow.known(GRID, EVERYWHERE)
    air = truth.marks == Feature.CAVITY
    assert air.sum() * 0.6**3 > 30
    assert painted(hollow)[air].mean() < -700
    assert truth.solid[air].mean() < 0.3
    assert truth.whole[air].mean() > 0.99


def test_strands_leave_the_nodule_and_are_not_counted_in_it() -> None:
    plain, spiky = (drawn(Attenuation.SOLID, one) for one in (Feature(0), Feature.SPICULATION | Feature.PLEURAL_TAG))
    outside = plain.known(GRID, EVERYWHERE).whole == 0
    truth = spiky.known(GRID, EVERYWHERE)
    for flag in (Feature.SPICULATION, Feature.PLEURAL_TAG):
        strands = (truth.marks & flag > 0) & (truth.whole == 0)
        assert strands.sum() > 3
        assert (painted(spiky)[strands] > -750).all()
    reach = np.argwhere((truth.marks & Feature.PLEURAL_TAG > 0) & outside)
    assert np.abs((reach - 25.5) * 0.6)[:, 1].max() > 10  # as far as the pleura


def test_a_lobulated_border_is_more_uneven_and_what_lies_outside_the_lung_is_not_painted() -> None:
    directions = np.random.default_rng(1).standard_normal((400, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    spread = [
        float(np.log(drawn(Attenuation.SOLID, one).body.surface.radius(directions)).std())
        for one in (Feature(0), Feature.LOBULATION)
    ]
    assert spread[1] > 0.1 > spread[0]
    half = EVERYWHERE.copy()
    half[:26] = 0
    nodule = drawn(Attenuation.SOLID, Feature.CAVITY)
    hu = np.full(GRID.shape_zyx, 50.0, np.float32)
    nodule.paint(hu, GRID, half)
    assert (hu[:26] == 50.0).all()
    assert not nodule.known(GRID, half).marks[:26].any()


def test_a_tag_needs_to_know_where_the_pleura_is() -> None:
    with pytest.raises(ValueError, match="pleura"):
        draw_featured(np.random.default_rng(1), np.zeros(3), 8.0, Attenuation.SOLID, Feature.PLEURAL_TAG)
