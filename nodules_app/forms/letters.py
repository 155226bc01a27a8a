"""Saying which letters were posted, and taking it back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from nodules_app.selectors.posting import LetterToPost


class _Keys(forms.MultipleChoiceField):
    """Keys of letters; one that waits no more is told by the service in words that help."""

    def valid_value(self, value: object) -> bool:
        return isinstance(value, str)


class PostedForm(forms.Form):
    """Which of the letters that wait went to the post, and when; printed ones are ticked that may go out."""

    posted_on = forms.DateField(label=_("Posted on"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    letters = _Keys(error_messages={"required": _("Tick the letters that were posted.")})

    def __init__(self, letters: Sequence[LetterToPost], data: Mapping[str, Any] | None = None) -> None:
        printed = [one.key for one in letters if one.printed_at is not None and one.against is None]
        super().__init__(data, initial={"posted_on": timezone.localdate(), "letters": printed})
        self.fields["letters"].choices = [(one.key, one.key) for one in letters]  # type: ignore[attr-defined]

    def ticked(self) -> set[str]:
        """The letters whose boxes are ticked, as they were sent or as they are proposed."""
        return set(self["letters"].value() or ())


class TakeBackForm(forms.Form):
    why = forms.CharField(label=_("Why is it taken back?"), max_length=300)
