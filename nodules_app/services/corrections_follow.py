"""What follows from a correction, at once: growth, answers, plan; and what changed because of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db.models.functions import Now

from nodules_app.lifecycles import RUN, RunState, after
from nodules_app.models import Match, Patient, Run, RunKind, User
from nodules_app.services import assessments, follow_ups, growths
from nodules_app.services.nodules import NOTHING_LEFT
from nodules_app.services.pipeline import planning

Json = dict[str, Any]
OF_NODULE: Final = ("state", "attenuation", "volume_mm3", "volume_sd_mm3", "mean_diameter_mm")
OF_CHANGE: Final = ("word", "volume_ratio", "vdt_days", "vdt_low_days", "vdt_high_days")


def follow(patient: Patient, nodules: Iterable[int], *, by: User) -> None:
    """Compute what rests on these nodules: their growth on graded pairs, then the answers, then the plan.

    The patient is held by the caller. No voxel is read: what needs one has been asked of the workers.
    """
    matches = Match.objects.filter(nodule__in=set(nodules), superseded_at__isnull=True)
    for match in matches.select_related("comparison", "prior_finding", "current_finding").order_by("pk"):
        graded = growths.grade_of(match.comparison)
        if graded is not None:
            growths.store_growth(match, match.comparison, graded)
    case = assessments.case_of(patient)
    if case is not None and case["nodules"]:
        assessments.store_answer(patient, case, assessments.answer_case(case))
        planning.plan(patient)
    # Done just now: who asked for it while the act went on needs no worker.
    asked = Run.objects.filter(patient=patient, kind__in=(RunKind.ASSESS, RunKind.PLAN), state=RunState.QUEUED)
    asked.update(state=after(RUN, RunState.QUEUED, "cancel"), ended_at=Now())
    follow_ups.settle(patient=patient, by=by, reason=NOTHING_LEFT)


def effect_of(before: Json, after: Json) -> Json:
    """Name what differs between two contents of a reading, each as before and after."""
    nodules = _nodules_that_differ(before, after)
    answers = {row["guideline"]: row for row in before["answers"]}
    said = [
        {"guideline": row["guideline"], "before": _answer(answers.get(row["guideline"])), "after": _answer(row)}
        for row in after["answers"]
        if _answer(answers.get(row["guideline"])) != _answer(row)
    ]
    step = [] if before["step"] == after["step"] else [{"before": before["step"], "after": after["step"]}]
    return {"nodules": nodules, "answers": said, "step": step}


def _nodules_that_differ(before: Json, after: Json) -> list[Json]:
    earlier = {row["label"]: row for row in before["nodules"]}
    later = {row["label"]: row for row in after["nodules"]}
    labels = [*earlier, *(label for label in later if label not in earlier)]
    return [
        {"label": label, "before": first, "after": second}
        for label in labels
        if (first := _nodule(earlier.get(label))) != (second := _nodule(later.get(label)))
    ]


def _nodule(row: Json | None) -> Json | None:
    if row is None:
        return None
    sides = {
        side: {name: (row[side] or {}).get(name) for name in OF_NODULE if name != "state"}
        for side in ("prior", "current")
    }
    change = {name: (row["change"] or {}).get(name) for name in OF_CHANGE}
    return {"state": row["state"], "facts": row["facts"]} | sides | {"change": change}


def _answer(row: Json | None) -> Json | None:
    return None if row is None else {name: row[name] for name in ("rule_id", "category", "management")}
