"""What the address of the board may ask for."""

from __future__ import annotations

from typing import Final

from django import forms
from django.utils.translation import gettext_lazy as _

from nodules_app.models import FollowUpKind
from nodules_app.selectors.board import LANES, Filter

MOST_PAGES: Final = 10_000


class BoardForm(forms.Form):
    whose = forms.ChoiceField(label=_("Whose"), choices=[("", _("Everybody's")), ("mine", _("Mine"))], required=False)
    kind = forms.ChoiceField(label=_("Step"), choices=[("", _("Any")), *FollowUpKind.choices], required=False)
    late = forms.ChoiceField(label=_("When"), choices=[("", _("Any time")), ("late", _("Late only"))], required=False)
    clinic = forms.UUIDField(required=False)
    lane = forms.ChoiceField(choices=[("", ""), *((state.value, state.value) for state in LANES)], required=False)
    page = forms.IntegerField(min_value=1, max_value=MOST_PAGES, required=False)

    def asked(self) -> Filter:
        told = self.cleaned_data
        return Filter(told["whose"] == "mine", told["kind"], told["late"] == "late", told["clinic"])
