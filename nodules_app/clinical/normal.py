"""The normal distribution in decimals: the same digits on every machine."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import Final

from nodules_app.clinical.sizes import PI

REACH: Final = Decimal(6)  # beyond six standard deviations lies one part in a billion


@lru_cache(maxsize=4096)
def density(z: Decimal) -> Decimal:
    """exp(-z^2 / 2) / sqrt(2 pi)."""
    return (-z * z / 2).exp() / (2 * PI).sqrt()


@lru_cache(maxsize=4096)
def below(z: Decimal) -> Decimal:
    """Chance of a value below ``z``: 1/2 + density x (z + z^3/3 + z^5/15 + ...); 0 and 1 beyond ``REACH``."""
    if abs(z) >= REACH:
        return Decimal(z > 0)
    term = total = z
    k = 1
    while abs(term) > Decimal("1e-18"):
        k += 2
        term = term * z * z / k
        total += term
    return Decimal("0.5") + density(z) * total
