"""Whether two descriptions are of one person: names in any of their forms, day of birth, sex. Nothing here decides."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from difflib import SequenceMatcher
from enum import StrEnum
from typing import Final

from nodules_app.models.patients import HAN

HAN_RUN: Final = re.compile(f"[{HAN}]+")
NO_LETTER: Final = re.compile(r"[^\w]+|_")
SPELLED_ALIKE: Final = 0.84  # one slip in a name of six letters or more; below it, names of two persons
FORMS: Final = "="  # DICOM PS3.5, 6.2.1.1: alphabetic=ideographic=phonetic


class Likeness(StrEnum):
    """What speaks for one person."""

    NUMBER = "number"
    NAME = "name"
    SOUND = "sound"
    SPELLING = "spelling"
    BIRTH_DATE = "birth_date"
    BIRTH_DATE_SLIP = "birth_date_slip"


@dataclass(frozen=True, slots=True)
class Person:
    """What images or a record say of somebody; ``sounds`` are the pinyin of a Chinese name, as stored."""

    name: str
    sounds: str
    birth_date: date | None
    sex: str


def name_likeness(one: Person, other: Person) -> Likeness | None:
    """How two names agree: the same in one of their forms, by sound, or but for a slip of the pen; None where not."""
    first, second = _forms(one.name), _forms(other.name)
    if first & second or any(a < b or b < a for a in first for b in second if len(a & b) > 1):
        return Likeness.NAME
    heard, written = _heard(one), _heard(other)
    if heard & written:
        return Likeness.SOUND
    alike = max(
        (SequenceMatcher(None, a, b).ratio() for a in _spelled(first) for b in _spelled(second)),
        default=0.0,
    )
    return Likeness.SPELLING if alike >= SPELLED_ALIKE else None


def is_slip(one: date, other: date) -> bool:
    """Whether two days of birth differ by one slip: one digit, or day and month exchanged."""
    if one == other:
        return False
    digits = sum(a != b for a, b in zip(one.isoformat(), other.isoformat(), strict=True))
    return digits == 1 or (one.year, one.day, one.month) == (other.year, other.month, other.day)


def likenesses(one: Person, other: Person, *, same_number: bool) -> tuple[Likeness, ...]:
    """Give all that speaks for one person; empty where a known day of birth or sex speaks against it."""
    found = [Likeness.NUMBER] if same_number else []
    named = name_likeness(one, other)
    if named is not None:
        found.append(named)
    if one.birth_date and other.birth_date:
        if one.birth_date == other.birth_date:
            found.append(Likeness.BIRTH_DATE)
        elif is_slip(one.birth_date, other.birth_date):
            found.append(Likeness.BIRTH_DATE_SLIP)
        else:
            return ()
    differ = bool(one.sex and other.sex and one.sex != other.sex)
    return tuple(found) if len(found) > 1 and not differ else ()


def contradict(known: Person, said: Person) -> bool:
    """Whether images under a known number seem to be of somebody else.

    Another day of birth always does; another name does unless the same day of birth vouches for the person, and so
    does another name with another sex. What one side does not say contradicts nothing.
    """
    both_born = known.birth_date is not None and said.birth_date is not None
    if both_born and known.birth_date != said.birth_date:
        return True
    if not known.name.strip("^= ") or not said.name.strip("^= ") or name_likeness(known, said) is not None:
        return False
    other_sex = bool(known.sex and said.sex and known.sex != said.sex)
    return other_sex or not both_born


def _forms(name: str) -> set[frozenset[str]]:
    """The words of each form of a name, without case, accents and order."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    forms = (frozenset(word for word in NO_LETTER.split(form) if word) for form in plain.split(FORMS))
    whole = {frozenset({"".join(HAN_RUN.findall(form))}) for form in plain.split(FORMS) if HAN_RUN.search(form)}
    return {form for form in forms if form} | whole


def _spelled(forms: set[frozenset[str]]) -> set[str]:
    return {" ".join(sorted(form)) for form in forms}


def _heard(person: Person) -> set[str]:
    """The name as one string of syllables, in whatever order family and given name stand."""
    heard = {"".join(sorted(form)) for form in _forms(person.name) if not any(HAN_RUN.search(word) for word in form)}
    if person.sounds:
        parts = _syllables(person.sounds)
        heard |= {"".join(sorted(["".join(parts[:cut]), "".join(parts[cut:])])) for cut in range(len(parts))}
        heard.add("".join(sorted(parts)))
    return heard


def _syllables(sounds: str) -> list[str]:
    """The syllables that stand before the same ones written together (``services.names`` says the order)."""
    said = sounds.split()
    for count in range(1, len(said)):
        if said[count] == "".join(said[:count]):
            return said[:count]
    return said
