"""How the risk page says what each input did to a probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.risk.combine import Move
from nodules_app.clinical.risk.layers import BLOOD, PET, PUBLISHED, Layers
from nodules_app.templatetags.outcomes import STEP
from nodules_app.templatetags.patients import guideline_name
from nodules_app.templatetags.recommendations import MODEL, percent_of
from nodules_app.templatetags.what_if import MISSING

register = template.Library()

NAMES: Final[Mapping[str, Promise]] = {
    "size": _("Size"),
    "attenuation": _("Density"),
    "nodule_count": _("Number of nodules"),
    PET: _("PET-CT"),
    BLOOD: _("CEA in the blood"),
}
VALUES: Final[Mapping[tuple[str, str], Promise]] = {
    (PET, "positive"): _("uptake above the blood pool"),
    (PET, "negative"): _("uptake not above the blood pool"),
    (BLOOD, "positive"): _("above the laboratory's limit"),
    (BLOOD, "negative"): _("not above the laboratory's limit"),
}
SOURCES: Final[Mapping[str, Promise]] = {
    PET: _("PET-CT: 21 studies of solitary nodules, Li et al., Medicine 2018;97 (PMC5895332)."),
    BLOOD: _("CEA: 11 studies, 2,760 patients, Acta Clin Belg 2020, doi 10.1080/17843286.2020.1797330."),
}


class Row(NamedTuple):
    """One line: what it is, by how much it multiplied the odds, and the probability after it."""

    name: str
    note: str
    times: str
    percent: str
    raises: bool = False
    lowers: bool = False
    is_sum: bool = False


@register.filter
def layer_rows(found: Layers) -> list[Row]:
    """From the reference nodule over the published model to the answer."""
    reference = gettext(
        "4 mm, solid, smooth, not in an upper lobe, one of four, of a man of 62 who never smoked; no other risk"
    )
    rows = [Row(gettext("A nodule to begin with"), reference, "", percent_of(str(found.start_probability)))]
    rows += [_moved(move, "") for move in found.moves]
    rows.append(_sum(MODEL[found.base.model], gettext("as published"), found.base.probability))
    if found.corrected_here:
        rows.append(
            _sum(gettext("Corrected here"), gettext("by this clinic's outcomes"), found.combined.base_probability)
        )
    rows += [_moved(move, _value(move)) for move in found.combined.moves]
    if found.combined.moves:
        rows.append(_sum(gettext("Together"), _interval(found), found.combined.probability))
    return rows


def _moved(move: Move, note: str) -> Row:
    times = move.log_odds.exp()
    words = f"× {times:.2g}" if times < 10 else f"× {times:.0f}"
    raises = move.log_odds > 0
    return Row(_name(move.name), note, words, percent_of(str(move.probability_after)), raises, not raises)


def _sum(name: str, note: str, probability: Decimal | None) -> Row:
    return Row(name, note, "", percent_of(str(probability)), is_sum=True)


def _name(name: str) -> str:
    return str(NAMES.get(name) or MISSING[name])


def _value(move: Move) -> str:
    one = PUBLISHED[move.name][str(move.value)]
    return f"{VALUES[move.name, str(move.value)]} · {one.low_ratio} – {one.high_ratio}"


def _interval(found: Layers) -> str:
    low, high = percent_of(str(found.low_probability)), percent_of(str(found.high_probability))
    return gettext("%(low)s to %(high)s, by the errors of the ratios") % {"low": low, "high": high}


@register.filter
def layers_statement(found: Layers) -> str:
    """The answer and where it points, in a sentence."""
    said = {
        "percent": percent_of(str(found.combined.probability)),
        "guideline": guideline_name(found.guideline),
        "step": STEP[found.step],
    }
    return gettext("%(percent)s. By the limits of %(guideline)s this points to: %(step)s.") % said


@register.filter
def input_names(names: Sequence[str]) -> str:
    """Name inputs."""
    return gettext(", ").join(_name(name) for name in names)


@register.filter
def layer_sources(found: Layers) -> list[str]:
    """Where the ratios that were used come from."""
    return [str(SOURCES[move.name]) for move in found.combined.moves]
