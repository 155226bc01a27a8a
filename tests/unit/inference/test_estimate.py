"""An estimate is positive, finite in meaning, and its interval is symmetric in ratio."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.estimate import Estimate


@given(st.floats(1e-3, 1e6), st.floats(0, 2))
def test_the_interval_is_symmetric_in_ratio_and_never_negative(value: float, relative: float):
    estimate = Estimate(value, value * relative)
    low, high = estimate.interval_95
    assert 0 < low <= value <= high
    assert low * high == pytest.approx(value**2)


@pytest.mark.parametrize(("value", "error"), [(0, 1), (-1, 1), (math.nan, 1), (1, -1), (1, math.nan)])
def test_what_is_no_quantity_is_refused(value: float, error: float):
    with pytest.raises(ValueError, match="no such estimate"):
        Estimate(value, error)
