"""The steps of a run, and what follows a refusal of each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from nodules_app.models import Run, RunKind
from nodules_app.services import execution
from nodules_app.services.execution import Step
from nodules_app.services.pipeline import (
    assessing,
    growing,
    intake,
    lungs,
    matching,
    measuring,
    planning,
    proposing,
    registering,
    seeing_nodules,
    showing,
)
from nodules_app.services.spreadsheets import running

STEPS: Final[Mapping[RunKind, Step]] = {
    RunKind.INTAKE: intake.read_batch,
    RunKind.LUNGS: lungs.find_lungs,
    RunKind.REGISTER: registering.register_comparison,
    RunKind.MATCH: matching.find_again,
    RunKind.MEASURE: measuring.measure_scan,
    RunKind.GROWTH: growing.compute_growth,
    RunKind.ASSESS: assessing.ask_guidelines,
    RunKind.PLAN: planning.plan_next_step,
    RunKind.PROPOSE: proposing.propose_nodules,
    RunKind.SHOW: showing.make_images,
    RunKind.SEE: seeing_nodules.see_nodules,
    **running.STEPS,  # a worker that listens to every queue does these too
}
AFTER_REFUSAL: Final[Mapping[RunKind, Callable[[Run], None]]] = {
    RunKind.INTAKE: intake.drop_upload,
    RunKind.LUNGS: lungs.go_on_without_lungs,
    RunKind.REGISTER: registering.go_on_without_map,
}


def execute(code: UUID) -> None:
    """Do one run, if it is free."""
    execution.execute(code, STEPS, AFTER_REFUSAL)
