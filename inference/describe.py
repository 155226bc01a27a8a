"""Everything that words say of a measured nodule, put together: shape, content and place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from inference.content import Content, describe_content
from inference.figure import Figure, Reason, Said, Unsaid
from inference.measure import NoduleMeasurement
from inference.occupancy import occupancy
from inference.places import Place, find_place
from inference.shape import Shape, describe_shape
from registration.lobes import Lobes

METHOD_VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Description:
    """What a nodule looks like, what it holds and where it lies."""

    shape: Shape
    content: Content
    place: Place

    def as_json(self) -> dict[str, object]:
        """Plain values: ``[value, standard error]`` for a figure, the reason for what cannot be said."""
        shape, content, place = self.shape, self.content, self.place
        return {
            "version": METHOD_VERSION,
            "sphericity": _plain(shape.sphericity),
            "lobulation": _plain(shape.lobulation),
            "spicules": _plain(shape.spiculation),
            "strands_going_on": shape.going_on,
            "largest_long_mm": round(shape.largest_long_mm, 1),
            "largest_short_mm": round(shape.largest_short_mm, 1),
            "calcified_share": _plain(content.calcified_share),
            "calcium_pattern": content.calcium_pattern,
            "fat_share": _plain(content.fat_share),
            "airspace": content.airspace,
            "air_mm3": None if content.air_mm3 is None else round(content.air_mm3, 1),
            "wall_mm": None if content.wall_mm is None else _plain(content.wall_mm),
            "lobe": place.lobe,
            "lobe_certainty": round(place.lobe_certainty, 3),
            "pleura_mm": _plain(place.pleura_mm),
            "fissure_mm": _plain(place.fissure_mm),
        }


def describe_nodule(measured: NoduleMeasurement, lobes: Lobes | None = None) -> Description:
    """Describe a measured nodule.

    Parameters
    ----------
    lobes
        Of the scan that it was measured on, when they were looked for.
    """
    border, slice_mm = measured.border, measured.scan.slice_mm
    filled = occupancy(border)
    content = describe_content(border, filled, measured.attenuation, slice_mm)
    shape = describe_shape(border, filled, slice_mm)
    if content.airspace is not None:  # a hole can turn the border inwards, and then it shapes nothing
        hollow = Unsaid(Reason.HOLLOW)
        shape = replace(shape, sphericity=hollow, lobulation=hollow, spiculation=hollow, going_on=None)
    place = find_place(
        measured.centre_lps_mm,
        float(border.star.ray_radii_mm().mean()),
        measured.attached_to,
        lungs=measured.scan.lungs,
        lobes=lobes,
    )
    return Description(shape, content, place)


def _plain(said: Said) -> list[float] | str:
    if isinstance(said, Figure):
        return [round(said.value, 3), round(said.standard_error, 3)]
    return said.reason.value
