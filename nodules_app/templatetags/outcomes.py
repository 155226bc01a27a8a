"""Outcomes of nodules, corrections of risk models, and what a probability points to, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference.validation.calibration import Coefficient
from inference.validation.discrimination import Share
from nodules_app.clinical.risk.steps import STEPS
from nodules_app.models import Diagnosis, KnownBy, RiskCorrection
from nodules_app.selectors.patients import Answer
from nodules_app.selectors.risk_outcomes import Told
from nodules_app.services.recalibration import Corrected, curve_of
from nodules_app.templatetags.patients import guideline_name
from nodules_app.templatetags.quantities import rounded
from nodules_app.templatetags.recommendations import MODEL, percent_of

register = template.Library()

WAY: Final[Mapping[str, Promise]] = {"logistic": _("logistic"), "isotonic": _("isotonic")}
STEP: Final[Mapping[str, Promise]] = {
    "ct": _("CT"),
    "pet_ct": _("PET-CT"),
    "biopsy": _("biopsy"),
    "excision": _("surgical diagnosis"),
}
SHOWN: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9)


@dataclass(frozen=True, slots=True)
class RiskLine:
    """One model: what it says, what it points to, and both again as corrected here."""

    model: str
    percent: str
    valid: bool
    step: str
    here: str
    here_step: str
    correction: RiskCorrection | None


@register.simple_tag
def risk_lines(answers: Sequence[Answer], corrected: Mapping[str, Corrected]) -> tuple[RiskLine, ...]:
    """Every model that could be computed, with its correction beside it where one is in use."""
    told = max(answers, key=lambda answer: answer.given_at).risk if answers else {}
    lines = []
    for model, name in MODEL.items():
        one = told.get(model)
        if isinstance(one, Mapping) and one.get("probability") is not None:
            held = corrected.get(model)
            lines.append(
                RiskLine(
                    model=name,
                    percent=percent_of(one["probability"]),
                    valid=bool(one.get("valid")),
                    step=_step(model, one["probability"]),
                    here=_with_interval(held.here) if held else "",
                    here_step=_step(model, str(held.here.share)) if held else "",
                    correction=held.correction if held else None,
                )
            )
    return tuple(lines)


def _step(model: str, probability: str) -> str:
    if model not in STEPS:
        return ""
    steps = STEPS[model]
    return f"{guideline_name(steps.guideline)}: {STEP[steps.at(Decimal(probability))]}"


def _with_interval(share: Share) -> str:
    return f"{percent_of(str(share.share))} ({percent_of(str(share.low_share))} – {percent_of(str(share.high_share))})"


@register.filter
def outcome_of(outcomes: Mapping[str, Told], label: str) -> Told | None:
    """Find what a nodule turned out to be by its label."""
    return outcomes.get(label)


@register.filter
def outcome_words(told: Told) -> str:
    """Say what a nodule was, how and when that was known."""
    words = f"{Diagnosis(told.diagnosis).label}, {KnownBy(told.known_by).label}"
    return f"{words}: {told.note}" if told.note else words


@register.filter
def model_name(model: str) -> str:
    """Give the name of a risk model."""
    return MODEL[model]


@register.filter
def way_word(way: str) -> str:
    """Name the way of a correction."""
    return str(WAY[way])


@register.filter
def area_words(area: Share | None) -> str:
    """Write the area under the curve with its interval."""
    return "–" if area is None else f"{area.share:.2f} ({area.low_share:.2f} – {area.high_share:.2f})"


@register.filter
def coefficient_words(found: Coefficient | None) -> str:
    """Write a coefficient with its interval."""
    if not found:
        return "–"
    low, high = rounded(found.low_ratio, 2), rounded(found.high_ratio, 2)
    return f"{rounded(found.value_ratio, 2)} ({low} – {high})"


@register.filter
def figure_id(code: UUID) -> str:
    """Name the figure of a correction."""
    return f"curve-{code}"


@register.filter
def curve_caption(row: RiskCorrection) -> str:
    """Name the table of a curve."""
    return gettext("%(model)s as corrected here") % {"model": MODEL[row.model]}


@register.filter
def curve_columns(_row: RiskCorrection) -> list[str]:
    """Give the head of that table."""
    return [gettext("published model"), gettext("corrected here")]


@register.filter
def curve_rows(row: RiskCorrection) -> list[list[str]]:
    """Read the curve off at a few probabilities."""
    found = curve_of(row)
    return [[percent_of(str(one)), _with_interval(found.of(one))] for one in SHOWN]
