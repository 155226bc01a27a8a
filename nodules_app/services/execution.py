"""Take a run, do its step, store the result, end the run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection, transaction

from nodules_app.models import Run, RunKind
from nodules_app.services import runs
from registration.errors import Refused

log = logging.getLogger(__name__)

Store = Callable[[], Mapping[str, str]]  # writes the rows; returns the versions of what did the work
Step = Callable[[Run], Store]
AfterRefusal = Mapping[RunKind, Callable[[Run], None]]
NOTHING: Final[AfterRefusal] = MappingProxyType({})


class LeaseLost(RuntimeError):
    """Another attempt has taken the run; this one's result is not wanted."""


def execute(code: UUID, steps: Mapping[RunKind, Step], after_refusal: AfterRefusal = NOTHING) -> None:
    """Do one run by one of these steps, if it is free; every way it may end is written to its row."""
    run = runs.claim(code)
    if run is None:
        return
    kind = RunKind(run.kind)
    try:
        with runs.kept(run):
            store = steps[kind](run)
            _store(run, store)
    except Refused as refusal:
        _refuse(run, refusal, after_refusal.get(kind))
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


@transaction.atomic
def _refuse(run: Run, refusal: Refused, then: Callable[[Run], None] | None) -> None:
    if runs.end(run, "refuse", refusal=refusal) and then is not None:
        then(run)
