"""What the learned models in use said, as pages show it: beside the measured numbers, never in their place.

Answers were kept by workers; nothing is computed here but the weighing of two ratios. Loads no network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from inference.fusing import fuse, interval_95, joint_interval_holds, log_error
from inference.model_card import Task
from inference.registry import Model
from nodules_app.models import ModelAnswer, RunKind, Scan, User
from nodules_app.selectors.learned import likeliest
from nodules_app.selectors.timeline import Appearance, Change
from nodules_app.services import models, runs

ATTENUATIONS: Final = ("solid", "part_solid", "ground_glass")
FEATURES: Final = ("lobulation", "spiculation", "calcification", "cavity", "pleural_tag")


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
    learned, both_ratio
        What the network saw; and that with the measured ratio, weighed by their variances.
    both_low_ratio, both_high_ratio
        95 % interval of both together. None where the card does not say that it holds on real CT, and where the two
        disagree: then one of them errs by more than it states.
    disagree
        The two differ beyond both errors.
    course, course_probability
        What it holds for likeliest of: more than a quarter smaller, within a quarter, more than a quarter larger.
    """

    version: str
    own: bool
    learned: Span
    both_ratio: float
    both_low_ratio: float | None
    both_high_ratio: float | None
    disagree: bool
    course: str
    course_probability: float

    @property
    def sees_more(self) -> bool:
        """The network sees more growth than was measured."""
        return self.learned.volume_ratio > self.both_ratio


@dataclass(frozen=True, slots=True)
class Region:
    """The part of a slice that speaks for an answer; borders in pixels of the slice."""

    slice_index: int
    outer_px: tuple[tuple[tuple[float, float], ...], ...]
    inner_px: tuple[tuple[tuple[float, float], ...], ...]
    offset_mm: float
    towards: str


@dataclass(frozen=True, slots=True)
class Look:
    """One word on what a nodule looks like, how likely it is held to be, and where it comes from."""

    name: str
    probability: float
    region: Region | None


@dataclass(frozen=True, slots=True)
class LooksSaid:
    """A network's words on one nodule on one scan: its likeliest attenuation, then its features by likelihood."""

    version: str
    own: bool
    attenuation: Look
    features: tuple[Look, ...]

    @property
    def shown(self) -> tuple[Look, ...]:
        """The words that have a region."""
        return tuple(look for look in (self.attenuation, *self.features) if look.region is not None)


@dataclass(frozen=True, slots=True)
class _Kept:
    """The ratio of a stored answer."""

    volume_ratio: float
    log_ratio_error: float


def growth_said(changes: Iterable[Change | None], standing: models.InUse) -> Mapping[UUID, GrowthSaid]:
    """The word of the model in use on changes that were measured, by match; empty where no model is in use.

    The two ratios are weighed anew with what is measured now: a reader may have corrected an outline since.
    """
    asked = {change.match: change for change in changes if change is not None and change.volume_ratio is not None}
    model = standing.model
    if model is None or not asked:
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
    holds = joint_interval_holds(model.card.settings) and not both.disagree
    both_low, both_high = interval_95(both) if holds else (None, None)
    course = likeliest(answer)
    return GrowthSaid(
        version=model.card.version,
        own=model.own,
        learned=_span(seen),
        both_ratio=both.volume_ratio,
        both_low_ratio=both_low,
        both_high_ratio=both_high,
        disagree=both.disagree,
        course=course,
        course_probability=answer[f"{course}_probability"],
    )


def _span(ratio: _Kept) -> Span:
    return Span(ratio.volume_ratio, *interval_95(ratio))


def looks_said(appearances: Iterable[Appearance | None], standing: models.InUse) -> Mapping[UUID, LooksSaid]:
    """The words of the model in use on what nodules look like, by finding; empty where no model is in use."""
    asked = [seen.code for seen in appearances if seen is not None and seen.present]
    model = standing.model
    if model is None or not asked:
        return {}
    rows = ModelAnswer.objects.filter(
        task=Task.PHENOTYPE, weights_sha256=model.card.weights_sha256, finding__code__in=asked
    ).order_by("pk")
    return {code: _looks(model, answer) for code, answer in rows.values_list("finding__code", "answer")}


def _looks(model: Model, answer: Mapping[str, Any]) -> LooksSaid:
    kinds, features = ([_look(name, answer) for name in names] for names in (ATTENUATIONS, FEATURES))
    features.sort(key=lambda look: -look.probability)
    likeliest_kind = max(kinds, key=lambda look: look.probability)
    return LooksSaid(model.card.version, model.own, likeliest_kind, tuple(features))


def _look(name: str, answer: Mapping[str, Any]) -> Look:
    kept = answer["regions"].get(name)
    region = None
    if kept is not None:
        outer, inner = (
            tuple(tuple((x, y) for x, y in polygon) for polygon in kept[border]) for border in ("outer_px", "inner_px")
        )
        region = Region(kept["slice_index"], outer, inner, kept["offset_mm"], kept["towards"])
    return Look(name, answer[f"{name}_probability"], region)


def ask_for_looks(*, scan: Scan, by: User | None) -> None:
    """Ask a worker what the nodules of a scan look like, where a model is in use; nothing waits for it."""
    if models.in_use(Task.PHENOTYPE).model is not None:
        runs.request(RunKind.SEE, by=by, patient=scan.study.patient, scan=scan)
