"""What a worklist address may ask for."""

from __future__ import annotations

from django import forms

from nodules_app.selectors.worklist import Show

MOST_PAGES = 100_000  # beyond, the database could not count the rows to skip


class WorklistForm(forms.Form):
    show = forms.ChoiceField(choices=[("", "")] + [(show.value, show.value) for show in Show], required=False)
    q = forms.CharField(max_length=100, required=False, strip=True)
    page = forms.IntegerField(min_value=1, max_value=MOST_PAGES, required=False)
