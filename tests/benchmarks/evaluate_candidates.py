"""The candidate filter against the detector alone, on the same nodules laid into real scans; writes card and page.

``python -m tests.benchmarks.evaluate_candidates --made FOLDER``, with what ``tests.benchmarks.bench_registration`` made
of real CT. The weights were trained on simulated chests; nothing of these scans was ever in training. The score from
which a place is shown is set on draws below 100, everything that is printed comes from draws that were not looked at
before. The detector's own weights were fitted on draws below 100 of these very scans, which favours it.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.candidate_filter import LOOKED_AT, cut_about, weighed
from inference.candidates import Candidate, find_candidates
from inference.model_card import ModelCard, Performance, Task
from inference.networks.running import Network, open_model
from inference.patches import Shorts
from inference.registry import OUR_WEIGHTS, Model, Registry
from inference.simulate.inserted import InsertedNodule
from registration.lungs import segment_lungs
from tests.benchmarks.bench_candidates import GROUPS, Froc, Trial, trials, wilson_95
from tests.benchmarks.curves import Axis, drawn
from tests.benchmarks.learned_on_real_ct import RealPlace, SearchedReal, places_on_real_ct, search_real_ct
from tests.benchmarks.learned_pages import training_curve

PER_SCAN = (0.5, 1.0, 2.0, 4.0, 8.0)
SHOWN_FALSE = 3.0  # false ones a scan that the score to show from leaves on the draws for settings
SETTING_DRAWS = 1
HELD_OUT = 500  # the first draw; 100 to 107 were looked at with version 1, 300 to 305 with version 2
OWN_HIT_MM = 8.0
GOALS = {2.0: 0.95, 0.5: 0.90}
TIMES = 4000
PAGE = Path(__file__).resolve().parents[2] / "docs" / "models" / "candidates.md"
CURVE = PAGE.parent / "img" / "candidates-froc.svg"
TRAINING = PAGE.parent / "img" / "candidates-training.svg"

Told = tuple[Trial, tuple[Candidate, ...]]


@dataclass(frozen=True)
class Searched:
    """A trial as the detector saw it, and what the network will be shown of each place; the scan itself is let go."""

    trial: Trial
    found: tuple[Candidate, ...]
    patches_hu: Shorts
    cutting_s: float  # CPU


@dataclass(frozen=True)
class Both:
    """The same trials as the detector alone and as both together put them in order."""

    alone: Froc
    filtered: Froc
    network_s: float  # CPU a scan

    @property
    def reached(self) -> float:
        """Share of the nodules that lie among what the network is asked about."""
        return float(np.mean([score > 0 for _, score in self.alone.nodules]))


def search(setting: Sequence[int], held_out: Sequence[int]) -> tuple[list[Searched], list[Searched]]:
    """Search every trial with the detector; those to set the score with, and the held-out ones."""
    seeds = [*setting, *held_out]
    for_setting: list[Searched] = []
    others: list[Searched] = []
    for number, trial in enumerate(trials(seeds)):
        found = find_candidates(trial.volume, segment_lungs(trial.volume), limit=LOOKED_AT, least_score=0.0)
        started = time.process_time()
        patches = cut_about(trial.volume, found)
        spent = time.process_time() - started
        one = Searched(replace(trial, volume=trial.volume.crop((0, 0, 0), (1, 1, 1))), found, patches, spent)
        (for_setting if number % len(seeds) < len(setting) else others).append(one)
        sys.stderr.write(f"{trial.scan}: {len(found)} places\n")
    return for_setting, others


def ask(for_setting: Sequence[Searched], others: Sequence[Searched], network: Network) -> tuple[float, Both, list[str]]:
    """Ask about every place; gives the score to show from, the held-out trials, and the scans' own nodules."""
    started = time.process_time()
    setting, filtered = (
        [(one.trial, weighed(one.found, one.patches_hu, network)) for one in some] for some in (for_setting, others)
    )
    spent = time.process_time() - started + sum(one.cutting_s for one in (*for_setting, *others))
    alone = [(one.trial, one.found) for one in others]
    both = Both(Froc.of(alone), Froc.of(filtered), spent / (len(for_setting) + len(others)))
    draws = len(others) // len({one.trial.scan for one in others})
    return Froc.of(setting).threshold(SHOWN_FALSE), both, own_nodules(alone[::draws], filtered[::draws])


def own_nodules(alone: Sequence[Told], filtered: Sequence[Told]) -> list[str]:
    """How many false places stand before each nodule that the scans have themselves, in both lists."""
    lines = ["| scan | nodule at (LPS mm) | before it, detector | before it, both |", "|---|---|---|---|"]
    for one, other in zip(alone, filtered, strict=True):
        for place in one[0].own_lps_mm:
            counts = [_false_before(listed, place) for listed in (one, other)]
            lines.append(f"| {one[0].scan} | {', '.join(f'{v:.0f}' for v in place)} | {counts[0]} | {counts[1]} |")
    return lines


def _false_before(told: Told, place_lps_mm: NDArray[np.float64]) -> str:
    trial, listed = told
    hits = trial.hits(np.array([one.lps_mm for one in listed]))
    for rank, one in enumerate(listed):
        if float(np.linalg.norm(np.subtract(one.lps_mm, place_lps_mm))) < OWN_HIT_MM:
            return str(int((hits[:rank] == -1).sum()))
    return "not among the places"


def found_at(froc: Froc, false_per_scan: float) -> NDArray[np.bool_]:
    """Which nodules are found where so many false ones a scan are left, (n,)."""
    least = froc.threshold(false_per_scan)
    return np.array([score > least for _, score in froc.nodules])


def gain_ci95(both: Both, false_per_scan: Sequence[float]) -> tuple[float, float, float]:
    """Gain in sensitivity, averaged over points of the curve, with its interval: the same nodules drawn again."""
    gains = np.mean(
        [
            found_at(both.filtered, false).astype(float) - found_at(both.alone, false).astype(float)
            for false in false_per_scan
        ],
        axis=0,
    )
    rng = np.random.default_rng(7)
    again = gains[rng.integers(0, len(gains), (TIMES, len(gains)))].mean(axis=1)
    low, high = np.quantile(again, [0.025, 0.975])
    return float(gains.mean()), float(low), float(high)


def performance(both: Both) -> list[Performance]:
    """Sensitivity of each subgroup at each point, with the detector's beside it."""
    rows = []
    for name, chosen in GROUPS.items():
        some = np.array([chosen(nodule) for nodule, _ in both.alone.nodules])
        for false in PER_SCAN:
            now, before = found_at(both.filtered, false)[some], found_at(both.alone, false)[some]
            low, high = wilson_95(int(now.sum()), len(now))
            measure = f"sensitivity at {false:g} false places a scan"
            figures = [round(float(one), 4) for one in (now.mean(), low, high, before.mean())]
            rows.append(Performance(name, measure, *figures, cases=len(now)))
    return rows


def table(froc: Froc) -> list[str]:
    """Sensitivities by subgroup with intervals at the two goals."""
    lines = [
        "| nodules | " + " | ".join(f"{n:g} false a scan" for n in PER_SCAN) + " | 95 % at 0.5 | 95 % at 2 |",
        "|---|" + "---|" * (len(PER_SCAN) + 2),
    ]
    for name, chosen in GROUPS.items():
        shares = {n: froc.sensitivity(froc.threshold(n), chosen) for n in PER_SCAN}
        spans = [wilson_95(*shares[n]) for n in (0.5, 2.0)]
        told = " | ".join(f"{found / of:.2f}" for found, of in shares.values())
        between = " | ".join(f"{low:.2f} to {high:.2f}" for low, high in spans)
        lines.append(f"| {name} ({shares[2.0][1]}) | {told} | {between} |")
    return lines


def verdict(both: Both, before: Froc | None) -> tuple[bool, str]:
    """Whether the filter wins on the same nodules, in one sentence."""
    points = (0.5, 1.0, 2.0, 4.0)
    mean, low, high = gain_ci95(both, points)
    reached = {n: float(found_at(both.filtered, n).mean()) for n in GOALS}
    goals = ", ".join(f"{reached[n]:.3f} at {n:g} (goal {goal:.2f})" for n, goal in GOALS.items())
    told = f"Against the detector alone {mean:+.3f} (95 % {low:+.3f} to {high:+.3f}) over 0.5 to 4 false places a scan"
    if before:
        more = gain_ci95(replace(both, alone=before), points)
        told += "; against the version before {:+.3f} (95 % {:+.3f} to {:+.3f})".format(*more)
    wins = low > 0
    ends = "in use" if wins else "does not win, so it is switched off unless somebody chooses it"
    return wins, f"{told}; {goals}: {ends}."


def real_lines(places: Sequence[RealPlace]) -> list[str]:
    """How many real nodules stand before so many false places of their scan."""
    if not places:
        return []
    lines = [
        "## Real nodules in real CT",
        "",
        f"{len(places)} places of nodules that readers outlined in other patients "
        f"({min(one.diameter_mm for one in places):.0f} to {max(one.diameter_mm for one in places):.0f} mm), laid into "
        "the two scans (`tests.benchmarks.bench_registration --folder`): share with at most so many false places of "
        "the same scan before them.",
        "",
        "| | " + " | ".join(f"{most:g}" for most in PER_SCAN[1:]) + " | not among the places |",
        "|---|" + "---|" * len(PER_SCAN),
    ]
    for name, before in (
        ("detector alone", [one.by_detector for one in places]),
        ("detector and network", [one.by_both for one in places]),
    ):
        shares = " | ".join(f"{np.mean([one <= most for one in before]):.2f}" for most in PER_SCAN[1:])
        lines.append(f"| {name} | {shares} | {sum(math.isinf(one) for one in before)} |")
    return [*lines, ""]


def page(card: ModelCard, both: Both, before: Froc | None, own: list[str], real: Sequence[str]) -> str:
    """What docs/models says of it."""
    trained = card.trained
    lines = [
        f"# The candidate filter, version {card.version}",
        "",
        f"{card.verdict}",
        "",
        f"Trained on simulation: {trained.data} {trained.examples} places, {trained.cpu_minutes} CPU minutes on one "
        f"core, {trained.on}; digest of the data `{trained.data_sha256[:16]}`, of the weights "
        f"`{card.weights_sha256[:16]}`. Again: `{trained.script}`.",
        "",
        f"![Loss of the training](img/{TRAINING.name})",
        "",
        "## Simulated nodules in real CT",
        "",
        f"Measured on {len(both.alone.nodules)} simulated nodules of 4 to 15 mm that were laid into two real scans "
        f"({both.alone.scans} draws, from {HELD_OUT} on, none looked at before). No weight of the network has seen "
        "these scans; the detector's own weights were fitted on other draws of the same two. "
        f"{100 * both.reached:.0f} % of the nodules lie among the {LOOKED_AT} places that the network is asked about: "
        f"more cannot be reached. {both.network_s:.2f} CPU s a scan for the network.",
        "",
        f"![Share of nodules found over false places a scan](img/{CURVE.name})",
        "",
        "Detector and network together:",
        "",
        *table(both.filtered),
        "",
        "The detector alone, on the same places:",
        "",
        *table(both.alone),
        "",
        *(["Detector and the version before, on the same places:", "", *table(before), ""] if before else []),
        *real,
        "How many false places stand before the nodules that the scans have themselves, one real in each, three "
        "implanted in the first:",
        "",
        *own,
        "",
        "## What it must not be used for",
        "",
        *(f"- {limit}" for limit in card.limits),
        "",
    ]
    return "\n".join(lines)


def curve(both: Both) -> str:
    """Both curves."""
    points = np.linspace(0.0625, 8.0, 64)
    small: Callable[[InsertedNodule], bool] = GROUPS["4-6 mm"]
    lines = {}
    for name, froc in (("both", both.filtered), ("detector alone", both.alone)):
        for group, chosen in (("all", GROUPS["all"]), ("4-6 mm", small)):
            shares = [froc.sensitivity(froc.threshold(float(n)), chosen) for n in points]
            lines[f"{name}, {group}"] = [(float(n), found / of) for n, (found, of) in zip(points, shares, strict=True)]
    across = Axis("false places a scan", 0.0, 8.0, (0.5, 1, 2, 4, 6, 8))
    return drawn(across, Axis("share of the nodules found", 0.4, 1.0, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)), lines)


def main() -> None:
    """Measure, complete the card, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--version", default="3")
    parser.add_argument("--folder", type=Path, default=OUR_WEIGHTS)
    parser.add_argument("--made", type=Path, required=True, help="what bench_registration --folder made of real CT")
    parser.add_argument("--draws", type=int, default=8, help="of each of the two scans")
    parser.add_argument("--dry", action="store_true", help="print only")
    told = parser.parse_args()
    known = Registry.of(our_folder=told.folder).of_task(Task.CANDIDATES)
    versions = [model.card.version for model in known]
    if told.version not in versions:
        raise SystemExit(f"no version {told.version}")
    now, *earlier = known[versions.index(told.version) :]
    searched = search(range(SETTING_DRAWS), range(HELD_OUT, HELD_OUT + told.draws))
    before = open_model(earlier[0]) if earlier else None
    evaluate(now, told.folder, searched, search_real_ct(told.made), before, dry=told.dry)


def evaluate(
    model: Model,
    folder: Path,
    searched: tuple[list[Searched], list[Searched]],
    real: Sequence[SearchedReal],
    former: Network | None,
    *,
    dry: bool,
) -> None:
    """Ask this version and the one before it, complete the card, write the page."""
    network = open_model(model)
    least, both, own = ask(*searched, network)
    before = ask(*searched, former)[1].filtered if former else None
    wins, words = verdict(both, before)
    card = replace(
        model.card,
        recommended=wins,
        verdict=words,
        settings=model.card.settings | {"least_score": round(least, 4)},
        performance=tuple(performance(both)),
        evaluated_on=datetime.now(tz=UTC).date().isoformat(),
    )
    text = page(card, both, before, own, real_lines(places_on_real_ct(real, network)))
    sys.stdout.write(text)
    if dry:
        return
    (folder / f"{card.name}.json").write_text(card.to_json(), "utf-8")
    CURVE.parent.mkdir(parents=True, exist_ok=True)
    CURVE.write_text(curve(both), "utf-8")
    TRAINING.write_text(training_curve(folder / f"{card.name}.csv"), "utf-8")
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
