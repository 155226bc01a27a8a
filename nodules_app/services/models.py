"""Which learned model each task uses: chosen by a person on a page or by a command, else the recommended one, or none.

Reads cards and rows only; the weights are opened where the work is done (``services.pipeline.networks``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from inference.model_card import Task
from inference.model_errors import ModelRefused
from inference.registry import OFF, Model, Registry
from nodules_app.models import ModelChoice, User
from nodules_app.services.audit import record


@dataclass(frozen=True, slots=True)
class InUse:
    """How a task stands.

    Parameters
    ----------
    model
        The one in use; None when the task is done without.
    pinned
        What somebody chose: a version, ``"off"``, or nothing, which is the recommended version.
    refusal
        Why the chosen version cannot be used; then the task is done without.
    """

    task: Task
    model: Model | None
    pinned: str
    choice: ModelChoice | None
    refusal: ModelRefused | None
    versions: tuple[Model, ...]


def registry() -> Registry:
    """All models of this installation."""
    return Registry.of(settings.MODELS_DIR)


def in_use(task: Task, known: Registry | None = None) -> InUse:
    """How one task stands."""
    choice = ModelChoice.objects.filter(task=task).select_related("by").order_by("-pk").first()
    return _standing(task, known or registry(), choice)


def _standing(task: Task, known: Registry, choice: ModelChoice | None) -> InUse:
    pinned = choice.version if choice else ""
    model: Model | None = None
    refusal: ModelRefused | None = None
    try:
        model = known.choose(task, pinned or None)
    except ModelRefused as refused:
        refusal = refused
    return InUse(task, model, pinned, choice, refusal, known.of_task(task))


def by_task() -> Mapping[Task, InUse]:
    """How every task stands, in one query."""
    known = registry()
    rows = ModelChoice.objects.order_by("task", "-pk").distinct("task").select_related("by")
    choices = {row.task: row for row in rows}
    return {task: _standing(task, known, choices.get(task)) for task in Task}


@transaction.atomic
def choose(*, task: Task, version: str, by: User | None) -> ModelChoice:
    """Pin a version for a task, switch it off (``"off"``), or go back to the recommended one (nothing).

    Raises
    ------
    NoSuchModel
        Nobody has put that version there.
    """
    if version != OFF:
        registry().choose(task, version or None)
    row = ModelChoice.objects.create(task=task, version=version, by=by)
    record("model.chosen", None, by=by, task=task, version=version or "recommended")
    return row
