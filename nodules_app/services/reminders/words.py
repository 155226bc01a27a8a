"""What a message says: who writes, that something is due, when, whom to call, how to stop. Nothing else.

No diagnosis, no size, no number of a person, no name: a message may be read by anybody who lifts the telephone. Only
the letter, which comes in an envelope, names the person and the examination.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext

from nodules_app.exchange.reports_words import person
from nodules_app.models import Clinic, FollowUp, FollowUpKind, Patient

VERSION: Final = "1"


@dataclass(frozen=True, slots=True)
class Text:
    """A message ready to go out; ``template`` names it with its version, the digest proves what it said."""

    template: str
    subject: str
    body: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(f"{self.subject}\n{self.body}".encode()).hexdigest()


def short_text(*, clinic: Clinic, booked_on: date | None, language: str) -> Text:
    """What goes out by e-mail or as a message."""
    with translation.override(language):
        lines = [
            gettext("%(clinic)s writes to you.") % {"clinic": clinic.name},
            _when(booked_on),
            _whom_to_call(clinic),
            gettext("If you want no such messages, tell us and we stop."),
        ]
        subject = gettext("Your appointment")
    return Text(f"{'booked' if booked_on else 'due'}-{VERSION}", subject, "\n".join(line for line in lines if line))


def letter_to_patient(*, follow_up: FollowUp, is_overdue: bool, language: str) -> Text:
    """What the patient reads on paper."""
    patient, clinic = follow_up.patient, follow_up.patient.clinic
    with translation.override(language):
        lines = [
            gettext("Dear %(name)s,") % {"name": readable_name(patient)},
            _due(follow_up) if follow_up.booked_on is None else _when(follow_up.booked_on),
            gettext("We have not heard from you, and the time for it has passed. Please do not put it off.")
            if is_overdue
            else "",
            _whom_to_call(clinic),
            gettext("If you have had it done elsewhere, or do not want it, please tell us; then we know."),
            gettext("Yours sincerely"),
            clinic.name,
        ]
        subject = _what(follow_up)
    template = f"letter-{'overdue' if is_overdue else 'due'}-{VERSION}"
    return Text(template, subject, "\n\n".join(line for line in lines if line))


def letter_to_referrer(*, follow_up: FollowUp, language: str) -> Text:
    """What the referring physician reads on paper: about whom, what is overdue, and that an answer is awaited."""
    patient, clinic = follow_up.patient, follow_up.patient.clinic
    with translation.override(language):
        born = date_format(patient.birth_date, "DATE_FORMAT") if patient.birth_date else ""
        lines = [
            gettext("Dear colleague,"),
            gettext("your patient %(name)s, born %(born)s, was to have: %(what)s, by %(day)s. It has not taken place.")
            % {
                "name": readable_name(patient),
                "born": born,
                "what": _what(follow_up),
                "day": date_format(follow_up.due_until, "DATE_FORMAT"),
            },
            gettext("Please let us know whether it was done elsewhere, or help us reach the patient."),
            _whom_to_call(clinic),
            gettext("Yours sincerely"),
            clinic.name,
        ]
        subject = gettext("A follow-up is overdue")
    return Text(f"letter-referrer-{VERSION}", subject, "\n\n".join(line for line in lines if line))


def readable_name(patient: Patient) -> str:
    """The name as people write it; DICOM separates its parts by carets."""
    return person(patient.name)


def _when(booked_on: date | None) -> str:
    if booked_on is None:
        return gettext("An appointment is due for you. Please call us to arrange it.")
    return gettext("You have an appointment on %(day)s.") % {"day": date_format(booked_on, "DATE_FORMAT")}


def _due(follow_up: FollowUp) -> str:
    return gettext("it is time for: %(what)s, by %(day)s. Please call us to arrange it.") % {
        "what": _what(follow_up),
        "day": date_format(follow_up.due_until, "DATE_FORMAT"),
    }


def _what(follow_up: FollowUp) -> str:
    return (
        gettext("a CT of the chest") if follow_up.kind == FollowUpKind.CT else gettext("a consultation at our clinic")
    )


def _whom_to_call(clinic: Clinic) -> str:
    if clinic.reply_phone:
        return gettext("Call us: %(phone)s.") % {"phone": clinic.reply_phone}
    if clinic.reply_email:
        return gettext("Write to us: %(address)s.") % {"address": clinic.reply_email}
    return ""
