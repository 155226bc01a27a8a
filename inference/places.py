"""Where a nodule lies in the lung: its lobe, and how far its border is from pleura and fissure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.figure import Figure, Reason, Said, Unsaid
from inference.neighbourhood import Floats
from inference.repeatability import Attachment
from registration.lobes import Lobe, Lobes
from registration.lungs import Lungs

MASK_ERROR_MM: Final = 1.5  # half a voxel of the lungs' grid
WALLS: Final[frozenset[Attachment]] = frozenset({"pleura", "mediastinum", "diaphragm"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where a nodule lies.

    Parameters
    ----------
    lobe, lobe_certainty
        None and how far it fell short, where no fissure decides.
    pleura_mm, fissure_mm
        From the nodule's border to the nearest surface of the lung (rib cage, mediastinum or diaphragm), and to the
        nearest fissure that the scan shows; 0 when they touch.
    """

    lobe: Lobe | None
    lobe_certainty: float
    pleura_mm: Said
    fissure_mm: Said


def find_place(
    centre_lps_mm: Floats | tuple[float, float, float],
    radius_mm: float,
    attached_to: tuple[Attachment, ...],
    *,
    lungs: Lungs | None,
    lobes: Lobes | None,
) -> Place:
    """Place a nodule.

    Parameters
    ----------
    radius_mm
        From its centre to its border, on average.
    lungs, lobes
        Of the same scan, where they are known.
    """
    at_lobe = lobes.lobe_at(centre_lps_mm)[0] if lobes else None
    return Place(
        lobe=at_lobe.lobe if at_lobe else None,
        lobe_certainty=at_lobe.certainty if at_lobe else 0.0,
        pleura_mm=_pleura(centre_lps_mm, radius_mm, attached_to, lungs),
        fissure_mm=_fissure(centre_lps_mm, radius_mm, lobes),
    )


def _pleura(
    centre_lps_mm: Floats | tuple[float, float, float],
    radius_mm: float,
    attached_to: tuple[Attachment, ...],
    lungs: Lungs | None,
) -> Said:
    if WALLS.intersection(attached_to):
        return Figure(0.0, MASK_ERROR_MM)
    if lungs is None:
        return Unsaid(Reason.NO_LUNGS)
    under_mm = -float(lungs.distance_mm(np.asarray(centre_lps_mm)))
    return Figure(max(under_mm - radius_mm, 0.0), MASK_ERROR_MM)


def _fissure(centre_lps_mm: Floats | tuple[float, float, float], radius_mm: float, lobes: Lobes | None) -> Said:
    nearest = lobes.fissure_distance(centre_lps_mm)[0] if lobes else None
    if nearest is None:
        return Unsaid(Reason.NO_FISSURE)
    return Figure(max(nearest.distance_mm - radius_mm, 0.0), nearest.error_mm)
