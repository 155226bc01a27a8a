"""The shape in which a nodule's numbers are stored, and the names of the ways in which they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from inference.measure import NoduleMeasurement
from inference.outline import outline_polygons_px
from inference.repeatability import METHOD_VERSION
from nodules_app.services import runs
from registration.errors import Refused

METHOD_NAME: Final = "star-35"
DRAWN_NAME: Final = "star-35, drawn"  # the machine's outline with a person's strokes
CALIPER_NAME: Final = "caliper"  # two axes that a person has laid
# A person's outline changes the machine's volume where it was drawn and nowhere else: both are on one scale.
SCALE: Final[Mapping[str, str]] = {DRAWN_NAME: METHOD_NAME}


def scale_of(method: str, version: str) -> str:
    """Name the scale of a measurement: only sizes on one scale are compared."""
    return f"{SCALE.get(method, method)} {version}"


def fields_of(outcome: NoduleMeasurement | Refused) -> dict[str, object]:
    """The columns of a measurement, or of a refusal in its place."""
    base: dict[str, object] = {"method": METHOD_NAME, "version": METHOD_VERSION}
    if isinstance(outcome, Refused):
        return base | {"refusal": runs.told(outcome)}
    return base | {
        "attenuation": outcome.attenuation,
        "volume_mm3": outcome.volume_mm3.value,
        "volume_sd_mm3": outcome.volume_mm3.standard_error,
        "mean_diameter_mm": outcome.mean_diameter_mm.value,
        "mean_diameter_sd_mm": outcome.mean_diameter_mm.standard_error,
        "long_axis_mm": outcome.long_axis_mm,
        "short_axis_mm": outcome.short_axis_mm,
        "solid_volume_mm3": outcome.solid_volume_mm3,
        "solid_mean_diameter_mm": outcome.solid_mean_diameter_mm,
        "mean_hu": outcome.mean_hu,
        "mass_mg": outcome.mass_mg,
        "attached_to": list(outcome.attached_to),
        "axial_index": outcome.axial_index,
        "outline_px": outline_polygons_px(outcome),
    }
