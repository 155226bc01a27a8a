"""What the pages of all learned models share."""

from __future__ import annotations

import csv
from pathlib import Path

from tests.benchmarks.curves import Axis, drawn

STEPS = 5  # of each axis


def training_curve(log: Path) -> str:
    """Draw the loss over the CPU minutes of a training, from the log beside the weights."""
    with log.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    points = [(float(row["cpu_minutes"]), float(row["loss"])) for row in rows]
    end = max(minutes for minutes, _ in points)
    low, high = min(loss for _, loss in points), max(loss for _, loss in points)
    ticks = [round(end * step / STEPS, 1) for step in range(STEPS + 1)]
    levels = [round(low + (high - low) * step / STEPS, 2) for step in range(STEPS + 1)]
    return drawn(Axis("CPU minutes", 0.0, end, ticks), Axis("loss", low, high, levels), {"training": points})
