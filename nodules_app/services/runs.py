"""Asking for work, taking it, keeping it, ending it.

The row is the truth and the message a hint. A run is claimed by one UPDATE, kept by renewing a lease, and ended only by
the attempt that holds it, in the transaction that stores its result: a message delivered twice finds nothing to do, and
a worker that slept through its lease cannot overwrite its successor.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import ClassVar, Final, Protocol
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import OperationalError

from nodules_app.celery_app import app
from nodules_app.lifecycles import RUN, NoSuchStep, RunState, after
from nodules_app.models import Comparison, ImportBatch, Patient, Run, RunKind, Scan, User
from nodules_app.services.audit import record
from registration.errors import Refused

log = logging.getLogger(__name__)

EXECUTE: Final = "nodules.execute_run"
EXECUTE_AT_DESK: Final = "nodules.execute_desk_run"
DESK: Final = "desk"  # its worker loads no library of images (decision 0041)
# The longest part of the imaging goes where a GPU may be; without a GPU worker one worker listens to both queues.
QUEUE: Final[Mapping[RunKind, str]] = {
    RunKind.REGISTER: "gpu",
    RunKind.MEASURE: "gpu",
    RunKind.SEE: "gpu",
    RunKind.CHECK_LIST: DESK,
    RunKind.STORE_LIST: DESK,
}
PAUSES_S: Final = (10, 60, 300)  # between attempts after a fault of ours
MOST_FAULTS: Final = len(PAUSES_S) + 1
MOST_LOSSES: Final = 4  # workers that ended under it, or slept through its lease: then it may be what kills them


class Told(Protocol):
    """A refusal or a notice: what is wrong, what to do, and the facts of both."""

    code: ClassVar[str]
    sentence: ClassVar[str]
    remedy: ClassVar[str]
    facts: dict[str, object]

    def as_sentence(self) -> str: ...

    def as_remedy(self) -> str: ...


@transaction.atomic
def request(
    kind: RunKind,
    *,
    by: User | None,
    patient: Patient | None = None,
    import_batch: ImportBatch | None = None,
    scan: Scan | None = None,
    comparison: Comparison | None = None,
) -> Run:
    """Ask for one piece of work; asking again while it is still queued gives the same run.

    That run is held until the act commits: a worker that took it sooner would not see what the act wrote.
    """
    subject = {"kind": kind, "patient": patient, "import_batch": import_batch, "scan": scan, "comparison": comparison}
    asked = {"requested_by": by, "queue": QUEUE.get(kind, "cpu")}
    try:
        run = _queued(subject, asked)
    except IntegrityError:  # somebody asked at the same moment, and a worker has taken that run by now: ask anew
        run = _queued(subject, asked)
    transaction.on_commit(lambda: send(run))
    return run


def _queued(subject: Mapping[str, object], asked: Mapping[str, object]) -> Run:
    run, _ = Run.objects.select_for_update().get_or_create(**subject, state=RunState.QUEUED, defaults=asked)
    return run


def send(run: Run) -> None:
    """Tell the workers. An unreachable queue is no failure: the sweep tells them again."""
    task = EXECUTE_AT_DESK if run.queue == DESK else EXECUTE
    try:
        app.send_task(task, args=[str(run.code)], queue=run.queue, retry=False)
    except OperationalError:
        log.warning("the queue is unreachable; run %s waits for the sweep", run.code)
        return
    Run.objects.filter(pk=run.pk).update(sent_at=Now())


def sweep() -> int:
    """Send again what waits unclaimed or has lost its worker. Returns how many."""
    now = timezone.now()
    stale = Q(sent_at__isnull=True) | Q(sent_at__lt=now - timedelta(seconds=settings.RUN_SEND_AGAIN_S))
    waiting = Q(state=RunState.QUEUED, not_before__lte=now) & stale
    orphaned = Q(state=RunState.RUNNING, lease_until__lt=now)
    runs = list(Run.objects.filter(waiting | orphaned).order_by("pk"))
    for run in runs:
        send(run)
    return len(runs)


def claim(code: UUID) -> Run | None:
    """Take the run, unless it has ended, must wait, or another worker's lease still holds. One UPDATE decides."""
    free = Q(state=RunState.QUEUED, not_before__lte=Now()) | Q(state=RunState.RUNNING, lease_until__lt=Now())
    taken = Run.objects.filter(free, code=code).update(
        state=RunState.RUNNING,
        attempt=F("attempt") + 1,
        lease_until=Now() + timedelta(seconds=settings.RUN_LEASE_S),
        started_at=Now(),
        ended_at=None,
        progress=0,
    )
    if not taken:
        return None
    run = Run.objects.select_related(
        "patient", "import_batch", "requested_by", "scan__study__patient", "scan__series", "comparison"
    ).get(code=code)
    losses = run.attempt - 1 - run.faults
    if losses >= MOST_LOSSES:
        end(run, "fail", failure=f"lost its worker {losses} times")
        return None
    return run


def _mine(run: Run) -> Q:
    return Q(pk=run.pk, attempt=run.attempt, state=RunState.RUNNING)


@contextmanager
def kept(run: Run) -> Iterator[None]:
    """Renew the lease from a thread of its own while the work lasts."""
    done = threading.Event()

    def renew() -> None:
        try:
            while not done.wait(settings.RUN_LEASE_S / 3):
                lease = Now() + timedelta(seconds=settings.RUN_LEASE_S)
                try:
                    if not Run.objects.filter(_mine(run)).update(lease_until=lease):
                        return
                except DatabaseError:  # the database is away: it may be back before the lease runs out
                    log.warning("the lease of run %s could not be renewed", run.code)
                    connection.close()
        finally:
            connection.close()

    keeper = threading.Thread(target=renew, name=f"lease of {run.code}", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def say_progress(run: Run, per_cent: int) -> None:
    """Show how far the work has come; a run that is no longer ours stays as it is."""
    Run.objects.filter(_mine(run)).update(progress=max(0, min(100, per_cent)))


def end(
    run: Run,
    step: str,
    *,
    refusal: Refused | None = None,
    failure: str = "",
    versions: Mapping[str, str] | None = None,
) -> bool:
    """Write how it ended, unless a later attempt has taken over: then our result is not wanted."""
    return bool(
        Run.objects.filter(_mine(run)).update(
            state=after(RUN, RunState.RUNNING, step),
            ended_at=Now(),
            lease_until=None,
            refusal=told(refusal) if refusal else None,
            failure=failure,
            progress=100 if step == "succeed" else F("progress"),
            versions=dict(versions or {}),
        )
    )


def fail_or_retry(run: Run, failure: str) -> None:
    """Record a fault of ours; try again after a pause that grows with the faults, until there were too many.

    Workers that were lost are no faults of the work: they neither lengthen the pause nor use up its tries.
    When the same work was asked for again meanwhile, that run does it and this one ends.
    """
    faults = run.faults + 1
    if faults >= MOST_FAULTS:
        end(run, "fail", failure=failure)
        return
    pause = timedelta(seconds=PAUSES_S[faults - 1])
    try:
        with transaction.atomic():
            Run.objects.filter(_mine(run)).update(
                state=RunState.QUEUED,
                lease_until=None,
                failure=failure,
                faults=faults,
                not_before=Now() + pause,
                sent_at=None,
            )
    except IntegrityError:  # run_is_queued_once_a_subject
        end(run, "fail", failure=failure)


def let_go(run: Run) -> None:
    """Give a run back after an outage around it: the next sweep sends it, and it counts as a worker that was lost."""
    try:
        with transaction.atomic():
            Run.objects.filter(_mine(run)).update(state=RunState.QUEUED, lease_until=None, sent_at=None)
    except IntegrityError:  # run_is_queued_once_a_subject
        end(run, "fail", failure="asked for again after an outage")


def try_again(*, run: Run, by: User) -> Run:
    """Queue a run that failed or was refused once more, after a person mended its input.

    Raises ``NoSuchStep`` when it is open again, or when the same work has been asked for anew.
    """
    try:
        with transaction.atomic():
            held = Run.objects.select_for_update().get(pk=run.pk)
            held.state = after(RUN, RunState(held.state), "retry")
            held.attempt, held.faults, held.refusal, held.failure, held.requested_by = 0, 0, None, "", by
            held.save(update_fields=["state", "attempt", "faults", "refusal", "failure", "requested_by"])
            record("run.asked_again", held.patient, by=by, run=held.code, kind=held.kind)
            transaction.on_commit(lambda: send(held))
    except IntegrityError as twin:  # run_is_queued_once_a_subject
        raise NoSuchStep(RunState.QUEUED, "retry") from twin
    return held


def told(refusal: Told) -> dict[str, object]:
    """Give a refusal the shape in which rows keep it: the code and facts for translation, the English for readers."""
    return {
        "code": refusal.code,
        "sentence": refusal.as_sentence(),
        "remedy": refusal.as_remedy(),
        "template": refusal.sentence,
        "remedy_template": refusal.remedy,
        "facts": {name: fact if isinstance(fact, int | float) else str(fact) for name, fact in refusal.facts.items()},
    }
