"""Where an imaging float becomes the decimal that a report shows; nobody rounds elsewhere."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal


def as_reported(value: float, digits: str) -> str:
    """Round half up as a report does: ``as_reported(6.25, "0.1")`` is ``"6.3"``."""
    return str(Decimal(repr(float(value))).quantize(Decimal(digits), rounding=ROUND_HALF_UP))
