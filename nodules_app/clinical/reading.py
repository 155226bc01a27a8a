"""Reading one field of a JSON object: every number a decimal, every word from its list, every error a sentence.

A field with the value null counts as absent; fields that nobody asks for are ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeVar

from nodules_app.clinical import errors

Word = TypeVar("Word", bound=StrEnum)

_DIGITS: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_DAY: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
LARGEST: Final = Decimal(10) ** 9  # beyond any examination; keeps arithmetic far from its limits
SMALLEST: Final = Decimal(10) ** -9
FIRST_YEAR: Final = 1800
LAST_YEAR: Final = 2999


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object and where it stands, for the sentences."""

    values: Mapping[str, Any]
    where: str

    def get(self, name: str) -> Any:  # noqa: ANN401 - raw JSON
        """The raw value; ``None`` when absent."""
        return self.values.get(name)

    def text(self, name: str) -> str | None:
        """A string."""
        value = self.get(name)
        if value is None or isinstance(value, str):
            return value
        raise errors.WrongKind(where=self.where, field=name, expected="a text")

    def required_text(self, name: str) -> str:
        """A string that may not be empty."""
        value = self.text(name)
        if not value:
            raise errors.FieldMissing(where=self.where, field=name)
        return value

    def flag(self, name: str) -> bool | None:
        """True, false, or not told."""
        value = self.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise errors.UnknownWord(where=self.where, field=name, value=show(value), allowed="true, false")

    def word(self, name: str, words: type[Word]) -> Word | None:
        """A word from an enumeration."""
        value = self.get(name)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                return words(value)
            except ValueError:
                pass
        raise errors.UnknownWord(where=self.where, field=name, value=show(value), allowed=", ".join(words))

    def one_of(self, name: str, words: Iterable[str]) -> str | None:
        """A word from a short list."""
        value = self.get(name)
        if value is None or (isinstance(value, str) and value in words):
            return value
        raise errors.UnknownWord(where=self.where, field=name, value=show(value), allowed=", ".join(words))

    def number(self, name: str) -> Decimal | None:
        """A decimal that is not negative."""
        value = self.get(name)
        if value is None:
            return None
        number = self._decimal(name, value)
        if not 0 <= number <= LARGEST:
            raise errors.NumberOutOfRange(
                where=self.where, field=name, value=show(value), allowed=f"between 0 and {LARGEST}"
            )
        return number

    def size(self, name: str) -> Decimal | None:
        """A decimal above zero."""
        number = self.number(name)
        if number is not None and number < SMALLEST:
            raise errors.NumberOutOfRange(
                where=self.where, field=name, value=show(self.get(name)), allowed="larger than 0"
            )
        return number

    def whole(self, name: str, low: int, high: int) -> int | None:
        """A whole number between two limits."""
        number = self.number(name)
        if number is None:
            return None
        if number != int(number) or not low <= number <= high:
            raise errors.NumberOutOfRange(
                where=self.where,
                field=name,
                value=show(self.get(name)),
                allowed=f"a whole number from {low} to {high}",
            )
        return int(number)

    def _decimal(self, name: str, value: object) -> Decimal:
        if isinstance(value, Decimal):
            return value
        if isinstance(value, str):
            if _DIGITS.fullmatch(value):
                return Decimal(value)
            if value.startswith("-") and _DIGITS.fullmatch(value[1:]):
                raise errors.NumberOutOfRange(where=self.where, field=name, value=value, allowed="at least 0")
        raise errors.NotANumber(where=self.where, field=name, value=show(value))

    def day(self, name: str) -> date | None:
        """A calendar date."""
        value = self.get(name)
        if value is None:
            return None
        match = _DAY.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            year, month, day = (int(part) for part in match.groups())
            try:
                if FIRST_YEAR <= year <= LAST_YEAR:
                    return date(year, month, day)
            except ValueError:
                pass
        raise errors.NotADate(where=self.where, field=name, value=show(value))

    def required_day(self, name: str) -> date:
        """A calendar date that must be given."""
        day = self.day(name)
        if day is None:
            raise errors.FieldMissing(where=self.where, field=name)
        return day

    def items(self, name: str) -> list[Any]:
        """A list; empty when absent."""
        value = self.get(name)
        if value is None:
            return []
        if isinstance(value, list):
            return value
        raise errors.WrongKind(where=self.where, field=name, expected="a list")

    def inner(self, name: str, where: str) -> Fields | None:
        """An object inside; ``None`` when absent."""
        value = self.get(name)
        return None if value is None else fields(value, where, name)


def fields(value: object, where: str, name: str) -> Fields:
    """The object, or the sentence that it is none."""
    if isinstance(value, dict):
        return Fields(value, where)
    raise errors.WrongKind(where=where, field=name, expected="an object")


def show(value: object) -> str:
    """A value as it is repeated in a sentence, short."""
    text = f"{value}"
    return text if len(text) <= 40 else text[:37] + "..."
