"""What is asked when a step is changed or ended: never a state, always the fact behind it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from nodules_app.forms.decisions import Versioned

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise


def because(label: Text, hint: Text = "", *, required: bool = True) -> forms.CharField:
    """Ask for a reason in a person's own words."""
    return forms.CharField(
        label=label,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": 3}),
        max_length=2000,
        required=required,
        error_messages={"required": _("Say why; the reason is kept.")},
    )


def day(label: Text, hint: Text = "", *, required: bool = True) -> forms.DateField:
    """Ask for a calendar day, in the words of the reader's language or as 2026-11-21."""
    return forms.DateField(
        label=label, help_text=hint, localize=True, required=required, error_messages={"required": _("Give the day.")}
    )


def past(value: date | None) -> date | None:
    """Refuse a day that has not come yet."""
    if value is not None and value > timezone.localdate():
        raise forms.ValidationError(_("This day lies in the future. Give the day on which it happened."))
    return value


class BookForm(Versioned):
    on = day(_("Day of the exam"))
    why_outside_window = because(
        _("Why outside the window"), _("Only needed for a day that the rule does not ask for."), required=False
    )


class BecauseForm(Versioned):
    because = because(_("Why"), _("Shown in the history of this step."))


class DeferForm(Versioned):
    due_from = day(_("Not before"))
    due_until = day(_("Not after"), _("From the next day on the step is overdue."))
    because = because(_("Why"), _("Shown in the history of this step."))

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


class ReasonForm(forms.Form):
    reason = because(_("Why"), _("Kept with your name and shown to everybody who opens this patient."))


class DeclineForm(forms.Form):
    reason = because(_("Why the patient declines"))
    explained = because(_("What was explained"), _("What may happen without the exam, and how to come back."))
    letter_on = day(_("Letter sent on"), _("The letter that confirms it and says how to come back."))
    offer_again_on = day(
        _("Offer again on"), _("When the patient agrees to be asked again; a step stands for that day."), required=False
    )

    def clean_letter_on(self) -> date | None:
        return past(self.cleaned_data["letter_on"])

    def clean_offer_again_on(self) -> date | None:
        again: date | None = self.cleaned_data["offer_again_on"]
        if again is not None and again <= timezone.localdate():
            raise forms.ValidationError(_("Give a day after today, or leave it empty."))
        return again


class WithdrawForm(forms.Form):
    on = day(_("Left on"))
    reason = because(_("Why"))

    def clean_on(self) -> date | None:
        return past(self.cleaned_data["on"])


class DeathForm(forms.Form):
    on = day(_("Died on"))
    source = forms.CharField(
        label=_("Source"), help_text=_("Who or what says so: family, register, letter."), max_length=200
    )
    second_source = forms.CharField(
        label=_("Second source"),
        help_text=_("Not needed when a clinician vouches for it."),
        max_length=200,
        required=False,
    )

    def __init__(self, *args: Any, confirmed: bool = False, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        super().__init__(*args, **options)
        self.confirmed = confirmed

    def clean_on(self) -> date | None:
        return past(self.cleaned_data["on"])

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if not self.confirmed and not told.get("second_source"):
            self.add_error("second_source", _("Name a second source, or ask a clinician to record it."))
        return told


class TransferForm(forms.Form):
    organisation = forms.CharField(label=_("Receiving organisation"), max_length=200)
    recipient = forms.CharField(label=_("Who was asked there"), help_text=_("A person with a name."), max_length=200)
    on = day(_("Asked on"))

    def clean_on(self) -> date | None:
        return past(self.cleaned_data["on"])


class AcknowledgeForm(forms.Form):
    acknowledged_by = forms.CharField(
        label=_("Who acknowledged"), help_text=_("The person there who takes over."), max_length=200
    )
    on = day(_("Acknowledged on"))

    def clean_on(self) -> date | None:
        return past(self.cleaned_data["on"])
