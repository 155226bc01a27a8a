"""Sending what waits in the outbox until the PACS has taken it.

Objects go out at least once. Their UIDs are the same every time, so that a PACS which got one twice has it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from nodules_app.dicom import network_ask, web
from nodules_app.dicom.network_errors import NetworkRefused
from nodules_app.dicom.web import WebPeer
from nodules_app.models import PassedKind, Sending
from nodules_app.services import errands, objects
from nodules_app.services.connections import peer_of, write_down


def send(errand: Sending) -> None:
    """Send what the row names; put off what the PACS refuses."""
    renew = errands.keeping(errand)
    began_at = timezone.now()
    paths, study_uid = _files(errand)
    peer = peer_of(errand.connection)
    try:
        if not paths:
            errands.finish(errand)
            return
        if isinstance(peer, WebPeer):
            web.store_files(peer, paths, renew=renew)
        else:
            network_ask.store_files(peer, paths, renew=renew)
    except NetworkRefused as refusal:
        write_down(errand.connection, PassedKind.REFUSED, began_at=began_at, study_uid=study_uid, refusal=refusal)
        errands.wait(errand, refusal)
        return
    with transaction.atomic():
        if errands.finish(errand, instances=len(paths)):
            write_down(
                errand.connection,
                PassedKind.SENT,
                began_at=began_at,
                study_uid=study_uid,
                instances=len(paths),
                size_bytes=sum(path.stat().st_size for path in paths),
            )


def _files(errand: Sending) -> tuple[Sequence[Path], str]:
    if errand.reading is None:
        return [Path(errand.path)], ""
    study_uid = errand.reading.scan.study.study_uid
    try:
        return [one.path for one in objects.objects_of(errand.reading)], study_uid
    except objects.NoNoduleReported:  # nothing is made of such a reading, so that nothing has to go
        return [], study_uid
