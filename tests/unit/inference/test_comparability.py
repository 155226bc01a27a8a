"""Each difference between two scans has its reason and its weight; the gravest gives the grade."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.comparability import Comparability, ScanFacts, grade, scan_grain_mm

GOOD = ScanFacts(
    slice_thickness_mm=1.0,
    slice_spacing_mm=1.0,
    kernel="B50f",
    noise_hu=30,
    grain_mm=1.1,
    lung_volume_ml=5000,
    contrast=False,
)


def graded(*, residual_mm: float | None = 0.3, interval_days: int | None = 365, **changes: object) -> Comparability:
    current = replace(GOOD, **changes)
    return grade(GOOD, current, registration_residual_mm=residual_mm, interval_days=interval_days)


def test_two_alike_scans_are_grade_a_without_reason_or_cost():
    assert graded() == Comparability("A", (), 0.0)


@pytest.mark.parametrize(
    ("changes", "code", "expected"),
    [
        ({"slice_thickness_mm": 1.25}, "thickness_differs", "B"),
        ({"slice_thickness_mm": 2.5}, "thickness_differs", "C"),
        ({"slice_spacing_mm": 5.0}, "slices_too_thick", "D"),
        ({"kernel": "B70f", "grain_mm": None}, "kernel_differs", "B"),
        ({"kernel": "B70f", "grain_mm": 0.8}, "kernel_differs", "B"),
        ({"kernel": "B30f", "grain_mm": 1.9}, "kernel_differs", "C"),
        ({"noise_hu": 60}, "noise_differs", "B"),
        ({"noise_hu": 90}, "very_noisy", "C"),
        ({"lung_volume_ml": 4100}, "inspiration_differs", "B"),
        ({"lung_volume_ml": 6800}, "inspiration_differs", "C"),
        ({"contrast": True}, "contrast_differs", "B"),
        ({"lungs_cut": True}, "lungs_cut", "B"),
        ({"blocking": ("Slices are missing.",)}, "series_damaged", "D"),
        ({"residual_mm": 2.5}, "loose_registration", "B"),
        ({"residual_mm": 5.0}, "loose_registration", "C"),
        ({"residual_mm": None}, "not_registered", "D"),
        ({"interval_days": 10}, "short_interval", "B"),
        ({"interval_days": 0}, "no_interval", "D"),
    ],
)
def test_a_difference_has_its_reason_and_weight(changes: dict[str, Any], code: str, expected: str):
    result = graded(**changes)
    assert [(reason.code, reason.grade) for reason in result.reasons] == [(code, expected)]
    assert result.grade == expected
    assert "{" not in result.reasons[0].sentence
    assert result.allows_growth == (expected != "D")


@pytest.mark.parametrize("field", ["kernel", "grain_mm", "noise_hu", "lung_volume_ml", "contrast"])
def test_what_is_unknown_is_no_difference(field: str):
    unknown = {"kernel": GOOD.kernel, "grain_mm": None, "noise_hu": None, "lung_volume_ml": None, "contrast": None}
    assert graded(**{field: unknown[field]}).grade == "A"


def test_where_a_lung_is_cut_its_density_tells_the_breath():
    unlike = [replace(GOOD, lung_volume_ml=None, lung_hu=hu) for hu in (-860.0, -830.0, -790.0)]
    alike = replace(unlike[0], lung_hu=-850.0)
    grades = [grade(unlike[0], other, registration_residual_mm=0.3).grade for other in (alike, *unlike[1:])]
    assert grades == ["A", "B", "C"]


def test_the_volume_of_whole_lungs_outweighs_their_density():
    denser = replace(GOOD, lung_hu=-700.0)
    assert grade(replace(GOOD, lung_hu=-860.0), denser, registration_residual_mm=0.3).grade == "A"


def test_a_kernel_of_another_name_that_measures_alike_is_no_difference():
    assert graded(kernel="LUNG", grain_mm=1.2).grade == "A"


def test_three_remarks_make_a_reservation():
    result = graded(contrast=True, lung_volume_ml=4100, noise_hu=60)
    assert {reason.grade for reason in result.reasons} == {"B"}
    assert result.grade == "C"


def test_costs_add_in_squares():
    both = graded(contrast=True, slice_thickness_mm=1.25).extra_relative_error
    assert both**2 == pytest.approx(
        graded(contrast=True).extra_relative_error ** 2 + graded(slice_thickness_mm=1.25).extra_relative_error ** 2
    )


@pytest.mark.parametrize(
    ("changes", "ratio_error"),
    [
        ({"slice_thickness_mm": 1.25}, 0.05),
        ({"slice_thickness_mm": 2.5}, 0.071),
        ({"kernel": "B70f", "grain_mm": 0.8}, 0.05),
        ({"kernel": "B30f", "grain_mm": 1.9}, 0.071),
        ({"noise_hu": 60}, 0.03),
        ({"noise_hu": 90}, 0.05),
        ({"lung_volume_ml": 4100}, 0.04),
        ({"lung_volume_ml": 6800}, 0.08),
        ({"contrast": True}, 0.05),
        # These change what may be said, not how far a volume is off.
        ({"lungs_cut": True}, 0.0),
        ({"residual_mm": 5.0}, 0.0),
        ({"interval_days": 10}, 0.0),
    ],
)
def test_what_blurs_borders_unequally_widens_the_interval_of_the_ratio(changes: dict[str, Any], ratio_error: float):
    assert graded(**changes).extra_relative_error == pytest.approx(ratio_error, abs=5e-4)


def test_slices_that_are_coarse_on_both_scans_are_said():
    coarse = replace(GOOD, slice_thickness_mm=3.0, slice_spacing_mm=3.0)
    result = grade(coarse, coarse, registration_residual_mm=0.3, interval_days=365)
    assert [(reason.code, reason.grade) for reason in result.reasons] == [("slices_coarse", "B")]
    assert result.extra_relative_error == pytest.approx(0.05)


def test_the_gravest_reason_comes_first():
    result = graded(contrast=True, slice_spacing_mm=5.0)
    assert result.reasons[0].code == "slices_too_thick"


def test_reversed_dates_forbid_a_rate_but_not_the_sizes():
    assert graded(interval_days=-3).sizes_comparable
    assert not graded(slice_spacing_mm=6.0).sizes_comparable


def test_grain_grows_with_pixel_and_correlation():
    assert scan_grain_mm(4.0, 0.7) == pytest.approx(1.4)
