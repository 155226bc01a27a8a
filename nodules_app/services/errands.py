"""Things to bring or to take over the network: taken by one worker at a time, tried again, and given up in the open.

The row is the truth and the message a hint, as for runs; but a PACS may be away for a night, so that the pauses are
longer, and there is a moment at which a person has to know.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone
from kombu.exceptions import OperationalError

from nodules_app.celery_app import app
from nodules_app.lifecycles import ERRAND, ErrandState, NoSuchStep, after
from nodules_app.models import Errand, User
from nodules_app.services.audit import record
from nodules_app.services.runs import told
from registration.errors import Refused, gettext_noop

log = logging.getLogger(__name__)

ROUND: Final = "nodules.do_errands"
LEASE: Final = timedelta(seconds=180)  # longer than any peer may be silent
RENEW_EVERY_S: Final = 20.0
PAUSES: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60))  # then every hour

Kind = TypeVar("Kind", bound=Errand)


class WorkerLost(Refused):
    """Whoever had it in hand ended, again and again."""

    code = "worker_lost"
    sentence = gettext_noop("The worker that had this in hand ended before it was done.")
    remedy = gettext_noop("Ask for it again; when it ends so once more, tell the operator.")


def nudge() -> None:
    """Tell the workers that something is due, once the present transaction is over; without a queue the clock does."""
    transaction.on_commit(_nudge)


def _nudge() -> None:
    try:
        app.send_task(ROUND, queue="cpu", retry=False)
    except OperationalError:
        log.warning("the queue is unreachable; errands wait for the clock")


def claim(kind: type[Kind]) -> Kind | None:
    """Take one that is due, unless another worker's lease still holds. One UPDATE decides."""
    free = Q(state=ErrandState.QUEUED, not_before__lte=Now()) | Q(state=ErrandState.WORKING, lease_until__lt=Now())
    rows = _rows(kind)
    for key in list(rows.filter(free).order_by("not_before", "pk").values_list("pk", flat=True)[:20]):
        taken = rows.filter(free, pk=key).update(
            state=ErrandState.WORKING, attempt=F("attempt") + 1, lease_until=Now() + LEASE
        )
        if not taken:
            continue
        errand = rows.select_related("connection__clinic").get(pk=key)
        if errand.attempt > 1 and errand.give_up_at < timezone.now():  # whoever had it never came to say so
            _end(errand, "give_up", refusal=errand.refusal or told(WorkerLost()))
            continue
        return errand
    return None


def _rows(kind: type[Kind]) -> QuerySet[Kind]:
    return kind._default_manager.all()  # noqa: SLF001 Django's own name


def keeping(errand: Errand) -> Callable[[], None]:
    """Give what is to be called while the work goes on, however often: it renews the lease now and then."""
    renewed_s = time.monotonic()

    def renew() -> None:
        nonlocal renewed_s
        if time.monotonic() - renewed_s >= RENEW_EVERY_S:
            renewed_s = time.monotonic()
            _mine(errand).update(lease_until=Now() + LEASE)

    return renew


def finish(errand: Errand, **facts: int) -> bool:
    """Write that it is done, unless another worker has taken over."""
    return _end(errand, "finish", refusal=None, **facts)


def wait(errand: Errand, refusal: Refused) -> None:
    """Put it off after a refusal, longer each time; when its time is up, leave it to a person."""
    pause = PAUSES[min(errand.attempt, len(PAUSES)) - 1]
    if timezone.now() + pause > errand.give_up_at:
        if _end(errand, "give_up", refusal=told(refusal)):
            log.warning("gave up %s with %s: %s", errand, errand.connection.code, refusal.code)
        return
    try:
        with transaction.atomic():
            _mine(errand).update(
                state=after(ERRAND, ErrandState.WORKING, "wait"),
                not_before=Now() + pause,
                lease_until=None,
                refusal=told(refusal),
            )
    except IntegrityError:  # the same was asked for again meanwhile: that row does it
        _end(errand, "give_up", refusal=told(refusal))
        return
    log.info("%s waits %s min: %s", errand, pause.total_seconds() / 60, refusal.code)


def _mine(errand: Kind) -> QuerySet[Kind]:
    return _rows(type(errand)).filter(pk=errand.pk, attempt=errand.attempt, state=ErrandState.WORKING)


def _end(errand: Errand, step: str, *, refusal: object, **facts: int) -> bool:
    state = after(ERRAND, ErrandState.WORKING, step)
    return bool(_mine(errand).update(state=state, refusal=refusal, lease_until=None, ended_at=Now(), **facts))


@transaction.atomic
def again(*, errand: Kind, by: User, give_up_after: timedelta) -> Kind:
    """Have it done once more, from now on, because a person asks for it.

    Raises
    ------
    NoSuchStep
        It is under way, or was dropped.
    """
    held = _rows(type(errand)).select_for_update().get(pk=errand.pk)
    held.state = after(ERRAND, ErrandState(held.state), "again")
    held.attempt, held.ended_at, held.not_before = 0, None, timezone.now()
    held.give_up_at = timezone.now() + give_up_after
    try:
        with transaction.atomic():
            held.save(update_fields=["state", "attempt", "ended_at", "not_before", "give_up_at"])
    except IntegrityError as twin:  # the same waits already
        raise NoSuchStep(ErrandState.QUEUED, "again") from twin
    record("errand.asked_again", None, by=by, errand=held.code, connection=held.connection.code)
    nudge()
    return held


@transaction.atomic
def drop(*, errand: Kind, by: User) -> Kind:
    """Take it off the list, because a person says that it is not wanted any more."""
    held = _rows(type(errand)).select_for_update().get(pk=errand.pk)
    held.state = after(ERRAND, ErrandState(held.state), "drop")
    held.ended_at = timezone.now()
    held.save(update_fields=["state", "ended_at"])
    record("errand.dropped", None, by=by, errand=held.code, connection=held.connection.code)
    return held
