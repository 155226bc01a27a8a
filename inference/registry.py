"""Which learned models there are, and which one a task uses. Reads cards and files; loads no network.

Our own models lie in ``inference/weights``; a hospital may name a folder of its own. What cannot be trusted is left out
and said why, and never stops the rest.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.model_card import ModelCard, Task, read_card
from inference.model_errors import (
    ModelRefused,
    NoSuchModel,
    VersionTaken,
    WeightsChanged,
    WeightsMissing,
    WeightsTooLarge,
)

OUR_WEIGHTS: Final = Path(__file__).resolve().parent / "weights"
ENDINGS: Final = (".safetensors", ".pt", ".onnx")  # weights of a known architecture; TorchScript; ONNX
LARGEST_MB: Final = 8.0  # what lies in the repository
LARGEST_OF_A_HOSPITAL_MB: Final = 256.0
OFF: Final = "off"  # said in place of a version: none is used
MB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be chosen: its card and where its weights lie.

    Parameters
    ----------
    own
        Put there by the hospital.
    """

    card: ModelCard
    weights: Path
    own: bool

    def read_weights(self) -> bytes:
        """Read the weights and make sure that they are those of the card.

        Raises
        ------
        WeightsMissing, WeightsTooLarge, WeightsChanged
        """
        card, limit_mb = self.card, LARGEST_OF_A_HOSPITAL_MB if self.own else LARGEST_MB
        if not self.weights.is_file():
            raise WeightsMissing(name=card.task, version=card.version)
        size_mb = self.weights.stat().st_size / MB
        if size_mb > limit_mb:
            raise WeightsTooLarge(name=card.task, version=card.version, size_mb=size_mb, limit_mb=limit_mb)
        content = self.weights.read_bytes()
        if hashlib.sha256(content).hexdigest() != card.weights_sha256:
            raise WeightsChanged(name=card.task, version=card.version)
        return content


@dataclass(frozen=True, slots=True)
class Registry:
    """All models that were found, and what was turned away: file name and why."""

    models: tuple[Model, ...]
    refused: tuple[tuple[str, ModelRefused], ...] = ()

    @classmethod
    def of(cls, hospital_folder: Path | None = None, *, our_folder: Path = OUR_WEIGHTS) -> Registry:
        """Read the cards of our folder and of the hospital's, if it has one; no weights are read yet."""
        models: list[Model] = []
        refused: list[tuple[str, ModelRefused]] = []
        folders = [(our_folder, False)] + ([(hospital_folder, True)] if hospital_folder else [])
        for folder, own in folders:
            for path in sorted(folder.glob("*.json")):
                try:
                    models.append(_model(path, own=own, known=models))
                except ModelRefused as refusal:
                    refused.append((path.name, refusal))
        return cls(tuple(models), tuple(refused))

    def of_task(self, task: Task) -> tuple[Model, ...]:
        """Models of a task, the latest version first."""
        chosen = [model for model in self.models if model.card.task is task]
        return tuple(sorted(chosen, key=lambda model: _order(model.card.version), reverse=True))

    def choose(self, task: Task, pinned: str | None = None) -> Model | None:
        """Give the model that a task uses.

        Parameters
        ----------
        pinned
            A version, or ``"off"``. Without it the latest recommended one of ours is taken; a hospital's own is only
            ever used when somebody has pinned it.

        Returns
        -------
        The model, or None: then the task is done without one.

        Raises
        ------
        NoSuchModel
            The pinned version is not there any more.
        """
        if pinned == OFF:
            return None
        if pinned is None:
            return next((one for one in self.of_task(task) if one.card.recommended and not one.own), None)
        for model in self.of_task(task):
            if model.card.version == pinned:
                return model
        raise NoSuchModel(task=task, version=pinned)


def _model(card_path: Path, *, own: bool, known: Sequence[Model]) -> Model:
    card = read_card(card_path)
    if any(one.card.name == card.name for one in known):
        raise VersionTaken(name=card.task, version=card.version)
    weights = next((path for end in ENDINGS if (path := card_path.with_name(card_path.stem + end)).is_file()), None)
    if weights is None:
        raise WeightsMissing(name=card.task, version=card.version)
    return Model(card, weights, own)


def _order(version: str) -> tuple[tuple[int, str], ...]:
    """Order versions as people count: 2 before 10."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", version) if part)
