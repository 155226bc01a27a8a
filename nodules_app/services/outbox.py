"""The outbox to the PACS: what is signed is queued in the transaction that signs it.

Only the row is written here; ``transfers`` makes the objects and sends them.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import ErrandState
from nodules_app.models import Connection, Reading, Sending, User
from nodules_app.services import errands


def give_up_after() -> timedelta:
    """How long a PACS may refuse before a person has to know."""
    return timedelta(hours=settings.SENDING_GIVE_UP_H)


@transaction.atomic
def queue_reading(reading: Reading) -> list[Sending]:
    """Queue the objects of a signed reading for every PACS that gets results; call it where the reading is signed."""
    goals = Connection.objects.filter(clinic=reading.patient.clinic_id, sends=True, retired_at__isnull=True)
    return [_queue(connection, reading=reading) for connection in goals.order_by("pk")]


@transaction.atomic
def queue_file(*, path: Path, connection: Connection) -> Sending:
    """Queue one DICOM file that lies in a folder of ours and stays there."""
    return _queue(connection, path=str(path))


def _queue(connection: Connection, *, reading: Reading | None = None, path: str = "") -> Sending:
    sending, _ = Sending.objects.get_or_create(
        connection=connection,
        reading=reading,
        path=path,
        state=ErrandState.QUEUED,
        defaults={"give_up_at": timezone.now() + give_up_after()},
    )
    errands.nudge()
    return sending


def again(*, sending: Sending, by: User) -> Sending:
    """Send once more, from now on. Raises ``NoSuchStep`` when it is under way."""
    return errands.again(errand=sending, by=by, give_up_after=give_up_after())
