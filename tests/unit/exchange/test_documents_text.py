"""Laws of a document's text: what a person changes is that sentence alone, and JSON keeps all of it."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.exchange.documents_text import (
    PRODUCT,
    Grid,
    NoSuchSentence,
    Part,
    Sentence,
    Written,
    as_json,
    from_json,
    said,
)

WORDS = st.text(max_size=20)
ROOT = Path(__file__).parents[3]


@st.composite
def texts(draw: st.DrawFn) -> Written:
    counts = draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    parts = []
    for number, count in enumerate(counts):
        sentences = tuple(Sentence(f"{number}-{one}", draw(WORDS), draw(WORDS)) for one in range(count))
        grid = draw(st.none() | st.just(Grid(("A", "B"), (1, 2), (("x", "y"),))))
        parts.append(Part(draw(WORDS), sentences, grid, own_key=f"own-{number}"))
    return Written(draw(WORDS), (("Name", draw(WORDS)),), tuple(parts), (draw(WORDS),))


@given(texts())
def test_json_keeps_all_of_it(written: Written) -> None:
    assert from_json(json.loads(json.dumps(as_json(written)))) == written


@given(texts(), WORDS, st.data())
def test_a_change_is_of_one_sentence_and_keeps_the_machines_words(
    written: Written, words: str, data: st.DataObject
) -> None:
    before = data.draw(st.sampled_from(list(written.sentences())))
    changed = written.with_sentence(before.key, words)
    after = changed.sentence(before.key)
    assert (after.machine, after.text) == (before.machine, words)
    others = [one for one in written.sentences() if one.key != before.key]
    assert [one for one in changed.sentences() if one.key != before.key] == others


@given(texts(), WORDS)
def test_a_persons_own_sentence_stands_last_and_has_no_machine_words(written: Written, words: str) -> None:
    changed = written.with_sentence("own-0", words)
    assert changed.parts[0].sentences[-1] == Sentence("own-0", "", words)
    assert changed.parts[0].has_own
    assert changed.with_sentence("own-0", "again").parts[0].sentences[-1].text == "again"


@pytest.mark.parametrize("key", ["", "own-9", "elsewhere"])
def test_what_is_not_there_cannot_be_changed(key: str) -> None:
    written = Written("T", (), (Part("", (said("a", "A."),)),), ())
    with pytest.raises(NoSuchSentence):
        written.with_sentence(key, "x")


def test_what_is_left_out_is_not_shown() -> None:
    part = Written("T", (), (Part("", (said("a", "A."), said("b", "B."))),), ()).with_sentence("a", "").parts[0]
    assert part.shown == ("B.",)
    assert part.sentences[0].is_left_out
    assert part.sentences[0].is_edited


def test_the_product_names_the_version_that_is_built() -> None:
    built = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert PRODUCT.endswith(f" {built}")
