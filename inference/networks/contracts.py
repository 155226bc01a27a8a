"""What each task gives a network and must get back, and the networks that this program knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from torch import nn

from inference.model_card import Task
from inference.networks import candidate_filter, growth, outline, phenotype

FUSION: Final = ("least_score", "offset", "by_detector", "by_network")
OUTLINE_ERRORS: Final = ("border_error_mm", "least_error")
CALIBRATION: Final = (
    "attenuation_slope",
    *(f"{name}_{what}" for name in phenotype.FEATURES for what in ("slope", "offset")),
)
TORCHSCRIPT: Final = "torchscript"
ARCHITECTURES: Final[Mapping[str, tuple[Task, Callable[[], nn.Module]]]] = {
    "candidate-filter-2": (Task.CANDIDATES, candidate_filter.CandidateFilter),
    "two-timepoint-growth-2": (Task.GROWTH, growth.TwoTimepointGrowth),
    "nodule-outline-1": (Task.OUTLINE, outline.NoduleOutline),
    "nodule-phenotype-1": (Task.PHENOTYPE, phenotype.NodulePhenotype),
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
    per_voxel
        Whether each answer is a map: then the output is (n, answers, side, side, side).
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
    per_voxel: bool = False

    @property
    def answer_shape(self) -> tuple[int, ...]:
        """Of the answer to one input."""
        return (self.answers, *(3 * (self.side,) if self.per_voxel else ()))


CONTRACTS: Final[Mapping[Task, Contract]] = {
    Task.CANDIDATES: Contract(1, candidate_filter.SIDE, candidate_filter.STEP_MM, 1, 100.0, FUSION),
    Task.GROWTH: Contract(2, growth.SIDE, growth.STEP_MM, growth.ANSWERS, 100.0, ("error_factor",)),
    Task.OUTLINE: Contract(1, outline.SIDE, outline.STEP_MM, outline.MAPS, 1000.0, OUTLINE_ERRORS, per_voxel=True),
    Task.PHENOTYPE: Contract(1, phenotype.SIDE, phenotype.STEP_MM, phenotype.ANSWERS, 1000.0, CALIBRATION),
}
