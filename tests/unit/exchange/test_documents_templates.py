"""Templates: what they may name, what is refused and how, and that filling leaves no gap."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.exchange.documents_templates import (
    DOCTOR,
    FIELDS,
    OWN,
    PATIENT,
    FieldIsEmpty,
    LoneBrace,
    Template,
    UnknownField,
    check,
    fill,
)

KNOWN = {kind: dict.fromkeys(fields, "something") for kind, fields in FIELDS.items()}


def template(text: str, kind: str = PATIENT, subject: str = "Subject") -> Template:
    return Template(kind, "en", subject, text)


@pytest.mark.parametrize("own", OWN.values(), ids=lambda own: own.name)
def test_the_products_own_templates_can_be_filled(own: Template) -> None:
    filled = fill(own, KNOWN[own.kind])
    assert "{" not in filled.subject + filled.text
    assert "something" in filled.text


def test_there_is_a_template_of_each_letter_in_each_language() -> None:
    assert set(OWN) == {(kind, language) for kind in (PATIENT, DOCTOR) for language in ("en", "zh-hans")}


@pytest.mark.parametrize("text", ["{}", "{patient}", "{patient_name }", "{Patient_name}", "{0}", "{patient_name!r}"])
def test_a_field_that_nobody_knows_is_named(text: str) -> None:
    with pytest.raises(UnknownField) as refused:
        check(template(f"Dear {text},"))
    assert text in refused.value.as_sentence()


def test_a_field_of_the_other_letter_is_unknown_here() -> None:
    check(template("{findings}", DOCTOR))
    with pytest.raises(UnknownField):
        check(template("{findings}", PATIENT))
    with pytest.raises(UnknownField):
        check(template("x", subject="{findings}"))


@pytest.mark.parametrize(("text", "line"), [("a\nDear {name", 2), ("}", 1), ("{{patient_name}}", 1)])
def test_a_lone_brace_is_found_in_its_line(text: str, line: int) -> None:
    with pytest.raises(LoneBrace) as refused:
        check(template(text))
    assert f"line {line}" in refused.value.as_sentence()


def test_a_gap_is_refused_with_what_it_is() -> None:
    with pytest.raises(FieldIsEmpty, match="whom to call"):
        fill(template("{contact}"), KNOWN[PATIENT] | {"contact": ""})


@given(st.text(st.characters(exclude_characters="{}"), max_size=40), st.text(max_size=20))
def test_the_words_around_the_fields_stay_and_braces_of_a_value_are_no_fields(around: str, value: str) -> None:
    filled = fill(template(f"{around}{{result}}"), KNOWN[PATIENT] | {"result": value or "x"})
    assert filled.text == f"{around}{value or 'x'}"
