"""What is known of a patient's risk: the common facts of section 2.2 of the clinical cases."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Promise
from django.utils.translation import pgettext_lazy

SMOKING: Final = [
    ("unknown", _("Unknown")),
    ("never", pgettext_lazy("smoking", "Never")),
    ("former", pgettext_lazy("smoking", "Former")),
    ("current", pgettext_lazy("smoking", "Current")),
]
KNOWN: Final = [("unknown", _("Unknown")), ("yes", _("Yes")), ("no", _("No"))]
SETTINGS: Final = [("incidental", _("By chance, on a CT for another reason")), ("screening", _("Screening"))]
YES_NO: Final[Mapping[str, Promise]] = {
    "family_history_lung_cancer": _("Lung cancer in a parent, sibling or child"),
    "emphysema": _("Emphysema"),
    "pulmonary_fibrosis": _("Pulmonary fibrosis"),
    "copd": _("COPD"),
    "known_cancer": _("A cancer that is present now or may spread"),
    "immunosuppressed": _("Immunosuppressed"),
}
SMOKING_YEARS: Final = ("pack_years", "quit_years")


class PlainDecimalField(forms.DecimalField):
    """Takes full-width digits too, as Chinese keyboards write them."""

    def clean(self, value: object) -> Decimal | None:
        cleaned: Decimal | None = super().clean(
            unicodedata.normalize("NFKC", value) if isinstance(value, str) else value
        )
        return cleaned


def years(label: Promise | str, hint: Promise | str = "") -> PlainDecimalField:
    return PlainDecimalField(
        label=label, help_text=hint, required=False, min_value=0, max_value=200, max_digits=4, decimal_places=1
    )


def known(name: str) -> forms.ChoiceField:
    return forms.ChoiceField(label=YES_NO[name], choices=KNOWN)


class RiskFactorsForm(forms.Form):
    setting = forms.ChoiceField(label=_("How the nodule was found"), choices=SETTINGS)
    smoking = forms.ChoiceField(label=_("Smoking"), choices=SMOKING)
    pack_years = years(_("Pack-years"), _("Packs a day times years: one pack a day for 20 years is 20."))
    quit_years = years(_("Years since the last cigarette"), _("For former smokers."))
    family_history_lung_cancer = known("family_history_lung_cancer")
    emphysema = known("emphysema")
    pulmonary_fibrosis = known("pulmonary_fibrosis")
    copd = known("copd")
    known_cancer = known("known_cancer")
    previous_extrathoracic_cancer_years = years(
        _("Years since an earlier cancer outside the chest"), _("Empty when there was none.")
    )
    immunosuppressed = known("immunosuppressed")

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("smoking") == "never" and (told.get("pack_years") or told.get("quit_years")):
            self.add_error("smoking", _("Pack-years were given for somebody who never smoked. Mend one of the two."))
        return told

    def facts(self, earlier: Mapping[str, Any]) -> dict[str, Any]:
        """Give the new facts; what this form does not ask stays as it was, what became unknown is left out."""
        told = self.cleaned_data
        facts = {
            name: fact
            for name, fact in earlier.items()
            if name not in YES_NO and name != "previous_extrathoracic_cancer_years"
        }
        kept_smoking = earlier.get("smoking") if isinstance(earlier.get("smoking"), Mapping) else {}
        smoking = {name: fact for name, fact in (kept_smoking or {}).items() if name not in SMOKING_YEARS}
        smoking["status"] = told["smoking"]
        smoking |= {name: str(told[name]) for name in SMOKING_YEARS if told[name] is not None}
        facts["smoking"] = smoking
        facts |= {name: told[name] == "yes" for name in YES_NO if told[name] != "unknown"}
        if told["previous_extrathoracic_cancer_years"] is not None:
            facts["previous_extrathoracic_cancer_years"] = str(told["previous_extrathoracic_cancer_years"])
        return facts


def as_asked(facts: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """Give kept facts in the shape of the form's questions."""
    smoking = facts.get("smoking") or {}
    return {
        "setting": setting,
        "smoking": smoking.get("status", "unknown"),
        **{name: smoking.get(name) for name in SMOKING_YEARS},
        **{name: "unknown" if facts.get(name) is None else "yes" if facts[name] else "no" for name in YES_NO},
        "previous_extrathoracic_cancer_years": facts.get("previous_extrathoracic_cancer_years"),
    }


def told_facts(facts: Mapping[str, Any]) -> list[tuple[Promise | str, object]]:
    """Give what is known as pairs of label and value, unknown facts left out."""
    smoking = facts.get("smoking") or {}
    status = str(smoking.get("status", "unknown"))
    pairs: list[tuple[Promise | str, object]] = [(_("Smoking"), dict(SMOKING).get(status, status))]
    if smoking.get("pack_years") is not None:
        pairs.append((_("Pack-years"), smoking["pack_years"]))
    if smoking.get("quit_years") is not None:
        pairs.append((_("Years since the last cigarette"), smoking["quit_years"]))
    pairs += [
        (label, _("Yes") if facts[name] else _("No")) for name, label in YES_NO.items() if facts.get(name) is not None
    ]
    if facts.get("previous_extrathoracic_cancer_years") is not None:
        label = _("Years since an earlier cancer outside the chest")
        pairs.append((label, facts["previous_extrathoracic_cancer_years"]))
    return pairs
