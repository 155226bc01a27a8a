"""Earlier exams that come by themselves: looked for when a new exam is here, brought, and read like any other exam.

The search is a row that is written with the exam. A PACS that is away is asked again until the row's time is up; then
the row stands in a list for people. What is brought goes the way of every delivery: the number decides whose it is, and
images that contradict the known person are held for somebody to say.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from nodules_app.dicom import network_ask, web
from nodules_app.dicom.network import Peer
from nodules_app.dicom.network_errors import NetworkRefused
from nodules_app.dicom.network_found import FoundStudy
from nodules_app.dicom.priors import Choice, Sought, choose, worth_looking_into
from nodules_app.dicom.web import WebPeer
from nodules_app.models import Connection, PassedKind, PriorSearch, RetrieveBy, Scan, Study, User
from nodules_app.services import errands, intake
from nodules_app.services.connections import peer_of, write_down

BRINGING: Final = ".bringing"  # under the inbox: what a worker is fetching; the intake never looks there


def give_up_after() -> timedelta:
    """How long a PACS may be away before a person has to know."""
    return timedelta(hours=settings.PRIORS_GIVE_UP_H)


@transaction.atomic
def exam_came(scan: Scan) -> list[PriorSearch]:
    """Look for earlier exams of the patient wherever the clinic has a PACS for it; only the latest exam has any.

    Nothing is looked for twice for one exam, and nothing for an exam that was itself brought as an earlier one.
    """
    study = Study.objects.select_related("patient__clinic").get(pk=scan.study_id)
    later = Study.objects.filter(patient=study.patient_id, acquired_on__gt=study.acquired_on)
    if study.acquired_on is None or later.exists():
        return []
    asked = Connection.objects.filter(
        clinic=study.patient.clinic_id, queries=True, priors__gt=0, retired_at__isnull=True
    )
    searches = [
        PriorSearch.objects.get_or_create(
            study=study, connection=connection, defaults={"give_up_at": timezone.now() + give_up_after()}
        )[0]
        for connection in asked.order_by("pk")
    ]
    if searches:
        errands.nudge()
    return searches


def search(errand: PriorSearch) -> None:
    """Ask the PACS, choose, and have what was chosen brought; put off what the PACS refuses."""
    renew = errands.keeping(errand)
    try:
        choice, found = _choose(errand, renew)
        why = Counter(str(reason) for _study, reason in choice.left_out)
        PriorSearch.objects.filter(pk=errand.pk).update(found=found, chosen=len(choice.chosen), left_out=dict(why))
        for study in choice.chosen:
            _bring(errand, study, renew)
    except NetworkRefused as refusal:
        write_down(
            errand.connection,
            PassedKind.REFUSED,
            began_at=timezone.now(),
            study_uid=errand.study.study_uid,
            refusal=refusal,
        )
        errands.wait(errand, refusal)
        return
    errands.finish(errand, brought=len(choice.chosen))


def _choose(errand: PriorSearch, renew: Callable[[], None]) -> tuple[Choice, int]:
    began_at = timezone.now()
    study = Study.objects.select_related("patient").get(pk=errand.study_id)
    patient = study.patient
    if study.acquired_on is None:
        raise ValueError(f"exam {study.code} has no day, so that none is earlier")
    sought = Sought(
        patient_id=patient.identifier,
        issuer=patient.issuer,
        birth_date=patient.birth_date,
        before=study.acquired_on,
        most=errand.connection.priors,
        here=frozenset(Study.objects.filter(patient=patient).values_list("study_uid", flat=True)),
    )
    peer = peer_of(errand.connection)
    ask_studies: Callable[[str], tuple[FoundStudy, ...]]
    if isinstance(peer, WebPeer):
        ask_studies, ask_series = partial(web.find_studies, peer), partial(web.find_series, peer)
    else:
        ask_studies, ask_series = partial(network_ask.find_studies, peer), partial(network_ask.find_series, peer)
    found = ask_studies(sought.patient_id)
    with_series = []
    for one in worth_looking_into(found, sought):
        with_series.append(one.holding(ask_series(one.study_uid)))
        renew()
    looked_into = {one.study_uid for one in with_series}
    rest = [one for one in found if one.study_uid not in looked_into]
    choice = choose([*with_series, *rest], sought)
    write_down(
        errand.connection,
        PassedKind.QUERIED,
        began_at=began_at,
        study_uid=study.study_uid,
        instances=sum(one.instances or 0 for one in choice.chosen),
    )
    return choice, len(found)


def _bring(errand: PriorSearch, study: FoundStudy, renew: Callable[[], None]) -> None:
    """Bring one exam: by C-MOVE it comes to our listener, otherwise it is kept here and handed to the intake."""
    began_at = timezone.now()
    peer = peer_of(errand.connection)
    if isinstance(peer, Peer) and errand.connection.retrieve_by == RetrieveBy.MOVE:
        came = network_ask.move_study(peer, study.study_uid, renew=renew)
        write_down(
            errand.connection,
            PassedKind.RETRIEVED,
            began_at=began_at,
            study_uid=study.study_uid,
            instances=came.instances,
        )
        return
    folder = settings.INBOX_DIR / BRINGING / errand.code.hex
    shutil.rmtree(folder, ignore_errors=True)  # of an attempt that was killed
    folder.mkdir(parents=True)
    try:
        keep = partial(_keep, folder)
        if isinstance(peer, WebPeer):
            web.retrieve_study(peer, study.study_uid, keep, renew=renew)
        else:
            network_ask.get_study(peer, study.study_uid, keep, renew=renew)
        _hand_over(errand.connection, study, folder, began_at=began_at)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _keep(folder: Path, content: bytes) -> None:
    with (folder / f"{uuid4().hex}.dcm").open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _hand_over(connection: Connection, study: FoundStudy, folder: Path, *, began_at: datetime) -> None:
    sizes = [path.stat().st_size for path in folder.iterdir()]
    goal = settings.INBOX_DIR / str(uuid4())
    try:
        with transaction.atomic():
            batch = intake.receive_from_network(folder=goal, clinic=connection.clinic, source=connection.name)
            write_down(
                connection,
                PassedKind.RETRIEVED,
                began_at=began_at,
                study_uid=study.study_uid,
                instances=len(sizes),
                size_bytes=sum(sizes),
                batch=batch,
            )
            folder.rename(goal)
    except BaseException:
        shutil.rmtree(goal, ignore_errors=True)  # nobody will read it; it is brought again
        raise


def again(*, search: PriorSearch, by: User) -> PriorSearch:
    """Have a search done once more, from now on. Raises ``NoSuchStep`` when it is under way."""
    return errands.again(errand=search, by=by, give_up_after=give_up_after())
