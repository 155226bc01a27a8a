"""What the workers of images are told. Whoever imports this has torch, ITK and the kernels at hand from then on."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from nodules_app.services import errand_round, errands, runs
from nodules_app.services.pipeline import execute


@shared_task(name=runs.EXECUTE)
def execute_run(code: str) -> None:
    """Do one run, if nobody else does."""
    execute.execute(UUID(code))


@shared_task(name=errands.ROUND)
def do_errands() -> None:
    """Bring and send what is due over the network."""
    errand_round.do_due()
