"""Why a patient did or did not get a reminder: every rung of every open step with its verdict and reason, now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nodules_app.ladder.plan import Facts, Step, plan
from nodules_app.ladder.rungs import Rung
from nodules_app.lifecycles import OPEN_FOLLOW_UP
from nodules_app.models import FollowUp, Patient, Reminder
from nodules_app.services.reminders.gather import gather
from nodules_app.services.reminders.rules import calendar_of, ladder_of


@dataclass(frozen=True, slots=True)
class Line:
    """One rung: the rule, what it says at this moment, and the rows that it caused under this plan."""

    rung: Rung | None
    step: Step
    rows: tuple[Reminder, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """One open step with its ladder."""

    follow_up: FollowUp
    facts: Facts
    lines: tuple[Line, ...]


def explain(patient: Patient, *, now: datetime) -> tuple[Explained, ...]:
    """Judge every rung of every open step of a patient, and lay beside it what was done."""
    steps = list(
        FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP)
        .select_related("patient__clinic", "exam", "owner__covered_by")
        .order_by("due_until", "pk")
    )
    if not steps:
        return ()
    clinic = steps[0].patient.clinic
    ladder, calendar = ladder_of(clinic), calendar_of(clinic)
    rungs: Mapping[str, Rung] = {rung.code: rung for rung in ladder.rungs}
    rows = list(Reminder.objects.filter(follow_up__in=steps).select_related("acknowledged_by").order_by("pk"))
    return tuple(
        Explained(
            one.follow_up,
            one.facts,
            tuple(
                Line(
                    rungs.get(step.rung),
                    step,
                    tuple(
                        row
                        for row in rows
                        if (row.follow_up_id, row.plan, row.rung) == (one.follow_up.pk, one.plan, step.rung)
                    ),
                )
                for step in plan(one.facts, ladder.rungs, calendar, now)
            ),
        )
        for one in gather(steps)
    )
