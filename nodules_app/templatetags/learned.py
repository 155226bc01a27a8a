"""What learned models said, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.selectors.timeline import Change
from nodules_app.services.learned import GrowthSaid, Look, LooksSaid

if TYPE_CHECKING:  # a floor's neighbour: only its shape is used here
    from nodules_app.charts.pairs import NoduleRow

register = template.Library()

COURSE: Final[Mapping[str, Promise]] = {
    "grown": _("larger by more than a quarter"),
    "stable": _("within a quarter of what it was"),
    "shrunk": _("smaller by more than a quarter"),
}


@register.filter
def said_of(learned: Mapping[UUID, GrowthSaid], change: Change | None) -> GrowthSaid | None:
    """Find what the model in use said of a change."""
    return learned.get(change.match) if change is not None else None


LOOK: Final[Mapping[str, Promise]] = {
    "solid": _("solid"),
    "part_solid": _("part-solid"),
    "ground_glass": _("ground glass"),
    "lobulation": _("Lobulated"),
    "spiculation": _("Spiculated"),
    "calcification": _("Calcified"),
    "cavity": _("Cavity"),
    "pleural_tag": _("Tag to the pleura"),
}
TOWARDS: Final[Mapping[str, Promise]] = {
    "left": _("towards the patient's left"),
    "right": _("towards the patient's right"),
    "back": _("towards the back"),
    "front": _("towards the front"),
    "head": _("towards the head"),
    "feet": _("towards the feet"),
}
IN_THE_MIDDLE_MM: Final = 1.5


@register.filter
def looks_of(looks: Mapping[UUID, LooksSaid], row: NoduleRow) -> LooksSaid | None:
    """Find what the model in use said of a nodule on its latest scan."""
    seen = row.current if row.current is not None and row.current.present else row.prior
    return looks.get(seen.code) if seen is not None else None


@register.filter
def look_word(name: str) -> str:
    """Name what a network speaks of."""
    return str(LOOK[name])


@register.filter
def region_words(look: Look) -> str:
    """Say in words what the drawing shows: where that lies which speaks for it most."""
    if look.region is None:
        return ""
    if look.region.offset_mm < IN_THE_MIDDLE_MM:
        return gettext("its middle speaks for it most")
    said = {"mm": f"{look.region.offset_mm:.0f}", "towards": TOWARDS[look.region.towards]}
    return gettext("what speaks for it most lies %(mm)s mm from its middle, %(towards)s") % said


@register.filter
def course_words(course: str) -> str:
    """Say what a network holds for likeliest."""
    return str(COURSE[course])
