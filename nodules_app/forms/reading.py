"""What a reader's acts bring along, one form each; numbers as people type them, lists as the viewer sends them."""

from __future__ import annotations

import json
from typing import Any, Final

from django import forms
from django.utils.translation import gettext_lazy as _

from inference.drawn import LARGEST_STROKE_MM, Stroke
from nodules_app.models import Attenuation, ComparisonWord, RejectionReason

FURTHEST_MM: Final = 5000.0
MOST_AT_ONCE: Final = 100


class PlaceForm(forms.Form):
    """A point in the patient, LPS."""

    x_mm = forms.FloatField(min_value=-FURTHEST_MM, max_value=FURTHEST_MM)
    y_mm = forms.FloatField(min_value=-FURTHEST_MM, max_value=FURTHEST_MM)
    z_mm = forms.FloatField(min_value=-FURTHEST_MM, max_value=FURTHEST_MM)

    def lps_mm(self) -> tuple[float, float, float]:
        told = self.cleaned_data
        return told["x_mm"], told["y_mm"], told["z_mm"]


class AddForm(PlaceForm):
    scan = forms.UUIDField()


class MatchForm(forms.Form):
    match = forms.UUIDField()


class PartForm(MatchForm):
    """``answer`` is another, nothing, or the code of the finding that it is instead."""

    answer = forms.CharField(max_length=40)


class NoduleForm(forms.Form):
    nodule = forms.UUIDField()


class FindingForm(forms.Form):
    finding = forms.UUIDField()


class CandidateForm(forms.Form):
    candidate = forms.UUIDField()


class DeclineForm(CandidateForm):
    reason = forms.TypedChoiceField(choices=RejectionReason.choices, coerce=RejectionReason)
    words = forms.CharField(required=False, max_length=300)


class RefitForm(PlaceForm):
    finding = forms.UUIDField()


class CaliperForm(FindingForm):
    long_mm = forms.FloatField()
    short_mm = forms.FloatField()


class AttenuationForm(FindingForm):
    attenuation = forms.TypedChoiceField(choices=Attenuation.choices, coerce=Attenuation)
    solid_mm = forms.FloatField(required=False, min_value=0.1, max_value=100)


class StrokeForm(FindingForm):
    """One ball, typed."""

    kind = forms.ChoiceField(choices=[("add", "add"), ("erase", "erase"), ("threshold", "threshold")])
    x_mm = forms.FloatField(min_value=-FURTHEST_MM, max_value=FURTHEST_MM)
    y_mm = forms.FloatField(min_value=-FURTHEST_MM, max_value=FURTHEST_MM)
    z_mm = forms.FloatField(min_value=-FURTHEST_MM, max_value=FURTHEST_MM)
    radius_mm = forms.FloatField(min_value=0.1, max_value=LARGEST_STROKE_MM)
    low_hu = forms.FloatField(required=False, min_value=-4096, max_value=32767)
    high_hu = forms.FloatField(required=False, min_value=-4096, max_value=32767)

    def stroke(self) -> Stroke:
        told = self.cleaned_data
        limits = {name: told[name] for name in ("low_hu", "high_hu") if told[name] is not None}
        centre = told["x_mm"], told["y_mm"], told["z_mm"]
        return Stroke(told["kind"], centre, told["radius_mm"], **(limits if told["kind"] == "threshold" else {}))


class StrokesForm(FindingForm):
    """Balls of one movement of a brush, as the viewer sends them."""

    strokes = forms.CharField(max_length=100_000)

    def clean_strokes(self) -> list[Stroke]:
        try:
            sent = json.loads(self.cleaned_data["strokes"])
        except ValueError as broken:
            raise forms.ValidationError(_("These strokes cannot be read.")) from broken
        if not isinstance(sent, list) or not 0 < len(sent) <= MOST_AT_ONCE:
            raise forms.ValidationError(_("Send 1 to 100 strokes at once."))
        return [self._one(told) for told in sent]

    def _one(self, told: Any) -> Stroke:  # noqa: ANN401 what a browser sends may be anything
        if not isinstance(told, dict):
            raise forms.ValidationError(_("These strokes cannot be read."))
        centre = told.get("centre_lps_mm")
        x, y, z = centre if isinstance(centre, list) and len(centre) == 3 else (None, None, None)
        form = StrokeForm({**told, "finding": self.data.get("finding"), "x_mm": x, "y_mm": y, "z_mm": z})
        if not form.is_valid():
            raise forms.ValidationError(_("These strokes cannot be read."))
        return form.stroke()


class SignForm(forms.Form):
    sha256 = forms.RegexField(r"^[0-9a-f]{64}$")
    consensus = forms.CharField(required=False, max_length=4000)


class AddendumForm(forms.Form):
    text = forms.CharField(max_length=4000)


class OwnReadForm(forms.Form):
    """One reader's own words on every nodule of an exam."""

    def __init__(self, *args: Any, labels: tuple[str, ...], **kwargs: Any) -> None:  # noqa: ANN401 as Django's own
        super().__init__(*args, **kwargs)
        self.labels = labels
        for label in labels:
            self.fields[f"{label}-is_nodule"] = forms.ChoiceField(choices=[("yes", "yes"), ("no", "no")])
            self.fields[f"{label}-attenuation"] = forms.ChoiceField(
                choices=[("", ""), *Attenuation.choices], required=False
            )
            self.fields[f"{label}-word"] = forms.ChoiceField(
                choices=[("", ""), *ComparisonWord.choices], required=False
            )
            self.fields[f"{label}-mean_diameter_mm"] = forms.FloatField(required=False, min_value=0.1, max_value=100)

    def said(self) -> dict[str, dict[str, Any]]:
        told = self.cleaned_data
        return {
            label: {
                "is_nodule": told[f"{label}-is_nodule"] == "yes",
                "attenuation": told[f"{label}-attenuation"] or None,
                "word": told[f"{label}-word"] or None,
                "mean_diameter_mm": told[f"{label}-mean_diameter_mm"],
            }
            for label in self.labels
        }
