"""What a clinic had recorded with an older product, after all migrations to this one.

One database of its own is made at the oldest state and taken forward step by step, and something is recorded at each
state that a later migration rewrites: backwards, as Django could also go, would take ten times as long.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.apps.registry import Apps
from django.db import IntegrityError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from pytest_django import DjangoDbBlocker

from nodules_app.lifecycles import EvidenceKind, FollowUpState
from nodules_app.models import Clinic, Connection, FollowUp, ImportBatch, Membership, NoduleDescription, Patient, Role
from nodules_app.services.sealing import unseal
from tests import factories

SECRET = "open sesame of the PACS"
BASELINE, LATER = date(2026, 1, 5), date(2026, 7, 6)
WINDOW = {"due_from": LATER, "target_on": LATER, "due_until": LATER + timedelta(days=30)}


@dataclass(frozen=True)
class Afterwards:
    """What this product reads of it."""

    clinics: list[str]
    clinics_of_patients: set[str]
    clinic_of_delivery: str
    roles: list[tuple[str, str]]
    refuses_a_patient_of_no_clinic: bool
    descriptions: list[tuple[int, dict[str, str], object]]
    steps: list[tuple[str, str | None, date | None]]
    secrets: list[str]  # as they lie in the table
    opened: list[str]


@contextmanager
def empty_database() -> Iterator[None]:
    """Connect to a new database without tables, and come back."""
    usual, scratch = connection.settings_dict["NAME"], f"older_{uuid4().hex}"
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {scratch}")
    connection.close()
    connection.settings_dict["NAME"] = scratch
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
        with connection.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {scratch} WITH (FORCE)")


def forward_to(name: str) -> Apps:
    """Migrate forward to a state, and give its tables."""
    target = ("nodules_app", name)
    executor = MigrationExecutor(connection)
    executor.migrate([target])
    return executor.loader.project_state([target]).apps


@pytest.fixture(scope="module")
def afterwards(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Afterwards]:
    with django_db_blocker.unblock(), empty_database():
        record_lobes_and_margins(forward_to("0002_guards"))
        record_without_a_clinic(forward_to("0005_findings_files"))
        record_ends_without_evidence(forward_to("0007_everybody_belongs_to_a_clinic"))
        record_an_open_secret(forward_to("0036_retractions"))
        executor = MigrationExecutor(connection)
        executor.migrate(executor.loader.graph.leaf_nodes())
        yield read_now()


def record_lobes_and_margins(old: Apps) -> None:
    patient = old.get_model("nodules_app", "Patient").objects.create(identifier="SIM-1")
    for number, (lobe, margin) in enumerate([("RML", "smooth"), ("LLL", ""), ("", "")], start=1):
        row = {"number": number, "tracking_uid": f"2.25.{number}", "state": "resolved"}
        old.get_model("nodules_app", "Nodule").objects.create(patient=patient, lobe=lobe, margin=margin, **row)


def record_without_a_clinic(old: Apps) -> None:
    old.get_model("nodules_app", "Patient").objects.create(identifier="SIM-2")
    old.get_model("nodules_app", "User").objects.create(username="reader", role="radiologist")
    old.get_model("nodules_app", "ImportBatch").objects.create(source_name="1 file", path="/gone")


def record_ends_without_evidence(old: Apps) -> None:
    def made(table: str, **facts: Any) -> Any:  # noqa: ANN401 a row of a table that is no more
        return old.get_model("nodules_app", table).objects.create(**facts)

    ended = {"state": "closed", "closed_at": timezone.now(), **WINDOW}
    patient = made("Patient", identifier="SIM-3", clinic=old.get_model("nodules_app", "Clinic").objects.get())
    made("Study", patient=patient, study_uid=factories.uid(), acquired_on=LATER)
    asked = {"guideline": "FLEISCHNER2017", "edition": "2017", "ruleset_version": "R1", "rule_id": "X"}
    asked |= {"management": "ct_12m", "inputs": {}, "answer": {}}
    answers = [made("Assessment", patient=patient, exam_on=on, **asked) for on in (BASELINE, LATER)]
    review = made("FollowUp", patient=patient, kind="review", closing_reason="Replaced.", **ended)
    ct = {"patient": patient, "kind": "ct"}
    read = made("FollowUp", closing_reason="Read.", assessment=answers[0], succeeds=review, **ct, **ended)
    made("FollowUp", assessment=answers[1], succeeds=read, **ct, **WINDOW)


def record_an_open_secret(old: Apps) -> None:
    row = {"clinic": old.get_model("nodules_app", "Clinic").objects.get(), "kind": "dicomweb", "url": "https://pacs"}
    for name, secret in (("With", SECRET), ("Without", "")):
        old.get_model("nodules_app", "Connection").objects.create(name=name, secret=secret, **row)


def read_now() -> Afterwards:
    try:
        with transaction.atomic():
            Patient.objects.create(identifier="SIM-9")
        refuses = False
    except IntegrityError:
        refuses = True
    secrets = list(Connection.objects.order_by("name").values_list("secret", flat=True))
    described = NoduleDescription.objects.order_by("nodule__number")
    return Afterwards(
        clinics=[clinic.name for clinic in Clinic.objects.all()],
        clinics_of_patients=set(Patient.objects.values_list("clinic__name", flat=True)),
        clinic_of_delivery=str(ImportBatch.objects.get().clinic.name),
        roles=list(Membership.objects.values_list("user__username", "role")),
        refuses_a_patient_of_no_clinic=refuses,
        descriptions=list(described.values_list("nodule__number", "facts", "by")),
        steps=list(FollowUp.objects.order_by("pk").values_list("state", "evidence__kind", "exam__acquired_on")),
        secrets=secrets,
        opened=[unseal(secret) for secret in secrets],
    )


def test_whoever_was_here_before_there_were_clinics_belongs_to_one(afterwards: Afterwards) -> None:
    (clinic,) = afterwards.clinics
    assert afterwards.clinics_of_patients == {clinic}
    assert afterwards.clinic_of_delivery == clinic
    assert afterwards.roles == [("reader", Role.RADIOLOGIST)]
    assert afterwards.refuses_a_patient_of_no_clinic


def test_lobes_and_margins_became_descriptions(afterwards: Afterwards) -> None:
    assert afterwards.descriptions == [(1, {"lobe": "RML", "margin": "smooth"}, None), (2, {"lobe": "LLL"}, None)]


def test_steps_that_ended_before_there_was_evidence_have_it(afterwards: Afterwards) -> None:
    assert afterwards.steps == [
        (FollowUpState.SUPERSEDED, EvidenceKind.SUPERSEDED, None),
        (FollowUpState.CLOSED, EvidenceKind.EXAMINED, LATER),
        (FollowUpState.PROPOSED, None, None),
    ]


def test_passwords_that_lay_open_are_sealed(afterwards: Afterwards) -> None:
    assert afterwards.opened == [SECRET, ""]
    assert SECRET not in afterwards.secrets[0]
