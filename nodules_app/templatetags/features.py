"""What was measured of a nodule besides its size, in words: each with its error and unit, or why it cannot be said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django import template
from django.utils.formats import number_format
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from nodules_app.templatetags.words import lobe_word

register = template.Library()

REASONS: Final = {
    "too_small": _("too small to tell"),
    "slices_too_thick": _("the slices are too thick to tell"),
    "not_solid": _("not told of ground glass"),
    "hollow": _("not told with air inside"),
    "on_the_wall": _("not told, too much of it lies on the wall"),
    "no_lungs": _("the lungs were not found"),
    "no_fissure": _("no fissure is seen there"),
}
PATTERNS: Final = {
    "central": _("central"),
    "diffuse": _("diffuse"),
    "laminated": _("laminated"),
    "popcorn": _("popcorn-like"),
    "eccentric": _("eccentric"),
}
AIRSPACES: Final = {"cavity": _("cavity"), "cystic_airspace": _("cystic airspace")}
SURE_ERRORS: Final = 2.0  # a share within two of its errors of none is called none

Said = list[float] | str


def _number(value: float, decimals: int) -> str:
    return number_format(round(value, decimals), decimals)  # which by itself cuts off and does not round


@register.filter
def feature_words(features: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Give pairs of a label and what was measured, in the order in which a report names them."""
    long_mm, short_mm = (_number(features[name], 1) for name in ("largest_long_mm", "largest_short_mm"))
    pairs = [
        (gettext("Lobe"), _lobe(features)),
        (gettext("To the pleura"), _distance(features["pleura_mm"])),
        (gettext("To the fissure"), _distance(features["fissure_mm"])),
        (gettext("On its largest plane"), f"{long_mm} × {short_mm} mm"),
        (gettext("Sphericity"), _figure(features["sphericity"], 2)),
        (gettext("Lobulation"), _percent(features["lobulation"])),
        (gettext("Calcium"), _share(features["calcified_share"], PATTERNS.get(features["calcium_pattern"]))),
        (gettext("Fat"), _share(features["fat_share"], None)),
    ]
    if features["airspace"]:
        pairs.append((gettext("Air inside"), _air(features)))
    return pairs


def _lobe(features: Mapping[str, Any]) -> str:
    if not features["lobe"]:
        return gettext("unknown: no fissure decides")
    percent = _number(100 * features["lobe_certainty"], 0)
    return gettext("%(lobe)s, %(percent)s %% sure") % {"lobe": lobe_word(features["lobe"]), "percent": percent}


def _figure(said: Said, decimals: int, unit: str = "") -> str:
    if isinstance(said, str):
        return str(REASONS[said])
    value, error = (_number(number, decimals) for number in said)
    return f"{value} ± {error}{unit}"


def _percent(said: Said) -> str:
    return _figure(said if isinstance(said, str) else [100 * number for number in said], 0, " %")


def _distance(said: Said) -> str:
    if not isinstance(said, str) and said[0] < said[1]:
        return pgettext("a nodule the pleura", "touches it")
    return _figure(said, 0, " mm")


def _share(said: Said, pattern: object) -> str:
    if isinstance(said, str):
        return str(REASONS[said])
    value, error = said
    if value <= SURE_ERRORS * error:
        return pgettext("calcium or fat", "none found")
    words = gettext("%(percent)s of the inside") % {"percent": _percent(said)}
    return f"{words}, {pattern}" if pattern else words


def _air(features: Mapping[str, Any]) -> str:
    return gettext("%(kind)s of %(volume)s mm³, wall %(wall)s") % {
        "kind": AIRSPACES[features["airspace"]],
        "volume": _number(features["air_mm3"], 0),
        "wall": _figure(features["wall_mm"], 1, " mm"),
    }
