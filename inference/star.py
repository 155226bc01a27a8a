"""A closed surface around a centre, described by its radius in every direction.

Rays leave the centre in all directions; where each meets the border is noisy, and some never do because a vessel or
the chest wall goes on. A few smooth functions on the sphere, fitted so that too long rays count little, give the
surface that the honest rays agree on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RAYS = 500
HIGHEST_DEGREE = 4
# Stiffness per degree of the relief: size and place are free, bumps cost more the finer they are (tuned on phantoms).
RIDGE_BY_DEGREE = (1e-6, 0.01, 0.03, 0.15, 0.4)
LONG_RAY = 1.18  # a crossing this much beyond the surface (and LONG_RAY_MM more) left the nodule
LONG_RAY_MM = 0.4
FIT_PASSES = 8


@cache
def ray_directions() -> Floats:
    """Unit vectors ``(RAYS, 3)``, spread evenly by the golden angle; order z, y, x."""
    k = np.arange(RAYS) + 0.5
    z = 1 - 2 * k / RAYS
    turn = np.pi * (1 + np.sqrt(5)) * k
    flat = np.sqrt(1 - z * z)
    return np.stack([z, flat * np.cos(turn), flat * np.sin(turn)], axis=1)


def _monomials(directions: Floats) -> Floats:
    """Span of the spherical harmonics up to ``HIGHEST_DEGREE``, in order of degree, ``(n, (L + 1)^2)``.

    On the sphere z^2 = 1 - y^2 - x^2, so monomials with z to the power 0 or 1 are enough.
    """
    z, y, x = directions.T
    columns = [
        x**a * y ** (degree - c - a) * z**c
        for degree in range(HIGHEST_DEGREE + 1)
        for c in (0, 1)
        for a in range(degree - c + 1)
    ]
    return np.stack(columns, axis=1)


@cache
def _orthonormal() -> tuple[Floats, Floats, Floats]:
    """Basis on the rays, the matrix that makes it from monomials, and the stiffness of each function."""
    q, r = np.linalg.qr(_monomials(ray_directions()))
    ridge = np.concatenate([[RIDGE_BY_DEGREE[degree]] * (2 * degree + 1) for degree in range(HIGHEST_DEGREE + 1)])
    return q, np.linalg.inv(r), ridge


def harmonics(directions: Floats) -> Floats:
    """Values (n, (L + 1)^2) at unit vectors (n, 3), in order of degree; orthonormal over the fixed rays, up to RAYS."""
    return np.asarray(_monomials(directions) @ _orthonormal()[1] * np.sqrt(RAYS))


@dataclass(frozen=True, slots=True, eq=False)
class Star:
    """Surface ``centre + radius(u) * u``; logarithm of the radius in harmonics.

    Parameters
    ----------
    centre_mm : (3,)
        Order z, y, x, in the frame of the neighbourhood.
    coefficients : ((L + 1)^2,)
        Of the logarithm of the radius in mm.
    """

    centre_mm: Floats
    coefficients: Floats

    def ray_radii_mm(self) -> Floats:
        """Radius along each of the fixed rays."""
        return np.exp(_orthonormal()[0] @ self.coefficients)

    def radii_mm(self, directions: Floats) -> Floats:
        """Radius along any unit vectors ``(n, 3)``, order z, y, x."""
        radii: Floats = np.exp(_monomials(directions) @ (_orthonormal()[1] @ self.coefficients))
        return radii

    def centroid_shift_mm(self) -> Floats:
        """Where the centre of gravity of the enclosed solid lies, seen from the centre."""
        radii = self.ray_radii_mm()
        shift: Floats = 0.75 * (ray_directions() * radii[:, None] ** 4).mean(axis=0) / (radii**3).mean()
        return shift


def fit_log_radius(crossings_mm: Floats, trust: Floats, at_least: NDArray[np.bool_] | None = None) -> Floats:
    """Fit the harmonics to the ray crossings, robustly and lopsidedly.

    A ray that ends too far out has followed a vessel or the wall: its influence falls to nothing. One that ends too
    early has met noise or a cavity and keeps some say.

    Parameters
    ----------
    crossings_mm : (RAYS,)
    trust : (RAYS,)
        1 for a ray that crossed the level, near 0 for one that never did.
    at_least : (RAYS,)
        Rays whose border is hidden behind their end: the surface reaches so far, and may reach further.

    Returns
    -------
    (L + 1)^2 coefficients of the logarithm of the radius.
    """
    basis, _, ridge = _orthonormal()
    seen = np.ones(len(crossings_mm), bool) if at_least is None or at_least.all() else ~at_least
    log_radius = np.log(crossings_mm)
    too_long = np.clip(log_radius - np.median(log_radius) - 0.15, 0, None)
    weight = np.exp(-(too_long**2) / (2 * 0.15**2)) * trust
    coefficients = np.zeros(basis.shape[1])
    for _ in range(FIT_PASSES):
        normal = (basis * weight[:, None]).T @ basis + np.diag(ridge * weight.mean())
        coefficients = np.linalg.solve(normal, (basis * weight[:, None]).T @ log_radius)
        excess = log_radius - basis @ coefficients
        scale = max(0.08, 1.2 * float(np.median(np.abs(excess[seen]))))
        short = np.where(seen, 1 / (1 + (excess / (2 * scale)) ** 2), 0.0)
        weight = np.where(excess > 0, 1 / (1 + (excess / scale) ** 2) ** 2, short)
        weight *= trust
    return coefficients


def first_crossing_mm(along_mm: Floats, hu: NDArray[np.float32], level_hu: float) -> tuple[Floats, NDArray[np.bool_]]:
    """Distance at which each ray first falls below a level, between samples, and whether it ever does.

    Parameters
    ----------
    along_mm : (m,)
        Distances of the samples from the centre, evenly spaced.
    hu : (n, m)
    """
    below = hu < level_hu
    crosses: NDArray[np.bool_] = np.any(below, axis=1)
    first = np.maximum(np.where(crosses, below.argmax(axis=1), len(along_mm) - 1), 1)
    rows = np.arange(len(hu))
    before, after = hu[rows, first - 1].astype(np.float64), hu[rows, first].astype(np.float64)
    part = np.where(before > after, (before - level_hu) / np.maximum(before - after, 1e-3), 0)
    step = along_mm[1] - along_mm[0]
    ends: Floats = np.clip(along_mm[first - 1] + np.clip(part, 0, 1) * step, 0.3, along_mm[-1])
    return ends, crosses
