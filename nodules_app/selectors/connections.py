"""How the connections of a clinic stand: what was tested, what waits, what was given up, and what has passed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone

from nodules_app.lifecycles import OPEN_ERRAND, ErrandState
from nodules_app.models import Connection, Passed, PassedKind, PriorSearch, Sending, User
from nodules_app.selectors.clinics import Act, clinics_where, sees

HEARTBEAT: Final = "dicom-listener"
LOG_LINES: Final = 50
ERRANDS: Final = 50
SHOWN_FOR: Final = timedelta(days=14)  # searches that ended well stay in the list so long
Told = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Listening:
    """The receiver is up: under which title and port, and when it last said so."""

    title: str
    port: int
    tls: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """What is under way over a connection, and what a person has to look at."""

    waiting: int = 0
    given_up: int = 0
    last_refusal: Told | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """One connection with its state; ``state`` is untested, answers, refuses or failing."""

    connection: Connection
    state: str
    queue: Queue
    last_refusal: Told | None
    last_passed_at: datetime | None
    broken_off: int


def listening() -> Listening | None:
    """The receiver, if it said within the last minute that it is up."""
    told = cache.get(HEARTBEAT)
    return told if isinstance(told, Listening) else None


def of_administrator(user: User) -> QuerySet[Connection]:
    """The connections in use of the clinics that this person administers."""
    return in_use().filter(clinic__in=clinics_where(user, Act.ADMINISTER).order_by())


def in_use() -> QuerySet[Connection]:
    return Connection.objects.filter(retired_at__isnull=True).select_related("clinic").order_by("clinic__name", "name")


def standings(rows: QuerySet[Connection]) -> list[Standing]:
    """How each connection stands, in a fixed number of queries."""
    connections = list(rows)
    keys = [one.pk for one in connections]
    queues = _queues(keys)
    lately = timezone.now() - SHOWN_FOR
    passed: dict[int, dict[str, Any]] = {
        row["connection"]: dict(row)
        for row in Passed.objects.filter(connection__in=keys)
        .values("connection")
        .annotate(
            last=Max("ended_at", filter=~Q(kind__in=[PassedKind.REFUSED, PassedKind.BROKEN_OFF])),
            broken=Count("pk", filter=Q(kind=PassedKind.BROKEN_OFF, ended_at__gte=lately)),
        )
    }
    return [_standing(one, queues.get(one.pk, Queue()), passed.get(one.pk, {})) for one in connections]


def _standing(connection: Connection, queue: Queue, passed: dict[str, Any]) -> Standing:
    if queue.last_refusal is not None:
        state = "failing"
    elif connection.tested_at is None:
        state = "untested"
    else:
        state = "refuses" if connection.test_refusal else "answers"
    return Standing(
        connection=connection,
        state=state,
        queue=queue,
        last_refusal=queue.last_refusal or connection.test_refusal,
        last_passed_at=passed.get("last"),
        broken_off=passed.get("broken", 0),
    )


def _queues(keys: list[int]) -> dict[int, Queue]:
    found: dict[int, Queue] = {}
    for table in (PriorSearch, Sending):
        to_see = table._default_manager.filter(  # noqa: SLF001 Django's own name
            connection__in=keys, state__in=[*OPEN_ERRAND, ErrandState.GIVEN_UP]
        )
        for errand in to_see.order_by("pk").values("connection", "state", "refusal"):
            before = found.get(errand["connection"], Queue())
            given_up = errand["state"] == ErrandState.GIVEN_UP
            found[errand["connection"]] = Queue(
                before.waiting + (not given_up), before.given_up + given_up, errand["refusal"] or before.last_refusal
            )
    return found


def log_of(connection: Connection, newest: int = LOG_LINES) -> list[Passed]:
    """What passed, the latest first."""
    return list(Passed.objects.filter(connection=connection).order_by("-pk")[:newest])


def sendings_of(connection: Connection, newest: int = ERRANDS) -> list[Sending]:
    """What is to be sent there or was given up."""
    rows = Sending.objects.filter(connection=connection, state__in=[*OPEN_ERRAND, ErrandState.GIVEN_UP])
    return list(rows.select_related("reading").order_by("-pk")[:newest])


def searches_of(connection: Connection, newest: int = ERRANDS) -> list[PriorSearch]:
    """What is sought there or was given up; by exam, without whose it is."""
    rows = PriorSearch.objects.filter(connection=connection, state__in=[*OPEN_ERRAND, ErrandState.GIVEN_UP])
    return list(rows.select_related("study").order_by("-pk")[:newest])


@dataclass(frozen=True, slots=True)
class Sought:
    """One search for earlier exams, for somebody who sees the patient."""

    code: UUID
    patient_code: UUID
    patient_name: str
    patient_number: str
    exam_on: date | None
    connection: str
    state: str
    found: int
    brought: int
    not_before: datetime
    give_up_at: datetime
    refusal: Told | None


def searches(user: User, newest: int = 100) -> list[Sought]:
    """The searches of this person's patients: those given up first, then what waits, then what ended lately."""
    lately = timezone.now() - SHOWN_FOR
    to_see = Q(state__in=[*OPEN_ERRAND, ErrandState.GIVEN_UP]) | Q(state=ErrandState.DONE, ended_at__gte=lately)
    rows = (
        PriorSearch.objects.filter(to_see)
        .filter(sees(user, "study__patient"))
        .select_related("study__patient", "connection")
        .order_by("-pk")[:newest]
    )
    order = {ErrandState.GIVEN_UP: 0, ErrandState.QUEUED: 1, ErrandState.WORKING: 1, ErrandState.DONE: 2}
    found = [
        Sought(
            code=row.code,
            patient_code=row.study.patient.code,
            patient_name=row.study.patient.name,
            patient_number=row.study.patient.identifier,
            exam_on=row.study.acquired_on,
            connection=row.connection.name,
            state=row.state,
            found=row.found,
            brought=row.brought,
            not_before=row.not_before,
            give_up_at=row.give_up_at,
            refusal=row.refusal,
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: order[ErrandState(one.state)])
