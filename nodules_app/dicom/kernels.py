"""How sharp a reconstruction is, read from the name of its kernel; ``UNKNOWN`` is an answer.

Sources: Siemens, SOMATOM Sensation operating instructions (A60), body kernels: B10 and B20 are softer, B30 and B40
standard, B50 to B80 sharper. GE names say it themselves. Philips and Toshiba names are placed by their use in chest CT
(as in the NLST and Lung-PET-CT-Dx collections), not by a text of the vendor.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final


class Sharpness(StrEnum):
    """Smooth to sharp."""

    SOFT = "soft"
    STANDARD = "standard"
    LUNG = "lung"
    SHARP = "sharp"  # bone, edge, inner ear
    UNKNOWN = "unknown"


_BY_NAME: Final[dict[str, Sharpness]] = {
    "SOFT": Sharpness.SOFT,
    "SMOOTH": Sharpness.SOFT,
    "STANDARD": Sharpness.STANDARD,
    "STND": Sharpness.STANDARD,
    "CHEST": Sharpness.STANDARD,
    "DETAIL": Sharpness.STANDARD,
    "LUNG": Sharpness.LUNG,
    "BONE": Sharpness.SHARP,
    "BONEPLUS": Sharpness.SHARP,
    "EDGE": Sharpness.SHARP,
    "ULTRA": Sharpness.SHARP,
}
_PHILIPS: Final[dict[str, Sharpness]] = {
    "A": Sharpness.SOFT,
    "AA": Sharpness.SOFT,
    "B": Sharpness.STANDARD,
    "C": Sharpness.STANDARD,
    "D": Sharpness.LUNG,
    "E": Sharpness.SHARP,
    "L": Sharpness.LUNG,
    "YA": Sharpness.LUNG,
    "YB": Sharpness.LUNG,
    "YC": Sharpness.LUNG,
    "YD": Sharpness.LUNG,
}
# Siemens: letters for the body part, then a number that rises with sharpness (B30f, I50f, Br40d, Bl57, Qr44).
_SIEMENS: Final = re.compile(r"[BIHUQ][A-Z]?(\d{2})[A-Z]*")
# Toshiba and Canon: FC and a number, whose tens are families.
_TOSHIBA: Final = re.compile(r"FC(\d{2})")


def sharpness(manufacturer: str, kernel: str) -> Sharpness:
    r"""Class of a kernel.

    Parameters
    ----------
    manufacturer, kernel
        As in the header. A kernel of several values (``I30f\3``) is judged by its first.
    """
    name = kernel.split("\\", maxsplit=1)[0].strip().upper()
    maker = manufacturer.upper()
    if name in _BY_NAME:
        return _BY_NAME[name]
    if "SIEMENS" in maker and (match := _SIEMENS.fullmatch(name)):
        return _siemens(int(match[1]))
    if ("TOSHIBA" in maker or "CANON" in maker) and (match := _TOSHIBA.match(name)):
        return _toshiba(int(match[1]))
    if "PHILIPS" in maker:
        return _PHILIPS.get(name, Sharpness.UNKNOWN)
    return Sharpness.UNKNOWN


def _siemens(number: int) -> Sharpness:
    if number < 30:
        return Sharpness.SOFT
    if number < 48:
        return Sharpness.STANDARD
    return Sharpness.LUNG if number < 70 else Sharpness.SHARP


def _toshiba(number: int) -> Sharpness:
    families = {0: Sharpness.STANDARD, 1: Sharpness.STANDARD, 3: Sharpness.SHARP, 5: Sharpness.LUNG, 8: Sharpness.SHARP}
    return families.get(number // 10, Sharpness.UNKNOWN)
