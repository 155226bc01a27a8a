"""The form of the user menu."""

from __future__ import annotations

from django import forms

from nodules_app.selectors.preferences import THEMES


class PreferencesForm(forms.Form):
    theme = forms.ChoiceField(choices=[(theme, theme) for theme in THEMES])
    keys = forms.BooleanField(required=False)
    next = forms.CharField(required=False)
