"""What lies around the thoracic cavity: skin, fat, muscle, ribs, breastbone, shoulder girdle, spine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from inference.simulate.anatomy import CAVITY_POWER, SPINE_CENTRE_Y_MM, Anatomy, Points, oval_mm, smooth_union
from inference.simulate.grid import Floats
from inference.simulate.tubes import Tubes

VERTEBRA_HEIGHT_MM = 24.0
SHOULDER_MM = 44.0
RIB_RADIUS_MM = 3.5
RIB_FLATTENING = 1.7
CORTEX_MM = 1.1
MUSCLE_BETWEEN_RIBS_MM = 10.5


def body_mm(anatomy: Anatomy, points: Points) -> Floats:
    """Skin surface: arms raised, so the shoulders widen the top."""
    x, y, z = (points[..., axis].astype(np.float32) for axis in range(3))
    shoulder = _shoulder(z)
    turn = np.arctan2(np.abs(x), -(y - 6))
    width = anatomy.half_width_mm + 16 + anatomy.fat_mm + SHOULDER_MM * shoulder
    depth = anatomy.half_depth_mm + 16 + 0.8 * anatomy.fat_mm - 16 * shoulder
    outline = oval_mm(x, y - 10 - 6 * shoulder, width, depth, 2.35)
    chest = np.exp(-(((turn - 0.62) / 0.36) ** 2)) * np.exp(-(((z - 22) / 46) ** 2))
    flank = np.exp(-(((turn - 2.2) / 0.3) ** 2)) * np.exp(-(((z - 30) / 70) ** 2))
    groove = np.exp(-((x / 12) ** 2)) * (y > 0)  # over the spinous processes
    skin: Floats = (outline - 7 * chest - 5 * flank + 4 * groove).astype(np.float32)
    return skin


def muscle_mm(anatomy: Anatomy, points: Points, cavity_mm: Floats, body_mm: Floats) -> Floats:
    """All muscle of the wall as one shape: between the ribs, breast, flank, shoulder and along the spine."""
    x, y, z = (points[..., axis].astype(np.float32) for axis in range(3))
    turn = np.arctan2(np.abs(x), -(y - 6))  # 0 in front, pi at the back
    chest = 15 * np.exp(-(((turn - 0.75) / 0.42) ** 2)) * np.exp(-(((z - 55) / 48) ** 2))
    flank = 11 * np.exp(-(((turn - 2.05) / 0.40) ** 2)) * np.exp(-(((z - 10) / 75) ** 2))
    shoulder = 1.15 * SHOULDER_MM * _shoulder(z) * np.exp(-(((turn - 1.8) / 0.95) ** 2))
    trapezius = 9 * np.exp(-(((turn - 2.8) / 0.3) ** 2)) * np.clip((z + 20) / 80, 0, 1)
    thickness = MUSCLE_BETWEEN_RIBS_MM + anatomy.muscle * (chest + flank + shoulder + trapezius)
    wall = cavity_mm - thickness
    erector = oval_mm(np.abs(x) - 26, y - 100, 22.0 * anatomy.muscle, 13.0 * anatomy.muscle, 2.2)
    under_skin = body_mm + 0.75 * anatomy.fat_mm
    muscle: Floats = np.maximum(smooth_union(wall, erector, 5.0), under_skin)
    return muscle


def sternum_mm(anatomy: Anatomy, points: Points) -> Floats:
    """Manubrium and body of the breastbone."""
    x, y, z = (points[..., axis].astype(np.float32) for axis in range(3))
    _, depth, back = anatomy.cavity_oval_mm(z)
    front = back - depth - 6
    width = np.where(z > 62, 15 + 11 * np.clip((z - 62) / 20, 0, 1), 15 + 3 * np.clip((10 - z) / 60, 0, 1))
    flat = oval_mm(x, y - front, width, 5.8, 2.8)
    ends = np.maximum(z - 92, -70 - z)
    joint = 2.0 - np.abs(z - 60)  # between manubrium and body
    plate: Floats = np.maximum(np.maximum(flat, ends), joint).astype(np.float32)
    return plate


def ribs(anatomy: Anatomy) -> tuple[Tubes, Tubes]:
    """Bony ribs, and their cartilage in front."""
    bone, cartilage = [], []
    for number in range(11):
        head_z = 126.0 - VERTEBRA_HEIGHT_MM * number
        drop = 34 + 6.5 * min(number, 7)
        reach = 0.74 if number < 9 else 0.55
        for side in (-1, 1):
            share = np.linspace(0.13, reach, 26)
            arc = _around(anatomy, side, share, head_z + 5 - drop * share**1.15, RIB_RADIUS_MM + 2.2)
            joint = np.array([[side * 19.0, SPINE_CENTRE_Y_MM + 8, head_z + 4], [side * 31.0, 88.0, head_z + 5]])
            line = np.concatenate([joint, arc])
            radii = np.full(len(line), RIB_RADIUS_MM) * np.linspace(1.0, 1.12, len(line))
            bone.append(Tubes.along(line, radii, RIB_FLATTENING))
            if number < 7:
                target = np.array([side * 15.0, *_front(anatomy, 80.0 - 19 * number)])
                bow = np.linspace(0, 1, 8)[:, None]
                knee = 0.5 * (arc[-1] + target) + np.array([0, -5.0, -12.0 - 2 * number])
                curve = (1 - bow) ** 2 * arc[-1] + 2 * bow * (1 - bow) * knee + bow**2 * target
                cartilage.append(Tubes.along(curve, np.full(8, RIB_RADIUS_MM + 0.6), RIB_FLATTENING))
    return Tubes.joined(bone), Tubes.joined(cartilage)


def shoulder_girdle(anatomy: Anatomy) -> Tubes:
    """Collar bones and shoulder blades, the blades as stacked strips."""
    parts = []
    for side in (-1, 1):
        y, z = _front(anatomy, 92.0)
        clavicle = np.array(
            [
                [side * 16, y - 3, z + 2],
                [side * 45, y + 4, z + 14],
                [side * 85, y + 30, z + 22],
                [side * 150, y + 55, z + 30],
            ]
        )
        parts.append(Tubes.along(clavicle, np.array([7.0, 5.5, 5.0, 5.5]), 1.3))
        for height in np.arange(8.0, 130.0, 4.0):
            grown = np.clip((height - 4) / 70, 0.1, 1)
            share = np.linspace(0.235 + 0.05 * (1 - grown), 0.235 + 0.19 * grown, 7)
            strip = _around(anatomy, side, share, np.full(7, height), 19.0 + 8 * np.clip((height - 60) / 60, 0, 1))
            thick = np.array([2.2, 1.5, 1.3, 1.4, 1.8, 2.8, 3.4])
            parts.append(Tubes.along(strip, thick, 1.8))
    return Tubes(
        np.concatenate([p.starts_lps_mm for p in parts]),
        np.concatenate([p.ends_lps_mm for p in parts]),
        np.concatenate([p.start_radii_mm for p in parts]),
        np.concatenate([p.end_radii_mm for p in parts]),
        1.5,
    )


def vertebral_arches() -> Tubes:
    """Pedicles, laminae, transverse and spinous processes."""
    parts = []
    for number in range(-8, 8):
        z = 126.0 - VERTEBRA_HEIGHT_MM * (number + 0.5)
        spinous = np.array([[0, 91, z - 2], [0, 104, z - 12], [0, 115, z - 22]])
        parts.append(Tubes.along(spinous, np.array([3.2, 2.6, 4.0]), RIB_FLATTENING))
        for side in (-1, 1):
            arch = np.array([[side * 11, 70, z + 5], [side * 12.5, 82, z + 3], [side * 7, 89, z], [0, 92, z - 4]])
            parts.append(Tubes.along(arch, np.array([3.4, 3.6, 3.0, 3.2]), RIB_FLATTENING))
            process = np.array([[side * 12, 82, z + 4], [side * 29, 90, z + 6]])
            parts.append(Tubes.along(process, np.array([3.0, 2.4]), RIB_FLATTENING))
    return Tubes.joined(parts)


def _shoulder(z_mm: Floats) -> Floats:
    """How far a level belongs to the shoulders, 0 to 1, smooth at both ends."""
    rise = np.clip((z_mm - 25) / 115, 0, 1)
    share: Floats = (rise * rise * (3 - 2 * rise)).astype(np.float32)
    return share


def _around(
    anatomy: Anatomy, side: int, share: NDArray[np.float64], z_mm: NDArray[np.float64], outside_mm: float
) -> NDArray[np.float64]:
    """Points outside the rib cage; share 0 is the back in the middle, 1 the front; (n, 3)."""
    width, depth, back = anatomy.cavity_oval_mm(z_mm)
    angle = np.pi * (1 - share)
    across = np.sin(angle) ** (2 / CAVITY_POWER)
    along = -np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / CAVITY_POWER)
    return np.stack([side * (width + outside_mm) * across, back + (depth + outside_mm) * along, z_mm], axis=1)


def _front(anatomy: Anatomy, z_mm: float) -> tuple[float, float]:
    """Place (y, z) of the breastbone at a height."""
    _, depth, back = anatomy.cavity_oval_mm(z_mm)
    return float(back - depth - 6), z_mm
