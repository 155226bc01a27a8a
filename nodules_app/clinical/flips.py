"""What another measurement of the lead would have said: the nearest smaller and larger size with another management."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from nodules_app.clinical.assessment import Finding, Flip
from nodules_app.clinical.case import Measurement
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.view import View

STEP_MM: Final = Decimal("0.1")
STEPS_MM: Final = 10
VOLUME_SHARE: Final = Decimal("0.25")


def flips(view: View, edition: Edition, finding: Finding) -> tuple[Flip, ...]:
    """Shift the governing size of the lead, smaller and larger, until the management changes.

    Diameters move in steps of 0.1 mm up to 1.0 mm, both axes together; volumes in steps of 1 mm3 up to 25 %.
    """
    if finding.look is None or finding.basis is None:
        return ()
    shifted = _volumes if finding.basis == "volume" else _diameters
    nearest = (_nearest(view, edition, finding, shifted(finding.look.now, sign)) for sign in (-1, 1))
    return tuple(flip for flip in nearest if flip is not None)


Shift = tuple[str, str, Measurement]


def _nearest(view: View, edition: Edition, finding: Finding, shifts: Iterator[Shift]) -> Flip | None:
    assert finding.look is not None  # noqa: S101 - flips has asked
    for field, change, measurement in shifts:
        other = edition.judge(view.remeasured(finding.look.nodule.id, measurement))
        if other.code != finding.code:
            return Flip("volume_mm3" if field == "volume_mm3" else "size_mm", change, other.code, other.rule.id)
    return None


def _diameters(now: Measurement, sign: int) -> Iterator[Shift]:
    for step in range(1, STEPS_MM + 1):
        change = sign * step * STEP_MM
        sizes = [
            None if size is None else size + change
            for size in (now.long_axis_mm, now.short_axis_mm, now.mean_diameter_mm)
        ]
        if any(size is not None and size <= 0 for size in sizes):
            return
        long_mm, short_mm, mean_mm = sizes
        shifted = replace(now, long_axis_mm=long_mm, short_axis_mm=short_mm, mean_diameter_mm=mean_mm)
        yield "size_mm", f"{change:+}", shifted


def _volumes(now: Measurement, sign: int) -> Iterator[Shift]:
    assert now.volume_mm3 is not None  # noqa: S101 - the basis says so
    reach = int((now.volume_mm3 * VOLUME_SHARE).to_integral_value(ROUND_FLOOR))
    for step in range(1, reach + 1):
        change = sign * step
        yield "volume_mm3", f"{change:+}", replace(now, volume_mm3=now.volume_mm3 + change)
