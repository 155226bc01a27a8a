"""What ``reading/panel.html`` needs on any page: the panel, what its questions begin with, its corrections in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from django.utils.translation import gettext

from inference.model_card import Task
from nodules_app.dicom.volumes import is_kept
from nodules_app.forms.nodules import PLACES, WORDS, as_asked
from nodules_app.selectors.reading import PanelNodule, panel
from nodules_app.services import candidates, learned, models
from nodules_app.services.cache import volume_folder
from nodules_app.templatetags.reading import EffectLine, effect_lines

if TYPE_CHECKING:
    from nodules_app.models import Patient, User


class PlaceQuestion(NamedTuple):
    """Lobe, margin and flags as the description has them now."""

    lobes: Sequence[tuple[str, Any]]
    lobe: str
    margins: Sequence[tuple[str, Any]]
    margin: str
    places: list[tuple[str, Any, bool]]


def panel_context(patient: Patient, who: User) -> dict[str, Any]:
    """Read the panel for one person."""
    shown = panel(patient, user=who)
    return {
        "panel": shown,
        "asked": {row.line.label: _place_question(row) for row in shown.nodules},
        "acts": [(act, [*effect_lines(act.effect), *_described(act.effect)]) for act in shown.corrections],
        "learned": learned.growth_said((row.change for row in shown.nodules), models.in_use(Task.GROWTH)),
        "hidden": candidates.hidden_from(patient, who),
        "kept": {one.scan for one in (shown.prior, shown.current) if one and is_kept(volume_folder(one.series))},
        "said": "",
        "refused": "",
    }


def _place_question(row: PanelNodule) -> PlaceQuestion:
    described = row.line.description
    told = as_asked(described.facts if described else {})
    return PlaceQuestion(
        lobes=WORDS["lobe"][1],
        lobe=told["lobe"],
        margins=WORDS["margin"][1],
        margin=told["margin"],
        places=[(value, text, value in told["places"]) for value, text in PLACES],
    )


def _described(effect: Mapping[str, Any]) -> list[EffectLine]:
    """What a correction changed in the words of a description."""
    lines = [
        EffectLine(
            gettext("%(label)s description") % {"label": row["label"]}, _facts(row["before"]), _facts(row["after"])
        )
        for row in effect.get("nodules", ())
    ]
    return [line for line in lines if line.before != line.after]


def _facts(row: Mapping[str, Any] | None) -> str:
    told = as_asked((row or {}).get("facts") or {})
    said = [str(dict(WORDS[name][1])[told[name]]) for name in ("lobe", "margin") if told[name]]
    said += [str(text) for value, text in PLACES if value in told["places"]]
    return ", ".join(said) or "–"
