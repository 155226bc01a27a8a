"""What stands in a report or a letter, sentence by sentence, each with what the machine wrote and what a person made.

Plain values: a draft is kept as JSON of this shape, pages and PDF are drawn from it, and nothing here knows where it
came from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

SCHEMA: Final = 1
PRODUCT: Final = "Nodule Clinic 0.1.0"  # the version that pyproject.toml names; a test holds them together
Json = dict[str, Any]


class NoSuchSentence(LookupError):
    """A page named a sentence that the document does not have: a fault of a program or a forged form."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """``machine`` is what was composed from data, blank for a person's own; ``text`` what stands, blank if left out."""

    key: str
    machine: str
    text: str

    @property
    def is_edited(self) -> bool:
        return self.text != self.machine

    @property
    def is_left_out(self) -> bool:
        return not self.text


@dataclass(frozen=True, slots=True)
class Grid:
    """Columns with their shares of the width, and rows of words."""

    columns: tuple[str, ...]
    shares: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One section; ``own_key`` is the key under which a person may add a sentence of their own, blank for none."""

    heading: str
    sentences: tuple[Sentence, ...]
    grid: Grid | None = None
    own_key: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        return tuple(sentence.text for sentence in self.sentences if sentence.text)

    @property
    def has_own(self) -> bool:
        return any(sentence.key == self.own_key for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class Written:
    """The whole text. ``facts`` are pairs of a name and what it is; ``made_from`` says what the text rests on."""

    title: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    made_from: tuple[str, ...]

    def sentences(self) -> Iterator[Sentence]:
        for part in self.parts:
            yield from part.sentences

    def sentence(self, key: str) -> Sentence:
        """Give one sentence; one that a person may still add is there without words. Raises ``NoSuchSentence``."""
        found = next((one for one in self.sentences() if one.key == key), None)
        if found is not None:
            return found
        if key and any(part.own_key == key for part in self.parts):
            return Sentence(key, "", "")
        raise NoSuchSentence(key)

    def with_sentence(self, key: str, text: str) -> Written:
        """Put other words in the place of a sentence; none leave it out. Raises ``NoSuchSentence``."""
        changed = replace(self.sentence(key), text=text)
        return replace(self, parts=tuple(_changed(part, changed) for part in self.parts))


def _changed(part: Part, changed: Sentence) -> Part:
    if any(one.key == changed.key for one in part.sentences):
        sentences = tuple(changed if one.key == changed.key else one for one in part.sentences)
        return replace(part, sentences=sentences)
    if part.own_key == changed.key:
        return replace(part, sentences=(*part.sentences, changed))
    return part


def said(key: str, text: str) -> Sentence:
    """A sentence as the machine wrote it."""
    return Sentence(key, text, text)


def as_json(written: Written) -> Json:
    return {"schema": SCHEMA, **asdict(written)}


def from_json(told: Json) -> Written:
    """Read what ``as_json`` wrote."""
    return Written(
        title=told["title"],
        facts=tuple((name, value) for name, value in told["facts"]),
        parts=tuple(_part(part) for part in told["parts"]),
        made_from=tuple(told["made_from"]),
    )


def _part(told: Json) -> Part:
    grid = told["grid"]
    return Part(
        heading=told["heading"],
        sentences=tuple(Sentence(**sentence) for sentence in told["sentences"]),
        grid=Grid(tuple(grid["columns"]), tuple(grid["shares"]), tuple(map(tuple, grid["rows"]))) if grid else None,
        own_key=told["own_key"],
    )
