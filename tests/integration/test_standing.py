"""Who stands on which list: the count, the page, the tags and the first rows agree, whoever the patients are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodules_app.lifecycles import EXAM_MADE, OPEN_FOLLOW_UP, FollowUpState, ReminderState, RunState
from nodules_app.models import Clinic, FollowUp, FollowUpKind, Patient, Role, Run, RunKind
from nodules_app.models.reminders import IN_TROUBLE
from nodules_app.models.runs import WITHOUT_RESULT
from nodules_app.selectors.worklist.lists import ACT, Show
from nodules_app.selectors.worklist.page import EVERYBODY, worklist
from nodules_app.selectors.worklist.standing import counts, in_order, shows_of
from tests import factories
from tests.clinic import refused, unreached

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 23)
ALL = 1000
# A patient has one open step of these, and one review beside it: patient_has_one_open_step.
STEP_KINDS = (FollowUpKind.CT, FollowUpKind.WORKUP, FollowUpKind.DISCHARGE)


@dataclass(frozen=True)
class Told:
    """One step as it is drawn: state, and days from today to the three days of its window."""

    kind: FollowUpKind
    state: FollowUpState
    due_from: int
    target_on: int
    due_until: int

    def shows(self) -> set[Show]:
        """The lists by the words of their definition, told apart from the database."""
        on = {
            FollowUpState.NOT_ATTENDED: Show.MISSED,
            FollowUpState.REPORTED: Show.DECIDE,
            FollowUpState.LOST_SUSPECTED: Show.DECIDE,
            FollowUpState.PROPOSED: Show.NEW,
            FollowUpState.PERFORMED: Show.REPORT,
        }
        stands = {on[self.state]} if self.state in on else set()
        if self.state not in EXAM_MADE and self.due_until < 0:
            stands.add(Show.OVERDUE)
        if self.state not in EXAM_MADE and self.due_from <= 0 <= self.due_until:
            stands.add(Show.DUE)
        can_be_booked = self.kind in (FollowUpKind.CT, FollowUpKind.WORKUP)
        if can_be_booked and self.state in (FollowUpState.PLANNED, FollowUpState.DEFERRED):
            stands |= {Show.BOOK} if self.due_until >= 0 and self.target_on <= 42 else set()
        return stands


@dataclass(frozen=True)
class Person:
    """One patient as drawn."""

    steps: tuple[Told, ...]
    elsewhere: bool  # of another clinic
    scanned: bool
    marked: bool
    failed: ReminderState | None
    run: RunState | None
    made_good: bool

    def shows(self) -> set[Show]:
        stands: set[Show] = set().union(*(step.shows() for step in self.steps))
        if self.scanned and not self.marked:
            stands.add(Show.NEW)
        if self.steps and self.failed in IN_TROUBLE:
            stands.add(Show.UNREACHED)
        if self.run in WITHOUT_RESULT and not self.made_good:
            stands.add(Show.REFUSED)
        if self.run is RunState.QUEUED:
            stands.add(Show.RUNNING)
        return stands


days = st.sampled_from((-400, -43, -1, 0, 1, 41, 42, 43, 400))


@st.composite
def told(draw: st.DrawFn, kinds: tuple[FollowUpKind, ...]) -> Told:
    window = sorted(draw(st.tuples(days, days, days)))
    return Told(draw(st.sampled_from(kinds)), draw(st.sampled_from(OPEN_FOLLOW_UP)), *window)


@st.composite
def person(draw: st.DrawFn) -> Person:
    steps = draw(st.lists(told(STEP_KINDS), max_size=1)) + draw(st.lists(told((FollowUpKind.REVIEW,)), max_size=1))
    return Person(
        tuple(steps),
        elsewhere=draw(st.booleans()) and draw(st.booleans()),
        scanned=draw(st.booleans()),
        marked=draw(st.booleans()),
        failed=draw(st.none() | st.sampled_from((ReminderState.FAILED, ReminderState.BOUNCED, ReminderState.QUEUED))),
        run=draw(st.none() | st.sampled_from((RunState.REFUSED, RunState.SUCCEEDED, RunState.QUEUED))),
        made_good=draw(st.booleans()),
    )


def come(one: Person, elsewhere: Clinic) -> Patient:
    """Write a drawn patient into the tables."""
    patient = factories.patient(**({"clinic": elsewhere} if one.elsewhere else {}))
    exam = factories.scan(patient, TODAY).study if one.scanned else None
    for step in one.steps:
        if step.state is FollowUpState.REPORTED and exam is None:
            exam = factories.scan(patient, TODAY).study
        first, target, last = (TODAY + timedelta(days=day) for day in (step.due_from, step.target_on, step.due_until))
        FollowUp.objects.create(
            patient=patient,
            kind=step.kind,
            state=step.state,
            due_from=first,
            target_on=target,
            due_until=last,
            booked_on=first if step.state is FollowUpState.BOOKED else None,
            exam=exam if step.state is FollowUpState.REPORTED else None,
        )
    made_for_its_step = exam is not None and not one.scanned
    if one.marked or made_for_its_step:
        factories.nodule(patient, covered=False)
    if one.failed and one.steps:
        for _ in range(3):  # several messages of one patient are one place on the list
            unreached(patient, one.failed)
    if one.run is RunState.REFUSED:
        refused(patient)
        refused(patient, RunKind.MEASURE)
        if one.made_good:
            for kind in (RunKind.ASSESS, RunKind.MEASURE):
                Run.objects.create(kind=kind, patient=patient, state=RunState.SUCCEEDED)
    elif one.run:
        Run.objects.create(kind=RunKind.ASSESS, patient=patient, state=one.run)
    return patient


@contextmanager
def taken_back() -> Iterator[None]:
    """Leave nothing to the next example; what is checked at a commit is not what is asked here."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(person(), max_size=7))
def test_counts_pages_and_tags_of_every_list_agree_with_its_words(people: list[Person]) -> None:
    with taken_back():
        user, elsewhere = factories.member(), factories.clinic(name="Elsewhere")
        patients = [come(one, elsewhere) for one in people]
        expected = {patient.pk: one.shows() for patient, one in zip(patients, people, strict=True)}
        assert shows_of(expected, TODAY) == expected
        ours = {patient.pk for patient, one in zip(patients, people, strict=True) if not one.elsewhere}
        clinics = [factories.clinic().pk]
        counted = counts(clinics, TODAY)
        for show in Show:
            on_it = {key for key in ours if show in expected[key]}
            assert counted.of[show] == len(on_it)
            assert set(in_order((show,), clinics, TODAY, ALL)) == on_it
        act = in_order(ACT, clinics, TODAY, ALL)
        assert counted.to_act_on == len(act) == len({key for key in ours if expected[key] & set(ACT)})
        ranks = [min(ACT.index(show) for show in expected[key] & set(ACT)) for key in act]
        assert ranks == sorted(ranks)
        for most in range(len(act)):
            assert in_order(ACT, clinics, TODAY, most) == act[:most]
        everybody = worklist(user=user, today=TODAY, show=EVERYBODY)
        followed = sum(bool(one.steps) and not one.elsewhere for one in people)
        assert len(everybody.rows) == everybody.matching == counted.everybody == followed
        deadlines = [row.step.due_until for row in everybody.rows if row.step]
        assert deadlines == sorted(deadlines)


@pytest.mark.parametrize("show", ["", EVERYBODY, *Show])
def test_whoever_sees_no_patients_has_empty_lists(show: str) -> None:
    unreached(factories.follow_up(factories.patient(), overdue=True).patient)
    nobody = factories.member(Role.ADMINISTRATOR)
    found = worklist(user=nobody, today=TODAY, show=show)
    assert (found.matching, found.rows, found.counts.has_patients) == (0, (), False)
