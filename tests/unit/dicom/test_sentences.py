"""Every refusal and notice has its own code, a sentence, and (for refusals) a remedy."""

from __future__ import annotations

import importlib
import pkgutil
import string

import pytest

import nodules_app.dicom
from nodules_app.dicom.errors import EmptyFile, FileRefused, MissingElement, name_some, printable
from nodules_app.dicom.notices import Notice
from registration.errors import Refused

for module in pkgutil.iter_modules(nodules_app.dicom.__path__, "nodules_app.dicom."):
    importlib.import_module(module.name)


def below(base: type[Refused] | type[Notice]):
    return [one for child in base.__subclasses__() for one in (child, *below(child))]


OURS = [one for base in (Refused, Notice) for one in below(base) if one.__module__.startswith("nodules_app.dicom")]
SAID = [one for one in OURS if "code" in vars(one)]


def test_no_two_share_a_code():
    codes = [one.code for one in SAID]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("kind", SAID, ids=lambda kind: kind.code)
def test_every_one_is_a_sentence_with_named_facts(kind: type[Refused] | type[Notice]):
    assert kind.sentence.endswith((".", "}"))
    assert kind.code.replace("_", "").isalnum()
    facts = [name for _, name, _, _ in string.Formatter().parse(kind.sentence + kind.remedy) if name is not None]
    assert all(name.isidentifier() for name in facts)
    if issubclass(kind, Refused):
        assert kind.remedy.endswith(".")


def test_names_of_files_are_shown_on_one_line():
    assert printable("a\nb\x00\u202e") == "a\\nb\\x00\\u202e"
    assert len(printable("x" * 500)) == 80


def test_many_files_are_counted_not_listed():
    assert name_some(["a", "b"]) == "a, b"
    assert name_some(["a", "b", "c", "d", "e"]) == "a, b, c … (+2)"


def test_braces_in_a_name_do_no_harm():
    assert "{x}" in EmptyFile("{x}.dcm").as_sentence()


def test_the_same_complaint_is_said_once():
    complaints = [
        MissingElement("a", tag="Rows"),
        EmptyFile("b"),
        MissingElement("c", tag="Rows"),
        MissingElement("d", tag="X"),
    ]
    merged = FileRefused.merged(complaints)
    assert [one.names for one in merged] == [("a", "c"), ("b",), ("d",)]
    assert merged[0].files_concerned == 2


def test_a_notice_without_its_facts_fails_at_once():
    from nodules_app.dicom.notices import TooThick

    with pytest.raises(KeyError):
        TooThick(slice_mm=5)
