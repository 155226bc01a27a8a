"""The table of patients whose exam nobody has read is true after every change, also when two people change at once."""

from __future__ import annotations

import threading
from datetime import date

import pytest
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodules_app.lifecycles import EvidenceKind
from nodules_app.models import Closure, Evidence, Nodule, Patient, Scan, Study, Unread, User
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = date(2026, 11, 23)
ACTS = ("scan", "forget the scan", "mark", "unmark", "close", "reopen", "give the exam away", "give the nodule away")


def truly_unread() -> set[int]:
    """Whoever has a scan, no nodule and no closure in force, looked up patient by patient."""
    return {
        patient.pk
        for patient in Patient.objects.all()
        if Scan.objects.filter(study__patient=patient).exists()
        and not patient.nodules.exists()
        and not patient.closures.filter(ended_at__isnull=True).exists()
    }


def close(patient: Patient, by: User) -> None:
    if not patient.closures.filter(ended_at__isnull=True).exists():
        proof = Evidence.objects.create(
            patient=patient,
            kind=EvidenceKind.DISCHARGED,
            on=TODAY,
            by=by,
            signed=True,
            overrides=True,
            reason="No nodule on this exam.",
        )
        Closure.objects.create(patient=patient, evidence=proof, reason="No nodule on this exam.", by=by)


def act(what: str, patient: Patient, other: Patient, by: User) -> None:
    match what:
        case "scan":
            factories.scan(patient, TODAY)
        case "forget the scan":
            Scan.objects.filter(study__patient=patient).delete()
        case "mark":
            factories.nodule(patient, covered=False, lobe="")
        case "unmark":
            patient.nodules.all().delete()
        case "close":
            close(patient, by)
        case "reopen":
            patient.closures.update(ended_at=timezone.now())
        case "give the exam away":
            Study.objects.filter(patient=patient).update(patient=other)
        case "give the nodule away":
            moved = Nodule.objects.filter(patient=patient)
            free = 1 + max((nodule.number for nodule in other.nodules.all()), default=0)
            for number, nodule in enumerate(moved, start=free):
                Nodule.objects.filter(pk=nodule.pk).update(patient=other, number=number)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(ACTS), st.booleans()), max_size=10))
def test_after_every_act_the_table_says_who_is_unread(acts: list[tuple[str, bool]]) -> None:
    with transaction.atomic():
        by, first, second = factories.member(), factories.patient(), factories.patient()
        for what, swapped in acts:
            act(what, *((second, first) if swapped else (first, second)), by)
            assert set(Unread.objects.values_list("patient", flat=True)) == truly_unread()
        transaction.set_rollback(True)


def test_it_is_unread_since_the_first_scan() -> None:
    patient = factories.patient()
    first, second = factories.scan(patient, TODAY), factories.scan(patient, TODAY)
    assert Unread.objects.get().since == first.created_at
    Scan.objects.filter(pk=first.pk).delete()
    assert Unread.objects.get().since == second.created_at
    others = Study.objects.create(patient=factories.patient(), study_uid=factories.uid(), acquired_on=TODAY)
    Scan.objects.filter(pk=second.pk).update(study=others)
    assert Unread.objects.get().patient == others.patient


def test_of_a_scan_and_a_mark_at_one_moment_the_later_sees_the_earlier() -> None:
    patient = factories.patient()
    marked, arrived = threading.Event(), threading.Event()

    def arrive() -> None:
        try:
            marked.wait(10)
            factories.scan(patient, TODAY)  # waits for the mark to be committed
            arrived.set()
        finally:
            connection.close()

    intake = threading.Thread(target=arrive)
    intake.start()
    with transaction.atomic():
        factories.nodule(patient)
        marked.set()
        assert not arrived.wait(0.5)
    intake.join(10)
    assert arrived.is_set()
    assert not Unread.objects.exists()
