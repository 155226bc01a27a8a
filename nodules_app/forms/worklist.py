"""What a worklist address may ask for."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlencode

from django import forms

from nodules_app.selectors.worklist.lists import Show
from nodules_app.selectors.worklist.page import EVERYBODY

MOST_PAGES = 100_000  # beyond, the database could not count the rows to skip
SHOWN: Final = [("", ""), (EVERYBODY, EVERYBODY), *((show.value, show.value) for show in Show)]


class WorklistForm(forms.Form):
    show = forms.ChoiceField(choices=SHOWN, required=False)
    q = forms.CharField(max_length=100, required=False, strip=True)
    page = forms.IntegerField(min_value=1, max_value=MOST_PAGES, required=False)


class SaveViewForm(forms.Form):
    """A name for the filter that is shown."""

    name = forms.CharField(max_length=60)
    show = forms.ChoiceField(choices=SHOWN, required=False)
    q = forms.CharField(max_length=100, required=False, strip=True)

    def query(self) -> str:
        """Give the filter as the query of an address."""
        asked = {name: self.cleaned_data.get(name) for name in ("show", "q")}
        return urlencode({name: value for name, value in asked.items() if value})
