"""Finding a patient by what people remember: parts of the name, its sound, the number, the day of birth."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from django.contrib.postgres.search import TrigramWordSimilarity
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Concat, Lower

from nodules_app.models import Patient

SIMILAR: Final = 0.45  # two letters swapped in a name of eight stay above; another name of the same length below
DAYS_AS_TYPED: Final = ("%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%Y", "%d-%b-%Y", "%Y%m%d", "%Y年%m月%d日")


def searched() -> Lower:
    """What a patient is found by; the index ``patient_is_searched`` is on the same expression."""
    return Lower(
        Concat("name", Value(" "), "identifier", Value(" "), "sounds", output_field=CharField()),
        output_field=CharField(),
    )


def find(patients: QuerySet[Patient], text: str) -> QuerySet[Patient]:
    """The patients who match every word; a word that reads as a day is the day of birth."""
    found = patients.alias(searched=searched())
    for word in text.split():
        born = day_in(word)
        if born is not None:
            found = found.filter(birth_date=born)
        else:
            found = found.filter(Q(searched__contains=word.lower()) | Q(studies__accession=word))
    return found.distinct()


def find_similar(patients: QuerySet[Patient], text: str) -> QuerySet[Patient]:
    """Patients whose name nearly matches, the nearest first: for a typing error, when nobody matches."""
    words = text.lower().split()
    asked = " ".join(word for word in words if day_in(word) is None)
    near = patients.annotate(nearness=TrigramWordSimilarity(asked, searched())).filter(nearness__gte=SIMILAR)
    for born in filter(None, map(day_in, words)):
        near = near.filter(birth_date=born)
    return near.order_by("-nearness", "pk") if asked else near.none()


def day_in(word: str) -> date | None:
    """The day that a word says in one of the usual forms, day before month; None when it says none."""
    for form in DAYS_AS_TYPED:
        try:
            return datetime.strptime(word, form).date()  # noqa: DTZ007 a day of birth has no zone
        except ValueError:
            continue
    return None
