"""The words of the model with their signs: shape, word and colour always come together."""

from __future__ import annotations

from typing import Final, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

register = template.Library()


class Sign(NamedTuple):
    label: Promise
    icon: str
    tone: str = ""


COMPARISON: Final[dict[str, Sign]] = {
    "new": Sign(_("New"), "new"),
    "unchanged": Sign(_("Unchanged"), "equals"),
    "larger-slightly": Sign(_("Slightly larger"), "up"),
    "larger-markedly": Sign(_("Markedly larger"), "upup"),
    "smaller-slightly": Sign(_("Slightly smaller"), "down"),
    "smaller-markedly": Sign(_("Markedly smaller"), "downdown"),
    "obscured": Sign(_("Obscured"), "obscured"),
    "resolved": Sign(_("Resolved"), "gone"),
    "resected": Sign(_("Resected"), "resected"),
    "not-a-nodule": Sign(_("Not a nodule"), "cross"),
    "merged": Sign(_("Merged with another"), "joined"),
    "split": Sign(_("Split in two"), "forked"),
    "seen-in-retrospect": Sign(_("Seen in retrospect"), "seen"),
    "present": Sign(_("Present, size not compared"), "present"),
    "outside-field": Sign(_("Outside the scan"), "outside"),
    "not-assessable": Sign(_("Not assessable"), "slash"),
}
ATTENUATION: Final[dict[str, Promise]] = {
    "solid": _("solid"),
    "part_solid": _("part-solid"),
    "ground_glass": _("ground glass"),
}
LOBE: Final[dict[str, Promise]] = {
    "RUL": _("RUL"),
    "RML": _("RML"),
    "RLL": _("RLL"),
    "LUL": _("LUL"),
    "LINGULA": _("Lingula"),
    "LLL": _("LLL"),
}
CERTAINTY: Final[dict[str, Promise]] = {
    "stable": _("Stable decision"),
    "borderline": _("Borderline"),
    "either": _("Could go either way"),
}
TIER: Final[dict[str, Sign]] = {
    "H": Sign(_("High risk from delay"), ""),
    "M": Sign(_("Medium risk from delay"), ""),
    "L": Sign(_("Low risk from delay"), ""),
}


@register.simple_tag
def comparison_sign(word: str) -> Sign:
    """Give label and icon of a comparison word; an unknown word is a fault of ours and is not hidden."""
    return COMPARISON[word]


@register.filter
def attenuation_word(attenuation: str) -> Promise | str:
    return ATTENUATION[attenuation] if attenuation else ""


@register.filter
def lobe_word(lobe: str) -> Promise | str:
    """Give the usual letters of a lobe in the reader's language; what a person typed otherwise stays."""
    return LOBE.get(lobe.upper(), lobe)


@register.filter
def certainty_word(level: str) -> Promise:
    return CERTAINTY[level]


@register.filter
def tier_word(tier: str) -> Promise:
    return TIER[tier].label
