"""Where the true sizes of all nodules may lie, against plain simulation and against the laws of a probability."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import cache
from math import sqrt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodules_app.clinical import case as c
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.stability import weigh
from nodules_app.clinical.view import Look, look_at
from tests.unit.clinical.cases import GUIDELINES, case, cases, measured, months_ago, nodule

SCREENING = ("LUNGRADS2022", "NELSON", "EUPS2017")
RUNS = 800


def sd(**sizes: str) -> c.SizeErrors:
    return c.SizeErrors(**{name: Decimal(value) for name, value in sizes.items()})


def shifted(m: c.Measurement, z: float, z_solid: float) -> c.Measurement:
    """One drawn measurement; written apart from the core, in its own words."""
    errors = m.sd or c.SizeErrors()
    mean = errors.mean_diameter_mm if errors.mean_diameter_mm is not None else errors.long_axis_mm or Decimal(0)
    long = errors.long_axis_mm if errors.long_axis_mm is not None else mean
    changes: dict[str, Any] = {}
    for name, by in (("volume_mm3", errors.volume_mm3), ("long_axis_mm", long), ("short_axis_mm", 2 * mean - long)):
        if (size := getattr(m, name)) is not None:
            changes[name] = size + (by or 0) * Decimal(z)
    for name in ("solid_long_axis_mm", "solid_short_axis_mm"):
        if (size := getattr(m, name)) is not None:
            changes[name] = size + (errors.solid_mean_mm or 0) * Decimal(z_solid)
    return replace(m, **changes)


def drawn(look: Look, gauss: Callable[[], float], *, previous: bool) -> Look:
    """The nodule with every error drawn; of several earlier exams the one that the guideline compares with."""
    rho = float(max((m.sd.rho for m in (*look.earlier, look.now) if m.sd), default=Decimal(0)))

    def pair() -> tuple[float, float]:
        first = gauss()
        return first, rho * first + sqrt(1 - rho * rho) * gauss()

    (before, now), (before_solid, now_solid) = pair(), pair()
    compared = (look.earlier[-1] if previous else look.earlier[0]) if look.earlier else None
    earlier = tuple(shifted(m, before, before_solid) if m is compared else m for m in look.earlier)
    return replace(look, now=shifted(look.now, now, now_solid), earlier=earlier)


@cache
def draws(group: str, *, previous: bool) -> list[tuple[Look, ...]]:
    """The same drawn nodules for every guideline of a group."""
    rng = random.Random(11)
    looks = look_at(case(*GROUPS[group])).present
    return [tuple(drawn(look, lambda: rng.gauss(0, 1), previous=previous) for look in looks) for _ in range(RUNS)]


def simulated(group: str, of: c.Case, guideline: str) -> dict[str, float]:
    """The plain way: draw sizes, judge, count."""
    view = look_at(of)
    counts: Counter[str] = Counter()
    for looks in draws(group, previous=guideline == "LUNGRADS2022"):
        counts[EDITIONS[guideline].judge(replace(view, present=looks)).code] += 1
    return {code: count / RUNS for code, count in counts.items()}


def chances(of: c.Case, guideline: str) -> dict[str, float]:
    return {branch.management: float(branch.probability or 0) for branch in weigh(of, guideline).branches}


YEAR_AGO = months_ago(12)
GREW = nodule(
    measured("6", v=100, on=YEAR_AGO, sd=sd(volume_mm3="9")), measured("7", v=130, sd=sd(volume_mm3="12", rho="0.5"))
)
STEADY = nodule(
    measured("5.5", v=90, on=YEAR_AGO, sd=sd(volume_mm3="9")), measured("5.8", v=100, sd=sd(volume_mm3="9")), name="n2"
)
BOTH_SIZES = nodule(
    measured("7.4", v=250, on=YEAR_AGO, sd=sd(volume_mm3="22", mean_diameter_mm="0.4")),
    measured("8", v=310, sd=sd(volume_mm3="28", mean_diameter_mm="0.4")),
    name="n3",
    margin=c.Margin.SPICULATED,
)
BY_DIAMETER = nodule(
    measured("7", on=months_ago(6), sd=sd(long_axis_mm="0.9")), measured("8.4", sd=sd(long_axis_mm="0.5"))
)
THREE_DATES = nodule(
    measured("7", on=YEAR_AGO, sd=sd(long_axis_mm="0.6")),
    measured("7.6", on=months_ago(6), sd=sd(long_axis_mm="0.6")),
    measured("8.4", sd=sd(long_axis_mm="0.5", mean_diameter_mm="0.4")),
)
PART_SOLID = nodule(
    measured("10", solid="4", on=months_ago(6), sd=sd(mean_diameter_mm="0.5", solid_mean_mm="0.6")),
    measured("12", solid="5.6", sd=sd(mean_diameter_mm="0.5", solid_mean_mm="0.6")),
    attenuation="part_solid",
)
ALIKE = (
    nodule(measured("8", sd=sd(mean_diameter_mm="0.5")), attenuation="ground_glass", name="g"),
    nodule(measured("8.3", sd=sd(mean_diameter_mm="0.6")), attenuation="part_solid", name="p"),
    nodule(measured("8.2", solid="6", sd=sd(long_axis_mm="0.6")), name="s"),
)
UNEQUAL = nodule(
    measured("6", v=110, on=YEAR_AGO, sd=sd(volume_mm3="20")),
    measured("6.4", v=130, sd=sd(volume_mm3="3", rho="0.8")),
)
CERTAIN_NOW = nodule(
    measured("6", on=YEAR_AGO, sd=sd(mean_diameter_mm="0.5")), measured("8.1"), name="c", margin=c.Margin.SPICULATED
)
CERTAIN_GLASS = nodule(measured("8.2", v=320), attenuation="ground_glass", name="cg")
BESIDE_IT = nodule(measured("8", v=300, sd=sd(mean_diameter_mm="0.5", volume_mm3="30")), name="b")
GLASS_NOW = nodule(
    measured("6", on=YEAR_AGO, sd=sd(mean_diameter_mm="0.5")), measured("8.1"), name="g", attenuation="ground_glass"
)
GROUPS = {
    "one certain now, one only now": (CERTAIN_NOW, ALIKE[2]),
    "ground glass certain now beside a solid one": (GLASS_NOW, ALIKE[2]),
    "beside certain ones": (BESIDE_IT, CERTAIN_GLASS, nodule(measured("4"), name="small")),
    "one nodule, volumes at two dates, correlated": (GREW,),
    "one nodule, diameters at two dates": (BY_DIAMETER,),
    "one nodule, three dates": (THREE_DATES,),
    "part-solid, whole and solid at two dates": (PART_SOLID,),
    "baseline much less certain": (UNEQUAL,),
    "two nodules": (GREW, STEADY),
    "three nodules, both sizes": (GREW, STEADY, BOTH_SIZES),
    "three nodules of about one size": ALIKE,
}


@pytest.mark.parametrize("guideline", GUIDELINES)
@pytest.mark.parametrize("group", GROUPS)
def test_probabilities_agree_with_a_simulation(group: str, guideline: str) -> None:
    of = case(*GROUPS[group], setting="screening" if guideline in SCREENING else "incidental")
    expected = chances(of, guideline)
    branches = weigh(of, guideline).branches
    assert abs(sum((b.probability or Decimal(0) for b in branches), Decimal(0)) - 1) < Decimal("1e-9")
    drawn_shares = simulated(group, of, guideline) if len(expected) > 1 else {next(iter(expected)): 1.0}
    for code in expected.keys() | drawn_shares.keys():
        p = expected.get(code, 0.0)
        assert drawn_shares.get(code, 0.0) == pytest.approx(p, abs=4 * sqrt(p * (1 - p) / RUNS) + 1.5e-3), code


def uncertain(of: c.Case, share: Decimal, rho: Decimal) -> c.Case:
    """The case with an error on every size of every nodule."""

    def with_errors(m: c.Measurement) -> c.Measurement:
        size = m.long_axis_mm or m.mean_diameter_mm
        errors = c.SizeErrors(
            volume_mm3=None if m.volume_mm3 is None else m.volume_mm3 * share,
            mean_diameter_mm=None if size is None else size * share / 3,
            solid_mean_mm=None if m.solid_long_axis_mm is None else m.solid_long_axis_mm * share / 3,
            rho=rho,
        )
        return replace(m, sd=errors)

    nodules = tuple(replace(n, measurements=tuple(with_errors(m) for m in n.measurements)) for n in of.nodules)
    return replace(of, nodules=nodules)


@settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases(), st.sampled_from(["0.05", "0.09", "0.15"]), st.sampled_from(["0", "0", "0.6"]), st.integers(0, 10**6))
def test_whatever_the_true_sizes_are_their_management_is_listed(of: c.Case, share: str, rho: str, seed: int) -> None:
    of = uncertain(of, Decimal(share), Decimal(rho))
    rng = random.Random(seed)
    view = look_at(of)
    for code in GUIDELINES:
        listed = {branch.management for branch in weigh(of, code).branches}
        for _ in range(4):
            seen = view
            for look in view.present:
                near = drawn(look, lambda: max(-2.0, min(2.0, rng.gauss(0, 1))), previous=code == "LUNGRADS2022")
                seen = seen.with_look(near)
            assert EDITIONS[code].judge(seen).code in listed, code


@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(cases())
def test_the_laws_of_a_probability(of: c.Case) -> None:
    for code in GUIDELINES:
        judged = EDITIONS[code].judge(look_at(of))
        for share in ("0", "0.09"):
            weighing = weigh(uncertain(of, Decimal(share), Decimal(0)), code)
            chance = [branch.probability or Decimal(0) for branch in weighing.branches]
            assert abs(sum(chance, Decimal(0)) - 1) < Decimal("1e-9")
            assert all(p >= 0 for p in chance)
            assert chance == sorted(chance, reverse=True)
            if share == "0":
                assert [(b.management, b.probability) for b in weighing.branches] == [(judged.code, Decimal(1))]


def test_nodules_without_a_size_are_left_in_their_order() -> None:
    """An error of a solid component alone: which nodule is the largest cannot be asked."""
    unsized = [
        nodule(
            c.Measurement(today, solid_long_axis_mm=Decimal(6), sd=sd(solid_mean_mm="1")), attenuation=kind, name=name
        )
        for name, kind, today in (("a", "part_solid", months_ago(0)), ("b", "ground_glass", months_ago(0)))
    ]
    assert chances(case(*unsized), "BTS2015") == {"measurement_needed": 1.0}


def test_the_same_case_gives_the_same_digits() -> None:
    of = case(GREW, STEADY, BOTH_SIZES)
    assert weigh(of, "BTS2015") == weigh(of, "BTS2015")
