"""What a nodule is joined to, told from the rays that found no border.

Rays that end at the wall: the wall's direction says which. Rays that went on into something: along a line it is a
vessel, over a plane a fissure. A structure too thin to be seen on this scan (a fissure on thick slices) is not
reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from inference.neighbourhood import Floats
from inference.repeatability import Attachment
from inference.segment import Segmentation
from inference.star import ray_directions
from registration.volume import Volume

if TYPE_CHECKING:
    from registration.lungs import Lungs

WALL_SHARE = 0.03  # of all rays: less than this is a touch within the blur
VESSEL_SHARE = 0.012  # of all rays; on isolated phantoms no ray leaks at all
PLANE_SHARE = 0.12
FLAT_SHARE = 0.12  # smallest of the three second moments of the directions, of 1
BROAD_SHARE = 0.30  # second largest moment: a plane has two wide directions, a vessel one
DOWNWARD = 0.75  # cosine between the wall's normal and the feet
MEDIAL = 0.75


def attachments(
    volume: Volume, found: Segmentation, centre_lps_mm: Floats, lungs: Lungs | None
) -> tuple[Attachment, ...]:
    """Name what the nodule is joined to, most important first.

    Parameters
    ----------
    centre_lps_mm : (3,)
    lungs
        Of this scan; without them a medial wall is called pleura, which it is as well.
    """
    named: list[Attachment] = []
    if found.wall is not None and float(found.rays.at_wall.mean()) >= WALL_SHARE:
        named.append(_which_wall(_lps_direction(volume, found.wall.outward), centre_lps_mm, lungs))
    if float(found.rays.long.mean()) >= VESSEL_SHARE:
        # A vessel along the nodule's side spoils a plane of rays, too; what its course has told is no fissure.
        open_plane = ray_directions()[found.rays.long & ~found.rays.vessel]
        flat = len(open_plane) >= PLANE_SHARE * len(found.rays.long) and _is_plane(open_plane)
        named.append("fissure" if flat else "vessel")
    return tuple(named)


def _lps_direction(volume: Volume, direction_zyx: Floats) -> Floats:
    along: Floats = np.asarray(volume.direction) @ direction_zyx[::-1]
    return along


def _which_wall(outward_lps: Floats, centre_lps_mm: Floats, lungs: Lungs | None) -> Attachment:
    if -outward_lps[2] > DOWNWARD:
        return "diaphragm"
    if lungs is None or not lungs.right_ml or not lungs.left_ml:
        return "pleura"
    to_middle = (_middle_lps_mm(lungs) - centre_lps_mm)[:2]
    cosine = float(outward_lps[:2] @ to_middle) / (float(np.linalg.norm(to_middle)) + 1e-9)
    return "mediastinum" if cosine > MEDIAL else "pleura"


def _is_plane(directions: Floats) -> bool:
    moments = np.linalg.eigvalsh(directions.T @ directions / len(directions))
    return bool(moments[0] < FLAT_SHARE and moments[1] > BROAD_SHARE)


def _middle_lps_mm(lungs: Lungs) -> Floats:
    """Point midway between the centres of both lungs."""
    centres = [np.argwhere(lungs.mask == side).mean(axis=0) for side in (1, 2)]  # right, left
    along = (np.mean(centres, axis=0) * lungs.spacing_zyx_mm)[::-1]
    middle: Floats = np.asarray(lungs.direction) @ along + np.asarray(lungs.origin_lps_mm)
    return middle
