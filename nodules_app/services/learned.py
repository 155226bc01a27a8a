"""What the learned models in use said, as pages show it: beside the measured numbers, never in their place.

Answers were kept by workers; nothing is computed here but the weighing of two ratios. Loads no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from inference.fusing import Fused, fuse, interval_95, log_error
from inference.model_card import Task
from inference.registry import Model
from nodules_app.models import ModelAnswer
from nodules_app.selectors.timeline import Change
from nodules_app.services import models

Course = Literal["shrunk", "stable", "grown"]


@dataclass(frozen=True, slots=True)
class Span:
    """A ratio of two volumes with its 95 % interval."""

    volume_ratio: float
    low_ratio: float
    high_ratio: float


@dataclass(frozen=True, slots=True)
class GrowthSaid:
    """A network's word on one change.

    Parameters
    ----------
    version, own
        Of the model; whether the hospital put it there.
    learned, both
        What the network saw, and that with the measured ratio, weighed by their variances.
    disagree
        The two differ beyond both errors.
    course, course_probability
        What it holds for likeliest of: more than a quarter smaller, within a quarter, more than a quarter larger.
    """

    version: str
    own: bool
    learned: Span
    both: Span
    disagree: bool
    course: Course
    course_probability: float

    @property
    def sees_more(self) -> bool:
        """The network sees more growth than was measured."""
        return self.learned.volume_ratio > self.both.volume_ratio


@dataclass(frozen=True, slots=True)
class _Kept:
    """The ratio of a stored answer."""

    volume_ratio: float
    log_ratio_error: float


def growth_said(changes: Iterable[Change | None]) -> Mapping[UUID, GrowthSaid]:
    """The word of the model in use on changes that were measured, by match; empty where no model is in use.

    The two ratios are weighed anew with what is measured now: a reader may have corrected an outline since.
    """
    asked = {change.match: change for change in changes if change is not None and change.volume_ratio is not None}
    model = models.in_use(Task.GROWTH).model if asked else None
    if model is None:
        return {}
    rows = ModelAnswer.objects.filter(
        task=Task.GROWTH, weights_sha256=model.card.weights_sha256, growth__match__code__in=asked
    ).order_by("pk")
    kept = rows.values_list("growth__match__code", "answer")
    return {match: _said(model, answer, asked[match]) for match, answer in kept}


def _said(model: Model, answer: Mapping[str, float], change: Change) -> GrowthSaid:
    ratio, low, high = change.volume_ratio, change.volume_ratio_low, change.volume_ratio_high
    if ratio is None or low is None or high is None:
        raise ValueError(f"{change.match} was not measured")
    seen = _Kept(answer["volume_ratio"], answer["log_ratio_error"])
    both = fuse(ratio, log_error(low, high), seen)
    course, probability = likeliest(answer)
    return GrowthSaid(model.card.version, model.own, _span(seen), _span(both), both.disagree, course, probability)


def _span(ratio: _Kept | Fused) -> Span:
    return Span(ratio.volume_ratio, *interval_95(ratio))


def likeliest(answer: Mapping[str, float]) -> tuple[Course, float]:
    """What a network holds for likeliest to have happened to a nodule, and how likely."""
    courses: tuple[Course, ...] = ("stable", "grown", "shrunk")
    return max(((one, answer[f"{one}_probability"]) for one in courses), key=lambda pair: pair[1])
