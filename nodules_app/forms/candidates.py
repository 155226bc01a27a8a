"""Why a proposed nodule is none."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from nodules_app.models import RejectionReason


class RejectionForm(forms.Form):
    """The reason is the button that was pressed; words are needed only with "something else"."""

    reason = forms.TypedChoiceField(
        choices=RejectionReason.choices,
        coerce=RejectionReason,
        error_messages={"required": _("Say what is there instead."), "invalid_choice": _("Say what is there instead.")},
    )
    words = forms.CharField(required=False, max_length=300)

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("reason") is RejectionReason.OTHER and not told.get("words"):
            self.add_error("words", _("Say in a few words what is there instead."))
        return told
