"""From the anatomy to a scan and back: how the patient lies and breathes on each day.

The anatomy is described in straight coordinates, in which the spine has no curve. A scan bows them, as every thoracic
spine is bowed, then turns and shifts the *body* as one piece. Lungs, heart and abdomen (*tissue*) also slide along the
chest wall with the diaphragm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

# Descent is half its full value at this height and changes over this length: nothing at the apex, nearly all at the
# base.
DESCENT_MIDDLE_MM = -40.0
DESCENT_LENGTH_MM = 85.0
BOW_MM = 7.0  # thoracic kyphosis: forward at 100 mm above and below its middle
BOW_MIDDLE_MM = 15.0
INVERSION_TOLERANCE_MM = 1e-6
INVERSION_STEPS = 200


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """A rigid move plus breathing. ``*_from_scan`` are closed formulas, the way back is iterated to a millionth of a
    mm.

    Parameters
    ----------
    rotation : (3, 3)
        Turns the patient about the middle of the chest.
    shift_lps_mm : (3,)
        Where the middle of the chest goes.
    descent_mm
        How much lower the diaphragm stands than on the prior scan; negative: higher.
    wave_vectors : (n, 3)
        Angular wave numbers (1/mm) of the uneven part of breathing.
    wave_phases : (n,)
        Radians.
    wave_amplitudes_mm : (n, 3)
        Displacement of each wave along x, y, z.
    bow_mm
        Curve of the spine: how far it carries the levels 100 mm above and below its middle forward.
    """

    rotation: NDArray[np.float64]
    shift_lps_mm: NDArray[np.float64]
    descent_mm: float
    wave_vectors: NDArray[np.float64]
    wave_phases: NDArray[np.float64]
    wave_amplitudes_mm: NDArray[np.float64]
    bow_mm: float = BOW_MM

    @classmethod
    def none(cls, bow_mm: float = BOW_MM) -> Motion:
        """The patient of the prior scan; without a bow: the anatomy itself."""
        empty = np.zeros((0, 3))
        return cls(np.eye(3), np.zeros(3), 0.0, empty, np.zeros(0), empty, bow_mm)

    @classmethod
    def drawn(cls, rng: np.random.Generator, *, scale: float = 1.0) -> Motion:
        """Draw a move as between two visits: up to 2.5 degrees, 8 mm, 6 to 14 mm of diaphragm, 1 to 2 mm of unevenness.

        Parameters
        ----------
        rng
            Source of chance.
        scale
            1 is an ordinary pair; 0 stands still. Above 2.5 the breathing might fold, so it is refused.
        """
        if not 0 <= scale <= 2.5:
            raise ValueError(f"motion scale must lie between 0 and 2.5, not {scale}")
        angles = np.deg2rad(rng.uniform(-2.5, 2.5, 3)) * scale
        directions = rng.standard_normal((8, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        lengths_mm = rng.uniform(60, 140, (8, 1))
        return cls(
            rotation=_rotation(angles),
            shift_lps_mm=rng.uniform(-8, 8, 3) * scale,
            descent_mm=float(rng.uniform(6, 14) * rng.choice([-1, 1]) * scale),
            wave_vectors=2 * np.pi * directions / lengths_mm,
            wave_phases=rng.uniform(0, 2 * np.pi, 8),
            # Amplitude in proportion to wavelength keeps the strain of every wave the same and small.
            wave_amplitudes_mm=rng.standard_normal((8, 3)) * 0.6 * scale * lengths_mm / 100,
        )

    def body_from_scan(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Carry points of this scan to the chest wall of the anatomy.

        Parameters
        ----------
        points_lps_mm : (..., 3)

        Returns
        -------
        (..., 3)
        """
        turned: NDArray[np.float64] = (np.asarray(points_lps_mm) - self.shift_lps_mm) @ self.rotation
        turned[..., 1] += self._bow_at_mm(turned[..., 2])
        return turned

    def tissue_from_scan(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Carry points of this scan to the lung tissue of the anatomy.

        Parameters
        ----------
        points_lps_mm : (..., 3)

        Returns
        -------
        (..., 3)
        """
        body = self.body_from_scan(points_lps_mm)
        return body + self._breathing_mm(body)

    def scan_from_body(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Carry points of the anatomy's chest wall to this scan, (..., 3) to (..., 3)."""
        bowed = np.array(points_lps_mm, dtype=np.float64)
        bowed[..., 1] -= self._bow_at_mm(bowed[..., 2])
        moved: NDArray[np.float64] = bowed @ self.rotation.T + self.shift_lps_mm
        return moved

    def scan_from_tissue(self, points_lps_mm: ArrayLike) -> NDArray[np.float64]:
        """Carry points of the anatomy's lung tissue to this scan; the inverse of :meth:`tissue_from_scan`.

        Parameters
        ----------
        points_lps_mm : (n, 3)

        Returns
        -------
        (n, 3)
        """
        tissue = np.asarray(points_lps_mm, dtype=np.float64)
        body = tissue.copy()
        for _ in range(INVERSION_STEPS):  # the breathing is a contraction, so this converges geometrically
            error = tissue - body - self._breathing_mm(body)
            body += error
            if np.abs(error).max(initial=0.0) < INVERSION_TOLERANCE_MM:
                return self.scan_from_body(body)
        raise ArithmeticError("breathing folds space: it cannot be undone")

    def _bow_at_mm(self, z_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.bow_mm * ((z_mm - BOW_MIDDLE_MM) / 100) ** 2

    def _breathing_mm(self, body: NDArray[np.float64]) -> NDArray[np.float64]:
        """Displacement from chest wall to tissue."""
        moved = np.zeros_like(body)
        moved[..., 2] = 0.5 * self.descent_mm * (1 - np.tanh((body[..., 2] - DESCENT_MIDDLE_MM) / DESCENT_LENGTH_MM))
        for wave, phase, amplitude in zip(self.wave_vectors, self.wave_phases, self.wave_amplitudes_mm, strict=True):
            moved += np.sin(body @ wave + phase)[..., None] * amplitude
        return moved


def _rotation(angles_rad: NDArray[np.float64]) -> NDArray[np.float64]:
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles_rad), np.sin(angles_rad)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    turned: NDArray[np.float64] = about_z @ about_y @ about_x
    return turned
