"""Names in all their forms, slips of the pen, and what contradicts a known person."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.selectors.likeness import Likeness, Person, contradict, is_slip, likenesses, name_likeness
from nodules_app.services.names import sounds_of

BORN = date(1958, 3, 14)


def person(name: str, born: date | None = BORN, sex: str = "") -> Person:
    return Person(name, sounds_of(name), born, sex)


@pytest.mark.parametrize(
    ("one", "other", "found"),
    [
        ("Miller^Jane", "Jane Miller", Likeness.NAME),
        ("MILLER^JANE", "miller^jane", Likeness.NAME),
        ("Müller^Jane", "Mu\u0308ller^Jane", Likeness.NAME),
        ("Zhang^San=张^三", "张三", Likeness.NAME),
        ("Miller^Jane^Anna", "Miller^Jane", Likeness.NAME),
        ("张^三", "Zhang^San", Likeness.SOUND),
        ("张^三", "San Zhang", Likeness.SOUND),
        ("欧阳^修明", "OUYANG^XIUMING", Likeness.SOUND),
        ("章^三", "张^三", Likeness.SOUND),
        ("Meyer^Anna", "Meier^Anna", Likeness.SPELLING),
        ("Li^Na", "Li^Ming", None),
        ("张^三", "李^四", None),
        ("Miller^Jane", "Smith^John", None),
        ("Miller^Jane", "Miller^Robert", None),
        ("", "Miller^Jane", None),
        ("^^", "==", None),
    ],
)
def test_names_agree_in_any_form(one: str, other: str, found: Likeness | None) -> None:
    assert name_likeness(person(one), person(other)) == found
    assert name_likeness(person(other), person(one)) == found


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_has_no_direction_and_never_breaks(one: str, other: str) -> None:
    assert (name_likeness(person(one), person(other)) is None) == (name_likeness(person(other), person(one)) is None)


@given(st.dates())
def test_no_day_is_a_slip_of_itself(day: date) -> None:
    assert not is_slip(day, day)


@pytest.mark.parametrize(
    ("other", "slip"),
    [
        (date(1958, 3, 15), True),
        (date(1968, 3, 14), True),
        (date(1958, 4, 3), False),
        (date(1971, 9, 2), False),
    ],
)
def test_one_digit_is_a_slip(other: date, slip: bool) -> None:
    assert is_slip(BORN, other) == slip


def test_day_and_month_exchanged_is_a_slip() -> None:
    assert is_slip(date(1958, 3, 4), date(1958, 4, 3))


def test_one_person_is_proposed_for_two_reasons_at_least() -> None:
    assert likenesses(person("Miller^Jane"), person("Miller^Jane"), same_number=False) == (
        Likeness.NAME,
        Likeness.BIRTH_DATE,
    )
    assert likenesses(person("Miller^Jane"), person("Smith^Ann"), same_number=False) == ()
    assert likenesses(person("Miller^Jane", None), person("Miller^Jane", None), same_number=False) == ()


def test_another_day_of_birth_or_sex_speaks_against_it() -> None:
    jane = person("Miller^Jane", sex="female")
    assert likenesses(jane, person("Miller^Jane", date(1990, 12, 31)), same_number=True) == ()
    assert likenesses(jane, person("Miller^Jane", sex="male"), same_number=True) == ()


@pytest.mark.parametrize(
    ("said", "doubtful"),
    [
        (person("Miller^Jane", date(1958, 3, 15)), True),  # a slip or another person: somebody must look
        (person("Smith^Ann"), False),  # a name may change; number and day of birth agree
        (person("Smith^Ann", None), True),
        (person("Smith^John", BORN, "male"), True),
        (person("Meller^Jane", None), False),
        (person("", None), False),
        (person("JANE MILLER", None, "female"), False),
    ],
)
def test_what_contradicts_a_known_person(said: Person, doubtful: bool) -> None:
    assert contradict(person("Miller^Jane", BORN, "female"), said) == doubtful
