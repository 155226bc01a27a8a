"""Sizes, words and headings as lists write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.exchange.spreadsheet_reading.cells import Cell, letters_of, shown
from nodules_app.exchange.spreadsheet_reading.headings import Field, field_of
from nodules_app.exchange.spreadsheet_reading.sizes import Axes, axes_of, unit_in
from nodules_app.exchange.spreadsheet_reading.words import meaning_of


@pytest.mark.parametrize(
    ("written", "unit", "axes"),
    [
        ("7.2", "", Axes(7.2, None)),
        ("7,2 mm", "", Axes(7.2, None)),
        (7.2, "", Axes(7.2, None)),
        (0.9, "cm", Axes(9.0, None)),
        ("0.9 cm", "mm", Axes(9.0, None)),
        ("0.9厘米", "", Axes(9.0, None)),
        ("８毫米", "", Axes(8.0, None)),
        ("8 x 6", "", Axes(8.0, 6.0)),
        ("6×8 mm", "", Axes(8.0, 6.0)),
        ("12*9mm", "", Axes(12.0, 9.0)),
        ("1.2 cm x 9 mm", "", Axes(12.0, 9.0)),
        ("1.2 x 0.9 cm", "", Axes(12.0, 9.0)),
        ("约8mm", "", Axes(8.0, None)),
        ("< 4", "", None),
        ("3-4 mm", "", None),
        ("big", "", None),
        (None, "", None),
    ],
)
def test_sizes(written: Cell, unit: str, axes: Axes | None) -> None:
    assert axes_of(written, unit=unit) == axes


def test_the_mean_is_what_a_guideline_calls_the_size() -> None:
    assert Axes(8.0, 6.0).mean_mm == 7.0
    assert Axes(8.0, None).mean_mm == 8.0


@pytest.mark.parametrize(
    ("heading", "unit"),
    [("Size (mm)", "mm"), ("直径（cm）", "cm"), ("size_cm", "cm"), ("大小[毫米]", "mm"), ("Size", "")],
)
def test_the_unit_of_a_heading(heading: str, unit: str) -> None:
    assert unit_in(heading) == unit


@given(st.floats(1, 80), st.sampled_from(["mm", "cm"]), st.sampled_from([".", ","]))
def test_a_size_reads_back_in_any_unit(size_mm: float, unit: str, point: str) -> None:
    length = round(size_mm, 1) / (10 if unit == "cm" else 1)
    text = f"{length:.2f}".replace(".", point) + f" {unit}"
    axes = axes_of(text, unit="")
    assert axes is not None
    assert axes.long_mm == pytest.approx(round(size_mm, 1), abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "written", "meaning"),
    [
        ("sex", "F", "female"),
        ("sex", "男性", "male"),
        ("sex", "?", None),
        ("lobe", "Right-Upper lobe", "RUL"),
        ("lobe", "左肺上叶舌段", "LINGULA"),
        ("lobe", "R", None),
        ("attenuation", "Part-Solid", "part_solid"),
        ("attenuation", "混合磨玻璃结节", "part_solid"),
        ("attenuation", "pGGN", "ground_glass"),
        ("step", "CT chest in 6 months", "ct"),
        ("step", "PET-CT", "workup"),
        ("step", "CT-guided biopsy", "workup"),
        ("step", "6个月后复查CT", "ct"),
        ("step", "结束随访", "discharge"),
        ("step", "biopsy or discharge", None),
        ("step", "whatever", None),
    ],
)
def test_words(kind: str, written: str, meaning: str | None) -> None:
    assert meaning_of(kind, written) == meaning


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        ("MRN", Field.IDENTIFIER),
        ("病案号", Field.IDENTIFIER),
        ("D.O.B.", Field.BIRTH_DATE),
        ("Size (mm)", Field.SIZE),
        ("大小（mm）", Field.SIZE),
        ("Next CT due", Field.DUE_ON),
        ("下次复查日期", Field.DUE_ON),
        ("末次CT", Field.LAST_SCAN_ON),
        ("Shoe size", None),
    ],
)
def test_headings(heading: str, field: Field | None) -> None:
    assert field_of(heading) is field


def test_columns_and_cells_are_named_as_spreadsheet_programs_do() -> None:
    assert [letters_of(index) for index in (0, 25, 26, 701, 702)] == ["A", "Z", "AA", "ZZ", "AAA"]
    assert (shown(7.0), shown(" ａ  b\0 "), shown(None)) == ("7", "a b", "")
