"""Words beside a drawing: moved apart where they would lie on each other."""

from __future__ import annotations

from collections.abc import Sequence


def spread(wanted: Sequence[float], weights: Sequence[float], gap: float) -> list[float]:
    """Move ascending heights apart until neighbours are at least ``gap`` apart, each as little as its weight allows.

    With the gaps taken off this is a regression by a rising line of steps: whoever would fall below a neighbour shares
    the weighted mean of both (pool adjacent violators).
    """
    blocks: list[tuple[float, float, int]] = []  # height, weight, how many
    for index, (height, weight) in enumerate(zip(wanted, weights, strict=True)):
        here = (height - index * gap, weight, 1)
        while blocks and blocks[-1][0] > here[0]:
            height_before, weight_before, count = blocks.pop()
            both = weight_before + here[1]
            here = ((height_before * weight_before + here[0] * here[1]) / both, both, count + here[2])
        blocks.append(here)
    steps = [height for height, _weight, count in blocks for _ in range(count)]
    return [step + index * gap for index, step in enumerate(steps)]
