"""Reasons in Chinese are Chinese throughout: the words among their facts too."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings

from nodules_app.clinical import case as c
from nodules_app.clinical.assess import assess
from nodules_app.clinical.editions.fleischner_risk import EXPOSURES
from nodules_app.clinical.reasons import WORDS, because, sentence
from tests.unit.clinical.cases import HEAVY, answer, cases, measured, nodule

# Units, names of models and examinations, and names of rules and categories are written so in Chinese texts too.
ALLOWED = re.compile(r"mm3?|CT|PET|LDCT|Brock 2b|Herder|Mayo|[A-Z]+20\d\d\.[A-Za-z0-9.\-]+|NELSON\.[\w.\-]+|4[ABX]")
LATIN = re.compile(r"[A-Za-z]+")


def latin_words(text: str) -> list[str]:
    return LATIN.findall(ALLOWED.sub("", text))


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases())
def test_no_english_word_in_a_chinese_reason(of: c.Case) -> None:
    for result in assess(of).results:
        for text in result.sentences("zh"):
            assert latin_words(text) == [], text


WORDY = [
    *c.Status, *c.Shape, *c.Incomplete, *c.Airway, *c.CystChange, *c.SuspiciousFeature, *c.PetUptake, *c.Setting,
    *EXPOSURES, "low", "high", "thin", "thick", "solid", "subsolid", "3m", "12m", "24m",
]  # fmt: skip


@pytest.mark.parametrize("word", WORDY)
def test_every_word_that_may_be_a_fact_has_its_chinese(word: str) -> None:
    assert latin_words(WORDS[word]) == []
    assert sentence(because("status", status=word), "zh") == f"状态:{WORDS[word]}。"
    assert sentence(because("status", status=word)) == f"Status: {word}."


def test_the_risk_factors_of_both_lists_are_named() -> None:
    person = c.Patient(
        smoking=HEAVY, emphysema=True, pulmonary_fibrosis=True, family_history_lung_cancer=True, copd=True,
        tuberculosis=True, personal_history_cancer=True, exposures=EXPOSURES,
    )  # fmt: skip
    spiculated = nodule(measured("7"), margin=c.Margin.SPICULATED, lobe=c.Lobe.RUL)
    for guideline in ("FLEISCHNER2017", "CHINA2024"):
        chinese = answer(guideline, spiculated, patient=person).sentences("zh")
        assert len(chinese) > 5
        assert [latin_words(text) for text in chinese] == [[] for _ in chinese]
