"""Choosing a slot, giving one back, and saying when a scanner or a room can be used."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import AppointmentState

WEEKDAYS = [
    (1, _("Monday")),
    (2, _("Tuesday")),
    (3, _("Wednesday")),
    (4, _("Thursday")),
    (5, _("Friday")),
    (6, _("Saturday")),
    (7, _("Sunday")),
]
WHY_CANCELLED = [
    ("The patient asked for another day.", _("The patient asked for another day.")),
    ("The scanner or the staff is not available.", _("The scanner or the staff is not available.")),
    ("The patient is ill.", _("The patient is ill.")),
    ("The slot was needed for somebody more urgent.", _("The slot was needed for somebody more urgent.")),
    ("It was booked by mistake.", _("It was booked by mistake.")),
]


class SlotForm(forms.Form):
    """A slot as the calendar page names it, resource and instant; the reason is asked for outside the window only."""

    slot = forms.CharField(max_length=80)
    why_outside_window = forms.CharField(required=False, max_length=200)

    def clean_slot(self) -> tuple[UUID, datetime]:
        resource, _at, starts_at = self.cleaned_data["slot"].partition("@")
        try:
            instant = datetime.fromisoformat(starts_at)
            chosen = UUID(resource), instant
        except ValueError as broken:
            raise forms.ValidationError(_("Choose a slot from the calendar.")) from broken
        if instant.tzinfo is None:
            raise forms.ValidationError(_("Choose a slot from the calendar."))
        return chosen


class GiveBackForm(forms.Form):
    """Freeing a slot: cancelled before its time, or the patient did not come."""

    outcome = forms.ChoiceField(
        label=_("What happened"),
        choices=[
            (AppointmentState.CANCELLED.value, _("Cancelled: the slot is free again")),
            (AppointmentState.MISSED.value, _("The patient did not come")),
        ],
    )
    because = forms.ChoiceField(label=_("Why"), choices=WHY_CANCELLED, required=False)
    note = forms.CharField(label=_("In your words"), required=False, max_length=160)

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("outcome") == AppointmentState.CANCELLED and not (told.get("because") or told.get("note")):
            self.add_error("because", _("Say why; whoever calls the patient reads it."))
        return told

    def reason(self) -> str:
        """Give the chosen reason with the person's words after it."""
        told = self.cleaned_data
        chosen = told["because"] if told["outcome"] == AppointmentState.CANCELLED else ""
        return " ".join(part for part in (chosen, told["note"]) if part)


class ResourceForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)
    kind = forms.ChoiceField(label=_("Kind"), choices=[("ct", _("CT scanner")), ("room", _("Clinic room"))])


class HoursForm(forms.Form):
    weekdays = forms.TypedMultipleChoiceField(
        label=_("On"), choices=WEEKDAYS, coerce=int, widget=forms.CheckboxSelectMultiple
    )
    opens_at = forms.TimeField(label=_("From"), widget=forms.TimeInput(attrs={"type": "time"}))
    closes_at = forms.TimeField(label=_("Until"), widget=forms.TimeInput(attrs={"type": "time"}))
    slot_minutes = forms.IntegerField(label=_("Minutes a slot"), min_value=5, max_value=240, initial=20)

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("opens_at") and told.get("closes_at") and told["closes_at"] <= told["opens_at"]:
            self.add_error("closes_at", _("The end must be after the beginning."))
        return told


class UnavailableForm(forms.Form):
    starts_at = forms.DateTimeField(label=_("From"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    ends_at = forms.DateTimeField(label=_("Until"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    reason = forms.CharField(label=_("Why"), max_length=120)

    def __init__(self, data: QueryDict | None = None, *, time_zone: str = "UTC") -> None:
        super().__init__(data)
        self.zone = ZoneInfo(time_zone)  # a time typed for a clinic is a time of that clinic's clock

    def clean_starts_at(self) -> datetime:
        return self._there(self.cleaned_data["starts_at"])

    def clean_ends_at(self) -> datetime:
        return self._there(self.cleaned_data["ends_at"])

    def _there(self, typed: datetime) -> datetime:
        return timezone.localtime(typed).replace(tzinfo=self.zone)

    def clean(self) -> dict[str, Any]:
        told = self.cleaned_data
        if told.get("starts_at") and told.get("ends_at") and told["ends_at"] <= told["starts_at"]:
            self.add_error("ends_at", _("The end must be after the beginning."))
        return told


class FeedForm(forms.Form):
    label = forms.CharField(label=_("Who reads it"), max_length=80)
