"""Where the answer of an edition may change: printed bounds, bounds that an earlier size sets, and ranks of nodules.

Between two neighbouring borders of a size nothing changes, whatever else is the case. A border too many costs time;
a border too few would be a wrong probability, so tests draw sizes at random and compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from functools import cache
from typing import Final, Literal

from nodules_app.clinical.case import Attenuation, Measurement
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.editions.lungrads2022_status import CHANGE_MM, YEAR_DAYS, reported
from nodules_app.clinical.growth import GROWTH_MM, GROWTH_RATIO
from nodules_app.clinical.rules import Span
from nodules_app.clinical.sizes import LN2, TENTH, longest_mm, mean_mm, sphere_diameter_mm, sphere_volume_mm3

SizeName = Literal["volume", "mean", "longest", "short"]
MASS_MM: Final = Decimal("30.5")  # rounds to 31
PLEURAL_MM: Final = Decimal(10)  # size cap of perifissural nodules
CAPS_MM: Final = frozenset({MASS_MM, PLEURAL_MM})  # looked at whatever size the rows look up
VDT_DAYS: Final = (400, 600)
LARGEST_LOG: Final = Decimal(50)  # keeps the exponential of an interval of decades within reach


@dataclass(frozen=True, slots=True)
class Relation:
    """A border between two exams: the size now that an earlier size asks for, and the other way round."""

    size: SizeName
    now_from: Callable[[Decimal], Decimal]
    earlier_from: Callable[[Decimal], Decimal]
    unrounded: Relation | None = None  # where sizes are compared as reported: the same without rounding


# --- printed ----------------------------------------------------------------------------------------------------------


def _spans(edition: Edition, attenuation: Attenuation | None, *, volume: bool) -> Iterator[Span]:
    """Ranges of the rows that may hold for a nodule of this attenuation; ``None``: for any."""
    for rule in edition.rules:
        if attenuation is not None and rule.when.get("attenuation", attenuation) != attenuation:
            continue
        for name, condition in rule.when.items():
            if isinstance(condition, Span) and name.endswith("mm3" if volume else "mm"):
                yield condition


@cache
def bounds_mm3(edition: Edition, attenuation: Attenuation | None = None) -> frozenset[Decimal]:
    """Every volume at which a row of the edition begins or ends."""
    spans = _spans(edition, attenuation, volume=True)
    printed = {bound for span in spans for bound in (span.low, span.high) if bound.is_finite()}
    return frozenset({*printed, *edition.volume_limits, sphere_volume_mm3(MASS_MM), sphere_volume_mm3(PLEURAL_MM)})


@cache
def bounds_mm(edition: Edition, attenuation: Attenuation | None = None) -> frozenset[Decimal]:
    """Every unrounded diameter at which a row of the edition begins or ends."""
    printed = {
        bound for span in _spans(edition, attenuation, volume=False) for bound in unrounded(span, edition.reports_to)
    }
    return frozenset({*printed, *edition.diameter_limits, MASS_MM})


def unrounded(span: Span, step: Decimal | None) -> Iterator[Decimal]:
    """The ends of a range for sizes that are rounded half-up to ``step`` before they are compared."""
    half = Decimal(0) if step is None else step / 2
    if span.low.is_finite():
        yield span.low - half if span.low_included else span.low + half
    if span.high.is_finite():
        yield span.high + half if span.high_included else span.high - half


# --- ranks ------------------------------------------------------------------------------------------------------------


def rank_mm3(now: Measurement) -> Iterator[Decimal]:
    """Volumes at which a nodule passes another one."""
    if now.volume_mm3 is not None:
        yield now.volume_mm3
    yield from (sphere_volume_mm3(size) for size in _diameters(now))


def rank_mm(now: Measurement) -> Iterator[Decimal]:
    """Diameters at which a nodule passes another one."""
    yield from _diameters(now)
    if now.volume_mm3 is not None:
        yield sphere_diameter_mm(now.volume_mm3)


def _diameters(now: Measurement) -> Iterator[Decimal]:
    yield from (size for size in (mean_mm(now), longest_mm(now)) if size is not None)


# --- set by an earlier size -------------------------------------------------------------------------------------------


def relations(edition: Edition, days: int) -> Iterator[Relation]:
    """Every border that an earlier whole size sets after so many days."""
    for word in edition.compares:
        yield from _RELATIONS[word](days)


def solid_relations(edition: Edition, days: int) -> Iterator[Relation]:
    """The same for the solid component."""
    if not edition.reads_solid_growth:
        return
    if "reported_mm" in edition.compares:
        yield from (_steps(tenths) for tenths in _growth_tenths(days))
    else:
        yield _difference("mean", GROWTH_MM)
        yield _difference("longest", GROWTH_MM)


def _times(size: SizeName, ratio: Decimal) -> Relation:
    return Relation(size, lambda earlier: earlier * ratio, lambda now: now / ratio)


def _difference(size: SizeName, mm: Decimal) -> Relation:
    return Relation(size, lambda earlier: earlier + mm, lambda now: now - mm)


def vdt_ratios(days: int) -> tuple[Decimal, ...]:
    """Ratios of volume that lie on the border of two classes of doubling time."""
    return tuple(min(LN2 * days / vdt_days, LARGEST_LOG).exp() for vdt_days in VDT_DAYS)


def _cube_root(ratio: Decimal) -> Decimal:
    return (ratio.ln() / 3).exp()


def _steps(tenths: int) -> Relation:
    """At least so many tenths of a millimetre between two sizes as reported."""
    offset = tenths * TENTH - TENTH / 2
    return Relation(
        "mean",
        lambda earlier: reported(earlier) + offset,
        lambda now: reported(now) - offset,
        _difference("mean", offset),
    )


def _spheres(mm: Decimal) -> Relation:
    """So many millimetres between the diameters of two spheres (AMB-13)."""

    def changed(volume_mm3: Decimal, by_mm: Decimal) -> Decimal:
        return sphere_volume_mm3(max(sphere_diameter_mm(volume_mm3) + by_mm, Decimal(0)))

    return Relation("volume", lambda earlier: changed(earlier, mm), lambda now: changed(now, -mm))


def _allowed_mm(days: int) -> tuple[Decimal, ...]:
    """1.5 mm, and 1.5 mm a year (AMB-12)."""
    return tuple({CHANGE_MM, max(CHANGE_MM, CHANGE_MM * days / YEAR_DAYS)})


def _growth_tenths(days: int) -> Iterator[int]:
    """The smallest difference of reported sizes that is more than each of them."""
    for allowed in _allowed_mm(days):
        yield int((allowed / TENTH).to_integral_value(ROUND_FLOOR)) + 1


def _reported(days: int) -> Iterator[Relation]:
    """Lung-RADS: growth, decrease, and never smaller, on sizes as reported or on spheres."""
    for tenths in (*_growth_tenths(days), 0, -15):
        yield _steps(tenths)
    for mm in (*_allowed_mm(days), Decimal(0), -CHANGE_MM):
        yield _spheres(mm)


_RELATIONS: Final[dict[str, Callable[[int], Iterable[Relation]]]] = {
    "volume_ratio": lambda _: (_times("volume", GROWTH_RATIO),),
    "volume_vdt": lambda days: (_times("volume", ratio) for ratio in vdt_ratios(days)),
    "mean_mm": lambda _: (_difference("mean", GROWTH_MM),),
    "mean_vdt": lambda days: (_times("mean", _cube_root(ratio)) for ratio in vdt_ratios(days)),
    "longest_mm": lambda _: (_difference("longest", GROWTH_MM),),
    "longest_vdt": lambda days: (_times("longest", _cube_root(ratio)) for ratio in vdt_ratios(days)),
    "reported_mm": _reported,
}
