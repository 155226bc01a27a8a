"""How many nodules are found at how many false marks a scan.

Source
------
Bunch et al. 1978, J Appl Photogr Eng 4:166; sensitivity averaged over seven rates: van Ginneken et al. 2010, Med Image
Anal 14:707 (ANODE09). Intervals by drawing scans: nodules and marks of one scan go together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from inference.validation.cases import Floats
from inference.validation.discrimination import Share

RATES: Final = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True, slots=True)
class Marked:
    """One scan: the score of each nodule (minus infinity where nothing marked it), and of each false mark."""

    nodule_scores: tuple[float, ...]
    false_scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Froc:
    """False marks a scan and share of the nodules found, from the highest score down; and the mean of seven rates."""

    false_per_scan: Floats
    found: Floats
    at_rates: tuple[Share, ...]  # in the order of ``RATES``
    mean: Share


def froc(scans: Sequence[Marked], *, draws: int = 1000, seed: int = 0) -> Froc:
    """Trace the curve and give the sensitivity at seven rates with bootstrap intervals over scans.

    Raises
    ------
    ValueError
        No scan, or no nodule on any of them.
    """
    if not any(scan.nodule_scores for scan in scans):
        raise ValueError("no nodule: there is nothing to find")
    false_per_scan, found = _curve(scans)
    rng = np.random.default_rng(seed)
    drawn: list[Floats] = []
    while len(drawn) < draws:
        chosen = [scans[index] for index in rng.integers(len(scans), size=len(scans))]
        if any(scan.nodule_scores for scan in chosen):
            drawn.append(_at_rates(*_curve(chosen)))
    spread = np.percentile(np.array(drawn), [2.5, 97.5], axis=0)
    means = np.percentile(np.array(drawn).mean(axis=1), [2.5, 97.5])
    at_rates = _at_rates(false_per_scan, found)
    return Froc(
        false_per_scan,
        found,
        tuple(Share(float(one), float(low), float(high)) for one, low, high in zip(at_rates, *spread, strict=True)),
        Share(float(at_rates.mean()), float(means[0]), float(means[1])),
    )


def _curve(scans: Sequence[Marked]) -> tuple[Floats, Floats]:
    nodules = np.array([score for scan in scans for score in scan.nodule_scores])
    false = np.array([score for scan in scans for score in scan.false_scores])
    scores = np.unique(np.concatenate([nodules[np.isfinite(nodules)], false]))[::-1]
    found = np.array([0.0, *((nodules >= score).mean() for score in scores)])
    marks = np.array([0.0, *((false >= score).sum() / len(scans) for score in scores)])
    return marks, found


def _at_rates(false_per_scan: Floats, found: Floats) -> Floats:
    """The most that is found with no more false marks than each rate: no point between two scores is claimed."""
    last = np.searchsorted(false_per_scan, RATES, side="right") - 1
    return found[last]
