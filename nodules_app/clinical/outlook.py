"""The plan beyond the next step: every step that a guideline foresees, and what a later scan does to it.

The steps are found by asking the guideline itself: if the next scan shows the nodules as they are now, what would it
say then? So the plan can contain no step that the rules would not give.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import zip_longest
from typing import Final, Literal

from nodules_app.clinical.assess import evaluate
from nodules_app.clinical.case import LUNGRADS_CATEGORIES, Case, CystChange, Exam, ExamKind, Measurement, Nodule
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.errors import ScanNotLater
from nodules_app.clinical.months import Interval, add_months
from nodules_app.clinical.next_step import Step, step_of
from nodules_app.clinical.reasons import Language, Reason, because, sentence
from nodules_app.clinical.view import View, look_at

HORIZON_MONTHS: Final = 60  # the longest schedule of any of the guidelines
FIRST_LOOK_ONLY: Final = frozenset(
    {"ACCP2013", "CHINA2024"}
)  # their rows know one exam; later steps stand in their text

Effect = Literal["in_time", "late", "early"]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """A step that the guideline asks for at an exam, if the nodules have not changed until then."""

    asked_on: date  # of the exam that gives the answer; the first one is real, the others lie at each step's target
    step: Step
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """All steps that a guideline foresees for unchanged nodules."""

    guideline: str
    steps: tuple[Foreseen, ...]
    is_whole: bool  # False: the guideline goes on, or its later steps stand in its text only

    @property
    def dated(self) -> tuple[Foreseen, ...]:
        """The scans among the steps."""
        return tuple(step for step in self.steps if step.interval is not None)


@dataclass(frozen=True, slots=True)
class Moved:
    """One later scan of the plan, before and after; ``None``: it is no longer asked for, or was not before."""

    before: Interval | None
    after: Interval | None


@dataclass(frozen=True, slots=True)
class AfterScan:
    """What a scan on a day does to a plan when it shows the nodules unchanged."""

    on: date
    effect: Effect
    days: int  # before the window opened, or after it closed; 0 inside
    still_open: bool  # whether the same step is still asked for, in the same window
    outlook: Outlook  # the plan from then on
    moved: tuple[Moved, ...]  # later scans whose window is another one now
    why: Reason

    def as_sentence(self, language: Language = "en") -> str:
        """What the scan did, written out."""
        return sentence(self.why, language)


def outlook(case: Case, guideline: str) -> Outlook:
    """Every step that a guideline foresees, from the current exam to five years after it.

    Parameters
    ----------
    case
        The current exam is its last one.
    guideline
        Code of an edition.

    Returns
    -------
    Outlook
        At least one step; it ends with the first that has no date, or at the horizon.
    """
    steps: list[Foreseen] = []
    last = add_months(look_at(case).today, HORIZON_MONTHS)
    while True:
        view = look_at(case)
        result = evaluate(view, EDITIONS[guideline])
        steps.append(Foreseen(view.today, step_of(result), result.interval))
        if result.interval is None:
            return Outlook(guideline, tuple(steps), is_whole=True)
        if guideline in FIRST_LOOK_ONLY or result.interval.target > last:
            return Outlook(guideline, tuple(steps), is_whole=False)
        case = _scanned(case, view, guideline, result.interval.target)


def after_scan(case: Case, guideline: str, on: date) -> AfterScan | None:
    """What a later scan would do to the plan, if it showed the nodules unchanged.

    Returns
    -------
    AfterScan or None
        ``None`` when the guideline asks for no scan now.

    Raises
    ------
    errors.ScanNotLater
        The day does not lie after the current exam.
    """
    view = look_at(case)
    if on <= view.today:
        raise ScanNotLater(on=on, exam_date=view.today)
    before = outlook(case, guideline)
    result = evaluate(view, EDITIONS[guideline])
    interval = result.interval
    if interval is None:
        return None
    after = outlook(_scanned(case, view, guideline, on), guideline)
    still_open = after.steps[0].step.window == _days(interval)
    effect, days = _effect(interval, on)
    left = before.dated if still_open else before.dated[1:]
    moved = _moved(left, after.dated) if guideline not in FIRST_LOOK_ONLY else ()
    code = _code(effect, result.management, after.steps[0].step, still_open=still_open)
    why = because(code, on=on, days=days, first_day=interval.earliest, last_day=interval.latest)
    return AfterScan(on, effect, days, still_open, after, moved, why)


def _moved(before: Sequence[Foreseen], after: Sequence[Foreseen]) -> tuple[Moved, ...]:
    windows = zip_longest((step.interval for step in before), (step.interval for step in after))
    return tuple(Moved(a, b) for a, b in windows if _days(a) != _days(b))


def _days(interval: Interval | None) -> tuple[date, date] | None:
    return None if interval is None else (interval.earliest, interval.latest)


def _code(effect: Effect, asked: str, then: Step, *, still_open: bool) -> str:
    if still_open:
        return "scan_too_early"
    starts_again = effect == "early" and then.management == asked
    return "scan_starts_again" if starts_again else f"scan_{effect}"


def _effect(interval: Interval, on: date) -> tuple[Effect, int]:
    if on < interval.earliest:
        return "early", (interval.earliest - on).days
    if on > interval.latest:
        return "late", (on - interval.latest).days
    return "in_time", 0


# --- the same nodules at a later exam ---------------------------------------------------------------------------------


def _scanned(case: Case, view: View, guideline: str, on: date) -> Case:
    """The case with one more exam, complete, on which every nodule that is present is as it is now."""
    nodules = {look.nodule.id: look for look in view.present}
    seen = tuple(
        _seen_again(view, guideline, nodule, nodules[nodule.id].now, on) if nodule.id in nodules else nodule
        for nodule in case.nodules
    )
    return replace(case, exams=(*case.exams, Exam(on, ExamKind.INTERVAL)), nodules=tuple(_present(seen, on)))


def _present(nodules: tuple[Nodule, ...], on: date) -> Iterator[Nodule]:
    """Nodules that were neither found nor looked for stay as they are; resolved ones stay resolved."""
    for nodule in nodules:
        last = max(nodule.measurements, key=lambda m: m.date, default=None)
        if last is not None and last.resolved and last.date != on:
            yield replace(nodule, measurements=(*nodule.measurements, Measurement(on, resolved=True)))
        else:
            yield nodule


def _seen_again(view: View, guideline: str, nodule: Nodule, now: Measurement, on: date) -> Nodule:
    category, given_on = nodule.previous_category, nodule.previous_category_date
    if guideline == "LUNGRADS2022":  # steps go by the category that this exam gives the nodule
        alone = replace(view, present=tuple(look for look in view.present if look.nodule is nodule))
        told = evaluate(alone, EDITIONS[guideline]).category
        category, given_on = (told, view.today) if told in LUNGRADS_CATEGORIES else (None, None)
    return replace(
        nodule,
        measurements=(*nodule.measurements, replace(now, date=on, attenuation=nodule.attenuation)),
        status=None,
        cyst=None if nodule.cyst is None else replace(nodule.cyst, change=CystChange.NONE),
        previous_category=category,
        previous_category_date=given_on,
    )
