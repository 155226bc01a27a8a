"""Every size that changed, both definitions of growth side by side, each pair and the whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nodules_app.clinical import case as c
from nodules_app.clinical import change as ch
from nodules_app.clinical import growth as g
from nodules_app.clinical.editions.fleischner2017_reading import change_since
from nodules_app.clinical.editions.lungrads2022_status import course_of
from nodules_app.clinical.sizes import sphere_diameter_mm, sphere_volume_mm3
from nodules_app.clinical.view import look_at
from tests.unit.clinical.cases import TODAY, case, measured, months_ago, nodule

DAY = date(2024, 1, 1)


def compared(before: dict[str, Any], now: dict[str, Any], days: int = 90) -> ch.Comparison:
    return ch.comparison("n", measured(on=DAY, **before), measured(on=DAY + timedelta(days=days), **now))


def said(of: ch.Comparison) -> dict[str, bool | None]:
    return {verdict.definition.code: verdict.grew for verdict in of.verdicts}


def test_every_size_that_was_measured_twice() -> None:
    found = compared(
        {"mean": 10, "v": 500, "solid": 4, "mass_mg": Decimal(300), "solid_volume_mm3": Decimal(30)},
        {"mean": 11, "v": 600, "solid": 5, "mass_mg": Decimal(600), "solid_volume_mm3": Decimal(60)},
    )
    percents = {one.quantity: one.percent for one in found.changes}
    assert percents == {
        "volume_mm3": 20, "mean_diameter_mm": 10, "solid_volume_mm3": 100, "solid_mean_mm": 25, "mass_mg": 100,
    }  # fmt: skip
    doubling = {one.quantity: one.doubling_days for one in found.changes}
    assert doubling["mass_mg"] == pytest.approx(Decimal(90))
    assert doubling["solid_volume_mm3"] == pytest.approx(Decimal(90))
    diameters = g.doubling_time_days(90, Decimal("1.25") ** 3)
    assert doubling["solid_mean_mm"] == pytest.approx(diameters)
    assert next(one.difference for one in found.changes if one.quantity == "solid_mean_mm") == 1


def test_what_shrank_or_was_measured_once_or_otherwise_has_no_doubling_time() -> None:
    shrunk = compared({"mean": 10}, {"mean": 9})
    assert [one.doubling_days for one in shrunk.changes] == [None]
    methods = compared(
        {"v": 100, "method": "a", "mass_mg": Decimal(9)}, {"v": 200, "method": "b", "mass_mg": Decimal(12)}
    )
    assert methods.changes == ()
    assert methods.growth is None
    assert compared({"mean": 8}, {"v": 300}).changes == ()


def test_six_millimetres_is_two_definitions_apart() -> None:
    """The example of the product: 2 mm of 6 mm is +137 % of volume, +25 % of volume is 0.46 mm."""
    found = compared({"mean": 6}, {"mean": "7.8"}, days=365)
    starts = {v.definition.code: (round(v.from_mm, 2), round(v.from_percent)) for v in found.verdicts}
    assert starts["volume_25_percent"] == (Decimal("6.46"), 25)
    assert starts["fleischner_2_mm"] == (Decimal("8.00"), 137)
    assert starts["lungrads_1_5_mm"] == (Decimal("7.55"), 99)
    assert said(found) == {"volume_25_percent": None, "lungrads_1_5_mm": True, "fleischner_2_mm": False}
    assert found.disagree
    lower, upper = found.bands
    assert (lower.sooner, lower.later, lower.holds) == ("volume_25_percent", "lungrads_1_5_mm", False)
    assert (upper.sooner, upper.later, upper.holds) == ("lungrads_1_5_mm", "fleischner_2_mm", True)
    assert (upper.low_mm, upper.high_mm) == (Decimal("7.55"), Decimal(8))
    assert {guideline for v in found.verdicts for guideline in v.definition.guidelines} == {
        "BTS2015", "NELSON", "EUPS2017", "FLEISCHNER2017", "LUNGRADS2022", "ACCP2013",
    }  # fmt: skip


def test_large_nodules_grow_by_millimetres_first() -> None:
    found = compared({"mean": 30, "v": 14000}, {"mean": "31.8", "v": 16000})
    assert [v.definition.code for v in found.verdicts] == ["lungrads_1_5_mm", "fleischner_2_mm", "volume_25_percent"]
    assert said(found) == {"lungrads_1_5_mm": True, "fleischner_2_mm": False, "volume_25_percent": False}


def test_volumes_alone_give_the_sizes_of_their_spheres() -> None:
    found = compared({"v": 100}, {"v": 130})
    assert said(found) == {"volume_25_percent": True, "lungrads_1_5_mm": None, "fleischner_2_mm": None}
    first = found.verdicts[0]
    assert first.from_mm3 == 125
    assert first.from_mm == pytest.approx(sphere_diameter_mm(Decimal(125)))
    assert not found.disagree


def test_without_an_earlier_size_nothing_can_be_said() -> None:
    found = compared({}, {"mean": 8})
    assert (found.verdicts, found.bands, found.growth, found.disagree) == ((), (), None, False)
    assert found.days == 90


pairs = st.tuples(st.decimals("3", "25", places=2), st.decimals("3", "25", places=2), st.integers(30, 900))


@settings(deadline=None, max_examples=150)
@given(pairs)
def test_the_definitions_speak_as_the_guidelines_judge(pair: tuple[Decimal, Decimal, int]) -> None:
    before, now, days = pair
    earlier = measured(str(before), on=TODAY - timedelta(days=days))
    (look,) = look_at(case(nodule(earlier, measured(str(now))), setting="screening")).present
    verdicts = said(ch.comparison("n", earlier, look.now))
    assert verdicts["fleischner_2_mm"] == change_since(look, earlier)[0]
    view = look_at(case(nodule(earlier, measured(str(now))), setting="screening"))
    assert verdicts["lungrads_1_5_mm"] == (course_of(view, look).status == "growing")


@settings(deadline=None, max_examples=80)
@given(pairs)
def test_the_bands_follow_each_other_without_a_gap(pair: tuple[Decimal, Decimal, int]) -> None:
    before, now, days = pair
    found = compared({"mean": str(before)}, {"mean": str(now)}, days)
    edges = [(band.low_mm, band.high_mm) for band in found.bands]
    assert all(low <= high for low, high in edges)
    assert edges[0][1] == edges[1][0]
    for band in found.bands:
        assert band.low_mm3 == pytest.approx(sphere_volume_mm3(band.low_mm))
        assert band.low_percent == pytest.approx(((band.low_mm / before) ** 3 - 1) * 100)


@pytest.mark.parametrize(
    ("volumes", "statement"),
    [
        ((100, 150, 200), "growth_throughout"),
        ((100, 200, 150), "growth_with_setback"),
        ((100, 115, 132), "slow_growth"),
        ((100, 130, 110), "growth_not_kept"),
        ((100, 80, 60), "decrease"),
        ((100, 102, 99), "stable"),
        ((100, 130), "growth_throughout"),
    ],
)
def test_what_the_whole_says_beyond_its_steps(volumes: tuple[int, ...], statement: str) -> None:
    days = [DAY + timedelta(days=100 * n) for n in range(len(volumes))]
    of = nodule(*(measured(v=v, on=day) for v, day in zip(volumes, days, strict=True)))
    found = ch.series(of)
    assert found is not None
    assert found.statement == statement
    assert [pair.growth for pair in found.pairs] == list(g.pairwise_growth(of))
    assert found.whole.growth == g.nodule_growth(of)
    assert str(len(volumes)) in found.as_sentence()
    assert str(len(volumes)) in found.as_sentence("zh")
    assert found.as_sentence().isascii()


def test_a_series_needs_two_sizes_and_sizes_of_a_kind() -> None:
    assert ch.series(nodule(measured("6"))) is None
    mixed = ch.series(nodule(measured(v=100, on=DAY), measured("6", on=DAY + timedelta(days=90))))
    assert mixed is not None
    assert mixed.statement == "unknown"


def test_the_interval_says_what_it_could_have_shown() -> None:
    assert compared({"v": 100}, {"v": 110}, days=90).visible.shows_up_to_vdt_days < 281


def test_a_case_is_not_changed_by_being_compared() -> None:
    of = nodule(measured("6", on=months_ago(6)), measured("7"))
    before = replace(of)
    ch.series(of)
    assert of == before
    assert isinstance(of, c.Nodule)
