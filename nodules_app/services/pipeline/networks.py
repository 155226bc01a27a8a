"""The learned models where the work is done: opened once a worker, and what they said written down."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Final

from django.conf import settings

from inference.model_card import Task
from inference.model_errors import ModelRefused
from inference.networks.running import Network, check_run, open_model
from inference.registry import Model
from nodules_app.models import Candidate, Finding, Growth, ModelAnswer
from nodules_app.services import models

log: Final = logging.getLogger(__name__)


def opened(task: Task) -> tuple[Network | None, dict[str, str]]:
    """The network that a task uses, and what the run keeps of it; None where there is none, or it cannot be trusted.

    A model that is refused stops nothing: the work is done without, and the run says why.
    """
    standing = models.in_use(task)
    refusal = standing.refusal
    if standing.model is not None:
        try:
            network = open_model(standing.model, settings.IMAGING_DEVICE)
        except ModelRefused as refused:
            refusal = refused
        else:
            return network, {"model": network.card.name, "weights": network.card.weights_sha256[:16]}
    if refusal is not None:
        log.warning("%s is done without a model: %s", task, refusal.as_sentence())
        return None, {"model": "none", "model_refused": refusal.code}
    return None, {}


def keep_answer(
    network: Network,
    input_sha256: str,
    answer: Mapping[str, object],
    *,
    candidate: Candidate | None = None,
    growth: Growth | None = None,
    finding: Finding | None = None,
) -> None:
    """Write down what a model said of a candidate, a growth or a finding; the same question twice is one row."""
    ModelAnswer.objects.get_or_create(
        candidate=candidate,
        growth=growth,
        finding=finding,
        weights_sha256=network.card.weights_sha256,
        input_sha256=input_sha256,
        defaults={"task": network.card.task.value, "version": network.card.version, "answer": dict(answer)},
    )


def tried(model: Model) -> str:
    """Read a model's weights and ask it the fixed question; in words, for an operator."""
    try:
        took_s = check_run(open_model(model, settings.IMAGING_DEVICE))
    except ModelRefused as refusal:
        return refusal.as_sentence()
    return f"answers the check run in {took_s:.2f} s"
