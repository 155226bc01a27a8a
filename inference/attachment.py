"""What a nodule is joined to, told from the rays that found no border.

Rays that end at the wall: the wall's direction says which. Rays that went on into something: along a line it is a
vessel, over a plane a fissure. A structure too thin to be seen on this scan (a fissure on thick slices) is not
reported.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.neighbourhood import Floats
from inference.repeatability import Attachment
from inference.segment import Segmentation
from inference.star import ray_directions
from registration.volume import Volume

WALL_SHARE = 0.03  # of all rays: less than this is a touch within the blur
VESSEL_SHARE = 0.015
PLANE_SHARE = 0.12
FLAT_SHARE = 0.12  # smallest of the three second moments of the directions, of 1
BROAD_SHARE = 0.30  # second largest moment: a plane has two wide directions, a vessel one
DOWNWARD = 0.75  # cosine between the wall's normal and the feet
MEDIAL = 0.75


class KnowsMiddle(Protocol):
    """Lungs as far as attachment needs them: where the body's middle lies between both."""

    @property
    def middle_lps_mm(self) -> NDArray[np.float64]:
        """Point (3,) midway between both lungs."""


def attachments(
    volume: Volume, found: Segmentation, centre_lps_mm: ArrayLike, middle_lps_mm: ArrayLike | None
) -> tuple[Attachment, ...]:
    """Name what the nodule is joined to, most important first.

    Parameters
    ----------
    middle_lps_mm : (3,)
        A point midway between both lungs; without it a medial wall is called pleura, which it is as well.
    """
    named: list[Attachment] = []
    if found.wall is not None and float(found.rays.at_wall.mean()) >= WALL_SHARE:
        named.append(_which_wall(_lps_direction(volume, found.wall.outward), centre_lps_mm, middle_lps_mm))
    long = ray_directions()[found.rays.long]
    share = len(long) / len(found.rays.long)
    if share >= VESSEL_SHARE:
        named.append("fissure" if share >= PLANE_SHARE and _is_plane(long) else "vessel")
    return tuple(named)


def _lps_direction(volume: Volume, direction_zyx: Floats) -> Floats:
    along: Floats = np.asarray(volume.direction) @ direction_zyx[::-1]
    return along


def _which_wall(outward_lps: Floats, centre_lps_mm: ArrayLike, middle_lps_mm: ArrayLike | None) -> Attachment:
    if -outward_lps[2] > DOWNWARD:
        return "diaphragm"
    if middle_lps_mm is None:
        return "pleura"
    to_middle = (np.asarray(middle_lps_mm) - np.asarray(centre_lps_mm))[:2]
    cosine = float(outward_lps[:2] @ to_middle) / (float(np.linalg.norm(to_middle)) + 1e-9)
    return "mediastinum" if cosine > MEDIAL else "pleura"


def _is_plane(directions: Floats) -> bool:
    moments = np.linalg.eigvalsh(directions.T @ directions / len(directions))
    return bool(moments[0] < FLAT_SHARE and moments[1] > BROAD_SHARE)
