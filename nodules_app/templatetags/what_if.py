"""How the what-if page says what changed, how likely cancer is, and why a model does not fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.templatetags.recommendations import GRADE, MODEL, SHORT, percent_of

if TYPE_CHECKING:
    from nodules_app.services.ladders import Zone

register = template.Library()

OUTSIDE: Final[Mapping[str, Promise]] = {
    "setting": _("made for screening"),
    "age": _("made for another age"),
    "smoking": _("made for people who smoke or smoked"),
    "not_first_scan": _("made for the first scan of a nodule"),
    "size": _("made for another size"),
    "known_cancer": _("made for people without a known cancer"),
    "recent_cancer": _("made for people without cancer in the last 5 years"),
}
MISSING: Final[Mapping[str, Promise]] = {
    "patient.sex": _("Sex"),
    "patient.age": _("Age"),
    "long_axis_mm": _("Long axis"),
    "mean_diameter_mm": _("Mean diameter"),
    "lobe": _("Lobe"),
    "margin": _("Margin"),
    "calcification": _("Calcification"),
    "pet_uptake": _("PET uptake"),
    "patient.smoking.status": _("Smoking"),
    "patient.smoking.quit_years": _("Years since the last cigarette"),
    "patient.smoking.years_smoked": _("Years of smoking"),
    "patient.smoking.cigarettes_per_day": _("Cigarettes a day"),
    "patient.family_history_lung_cancer": _("Lung cancer in a parent, sibling or child"),
    "patient.family_history_any_cancer": _("Any cancer in a parent, sibling or child"),
    "patient.emphysema": _("Emphysema"),
    "patient.copd": _("COPD"),
    "patient.personal_history_cancer": _("A cancer in the past"),
    "patient.race": _("Ethnic group"),
    "patient.education": _("Education"),
    "patient.bmi": _("Body mass index"),
}


class Risk(NamedTuple):
    """One model: what it says, or what it misses; whether the case is of the people it was made for."""

    model: str
    percent: str
    is_valid: bool
    because: str
    from_memory: bool


@register.filter
def risk_rows(risks: Sequence[Probability]) -> list[Risk]:
    """Every model with its probability, why it does not fit, and what it would need."""
    return [
        Risk(
            model=MODEL[risk.model],
            percent="" if risk.probability is None else percent_of(str(risk.probability)),
            is_valid=risk.valid,
            because=_because(risk),
            from_memory=risk.reliability.startswith("M"),
        )
        for risk in risks
    ]


def _because(risk: Probability) -> str:
    if risk.missing:
        named = ", ".join(str(MISSING.get(field, field.replace("_", " "))) for field in risk.missing)
        return gettext("Needs: %(fields)s") % {"fields": named}
    return "; ".join(str(OUTSIDE.get(code, code.replace("_", " "))) for code in risk.outside)


def grade(management: str) -> str:
    """The shade of a management: a nothing, b a date, c work-up now."""
    return GRADE[MANAGEMENT[management].kind]


def short_words(zone: Zone) -> str:
    """What is to be done, in a few letters."""
    kind = MANAGEMENT[zone.management].kind
    if kind is not ManagementClass.DATED or zone.months is None:
        return str(SHORT[kind])
    earliest, latest = zone.months
    months = f"{earliest}" if earliest == latest else f"{earliest}–{latest}"
    return gettext("CT %(months)s m") % {"months": months}
