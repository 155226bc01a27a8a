"""The step that is planned is the one that the clinical core chooses from the stored answers."""

from __future__ import annotations

from typing import Any

import pytest

from nodules_app.models import Assessment
from nodules_app.services.pipeline.planning import leading_assessment


def stored(guideline: str, management: str, interval: tuple[str, str] | None = None) -> Assessment:
    window: dict[str, Any] | None = None
    if interval is not None:
        window = {"earliest": interval[0], "target": interval[0], "latest": interval[1]}
    result = {"interval": window, "lead_nodule": "N1"}
    return Assessment(guideline=guideline, rule_id=f"{guideline}.R", management=management, answer={"result": result})


FLEISCHNER = stored("FLEISCHNER2017", "ct_6_12m_then_18_24m", ("2026-05-18", "2026-11-18"))
BTS = stored("BTS2015", "bts_ct_3m", ("2026-02-18", "2026-02-18"))
ELSEWHERE = stored("LUNGRADS2022", "not_applicable")
DISCHARGE = stored("BTS2015", "bts_discharge")
WORK_UP = stored("FLEISCHNER2017", "growth_workup")


@pytest.mark.parametrize(
    ("answers", "leads", "why"),
    [
        ([FLEISCHNER, BTS, ELSEWHERE], BTS, "step_sooner"),
        ([FLEISCHNER, DISCHARGE], FLEISCHNER, "step_dated"),
        ([WORK_UP, BTS], WORK_UP, "step_work_up"),
        ([ELSEWHERE, DISCHARGE], DISCHARGE, "step_only"),
    ],
)
def test_the_earliest_safe_step_leads_with_its_reason(answers: list[Assessment], leads: Assessment, why: str) -> None:
    found = leading_assessment(answers)
    assert found is not None
    assert found[0] is leads
    assert found[1].why.code == why


def test_no_guideline_no_step() -> None:
    assert leading_assessment([ELSEWHERE]) is None
    assert leading_assessment([]) is None
