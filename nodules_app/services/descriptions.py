"""What a reader says of a nodule: in which lobe it lies, its margin, what it touches, what PET showed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db import transaction

from nodules_app.clinical.codec import case_from_json
from nodules_app.models import Nodule, NoduleDescription, Patient, RunKind, User
from nodules_app.services import runs
from nodules_app.services.audit import record

MEASURED: Final = ("id", "attenuation", "measurements")  # these come from measurements, never from words


@transaction.atomic
def describe(*, nodule: Nodule, facts: Mapping[str, object], by: User | None) -> NoduleDescription:
    """Write down what a reader says of a nodule today, and ask the guidelines again.

    Raises
    ------
    nodules_app.clinical.errors.NotUnderstood
        A word that the clinical contract does not know; the sentence names it.
    """
    told = {name: fact for name, fact in facts.items() if name not in MEASURED}
    check(told)
    patient = Patient.objects.select_for_update().get(pk=nodule.patient_id)
    row = NoduleDescription.objects.create(nodule=nodule, facts=told, by=by)
    record("nodule.described", patient, by=by, nodule=nodule.code, told=", ".join(sorted(told)))
    runs.request(RunKind.ASSESS, by=by, patient=patient)
    return row


def check(facts: Mapping[str, object]) -> None:
    """Read the facts as the guidelines will; raises the clinical ``NotUnderstood`` that names the field."""
    nodule = {**facts, "id": "N", "attenuation": "solid"}
    case_from_json({"id": "described", "setting": "incidental", "exams": [{"date": "2000-01-01"}], "nodules": [nodule]})


def latest_facts(nodule: Nodule) -> Mapping[str, object]:
    """The facts in force, or nothing while nobody has described the nodule."""
    latest = nodule.descriptions.order_by("-pk").first()
    return dict(latest.facts) if latest else {}
