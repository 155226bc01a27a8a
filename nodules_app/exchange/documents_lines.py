"""Where lines of Chinese text break: between any two characters, but never before a stop or after an opening bracket.

The library that draws breaks at spaces only, which a Chinese sentence has around its numbers and nowhere else.

Source
------
GB/T 15834-2011, 5.1: stops, closing brackets and closing quotation marks do not begin a line, and opening ones do not
end it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

NBSP: Final = "\u00a0"
HAN_FROM: Final = "\u2e80"
NOT_FIRST: Final = frozenset("，。、；：？！）》〉」』】〕”’·…—～%％℃,.;:?!)]")
NOT_LAST: Final = frozenset("（《〈「『【〔“‘([")
UNIT: Final = re.compile(r"(?<=\d) (?=%|mm|mg|ml|HU\b|±|×)|(?<=[±×]) (?=\d)")


def glued(text: str) -> str:
    """Keep a number and its unit on one line."""
    return UNIT.sub(NBSP, text)


def broken(text: str, width: float, measure: Callable[[str], float]) -> str:
    """Break a text with Chinese characters into lines that are no wider than ``width``; any other is left as it is."""
    if not any(character >= HAN_FROM for character in text):
        return text
    return "\n".join(line for paragraph in text.split("\n") for line in _lines(paragraph, width, measure))


def _lines(paragraph: str, width: float, measure: Callable[[str], float]) -> Iterator[str]:
    line, used = "", 0.0
    for unit in _units(paragraph):
        if line and used + measure(unit.rstrip(" ")) > width:
            yield line.rstrip(" ")
            line, used = "", 0.0
        line, used = line + unit, used + measure(unit)
    yield line


def _units(paragraph: str) -> Iterator[str]:
    """Give what stays together: a Chinese character or a word, with the signs that may not be parted from it."""
    unit = ""
    for character in paragraph:
        if unit and _may_part(unit[-1], character):
            yield unit
            unit = ""
        unit += character
    if unit:
        yield unit


def _may_part(before: str, after: str) -> bool:
    if after in NOT_FIRST or before in NOT_LAST or after == " ":
        return False
    return before == " " or before >= HAN_FROM or after >= HAN_FROM
