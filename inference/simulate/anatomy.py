"""The large shapes of one simulated chest as signed distances in mm, negative inside.

All functions take points of the prior scan, (..., 3) in LPS mm about the middle of the chest, and are smooth enough
to be computed on nodes some millimetres apart. Measures are those of an adult; a seed varies them from patient to
patient.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.simulate.grid import Floats

Points = NDArray[np.floating]

CAVITY_POWER = 2.25
UNEVEN_MM, UNEVEN_WAVES = 2.2, 6
SPINE_CENTRE_Y_MM = 58.0
SPINE_RADII_XY_MM = (19.0, 16.0)


class Lobe(StrEnum):
    """The five lobes (RadLex: lobe of lung)."""

    RIGHT_UPPER = "right upper lobe"
    RIGHT_MIDDLE = "right middle lobe"
    RIGHT_LOWER = "right lower lobe"
    LEFT_UPPER = "left upper lobe"
    LEFT_LOWER = "left lower lobe"


LOBES: tuple[Lobe, ...] = tuple(Lobe)


def smooth_union(first: Floats, second: Floats, radius_mm: float) -> Floats:
    """Union of two shapes whose edge is filleted with about ``radius_mm``."""
    blend = np.clip(0.5 + 0.5 * (second - first) / radius_mm, 0, 1)
    joined: Floats = second + (first - second) * blend - radius_mm * blend * (1 - blend)
    return joined


def ellipsoid_mm(points: Points, centre: tuple[float, float, float], radii: tuple[float, float, float]) -> Floats:
    """Signed distance to an ellipsoid, exact on its surface and to first order near it."""
    scaled = (points - np.asarray(centre, np.float32)) / np.asarray(radii, np.float32)
    level = np.sqrt(np.einsum("...i,...i", scaled, scaled))
    slope = scaled / np.asarray(radii, np.float32)
    gradient = np.sqrt(np.einsum("...i,...i", slope, slope))
    distance: Floats = (level * (level - 1) / np.maximum(gradient, 1e-6)).astype(np.float32)
    return np.where(level < 0.05, np.float32(-min(radii)), distance)


def oval_mm(x: Floats, y: Floats, half_width: Floats | float, half_depth: Floats | float, power: float) -> Floats:
    """Signed distance, to first order, to a superellipse in each axial plane."""
    u, v = np.abs(x) / half_width, np.abs(y) / half_depth
    level = (u**power + v**power) ** (1 / power)
    safe = np.maximum(level, 1e-3)
    gradient = np.hypot((u / safe) ** (power - 1) / half_width, (v / safe) ** (power - 1) / half_depth)
    distance: Floats = ((level - 1) / np.maximum(gradient, 1e-6)).astype(np.float32)
    return distance


@dataclass(frozen=True, slots=True)
class Anatomy:
    """The measures of one person; defaults are the average of those that :meth:`drawn` varies."""

    half_width_mm: float = 127.0  # of the thoracic cavity at its widest
    half_depth_mm: float = 90.0
    apex_z_mm: float = 126.0
    dome_right_z_mm: float = -62.0
    dome_left_z_mm: float = -74.0
    heart_radius_mm: float = 50.0
    fat_mm: float = 12.0  # under the skin
    muscle: float = 1.0
    unevenness_seed: int = 0  # source of what makes left and right differ

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Anatomy:
        """Draw another person."""
        return cls(
            half_width_mm=rng.uniform(121, 132),
            half_depth_mm=rng.uniform(85, 96),
            apex_z_mm=rng.uniform(122, 129),
            dome_right_z_mm=rng.uniform(-66, -58),
            dome_left_z_mm=rng.uniform(-80, -70),
            heart_radius_mm=rng.uniform(46, 53),
            fat_mm=rng.uniform(8, 17),
            muscle=rng.uniform(0.85, 1.15),
            unevenness_seed=int(rng.integers(1 << 31)),
        )

    def uneven(self, points: Points) -> Floats:
        """Coordinates in which the even shapes below become those of a person: moved by smooth waves of 2 to 3 mm.

        Parameters
        ----------
        points : (..., 3)

        Returns
        -------
        (..., 3)
        """
        rng = np.random.default_rng(self.unevenness_seed)
        moved = np.array(points, dtype=np.float32)
        for _ in range(UNEVEN_WAVES):
            wave = rng.standard_normal(3)
            wave *= 2 * np.pi / (rng.uniform(70, 170) * np.linalg.norm(wave))
            push = rng.standard_normal(3) * UNEVEN_MM * np.sqrt(2 / UNEVEN_WAVES)
            ripple = np.sin(points @ wave.astype(np.float32) + np.float32(rng.uniform(0, 2 * np.pi)))
            moved += ripple[..., None] * push.astype(np.float32)
        return moved

    def cavity_mm(self, points: Points) -> Floats:
        """Inner surface of the rib cage."""
        x, y, z = _split(points)
        width, depth, back = self.cavity_oval_mm(z)
        return oval_mm(x, y - back, width, depth, CAVITY_POWER)

    def cavity_oval_mm(self, z_mm: ArrayLike) -> tuple[Floats, Floats, Floats]:
        """Half width, half depth and centre (y) of the rib cage at a height."""
        rise = np.clip((np.asarray(z_mm, np.float32) + 5) / (self.apex_z_mm + 8), 0, 1.1)
        width = self.half_width_mm * (1 - 0.52 * rise**2.2)
        depth = self.half_depth_mm * (1 - 0.42 * rise**2.0)
        return width, depth, 2 + 16 * rise**1.5

    def diaphragm_mm(self, points: Points) -> Floats:
        """The abdomen: negative below the domes."""
        x, y, z = _split(points)
        top = np.full(x.shape, -170.0, np.float32)
        for side, peak in ((-1, self.dome_right_z_mm), (1, self.dome_left_z_mm)):
            u, v = (x - side * 62) / 62, (y + 16) / 84
            outwards = np.maximum(side * u, 0)
            away2 = u * u + v * v
            # Steeper outwards and towards the back, where the costophrenic angles are deepest.
            fall = 12 * (np.sqrt(1 + 3.2 * away2) - 1) + 7 * away2**2 + 16 * outwards**3 + 17 * np.maximum(v, 0) ** 2
            top = -smooth_union(-top, -(peak - fall).astype(np.float32), 14.0)
        distance: Floats = ((z - top) * np.float32(0.72)).astype(np.float32)
        return distance

    def heart_mm(self, points: Points) -> Floats:
        """Ventricles and atria."""
        r = self.heart_radius_mm
        turned = points @ _HEART_AXES.T.astype(np.float32)
        x, y, z = _HEART_AXES @ np.array([22.0, -32.0, -52.0])
        ventricles = ellipsoid_mm(turned, (x, y, z), (1.24 * r, 0.84 * r, 0.90 * r))
        atrium = ellipsoid_mm(points, (-20.0, -22.0, -40.0), (0.60 * r, 0.72 * r, 0.92 * r))
        left_atrium = ellipsoid_mm(points, (4.0, 10.0, -24.0), (0.74 * r, 0.42 * r, 0.5 * r))
        return smooth_union(smooth_union(ventricles, atrium, 10.0), left_atrium, 8.0)

    def spine_mm(self, points: Points) -> Floats:
        """Vertebral bodies as one column."""
        x, y, _ = _split(points)
        return oval_mm(x, y - SPINE_CENTRE_Y_MM, *SPINE_RADII_XY_MM, 2.3)

    def beside_spine_mm(self, points: Points) -> Floats:
        """What the lungs lean on beside the spine: soft tissue, and the ribs that run back and outwards."""
        x, y, _ = _split(points)
        wedge = (np.abs(x) - 17 - 0.62 * (y - 60)) * np.float32(0.85)
        wedge = np.maximum(wedge, 55 - y).astype(np.float32)
        return smooth_union(self.spine_mm(points) - 4.0, wedge, 9.0)

    def septum_mm(self, points: Points) -> Floats:
        """The space between the lungs that fat and small structures hold open, thin in front."""
        x, y, z = _split(points)
        high = np.clip((z - 35) / 60, 0, 1)
        width = 2.5 + (16 + 9 * high) * np.exp(-(((y - 2 - 8 * high) / 34) ** 2))
        width += 24 * np.exp(-(((y + self.half_depth_mm + 4) / 13) ** 2))  # behind the breastbone
        width += 30 * np.clip((z - 66) / 40, 0, 1) * np.exp(-(((y + 44) / 34) ** 2))  # great veins before the apices
        shift = 9 * np.exp(-(((y + 55) / 30) ** 2)) * np.clip((40 - z) / 60, 0, 1)
        distance: Floats = ((np.abs(x - shift) - width) * np.float32(0.85)).astype(np.float32)
        return distance

    def apex_mm(self, points: Points) -> Floats:
        """Above the rounded tops of both lungs: positive."""
        x, y, z = _split(points)
        away2 = ((np.abs(x) - 46) / 56) ** 2 + ((y - 20) / 62) ** 2
        top = self.apex_z_mm + 26 - 26 * np.sqrt(1 + 3.0 * away2)
        slope = 1 + 1.1 * np.minimum(away2, 1.5)
        distance: Floats = ((z - top) / np.sqrt(slope)).astype(np.float32)
        return distance

    def lobe_index(self, points: Points) -> NDArray[np.int8]:
        """Number of the lobe in ``LOBES`` that a lung point belongs to, (...)."""
        oblique, horizontal = self.fissures_mm(points)
        right = points[..., 0] < 0
        index = np.where(right, np.where(oblique > 0, 2, np.where(horizontal > 0, 0, 1)), np.where(oblique > 0, 4, 3))
        return index.astype(np.int8)

    def fissures_mm(self, points: Points) -> tuple[Floats, Floats]:
        """Distance behind the oblique fissure, and above the horizontal one (which only the right lung has).

        Returns
        -------
        (...), (...)
            Positive in the lower lobe; positive in the right upper lobe.
        """
        x, y, z = _split(points)
        left = x > 0
        # From high behind (fourth thoracic vertebra) to low in front (sixth costochondral junction), slightly curved.
        high = np.where(left, 66.0, 58.0)
        bow = 7 * np.sin((np.abs(x) - 60) / 38) + 5 * np.sin(y / 40 + 0.6)
        oblique = 0.74 * (y + bow - 62) - 0.67 * (z - high)
        horizontal = z - 8 - 5 * np.sin(x / 30) + 0.10 * (y + 30)
        return oblique.astype(np.float32), horizontal.astype(np.float32)


_TURN = np.deg2rad(32.0)  # the apex of the heart points to the left and forward
_TILT = np.deg2rad(28.0)  # and down
_HEART_AXES = np.array([[np.cos(_TILT), 0, -np.sin(_TILT)], [0, 1, 0], [np.sin(_TILT), 0, np.cos(_TILT)]]) @ np.array(
    [[np.cos(_TURN), -np.sin(_TURN), 0], [np.sin(_TURN), np.cos(_TURN), 0], [0, 0, 1]]
)


def _split(points: Points) -> tuple[Floats, Floats, Floats]:
    moved = np.asarray(points, np.float32)
    return moved[..., 0], moved[..., 1], moved[..., 2]
