"""Two readers of one exam: each read is kept as it was given, and no signature passes over where they differ."""

from __future__ import annotations

from typing import Any, Final

from django.db import transaction

from nodules_app.lifecycles import OPEN_READING
from nodules_app.models import IndependentRead, Patient, Reading, User
from nodules_app.selectors.reading_content import content_of
from nodules_app.selectors.reading_opinions import Said, differences, reads_of
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

SECOND_READ_AWAITED: Final = gettext_noop("The clinic asks for two readers, and one of them has not read.")
READERS_DISAGREE: Final = gettext_noop("The two readers disagree.")


class ReadOwnFirst(Refused):
    """A second reader who has yet to say what he sees must not be led by the first, nor lead."""

    code = "read_own_first"
    sentence = gettext_noop("{reader} reads this exam, and the clinic asks for two readers, each for themselves.")
    remedy = gettext_noop("Record a read of your own first; then decide what the program proposes.")


def require_own_read(patient: Patient, by: User) -> None:
    """Let nobody decide a thing of an exam that another reads while their own read is due. Raises ``ReadOwnFirst``."""
    if patient.clinic.readers_needed == 1:
        return
    reading = Reading.objects.filter(patient=patient, state__in=OPEN_READING).select_related("reader").first()
    if reading is None or reading.reader_id in (None, by.pk) or reading.reads.filter(by=by).exists():
        return
    raise ReadOwnFirst(reader=reading.reader)


@transaction.atomic
def read_independently(*, reading: Reading, said: Said, by: User) -> IndependentRead:
    """Keep what one reader says of an exam without having seen what the other said."""
    Patient.objects.select_for_update().get(pk=reading.patient_id)
    kept = IndependentRead.objects.create(reading=reading, by=by, said=said)
    record("reading.read_independently", reading.patient, by=by, reading=reading.code)
    return kept


def keep_own(reading: Reading, *, by: User) -> None:
    """Keep what the record says as the read of the one who made it; anybody else has to read for himself."""
    if reading.reader_id != by.pk:
        return
    said = said_by_record(reading)
    latest = reading.reads.filter(by=by).order_by("-pk").first()
    if latest is None or latest.said != said:
        IndependentRead.objects.create(reading=reading, by=by, said=said)


def said_by_record(reading: Reading) -> Said:
    """What stands of each nodule on the current exam, in the words in which a reader is asked."""
    said: dict[str, dict[str, Any]] = {}
    for row in content_of(reading.patient, reading.scan)["nodules"]:
        current = row["current"] or {}
        said[row["label"]] = {
            "is_nodule": row["state"] != "not_a_nodule",
            "attenuation": current.get("attenuation"),
            "word": (row["change"] or {}).get("word"),
            "mean_diameter_mm": current.get("mean_diameter_mm"),
        }
    return said


def do_differ(reading: Reading) -> bool:
    """Whether two readers say different things of a nodule."""
    reads = reads_of(reading)
    return len(reads) > 1 and any(differences(reads[0].said, later.said) for later in reads[1:])


def is_second_awaited(reading: Reading) -> bool:
    """Whether the clinic asks for more readers than have read."""
    return len(reads_of(reading)) < reading.patient.clinic.readers_needed


def as_signed(reading: Reading) -> list[dict[str, Any]]:
    """The reads as they are signed with the rest."""
    return [{"by": row.by.get_username(), "said": row.said} for row in reads_of(reading)]
