"""No threshold of any table without a test on each of its sides: counted by what the tests of thresholds really ask."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Any, Final

import pytest

from nodules_app.clinical.editions import bts2015, fleischner2017, lungrads2022
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.rules import Span
from tests.unit.clinical import test_thresholds

# How near to a threshold its other side has to be asked, by the ending of the quantity's name.
NEAR: Final = (
    ("_mm3", "1"), ("rounded_mm", "1"), ("_mm", "0.1"), ("_percent", "0.1"), ("_days", "1"), ("age", "1"),
    ("months", "1"),
)  # fmt: skip
# Decided on a rounded size before the row is looked up; test_a_mass_begins_at_30_5 asks both sides.
ROUNDED_FIRST: Final = "SCOPE.MASS"
# Ranges that are no condition of a row, with the name of the quantity they are of.
BESIDE: Final = (
    ("FLEISCHNER2017", "rounded_mm", fleischner2017.MM_CLASSES.values()),
    ("FLEISCHNER2017", "class_mm3", fleischner2017.MM3_CLASSES.values()),
    ("BTS2015", "months", bts2015.LABELS.values()),
    ("BTS2015", "volume_mm3", [bts2015.LARGE_MM3]),
    ("BTS2015", "largest_mm", [bts2015.LARGE_MM]),
    ("LUNGRADS2022", "pet_mm", lungrads2022.PET_FROM[:1]),
    ("LUNGRADS2022", "pet_mm3", lungrads2022.PET_FROM[1:]),
)
Place = tuple[str, ...]  # edition, quantity, and the words that the row asks for: status, attenuation, label


def spans() -> Iterator[tuple[Place, Span]]:
    """Every range that decides, with its place; rows of one place are read from top to bottom or exclude each other."""
    for code, edition in EDITIONS.items():
        for rule in edition.rules:
            for quantity, condition in rule.when.items():
                if isinstance(condition, Span) and not rule.id.endswith(ROUNDED_FIRST):
                    yield (code, quantity, *(word for word in rule.when.values() if isinstance(word, str))), condition
    for code, quantity, limits in BESIDE:
        yield from (((code, quantity), one) for one in limits)


def every_call(test: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - a test function with its marks
    """The arguments that pytest would give, one call after the other."""
    tables: list[list[dict[str, Any]]] = []
    for mark in getattr(test, "pytestmark", ()):
        names = [name.strip() for name in mark.args[0].split(",")] if isinstance(mark.args[0], str) else mark.args[0]
        rows: Sequence[Any] = mark.args[1]
        tables.append([dict(zip(names, row if len(names) > 1 else (row,), strict=True)) for row in rows])
    for chosen in product(*tables):
        yield {name: value for row in chosen for name, value in row.items()}


def test_every_threshold_is_asked_at_its_value_and_on_its_other_side(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[int, set[Decimal]] = defaultdict(set)
    contains = Span.__contains__

    def listening(limits: Span, value: Decimal) -> bool:
        asked[id(limits)].add(value)
        return contains(limits, value)

    monkeypatch.setattr(Span, "__contains__", listening)
    for name, test in vars(test_thresholds).items():
        if name.startswith("test_"):
            for arguments in every_call(test):
                test(**arguments)
    values: dict[Place, set[Decimal]] = defaultdict(set)
    for place, limits in spans():
        values[place] |= asked[id(limits)]
    unasked = {
        f"{' '.join(place)} {limits.text}: {side} {bound}"
        for place, limits in spans()
        for bound, above in ((limits.low, not limits.low_included), (limits.high, limits.high_included))
        if bound.is_finite()
        for side in _not_asked(values[place], bound, _near(place[1]), above=above)
    }
    assert not unasked, "\n".join(sorted(unasked))


def _near(quantity: str) -> Decimal:
    return next(Decimal(step) for ending, step in NEAR if quantity.endswith(ending))


def _not_asked(values: set[Decimal], bound: Decimal, near: Decimal, *, above: bool) -> Iterator[str]:
    """The value itself, and one beside it for which the range says the contrary."""
    if bound not in values:
        yield "at"
    if above and not any(bound < value <= bound + near for value in values):
        yield "just above"
    if not above and not any(bound - near <= value < bound for value in values):
        yield "just below"


def test_the_walk_forgets_no_range() -> None:
    """Every range that stands in a module of an edition is a condition of a row, or stands in ``BESIDE``."""
    walked = {limits for _, limits in spans()}
    for code in ("fleischner2017", "lungrads2022", "bts2015"):
        module = importlib.import_module(f"nodules_app.clinical.editions.{code}")
        assert set(_ranges(vars(module).values())) <= walked, code
    assert len(walked) > 60


def _ranges(values: Iterable[object]) -> Iterator[Span]:
    for value in values:
        if isinstance(value, Span):
            yield value
        elif isinstance(value, Mapping):
            yield from _ranges(value.values())
        elif isinstance(value, tuple | list | frozenset) and value and isinstance(next(iter(value)), Span):
            yield from value
