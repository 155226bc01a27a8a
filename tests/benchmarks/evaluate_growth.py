"""The two-timepoint network against measuring both scans together, on the same nodules; writes card and page.

``python -m tests.benchmarks.evaluate_growth KNOWN --measured FILE --made FOLDER --fresh FOLDER`` with the folder of
``inference.training.known_nodules``, the file of ``tests.benchmarks.measured_pairs``, and real CT as
``tests.benchmarks.bench_registration`` and ``tests.benchmarks.learned_pairs`` moved it. The network has learned from
none of these nodules, and nothing was chosen with them. The version before it answers beside it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from inference.estimate import Z_95
from inference.fusing import JOINT_HELD, fuse, joint_interval_holds
from inference.growth import REPEATABLE_RATIO
from inference.learned_growth import read_answers
from inference.model_card import ModelCard, Performance, Task
from inference.networks.growth import SIDE, STEP_MM
from inference.networks.running import Network, open_model
from inference.patches import cut_patches
from inference.registry import OUR_WEIGHTS, Model, Registry
from inference.repeatability import SEPARATE, TOGETHER
from inference.training.known_nodules import KnownNodule, read_nodules
from tests.benchmarks.curves import Axis, drawn
from tests.benchmarks.learned_on_real_ct import MeasuredReal, RealGrowth, growth_on_real_ct, measure_real_ct
from tests.benchmarks.learned_pages import training_curve
from tests.benchmarks.measured_pairs import OFF_MIDDLE, Case, read_cases

HELD_OUT = range(61, 65)  # patients
TIMES = 4000
NOT_SHOWN = (
    "The interval of measured and learned together is not shown: on real nodules in real CT it held fewer than 0.93 of "
    "the true ratios."
)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "models" / "growth.md"
TEMPLATE = Path(__file__).with_name("growth_page.md")
PLOT = PAGE.parent / "img" / "growth-ratio.svg"
TRAINING = PAGE.parent / "img" / "growth-training.svg"
LIMIT = float(np.log(REPEATABLE_RATIO))
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Counted:
    """True, measured, learned and fused logarithms of the ratios (n,), with the errors stated for each."""

    cases: list[Case]
    true: Floats
    measured: Floats
    measured_error: Floats
    learned: Floats
    learned_error: Floats
    fused: Floats
    fused_error: Floats
    grown: Floats

    def some(self, chosen: Callable[[Case], bool]) -> Counted:
        """A subgroup."""
        keep = np.array([chosen(case) for case in self.cases])
        kept = {name: getattr(self, name)[keep] for name in list(self.__dataclass_fields__)[1:]}
        return Counted([case for case, one in zip(self.cases, keep, strict=True) if one], **kept)


def count(known: Sequence[KnownNodule], cases: dict[str, Case], network: Network) -> Counted:
    """Ask the network about every nodule that measuring could measure on both scans."""
    both = [(one, cases[one.name]) for one in known if one.name in cases and cases[one.name].measured]
    cubes = np.stack([_cubes(one) for one, _ in both])
    told = read_answers(cubes, network)
    measured, errors, fused = [], [], []
    for (_, case), answer in zip(both, told, strict=True):
        first, second = case.seen("together")
        log_ratio = float(np.log(second.volume_mm3 / first.volume_mm3))
        error = case.error("together", TOGETHER if case.together else SEPARATE)
        measured.append(log_ratio)
        errors.append(error)
        fused.append(fuse(float(np.exp(log_ratio)), error, answer))
    return Counted(
        [case for _, case in both],
        np.array([case.log_ratio for _, case in both]),
        np.array(measured),
        np.array(errors),
        np.log([one.volume_ratio for one in told]),
        np.array([one.log_ratio_error for one in told]),
        np.log([one.volume_ratio for one in fused]),
        np.array([one.log_ratio_error for one in fused]),
        np.array([one.grown_probability for one in told]),
    )


def _cubes(known: KnownNodule) -> NDArray[np.int16]:
    """Both cubes of a nodule, the prior's about a point as far off the middle as a reader's, the current's as carried.

    The same point that measuring was asked at, see ``measured_pairs.measure_case``.
    """
    rng = np.random.default_rng([int(part) for part in known.name.split("-")])
    diameter_mm = (6 * known.prior.volume_mm3 / np.pi) ** (1 / 3)
    off_mm = rng.normal(0, OFF_MIDDLE * diameter_mm, 3)
    places = (known.prior, known.prior.centre_lps_mm + off_mm), (known.current, known.carried_lps_mm + off_mm)
    return np.stack([cut_patches(scan.volume, at, side=SIDE, step_mm=STEP_MM)[0] for scan, at in places])


def area(scores: Floats, truth: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: how often a grown nodule scores higher than another, ties half."""
    if truth.all() or not truth.any():
        return float("nan")
    grown, others = scores[truth][:, None], scores[~truth][None]
    return float((grown > others).mean() + 0.5 * (grown == others).mean())


def again_ci95(figure: Callable[[NDArray[np.int_]], float], count: int) -> tuple[float, float]:
    """Interval of a figure of some cases: the cases drawn again."""
    rng = np.random.default_rng(11)
    told = [figure(rng.integers(0, count, count)) for _ in range(TIMES)]
    low, high = np.nanquantile(told, [0.025, 0.975])
    return float(low), float(high)


def error_of(counted: Counted, name: str) -> Floats:
    """Squared error of the logarithm of the ratio, case by case."""
    squared: Floats = (getattr(counted, name) - counted.true) ** 2
    return squared


def covered(counted: Counted, name: str) -> float:
    """Share of the true ratios within the stated 95 % interval."""
    off = np.abs(getattr(counted, name) - counted.true)
    return float((off <= Z_95 * getattr(counted, f"{name}_error")).mean())


GROUPS: dict[str, Callable[[Case], bool]] = {
    "all": lambda _: True,
    "below 6 mm": lambda case: case.prior.diameter_mm < 6,
    "6 to 10 mm": lambda case: 6 <= case.prior.diameter_mm < 10,
    "10 mm and more": lambda case: case.prior.diameter_mm >= 10,
    "ground glass": lambda case: case.attenuation == "ground_glass",
    "on a vessel": lambda case: case.placement == "vessel",
    "on the pleura": lambda case: case.placement == "pleura",
    "two protocols": lambda case: not case.like_protocols,
}


def rows(counted: Counted) -> list[Performance]:
    """Root mean square error and area under the curve by subgroup, with what measuring reaches beside it."""
    told = []
    for name, chosen in GROUPS.items():
        some = counted.some(chosen)
        if len(some.cases) < 5:
            continue
        for how in ("learned", "fused"):
            squared = error_of(some, how)
            low, high = again_ci95(lambda at, s=squared: float(np.sqrt(s[at].mean())), len(squared))
            now, before = (float(np.sqrt(error_of(some, one).mean())) for one in (how, "measured"))
            measure = f"error of ln(ratio), root mean square, {how}"
            told.append(
                Performance(name, measure, *(round(v, 4) for v in (now, low, high, before)), cases=len(squared))
            )
    grown = counted.true > LIMIT
    pairs = (("learned", counted.grown), ("fused", counted.fused / counted.fused_error))
    for how, scores in pairs:
        low, high = again_ci95(lambda at, s=scores: area(s[at], grown[at]), len(grown))
        before = area(counted.measured / counted.measured_error, grown)
        figures = [round(v, 4) for v in (area(scores, grown), low, high, before)]
        told.append(
            Performance("all", f"area under the curve for growth by a quarter, {how}", *figures, cases=len(grown))
        )
    return told


def verdict(counted: Counted, real: Sequence[RealGrowth]) -> tuple[bool, str]:
    """Whether measured and learned together beat measuring alone on the same nodules."""
    gain = error_of(counted, "measured") - error_of(counted, "fused")
    low, high = again_ci95(lambda at: float(gain[at].mean()), len(gain))
    figures = {one: float(np.sqrt(error_of(counted, one).mean())) for one in ("measured", "learned", "fused")}
    grown = counted.true > LIMIT
    scores = [getattr(counted, one) / getattr(counted, f"{one}_error") for one in ("measured", "fused")]
    before, now = (area(one, grown) for one in scores)
    # Near 1 a single pair of nodules decides which area is larger: lost is what lies below by an interval.
    _, most = again_ci95(lambda at: area(scores[1][at], grown[at]) - area(scores[0][at], grown[at]), len(grown))
    wins = low > 0 and most >= 0
    ends = "in use" if wins else "does not win, so it is switched off unless somebody chooses it"
    told = ", ".join(f"{one} {value:.3f}" for one, value in figures.items())
    held = f"; the 95 % interval of both held {held_on_real(real, 'fused'):.2f} of {len(real)} true ratios of real "
    held += "nodules in real CT"
    return wins, (
        f"Error of ln(ratio) on {len(gain)} held-out nodules, root mean square: {told}; the fused mean square is "
        f"smaller by {float(gain.mean()):+.4f} (95 % {low:+.4f} to {high:+.4f}); area under the curve for growth by a "
        f"quarter {before:.3f} measured, {now:.3f} fused{held if real else ''}: {ends}."
    )


def held_on_real(rows: Sequence[RealGrowth], name: str) -> float:
    """Share of the true ratios of real nodules within the stated 95 % interval."""
    off = np.array([getattr(row, name) - row.true for row in rows])
    return float((np.abs(off) <= Z_95 * np.array([getattr(row, f"{name}_error") for row in rows])).mean())


def limits(card: ModelCard, held: Mapping[str, float]) -> tuple[str, ...]:
    """What the model must not be used for; that its joint interval is not shown, where it held too little."""
    kept = tuple(limit for limit in card.limits if limit != NOT_SHOWN)
    return (*kept, NOT_SHOWN) if held and not joint_interval_holds(held) else kept


def real_lines(groups: Mapping[str, Sequence[RealGrowth]], before: Mapping[str, Sequence[RealGrowth]]) -> str:
    """Rows of the table of real nodules: errors of ln(ratio) and what the intervals held."""
    lines = []
    for name, rows in groups.items():
        ways = [(one, rows, one) for one in ("measured", "learned", "fused")]
        ways += [(f"{one}, version before", before[name], one) for one in ("learned", "fused") if before]
        for words, some, one in ways:
            off = np.array([getattr(row, one) - row.true for row in some])
            lines.append(
                f"| {name} ({len(off)}) | {words} | {np.sqrt((off**2).mean()):.3f} | {np.median(np.abs(off)):.3f} "
                f"| {off.mean():+.3f} | {held_on_real(some, one):.2f} |"
            )
    return "\n".join(lines)


def group_lines(card: ModelCard, before: Counted | None) -> str:
    """Rows of the table of simulated nodules."""
    told = {(row.group, row.measure.rsplit(", ", 1)[1]): row for row in card.performance if "error" in row.measure}
    lines = []
    for name, chosen in GROUPS.items():
        if (name, "learned") not in told:
            continue
        learned, fused = told[name, "learned"], told[name, "fused"]
        spans = " | ".join(f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in (learned, fused))
        some = before.some(chosen) if before else None
        old = " | ".join(f"{np.sqrt(error_of(some, one).mean()):.3f}" if some else "" for one in ("learned", "fused"))
        lines.append(f"| {name} | {learned.cases} | {learned.before:.3f} | {spans} | {old} |")
    return "\n".join(lines)


def page(card: ModelCard, counted: Counted, before: Counted | None, seconds: float, real: str) -> str:
    """What docs/models says of it."""
    areas = {row.measure.rsplit(", ", 1)[1]: row for row in card.performance if "curve" in row.measure}
    shares = [f"{covered(counted, one):.2f}" for one in ("measured", "learned", "fused")]
    shares += [f"{covered(before, one):.2f}" if before else "" for one in ("learned", "fused")]
    under = [f"{areas['learned'].before:.3f}"]
    under += [f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})" for one in (areas["learned"], areas["fused"])]
    grown = counted.true > LIMIT
    scores = (before.grown, before.fused / before.fused_error) if before else ()
    under += [f"{area(one, grown):.3f}" for one in scores] or ["", ""]
    return TEMPLATE.read_text("utf-8").format(
        version=card.version,
        verdict=card.verdict,
        trained=card.trained,
        data_digest=card.trained.data_sha256[:16],
        weights_digest=card.weights_sha256[:16],
        error_factor=card.settings["error_factor"],
        nodules=len(counted.cases),
        patients=len({case.seed for case in counted.cases}),
        seeds=f"{HELD_OUT[0]} to {HELD_OUT[-1]}",
        milliseconds=1000 * seconds,
        groups=group_lines(card, before),
        shares=" | ".join(shares),
        areas=" | ".join(under),
        real=real,
        limits="\n".join(f"- {limit}" for limit in card.limits),
    )


def plot(counted: Counted) -> str:
    """Found over true logarithms of the ratio."""
    ticks = (-1.0, -0.5, 0.0, 0.5, 1.0)
    lines = {
        name: list(zip(counted.true.tolist(), getattr(counted, name).tolist(), strict=True))
        for name in ("measured", "fused")
    }
    return drawn(Axis("true ln(ratio)", -1.2, 1.2, ticks), Axis("found", -1.2, 1.2, ticks), lines, dots=True)


def main() -> None:
    """Measure, complete the card, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("known", type=Path, nargs="+", help="folders of known nodules")
    parser.add_argument("--measured", type=Path, required=True, help="what measured_pairs wrote")
    parser.add_argument("--made", type=Path, required=True, help="what bench_registration --folder made of real CT")
    parser.add_argument("--fresh", type=Path, required=True, help="what learned_pairs made of real CT")
    parser.add_argument("--version", default="3")
    parser.add_argument("--folder", type=Path, default=OUR_WEIGHTS)
    told = parser.parse_args()
    known = Registry.of(our_folder=told.folder).of_task(Task.GROWTH)
    versions = [model.card.version for model in known]
    if told.version not in versions:
        raise SystemExit(f"no version {told.version}")
    now, *earlier = known[versions.index(told.version) :]
    groups = {"new pairs": measure_real_ct([told.fresh])[0], "former pairs": measure_real_ct([told.made])[0]}
    before = open_model(earlier[0]) if earlier else None
    evaluate(now, told.folder, (told.known, told.measured), groups, before)


def evaluate(
    model: Model,
    folder: Path,
    simulated: tuple[Sequence[Path], Path],
    real: Mapping[str, Sequence[MeasuredReal]],
    before: Network | None,
) -> None:
    """Ask this version and the one before it, complete the card, write the page."""
    kept, measured = simulated
    cases = {case.name: case for case in read_cases(measured)}
    known = [one for place in kept for one in read_nodules(place, set(HELD_OUT))]
    network = open_model(model)
    started = time.process_time()
    counted = count(known, cases, network)
    seconds = (time.process_time() - started) / len(counted.cases)
    seen = {name: growth_on_real_ct(some, network) for name, some in real.items() if some}
    seen_before = {name: growth_on_real_ct(some, before) for name, some in real.items() if some} if before else {}
    every = [row for rows_ in seen.values() for row in rows_]
    wins, words = verdict(counted, every)
    held = {JOINT_HELD: round(held_on_real(every, "fused"), 4)} if every else {}
    card = replace(
        model.card,
        limits=limits(model.card, held),
        recommended=wins,
        verdict=words,
        settings=model.card.settings | held,
        performance=tuple(rows(counted)),
        evaluated_on=datetime.now(tz=UTC).date().isoformat(),
    )
    counted_before = count(known, cases, before) if before else None
    text = page(card, counted, counted_before, seconds, real_lines(seen, seen_before))
    sys.stdout.write(text)
    (folder / f"{card.name}.json").write_text(card.to_json(), "utf-8")
    PLOT.parent.mkdir(parents=True, exist_ok=True)
    PLOT.write_text(plot(counted), "utf-8")
    TRAINING.write_text(training_curve(folder / f"{card.name}.csv"), "utf-8")
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
