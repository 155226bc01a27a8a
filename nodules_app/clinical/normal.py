"""The normal distribution in decimals: the same digits on every machine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cache, lru_cache
from itertools import pairwise
from typing import Final

from nodules_app.clinical.sizes import PI

REACH: Final = Decimal(6)  # beyond six standard deviations lies one part in a billion
GRID: Final = Decimal(8)  # points a unit at which the distribution is expanded
TERMS: Final = 12  # of each expansion: within 1/16 of its point the rest is below 1e-17
# Nodes and weights of Gauss and Legendre with six points on [-1, 1], Abramowitz and Stegun, table 25.4.
LEGENDRE: Final = (
    (Decimal("0.238619186083196909"), Decimal("0.467913934572691047")),
    (Decimal("0.661209386466264514"), Decimal("0.360761573048138608")),
    (Decimal("0.932469514203152028"), Decimal("0.171324492379170345")),
)


@lru_cache(maxsize=4096)
def density(z: Decimal) -> Decimal:
    """exp(-z^2 / 2) / sqrt(2 pi)."""
    return (-z * z / 2).exp() / (2 * PI).sqrt()


@lru_cache(maxsize=4096)
def below(z: Decimal) -> Decimal:
    """Chance of a value below ``z``; 0 and 1 beyond ``REACH``."""
    if abs(z) >= REACH:
        return Decimal(z > 0)
    point = int((z * GRID).to_integral_value(ROUND_HALF_EVEN))
    beside = z - point / GRID
    total = Decimal(0)
    for coefficient in _expansion(point):
        total = total * beside + coefficient
    return total


@cache
def _expansion(point: int) -> tuple[Decimal, ...]:
    """Taylor coefficients about a point of the grid, highest power first.

    The derivatives of the density are Hermite polynomials: He_{k+1} = z He_k - k He_{k-1}.
    """
    z = point / GRID
    here = density(z)
    coefficients = [_series(z)]
    hermite, before, factorial = Decimal(1), Decimal(0), Decimal(1)
    for k in range(1, TERMS + 1):
        factorial *= k
        coefficients.append((here if k % 2 else -here) * hermite / factorial)
        hermite, before = z * hermite - (k - 1) * before, hermite
    return tuple(reversed(coefficients))


def _series(z: Decimal) -> Decimal:
    """1/2 + density x (z + z^3/3 + z^5/15 + ...)."""
    term = total = z
    k = 1
    while abs(term) > Decimal("1e-24"):
        k += 2
        term = term * z * z / k
        total += term
    return Decimal("0.5") + density(z) * total


def quadrature(edges: Sequence[Decimal]) -> Iterator[tuple[Decimal, Decimal]]:
    """Places and weights for the mean of a function under the normal distribution, smooth between the edges."""
    for low, high in pairwise(edges):
        middle, half = (low + high) / 2, (high - low) / 2
        for node, weight in LEGENDRE:
            for z in (middle - half * node, middle + half * node):
                yield z, half * weight * density(z)
