"""Step eight: one next step from what the guidelines say, chosen by the clinical core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import Final

from django.utils import timezone

from nodules_app.clinical.conference import conference_reasons
from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.clinical.next_step import NextStep, Step, next_step
from nodules_app.lifecycles import FOLLOWED_NODULE
from nodules_app.models import Assessment, FollowUpKind, Nodule, Patient, Run
from nodules_app.services import assessments, follow_ups, policy, readings
from nodules_app.services.mdt import cases
from nodules_app.services.pipeline.assessing import whose
from nodules_app.services.scans import scans_in_order

Window = tuple[date, date, date]
KIND: Final[Mapping[ManagementClass, FollowUpKind]] = {
    ManagementClass.WORK_UP: FollowUpKind.WORKUP,
    ManagementClass.DATED: FollowUpKind.CT,
    ManagementClass.NO_FOLLOW_UP: FollowUpKind.DISCHARGE,
}


def plan_next_step(run: Run) -> Callable[[], Mapping[str, str]]:
    """Plan once the guidelines were asked; see ``plan``."""
    patient = whose(run)

    def store() -> Mapping[str, str]:
        held = Patient.objects.select_for_update().get(pk=patient.pk)
        planned = plan(held)
        readings.notice_change(held)
        return planned

    return store


def plan(held: Patient) -> Mapping[str, str]:
    """Put one proposed step in the place of the open ones; nodules without a size keep their review.

    Returns
    -------
    Mapping
        The rule that leads and why; empty where there is nothing to plan.
    """
    followed = list(held.nodules.filter(state__in=FOLLOWED_NODULE).order_by("number"))
    chosen = leading_assessment(latest_answers(held))
    if not followed or chosen is None:
        return {}
    leading, step = chosen
    follow_ups.propose(
        assessment=leading,
        kind=KIND[_class(leading)],
        window=_window(leading),
        nodules=followed,
        still_unread=_without_size(held, followed),
    )
    _before_the_conference(held, leading)
    return {"plan": leading.rule_id, "because": step.as_sentence()}


def _before_the_conference(patient: Patient, leading: Assessment) -> None:
    """Put the patient before the conference where a rule asks for it."""
    results = [answer.answer["result"] for answer in latest_answers(patient)]
    reasons = conference_reasons(leading.inputs, {**leading.answer, "results": results})
    cases.put_on_by_rule(patient=patient, reasons=reasons, exam_on=leading.exam_on)


def latest_answers(patient: Patient) -> list[Assessment]:
    """The answer in force of each guideline, the clinic's own first, then as they stand side by side."""
    own = policy.of(patient).guideline
    order = sorted(assessments.SIDE_BY_SIDE[patient.setting], key=lambda guideline: guideline != own)
    rows = Assessment.objects.filter(patient=patient, guideline__in=order).order_by("guideline", "-pk")
    latest = {row.guideline: row for row in rows.distinct("guideline")}
    return [latest[guideline] for guideline in order if guideline in latest]


def leading_assessment(answers: Sequence[Assessment]) -> tuple[Assessment, NextStep] | None:
    """The answer whose step is the earliest safe one, with the reason; None when no guideline asks for a step."""
    by_step = {_step(answer): answer for answer in reversed(answers)}
    chosen = next_step(_step(answer) for answer in answers)
    return None if chosen is None else (by_step[chosen.step], chosen)


def _step(answer: Assessment) -> Step:
    """What a stored answer asks for."""
    result = answer.answer["result"]
    interval = result["interval"]
    window = (
        None if interval is None else (date.fromisoformat(interval["earliest"]), date.fromisoformat(interval["latest"]))
    )
    return Step(answer.guideline, answer.rule_id, answer.management, window, result["lead_nodule"])


def _class(answer: Assessment) -> ManagementClass:
    return MANAGEMENT[answer.management].kind


def _window(answer: Assessment) -> Window:
    """The window of a dated step from the answer itself; of any other step from today."""
    interval = answer.answer["result"]["interval"]
    if interval is not None:
        earliest, target, latest = (date.fromisoformat(interval[day]) for day in ("earliest", "target", "latest"))
        return earliest, target, latest
    # Counted from the day on which the answer was given, so that asking again does not move the deadline.
    given_on = timezone.localtime(answer.created_at).date()
    within = policy.of(answer.patient).within_days[KIND[_class(answer)]]
    return given_on, given_on + timedelta(days=within // 2), given_on + timedelta(days=within)


def _without_size(patient: Patient, followed: Sequence[Nodule]) -> list[Nodule]:
    """Nodules that the latest scan shows but that could not be measured there: a reader must look."""
    scans = scans_in_order(patient)
    if not scans:
        return list(followed)
    latest = scans[-1]
    on_latest = {
        finding.nodule_id: finding
        for finding in latest.findings.filter(superseded_at__isnull=True).prefetch_related("measurements")
    }
    unread = []
    for nodule in followed:
        finding = on_latest.get(nodule.pk)
        if finding is None or (finding.present and assessments.in_force(finding) is None):
            unread.append(nodule)
    return unread
