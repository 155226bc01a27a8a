"""A step that a guideline's answer asked for, and what the tests of its end say about it."""

from __future__ import annotations

from datetime import date

from nodules_app.models import Assessment, FollowUp, FollowUpKind, Patient, Study
from nodules_app.services import follow_ups
from tests import factories

BASELINE, LATER = date(2026, 5, 19), date(2026, 11, 18)
WINDOW = (date(2026, 11, 1), date(2026, 11, 15), date(2026, 12, 1))


def answer(patient: Patient, management: str = "ct_6_12m_then_18_24m", on: date = BASELINE) -> Assessment:
    return factories.assessment(patient, factories.result("FLEISCHNER2017", management, "X"), exam_on=on)


def ask_for_ct(patient: Patient, on: date = BASELINE, kind: FollowUpKind = FollowUpKind.CT) -> FollowUp:
    step = follow_ups.propose(
        assessment=answer(patient, on=on), kind=kind, window=WINDOW, nodules=list(patient.nodules.all())
    )
    assert step
    return step


def exam(patient: Patient, on: date = LATER) -> Study:
    return factories.scan(patient, on).study


def now(step: FollowUp) -> FollowUp:
    return FollowUp.objects.select_related("evidence").get(pk=step.pk)
