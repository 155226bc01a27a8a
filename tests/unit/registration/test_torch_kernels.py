"""The loops as torch tensors beside the compiled ones: the same answers, on whatever device is there."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from registration.device import OnProcessor, kernels_for
from registration.errors import NoDevice
from registration.grid import Grid, LungImage
from registration.keypoints import find_keypoints
from registration.register import Registration, register
from registration.spline import SplineGrid
from registration.torch_kernels import OnTorch
from registration.transform import METHOD
from tests.unit.registration.chest import ChestPair
from tests.unit.registration.test_keypoints import SHAPE, blobs, grid_of, lung_of

NO_GPU = not torch.cuda.is_available()
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.skipif(NO_GPU, reason="torch finds no GPU here"))]
SAME_MM = 0.05


@pytest.fixture(params=DEVICES)
def on_torch(request: pytest.FixtureRequest) -> OnTorch:
    return OnTorch(request.param)


def two_levels() -> tuple[Grid, Grid]:
    """One block of random structure on two grids: the other a little further, darker, and of another origin."""
    image = blobs()
    other = np.roll(0.8 * image - 100, (1, -2, 1), axis=(0, 1, 2))
    return grid_of(image), grid_of(other, (4.0, -3.0, 7.5))


def test_it_finds_the_same_costs_and_chooses_the_same_shifts(on_torch: OnTorch) -> None:
    prior, current = two_levels()
    points = np.random.default_rng(1).uniform(-5, 70, (300, 3))  # some beyond the border
    stretch = np.array([1.1, 0.9, 1.0])
    costs = [
        kernels.shift_costs(prior, current, points, points + 3.3, stretch, reach=3, step_mm=2.0)
        for kernels in (OnProcessor(), on_torch)
    ]
    assert costs[1].values == pytest.approx(costs[0].values, abs=1e-3)
    drawn = np.random.default_rng(2).uniform(-4, 4, points.shape)
    for weight in (0.0, 0.01):
        shifts, agreement = OnProcessor().choose_shifts(costs[0], drawn, weight)
        same, same_agreement = on_torch.choose_shifts(costs[0], drawn, weight)
        assert same == pytest.approx(shifts)
        assert same_agreement == pytest.approx(agreement, abs=1e-5)


def test_it_moves_points_to_the_same_places(on_torch: OnTorch) -> None:
    prior, current = two_levels()
    mask = np.ones(SHAPE)
    mask[:, :, :12] = 0  # patches at this edge are cut
    lung, other = lung_of(prior.image, mask), LungImage(*current, np.ones(SHAPE, np.uint8))
    points = np.vstack([find_keypoints(lung, cell_mm=6.0).points_mm, [[300.0, 0, 0]]])  # the last is off the picture
    places = points + current.origin_mm - prior.origin_mm + np.array([1.1, -2.4, 1.8])
    jacobians = np.tile(np.eye(3) + 0.03 * np.random.default_rng(3).standard_normal((3, 3)), (len(points), 1, 1))
    ours, same = (
        kernels.moved(lung, other, points, places, jacobians, sigma_mm=4.0, half_width_mm=5.0)
        for kernels in (OnProcessor(), on_torch)
    )
    assert np.median(np.linalg.norm(ours.points_mm - places, axis=1)) > 0.3
    assert np.linalg.norm(same.points_mm - ours.points_mm, axis=1).max() < SAME_MM
    assert same.agreement == pytest.approx(ours.agreement, abs=0.01)
    assert ours.agreement[-1] == same.agreement[-1] == -1
    assert same.structure == pytest.approx(ours.structure, rel=1e-3, abs=0.1)


def test_it_fits_the_same_spline(on_torch: OnTorch) -> None:
    random = np.random.default_rng(4)
    points = random.uniform(0, 90, (800, 3))
    wanted = 3 * np.sin(points / 20) + random.standard_normal(points.shape) * 0.2
    wanted[::20] += 8.0  # outliers
    halves = random.standard_normal((800, 3, 3))
    weights = halves @ halves.transpose(0, 2, 1)
    weights /= np.linalg.eigvalsh(weights).max(axis=1)[:, None, None]
    grid = SplineGrid.over(np.zeros(3), np.full(3, 90.0), 15.0)
    ours, same = (
        kernels.fit_spline(grid, points, wanted, weights, stiffness=0.1, least_outlier_mm=0.6)
        for kernels in (OnProcessor(), on_torch)
    )
    assert same.spline.coefficients == pytest.approx(ours.spline.coefficients, abs=1e-6)
    assert same.residuals_mm == pytest.approx(ours.residuals_mm, abs=1e-6)
    assert same.trust == pytest.approx(ours.trust, abs=1e-6)


def registered_on(kernels: OnTorch, pair: ChestPair, monkeypatch: pytest.MonkeyPatch) -> Registration:
    monkeypatch.setattr("registration.register.kernels_for", lambda _: kernels)
    return register(pair.prior, pair.current)


def test_the_whole_registration_is_the_same(
    on_torch: OnTorch, chest_pair: ChestPair, chest_registration: Registration, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = registered_on(on_torch, chest_pair, monkeypatch)
    prior, _ = chest_pair.truth()
    places, same = chest_registration.current_from_prior(prior), found.current_from_prior(prior)
    assert (np.isnan(places) == np.isnan(same)).all()
    assert np.nanmax(np.linalg.norm(places - same, axis=1)) < SAME_MM
    assert found.median_residual_mm == pytest.approx(chest_registration.median_residual_mm, abs=0.01)
    assert found.method == f"{METHOD}, on {on_torch.name}"


@pytest.mark.skipif(not NO_GPU, reason="there is a GPU here")
def test_without_a_gpu_cuda_is_refused_and_auto_takes_the_processor(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NoDevice, match="cannot run on 'cuda'"):
        kernels_for("cuda")
    with caplog.at_level(logging.INFO, logger="registration.device"):
        assert isinstance(kernels_for("auto"), OnProcessor)
    assert "Registration runs on the processor: " in caplog.text


@pytest.mark.skipif(NO_GPU, reason="torch finds no GPU here")
def test_with_a_gpu_auto_takes_it(chest_pair: ChestPair) -> None:
    assert isinstance(kernels_for("auto"), OnTorch)
    assert register(chest_pair.prior, chest_pair.current, device="auto").method != METHOD
