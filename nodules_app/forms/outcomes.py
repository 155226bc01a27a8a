"""What a nodule turned out to be, as a person records it; and which correction to fit."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from nodules_app.models import Diagnosis, KnownBy
from nodules_app.selectors.risk_outcomes import MODELS

UNTOLD: Final = ("", "–")
NO_CANCER: Final = (KnownBy.RESOLVED, KnownBy.STABLE)


class OutcomeForm(forms.Form):
    """One outcome: what it was, how and when that was known."""

    outcome = forms.ChoiceField(label=_("What it was"), choices=[UNTOLD, *Diagnosis.choices])
    known_by = forms.ChoiceField(label=_("Known by"), choices=[UNTOLD, *KnownBy.choices])
    on = forms.DateField(label=_("Known on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    note = forms.CharField(
        label=_("In words"), max_length=300, required=False, help_text=_("For example the type of tumour. No names.")
    )

    def clean(self) -> dict[str, Any]:
        told = super().clean() or {}
        if told.get("outcome") == Diagnosis.MALIGNANT and told.get("known_by") in NO_CANCER:
            self.add_error(
                "known_by",
                _("A nodule that went away, or did not grow, is not recorded as malignant. Choose the proof."),
            )
        return told


class FitForm(forms.Form):
    """Which published model to correct, and how."""

    model = forms.ChoiceField(choices=[(one, one) for one in MODELS])
    way = forms.ChoiceField(choices=[("logistic", "logistic"), ("isotonic", "isotonic")])
