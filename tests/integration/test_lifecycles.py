"""The tables of states: the page drawn from them, the words for them, and the database that holds the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from nodules_app import lifecycles
from nodules_app.lifecycles import (
    END_STEP,
    ENDED_BY,
    ENDED_FOLLOW_UP,
    FOLLOW_UP,
    OPEN_FOLLOW_UP,
    EvidenceKind,
    FollowUpState,
    NoduleState,
    NoSuchStep,
    after,
)
from nodules_app.management.lifecycles_page import NEEDS, lifecycles_page
from nodules_app.templatetags import follow_ups as words
from nodules_app.templatetags.patients import NODULE_STATE

TABLES: dict[str, tuple[Mapping[tuple[StrEnum, str], StrEnum], type[StrEnum], set[str]]] = {
    "follow-up": (FOLLOW_UP, FollowUpState, {"proposed"}),
    "nodule": (lifecycles.NODULE, NoduleState, {"active"}),
    "MDT case": (lifecycles.MDT_CASE, lifecycles.MdtCaseState, {"draft"}),
    "reminder": (lifecycles.REMINDER, lifecycles.ReminderState, {"queued", "suppressed"}),
    "document": (lifecycles.DOCUMENT, lifecycles.DocumentState, {"draft"}),
    "appointment": (lifecycles.APPOINTMENT, lifecycles.AppointmentState, {"booked"}),
    "run": (lifecycles.RUN, lifecycles.RunState, {"queued"}),
    "errand": (lifecycles.ERRAND, lifecycles.ErrandState, {"queued"}),
}


def test_the_page_is_what_the_tables_say() -> None:
    page = Path(settings.BASE_DIR) / "docs" / "lifecycles.md"
    assert page.read_text("utf-8") == lifecycles_page(), "run manage.py print_lifecycles"


@pytest.mark.parametrize("name", TABLES)
def test_every_state_can_be_reached(name: str) -> None:
    table, states, reached = TABLES[name]
    reached = set(reached)
    while more := {str(goal) for (state, _step), goal in table.items() if str(state) in reached} - reached:
        reached |= more
    assert reached == set(states)


def test_what_ended_goes_nowhere_and_everything_open_can_end() -> None:
    for state in ENDED_FOLLOW_UP:
        assert not lifecycles.steps_from(FOLLOW_UP, state)
    for state in OPEN_FOLLOW_UP:
        assert set(END_STEP.values()) <= set(lifecycles.steps_from(FOLLOW_UP, state))


def test_a_step_that_a_state_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(NoSuchStep, match="closed knows no step book") as refused:
        after(FOLLOW_UP, FollowUpState.CLOSED, "book")
    said = words.no_such_step_words(refused.value)
    assert said == "This step is now: Closed. “Booked” is not possible from there; nothing was changed."


def test_each_state_change_and_evidence_has_its_words() -> None:
    assert set(words.STATE) == set(FollowUpState)
    assert set(words.EVIDENCE) == set(EvidenceKind) == set(ENDED_BY) == set(NEEDS)
    assert set(NODULE_STATE) == set(NoduleState)
    assert {step for _state, step in FOLLOW_UP} <= set(words.CHANGE)


def pairs_in(function: str, after_words: str) -> set[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT prosrc FROM pg_proc WHERE proname = %s", [function])
        (source,) = cursor.fetchone()
    told = source.split(after_words, 1)[1].split(")) THEN" if "OLD" in after_words else "))", 1)[0]
    return set(re.findall(r"\('(\w+)', '(\w+)'", told))


@pytest.mark.django_db
def test_the_database_holds_the_same_table_of_changes() -> None:
    legal = {(str(state), str(goal)) for (state, _step), goal in FOLLOW_UP.items() if state != goal}
    assert (
        pairs_in("nodules_app_follow_up_step", "(OLD.state, NEW.state) NOT IN (")
        - {(state, state) for state in FollowUpState}
        == legal
    )


@pytest.mark.django_db
def test_the_database_holds_the_same_table_of_evidence() -> None:
    told = pairs_in("nodules_app_follow_up_step", "(proof.kind, NEW.state) NOT IN (")
    assert told == {(str(kind), str(state)) for kind, state in ENDED_BY.items()}


@pytest.mark.django_db
def test_the_database_counts_the_same_states_as_open() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_viewdef('nodules_app_uncovered_nodule'::regclass)")
        (view,) = cursor.fetchone()
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'patient_has_one_open_step'"
        )
        (one_step,) = cursor.fetchone()
    for told in (view, one_step):
        assert set(re.findall(r"'(\w+)'", told)) - {"active", "review"} == set(OPEN_FOLLOW_UP)
