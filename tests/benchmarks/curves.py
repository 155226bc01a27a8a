"""Curves as SVG, small and without a library: lines over a grid, with their names beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 560, 340
SHADES = ("#16202a", "#b4540a", "#0a6c8a", "#3c7a1e")


@dataclass(frozen=True)
class Axis:
    """What is drawn along one side."""

    words: str
    low: float
    high: float
    ticks: Sequence[float]

    def at(self, value: float) -> float:
        """Share of the way from low to high, 0 to 1."""
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)


def drawn(across: Axis, up: Axis, lines: dict[str, Sequence[tuple[float, float]]], *, dots: bool = False) -> str:
    """Draw named lines of (across, up); as dots where there is no line between them."""
    told = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 230} {HEIGHT + 64}" font-family="sans-serif">',
        f'<rect width="{WIDTH + 230}" height="{HEIGHT + 64}" fill="#fff"/>',
    ]
    for tick in up.ticks:
        y = 20 + HEIGHT * (1 - up.at(tick))
        told.append(f'<path d="M50 {y:.0f}H{50 + WIDTH}" stroke="#c9cdd0"/>')
        told.append(f'<text x="44" y="{y + 4:.0f}" font-size="12" text-anchor="end">{tick:g}</text>')
    for tick in across.ticks:
        x = 50 + WIDTH * across.at(tick)
        told.append(f'<text x="{x:.0f}" y="{HEIGHT + 38}" font-size="12" text-anchor="middle">{tick:g}</text>')
    told.append(f'<text x="50" y="{HEIGHT + 58}" font-size="12">{across.words}; upwards: {up.words}</text>')
    for number, (name, points) in enumerate(lines.items()):
        colour = SHADES[number % len(SHADES)]
        places = [(50 + WIDTH * across.at(x), 20 + HEIGHT * (1 - up.at(y))) for x, y in points]
        if dots:
            told += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places]
        else:
            path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
            told.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        told.append(f'<text x="{WIDTH + 62}" y="{60 + 20 * number}" font-size="13" fill="{colour}">{name}</text>')
    return "\n".join([*told, "</svg>", ""])
