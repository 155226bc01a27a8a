"""What DICOM objects measure, in the words of a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from django import template
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from nodules_app.selectors.objects import ReportedLine

register = template.Library()

QUANTITIES: Final[Mapping[str, Promise | str]] = {
    "volume_mm3": _("Volume"),
    "mean_diameter_mm": _("Mean diameter"),
    "long_axis_mm": _("Long axis"),
    "short_axis_mm": _("Short axis"),
    "mean_hu": _("Mean attenuation"),
    "mass_mg": _("Mass"),
    "solid_volume_mm3": _("Volume of the solid part"),
    "solid_mean_diameter_mm": _("Mean diameter of the solid part"),
    "volume_change_percent": _("Change of volume since the prior exam"),
    "vdt_days": _("Volume doubling time"),
    "interval_days": _("Interval to the prior exam"),
}


@register.filter
def quantity_word(line: ReportedLine) -> Promise | str:
    """Name a quantity: in our words where its code is known, else in those of its author."""
    return QUANTITIES.get(line.quantity, line.quantity) if line.is_known else line.quantity
