"""The whole plan of steps, and what a later scan does to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodules_app.clinical import case as c
from nodules_app.clinical.errors import ScanNotLater
from nodules_app.clinical.management import ManagementClass
from nodules_app.clinical.months import add_months
from nodules_app.clinical.outlook import after_scan, outlook
from tests.unit.clinical.cases import GUIDELINES, TODAY, case, cases, measured, months_ago, nodule

SCREENING = ("LUNGRADS2022", "NELSON", "EUPS2017")


def asked(guideline: str, *nodules: c.Nodule, **more: Any) -> c.Case:  # noqa: ANN401
    return case(*nodules, setting="screening" if guideline in SCREENING else "incidental", **more)


def months(guideline: str, *nodules: c.Nodule) -> list[tuple[str, int | None]]:
    """Management and last month, from today, of every step."""
    found = outlook(asked(guideline, *nodules), guideline)
    return [
        (s.step.management, None if s.interval is None else _month(s.interval.latest.toordinal())) for s in found.steps
    ]


def _month(day: int) -> int:
    return next(n for n in range(200) if add_months(TODAY, n).toordinal() >= day)


SPICULATED: Any = {"margin": c.Margin.SPICULATED}


@pytest.mark.parametrize(
    ("guideline", "of", "steps"),
    [
        (
            "FLEISCHNER2017",
            nodule(measured("7"), **SPICULATED),
            [("ct_6_12m_then_18_24m", 12), ("ct_18_24m", 24), ("no_routine_followup", None)],
        ),
        (
            "FLEISCHNER2017",
            nodule(measured("9")),
            [
                ("consider_ct_3m_pet_or_biopsy", 3),
                ("ct_9_12m", 12),
                ("ct_18_24m", 24),
                ("no_routine_followup", None),
            ],
        ),
        (
            "FLEISCHNER2017",
            nodule(measured("8", solid="7"), attenuation="part_solid"),
            [("ct_3_6m_then_pet_biopsy_if_persistent", 6), ("pet_biopsy_or_resection", None)],
        ),
        ("BTS2015", nodule(measured("7", v=150)), [("bts_ct_3m", 3), ("bts_ct_12m", 12), ("bts_discharge", None)]),
        (
            "BTS2015",
            nodule(measured("7")),
            [("bts_ct_3m", 3), ("bts_ct_12m", 12), ("bts_ct_24m", 24), ("bts_discharge", None)],
        ),
    ],
)
def test_the_steps_that_a_guideline_foresees(guideline: str, of: c.Nodule, steps: list[tuple[str, int | None]]) -> None:
    assert months(guideline, of) == steps


def test_screening_steps_down_and_goes_on_for_ever() -> None:
    found = outlook(asked("LUNGRADS2022", nodule(measured("9"))), "LUNGRADS2022")
    assert [s.step.management for s in found.steps[:4]] == [
        "lr_ldct_3m_or_pet", "lr_ldct_6m", "lr_annual_ldct_12m", "lr_annual_ldct_12m",
    ]  # fmt: skip
    assert not found.is_whole
    assert len(found.dated) == len(found.steps)


def test_tables_of_one_exam_foresee_one_step() -> None:
    found = outlook(asked("ACCP2013", nodule(measured("7"))), "ACCP2013")
    assert (len(found.steps), found.is_whole) == (1, False)


def test_a_nodule_that_was_not_found_again_or_has_gone_stays_so() -> None:
    lost = nodule(measured("6", on=months_ago(6)), name="lost")
    gone = nodule(measured("6", on=months_ago(6)), c.Measurement(TODAY, resolved=True), name="gone")
    found = outlook(asked("BTS2015", nodule(measured("7", v=150)), lost, gone), "BTS2015")
    assert found.steps[-1].step.management == "bts_discharge"


@pytest.mark.parametrize(
    ("guideline", "days", "effect", "code", "still_open", "moved"),
    [
        ("FLEISCHNER2017", 40, "early", "scan_too_early", True, 0),
        ("FLEISCHNER2017", 200, "in_time", "scan_in_time", False, 0),
        ("FLEISCHNER2017", 420, "late", "scan_late", False, 0),
        ("BTS2015", 60, "early", "scan_early", False, 0),
        ("BTS2015", 330, "late", "scan_late", False, 2),
        ("LUNGRADS2022", 40, "early", "scan_starts_again", False, 6),
        ("ACCP2013", 150, "in_time", "scan_in_time", False, 0),
    ],
)
def test_what_a_later_scan_does(
    guideline: str, days: int, effect: str, code: str, still_open: bool, moved: int
) -> None:
    margin = {} if guideline == "LUNGRADS2022" else SPICULATED  # there it would be 4X, with no scan to plan
    of = asked(guideline, nodule(measured("7"), status=c.Status.BASELINE, **margin))
    found = after_scan(of, guideline, TODAY + timedelta(days=days))
    assert found is not None
    assert (found.effect, found.why.code, found.still_open) == (effect, code, still_open)
    assert len(found.moved) == moved
    assert all(one.before != one.after for one in found.moved)
    assert (found.days == 0) == (effect == "in_time")
    assert str(found.on) in found.as_sentence()
    assert not found.as_sentence("zh").isascii()


def test_there_is_no_scan_to_do_and_no_scan_before_today() -> None:
    discharged = asked("BTS2015", nodule(measured("4")))
    assert after_scan(discharged, "BTS2015", TODAY + timedelta(days=9)) is None
    with pytest.raises(ScanNotLater, match="does not lie after"):
        after_scan(discharged, "BTS2015", TODAY)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases(), st.sampled_from(GUIDELINES))
def test_a_plan_goes_forward_and_ends(of: c.Case, guideline: str) -> None:
    found = outlook(of, guideline)
    days = [step.asked_on for step in found.steps]
    assert days == sorted(set(days))
    assert all(step.interval is not None for step in found.steps[:-1])
    if found.is_whole:
        assert found.steps[-1].step.kind is not ManagementClass.DATED
    assert len(found.steps) < 30
