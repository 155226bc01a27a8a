"""Chinese lines break anywhere but before a stop or after an opening bracket; nothing is lost; units stay."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nodules_app.exchange.documents_lines import NBSP, NOT_FIRST, NOT_LAST, broken, glued


def wide(text: str) -> float:
    return sum(2.0 if character >= "\u2e80" else 1.0 for character in text)


@given(st.text(alphabet="结节（），。“”CT 12%", min_size=1, max_size=80), st.integers(12, 40))
def test_no_line_begins_with_a_stop_or_ends_with_an_open_bracket(text: str, width: int) -> None:
    assume("（ " not in text and "“ " not in text)
    lines = broken("结" + text, width, wide).split("\n")
    assert "".join("".join(lines).split()) == "".join(("结" + text).split()), "nothing is lost"
    for before, after in pairwise(lines):
        assert after[:1] not in NOT_FIRST
        assert before[-1:] not in NOT_LAST


def test_a_line_is_as_long_as_it_may_be() -> None:
    assert broken("您还需要做一次检查。", 12, wide) == "您还需要做一\n次检查。"
    assert broken("您还需要做一次。", 14, wide) == "您还需要做一\n次。"
    assert broken("这样的CT检查", 10, wide) == "这样的CT检\n查"


def test_latin_text_is_left_to_the_library_and_lines_of_the_text_stay() -> None:
    assert broken("Dear Zoë, please come.", 4, wide) == "Dear Zoë, please come."
    assert broken("您好！\n请来。", 40, wide) == "您好！\n请来。"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("+10 %.", f"+10{NBSP}%."),
        ("8.6 ± 0.6 mm", f"8.6{NBSP}±{NBSP}0.6{NBSP}mm"),
        ("in 152 days", "in 152 days"),
    ],
)
def test_a_number_keeps_its_unit(text: str, kept: str) -> None:
    assert glued(text) == kept
