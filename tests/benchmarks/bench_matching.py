"""How many nodules are paired rightly, and how many wrongly without a word of doubt.

Tens of thousands of patients are drawn as points: places in two lungs, crowds of neighbours, nodules that come and go,
sizes and densities with the errors of measuring, clutter as a program sees it, and the errors of registration as they
were on pairs whose truth is known (the research pair and a simulated one), each together with the error that was
stated there.
``--images`` tries the whole way on simulated pairs as images: register, measure, pair. Run as
``python -m tests.benchmarks.bench_matching``.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from inference.follow import follow_nodules
from inference.noise import measure_noise
from inference.sightings import Asked, Scan
from inference.simulate.follow_up import simulate_pair
from registration.lungs import segment_lungs
from registration.match import Finding, Pair, match_carried
from registration.register import register
from tests.benchmarks.bench_candidates import wilson_95
from tests.benchmarks.known_motion import research_pair, simulated_pair

Points = NDArray[np.float64]
SCREENING = {"shape_zyx": (170, 400, 400), "spacing_zyx_mm": (1.9, 0.85, 0.85)}
LUNGS_MM = (110.0, 160.0, 240.0)  # of each lung, as an ellipsoid
CENTRE_APART_MM = 150.0
CROWDED = 0.2  # share of nodules with a neighbour
NEIGHBOUR_MM = (6.0, 15.0)
GONE, CAME = 0.1, 0.1
CENTRE_ERROR = (0.25, 0.06)  # of a measured centre: mm, and share of the diameter
CLUTTER_PER_MM3 = 1.0e-4
CLUTTER_WITHIN_MM = 12.0


@dataclass(frozen=True)
class Errors:
    """What registration did on pairs with known truth: error (n, 3) and the error stated there (n,)."""

    error_mm: Points
    stated_mm: NDArray[np.float64]

    @classmethod
    def measured(cls) -> Errors:
        """Register the pairs and hold the places against their truth."""
        errors, stated = [], []
        for case in (research_pair(), simulated_pair(11, SCREENING)):
            found = register(case.prior, case.current)
            places = np.concatenate([case.vessels[0], case.nodules[0]])
            truth = np.concatenate([case.vessels[1], case.nodules[1]])
            carried = found.current_from_prior(places)
            reached = np.isfinite(carried).all(axis=1)
            errors.append((carried - truth)[reached])
            stated.append(found.residual_mm(places)[reached])
        return cls(np.concatenate(errors), np.concatenate(stated))

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Points, NDArray[np.float64]]:
        """Draw errors, turned any way, each with the error stated beside it."""
        chosen = rng.integers(len(self.stated_mm), size=count)
        lengths = np.linalg.norm(self.error_mm[chosen], axis=1)
        way = rng.standard_normal((count, 3))
        return lengths[:, None] * way / np.linalg.norm(way, axis=1, keepdims=True), self.stated_mm[chosen]


@dataclass(frozen=True, eq=False)
class Nodule:
    """One nodule of a drawn patient."""

    place_lps_mm: Points
    diameter_mm: float
    mean_hu: float
    slenderness: float
    on_prior: bool
    on_current: bool


def draw_patient(rng: np.random.Generator) -> list[Nodule]:
    """Draw the nodules of one patient: one to ten, some close together, some new or gone."""
    nodules: list[Nodule] = []
    for _ in range(rng.integers(1, 9)):
        nodules.append(_nodule(rng, _in_lungs(rng)))
        if rng.random() < CROWDED:
            way = rng.standard_normal(3)
            apart = rng.uniform(*NEIGHBOUR_MM)
            nodules.append(_nodule(rng, nodules[-1].place_lps_mm + apart * way / np.linalg.norm(way)))
    return nodules


def _in_lungs(rng: np.random.Generator) -> Points:
    while True:
        unit = rng.uniform(-1, 1, 3)
        if np.linalg.norm(unit) < 1:
            side = rng.choice([-1, 1]) * CENTRE_APART_MM / 2
            place: Points = unit * np.asarray(LUNGS_MM) / 2 + np.array([side, 0.0, 0.0])
            return place


def _nodule(rng: np.random.Generator, at_lps_mm: Points) -> Nodule:
    fate = rng.random()
    return Nodule(
        at_lps_mm,
        float(np.exp(rng.normal(np.log(6.5), 0.4))),
        float(rng.choice([-80.0, -350.0, -600.0], p=[0.7, 0.1, 0.2]) + rng.normal(0, 60)),
        float(1 + rng.gamma(2.0, 0.12)),
        fate >= CAME,
        fate < 1 - GONE,
    )


def _seen(rng: np.random.Generator, nodule: Nodule, at_lps_mm: Points, growth: float) -> Finding:
    """The nodule as it is measured on one scan."""
    diameter_mm = nodule.diameter_mm * growth * float(np.exp(rng.normal(0, 0.04)))
    error = rng.normal(0, CENTRE_ERROR[0] + CENTRE_ERROR[1] * diameter_mm, 3) / math.sqrt(3)
    x, y, z = (float(v) for v in at_lps_mm + error)
    attenuation = "solid" if nodule.mean_hu > -250 else "part_solid" if nodule.mean_hu > -450 else "ground_glass"
    slenderness = max(1.0, nodule.slenderness * float(np.exp(rng.normal(0, 0.08))))
    return Finding((x, y, z), diameter_mm, attenuation, nodule.mean_hu + rng.normal(0, 50), slenderness)


def _clutter(rng: np.random.Generator, places: Sequence[Points]) -> list[Finding]:
    """What a program finds near the places where it looks."""
    found = []
    for place in places:
        expected = CLUTTER_PER_MM3 * 4 / 3 * math.pi * CLUTTER_WITHIN_MM**3
        for _ in range(rng.poisson(expected)):
            way = rng.standard_normal(3)
            away = CLUTTER_WITHIN_MM * rng.random() ** (1 / 3)
            x, y, z = (float(v) for v in place + away * way / np.linalg.norm(way))
            size, density = float(rng.uniform(3, 6)), float(rng.normal(-150, 120))
            found.append(Finding((x, y, z), size, "solid", density, float(1 + rng.gamma(2.0, 0.25)), clutter=True))
    return found


def trial(rng: np.random.Generator, errors: Errors, *, marked: bool) -> Counter[str]:
    """Draw one patient twice, pair the findings, and count what was right.

    ``marked``: somebody has marked the nodules of both scans; otherwise those of the prior alone, and the current scan
    shows them among clutter.
    """
    nodules = draw_patient(rng)
    growth = np.where(rng.random(len(nodules)) < 0.25, np.exp(rng.uniform(0, np.log(1.6), len(nodules))), 1.0)
    prior = [one for one in nodules if one.on_prior]
    current = [one for one in nodules if one.on_current]
    before = [_seen(rng, one, one.place_lps_mm, 1.0) for one in prior]
    after = [_seen(rng, one, one.place_lps_mm, float(growth[nodules.index(one)])) for one in current]
    off, stated = errors.draw(rng, len(prior))
    carried = np.array([one.lps_mm for one in before]).reshape(-1, 3) + off
    if not marked:
        after = [replace(one, clutter=True) for one in after] + _clutter(rng, list(carried))
    matching = match_carried(before, after, carried, stated)
    return _judged(prior, current, matching.pairs)


def _judged(prior: list[Nodule], current: list[Nodule], pairs: Sequence[Pair]) -> Counter[str]:
    told: Counter[str] = Counter()
    chosen = {pair.prior: pair for pair in pairs}
    for number, nodule in enumerate(prior):
        pair = chosen.get(number)
        partner = current[pair.current] if pair is not None and pair.current < len(current) else None
        right = partner is nodule if nodule.on_current else pair is None
        told["both" if nodule.on_current else "gone"] += 1
        told["both right" if nodule.on_current else "gone right"] += right
        if pair is not None and pair.sure:
            told["sure"] += 1
            told["sure wrong"] += partner is not nodule
        told["ambiguous"] += pair is not None and pair.ambiguous
    return told


def points(patients: int) -> str:
    """The table of the drawn pairs."""
    errors = Errors.measured()
    lengths = np.linalg.norm(errors.error_mm, axis=1)
    low, high = np.percentile(lengths, [50, 95])
    lines = [
        f"Registration errors drawn from {len(lengths)} measured ones: median {low:.2f} mm, 95 % {high:.2f} mm.\n",
        "| current findings | nodules on both | paired rightly | gone, left alone | sure | sure, wrong | open |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, marked in (("marked by somebody", True), ("searched for, among clutter", False)):
        rng = np.random.default_rng(7 if marked else 8)
        told: Counter[str] = Counter()
        for _ in range(patients):
            told += trial(rng, errors, marked=marked)
        right, wrong = (
            wilson_95(told[part], told[of]) for part, of in (("both right", "both"), ("sure wrong", "sure"))
        )
        lines.append(
            f"| {name} | {told['both']} | {told['both right'] / told['both']:.4f} ({right[0]:.4f} to {right[1]:.4f})"
            f" | {told['gone right']} of {told['gone']} | {told['sure']}"
            f" | {told['sure wrong'] / told['sure']:.4f} ({wrong[0]:.4f} to {wrong[1]:.4f}) | {told['ambiguous']} |"
        )
    return "\n".join(lines)


def images(seeds: Sequence[int]) -> str:
    """The whole way on simulated pairs; asked on the prior where the nodule is there, else on the current scan."""
    told: Counter[str] = Counter()
    for seed in seeds:
        pair = simulate_pair(seed, **SCREENING)  # type: ignore[arg-type]  # sizes of both kinds in one mapping
        lungs = segment_lungs(pair.prior), segment_lungs(pair.current)
        found = register(pair.prior, pair.current, prior_lungs=lungs[0], current_lungs=lungs[1])
        prior, current = (
            Scan(volume=volume, lungs=one, noise=measure_noise(volume))
            for volume, one in zip((pair.prior, pair.current), lungs, strict=True)
        )
        truth = pair.truth.nodules
        asked = [
            Asked(one.prior_lps_mm, "prior") if one.prior_lps_mm else Asked(one.expected_current_lps_mm, "current")
            for one in truth
        ]
        for one, said in zip(truth, follow_nodules(prior, current, found, asked, interval_days=182), strict=True):
            kind = "both" if one.prior and one.current else "gone" if one.prior else "new"
            word = said.comparison
            there = said.current_lps_mm
            right = {"gone": word == "resolved", "new": word == "new"}.get(
                kind,
                there is not None
                and said.current is not None
                and math.dist(there, one.expected_current_lps_mm)
                < max(2.0, 0.3 * (one.current or one.prior).diameter_mm),  # type: ignore[union-attr]
            )
            told[kind] += 1
            told[f"{kind} right"] += bool(right)
            if not right:
                sys.stderr.write(f"seed {seed}, {one.label}: {word}, confidence {said.confidence:.2f}\n")
    return "\n".join(f"{kind}: {told[f'{kind} right']} of {told[kind]}" for kind in ("both", "gone", "new"))


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--patients", type=int, default=50_000)
    parser.add_argument("--images", type=int, default=0, help="pairs of images to try the whole way on")
    asked = parser.parse_args()
    sys.stdout.write(points(asked.patients) + "\n")
    if asked.images:
        sys.stdout.write(images(range(100, 100 + asked.images)) + "\n")


if __name__ == "__main__":
    main()
