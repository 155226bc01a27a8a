"""Saying that somebody is away, and who answers meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from nodules_app.models import User


class AbsenceForm(forms.Form):
    who = forms.ChoiceField(label=_("Who is away"))
    away_from = forms.DateField(label=_("First day away"), widget=forms.DateInput(attrs={"type": "date"}))
    away_until = forms.DateField(label=_("Last day away"), widget=forms.DateInput(attrs={"type": "date"}))
    covered_by = forms.ChoiceField(
        label=_("Who covers"),
        help_text=_("Sees these patients, takes over what is taken, gets the tasks."),
    )

    def __init__(
        self,
        me: User,
        may_be_away: Sequence[User],
        colleagues: Sequence[User],
        data: QueryDict | None = None,
    ) -> None:
        super().__init__(data)
        self.people = {str(one.code): one for one in (me, *may_be_away, *colleagues)}
        away = [(str(me.code), str(me)), *((str(one.code), str(one)) for one in may_be_away)]
        cover = [(str(one.code), str(one)) for one in (*colleagues, me)]
        self.fields["who"] = forms.ChoiceField(label=_("Who is away"), choices=away, initial=str(me.code))
        field = self.fields["covered_by"]
        self.fields["covered_by"] = forms.ChoiceField(
            label=field.label, help_text=field.help_text, choices=[("", _("Choose …")), *cover]
        )

    def clean(self) -> dict[str, Any]:
        """Turn codes into people, and refuse somebody who would cover themselves."""
        told = super().clean() or {}
        first, last = told.get("away_from"), told.get("away_until")
        if first and last and last < first:
            self.add_error("away_until", _("The last day lies before the first one."))
        if told.get("who") and told.get("who") == told.get("covered_by"):
            self.add_error("covered_by", _("Choose a colleague."))
        for name in ("who", "covered_by"):
            if name in told:
                told[name] = self.people.get(told[name])
        return told
