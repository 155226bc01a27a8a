"""Sharpness by vendor, and unknown where a name says nothing."""

from __future__ import annotations

import pytest

from nodules_app.dicom.kernels import Sharpness, sharpness


@pytest.mark.parametrize(
    ("manufacturer", "kernel", "expected"),
    [
        ("GE MEDICAL SYSTEMS", "STANDARD", Sharpness.STANDARD),
        ("GE MEDICAL SYSTEMS", "LUNG", Sharpness.LUNG),
        ("GE MEDICAL SYSTEMS", "BONEPLUS", Sharpness.SHARP),
        ("GE MEDICAL SYSTEMS", "SOFT", Sharpness.SOFT),
        ("SIEMENS", "B20f", Sharpness.SOFT),
        ("SIEMENS", "B30f", Sharpness.STANDARD),
        ("Siemens Healthineers", "Br40d", Sharpness.STANDARD),
        ("SIEMENS", "I50f\\3", Sharpness.LUNG),
        ("SIEMENS", "Bl57", Sharpness.LUNG),
        ("SIEMENS", "B70f", Sharpness.SHARP),
        ("Philips", "B", Sharpness.STANDARD),
        ("Philips", "L", Sharpness.LUNG),
        ("Philips", "D", Sharpness.LUNG),
        ("Philips", "E", Sharpness.SHARP),
        ("Philips", "ZZ", Sharpness.UNKNOWN),
        ("Philips", "YA", Sharpness.LUNG),
        ("TOSHIBA", "FC51", Sharpness.LUNG),
        ("Canon Medical Systems", "FC07", Sharpness.STANDARD),
        ("TOSHIBA", "FC30", Sharpness.SHARP),
        ("TOSHIBA", "FC99", Sharpness.UNKNOWN),
        ("NobodyKnows", "K7", Sharpness.UNKNOWN),
        ("GE MEDICAL SYSTEMS", "B30f", Sharpness.UNKNOWN),  # another vendor's name means nothing
        ("", "", Sharpness.UNKNOWN),
    ],
)
def test_kernels_have_a_class(manufacturer: str, kernel: str, expected: Sharpness):
    assert sharpness(manufacturer, kernel) is expected
