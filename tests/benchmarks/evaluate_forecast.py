"""Judge the forecast on nodules whose course is known, and write ``docs/models/forecast.md`` with its plots.

``python -m tests.benchmarks.evaluate_forecast [--count 2000]``: about a minute of one core; same seed, same page.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from inference.forecast import METHOD, VISIT_ERROR, Forecast, History, forecast
from inference.forecast_prior import PRIORS
from inference.forecast_telling import could_tell_from, shows_growth, telling, would_tell_from
from inference.growth import growth
from tests.benchmarks.forecast_histories import PROTOCOL_ERROR, Known, World, draw
from tests.benchmarks.plot_errors import Panel, frame, line, write

ROOT: Final = Path(__file__).resolve().parents[2]
PAGE: Final = ROOT / "docs" / "models" / "forecast.md"
PLOT: Final = ROOT / "docs" / "img" / "forecast-calibration.svg"
SEED: Final = 20261121
LIMITS_MM3: Final = (113.0, 268.0, 1767.0)
BINS: Final = 20
GONE_LOG_WIDTH: Final = math.log(100)  # an interval this wide reaches down to nothing
WORLDS: Final = (
    World("as assumed"),
    World("doubling times half as long", longer=0.5),
    World("doubling times twice as long", longer=2.0),
    World("twice as many nodules grow", growing=2.0),
    World("a third as many nodules grow", growing=1 / 3),
    World("growth slows down logistically", logistic=True),
    World("growth begins within the first two years", pausing=True),
    World("errors with heavy tails (t, 3 degrees of freedom)", tails=3.0),
    World("errors 1.5 times as large as stated", understated=1.5),
)


@dataclass(frozen=True, slots=True)
class Judged:
    """One forecast beside what happened."""

    known: Known
    course: Forecast
    pit: float  # share of the forecast below the truth
    log_width: float  # of the 95 % interval
    log_miss: float  # of the middle
    simple_log_miss: float | None  # of the last two scans carried on
    limit_chances: tuple[float, ...]
    limits_reached: tuple[bool, ...]
    cpu_ms: float


def judge(known: Known) -> Judged:
    """Forecast without looking at the held-out day, then look."""
    began = time.process_time()
    course = forecast(known.history)
    low, high = course.interval_95_mm3(known.day)
    middle = course.volume_mm3(known.day, 0.5)
    could_tell_from(course)
    would_tell_from(course)
    spent = time.process_time() - began
    last = math.exp(known.first_log_mm3 + known.rise(known.history.last.day))
    reached = [max(known.true_mm3, last) >= limit for limit in LIMITS_MM3]
    return Judged(
        known,
        course,
        pit=course.probability_below(known.day, known.true_mm3),
        log_width=math.log(high / low),
        log_miss=abs(math.log(middle / known.true_mm3)),
        simple_log_miss=carried_on(known.history, known.day, known.true_mm3),
        limit_chances=tuple(course.probability_reached(known.day, limit) for limit in LIMITS_MM3),
        limits_reached=tuple(reached),
        cpu_ms=1000 * spent,
    )


def carried_on(history: History, day: int, true_mm3: float) -> float | None:
    """What is missed when the last two scans are carried on exponentially; None with one scan."""
    if len(history.scans) < 2:
        return None
    prior, current = history.scans[-2:]
    change = growth(prior.volume_mm3, current.volume_mm3, current.day - prior.day)
    rate = math.log(change.volume_ratio) / change.interval_days
    return abs(math.log(current.volume_mm3.value) + rate * (day - current.day) - math.log(true_mm3))


def coverage(judged: Sequence[Judged], share: float) -> float:
    """How often the truth lies inside the interval that should hold it with this share."""
    tail = (1 - share) / 2
    return float(np.mean([tail <= one.pit <= 1 - tail for one in judged]))


def interval(share: float, count: int) -> str:
    """A share in percent with its 95 % interval."""
    spread = 1.96 * math.sqrt(share * (1 - share) / count)
    return f"{100 * share:.1f} ({100 * max(0.0, share - spread):.1f} to {100 * min(1.0, share + spread):.1f})"


# ---------------------------------------------------------------- what a next scan tells


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of a scan before it was made, and what it showed."""

    chance: float
    false_alarm: float
    shown: bool
    grows: bool


def told(judged: Sequence[Judged]) -> list[Told]:
    """Look at the held-out scan of each history that does not shrink."""
    found = []
    for one in judged:
        if one.known.course != "shrinking":
            said = telling(one.course, one.known.day)
            shown = shows_growth(one.course, one.known.next_scan)
            grows = one.known.course == "growing"
            found.append(Told(said.growth_shown_probability, said.false_alarm_probability, shown, grows))
    return found


def calibration(pairs: Sequence[tuple[float, bool]], edges: Sequence[float]) -> list[tuple[float, float, int]]:
    """Mean said, share that happened and count, for each band of what was said."""
    rows = []
    for low, high in itertools.pairwise(edges):
        inside = [(said, happened) for said, happened in pairs if low <= said < high]
        if inside:
            said, happened = zip(*inside, strict=True)
            rows.append((float(np.mean(said)), float(np.mean(happened)), len(inside)))
    return rows


# ---------------------------------------------------------------- the page


def plot(judged: Sequence[Judged], scans: Sequence[Told], limits: Sequence[tuple[float, bool]]) -> None:
    """PIT histogram, and what was said against what happened."""
    counts, edges = np.histogram([one.pit for one in judged], bins=BINS, range=(0, 1))
    heights = counts * BINS / len(judged)
    expected = 1.96 * math.sqrt(BINS / len(judged))
    pit = Panel(
        "Where the truth lies in the forecast", "share of the forecast below it", "nodules, times expected",
        (0, 1), (0, 2), (0, 0.5, 1), (0, 0.5, 1, 1.5, 2),
    )  # fmt: skip
    parts = frame(pit)
    for height, left in zip(heights, edges[:-1], strict=True):
        (x0, y0), (x1, y1) = pit.place(left, 0), pit.place(left + 1 / BINS, height)
        parts.append(f'<path d="M{x0:.1f} {y0:.1f}V{y1:.1f}H{x1:.1f}V{y0:.1f}Z" fill="#4477aa" opacity=".7"/>')
    for level in (1 - expected, 1 + expected):
        parts.append(line(pit, (0, 1), (level, level), "#cc6677"))
    panels = [parts]
    for title, pairs in (
        ("A next scan shows growth (of growing nodules)", [(one.chance, one.shown) for one in scans if one.grows]),
        ("6, 8 or 15 mm are reached", limits),
    ):
        panel = Panel(title, "said", "happened", (0, 1), (0, 1), (0, 0.5, 1), (0, 0.5, 1))
        rows = calibration(pairs, np.linspace(0, 1.0001, 11).tolist())
        drawn = [*frame(panel), line(panel, (0, 1), (0, 1), "#888")]
        drawn.append(line(panel, [said for said, _, _ in rows], [happened for _, happened, _ in rows], "#4477aa"))
        panels.append(drawn)
    write(PLOT, panels)


def worlds_table(rows: Sequence[tuple[World, list[Judged]]]) -> list[str]:
    """One line a world: coverage, width and miss."""
    written = [
        "| world | 95 % interval holds, % | 80 % interval holds, % | median width of the 95 % interval, high / low "
        "| median miss, % | last two scans carried on, % |",
        "|---|---|---|---|---|---|",
    ]
    for world, judged in rows:
        with_two = [one for one in judged if one.simple_log_miss is not None]
        simple = [one.simple_log_miss for one in with_two if one.simple_log_miss is not None]
        written.append(
            f"| {world.name} | {interval(coverage(judged, 0.95), len(judged))} | {100 * coverage(judged, 0.8):.1f} "
            f"| {math.exp(float(np.median([one.log_width for one in judged]))):.2f} "
            f"| {100 * math.expm1(float(np.median([one.log_miss for one in with_two]))):.1f} "
            f"| {100 * math.expm1(float(np.median(simple))):.1f} |"
        )
    return written


def groups_table(judged: Sequence[Judged]) -> list[str]:
    """The assumed world by number of scans, attenuation and course."""
    groups: list[tuple[str, list[Judged]]] = [
        (f"{count} scan{'s' * (count > 1)}", [one for one in judged if len(one.known.history.scans) == count])
        for count in range(1, 7)
    ]
    groups += [(str(kind), [one for one in judged if one.known.history.attenuation == kind]) for kind in PRIORS]
    groups += [
        (f"{course} in truth", [one for one in judged if one.known.course == course])
        for course in ("stable", "growing", "shrinking")
    ]
    rows = ["| group | nodules | 95 % interval holds, % | median width, high / low |", "|---|---|---|---|"]
    for name, found in groups:
        width = float(np.median([one.log_width for one in found]))
        said = f"{math.exp(width):.2f}" if width < GONE_LOG_WIDTH else "it may be gone by then"
        rows.append(f"| {name} | {len(found)} | {interval(coverage(found, 0.95), len(found))} | {said} |")
    return rows


def telling_table(scans: Sequence[Told]) -> list[str]:
    """What was said of the next scan against what it showed."""
    growing = [(one.chance, one.shown) for one in scans if one.grows]
    rows = ["| said before the scan, growing nodules | nodules | showed growth, % |", "|---|---|---|"]
    for chance, happened, count in calibration(growing, (0, 0.2, 0.4, 0.6, 0.8, 1.0001)):
        rows.append(f"| {100 * chance:.0f} % | {count} | {interval(happened, count)} |")
    still = [one for one in scans if not one.grows]
    alarms = float(np.mean([one.shown for one in still]))
    said = 100 * float(np.mean([one.false_alarm for one in still]))
    rows += [
        "",
        f"Of {len(still)} nodules that stay as they are the next scan shows growth in "
        f"{interval(alarms, len(still))} %; said was {said:.1f} %.",
    ]
    return rows


def priors_table() -> list[str]:
    """The populations as they stand in the code."""
    rows = [
        "| attenuation | grow | shrink | VDT at the first scan, median (97.5 % below) | halving | largest volume |",
        "|---|---|---|---|---|---|",
    ]
    for kind, prior in PRIORS.items():
        rows.append(
            f"| {kind} | {100 * prior.growing_share:.0f} % | {100 * prior.shrinking_share:.0f} % "
            f"| {prior.vdt_days:.0f} d ({prior.vdt_longest_days:.0f} d) "
            f"| {prior.halving_days:.0f} d ({prior.halving_longest_days:.0f} d) "
            f"| {prior.ceiling_mm3:.0e} mm³ ({prior.ceiling_highest_mm3:.0e} mm³) |"
        )
    return rows


def page(rows: Sequence[tuple[World, list[Judged]]], scans: Sequence[Told]) -> str:
    """The whole page."""
    judged = rows[0][1]
    spent = [one.cpu_ms for one in judged]
    limits = [pair for one in judged for pair in zip(one.limit_chances, one.limits_reached, strict=True)]
    plot(judged, scans, limits)
    brier = float(np.mean([(said - happened) ** 2 for said, happened in limits]))
    return TEXT.format(
        method=METHOD,
        visit=f"{100 * VISIT_ERROR:.0f}",
        protocol=f"{100 * PROTOCOL_ERROR:.0f}",
        count=len(judged),
        seed=SEED,
        priors="\n".join(priors_table()),
        worlds="\n".join(worlds_table(rows)),
        groups="\n".join(groups_table(judged)),
        telling="\n".join(telling_table(scans)),
        brier=f"{brier:.3f}",
        middle_ms=f"{np.median(spent):.1f}",
        high_ms=f"{np.percentile(spent, 95):.1f}",
    )


TEXT: Final = (ROOT / "tests" / "benchmarks" / "forecast_page.md").read_text("utf-8")


def main() -> None:
    """Judge every world and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2000)
    count = parser.parse_args().count
    rows = []
    for index, world in enumerate(WORLDS):
        rng = np.random.default_rng([SEED, index])
        rows.append((world, [judge(draw(world, rng)) for _ in range(count if index == 0 else count // 2)]))
        sys.stdout.write(f"{world.name}: {100 * coverage(rows[-1][1], 0.95):.1f} %\n")
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(rows, told(rows[0][1])), "utf-8")


if __name__ == "__main__":
    main()
