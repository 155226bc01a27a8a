"""The papers of a learned model: its task, what it was trained on, how well it does, what it must not be used for.

A card is a JSON file beside the weights. It names them by their SHA-256, so that neither can be changed alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from inference.model_errors import BadCard

SCHEMA: Final = 1
SHA256: Final = re.compile(r"[0-9a-f]{64}")
VERSION: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z.]{0,11}")


class Task(StrEnum):
    """What a model may be asked; each has one contract (``inference.networks.contracts``)."""

    CANDIDATES = "candidates"
    GROWTH = "growth"
    OUTLINE = "outline"
    PHENOTYPE = "phenotype"


@dataclass(frozen=True, slots=True)
class Performance:
    """One measured figure of one subgroup.

    Parameters
    ----------
    measure
        In words, with its unit.
    low, high
        95 % interval.
    before
        The same figure, on the same cases, without the model; None where there is no such thing.
    cases
        How many it was measured on.
    """

    group: str
    measure: str
    value: float
    low: float
    high: float
    before: float | None
    cases: int


@dataclass(frozen=True, slots=True)
class Training:
    """How the weights came about, enough to do it again."""

    script: str
    seed: int
    on: str
    data: str
    data_sha256: str
    examples: int
    cpu_minutes: float


@dataclass(frozen=True, slots=True)
class ModelCard:
    """A model on paper.

    Parameters
    ----------
    architecture
        Key of ``inference.networks.architectures``, ``"torchscript"`` or ``"onnx"``.
    settings
        Numbers that the step using the model needs, such as the score from which a proposal is shown.
    recommended
        Whether it is in use where nobody has chosen; only a model that beat the method without it on held-out cases.
    verdict
        Why it is recommended, or why not, in one sentence.
    """

    task: Task
    version: str
    architecture: str
    weights_sha256: str
    trained: Training
    limits: tuple[str, ...]
    recommended: bool = False
    verdict: str = ""
    settings: dict[str, float] = field(default_factory=dict)
    performance: tuple[Performance, ...] = ()
    evaluated_on: str = ""

    @property
    def name(self) -> str:
        """Of the files, without their endings."""
        return f"{self.task}-{self.version}"

    def to_json(self) -> str:
        """Write as JSON; the same card gives the same text."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1, ensure_ascii=False) + "\n"


def read_card(path: Path) -> ModelCard:
    """Read a card.

    Raises
    ------
    BadCard
        It is no JSON, lacks something, or its name is not that of its file.
    """
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
        card = _card(read)
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as fault:
        raise BadCard(file=path.name, reason="it cannot be read as JSON") from fault
    except KeyError as missing:
        raise BadCard(file=path.name, reason=f"it does not say {missing.args[0]}") from missing
    except (TypeError, ValueError, AttributeError) as fault:
        raise BadCard(file=path.name, reason=str(fault)) from fault
    if card.name != path.stem:
        raise BadCard(file=path.name, reason=f"it is about {card.name}")
    return card


def _card(read: dict[str, Any]) -> ModelCard:
    if read["schema"] != SCHEMA:
        raise ValueError(f"schema {read['schema']} is not {SCHEMA}")
    if not SHA256.fullmatch(read["weights_sha256"]):
        raise ValueError("weights_sha256 is no SHA-256")
    if not VERSION.fullmatch(read["version"]):
        raise ValueError("a version is up to twelve letters, digits and dots")
    return ModelCard(
        task=Task(read["task"]),
        version=read["version"],
        architecture=str(read["architecture"]),
        weights_sha256=read["weights_sha256"],
        trained=Training(**read["trained"]),
        limits=tuple(str(one) for one in read["limits"]),
        recommended=bool(read.get("recommended", False)),
        verdict=str(read.get("verdict", "")),
        settings={str(name): float(value) for name, value in read.get("settings", {}).items()},
        performance=tuple(Performance(**one) for one in read.get("performance", ())),
        evaluated_on=str(read.get("evaluated_on", "")),
    )
