"""Maps: values, derivatives, inverses, folds, splines and their robust fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registration.affine import Affine
from registration.folding import fold_fraction
from registration.mapping import Mapping
from registration.spline import Spline, SplineGrid
from registration.spline_fit import fit_spline

LOW, HIGH = np.zeros(3), np.array([100.0, 120.0, 140.0])


def points_inside(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(LOW + 5, HIGH - 5, (count, 3))


def wavy(amplitude_mm: float, node_mm: float = 20.0, seed: int = 1) -> Mapping:
    grid = SplineGrid.over(LOW, HIGH, node_mm)
    coefficients = np.random.default_rng(seed).standard_normal((grid.nodes, 3)) * amplitude_mm
    affine = Affine(np.diag([1.05, 0.97, 1.0]), HIGH / 2, np.array([8.0, -4.0, 3.0]))
    return Mapping(affine, (Spline(grid, coefficients),))


def test_a_constant_displacement_is_constant_everywhere() -> None:
    grid = SplineGrid.over(LOW, HIGH, 17.0)
    level = Spline(grid, np.tile([1.0, -2.0, 3.0], (grid.nodes, 1)))
    mapping = Mapping(Affine(np.eye(3), np.zeros(3), np.zeros(3)), (level, level))
    points = np.vstack([points_inside(50), [LOW, HIGH]])
    assert mapping(points) - points == pytest.approx(np.tile([2.0, -4.0, 6.0], (52, 1)), abs=1e-5)


def test_derivatives_are_those_of_the_values() -> None:
    mapping, points, step = wavy(2.0), points_inside(20), 1e-4
    expected = np.stack(
        [(mapping(points + step * axis) - mapping(points - step * axis)) / (2 * step) for axis in np.eye(3)], axis=2
    )
    assert mapping.jacobians(points) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 2.5), st.integers(0, 1000))
def test_the_inverse_undoes_a_map_without_folds(amplitude_mm: float, seed: int) -> None:
    mapping, points = wavy(amplitude_mm, seed=seed), points_inside(40, seed)
    assert mapping.inverse(mapping(points)) == pytest.approx(points, abs=1e-3)


def test_the_inverse_of_nothing_is_nan() -> None:
    mapping = wavy(2.0)
    there = np.vstack([mapping(points_inside(2)), [[np.nan] * 3]])
    assert np.isnan(mapping.inverse(there)).any(axis=1).tolist() == [False, False, True]


def test_folds_are_counted() -> None:
    points = points_inside(300)
    mirror = Mapping(Affine(np.diag([1.0, 1.0, -1.0]), HIGH / 2, np.zeros(3)))
    assert fold_fraction(mirror, points) == 1.0
    assert fold_fraction(wavy(1.0), points) == 0.0
    assert 0.1 < fold_fraction(wavy(30.0), points) < 0.9
    with pytest.raises(ValueError, match="one point"):
        fold_fraction(mirror, points[:0])


def alike(weights: np.ndarray) -> np.ndarray:
    """Weights that are the same along all directions."""
    return weights[:, None, None] * np.eye(3)


def test_a_fit_finds_a_smooth_displacement_in_spite_of_outliers() -> None:
    truth, points = wavy(2.0, node_mm=40.0), points_inside(3000)
    wanted = truth(points) - truth.affine(points)
    random = np.random.default_rng(2)
    wanted += random.standard_normal(wanted.shape) * 0.2
    lost = random.random(3000) < 0.2
    wanted[lost] = random.uniform(-8, 8, (int(lost.sum()), 3))
    grid = SplineGrid.over(LOW, HIGH, 20.0)
    fit = fit_spline(grid, points, wanted, alike(np.ones(3000)), stiffness=0.1, least_outlier_mm=0.6)
    asked = points_inside(200, seed=9)
    found = np.zeros_like(asked)
    fit.spline.add_to(asked, found)
    off_mm = np.linalg.norm(found - (truth(asked) - truth.affine(asked)), axis=1)
    assert np.median(off_mm) < 0.15
    assert np.median(fit.trust[lost]) < 0.05
    assert np.median(fit.trust[~lost]) > 0.5
    assert np.median(fit.residuals_mm[~lost]) < 0.6


def test_a_fit_to_nothing_is_nothing() -> None:
    grid, points = SplineGrid.over(LOW, HIGH, 20.0), points_inside(100)
    fit = fit_spline(grid, points, np.zeros((100, 3)), alike(np.ones(100)), stiffness=0.1, least_outlier_mm=0.6)
    assert not fit.spline.coefficients.any()


def test_points_without_weight_are_not_followed() -> None:
    grid, points = SplineGrid.over(LOW, HIGH, 20.0), points_inside(500)
    wanted, weights = np.zeros((500, 3)), np.ones(500)
    wanted[::2], weights[::2] = 5.0, 0.0
    fit = fit_spline(grid, points, wanted, alike(weights), stiffness=0.1, least_outlier_mm=0.6)
    assert np.abs(fit.spline.coefficients).max() < 1e-6


def test_a_point_is_followed_only_along_the_directions_that_it_knows() -> None:
    """Half of the points know a direction aslant, the others the two across it; each lies about the rest."""
    grid, points = SplineGrid.over(LOW, HIGH, 20.0), points_inside(2000)
    known = np.array([0.6, 0.8, 0.0])
    along = np.outer(known, known)
    truth = np.array([1.0, -2.0, 0.5])
    wanted = np.tile(truth, (2000, 1))
    wanted[::2] += 7.0 * np.array([0.8, -0.6, 0.0])
    wanted[1::2] -= 7.0 * known
    weights = np.where((np.arange(2000) % 2 == 0)[:, None, None], along, np.eye(3) - along)
    fit = fit_spline(grid, points, wanted, weights, stiffness=0.1, least_outlier_mm=0.6)
    found = np.zeros((2000, 3))
    fit.spline.add_to(points, found)
    assert np.median(np.abs(found - truth)) < 0.02
    assert np.abs(found - truth).max() < 0.3  # at the corners, of lies of 7 mm
    assert np.median(fit.residuals_mm) < 0.05
