"""The runs of lists: they need no image, so that the desk's worker does them in a small process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from nodules_app.models import RunKind
from nodules_app.services import execution
from nodules_app.services.execution import Step
from nodules_app.services.spreadsheets import checking, storing

STEPS: Final[Mapping[RunKind, Step]] = {
    RunKind.CHECK_LIST: checking.check,
    RunKind.STORE_LIST: storing.store,
}


def execute(code: UUID) -> None:
    """Do one run of a list, if it is free."""
    execution.execute(code, STEPS)
