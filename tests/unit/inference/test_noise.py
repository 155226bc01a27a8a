"""Noise is measured on the scan itself, where the body is uniform."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from inference.noise import measure_noise
from registration.volume import Volume


def tissue(noise_hu: float, blur_px: float, seed: int = 0) -> Volume:
    """Draw lung with a slab of soft tissue on one side, as beside a chest wall."""
    noise = np.random.default_rng(seed).standard_normal((12, 160, 160))
    if blur_px:
        noise = ndimage.gaussian_filter(noise, (0, blur_px, blur_px))
    image = np.full(noise.shape, -850.0)
    image[:, 70:] = 45.0
    image += noise / noise.std() * noise_hu
    return Volume(image.round().astype(np.int16), (1.0, 0.7, 0.7), (0.0, 0.0, 0.0), np.eye(3))


@pytest.mark.parametrize("noise_hu", [8.0, 20.0, 45.0])
def test_the_standard_deviation_is_found(noise_hu: float):
    found = measure_noise(tissue(noise_hu, 0.7))
    assert found is not None
    assert found.sd_hu == pytest.approx(noise_hu, rel=0.15)


def test_softer_kernels_go_together_over_more_voxels():
    grains = []
    for blur_px in (0.0, 0.6, 0.9):
        found = measure_noise(tissue(20, blur_px))
        assert found is not None
        grains.append(found.correlation_voxels)
    assert grains[0] == pytest.approx(1, abs=0.3)
    assert grains[0] < grains[1] < grains[2]


def test_a_scan_without_uniform_tissue_has_no_measured_noise():
    lung = Volume(np.full((5, 90, 90), -850, np.int16), (1.0, 0.7, 0.7), (0.0, 0.0, 0.0), np.eye(3))
    assert measure_noise(lung) is None


def test_padding_of_one_value_is_not_taken_for_a_calm_scan():
    volume = tissue(25, 0.7)
    volume.array_hu[:, 120:] = 40
    found = measure_noise(volume)
    assert found is not None
    assert found.sd_hu == pytest.approx(25, rel=0.15)


def test_a_fatty_border_or_a_slope_is_no_noise():
    volume = tissue(15, 0.7)
    volume.array_hu[:] += np.linspace(0, 40, 160).round().astype(np.int16)
    found = measure_noise(volume)
    assert found is not None
    assert found.sd_hu == pytest.approx(15, rel=0.2)
