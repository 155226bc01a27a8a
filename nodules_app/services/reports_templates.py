"""A clinic's own letter templates: looked at with a sample before they are saved, each edit a version of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

from django.db import transaction
from django.utils import translation

from nodules_app.exchange.documents_letter import values
from nodules_app.exchange.documents_readability import reading_age_years
from nodules_app.exchange.documents_templates import Template, check, fill
from nodules_app.models import Clinic, LetterTemplate, User
from nodules_app.selectors import reports as selectors
from nodules_app.selectors.reports_facts import (
    Exam,
    Guidance,
    NoduleFacts,
    Other,
    SignedFacts,
    Size,
    Step,
    Who,
)
from nodules_app.services.audit import record
from nodules_app.services.reports import contact_words
from registration.errors import Refused, gettext_noop

_SIZES: Final = (
    Size(True, "solid", 170.0, 14.0, 6.9, 0.2, 7.4, 6.3, "sample"),
    Size(True, "solid", 168.0, 14.0, 6.9, 0.2, 7.3, 6.4, "sample"),
)
_SCAN: Final = ("", "", None)
SAMPLE: Final = SignedFacts(
    clinic="",
    who=Who("Demo Patient 0042", "SIM-000042", date(1958, 3, 14), "male"),
    exam=Exam(date(2026, 11, 18), *_SCAN),
    prior=Exam(date(2026, 5, 19), *_SCAN),
    interval_days=183,
    grade="A",
    nodules=(NoduleFacts("N1", "active", "LUL", _SIZES[1], _SIZES[0], "unchanged", 1.01),),
    guidance=(
        Guidance(
            "BTS2015",
            "2015",
            "BTS2015.SAMPLE",
            "",
            "bts_ct_12m",
            "R1",
            (Other("no_routine_followup", 0.04),),
            errors_were_stated=True,
        ),
    ),
    step=Step("ct", "", date(2027, 10, 18), date(2027, 12, 18), is_signed=True),
    consensus="",
    addenda=(),
    reading_version=1,
    reading_sha256="0" * 64,
    signed_by="–",
    signed_at=datetime(2026, 11, 18, 12, tzinfo=UTC),
)


class NothingChanged(Refused):
    """The words are those that are in force."""

    code = "template_nothing_changed"
    sentence = gettext_noop("These are the words that are in force already.")
    remedy = gettext_noop("Change something, or leave it.")


def preview(template: Template, clinic: Clinic) -> Template:
    """Fill a template with a sample patient, as a reader would get it.

    Raises
    ------
    UnknownField, LoneBrace, FieldIsEmpty
    """
    with translation.override(template.language):
        told = dict(values(SAMPLE, template.kind, contact=contact_words(clinic)))
    return fill(template, told | {"clinic": clinic.name})


def reading_age(template: Template, filled: Template) -> int | None:
    """The reading age of a filled letter in whole years; None for a language that is not measured."""
    years = reading_age_years(filled.text) if template.language == "en" else None
    return None if years is None else round(years)


@transaction.atomic
def save(*, clinic: Clinic, template: Template, why: str, by: User) -> LetterTemplate:
    """Put other words in force as the next version; letters that were written keep theirs.

    Raises
    ------
    UnknownField, LoneBrace, NothingChanged
    """
    check(template)
    held = Clinic.objects.select_for_update().get(pk=clinic.pk)
    latest = selectors.template_in_force(held, template.kind, template.language)
    if latest is not None and (latest.subject, latest.text) == (template.subject, template.text):
        raise NothingChanged
    row = LetterTemplate.objects.create(
        clinic=held,
        kind=template.kind,
        language=template.language,
        number=latest.number + 1 if latest else 1,
        subject=template.subject,
        text=template.text,
        why=why,
        by=by,
    )
    record("letter_template.changed", None, by=by, clinic=held.code, kind=row.kind, number=row.number)
    return row
