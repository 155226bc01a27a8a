"""What another measurement of the lead would have said: the nearest smaller and larger size with another management."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import Final, Literal

from nodules_app.clinical.assessment import Finding, Flip
from nodules_app.clinical.borders import bounds_mm3, rank_mm3, relations
from nodules_app.clinical.case import Measurement, SizeBasis
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.view import Look, View

STEP_MM: Final = Decimal("0.1")
STEPS_MM: Final = 10
VOLUME_SHARE: Final = Decimal("0.25")


def flips(view: View, edition: Edition, finding: Finding) -> tuple[Flip, ...]:
    """Shift the governing size of the lead, smaller and larger, until the management changes.

    Diameters move in steps of 0.1 mm up to 1.0 mm, both axes together; volumes in steps of 1 mm3 up to 25 %. Where
    Fleischner finds diameter and volume in different classes, what the other size says is a flip too (AMB-02).
    """
    if finding.look is None or finding.basis is None:
        return ()
    shifted = _volumes if finding.basis == "volume" else _diameters
    look = finding.look
    nearest = [_nearest(view, edition, finding, look, shifted(view, edition, look, sign)) for sign in (-1, 1)]
    if "AMB-02" in finding.ambiguities:
        nearest.append(_other_basis(view, edition, finding))
    return tuple(flip for flip in nearest if flip is not None)


Shift = tuple[Literal["size_mm", "volume_mm3"], str, Measurement]


def _nearest(view: View, edition: Edition, finding: Finding, look: Look, shifts: Iterator[Shift]) -> Flip | None:
    for field, change, measurement in shifts:
        other = edition.judge(view.remeasured(look, measurement))
        if other.code != finding.code:
            return Flip(field, change, other.code, other.rule.id)
    return None


def _other_basis(view: View, edition: Edition, finding: Finding) -> Flip | None:
    basis = SizeBasis.DIAMETER if finding.basis == "volume" else SizeBasis.VOLUME
    other = edition.judge(replace(view, case=replace(view.case, size_basis=basis)))
    if other.code == finding.code:
        return None
    return Flip("size_basis", basis.value, other.code, other.rule.id)


def _diameters(_view: View, _edition: Edition, look: Look, sign: int) -> Iterator[Shift]:
    now = look.now
    for step in range(1, STEPS_MM + 1):
        change = sign * step * STEP_MM
        sizes = [
            None if size is None else size + change
            for size in (now.long_axis_mm, now.short_axis_mm, now.mean_diameter_mm)
        ]
        if any(size is not None and size <= 0 for size in sizes):
            return
        yield "size_mm", f"{change:+}", _resized(now, sizes, now.volume_mm3)


def _volumes(view: View, edition: Edition, look: Look, sign: int) -> Iterator[Shift]:
    """Only the steps on either side of a volume where something may change; between those nothing does."""
    now = look.now
    volume = now.volume_mm3
    assert volume is not None  # noqa: S101 - the basis says so
    reach = int((volume * VOLUME_SHARE).to_integral_value(ROUND_FLOOR))
    steps = set()
    for limit in volume_limits(view, edition, look):
        distance = (limit - volume) * sign
        if -1 <= distance <= reach + 1:
            nearest = int(distance.to_integral_value(ROUND_FLOOR))
            steps |= {nearest - 1, nearest, nearest + 1, nearest + 2}
    sizes = [now.long_axis_mm, now.short_axis_mm, now.mean_diameter_mm]
    for step in sorted(steps):
        if 1 <= step <= reach:
            change = sign * step
            yield "volume_mm3", f"{change:+}", _resized(now, sizes, volume + change)


def volume_limits(view: View, edition: Edition, look: Look) -> tuple[Decimal, ...]:
    """Every volume of this nodule at which the answer may change; between two of them it does not."""
    ranks = (limit for other in view.present if other.nodule is not look.nodule for limit in rank_mm3(other.now))
    return (*bounds_mm3(edition), *ranks, *_set_by_earlier(view, edition, look))


def _set_by_earlier(view: View, edition: Edition, look: Look) -> Iterator[Decimal]:
    """Volumes at which this nodule's growth changes."""
    for earlier in look.earlier:
        if earlier.volume_mm3 is None:
            continue
        for relation in relations(edition, (view.today - earlier.date).days):
            if relation.size == "volume":
                yield relation.now_from(earlier.volume_mm3)


def _resized(now: Measurement, sizes: list[Decimal | None], volume_mm3: Decimal | None) -> Measurement:
    long_mm, short_mm, middle_mm = sizes
    return Measurement(
        now.date,
        long_mm,
        short_mm,
        middle_mm,
        volume_mm3,
        now.mass_mg,
        now.solid_long_axis_mm,
        now.solid_short_axis_mm,
        now.solid_mean_mm,
        now.solid_volume_mm3,
        now.attenuation,
        now.method,
        now.resolved,
        now.sd,
    )
