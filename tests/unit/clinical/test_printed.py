"""The printed pages: every condition in both languages, nothing of a row left out."""

from __future__ import annotations

import re

from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.printed import ALSO, condition_text, guidelines_page

ENGLISH = re.compile(r"[A-Za-z]{3,}")
# Names that a Chinese page writes as they are.
NAMES = {"Brock", "Herder", "Mayo", "PET", "NELSON"}


def test_every_condition_is_chinese_on_the_chinese_page() -> None:
    for edition in EDITIONS.values():
        for rule in edition.rules:
            text = re.sub(r"[a-z]+(_[a-z0-9]+)+", "", condition_text(rule, "zh"))  # management codes stay codes
            assert set(ENGLISH.findall(text)) <= NAMES, (rule.id, text)
            assert "; " not in text
            assert ": " not in text


def test_what_conditions_cannot_say_is_said_in_both_languages() -> None:
    also = {rule.also for edition in EDITIONS.values() for rule in edition.rules if rule.also}
    assert also == set(ALSO)
    english, chinese = guidelines_page("en"), guidelines_page("zh")
    for text in also:
        assert text.replace("|", "\\|") in english
        assert ALSO[text] in chinese


def test_both_pages_have_the_same_rows() -> None:
    rows = [re.findall(r"^\| `([^`]+)`", guidelines_page(language), re.MULTILINE) for language in ("en", "zh")]
    assert rows[0] == rows[1]
    assert len(rows[0]) > 200


def test_the_published_probabilities_are_printed() -> None:
    assert "1 < 1 %, 2 < 1 %, 3 1-2 %, 4A 5-15 %, 4B > 15 %, 4X > 15 %." in guidelines_page("en")
