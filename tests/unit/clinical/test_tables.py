"""No gap and no overlap: over every combination of facts that a table asks, exactly one of its rows holds.

A quantity is asked at each of its thresholds, just beside them, and far away; a word at each word of the table. Between
two neighbouring values of that list no row changes its mind, so the whole input space is covered.
"""

# ruff: noqa: E501 - one table is one line

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product

import pytest

from nodules_app.clinical.editions import (
    accp2013,
    bts2015,
    by_mean,
    china2024,
    eups2017,
    fleischner2017,
    lungrads2022,
    nelson,
)
from nodules_app.clinical.rules import Fact, Rule, Span, span, the_rule
from tests.unit.clinical.cases import answer, measured, months_ago, nodule

BESIDE = Decimal("0.000001")
Table = Sequence[Rule]


def points(rows: Table, name: str) -> tuple[Fact, ...]:
    """Values of one fact between which no row of the table tells a difference."""
    conditions = [rule.when[name] for rule in rows if name in rule.when]
    spans = [condition for condition in conditions if isinstance(condition, Span)]
    if spans:
        bounds = {bound for one in spans for bound in (one.low, one.high) if bound.is_finite()}
        return tuple(sorted({b + step for b in bounds for step in (-BESIDE, Decimal(0), BESIDE)} | {Decimal(10**6)}))
    if any(isinstance(condition, bool) for condition in conditions):
        return False, True
    words = {
        word for one in conditions for word in (one if isinstance(one, frozenset) else (one,)) if isinstance(word, str)
    }
    return tuple(sorted(words))


def every(rows: Table, **domains: Sequence[Fact]) -> Iterator[dict[str, Fact]]:
    """Every combination of what the rows ask; ``domains`` replaces the values of a fact."""
    names = list(dict.fromkeys(name for rule in rows for name in rule.when))
    for values in product(*(domains.get(name) or points(rows, name) for name in names)):
        yield dict(zip(names, values, strict=True))


def only(table: Table, **words: str) -> Table:
    """The rows of one word."""
    return [rule for rule in table if all(rule.when.get(name) == word for name, word in words.items())]


def unlike(table: Table, *names: str) -> Table:
    """The rows that do not ask these facts."""
    return [rule for rule in table if not set(names) & set(rule.when)]


def sizes_only(table: Table, unit: str) -> Table:
    """Lung-RADS rows with their sizes in one unit."""
    return [
        Rule(r.id, {n: c for n, c in r.when.items() if not n.endswith(unit)}, r.management, r.months, r.source, "S")
        for r in table
    ]


F, B = fleischner2017, bts2015
COMPLETE: Mapping[str, Table] = {
    "Fleischner solid": F.SOLID,
    "BTS solid by volume": [*unlike(B.SOLID, "largest_mm"), Rule("large", {"volume_mm3": B.LARGE_MM3}, "", None, "", "P")],
    "BTS solid by diameter": [*unlike(B.SOLID, "volume_mm3"), Rule("large", {"largest_mm": B.LARGE_MM}, "", None, "", "P")],
    "BTS subsolid": B.SUBSOLID,
    "Lung-RADS cyst": lungrads2022.CYST,
    "NELSON growth": nelson.GROWTH,
    "EUPS growth": eups2017.FOLLOW_UP,
    **{f"EUPS {name} without {other}": unlike(only(eups2017.ROWS, status=name), other)
       for name, other in (("baseline", "largest_mm"), ("baseline", "volume_mm3"), ("new", "largest_mm"))},
    **{f"NELSON {kind}": only(nelson.SIZES, kind=kind) for kind in ("solid", "pleural_based", "part_solid", "ground_glass")},
    **{f"{name} {kind}": only(table.rows, attenuation=kind)
       for name, table in (("ACCP", accp2013.TABLE), ("China", china2024.TABLE)) for kind in ("part_solid", "ground_glass")},
    **{f"Lung-RADS {kind} {status} without {unit}": sizes_only(only(table, status=status), f"_{unit}")
       for kind, table in (("solid", lungrads2022.SOLID), ("part-solid", lungrads2022.PARTSOLID), ("ground glass", lungrads2022.GGN))
       for status in ("baseline", "new", "growing") for unit in ("mm", "mm3")},
}  # fmt: skip


def holding(rows: Table, facts: Mapping[str, Fact]) -> list[str]:
    return [rule.id for rule in rows if rule.holds(facts)]


@pytest.mark.parametrize("rows", COMPLETE.values(), ids=COMPLETE)
def test_exactly_one_row_holds(rows: Table) -> None:
    asked = 0
    for facts in every(rows):
        assert len(holding(rows, facts)) == 1, facts
        asked += 1
    assert asked >= len(rows)


# --- tables whose facts depend on each other: what cannot be together is left out, and said --------------------------


def fleischner_subsolid(rows: Table) -> Iterator[dict[str, Fact]]:
    for facts in every(rows):
        if facts["family"] == "multiple" or facts["attenuation"] == "ground_glass" or facts["size"] == "<6":
            facts["solid_size"] = None  # the solid component is asked of a single part-solid nodule from 6 mm on
        yield facts


def fleischner_partial(rows: Table) -> Iterator[dict[str, Fact]]:
    for facts in every(rows, size=("<6", "6-8", ">8")):
        suspicious = facts["size"] == ">8" or (facts["spiculated"] is True and facts["size"] == "6-8")
        yield facts | {"large_or_suspicious": suspicious}


def bts_large(rows: Table) -> Iterator[dict[str, Fact]]:
    for facts in every(rows):
        if not facts["large"]:
            continue
        if not facts["brock_known"]:
            facts |= {"brock_percent": None, "herder_percent": None}
        if not facts["pet"] or (isinstance(facts["brock_percent"], Decimal) and facts["brock_percent"] < 10):
            facts["herder_percent"] = None
        yield facts


def bts_later(rows: Table) -> Iterator[dict[str, Fact]]:
    for facts in every(rows, basis=("volume", "diameter")):
        yield facts if facts["growth"] else facts | {"vdt_days": None}


def bts_subsolid_later(rows: Table) -> Iterator[dict[str, Fact]]:
    for facts in every(rows):
        grew = facts["solid_growth"] or facts["growth"]
        yield (
            facts
            | ({"brock_known": True, "brock_percent": None} if grew else {})
            | ({} if facts["brock_known"] else {"brock_percent": None})
        )


def by_mean_solid(rows: Table) -> Iterator[dict[str, Fact]]:
    for facts in every(rows):
        small = isinstance(facts["mean_mm"], Decimal) and facts["mean_mm"] <= 8
        if small or not facts["mayo_known"]:  # Mayo is asked above 8 mm
            facts |= {"mayo_percent": None, "mayo_known": False}
        yield facts


def airway(rows: Table) -> Iterator[dict[str, Fact]]:
    """A growing subsegmental nodule has no row: it is read as the nodule that it is, by its size."""
    for facts in every(rows):
        if not (facts["airway"] == "subsegmental" and facts["growing"]):
            yield facts


def solid_rows(table: by_mean.Table) -> Table:
    return only(table.rows, attenuation="solid")


FLEISCHNER_SOLID_LATER = [rule for rule in F.FOLLOW_UP if rule.when.get("attenuation") == "solid"]
DEPENDENT: Mapping[str, tuple[Table, Callable[[Table], Iterator[dict[str, Fact]]]]] = {
    "Fleischner subsolid": (F.SUBSOLID, fleischner_subsolid),
    "Fleischner partial coverage": (F.PARTIAL, fleischner_partial),
    "Fleischner solid, later": (FLEISCHNER_SOLID_LATER, every),
    "BTS large": (B.LARGE, bts_large),
    "BTS later": (B.FOLLOW_UP, bts_later),
    "BTS subsolid, later": (B.SUBSOLID_FOLLOW_UP, bts_subsolid_later),
    "ACCP solid": (solid_rows(accp2013.TABLE), by_mean_solid),
    "China solid": (solid_rows(china2024.TABLE), by_mean_solid),
    "Lung-RADS airway": (lungrads2022.AIRWAY, airway),
}


@pytest.mark.parametrize(("rows", "cases"), DEPENDENT.values(), ids=DEPENDENT)
def test_exactly_one_row_holds_of_facts_that_can_be_together(
    rows: Table, cases: Callable[[Table], Iterator[dict[str, Fact]]]
) -> None:
    asked = 0
    for facts in cases(rows):
        assert len(holding(rows, facts)) == 1, facts
        asked += 1
    assert asked > len(rows)


@pytest.mark.parametrize("limits", [F.MM_CLASSES, F.MM3_CLASSES, B.LABELS])
def test_exactly_one_class_holds(limits: Mapping[str, Span]) -> None:
    rows = [Rule(name, {"value": one}, "", None, "", "P") for name, one in limits.items()]
    for facts in every(rows):
        whole = isinstance(facts["value"], Decimal) and facts["value"] == facts["value"].to_integral_value()
        if whole or limits is F.MM3_CLASSES:  # millimetres are rounded and months counted before they are classed
            assert len(holding(rows, facts)) == 1, facts


def test_every_row_of_a_table_can_hold() -> None:
    """A row that no facts reach would be printed and never applied."""
    for rows, cases in [*((rows, every) for rows in COMPLETE.values()), *DEPENDENT.values()]:
        reached = {name for facts in cases(rows) for name in holding(rows, facts)}
        assert reached == {rule.id for rule in rows}


def test_two_rows_or_none_are_no_answer() -> None:
    overlapping = [Rule(name, {"value": span("< 6")}, "", None, "", "P") for name in ("a", "b")]
    for value in (5, 7):
        with pytest.raises(ValueError, match="values to unpack"):
            the_rule(overlapping, {"value": Decimal(value)})


# --- rows that the code picks by name: what is printed of them must be why they were picked ---------------------------

SUBSOLID_LATER = [rule for rule in F.FOLLOW_UP if rule.when.get("attenuation") != "solid"]


def subsolid_facts(kind: str, whole: str, solid: str, months: int, *, grew: bool, several: bool) -> dict[str, Fact]:
    """The facts of a subsolid nodule at follow-up, told from its sizes by the words of the reference."""
    large = Decimal(whole) >= 6
    alone = not several or (large and months >= 3)  # several with one >= 6 are confirmed first, then read one by one
    solid_class = "6-8" if kind == "part_solid" and Decimal(solid) >= 6 else "<6"
    over = months >= 60 and solid_class == "<6" if alone else not large and months >= 48
    route = "single" if alone else "over" if over else "confirm" if large else "marks"
    return {
        "subsolid": True, "attenuation": kind, "growth": grew, "route": route, "solid_size": solid_class,
        "years_5": months >= 60, "done": over,
    }  # fmt: skip


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("kind", ["ground_glass", "part_solid"])
@pytest.mark.parametrize("months", [2, 3, 7, 24, 47, 48, 59, 60, 72])
def test_the_row_of_a_subsolid_follow_up_is_the_one_whose_conditions_hold(
    kind: str, months: int, several: bool
) -> None:
    for whole, solid, grew in product(("5", "9"), ("2", "6"), (False, True)):
        if kind == "part_solid" and Decimal(solid) > Decimal(whole):
            continue
        part = solid if kind == "part_solid" else None
        now = str(Decimal(whole) + 2) if grew else whole
        members = [
            nodule(measured(whole, solid=part, on=months_ago(months)), measured(now, solid=part), name=name, attenuation=kind)
            for name in ("a", "b")[: 1 + several]
        ]  # fmt: skip
        facts = subsolid_facts(kind, now, solid, months, grew=grew, several=several)
        assert [answer("FLEISCHNER2017", *members).rule_id] == holding(SUBSOLID_LATER, facts), facts
