"""A patient of eight years for tests and benchmarks: 20 exams, 15 nodules, and all that happened in between.

Nobody here exists. Two of the nodules grow, one shrinks, one goes, two come late; the others only wander within the
error of measurement, as most do. Rows are written at the days on which they would have been, in the order of time.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Final
from unittest import mock

import numpy as np
from django.db import transaction
from django.utils import timezone

from inference.estimate import Estimate
from inference.growth import growth
from nodules_app.ladder.rungs import Channel, Recipient, Tier
from nodules_app.lifecycles import FollowUpState, ReminderState
from nodules_app.models import (
    ClinicalDocument,
    Comparison,
    ComparisonWord,
    ContactAttempt,
    DocumentKind,
    Finding,
    FollowUp,
    FollowUpChange,
    FollowUpKind,
    Measurement,
    Nodule,
    OutcomeKind,
    Patient,
    Reminder,
    Scan,
    User,
)
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import decisions, follow_ups, readings, reports
from nodules_app.services.mdt import cases, outcomes
from nodules_app.services.mdt.meetings import plan_meeting
from tests import factories

EXAMS: Final = 20
NODULES: Final = 15
EVERY_DAYS: Final = 152  # from the first exam to the last: 20 exams, a little less than eight years
REPEATABLE: Final = 0.09  # standard deviation of ln(volume), as the factory's measurements say
CONFERENCES: Final = {
    8: OutcomeKind.CT,
    15: OutcomeKind.PET_CT,
    18: OutcomeKind.CT,
}  # after these exams
MISSED: Final = (4, 11)  # exams before which the patient did not come
LETTERS: Final = (0, 3, 7, 12, 16, 18, 19)  # exams after which a report and both letters were signed


@dataclass(frozen=True, slots=True)
class Course:
    """How one nodule goes: its first volume, from which exam to which it is seen, and how it doubles."""

    first_mm3: float
    from_exam: int = 0
    until_exam: int = EXAMS
    doubles_days: float = float("inf")
    grows_from: int = 0

    def volume_mm3(self, exam: int) -> float:
        days = max(0, exam - self.grows_from) * EVERY_DAYS
        return self.first_mm3 * math.exp2(days / self.doubles_days)


COURSES: Final = (  # the nodule that came first has the lowest number
    Course(140, doubles_days=520, grows_from=14),
    Course(310, doubles_days=-1900),
    Course(95, until_exam=9),
    *(Course(volume_mm3) for volume_mm3 in (41, 48, 57, 66, 83, 104, 126, 171, 232)),
    Course(62, from_exam=9, doubles_days=390, grows_from=16),
    Course(72, from_exam=12),
    Course(54, from_exam=18),
)


@dataclass
class Told:
    """What has been written so far."""

    patient: Patient
    reader: User
    nodules: list[Nodule] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    steps: list[FollowUp] = field(default_factory=list)
    latest: dict[int, tuple[Finding, Measurement]] = field(default_factory=dict)


def long_story(*, by: User, last_on: date, exams: int = EXAMS, nodules: int = NODULES, **fields: object) -> Patient:
    """Write the patient, read and signed by one reader; the last exam was on the day given."""
    told = Told(factories.patient(**({"name": "Demo^Eight Years"} | fields)), by)
    type(told.patient.clinic).objects.filter(pk=told.patient.clinic_id, reply_phone="").update(reply_phone="555 0100")
    rng = np.random.default_rng(8)
    days = [last_on - timedelta(days=EVERY_DAYS * back) for back in reversed(range(exams))]
    for exam, on in enumerate(days):
        with at(on + timedelta(days=2)):
            _examine(told, exam, on, COURSES[:nodules], rng)
            _read(told, exam)
            if exam in CONFERENCES and exam + 1 < len(days):
                _confer(told, CONFERENCES[exam], on + timedelta(days=20))
    for exam, (on, following) in enumerate(pairwise(days), start=1):
        _in_between(told, told.steps[exam - 1], on, following, missed=exam in MISSED)
    return told.patient


@contextmanager
def at(day: date) -> Iterator[None]:
    """Let it be noon of a day for all that asks the clock."""
    with mock.patch("django.utils.timezone.now", return_value=_noon(day)):
        yield


def _noon(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(12)))


@transaction.atomic
def _examine(told: Told, exam: int, on: date, courses: Sequence[Course], rng: np.random.Generator) -> None:
    scan = factories.scan(told.patient, on)
    pair = factories.comparison(told.scans[-1], scan) if told.scans else None
    told.scans.append(scan)
    for number, course in enumerate(courses):
        if course.from_exam > exam:
            continue
        if number >= len(told.nodules):
            told.nodules.append(factories.nodule(told.patient, covered=False, number=number + 1))
        _see(told, number, exam, course, pair, rng)
    answer = factories.result("BTS2015", "bts_ct_12m" if exam % 3 else "bts_biopsy_or_annual_ct", "FU.12M.STABLE")
    known = factories.assessment(told.patient, answer, told.nodules[0], exam_on=on)
    factories.assessment(
        told.patient, factories.result("FLEISCHNER2017", "ct_6_12m_then_18_24m", "SOLID.MULTI.6-8"), exam_on=on
    )
    first = on + timedelta(days=EVERY_DAYS - 20)
    window = (first, first + timedelta(days=15), first + timedelta(days=30))
    step = follow_ups.propose(assessment=known, kind=FollowUpKind.CT, window=window, nodules=told.nodules)
    assert step is not None
    decisions.accept(follow_up=step, by=told.reader)
    told.steps.append(step)


def _see(told: Told, number: int, exam: int, course: Course, pair: Comparison | None, rng: np.random.Generator) -> None:
    """Measure a nodule on the latest scan, and compare it with the one before."""
    is_gone = exam >= course.until_exam
    found = factories.finding(told.nodules[number], told.scans[-1], (4.0 * number - 28, 0.0, 0.0), present=not is_gone)
    prior = told.latest.pop(number, None)
    if is_gone:
        if pair is not None and prior is not None:
            factories.match(pair, prior[0], found, ComparisonWord.RESOLVED)
        return
    volume_mm3 = course.volume_mm3(exam) * float(np.exp(rng.normal(0, REPEATABLE)))
    measured = factories.measurement(found, volume_mm3)
    told.latest[number] = found, measured
    if pair is None or prior is None:
        return
    joined = factories.match(pair, prior[0], found, _became(prior[1], measured))
    factories.grown(joined, prior[1], measured)


def _became(prior: Measurement, current: Measurement) -> ComparisonWord:
    """Say what the two measurements show by themselves."""
    first, last = (Estimate(one.volume_mm3 or 0.0, one.volume_sd_mm3 or 0.0) for one in (prior, current))
    told = growth(first, last, EVERY_DAYS)
    if told.significant:
        return ComparisonWord.LARGER_MARKEDLY
    return ComparisonWord.SMALLER_SLIGHTLY if told.significantly_smaller else ComparisonWord.UNCHANGED


def _read(told: Told, exam: int) -> None:
    """Read and sign the latest exam; after some of them report and letters are signed too."""
    readings.exam_came(told.scans[-1])
    content = content_of(told.patient, told.scans[-1])
    begun = readings.begin(patient=told.patient, by=told.reader)
    readings.sign(reading=begun, shown_sha256=sha256_of(content), by=told.reader)
    if exam in LETTERS:
        for kind in DocumentKind:
            draft: ClinicalDocument = reports.write(patient=told.patient, kind=kind, language="en", by=told.reader)
            reports.sign(document=draft, shown_version=draft.version, by=told.reader)


def _confer(told: Told, kind: OutcomeKind, on: date) -> None:
    """Discuss the patient in a conference, and confirm what was decided."""
    chair = told.reader
    held = plan_meeting(
        clinic=told.patient.clinic, starts_at=_noon(on), cut_off_at=_noon(on), place="Room 4", chair=chair, quorum=[],
        by=chair,
    )  # fmt: skip
    case = cases.put_on(patient=told.patient, question="Does the growth call for more?", by=chair, meeting=held)
    with at(on):
        ct_on = on + timedelta(days=EVERY_DAYS - 20) if kind == OutcomeKind.CT else None
        tasks = [outcomes.Task(what="Book it", owner=chair, due_on=on + timedelta(days=14))]
        outcomes.draft(case=case, kind=kind, by=chair, tasks=tasks, ct_on=ct_on)
        outcomes.confirm(case=case, by=chair)
        for action in case.actions.all():
            outcomes.finish_action(action=action, result="Booked.", by=chair)


def _in_between(told: Told, step: FollowUp, on: date, following: date, *, missed: bool) -> None:
    """Reminders before an exam, the call that was made of them, and the day on which nobody came."""
    for number, back in enumerate((30, 14, 3)):
        day = following - timedelta(days=back)
        text = f"Your CT of {on}"
        Reminder.objects.create(
            key=f"{step.code}-{number}", clinic=told.patient.clinic, patient=told.patient, follow_up=step,
            plan="before", rung=f"before-{back}", tier=Tier.MIDDLE, recipient=Recipient.PATIENT,
            channel=Channel.LETTER if number == 0 else Channel.MESSAGE, planned_on=day, state=ReminderState.DELIVERED,
            text=text, text_sha256=hashlib.sha256(text.encode()).hexdigest(), handed_over_at=_noon(day),
        )  # fmt: skip
    ContactAttempt.objects.create(
        patient=told.patient, follow_up=step, at=_noon(following - timedelta(days=5)), by=told.reader,
        channel="call", outcome="reached", agreed="confirmed",
    )  # fmt: skip
    if missed:
        FollowUpChange.objects.create(
            follow_up=step, version=900, at=_noon(following - timedelta(days=20)), by=told.reader, step="miss",
            from_state=FollowUpState.BOOKED, to_state=FollowUpState.NOT_ATTENDED, why="The telephone was off.",
        )  # fmt: skip
