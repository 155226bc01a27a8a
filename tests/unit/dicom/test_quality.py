"""Noise is measured on the scan, whatever is drawn in it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodules_app.dicom.quality import noise_hu
from registration.volume import Volume


def body(noise: float, seed: int, tissue_hu: float = 45) -> Volume:
    """Soft tissue with lungs, bone and vessels, and white noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:128, :128]
    clean = np.full((128, 128), tissue_hu)
    clean[(x - 40) ** 2 + (y - 64) ** 2 < 28**2] = -850
    clean[(x - 95) ** 2 + (y - 64) ** 2 < 26**2] = -850
    clean[(x - 64) ** 2 + (y - 110) ** 2 < 8**2] = 700
    clean[::17, ::13] += 60
    array = clean + rng.normal(0, noise, (6, 128, 128))
    return Volume(np.rint(array).astype(np.int16), (1.0, 0.7, 0.7), (0.0, 0.0, 0.0), np.eye(3))


@settings(max_examples=12, deadline=None)
@given(noise=st.floats(4, 60), seed=st.integers(0, 99))
def test_the_noise_that_was_put_in_is_found(noise: float, seed: int):
    assert noise_hu(body(noise, seed)) == pytest.approx(noise, rel=0.12, abs=1)


def test_more_noise_is_more():
    assert noise_hu(body(10, 1)) < noise_hu(body(20, 1)) < noise_hu(body(40, 1))


def test_without_soft_tissue_there_is_no_answer():
    assert noise_hu(body(10, 1, tissue_hu=-800)) is None


def test_a_picture_smaller_than_the_window_has_no_answer():
    volume = body(10, 1)
    assert noise_hu(volume.crop((0, 0, 0), (6, 5, 5))) is None
