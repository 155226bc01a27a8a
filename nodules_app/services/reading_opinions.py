"""Two readers of one exam: what each says by himself, where they differ, and what is left open before the signature.

Source
------
Two readers' diameters of one nodule differ by up to 1.73 mm (95 %) by chance alone: Revel et al. 2004, Radiology
231:453-458. Only more is a disagreement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from inference.drawn import READERS_DIFFER_MM
from nodules_app.models import IndependentRead, Patient, Reading, User
from nodules_app.selectors.reading_content import content_of
from nodules_app.services.audit import record
from registration.errors import gettext_noop

Said = dict[str, dict[str, Any]]  # by label: is_nodule, attenuation, word, mean_diameter_mm
ASKED: Final = ("is_nodule", "attenuation", "word", "mean_diameter_mm")
SECOND_READ_AWAITED: Final = gettext_noop("The clinic asks for two readers, and one of them has not read.")
READERS_DISAGREE: Final = gettext_noop("The two readers disagree.")


@dataclass(frozen=True, slots=True)
class Difference:
    """One point on which two readers differ; None means that the reader said nothing of it."""

    label: str
    about: str
    first: Any
    second: Any


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
    said: Said = {}
    for row in content_of(reading.patient, reading.scan)["nodules"]:
        current = row["current"] or {}
        said[row["label"]] = {
            "is_nodule": row["state"] != "not_a_nodule",
            "attenuation": current.get("attenuation"),
            "word": (row["change"] or {}).get("word"),
            "mean_diameter_mm": current.get("mean_diameter_mm"),
        }
    return said


def reads_of(reading: Reading) -> list[IndependentRead]:
    """The latest read of each reader, in the order in which they first read."""
    latest: dict[int, IndependentRead] = {}
    for row in reading.reads.select_related("by").order_by("pk"):
        latest[row.by_id] = row
    return list(latest.values())


def differences(first: Mapping[str, Mapping[str, Any]], second: Mapping[str, Mapping[str, Any]]) -> list[Difference]:
    """Where two readers differ by more than chance; what either left unsaid of a nodule both name is no difference."""
    found = []
    for label in [*first, *(label for label in second if label not in first)]:
        one, other = first.get(label), second.get(label)
        if one is None or other is None:
            found.append(Difference(label, "is_nodule", one and one["is_nodule"], other and other["is_nodule"]))
            continue
        asked = [about for about in ASKED if _differ(about, one.get(about), other.get(about))]
        found.extend(Difference(label, about, one.get(about), other.get(about)) for about in asked)
    return found


def _differ(about: str, one: Any, other: Any) -> bool:  # noqa: ANN401 words, numbers and yes or no alike
    if one in (None, "") or other in (None, ""):
        return False
    if about == "mean_diameter_mm":
        return abs(float(one) - float(other)) > READERS_DIFFER_MM
    return bool(one != other)


def open_points(reading: Reading) -> str:
    """Why two readers' work is not at its end yet, as a sentence; blank when nothing is open."""
    reads = reads_of(reading)
    if len(reads) < reading.patient.clinic.readers_needed:
        return SECOND_READ_AWAITED
    if len(reads) > 1 and any(differences(reads[0].said, later.said) for later in reads[1:]):
        return READERS_DISAGREE
    return ""


def as_signed(reading: Reading) -> list[dict[str, Any]]:
    """The reads as they are signed with the rest."""
    return [{"by": row.by.get_username(), "said": row.said} for row in reads_of(reading)]
