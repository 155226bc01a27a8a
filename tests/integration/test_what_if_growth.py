"""What if, growth: every definition beside the others, where they disagree, and what a later scan would show."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from nodules_app.charts.definitions import GROWTH, definitions_ladder
from nodules_app.clinical import case as c
from nodules_app.clinical.change import comparison
from nodules_app.clinical.visibility import visibility
from nodules_app.templatetags.what_if_growth import later_scans
from tests.integration.browsing import signed_in, words
from tests.integration.test_what_if import GROWING
from tests.unit.clinical.cases import TODAY, measured

pytestmark = pytest.mark.django_db


def shown(language: str = "en", **query: str) -> str:
    return words(signed_in(language=language).get(reverse("what-if"), GROWING | query).content.decode())


def test_every_definition_is_answered_side_by_side() -> None:
    page = shown(e0_long_axis_mm="8.6", e0_short_axis_mm="8.4")
    assert "Growth of N1" in page
    assert "Volume 301 → 541 mm³ (+80 %)" in page
    assert "Mean diameter 8.5 → 10.1 mm (+19 %)" in page
    assert "The definitions disagree about this nodule." in page
    assert "it has grown by “volume +25 %” (BTS 2015, NELSON, EUPS 2017, Fleischner 2017), not yet by" in page


def test_the_interval_and_later_scans_say_what_they_could_show() -> None:
    page = shown()
    assert "The 366 days so far show growth of 25 % when the volume doubles in 1136 days or less" in page
    assert "3 months" in page
    assert "24 months" in page


def test_a_single_exam_has_no_growth_to_show() -> None:
    page = shown(e0_on="", e0_volume_mm3="")
    assert "BTS 2015" in page
    assert "Growth of N1" not in page


def test_growth_without_any_comparable_size_has_no_drawing() -> None:
    html = signed_in().get(reverse("what-if"), GROWING | {"e1_volume_mm3": "", "e1_volume_sd_mm3": ""}).content.decode()
    assert "growth-figure" in html  # the earlier volume as a sphere beside the present diameter
    assert "not measured" in words(html)


@pytest.mark.parametrize("by_volume", [True, False])
def test_the_ladder_begins_growth_where_the_definitions_do(by_volume: bool) -> None:
    sizes = {"v": 100} if by_volume else {"mean": "8"}
    before = measured(on=TODAY - timedelta(days=365), **sizes)
    for tenths in range(-15, 60):
        size = Decimal(100) + 5 * tenths if by_volume else Decimal(8) + Decimal(tenths) / 10
        now = measured(v=size) if by_volume else measured(size)
        whole = comparison("n", before, now)
        ladder = definitions_ladder(whole, now)
        assert ladder is not None
        assert ladder.unit == ("mm³" if by_volume else "mm")
        for strip, verdict in zip(ladder.strips, whole.verdicts, strict=True):
            assert strip.guideline == verdict.definition.code
            if verdict.grew is not None:
                assert (strip.here(size).management == GROWTH) == verdict.grew, (size, strip.guideline)


def test_without_an_earlier_size_there_is_no_ladder() -> None:
    before, now = c.Measurement(TODAY - timedelta(days=90), solid_mean_mm=Decimal(3)), measured("8")
    assert definitions_ladder(comparison("n", before, now), now) is None


def test_a_smaller_error_makes_a_later_scan_say_more() -> None:
    rough, exact = (later_scans(measured(v=500, sd=c.SizeErrors(volume_mm3=Decimal(sd)))) for sd in ("60", "5"))
    unknown = later_scans(measured(v=500))
    assert [row.months for row in rough] == [3, 6, 12, 24]
    assert [row.up_to_days for row in rough] == [row.up_to_days for row in exact]
    half_a_year = (rough[1].percents[1], exact[1].percents[1])
    assert [int(percent.rstrip(" %").lstrip("> ")) for percent in half_a_year] == sorted(
        int(percent.rstrip(" %").lstrip("> ")) for percent in half_a_year
    )
    days = (unknown[0].on - TODAY).days  # type: ignore[operator]
    assert unknown[0].percents[0] == f"{visibility(days).chances[0].probability * 100:.0f} %"


def test_the_chinese_page_speaks_chinese() -> None:
    page = shown("zh-hans")
    assert "N1 的增长" in page
    assert "Growth of" not in page
    assert "doubling" not in page
