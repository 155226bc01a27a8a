"""A figure with its error, or the reason why it cannot be said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why something cannot be said of a nodule on this scan."""

    TOO_SMALL = "too_small"  # too few voxels across
    SLICES_TOO_THICK = "slices_too_thick"
    NOT_SOLID = "not_solid"  # ground glass shades into what is looked for
    HOLLOW = "hollow"  # air inside: the border may have turned into it
    ON_THE_WALL = "on_the_wall"  # too much of the surface is no border
    NO_LUNGS = "no_lungs"  # the lungs of this scan are not known
    NO_FISSURE = "no_fissure"  # no fissure of this lung is seen on the scan


@dataclass(frozen=True, slots=True)
class Figure:
    """A value that may be zero, with its standard error in the same unit."""

    value: float
    standard_error: float


@dataclass(frozen=True, slots=True)
class Unsaid:
    """In the place of a figure."""

    reason: Reason


Said = Figure | Unsaid
