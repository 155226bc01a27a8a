"""What a person does to one errand of a connection. Pages import this: it neither makes objects nor talks to a PACS."""

from __future__ import annotations

from uuid import UUID

from django.shortcuts import get_object_or_404

from nodules_app.models import Connection, PriorSearch, Sending, User
from nodules_app.services import errands, outbox, priors


def act_on(*, connection: Connection, errand: UUID, act: str, by: User) -> None:
    """Do what a person says of one errand of a connection: ``again`` or ``drop``.

    Raises
    ------
    NoSuchStep
        It is under way, or somebody else was quicker.
    """
    sending = Sending.objects.filter(connection=connection, code=errand).first()
    if sending is not None:
        _ = outbox.again(sending=sending, by=by) if act == "again" else errands.drop(errand=sending, by=by)
        return
    search = get_object_or_404(PriorSearch, connection=connection, code=errand)
    _ = priors.again(search=search, by=by) if act == "again" else errands.drop(errand=search, by=by)
