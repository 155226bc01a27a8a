"""The product against a second reading of the reference, case by case; a flip search plays no part here.

``NODULES_ORACLE_CASES=100000`` asks for more than the normal 1500.
"""

from __future__ import annotations

import json
import os

import pytest

from nodules_app.clinical import assess as assessing
from nodules_app.clinical.answers import answer_to_json
from nodules_app.clinical.codec import case_from_json
from tests.unit.clinical.oracle import bts, fleischner, lungrads
from tests.unit.clinical.oracle.cases import generate
from tests.unit.clinical.oracle.common import Answer, Case

ORACLES = {"FLEISCHNER2017": fleischner.judge, "LUNGRADS2022": lungrads.judge, "BTS2015": bts.judge}
CASES = int(os.environ.get("NODULES_ORACLE_CASES", "1500"))
START = int(os.environ.get("NODULES_ORACLE_START", "0"))


def given(case: Case) -> dict[str, Answer]:
    answers = {}
    for result in answer_to_json(assessing.assess(case_from_json(json.dumps(case))))["results"]:
        dates = result["interval"]
        if dates is not None:
            months = tuple(dates["months"][name] for name in ("earliest", "target", "latest"))
            dates = (dates["earliest"], dates["target"], dates["latest"], dates["anchor_date"], months)
        category = result["category"]
        answers[result["guideline"]] = Answer(
            result["rule_id"], result["management"], category, dates, result["lead_nodule"]
        )
    return answers


@pytest.fixture(autouse=True)
def _without_flips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assessing, "flips", lambda *_: ())


def differences(case: Case) -> list[str]:
    product = given(case)
    found = []
    for guideline, oracle in ORACLES.items():
        expected = oracle(case)
        if product[guideline][:4] != expected[:4]:
            found.append(f"{guideline}\n  product {product[guideline]}\n  oracle  {expected}\n  {json.dumps(case)}")
    return found


def test_product_and_second_reading_agree():
    found = []
    for seed in range(START, START + CASES):
        found += differences(generate(seed))
        assert len(found) < 5, "\n".join(found)
    assert not found, "\n".join(found)
