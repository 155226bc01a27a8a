"""Answering a task, correcting a ladder, asking the audit trail, saying where somebody is reached."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from nodules_app.ladder.rungs import DEFAULT, Order, Recipient, Rung, Tier, Way
from nodules_app.models import Clinic, ClinicDay, ContactKind, ContactOf, Outcome
from nodules_app.models.reminders import RUNGS, WAYS
from nodules_app.selectors.reminders import Show

MOST_DAYS: Final = 400

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise as Promise

    class OfClinic(forms.ModelForm[Clinic]): ...

    class OfDay(forms.ModelForm[ClinicDay]): ...

else:  # generic for the type checker only
    OfClinic = OfDay = forms.ModelForm


def yes_no(label: Promise) -> forms.TypedChoiceField:
    """A question that must be answered, since an empty box may also mean that nobody asked."""
    return forms.TypedChoiceField(
        label=label, choices=[("no", _("No")), ("yes", _("Yes"))], coerce=lambda said: said == "yes"
    )


class DeskForm(forms.Form):
    """Which list of the reminder desk, as its address names it."""

    show = forms.ChoiceField(choices=[(show, show) for show in Show], required=False)
    page = forms.IntegerField(min_value=1, max_value=10_000, required=False)


class AnswerForm(forms.Form):
    outcome = forms.ChoiceField(label=_("What came of it"), choices=Outcome.choices)
    note = forms.CharField(label=_("Note"), required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))

    def clean(self) -> dict[str, Any]:
        """Ask for a reason where nothing was done: those are counted and read every week."""
        told = super().clean() or {}
        if told.get("outcome") == Outcome.NO_ACTION and not told.get("note"):
            self.add_error("note", ValidationError(_("Say why nothing is needed; it is read every week.")))
        return told


class NoteForm(forms.Form):
    note = forms.CharField(label=_("What happened"), max_length=300)


class LadderForm(forms.Form):
    """The days of every rung by tier; an empty field takes the rung out of that tier."""

    why = forms.CharField(label=_("Why it is changed"), max_length=300)
    task_cap = forms.IntegerField(label=_("Most open tasks of one person"), min_value=1, max_value=200)

    def __init__(self, rungs: tuple[Rung, ...], *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own
        super().__init__(*args, **options)
        self.rungs = rungs
        for rung in rungs:
            for tier in Tier:
                self.fields[f"{rung.code}-{tier}"] = forms.IntegerField(
                    required=False, min_value=-MOST_DAYS, max_value=MOST_DAYS, initial=rung.offset_days.get(tier)
                )
            if self.to_patient(rung) is not None:
                self.fields[f"{rung.code}-way"] = forms.ChoiceField(
                    choices=[(way.value, WAYS[way]) for way in Way], initial=self.to_patient(rung)
                )
            self.fields[f"{rung.code}-answer"] = forms.IntegerField(
                min_value=1, max_value=30, initial=rung.answer_within_days
            )

    @staticmethod
    def to_patient(rung: Rung) -> Way | None:
        return next((order.way for order in rung.orders if order.to == Recipient.PATIENT), None)

    def lines(self) -> Iterator[tuple[Rung, object, list[forms.BoundField], forms.BoundField | None, forms.BoundField]]:
        """Give each rung with its name, its days, its way and the time to answer, for the page."""
        for rung in self.rungs:
            way = self[f"{rung.code}-way"] if f"{rung.code}-way" in self.fields else None
            days = [self[f"{rung.code}-{tier}"] for tier in Tier]
            yield rung, RUNGS.get(rung.code, rung.code), days, way, self[f"{rung.code}-answer"]

    def changed_rungs(self) -> tuple[Rung, ...]:
        """The rungs as the form says them."""
        told = self.cleaned_data
        changed = []
        for rung in self.rungs:
            days = {tier: told[f"{rung.code}-{tier}"] for tier in Tier if told[f"{rung.code}-{tier}"] is not None}
            way = told.get(f"{rung.code}-way")
            orders = tuple(
                Order(order.to, Way(way)) if way and order.to == Recipient.PATIENT else order for order in rung.orders
            )
            changed.append(
                replace(rung, offset_days=days, orders=orders, answer_within_days=told[f"{rung.code}-answer"])
            )
        return tuple(rung for rung in changed if rung.offset_days)


def with_every_rung(rungs: tuple[Rung, ...]) -> tuple[Rung, ...]:
    """Offer also those rungs of the product's own ladder that the clinic took out, empty, to be put back."""
    there = {rung.code: rung for rung in rungs}
    missing = [replace(rung, offset_days={}) for rung in DEFAULT if rung.code not in there]
    return (*rungs, *missing)


class AuditForm(forms.Form):
    number = forms.CharField(label=_("Patient number"), required=False, max_length=64)
    person = forms.CharField(label=_("Person (sign-in name)"), required=False, max_length=150)
    verb = forms.ChoiceField(label=_("Act"), required=False)
    since = forms.DateField(label=_("From"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)

    def __init__(self, verbs: list[str], *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own
        super().__init__(*args, **options)
        self.fields["verb"] = forms.ChoiceField(
            label=_("Act"), required=False, choices=[("", _("Any")), *((verb, verb) for verb in verbs)]
        )


class EmergencyForm(forms.Form):
    number = forms.CharField(label=_("Patient number"), max_length=64)
    born = forms.DateField(label=_("Born"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(
        label=_("Why you must see this patient now"),
        help_text=_("The auditor reads it."),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class ContactForm(forms.Form):
    of = forms.ChoiceField(label=_("Whose"), choices=ContactOf.choices)
    kind = forms.ChoiceField(label=_("Kind"), choices=ContactKind.choices)
    name = forms.CharField(label=_("Name"), required=False, max_length=120)
    value = forms.CharField(
        label=_("Address or number"),
        help_text=_("A postal address line by line, as it stands on an envelope."),
        max_length=400,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    consented = yes_no(_("Agreed to get messages there"))
    verified_on = forms.DateField(
        label=_("Verified on"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean(self) -> dict[str, Any]:
        """Hold an e-mail address to its form, and keep line breaks out of everything that is no postal address."""
        told = super().clean() or {}
        kind, value = told.get("kind"), " ".join(told.get("value", "").split())
        if kind == ContactKind.EMAIL and value:
            try:
                forms.EmailField(max_length=254).clean(value)
            except ValidationError as wrong:
                self.add_error("value", wrong)
        if kind != ContactKind.POST:
            told["value"] = value
        return told


class WishForm(forms.Form):
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("As the clinic writes")), *settings.LANGUAGES]
    )
    kind = forms.ChoiceField(
        label=_("Preferred way"), required=False, choices=[("", _("No wish")), *ContactKind.choices]
    )
    call_instead = yes_no(_("Call me instead of writing"))
    do_not_contact = forms.CharField(
        label=_("Wants no contact, because"),
        help_text=_("Nothing goes to the patient any more; the clinic is still asked."),
        required=False,
        max_length=200,
    )


class ClinicForm(OfClinic):
    proposals_on_request = forms.TypedChoiceField(
        label=_("What the program proposes as nodules is shown"),
        choices=[("False", _("At once")), ("True", _("When the reader asks, after a look of their own"))],
        coerce=lambda said: said == "True",
    )

    class Meta:
        model = Clinic
        fields = [
            "name",
            "time_zone",
            "language",
            "working_weekdays",
            "quiet_from",
            "quiet_until",
            "reply_email",
            "reply_phone",
            "postal_address",
            "on_call_email",
            "proposals_on_request",
        ]
        widgets = {
            "quiet_from": forms.TimeInput(attrs={"type": "time"}),
            "quiet_until": forms.TimeInput(attrs={"type": "time"}),
            "postal_address": forms.Textarea(attrs={"rows": 3}),
        }

    def clean_time_zone(self) -> str:
        zone = str(self.cleaned_data["time_zone"])
        if zone not in available_timezones():
            raise ValidationError(_("There is no such time zone. Give its name as in Europe/Berlin or Asia/Shanghai."))
        return zone


class ClinicDayForm(OfDay):
    is_working = yes_no(_("A day on which people work"))

    class Meta:
        model = ClinicDay
        fields = ["on", "is_working", "name"]
        widgets = {"on": forms.DateInput(attrs={"type": "date"})}
