"""The measure of reading age against texts whose level is not in doubt, and against counts made by hand."""

from __future__ import annotations

import pytest

from nodules_app.exchange.documents_readability import reading_age_years, syllables

CHILD = "The cat sat on the mat. It saw a dog. The dog ran off. The cat was glad."
PAPER = (
    "Pulmonary nodules demonstrating significant volumetric progression necessitate multidisciplinary evaluation, "
    "particularly considering histopathological characterisation, and subsequently individualised therapeutic "
    "recommendations incorporating comorbidity assessment."
)
NEWS = (
    "The council voted on Tuesday to close the library two days a week. Officials said the decision would save "
    "money, but several residents complained that they had not been consulted before the meeting."
)


def test_harder_texts_are_of_an_older_age() -> None:
    ages = [reading_age_years(text) for text in (CHILD, NEWS, PAPER)]
    assert None not in ages
    child, news, paper = (age for age in ages if age is not None)
    assert child < 8
    assert 12 < news < 18
    assert paper > 24


def test_the_formula_is_the_published_one() -> None:
    """Ten words of one syllable in two sentences: 0.39 * 5 + 11.8 * 1 - 15.59 is below the first grade."""
    assert reading_age_years("The cat sat on mats. The dog ran far off.") == 6
    age = reading_age_years("Doctors consider additional examinations necessary")  # 2 + 3 + 4 + 5 + 4 in 5 words
    assert age == pytest.approx(0.39 * 5 + 11.8 * 18 / 5 - 15.59 + 5)


@pytest.mark.parametrize(
    ("word", "count"),
    [("cat", 1), ("scan", 1), ("doctor", 2), ("harmless", 2), ("nodule", 2), ("need", 1), ("called", 1),
     ("waited", 2), ("table", 2), ("family", 3), ("examination", 5), ("don't", 1), ("changes", 2)],
)  # fmt: skip
def test_syllables_of_words_that_letters_use(word: str, count: int) -> None:
    assert syllables(word) == count


@pytest.mark.parametrize("text", ["", "您好，结果如下。", "18-Nov-2026"])
def test_nothing_is_said_of_what_is_no_english(text: str) -> None:
    assert reading_age_years(text) in (None, 6)
