"""Finding a patient by what people remember: parts of the name, its sound, the number, the day of birth.

Every way has its index. Trigrams serve words of three letters or more, anywhere in the text; a shorter word is looked
for where a word begins, which trigrams serve too. They do not know Chinese characters, and a Chinese name is shorter
than three of them: the index on single characters finds who has them all, and a second look in which order.
"""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import date, datetime
from typing import Final

from django.contrib.postgres.search import TrigramWordSimilarity
from django.db import connection
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Lower, Replace

from nodules_app.models import Patient, Study
from nodules_app.models.patients import CHARACTERS, HAN, SEARCHED

SIMILAR: Final = 0.45  # two letters swapped in a name of eight stay above; another name of the same length below
TRIGRAM: Final = 3
DAYS_AS_TYPED: Final = ("%Y-%m-%d", "%d-%m-%Y", "%d.%m.%Y", "%d/%m/%Y", "%d-%b-%Y", "%Y%m%d", "%Y年%m月%d日")
HAS_HAN: Final = re.compile(f"[{HAN}]")


def find(patients: QuerySet[Patient], text: str) -> QuerySet[Patient]:
    """The patients who match every word; a word that reads as a day is the day of birth."""
    words = words_in(text)
    examined: defaultdict[str, list[int]] = defaultdict(list)
    for accession, patient in Study.objects.filter(accession__in=words).values_list("accession", "patient"):
        examined[accession].append(patient)
    found = patients.alias(searched=SEARCHED, characters=CHARACTERS, together=Lower(Replace("name", Value("^"))))
    for word in words:
        found = found.filter(Q(pk__in=examined[word]) | _says(word) if word in examined else _says(word))
    return found


def _says(word: str) -> Q:
    born = day_in(word)
    if born is not None:
        return Q(birth_date=born)
    said = word.lower()
    if characters := HAS_HAN.findall(said):
        return Q(characters__contains=characters, together__contains=said)
    return Q(searched__contains=said if len(said) >= TRIGRAM else f" {said}")


def find_similar(patients: QuerySet[Patient], text: str) -> QuerySet[Patient]:
    """Patients whose name nearly matches, the nearest first: for a typing error, when nobody matches."""
    words = [word.lower() for word in words_in(text)]
    asked = " ".join(word for word in words if day_in(word) is None)
    if not asked:
        return patients.none()
    with connection.cursor() as cursor:  # what the operator, which alone has an index, counts as near
        cursor.execute("SELECT set_config('pg_trgm.word_similarity_threshold', %s, false)", [str(SIMILAR)])
    near = patients.alias(searched=SEARCHED).filter(searched__trigram_word_similar=asked)
    for born in filter(None, map(day_in, words)):
        near = near.filter(birth_date=born)
    return near.annotate(nearness=TrigramWordSimilarity(asked, SEARCHED)).order_by("-nearness", "pk")


def words_in(text: str) -> list[str]:
    """The words of what was typed; DICOM's sign between the parts of a name parts words too."""
    return text.replace("^", " ").split()


def day_in(word: str) -> date | None:
    """The day that a word says in one of the usual forms, day before month; None when it says none."""
    for form in DAYS_AS_TYPED:
        try:
            return datetime.strptime(word, form).date()  # noqa: DTZ007 a day of birth has no zone
        except ValueError:
            continue
    return None
