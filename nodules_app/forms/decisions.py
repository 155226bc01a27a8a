"""Choosing another step than the proposed one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from nodules_app.models import OverrideReason
from nodules_app.services.decisions import CLINICIANS_OWN

STEPS: Final = [
    ("ct", _("CT")),
    ("workup", _("Work-up")),
    ("review", _("Review by a reader")),
    ("discharge", _("Decide on discharge")),
]


class VersionForm(forms.Form):
    """The version of a step that a page showed, sent back by each of its buttons."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def version_seen(self) -> int | None:
        """Give the version, or None where the sender showed none."""
        return self.cleaned_data["version"] if self.is_valid() else None


class Versioned(forms.Form):
    """A form on a step that somebody else may change while it is being filled in."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def show_version(self, version: int) -> None:
        """Keep everything that was typed, and go on from what the step is now."""
        kept = QueryDict(mutable=True)
        kept.update({name: str(told) for name, told in self.data.items()})
        kept["version"] = str(version)
        self.data = kept


class OverrideForm(Versioned):
    kind = forms.ChoiceField(label=_("What shall be done"), choices=STEPS)
    due_from = forms.DateField(label=_("Not before"), localize=True)
    due_until = forms.DateField(
        label=_("Not after"),
        help_text=_("From the next day on the step is overdue."),
        localize=True,
    )
    reason_code = forms.ChoiceField(
        label=_("Why not as proposed"),
        choices=[("", _("Choose …")), *OverrideReason.choices],
        error_messages={"required": _("Choose a reason from the list.")},
    )
    reason = forms.CharField(
        label=_("In your words"),
        help_text=_("Kept with the decision and shown to everybody who opens this patient."),
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        error_messages={"required": _("Say why; the reason is kept with the decision.")},
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        managements: Sequence[tuple[str, str]],
        initial: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(data, initial=dict(initial or {}))
        own = (CLINICIANS_OWN, _("A step of my own, for the reason below"))
        self.fields["management"] = forms.ChoiceField(
            label=_("In whose words"),
            help_text=_("What another guideline says, or a step of your own."),
            choices=[own, *managements],
        )
        self.order_fields(["kind", "management", "due_from", "due_until", "reason_code", "reason"])

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        first, last = told.get("due_from"), told.get("due_until")
        if first and last and last < first:
            self.add_error("due_until", _("The last day lies before the first one. Change one of the two."))
        return told

    def window(self) -> tuple[date, date, date]:
        """Give first, target and last day; the target is the middle."""
        first, last = self.cleaned_data["due_from"], self.cleaned_data["due_until"]
        return first, first + (last - first) / 2, last
