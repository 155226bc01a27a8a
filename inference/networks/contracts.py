"""What each task gives a network and must get back, and the networks that this program knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from torch import nn

from inference.model_card import Task
from inference.networks import candidate_filter, growth

FUSION: Final = ("least_score", "offset", "by_detector", "by_network")
TORCHSCRIPT: Final = "torchscript"
ARCHITECTURES: Final[Mapping[str, tuple[Task, Callable[[], nn.Module]]]] = {
    "candidate-filter-1": (Task.CANDIDATES, candidate_filter.CandidateFilter),
    "two-timepoint-growth-1": (Task.GROWTH, growth.TwoTimepointGrowth),
}


@dataclass(frozen=True, slots=True)
class Contract:
    """Input and output of a task.

    Parameters
    ----------
    channels, side
        Of the input (n, channels, side, side, side), values -1 to 1 (``inference.patches.scaled``).
    step_mm
        Between voxels of the input.
    answers
        Of the output (n, answers).
    largest
        No answer to a real question is further from 0.
    settings
        What the card must say in numbers.
    """

    channels: int
    side: int
    step_mm: float
    answers: int
    largest: float
    settings: tuple[str, ...]


CONTRACTS: Final[Mapping[Task, Contract]] = {
    Task.CANDIDATES: Contract(1, candidate_filter.SIDE, candidate_filter.STEP_MM, 1, 100.0, FUSION),
    Task.GROWTH: Contract(2, growth.SIDE, growth.STEP_MM, growth.ANSWERS, 100.0, ("error_factor",)),
}
