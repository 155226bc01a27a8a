"""Draw how far measuring is off: tables by kind and size, and plots as small SVG files.

``python -m tests.benchmarks.plot_errors FILE FOLDER`` reads what ``measured_pairs`` kept, writes the plots to FOLDER
and prints the tables for ``docs/benchmarks.md``.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special

from inference.repeatability import SEPARATE, TOGETHER
from tests.benchmarks.calibrate_errors import LAST_FITTED
from tests.benchmarks.measured_pairs import Case, How, Seen, Side, read_cases

WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 340, 240, 48, 40, 26, 8
COLOURS = {"isolated": "#4477aa", "vessel": "#cc6677", "pleura": "#997700"}
SIZES_MM = ((0.0, 6.0), (6.0, 8.0), (8.0, 11.0), (11.0, 99.0))
SIZE_NAMES = ("below 6 mm", "6 to 8 mm", "8 to 11 mm", "11 mm and more")

Point = tuple[float, float, str]


@dataclass(frozen=True, slots=True)
class Panel:
    """Axes of one plot: title, labels, ranges and ticks."""

    title: str
    across: str
    up: str
    range_x: tuple[float, float]
    range_y: tuple[float, float]
    ticks_x: tuple[float, ...]
    ticks_y: tuple[float, ...]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Picture coordinates; values beyond the ranges are put on the frame."""
        (x0, x1), (y0, y1) = self.range_x, self.range_y
        x, y = min(max(x, x0), x1), min(max(y, y0), y1)
        across = LEFT + (x - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)
        return across, HEIGHT - BOTTOM - (y - y0) / (y1 - y0) * (HEIGHT - BOTTOM - TOP)


def frame(panel: Panel) -> list[str]:
    """Title, axes, ticks and the line of no error."""
    parts = [f'<text x="{LEFT}" y="15" font-weight="bold">{panel.title}</text>']
    for tick in panel.ticks_x:
        x, _ = panel.place(tick, panel.range_y[0])
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{tick:g}</text>')
    for tick in panel.ticks_y:
        _, y = panel.place(panel.range_x[0], tick)
        shade = "#888" if tick == 0 else "#ddd"
        parts.append(f'<path d="M{LEFT} {y:.0f}H{WIDTH - RIGHT}" stroke="{shade}"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{y + 4:.0f}" text-anchor="end">{tick:g}</text>')
    middle = (HEIGHT - BOTTOM + TOP) / 2
    parts.append(f'<text x="{(WIDTH + LEFT) / 2:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{panel.across}</text>')
    parts.append(f'<text transform="translate(12 {middle:.0f}) rotate(-90)" text-anchor="middle">{panel.up}</text>')
    return parts


def dots(panel: Panel, points: Sequence[Point]) -> list[str]:
    """One small disc for each point."""
    places = [(*panel.place(x, y), colour) for x, y, colour in points]
    return [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2" fill="{colour}" opacity=".6"/>' for x, y, colour in places]


def line(panel: Panel, xs: Sequence[float], ys: Sequence[float], colour: str) -> str:
    """A line through points."""
    path = "L".join("{:.1f} {:.1f}".format(*panel.place(x, y)) for x, y in zip(xs, ys, strict=True))
    return f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.5"/>'


def legend(names: dict[str, str]) -> list[str]:
    """Names in their colours, in the upper right corner."""
    return [
        f'<text x="{WIDTH - RIGHT - 4}" y="{TOP + 12 * k + 10}" text-anchor="end" fill="{colour}">{name}</text>'
        for k, (name, colour) in enumerate(names.items())
    ]


def write(file: Path, panels: Sequence[list[str]]) -> None:
    """Put panels beside each other into one file."""
    style = "font:11px sans-serif;background:#fff"
    groups = [f'<g transform="translate({WIDTH * k} 0)">{"".join(parts)}</g>' for k, parts in enumerate(panels)]
    size = f'viewBox="0 0 {WIDTH * len(panels)} {HEIGHT}" width="{WIDTH * len(panels)}" height="{HEIGHT}"'
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{style}">{"".join(groups)}</svg>\n')


def single(cases: Sequence[Case]) -> list[tuple[Case, Side, Seen]]:
    """Every scan that was measured by itself."""
    sides = [(case, side) for case in cases for side in (case.prior, case.current)]
    return [(case, side, side.apart) for case, side in sides if side.apart is not None]


def error_percent(side: Side, seen: Seen) -> float:
    """Of the volume."""
    return 100 * (seen.volume_mm3 / side.true_mm3 - 1)


def against_size(cases: Sequence[Case]) -> list[list[str]]:
    """Error of the volume against diameter, one plot for each kind, coloured by attachment."""
    panels = []
    for title, kind in (("Solid", "solid"), ("Part solid", "part_solid"), ("Ground glass", "ground_glass")):
        panel = Panel(title, "true diameter, mm", "error of volume, %", (4, 16), (-60, 60), (5, 8, 11, 14), SCALE)
        points = [
            (side.diameter_mm, error_percent(side, seen), COLOURS[case.placement])
            for case, side, seen in single(cases)
            if case.attenuation == kind
        ]
        panels.append(frame(panel) + dots(panel, points) + legend(COLOURS))
    return panels


SCALE = (-60.0, -30.0, 0.0, 30.0, 60.0)


def against_thickness(cases: Sequence[Case]) -> list[list[str]]:
    """Error of the volume of solid nodules against the thickness of the slices."""
    panel = Panel("Solid", "slice, mm", "error of volume, %", (0.5, 2.8), (-60, 60), (0.7, 1.0, 1.25, 2.0, 2.5), SCALE)
    rng = np.random.default_rng(0)
    points = [
        (side.slice_mm + rng.uniform(-0.05, 0.05), error_percent(side, seen), COLOURS[case.placement])
        for case, side, seen in single(cases)
        if case.attenuation == "solid"
    ]
    return [frame(panel) + dots(panel, points) + legend(COLOURS)]


def bland_altman(cases: Sequence[Case]) -> list[list[str]]:
    """Measured against true ratio of both volumes, apart and together."""
    panels = []
    chosen = [case for case in cases if case.measured and case.like_protocols and case.like_kinds]
    ways: dict[str, How] = {"Measured apart": "apart", "Measured together": "together"}
    for title, how in ways.items():
        off = [case.off(how) for case in chosen]
        panel = Panel(title, "mean diameter, mm", "error of ratio, %", (4, 16), (-40, 40), (5, 8, 11, 14), RATIOS)
        points = [
            ((case.prior.diameter_mm + case.current.diameter_mm) / 2, 100 * error, COLOURS[case.placement])
            for case, error in zip(chosen, off, strict=True)
        ]
        low, middle, high = (100 * float(np.quantile(off, share)) for share in (0.025, 0.5, 0.975))
        lines = [line(panel, (4, 16), (value, value), "#333") for value in (low, middle, high)]
        panels.append(frame(panel) + dots(panel, points) + lines + legend(COLOURS))
    return panels


RATIOS = (-40.0, -20.0, 0.0, 20.0, 40.0)


def coverage(cases: Sequence[Case]) -> list[list[str]]:
    """Share of true ratios inside the stated interval, for intervals of every width."""
    panel = Panel("Coverage", "stated, %", "covered, %", (0, 100), (0, 100), SHARES, SHARES)
    chosen = [case for case in cases if case.measured and case.like_kinds]
    stated = np.linspace(0.02, 0.99, 60)
    widths = -special.ndtri((1 - stated) / 2)
    parts = [*frame(panel), line(panel, (0, 100), (0, 100), "#888")]
    colours = {"apart": "#cc6677", "together": "#4477aa"}
    apart = np.array([abs(case.off("apart")) / case.error("apart", SEPARATE) for case in chosen])
    together = np.array([abs(case.off("together")) / case.error("together", TOGETHER) for case in chosen])
    for name, off in (("apart", apart), ("together", together)):
        held = [100 * float(np.mean(off < width)) for width in widths]
        parts.append(line(panel, [100 * float(share) for share in stated[: len(held)]], held, colours[name]))
    return [parts + legend(colours)]


SHARES = (0.0, 25.0, 50.0, 75.0, 100.0)


def table(cases: Sequence[Case], belongs: Callable[[Case], bool]) -> str:
    """Bias, coefficient of variation and refusals by kind, attachment and size, as a Markdown table."""
    lines = [f"| kind | {' | '.join(SIZE_NAMES)} |", "|---" * 5 + "|"]
    kinds = [(kind, where) for kind in ("solid", "ground_glass", "part_solid") for where in COLOURS]
    for kind, where in kinds:
        cells = []
        for low, high in SIZES_MM:
            of_kind = [c for c in cases if belongs(c) and (c.attenuation, c.placement) == (kind, where)]
            sides = [side for c in of_kind for side in (c.prior, c.current) if low <= side.diameter_mm < high]
            cells.append(_cell(sides))
        lines.append(f"| {kind.replace('_', ' ')}, {where} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(sides: Sequence[Side]) -> str:
    off: NDArray[np.float64] = np.array(
        [math.log(side.apart.volume_mm3 / side.true_mm3) for side in sides if side.apart is not None]
    )
    if len(off) < 3:
        return f"- ({len(sides)})"
    middle = float(np.median(off))
    spread = 1.4826 * float(np.median(np.abs(off - middle)))
    refused = f", {len(sides) - len(off)} refused" if len(sides) > len(off) else ""
    within = 100 * float(np.sqrt(np.mean(off**2)))
    return f"{100 * math.expm1(middle):+.1f} / {100 * spread:.1f} / {within:.0f} ({len(sides)}{refused})"


def main() -> None:
    """Draw and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("folder", type=Path)
    asked = parser.parse_args()
    cases = read_cases(asked.file)
    asked.folder.mkdir(parents=True, exist_ok=True)
    write(asked.folder / "volume-error.svg", against_size(cases) + against_thickness(cases))
    write(asked.folder / "ratio-error.svg", bland_altman(cases) + coverage(cases))
    seconds = [side.cpu_seconds for case in cases for side in (case.prior, case.current)]
    for title, belongs in (
        ("all", lambda case: True),
        ("not looked at before", lambda case: case.seed > LAST_FITTED),
    ):
        sys.stdout.write(f"{title}\n\n{table(cases, belongs)}\n\n")
    sys.stdout.write(f"CPU s a nodule: median {np.median(seconds):.2f}, longest {max(seconds):.2f}\n")


if __name__ == "__main__":
    main()
