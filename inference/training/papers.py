"""What a trained network is kept as: its weights, and a card that says that nobody has measured it yet."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from torch import nn

from inference.model_card import ModelCard, Task, Training
from inference.training.fitting import weights_of

NOT_KNOWN_YET: Final = "0" * 64  # the digest of weights that are not written


@dataclass(frozen=True, slots=True)
class Kind:
    """What every version of a network says of itself."""

    task: Task
    architecture: str
    limits: tuple[str, ...]

    def card(self, version: str, settings: dict[str, float], trained: Training) -> ModelCard:
        """Begin the card of a version; what was measured of an earlier one is not carried over."""
        return ModelCard(
            task=self.task,
            version=version,
            architecture=self.architecture,
            weights_sha256=NOT_KNOWN_YET,
            trained=trained,
            limits=self.limits,
            verdict="Not measured yet.",
            settings=settings,
        )

    def write(
        self, folder: Path, version: str, network: nn.Module, settings: dict[str, float], trained: Training
    ) -> ModelCard:
        """Write weights and card."""
        content = weights_of(network)
        card = replace(self.card(version, settings, trained), weights_sha256=hashlib.sha256(content).hexdigest())
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{card.name}.safetensors").write_bytes(content)
        (folder / f"{card.name}.json").write_text(card.to_json(), "utf-8")
        return card
