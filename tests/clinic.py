"""A morning in the clinic for tests of pages: people at work, patients who wait for something, deliveries."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

from django.db import transaction
from django.test import Client
from django.utils import timezone

from nodules_app.ladder.rungs import Channel, Recipient, Tier
from nodules_app.lifecycles import FollowUpState, ReminderState, RunState
from nodules_app.models import (
    Comparison,
    Finding,
    FollowUp,
    FollowUpKind,
    ImportBatch,
    Match,
    Measurement,
    Membership,
    Nodule,
    NoduleDescription,
    Patient,
    Reminder,
    Role,
    Run,
    RunKind,
    Scan,
    Series,
    Study,
    User,
)
from tests import factories

PASSWORD = "a long pass phrase"
TODAY = date(2026, 11, 23)


def member(role: Role = Role.RADIOLOGIST) -> User:
    user = User(username=f"{role}-{uuid4().hex[:6]}", first_name="Reader", last_name="A")
    user.set_password(PASSWORD)
    user.save()
    Membership.objects.create(user=user, clinic=factories.clinic(), role=role)
    return user


def signed_in(role: Role = Role.RADIOLOGIST) -> Client:
    client = Client()
    client.force_login(member(role))
    return client


def followed(
    number: int,
    *,
    due: tuple[int, int] | None = (-5, 9),
    state: FollowUpState = FollowUpState.PLANNED,
    name: str = "",
    today: date = TODAY,
) -> Patient:
    """Make a patient with two compared scans and, unless ``due`` is None, a measured nodule with an open step."""
    with transaction.atomic():
        patient = Patient.objects.create(
            clinic=factories.clinic(),
            identifier=f"SIM-{number:06d}",
            name=name or f"Demo Patient {number:04d}",
            birth_date=date(1958, 3, 14),
        )
        prior, current = (exam(patient, today - timedelta(days=days)) for days in (188, 5))
        pair = Comparison.objects.create(patient=patient, prior=prior, current=current, interval_days=183)
        if due is not None:
            nodule = marked(patient, pair)
            step = FollowUp.objects.create(
                patient=patient,
                kind=FollowUpKind.CT,
                management="bts_ct_3m",
                state=state,
                due_from=today + timedelta(days=due[0]),
                target_on=today + timedelta(days=due[0]),
                due_until=today + timedelta(days=due[1]),
            )
            step.nodules.add(nodule)
    return patient


def exam(patient: Patient, acquired_on: date, **facts: object) -> Scan:
    study = Study.objects.create(patient=patient, study_uid=f"2.25.{uuid4().int}", acquired_on=acquired_on, **facts)
    return Scan.objects.create(study=study, series=series_of(study))


def series_of(study: Study, description: str = "Thorax 1.0") -> Series:
    return Series.objects.create(
        study=study,
        series_uid=f"2.25.{uuid4().int}",
        description=description,
        slices=300,
        rows=512,
        columns=512,
        spacing_z_mm=1,
        spacing_y_mm=0.7,
        spacing_x_mm=0.7,
    )


def marked(patient: Patient, pair: Comparison) -> Nodule:
    nodule = Nodule.objects.create(patient=patient, number=1, tracking_uid=f"2.25.{uuid4().int}")
    NoduleDescription.objects.create(nodule=nodule, facts={"lobe": "RUL"})
    finding = Finding.objects.create(
        nodule=nodule, scan=pair.current, x_lps_mm=0, y_lps_mm=0, z_lps_mm=0, origin="person"
    )
    Measurement.objects.create(
        finding=finding,
        method="star",
        version="1",
        attenuation="solid",
        volume_mm3=541,
        volume_sd_mm3=50,
        mean_diameter_mm=10.1,
        mean_diameter_sd_mm=0.3,
    )
    Match.objects.create(comparison=pair, nodule=nodule, current_finding=finding, word="larger-slightly", confidence=1)
    return nodule


def refused(patient: Patient, kind: RunKind = RunKind.ASSESS) -> Run:
    sentence = "After slice {slice} the table jumps {gap_mm:.1f} mm."
    return Run.objects.create(
        kind=kind,
        patient=patient,
        state=RunState.REFUSED,
        refusal={
            "code": "missing_slices",
            "sentence": "After slice 112 the table jumps 5.0 mm.",
            "template": sentence,
            "remedy": "Send the whole series again from the archive.",
            "remedy_template": "Send the whole series again from the archive.",
            "facts": {"slice": 112, "gap_mm": 5.0},
        },
    )


def unreached(patient: Patient, state: ReminderState = ReminderState.FAILED) -> Reminder:
    """Make a message about the patient's first step that did not arrive."""
    step = FollowUp.objects.filter(patient=patient).order_by("pk")[0]
    return Reminder.objects.create(
        key=uuid4().hex,
        clinic=patient.clinic,
        patient=patient,
        follow_up=step,
        plan="20261123-20261207-",
        rung="notice",
        tier=Tier.HIGH,
        recipient=Recipient.PATIENT,
        channel=Channel.EMAIL,
        planned_on=TODAY,
        state=state,
    )


def delivered(patient: Patient) -> ImportBatch:
    batch = ImportBatch.objects.create(clinic=patient.clinic, source_name="118 files", path="/gone", files_seen=118)
    patient.studies.update(imported_in=batch)
    now = timezone.now()
    Run.objects.create(kind=RunKind.INTAKE, import_batch=batch, state=RunState.SUCCEEDED, started_at=now, ended_at=now)
    return batch
