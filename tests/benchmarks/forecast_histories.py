"""Nodules whose whole course is known, and the scans that somebody made of them: what a forecast is judged by."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.estimate import Estimate
from inference.forecast import VISIT_ERROR, Course, History, Seen
from inference.forecast_prior import PRIORS, Prior, log_normal
from inference.repeatability import Attenuation

ATTENUATIONS: Final[tuple[Attenuation, ...]] = ("solid", "part_solid", "ground_glass")
FIRST_MM3: Final = {"solid": 150.0, "part_solid": 500.0, "ground_glass": 400.0}
FIRST_LOG_SD: Final = 0.8
MEASURABLE_MM3: Final = (10.0, 2e4)  # 2.7 to 34 mm
GONE_MM3: Final = 1e-6  # what has shrunk further has no logarithm soon
GAPS_DAYS: Final = (60, 400)
AHEAD_DAYS: Final = (60, 730)
STATED_ERROR: Final = (0.03, 0.12)
PROTOCOL_ERROR: Final = 0.05

Curve = Callable[[float], float]  # ln(volume) risen since the first scan


@dataclass(frozen=True, slots=True)
class World:
    """How nodules really behave, which need not be what the forecast assumes.

    ``longer`` multiplies all doubling times, ``growing`` the share of growing nodules; ``understated`` is the true
    error over the stated one; ``tails`` are the degrees of freedom of errors (none: normal); ``logistic`` growth slows
    down otherwise than Gompertz; ``pausing`` growth begins anywhere within the first two years.
    """

    name: str
    longer: float = 1.0
    growing: float = 1.0
    understated: float = 1.0
    tails: float | None = None
    logistic: bool = False
    pausing: bool = False
    priors: dict[Attenuation, Prior] = field(default_factory=lambda: dict(PRIORS))


@dataclass(frozen=True, slots=True)
class Known:
    """A history with its held-out day: the true volume then, and the scan that was made of it as the last one was."""

    history: History
    course: Course
    day: int
    true_mm3: float
    next_scan: Seen
    rise: Curve
    first_log_mm3: float


def draw(world: World, rng: np.random.Generator) -> Known:
    """Draw a nodule that every scan could measure; one that could not be is no history and is drawn again."""
    while True:
        known = _draw(world, rng)
        volumes = [math.exp(known.first_log_mm3 + known.rise(seen.day)) for seen in known.history.scans]
        if all(MEASURABLE_MM3[0] <= one <= MEASURABLE_MM3[1] for one in volumes):
            return known


def _draw(world: World, rng: np.random.Generator) -> Known:
    attenuation = ATTENUATIONS[int(rng.integers(3))]
    prior = world.priors[attenuation]
    first = math.log(FIRST_MM3[attenuation]) + FIRST_LOG_SD * rng.standard_normal()
    course, rise = _course(world, prior, first, rng)
    count = int(rng.integers(1, 7))
    days = np.concatenate([[0], np.cumsum(rng.integers(*GAPS_DAYS, size=count - 1))]).astype(int)
    protocols = rng.integers(0, 2, size=count)
    offsets = PROTOCOL_ERROR * rng.standard_normal(2)
    scans = tuple(
        measured(world, math.exp(first + rise(float(day))), int(day), _made(int(protocol), offsets, rng), rng)
        for day, protocol in zip(days, protocols, strict=True)
    )
    ahead = int(days[-1] + rng.integers(*AHEAD_DAYS))
    truth = max(math.exp(first + rise(float(ahead))), GONE_MM3)
    made_as = (scans[-1].protocol, float(offsets[scans[-1].protocol]), scans[-1].volume_mm3.relative_error)
    following = measured(world, truth, ahead, made_as, rng)
    return Known(History(scans, attenuation, PROTOCOL_ERROR), course, ahead, truth, following, rise, first)


Made = tuple[int, float, float]  # protocol, what it is off by, stated error


def _made(protocol: int, offsets: NDArray[np.float64], rng: np.random.Generator) -> Made:
    return protocol, float(offsets[protocol]), float(rng.uniform(*STATED_ERROR))


def measured(world: World, true_mm3: float, day: int, made: Made, rng: np.random.Generator) -> Seen:
    """Measure a true volume with every error that the world has."""
    protocol, offset, stated = made
    spread = math.hypot(stated, VISIT_ERROR) * world.understated
    if world.tails is None:
        error = spread * rng.standard_normal()
    else:  # scaled to the same variance
        error = spread * rng.standard_t(world.tails) * math.sqrt((world.tails - 2) / world.tails)
    volume_mm3 = true_mm3 * math.exp(offset + error)
    return Seen(day, Estimate(volume_mm3, stated * volume_mm3), protocol)


def _course(world: World, prior: Prior, first: float, rng: np.random.Generator) -> tuple[Course, Curve]:
    draw_kind = float(rng.random())
    growing = min(prior.growing_share * world.growing, 0.9)
    if draw_kind < growing:
        return "growing", _growth(world, prior, first, rng)
    if draw_kind < growing + prior.shrinking_share:
        rate = -math.log(2) / _log_normal(rng, prior.halving_days, prior.halving_longest_days)
        return "shrinking", lambda passed: rate * passed
    return "stable", lambda _passed: 0.0


def _growth(world: World, prior: Prior, first: float, rng: np.random.Generator) -> Curve:
    rate = math.log(2) / (world.longer * _log_normal(rng, prior.vdt_days, prior.vdt_longest_days))
    begins = float(rng.uniform(0, 730)) if world.pausing else 0.0
    if rng.random() >= prior.slowing_share:
        return lambda passed: rate * max(passed - begins, 0.0)
    ceiling = math.log(_log_normal(rng, prior.ceiling_mm3, prior.ceiling_highest_mm3))
    depth = max(ceiling - first, math.log(2))
    if world.logistic:
        full = math.exp(depth)
        steep = rate / (1 - 1 / full)
        return lambda passed: -math.log((1 + (full - 1) * math.exp(-steep * max(passed - begins, 0.0))) / full)
    return lambda passed: depth * -math.expm1(-rate * max(passed - begins, 0.0) / depth)


def _log_normal(rng: np.random.Generator, median: float, highest: float) -> float:
    mean, sd = log_normal(median, highest)
    return math.exp(mean + sd * float(rng.standard_normal()))
