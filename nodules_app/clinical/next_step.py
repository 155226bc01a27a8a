"""Several answers, one next step: the earliest safe one, why it leads, and what it overrules.

Guidelines are never blended into a step that none of them prints. Of the steps that they ask for the soonest is taken:
work-up now before any date, dates by their last day, a date before no follow-up. What is done too early can be done
again; what is done too late cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from nodules_app.clinical.assessment import NO_ANSWER, Result
from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.clinical.reasons import Language, Reason, because, sentence

RANK: Final = (ManagementClass.WORK_UP, ManagementClass.DATED, ManagementClass.NO_FOLLOW_UP)
NOBODY: Final = "-"


@dataclass(frozen=True, slots=True)
class Step:
    """What one rule asks for; ``window`` is its first and last day, ``None`` when it has no date."""

    guideline: str
    rule_id: str
    management: str
    window: tuple[date, date] | None = None
    nodule_id: str | None = None

    def __post_init__(self) -> None:
        """A dated step has a window that does not end before it begins; no other step has one."""
        dated = self.kind is ManagementClass.DATED
        if dated != (self.window is not None) or (self.window is not None and self.window[1] < self.window[0]):
            raise ValueError(f"no such step: {self.rule_id} {self.window}")

    @property
    def kind(self) -> ManagementClass:
        """Work-up now, a date, no follow-up, or nothing that this guideline can say."""
        return MANAGEMENT[self.management].kind

    @property
    def speaks(self) -> bool:
        """Whether the rule asks for a step of care, and not for a measurement or another guideline."""
        return self.kind is not ManagementClass.NOT_EVALUATED

    def meets(self, other: Step) -> bool:
        """Whether this step, taken within its window, can be taken within the other's too."""
        if self.window is None or other.window is None:
            return self.management == other.management
        return self.window[0] <= other.window[1] and other.window[0] <= self.window[1]


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one next step of a patient."""

    step: Step
    why: Reason
    meets: tuple[Step, ...]  # other steps that this one satisfies as well
    overruled: tuple[Step, ...]  # steps that ask for something later, or for less
    waiting: tuple[Step, ...]  # guidelines that cannot answer before something else is known

    def as_sentence(self, language: Language = "en") -> str:
        """Why this step leads, written out."""
        return sentence(self.why, language)


def step_of(result: Result) -> Step:
    """The step that a guideline's answer asks for."""
    interval = result.interval
    window = None if interval is None else (interval.earliest, interval.latest)
    return Step(result.guideline, result.rule_id, result.management, window, result.lead_nodule)


def next_step(steps: Iterable[Step]) -> NextStep | None:
    """Choose the earliest safe step.

    Parameters
    ----------
    steps
        Of any number of nodules and guidelines, in the order in which equals are preferred.

    Returns
    -------
    NextStep or None
        ``None`` when no rule asks for a step of care.

    Source
    ------
    Order of urgency: contract 3.3 (work-up, then the earlier last day, then the earlier first day, then none).
    """
    asked = list(steps)
    speaking = [step for step in asked if step.speaks]
    if not speaking:
        return None
    chosen = min(speaking, key=_how_soon)
    others = [step for step in speaking if step is not chosen]
    return NextStep(
        step=chosen,
        why=_why(chosen, others),
        meets=tuple(step for step in others if chosen.meets(step)),
        overruled=tuple(step for step in others if not chosen.meets(step)),
        waiting=tuple(step for step in asked if not step.speaks and step.management not in NO_ANSWER),
    )


def _how_soon(step: Step) -> tuple[int, date, date]:
    first, last = step.window or (date.min, date.min)
    return RANK.index(step.kind), last, first


def _why(chosen: Step, others: Sequence[Step]) -> Reason:
    against = [step for step in others if not chosen.meets(step)]
    facts = {"rule": chosen.rule_id, "nodule": chosen.nodule_id or NOBODY}
    if not others:
        return because("step_only", **facts)
    if not against:
        return because("step_agreed", **facts, count=len(others) + 1)
    rival = min(against, key=_how_soon)
    facts |= {"other": rival.rule_id}
    if chosen.kind is not rival.kind:
        return because("step_work_up" if chosen.kind is ManagementClass.WORK_UP else "step_dated", **facts)
    if chosen.window is None or rival.window is None:
        return because("step_first", **facts)
    return because("step_sooner", **facts, last_day=chosen.window[1], other_last_day=rival.window[1])
