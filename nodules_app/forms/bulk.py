"""What is asked for an act on many rows: which, on whom, and what it needs beside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from nodules_app.models import BulkKind, User
from nodules_app.services.bulk.acts import MOST_DAYS, MOST_ROWS
from nodules_app.services.bulk.rows import Choice


class BulkForm(forms.Form):
    """The act and the chosen rows, as the list sends them."""

    kind = forms.ChoiceField(choices=BulkKind.choices)
    patient = forms.MultipleChoiceField(required=False)  # the codes; checked below, for there is no list of all

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        super().__init__(*args, **options)
        self.fields["patient"].validate = _anything  # type: ignore[method-assign]

    def clean_patient(self) -> list[UUID]:
        """Give the codes, each once."""
        try:
            codes = [UUID(code) for code in dict.fromkeys(self.cleaned_data["patient"])]
        except ValueError as wrong:
            raise ValidationError("no such patient") from wrong
        if len(codes) > MOST_ROWS:
            raise ValidationError("too many patients")
        return codes


def _anything(value: object) -> None:
    """Leave the check to ``clean_patient``."""


class ChoiceForm(forms.Form):
    """What the act needs beside the rows: whom to assign to, or for how many days to postpone."""

    def __init__(self, kind: BulkKind, people: Sequence[User], *args: Any, **options: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **options)
        self.people = {str(one.code): one for one in people}
        if kind == BulkKind.ASSIGN:
            named = [(code, str(one)) for code, one in self.people.items()]
            self.fields["owner"] = forms.ChoiceField(
                label=_("Who answers for these steps"),
                choices=[*named, ("", _("The whole team"))],
                required=False,
                initial=named[0][0] if named else "",
            )
        if kind == BulkKind.POSTPONE:
            self.fields["days"] = forms.IntegerField(
                label=_("For how many days"), min_value=1, max_value=MOST_DAYS, initial=3
            )

    def choice(self) -> Choice:
        told = self.cleaned_data
        return Choice(owner=self.people.get(told.get("owner", "")), days=told.get("days", 0))
