"""Choosing the nodule that another one is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from nodules_app.models import Nodule
from nodules_app.selectors.nodule_acts import Other


class JoinForm(forms.Form):
    """Which followed nodule this one is."""

    into = forms.ChoiceField(label=_("It is the same as"), widget=forms.RadioSelect)

    def __init__(self, others: Sequence[Other], *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own
        super().__init__(*args, **options)
        self.others = {str(other.nodule.code): other.nodule for other in others}
        self.fields["into"] = forms.ChoiceField(
            label=_("It is the same as"),
            widget=forms.RadioSelect,
            choices=[(str(other.nodule.code), _named(other)) for other in others],
            initial=str(others[0].nodule.code) if len(others) == 1 else None,
            error_messages={"required": _("Choose a nodule.")},
        )

    def chosen(self) -> Nodule:
        return self.others[self.cleaned_data["into"]]


def _named(other: Other) -> str:
    return f"{other.nodule.label}, {other.lobe}" if other.lobe else other.nodule.label
