"""How many nodules are paired rightly on images of real lungs, from marked points and from candidates.

Real scans moved by a known map, the current one smoothed and given noise, slices and dose of its own
(``known_motion``), are registered once; then nodules are put into both at places that the map joins, each draw with
others: 4 to 15 mm, of three attenuations, isolated, on vessels and on the pleura, a third with a neighbour 7 to 14 mm
away, volume ratio 0.6 to 3, one in eight on one scan alone. They are asked for by points up to a quarter of the
diameter off their centre, on the prior where it shows them, and followed as the product does; or nobody marks
anything, and the candidates of both scans are held against each other.
Run as ``python -m tests.benchmarks.bench_matching_real --folder DIR``; making the moved scans takes minutes.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from inference.candidates import find_candidates, held_against_each_other
from inference.follow import FollowedNodule, follow_nodules
from inference.noise import measure_noise
from inference.sightings import Asked, Scan
from inference.simulate.inserted import InsertedNodule, draw_inserted, insert
from inference.simulate.nodules import Attenuation, Placement
from registration.lungs import Lungs, segment_lungs
from registration.match import SURE
from registration.register import register
from registration.transform import Registration
from registration.volume import Volume
from tests.benchmarks.bench_candidates import wilson_95
from tests.benchmarks.known_motion import MOVED_SCANS, Case, moved_scan

Point = tuple[float, float, float]
Points = NDArray[np.float64]
ALONE = 12  # nodules of a draw, besides the neighbours
NEIGHBOURS = 4
NEIGHBOUR_MM = (7.0, 14.0)
ON_ONE_SCAN = 1 / 8
RATIOS = (0.6, 0.8, 1.0, 1.0, 1.0, 1.3, 1.7, 2.2, 3.0)
MARKED_OFF = 0.25  # of the diameter, at most
RIGHT_MM = 2.0  # or 0.4 of the diameter: nearer than that to the true centre it is this nodule
DAYS = 182


@dataclass(frozen=True, eq=False)
class Put:
    """One nodule of a draw; ``prior`` or ``current`` is None where that scan does not have it."""

    prior: InsertedNodule | None
    current: InsertedNodule | None
    crowded: bool

    @property
    def kind(self) -> str:
        """On both scans, or on which."""
        return "both" if self.prior and self.current else "prior" if self.prior else "current"


@dataclass(frozen=True, eq=False)
class Registered:
    """A moved scan with its map; nodules are put into it again and again."""

    name: str
    case: Case
    lungs: tuple[Lungs, Lungs]
    found: Registration


def ready(folder: Path, wanted: int) -> Iterator[Registered]:
    """Make or read the moved scans, and register them without the nodules to come."""
    for plan in MOVED_SCANS[:wanted]:
        case = moved_scan(plan, folder)
        lungs = segment_lungs(case.prior), segment_lungs(case.current)
        found = register(case.prior, case.current, prior_lungs=lungs[0], current_lungs=lungs[1])
        yield Registered(plan.name, case, lungs, found)


def draw(pair: Registered, rng: np.random.Generator) -> list[Put]:
    """Draw nodules on the current scan at places whose counterpart is known; then where each is, and how large."""
    before, after = pair.case.lattice
    taken = pair.case.nodules[1]
    alone = draw_inserted(
        pair.case.current, pair.lungs[1], _orders(rng, ALONE), rng, avoid_lps_mm=taken, among_lps_mm=after
    )
    near: list[InsertedNodule] = []
    for one in alone[:NEIGHBOURS]:
        away = np.linalg.norm(after - one.centre_lps_mm, axis=1)
        among = after[(away > NEIGHBOUR_MM[0] + one.diameter_mm / 2) & (away < NEIGHBOUR_MM[1] + one.diameter_mm / 2)]
        orders = [
            (float(rng.uniform(4, 8)), Attenuation.SOLID, where) for where in (Placement.ISOLATED, Placement.VESSEL)
        ]
        near += draw_inserted(pair.case.current, pair.lungs[1], orders, rng, apart_mm=0.0, among_lps_mm=among)[:1]
    crowded = {id(one) for one in (*near, *alone[: len(near)])}
    return [_put(one, before, after, rng, crowded=id(one) in crowded) for one in (*alone, *near)]


def _orders(rng: np.random.Generator, many: int) -> list[tuple[float, Attenuation, Placement]]:
    drawn = []
    for _ in range(many):
        placement = Placement(rng.choice(["isolated", "vessel", "pleura"], p=[0.4, 0.35, 0.25]))
        attenuation = Attenuation(rng.choice(["solid", "part_solid", "ground_glass"], p=[0.7, 0.1, 0.2]))
        smallest = {Attenuation.SOLID: 4.0, Attenuation.GROUND_GLASS: 6.0, Attenuation.PART_SOLID: 6.0}[attenuation]
        drawn.append((float(np.exp(rng.uniform(np.log(smallest), np.log(15.0)))), attenuation, placement))
    return sorted(drawn, key=lambda order: -order[0])


def _put(one: InsertedNodule, before: Points, after: Points, rng: np.random.Generator, *, crowded: bool) -> Put:
    place = int(np.argmin(np.linalg.norm(after - one.centre_lps_mm, axis=1)))
    x, y, z = (float(v) for v in before[place])
    ratio = float(rng.choice(RATIOS))
    prior = replace(one, centre_lps_mm=(x, y, z), diameter_mm=one.diameter_mm / ratio ** (1 / 3))
    fate = rng.random()
    if prior.diameter_mm < 4.0 or fate < ON_ONE_SCAN / 2:
        return Put(None, one, crowded) if fate < ON_ONE_SCAN / 2 else Put(replace(prior, diameter_mm=4.0), one, crowded)
    return Put(prior, None if fate < ON_ONE_SCAN else one, crowded)


def _jittered(one: InsertedNodule, rng: np.random.Generator) -> Point:
    way = rng.standard_normal(3)
    off = MARKED_OFF * one.diameter_mm * rng.random() ** (1 / 3)
    x, y, z = (float(v) for v in np.asarray(one.centre_lps_mm) + off * way / np.linalg.norm(way))
    return x, y, z


def _is_at(place: Point | None, one: InsertedNodule) -> bool:
    return place is not None and math.dist(place, one.centre_lps_mm) < max(RIGHT_MM, 0.4 * one.diameter_mm)


def followed(
    pair: Registered, scans: tuple[Volume, Volume], put: Sequence[Put], rng: np.random.Generator
) -> Counter[str]:
    """Mark every nodule once and follow all; count what was right, what was sure and wrong, what was left open."""
    prior, current = (
        Scan(volume=volume, lungs=lungs, noise=measure_noise(volume))
        for volume, lungs in zip(scans, pair.lungs, strict=True)
    )
    asked = [
        Asked(_jittered(one.prior, rng), "prior") if one.prior else Asked(_jittered(one.current, rng), "current")
        for one in put
        if one.prior or one.current
    ]
    said = follow_nodules(prior, current, pair.found, asked, interval_days=DAYS)
    told: Counter[str] = Counter()
    for one, answer in zip(put, said, strict=True):
        told += _judged(one, answer, pair.name)
    return told


def _judged(one: Put, said: FollowedNodule, name: str) -> Counter[str]:
    """Judge one answer: a nodule on both scans has to be found at its place, one on a single scan has to stay alone."""
    paired = said.prior is not None and said.current is not None and not said.ambiguous
    sure = paired and said.confidence >= SURE
    if one.prior and one.current:
        right = paired and _is_at(said.current_lps_mm, one.current)
    else:
        right = said.comparison == ("resolved" if one.prior else "new")
    told = Counter({one.kind: 1, f"{one.kind} right": right, "sure": sure, "sure wrong": sure and not right})
    told[f"{one.kind} right, no size"] = right and said.comparison == "present"
    told[f"{one.kind} open"] = not right and (said.ambiguous or said.comparison in ("not-assessable", "obscured"))
    if one.crowded:
        told["crowded"] += 1
        told["crowded right"] += right
    if not right:
        shown = one.prior or one.current
        sys.stderr.write(
            f"{name}: {one.kind} {shown.diameter_mm if shown else 0:.1f} mm {shown.attenuation if shown else ''} "
            f"{shown.placement if shown else ''}: {said.comparison}, {said.confidence:.2f}\n"
        )
    return told


def proposed(pair: Registered, scans: tuple[Volume, Volume], put: Sequence[Put]) -> Counter[str]:
    """Let the detector propose on both scans; count nodules on both that are proposed, and proposed as one."""
    alone = [find_candidates(volume, lungs) for volume, lungs in zip(scans, pair.lungs, strict=True)]
    prior, current = held_against_each_other(*alone, scans, pair.lungs, pair.found)
    told: Counter[str] = Counter()
    for one in put:
        if not (one.prior and one.current):
            continue
        on_prior = any(_is_at(found.lps_mm, one.prior) for found in prior)
        here = [found for found in current if _is_at(found.lps_mm, one.current)]
        told["candidates both"] += 1
        told["candidates on both"] += on_prior and bool(here)
        partners = [found.there_lps_mm for found in here if found.there_diameter_mm is not None]
        told["candidates right"] += any(_is_at(partner, one.prior) for partner in partners)
        told["candidates wrong"] += bool(partners) and not any(_is_at(partner, one.prior) for partner in partners)
    return told


def report(told: Counter[str]) -> str:
    """The tables for docs/benchmarks.md."""
    lines = [
        "| marked on one scan, sought on the other | nodules | right | 95 % interval | left open |",
        "|---|---|---|---|---|",
    ]
    names = {"both": "on both", "prior": "gone", "current": "new", "crowded": "of these with a neighbour"}
    for kind, name in names.items():
        low, high = wilson_95(told[f"{kind} right"], told[kind])
        share = told[f"{kind} right"] / told[kind]
        lines.append(f"| {name} | {told[kind]} | {share:.3f} | {low:.3f} to {high:.3f} | {told[f'{kind} open']} |")
    low, high = wilson_95(told["sure wrong"], told["sure"])
    lines.append(f"\nOf those on both, {told['both right, no size']} were found without a size to compare.")
    lines.append(f"Sure pairs: {told['sure']}, of these wrong {told['sure wrong']} ({low:.4f} to {high:.4f}).")
    of = told["candidates both"]
    if of:
        low, high = wilson_95(told["candidates right"], of)
        lines.append(
            f"From candidates, nobody marking: of {of} on both, {told['candidates on both']} proposed on both, "
            f"{told['candidates right']} paired rightly "
            f"({told['candidates right'] / of:.3f}, {low:.3f} to {high:.3f}), "
            f"{told['candidates wrong']} paired with something else."
        )
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="keep the moved scans here")
    parser.add_argument("--pairs", type=int, default=len(MOVED_SCANS))
    parser.add_argument("--draws", type=int, default=3, help="of nodules, on each pair")
    asked = parser.parse_args()
    told: Counter[str] = Counter()
    with TemporaryDirectory() as temporary:
        for pair in ready(asked.folder or Path(temporary), asked.pairs):
            for seed in range(asked.draws):
                begun = time.process_time()
                rng = np.random.default_rng([seed, len(pair.name), 17])
                put = draw(pair, rng)
                scans = (
                    insert(pair.case.prior, [one.prior for one in put if one.prior]),
                    insert(pair.case.current, [one.current for one in put if one.current]),
                )
                told += followed(pair, scans, put, rng)
                told += proposed(pair, scans, put)
                sys.stderr.write(f"{pair.name}, draw {seed}: {len(put)}, {time.process_time() - begun:.0f} CPU s\n")
    sys.stdout.write(report(told) + f"\nLoad {os.getloadavg()[0]:.1f}.\n")


if __name__ == "__main__":
    main()
