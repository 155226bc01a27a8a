"""The phenotype network on nodules it has not seen, beside what measuring describes, and beside readers; card and page.

``python -m tests.benchmarks.evaluate_phenotype NODULES --classical FILE`` with patients 901 and on of
``inference.training.nodule_data --blocks`` and what ``tests.benchmarks.classical_nodules`` measured in them. The
network has learned from none of these patients, nor from any reader.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.stats import rankdata

from inference.attribution import REACH_VOXELS, read_heat
from inference.model_card import ModelCard, Task
from inference.networks.phenotype import ATTENUATIONS, FEATURES, SIDE, STEP_MM
from inference.networks.running import Network, open_model
from inference.patch_grid import PatchGrid
from inference.patches import cut_patches
from inference.phenotype import PhenotypeWord, read_words
from inference.registry import OUR_WEIGHTS, Registry
from inference.simulate.features import Feature
from inference.training.nodule_data import KnownNodules, NoduleFacts, middle
from inference.validation.cases import Cases
from inference.validation.discrimination import Difference, Share, area, compare_areas
from tests.benchmarks.classical_nodules import read_classical
from tests.benchmarks.curves import Axis, drawn
from tests.benchmarks.heat_sheet import about, draw_heat, performance
from tests.benchmarks.learned_pages import training_curve
from tests.benchmarks.reader_cubes import CALCIUM, LOBULATION, SPICULATION, TEXTURE, reader_cubes

TIMES = 2000
MAPPED = 6  # nodules of each feature whose heat is looked at
NEAR_MM = 3.0
NO_CALCIUM = 6  # of the readers' ratings of calcification
PAGE = Path(__file__).resolve().parents[2] / "docs" / "models" / "phenotype.md"
IMAGES = PAGE.parent / "img"
TEMPLATE = Path(__file__).with_name("phenotype_page.md")
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Case:
    """One simulated nodule: truth, what measuring described (None where it refused), what the network said."""

    facts: NoduleFacts
    classical: dict[str, Any] | None
    word: PhenotypeWord
    cube_hu: NDArray[np.int16]
    marks: NDArray[np.uint8]

    def score(self, name: str) -> float:
        """The network's probability of an answer."""
        return {**self.word.attenuation, **self.word.features}[name]

    def true(self, name: str) -> bool:
        """Whether it is so."""
        if name in ATTENUATIONS:
            return self.facts.attenuation == name
        return bool(self.facts.features & Feature[name.upper()])

    def asked(self, name: str) -> bool:
        """Whether a nodule of its size, attenuation and place can have it: else its size would give it away."""
        return name in ATTENUATIONS or bool(self.facts.possible & Feature[name.upper()])


def held_out(folder: Path, file: Path, network: Network) -> tuple[list[Case], float]:
    """Every held-out nodule that measuring was asked about, and the processor seconds of the network for one."""
    measured = read_classical(file)
    cases: list[Case] = []
    seconds = 0.0
    for path in sorted(folder.glob("nodules-*.npz")):
        known = KnownNodules.load(path)
        cubes, marks = middle(known.cubes_hu), middle(known.marks)
        started = time.process_time()
        words = read_words(cubes, network)
        seconds += time.process_time() - started
        for number, (facts, word) in enumerate(zip(known.facts, words, strict=True)):
            row = measured.get(f"block-{path.stem.split('-')[1]}-{number:02d}")
            if row is not None:
                told = None if "refused" in row else row
                cases.append(Case(facts, told, word, cubes[number], marks[number]))
    return cases, seconds / max(len(cases), 1)


@dataclass(frozen=True)
class Told:
    """How well one answer tells nodules apart.

    Parameters
    ----------
    learned
        Area under the curve on all nodules that can have it.
    both
        On the nodules that measuring describes too: area of the network, of measuring, and the difference; None where
        measuring says too little.
    """

    name: str
    learned: Share
    count: int
    having: int
    both: tuple[Share, Share, Difference, int] | None


def told_apart(cases: Sequence[Case], name: str) -> Told:
    """Area under the curve of one answer, with measuring beside."""
    some = [one for one in cases if one.asked(name)]
    judged = Cases.of([one.score(name) for one in some], [one.true(name) for one in some])
    also = [one for one in some if one.classical is not None and one.classical[name] is not None]
    truth = [one.true(name) for one in also]
    both = None
    if 2 <= sum(truth) <= len(truth) - 2:
        first = Cases.of([one.score(name) for one in also], truth)
        second = Cases.of([float(one.classical[name]) for one in also if one.classical], truth)
        both = (area(first), area(second), compare_areas(first, second), len(also))
    return Told(name, area(judged), len(some), judged.events, both)


@dataclass(frozen=True)
class Agreement:
    """Rank correlation with the readers' mean rating of real nodules, and of one reader with the others' mean."""

    words: str
    value: float
    low: float
    high: float
    between_readers: float
    cubes: int


def agreements(network: Network) -> list[Agreement]:
    """Agreement with readers on real nodules, for what they rate on a scale."""
    cubes = list(reader_cubes())
    patches = [cut_patches(one.volume, one.middle_lps_mm, side=SIDE, step_mm=STEP_MM)[0] for one in cubes]
    words = read_words(np.stack(patches), network)
    ratings = [one.ratings for one in cubes]
    asked = (
        ("texture, 5 is solid", TEXTURE, [w.attenuation["solid"] - w.attenuation["ground_glass"] for w in words]),
        ("lobulation", LOBULATION, [one.features["lobulation"] for one in words]),
        ("spiculation", SPICULATION, [one.features["spiculation"] for one in words]),
    )
    return [_agreement(name, np.array(scores), [one[:, column] for one in ratings]) for name, column, scores in asked]


def calcified_real(network: Network) -> Share:
    """Area under the curve for calcium in real nodules: what most readers call calcified."""
    cubes = list(reader_cubes())
    patches = [cut_patches(one.volume, one.middle_lps_mm, side=SIDE, step_mm=STEP_MM)[0] for one in cubes]
    scores = [one.features["calcification"] for one in read_words(np.stack(patches), network)]
    return area(Cases.of(scores, [float((one.ratings[:, CALCIUM] != NO_CALCIUM).mean()) > 0.5 for one in cubes]))


def _agreement(words: str, scores: Floats, ratings: Sequence[Floats]) -> Agreement:
    means = np.array([one.mean() for one in ratings])
    rng = np.random.default_rng(13)
    drawn_again = []
    for _ in range(TIMES):
        at = rng.integers(0, len(means), len(means))
        drawn_again.append(_ranks(scores[at], means[at]))
    low, high = np.nanquantile(drawn_again, [0.025, 0.975])
    between = [
        _ranks(np.array([one[reader] for one in ratings]), np.array([np.delete(one, reader).mean() for one in ratings]))
        for reader in range(min(len(one) for one in ratings))
    ]
    return Agreement(words, _ranks(scores, means), float(low), float(high), float(np.mean(between)), len(means))


def _ranks(first: Floats, second: Floats) -> float:
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return float("nan")
    ranks = [rankdata(one) for one in (first, second)]
    return float(np.corrcoef(*ranks)[0, 1])


def pointed_at(cases: Sequence[Case], name: str, network: Network) -> tuple[int, int, float]:
    """How often the hottest place lies within ``NEAR_MM`` of the feature: hits, nodules, and the share by chance."""
    flag = Feature[name.upper()]
    some = [one for one in cases if one.true(name) and (one.marks & flag).any() and one.score(name) > 0.5][:MAPPED]
    grid = PatchGrid((0.0, 0.0, 0.0), SIDE, STEP_MM, np.eye(3))
    middle_zyx = (SIDE - 1) / 2
    tried = np.linalg.norm(np.indices((SIDE,) * 3) - middle_zyx, axis=0) <= REACH_VOXELS
    hits, chances = 0, []
    for one in some:
        away_mm = ndimage.distance_transform_edt((one.marks & flag) == 0) * STEP_MM
        heat = read_heat(one.cube_hu, grid, network)[name].heat
        at = np.unravel_index(int(heat.argmax()), heat.shape)
        hits += bool(away_mm[at] <= NEAR_MM)
        chances.append(float((away_mm[tried] <= NEAR_MM).mean()))
    return hits, len(some), float(np.mean(chances)) if chances else float("nan")


def verdict(told: Sequence[Told], real: Sequence[Agreement]) -> tuple[bool, str]:
    """Whether it tells apart what measuring does not, and agrees with readers about the border of real nodules."""
    better = [one.name for one in told if one.both is not None and one.both[2].low_ratio > 0]
    worse = [one.name for one in told if one.both is not None and one.both[2].high_ratio < 0]
    agreed = [one.words for one in real if one.low > 0]
    wins = len(better) > len(worse) and not worse and len(agreed) == len(real)
    told_better, told_worse = (", ".join(names).replace("_", " ") or "nothing" for names in (better, worse))
    ends = "in use" if wins else "switched off unless somebody chooses it"
    return wins, (
        f"On nodules that it has not seen it tells apart better than measuring: {told_better}; worse: {told_worse} "
        f"(paired 95 % intervals). Its order of real nodules agrees with the readers' ratings of "
        f"{len(agreed)} of {len(real)} (interval above 0): {ends}."
    )


def page(
    card: ModelCard,
    told: Sequence[Told],
    real: Sequence[Agreement],
    heat: dict[str, tuple[int, int, float]],
    **values: object,
) -> str:
    """What docs/models says of it."""
    return TEMPLATE.read_text("utf-8").format(
        **about(card),
        **values,
        answers="\n".join(_answer_row(one) for one in told),
        ratings="\n".join(
            f"| {one.words} | {one.cubes} | {one.value:+.2f} ({one.low:+.2f} to {one.high:+.2f}) "
            f"| {one.between_readers:+.2f} |"
            for one in real
        ),
        near=NEAR_MM,
        heat="\n".join(
            f"| {name.replace('_', ' ')} | {count} | {hits} | {count * chance:.1f} |"
            for name, (hits, count, chance) in heat.items()
            if count
        ),
    )


def _answer_row(one: Told) -> str:
    beside = "0 | | |"
    if one.both is not None:
        own, other, apart, count = one.both
        beside = (
            f"{count} | {own.share:.3f} | {other.share:.3f} | {apart.difference_ratio:+.3f} "
            f"({apart.low_ratio:+.3f} to {apart.high_ratio:+.3f})"
        )
    return f"| {one.name.replace('_', ' ')} | {one.count} ({one.having}) | {_share(one.learned)} | {beside} |"


def _share(area_: Share) -> str:
    return f"{area_.share:.3f} ({area_.low_share:.3f} to {area_.high_share:.3f})"


def calibration(cases: Sequence[Case]) -> str:
    """Share that has a feature over the probability told, in fifths of the nodules asked."""
    lines: dict[str, Sequence[tuple[float, float]]] = {}
    for name in ("lobulation", "spiculation", "calcification", "pleural_tag"):
        some = [one for one in cases if one.asked(name)]
        told, true = np.array([one.score(name) for one in some]), np.array([one.true(name) for one in some])
        fifths = np.array_split(np.argsort(told), 5)
        lines[name.replace("_", " ")] = [(float(told[at].mean()), float(true[at].mean())) for at in fifths]
    ticks = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
    return drawn(Axis("probability told", 0.0, 1.0, ticks), Axis("share that has it", 0.0, 1.0, ticks), lines)


def main() -> None:
    """Measure, complete the card, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nodules", type=Path)
    parser.add_argument("--classical", type=Path, required=True)
    parser.add_argument("--version", default="1")
    parser.add_argument("--folder", type=Path, default=OUR_WEIGHTS)
    told = parser.parse_args()
    model = Registry.of(our_folder=told.folder).choose(Task.PHENOTYPE, told.version)
    if model is None:
        raise SystemExit(f"no version {told.version}")
    network = open_model(model)
    cases, seconds = held_out(told.nodules, told.classical, network)
    apart = [told_apart(cases, name) for name in (*ATTENUATIONS, *FEATURES)]
    real = agreements(network)
    wins, words = verdict(apart, real)
    measured = [
        performance(
            one.name.replace("_", " "),
            "area under the ROC curve",
            (one.learned.share, one.learned.low_share, one.learned.high_share),
            one.both[1].share if one.both else None,
            one.count,
        )
        for one in apart
    ]
    measured += [
        performance(
            f"real nodules, {one.words}",
            "rank correlation with readers",
            (one.value, one.low, one.high),
            one.between_readers,
            one.cubes,
        )
        for one in real
    ]
    card = replace(
        model.card,
        recommended=wins,
        verdict=words,
        performance=tuple(measured),
        evaluated_on=datetime.now(tz=UTC).date().isoformat(),
    )
    mapped = [name for name in FEATURES if name != "lobulation"]
    heat = {name: pointed_at(cases, name, network) for name in mapped}
    text = page(
        card,
        apart,
        real,
        heat,
        cases=len(cases),
        milliseconds=1000 * seconds,
        calcium=_share(calcified_real(network)),
    )
    sys.stdout.write(text)
    (told.folder / f"{card.name}.json").write_text(card.to_json(), "utf-8")
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / "phenotype-calibration.svg").write_text(calibration(cases), "utf-8")
    (IMAGES / "phenotype-training.svg").write_text(training_curve(told.folder / f"{card.name}.csv"), "utf-8")
    draw_heat(cases, mapped, network, IMAGES / "phenotype-heat.png")
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
