"""Take a run, do its step, store the result, end the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from nodules_app.models import Run, RunKind
from nodules_app.services import runs
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
from nodules_app.services.spreadsheets import checking, storing
from registration.errors import Refused

log = logging.getLogger(__name__)

Store = Callable[[], Mapping[str, str]]  # writes the rows; returns the versions of what did the work
Step = Callable[[Run], Store]

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
    RunKind.CHECK_LIST: checking.check,
    RunKind.STORE_LIST: storing.store,
}
AFTER_REFUSAL: Final[Mapping[RunKind, Callable[[Run], None]]] = {
    RunKind.INTAKE: intake.drop_upload,
    RunKind.LUNGS: lungs.go_on_without_lungs,
    RunKind.REGISTER: registering.go_on_without_map,
}


class LeaseLost(RuntimeError):
    """Another attempt has taken the run; this one's result is not wanted."""


def execute(code: UUID) -> None:
    """Do one run, if it is free; every way it may end is written to its row."""
    run = runs.claim(code)
    if run is None:
        return
    kind = RunKind(run.kind)
    try:
        with runs.kept(run):
            store = STEPS[kind](run)
            _store(run, store)
    except Refused as refusal:
        _refuse(run, kind, refusal)
    except LeaseLost:
        log.warning("run %s was taken over by a later attempt", run.code)
    except (InterfaceError, OperationalError):  # the database went away under the work: no fault of the work
        log.exception("run %s lost the database in attempt %s", run.code, run.attempt)
        connection.close_if_unusable_or_obsolete()
        runs.let_go(run)
    except Exception as fault:  # the one place where a run ends as failed; the operator gets the traceback
        log.exception("run %s of kind %s failed in attempt %s", run.code, kind, run.attempt)
        connection.close_if_unusable_or_obsolete()  # a database that came back wants a new connection
        runs.fail_or_retry(run, type(fault).__name__)


@transaction.atomic
def _store(run: Run, store: Store) -> None:
    if not runs.end(run, "succeed"):
        raise LeaseLost(str(run.code))
    versions = store()
    Run.objects.filter(pk=run.pk).update(versions=dict(versions))


def _refuse(run: Run, kind: RunKind, refusal: Refused) -> None:
    with transaction.atomic():
        if runs.end(run, "refuse", refusal=refusal) and kind in AFTER_REFUSAL:
            AFTER_REFUSAL[kind](run)
