"""Every size of a measurement along its error: a straight line, in standard deviations.

One outline was drawn: drawn too wide, it makes the diameters and the volume too large together. The solid component has
an error of its own.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final, NamedTuple

from nodules_app.clinical.borders import SizeName
from nodules_app.clinical.case import Measurement, SizeErrors
from nodules_app.clinical.sizes import longest_mm, mean_mm, solid_longest_mm, solid_mean_mm

SMALLEST: Final = Decimal("0.01")  # no nodule is smaller, whatever the error says


class Line(NamedTuple):
    """A size that is ``start`` as measured and changes by ``slope`` with every standard deviation."""

    start: Decimal
    slope: Decimal

    def at(self, z: Decimal) -> Decimal:
        """The size at an error."""
        return self.start + self.slope * z

    def reaches(self, size: Decimal) -> Decimal:
        """The error at which the size is reached."""
        return (size - self.start) / self.slope


Lines = dict[SizeName, Line]


def _slopes(m: Measurement) -> tuple[Decimal, Decimal, Decimal, Decimal]:
    """Standard deviations of volume, mean, longest and solid diameter; one diameter's stands in for the other's."""
    sd = SizeErrors() if m.sd is None else m.sd
    mean = sd.long_axis_mm if sd.mean_diameter_mm is None else sd.mean_diameter_mm
    longest = sd.mean_diameter_mm if sd.long_axis_mm is None else sd.long_axis_mm
    zero = Decimal(0)
    return sd.volume_mm3 or zero, mean or zero, longest or zero, sd.solid_mean_mm or zero


def lines_of(m: Measurement, *, solid: bool) -> Lines:
    """The sizes of the whole nodule, or of its solid component, along their error."""
    volume, mean, longest, solid_mean = _slopes(m)
    has_axes = m.long_axis_mm is not None and m.short_axis_mm is not None
    by_mean = has_axes or m.mean_diameter_mm is not None
    asked: tuple[tuple[SizeName, Decimal | None, Decimal], ...] = (
        (
            ("mean", solid_mean_mm(m), solid_mean),
            ("longest", solid_longest_mm(m), solid_mean),
        )
        if solid
        else (
            ("volume", m.volume_mm3, volume),
            ("mean", mean_mm(m), mean if by_mean else longest),
            ("longest", longest_mm(m), longest if m.long_axis_mm is not None else mean),
            ("short", m.short_axis_mm, 2 * mean - longest),
        )
    )
    return {name: Line(size, slope) for name, size, slope in asked if size is not None}


def moved(m: Measurement, z: Decimal, z_solid: Decimal) -> Measurement:
    """The measurement as it would be without its error: ``z`` standard deviations away."""
    volume, mean, longest, solid = _slopes(m)
    return replace(
        m,
        volume_mm3=_add(m.volume_mm3, volume * z),
        long_axis_mm=_add(m.long_axis_mm, longest * z),
        short_axis_mm=_add(m.short_axis_mm, (2 * mean - longest) * z),
        mean_diameter_mm=_add(m.mean_diameter_mm, mean * z),
        solid_long_axis_mm=_add(m.solid_long_axis_mm, solid * z_solid),
        solid_short_axis_mm=_add(m.solid_short_axis_mm, solid * z_solid),
        solid_mean_mm=_add(m.solid_mean_mm, solid * z_solid),
    )


def _add(size: Decimal | None, change: Decimal) -> Decimal | None:
    return None if size is None else max(size + change, SMALLEST)
