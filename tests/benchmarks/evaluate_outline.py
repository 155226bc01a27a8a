"""The outline network against measuring, on the same simulated nodules and readers' cubes; writes card and page.

``python -m tests.benchmarks.evaluate_outline NODULES --classical FILE`` with patients 901 and on of
``inference.training.nodule_data --blocks`` and what ``tests.benchmarks.classical_nodules`` measured in them. The
network has learned from none of these patients, nor from any reader.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.errors import NotMeasured
from inference.estimate import Z_95
from inference.learned_outline import LearnedOutline, read_outline
from inference.measure import measure
from inference.model_card import ModelCard, Performance, Task
from inference.model_errors import NotOutlined
from inference.networks.outline import SIDE, STEP_MM
from inference.networks.running import Network, open_model
from inference.patch_grid import PatchGrid
from inference.patches import cut_patches
from inference.registry import OUR_WEIGHTS, Registry
from inference.simulate.features import Feature
from inference.training.nodule_data import KnownNodules, NoduleFacts, middle
from tests.benchmarks.classical_nodules import read_classical
from tests.benchmarks.curves import Axis, drawn
from tests.benchmarks.heat_sheet import about, performance
from tests.benchmarks.learned_pages import training_curve
from tests.benchmarks.reader_cubes import ReaderCube, reader_cubes

TIMES = 4000
EACH_GATE = 0.0125  # two groups may open it, so each gets half of the 2.5 % of one side
PAGE = Path(__file__).resolve().parents[2] / "docs" / "models" / "outline.md"
IMAGES = PAGE.parent / "img"
TEMPLATE = Path(__file__).with_name("outline_page.md")
ROWS = (("network", "learned"), ("measuring", "measured"), ("readers among themselves", "readers"))
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """One simulated nodule: truth, what measuring said, what the network said; None where either refused."""

    patient: int
    facts: NoduleFacts
    classical: dict[str, Any] | None
    learned: LearnedOutline | None

    def off(self, how: str) -> float:
        """Logarithm of the volume found over the true one."""
        return float(np.log(self.volume_mm3(how) / self.facts.volume_mm3))

    def volume_mm3(self, how: str) -> float:
        """As measured or learned."""
        if how == "measured":
            assert self.classical is not None
            return float(self.classical["volume_mm3"])
        assert self.learned is not None
        return self.learned.volume_mm3.value

    def solid_off(self, how: str) -> float:
        """Volume of the solid part less the true one, as a share of the whole nodule."""
        assert self.classical is not None
        assert self.learned is not None
        found = self.classical["solid_mm3"] if how == "measured" else self.learned.solid_volume_mm3.value
        return float((found - self.facts.solid_mm3) / self.facts.volume_mm3)


def has(feature: Feature) -> Callable[[Case], bool]:
    return lambda case: bool(case.facts.features & feature)


GROUPS: dict[str, Callable[[Case], bool]] = {
    "all": lambda _: True,
    "attached": lambda case: case.facts.placement != "isolated",
    "part-solid": lambda case: case.facts.attenuation == "part_solid",
    "isolated": lambda case: case.facts.placement == "isolated",
    "on a vessel": lambda case: case.facts.placement == "vessel",
    "on the pleura": lambda case: case.facts.placement == "pleura",
    "solid": lambda case: case.facts.attenuation == "solid",
    "ground glass": lambda case: case.facts.attenuation == "ground_glass",
    "below 8 mm": lambda case: case.facts.diameter_mm < 8,
    "8 mm and more": lambda case: case.facts.diameter_mm >= 8,
    "slices of 2 mm and more": lambda case: case.facts.slice_mm >= 2,
    "spiculated": has(Feature.SPICULATION),
    "with a cavity": has(Feature.CAVITY),
    "plain solid, none of the above": lambda case: case.facts.attenuation == "solid" and not case.facts.features,
}


def held_out(folder: Path, file: Path, network: Network) -> tuple[list[Case], float]:
    """Every held-out nodule that was measured, and the processor seconds of the network for one."""
    measured = read_classical(file)
    grid = PatchGrid((0.0, 0.0, 0.0), SIDE, STEP_MM, np.eye(3))
    cases: list[Case] = []
    seconds = 0.0
    for path in sorted(folder.glob("nodules-*.npz")):
        known = KnownNodules.load(path)
        patient = int(path.stem.split("-")[1])
        for number, (cube, facts) in enumerate(zip(middle(known.cubes_hu), known.facts, strict=True)):
            row = measured.get(f"block-{patient:04d}-{number:02d}")
            if row is None:
                continue
            started = time.process_time()
            learned = outlined(cube, grid, network)
            seconds += time.process_time() - started
            cases.append(Case(patient, facts, None if "refused" in row else row, learned))
    return cases, seconds / max(len(cases), 1)


def outlined(cube: NDArray[np.int16], grid: PatchGrid, network: Network) -> LearnedOutline | None:
    try:
        return read_outline(cube, grid, network)
    except NotOutlined:
        return None


def drawn_again(
    values: Floats, clusters: NDArray[np.int_], ends: tuple[float, float], figure: Callable[[Floats], float]
) -> tuple[float, float]:
    """Interval of a figure: whole patients drawn again."""
    rng = np.random.default_rng(12)
    of_each = [values[clusters == one] for one in np.unique(clusters)]
    told = [
        figure(np.concatenate([of_each[at] for at in rng.integers(0, len(of_each), len(of_each))]))
        for _ in range(TIMES)
    ]
    low, high = np.quantile(told, ends)
    return float(low), float(high)


def rms(values: Floats) -> float:
    return float(np.sqrt(np.mean(values**2)))


def gain(cases: Sequence[Case], ends: tuple[float, float] = (0.025, 0.975)) -> tuple[float, float, float]:
    """Squared error of ln(volume) of measuring less that of the network, mean and interval."""
    apart = np.array([one.off("measured") ** 2 - one.off("learned") ** 2 for one in cases])
    low, high = drawn_again(apart, np.array([one.patient for one in cases]), ends, lambda v: float(v.mean()))
    return float(apart.mean()), low, high


def both(cases: Sequence[Case]) -> list[Case]:
    return [one for one in cases if one.classical is not None and one.learned is not None]


def rows(cases: Sequence[Case]) -> list[Performance]:
    """Bias, spread, and error of the solid part by group, with what measuring reaches beside."""
    told = []
    for name, chosen in GROUPS.items():
        some = [one for one in both(cases) if chosen(one)]
        if len(some) < 8:
            continue
        patients = np.array([one.patient for one in some])
        off = {how: np.array([one.off(how) for one in some]) for how in ("measured", "learned")}
        solid = {how: np.array([one.solid_off(how) for one in some]) for how in ("measured", "learned")}
        figures: tuple[tuple[str, dict[str, Floats], Callable[[Floats], float]], ...] = (
            ("bias of ln(volume)", off, lambda v: float(np.mean(v))),
            ("spread of ln(volume), standard deviation", off, lambda v: float(np.std(v))),
            ("error of ln(volume), root mean square", off, rms),
            ("error of the solid part, share of the nodule, root mean square", solid, rms),
        )
        for measure_, values, figure in figures:
            low, high = drawn_again(values["learned"], patients, (0.025, 0.975), figure)
            now, before = figure(values["learned"]), figure(values["measured"])
            told.append(performance(name, measure_, (now, low, high), before, len(some)))
    return told


@dataclass(frozen=True)
class Read:
    """Mean Dice with the readers of one cube: network's, measuring's, and the readers' own."""

    learned: float | None
    measured: float | None
    readers: float


def read(cube: ReaderCube, network: Network) -> Read:
    """Outline the nodule of one cube both ways."""
    patch = cut_patches(cube.volume, cube.middle_lps_mm, side=SIDE, step_mm=STEP_MM)[0]
    grid = PatchGrid.about(cube.volume, cube.middle_lps_mm, side=SIDE, step_mm=STEP_MM)
    learned = outlined(patch, grid, network)
    own = measured = None
    if learned is not None:
        shares, start = grid.onto(cube.volume, learned.whole)
        own = cube.against_readers(_placed(shares > 0.5, start, cube))
    try:
        found = measure(cube.volume, cube.middle_lps_mm)
        measured = cube.against_readers(_placed(found.outline, found.outline_start_zyx, cube))
    except NotMeasured:
        pass  # counted as not outlined
    return Read(own, measured, cube.between_readers())


def _placed(mask: NDArray[np.bool_], start: tuple[int, int, int], cube: ReaderCube) -> NDArray[np.bool_]:
    whole = np.zeros(cube.volume.shape_zyx, bool)
    z, y, x = (slice(a, a + n) for a, n in zip(start, mask.shape, strict=True))
    whole[z, y, x] = mask
    return whole


def compared(reads: Sequence[Read], other: str) -> tuple[float, float, float, int]:
    """Dice of the network less another's on the cubes that both outline: mean, interval, number."""
    apart = np.array(
        [one.learned - getattr(one, other) for one in reads if None not in (one.learned, getattr(one, other))]
    )
    low, high = drawn_again(apart, np.arange(len(apart)), (0.025, 0.975), lambda v: float(v.mean()))
    return float(apart.mean()), low, high, len(apart)


def verdict(cases: Sequence[Case], reads: Sequence[Read]) -> tuple[bool, str]:
    """Whether it beats measuring on attached or on part-solid nodules, and loses nothing to it on readers' cubes."""
    told, wins = [], False
    for name in ("attached", "part-solid"):
        some = [one for one in both(cases) if GROUPS[name](one)]
        value, low, high = gain(some, (EACH_GATE, 1 - EACH_GATE))
        wins |= low > 0
        errors = " and ".join(f"{rms(np.array([one.off(how) for one in some])):.3f}" for how in ("measured", "learned"))
        told.append(
            f"{name} ({len(some)}): error of ln(volume) {errors}, measured and learned; mean square smaller by "
            f"{value:+.4f} (97.5 % {low:+.4f} to {high:+.4f})"
        )
    value, low, high, count = compared(reads, "measured")
    loses = high < 0
    told.append(
        f"Dice with readers of {count} real nodules {value:+.3f} (95 % {low:+.3f} to {high:+.3f}) over measuring"
    )
    if wins and not loses:
        ends = "in use where it wins"
    elif wins:
        ends = "it wins on simulation and loses on real nodules, so it is switched off unless somebody chooses it"
    else:
        ends = "does not win, so it is switched off unless somebody chooses it"
    return wins and not loses, "; ".join(told) + f": {ends}."


def page(card: ModelCard, cases: Sequence[Case], reads: Sequence[Read], seconds: float) -> str:
    """What docs/models says of it."""
    inside = [
        abs(one.volume_mm3("learned") - one.facts.volume_mm3) <= Z_95 * one.learned.volume_mm3.standard_error
        for one in cases
        if one.learned is not None
    ]
    return TEMPLATE.read_text("utf-8").format(
        **about(card),
        cases=len(cases),
        patients=len({one.patient for one in cases}),
        measured_refused=sum(one.classical is None for one in cases),
        learned_refused=sum(one.learned is None for one in cases),
        milliseconds=1000 * seconds,
        groups="\n".join(
            _group_row(card, name) for name in GROUPS if any(row.group == name for row in card.performance)
        ),
        within=100 * float(np.mean(inside)),
        readers="\n".join(_reader_row(reads, *one) for one in ROWS),
        compared="\n\n".join(_compared(reads, *one) for one in ROWS[1:]),
    )


def _group_row(card: ModelCard, name: str) -> str:
    bias, spread, error, solid = (row for row in card.performance if row.group == name)
    return (
        f"| {name} | {bias.cases} | {bias.before:+.3f} | {bias.value:+.3f} | {spread.before:.3f} | {spread.value:.3f} "
        f"| {error.before:.3f} | {error.value:.3f} ({error.low:.3f} to {error.high:.3f}) | {solid.before:.3f} "
        f"| {solid.value:.3f} |"
    )


def _reader_row(reads: Sequence[Read], words: str, how: str) -> str:
    some = [getattr(one, how) for one in reads if getattr(one, how) is not None]
    return f"| {words} | {len(some)} of {len(reads)} | {np.mean(some):.3f} | {np.median(some):.3f} |"


def _compared(reads: Sequence[Read], words: str, other: str) -> str:
    value, low, high, count = compared(reads, other)
    return f"On the {count} cubes that both have, network less {words}: {value:+.3f} (95 % {low:+.3f} to {high:+.3f})."


def plot(cases: Sequence[Case]) -> str:
    """Found over true volume, both as the logarithm to the base of ten."""
    ticks = (1.5, 2.0, 2.5, 3.0, 3.5)
    lines: dict[str, Sequence[tuple[float, float]]] = {
        how: [(float(np.log10(one.facts.volume_mm3)), float(np.log10(one.volume_mm3(how)))) for one in both(cases)]
        for how in ("learned", "measured")
    }
    return drawn(
        Axis("log10 of the true volume in mm³", 1.3, 3.7, ticks), Axis("found", 1.3, 3.7, ticks), lines, dots=True
    )


def main() -> None:
    """Measure, complete the card, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nodules", type=Path)
    parser.add_argument("--classical", type=Path, required=True)
    parser.add_argument("--version", default="1")
    parser.add_argument("--folder", type=Path, default=OUR_WEIGHTS)
    told = parser.parse_args()
    model = Registry.of(our_folder=told.folder).choose(Task.OUTLINE, told.version)
    if model is None:
        raise SystemExit(f"no version {told.version}")
    network = open_model(model)
    cases, seconds = held_out(told.nodules, told.classical, network)
    reads = [read(cube, network) for cube in reader_cubes()]
    wins, words = verdict(cases, reads)
    measured = rows(cases)
    for other in ("measured", "readers"):
        value, low, high, count = compared(reads, other)
        before = float(
            np.mean([getattr(one, other) for one in reads if None not in (one.learned, getattr(one, other))])
        )
        found = (before + value, before + low, before + high)
        measured.append(performance(f"real nodules, beside {other}", "Dice with readers", found, before, count))
    card = replace(
        model.card,
        recommended=wins,
        verdict=words[0].upper() + words[1:],
        performance=tuple(measured),
        evaluated_on=datetime.now(tz=UTC).date().isoformat(),
    )
    text = page(card, cases, reads, seconds)
    sys.stdout.write(text)
    (told.folder / f"{card.name}.json").write_text(card.to_json(), "utf-8")
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / "outline-volume.svg").write_text(plot(cases), "utf-8")
    (IMAGES / "outline-training.svg").write_text(training_curve(told.folder / f"{card.name}.csv"), "utf-8")
    PAGE.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
