"""What a clinic lays down: its guideline, its windows, who signs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from nodules_app.models import FollowUpKind, Patient, Role, RunKind, Setting, StepWindow
from nodules_app.services import decisions, follow_ups, policy
from nodules_app.services.pipeline.planning import latest_answers, plan_next_step
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def patient() -> Patient:
    return factories.nodule(factories.patient()).patient


def test_the_product_says_what_the_clinic_leaves_open(patient: Patient) -> None:
    assert policy.of(patient).within_days == policy.WITHIN_DAYS
    StepWindow.objects.create(clinic=patient.clinic, kind=FollowUpKind.REVIEW, within_days=2)
    told = policy.of(patient).within_days
    assert (told[FollowUpKind.REVIEW], told[FollowUpKind.WORKUP]) == (2, policy.WITHIN_DAYS[FollowUpKind.WORKUP])


def test_a_review_is_owed_within_the_clinics_days() -> None:
    patient = factories.patient()
    StepWindow.objects.create(clinic=patient.clinic, kind=FollowUpKind.REVIEW, within_days=2)
    with transaction.atomic():
        nodule = factories.nodule(patient, covered=False)
        review = follow_ups.owe_review(patient=patient, nodule=nodule)
    assert review
    assert review.due_until == timezone.localdate() + timedelta(days=2)


def test_a_work_up_is_owed_within_the_clinics_days(patient: Patient) -> None:
    StepWindow.objects.create(clinic=patient.clinic, kind=FollowUpKind.WORKUP, within_days=5)
    told = factories.result("FLEISCHNER2017", "pet_biopsy_or_resection", "X")
    factories.assessment(patient, told)
    run = factories.run(patient, RunKind.PLAN)
    with transaction.atomic():
        plan_next_step(run)()
    step = patient.follow_ups.get(kind=FollowUpKind.WORKUP)
    assert (step.due_until - step.due_from).days == 5


def test_the_clinics_guideline_comes_first(patient: Patient) -> None:
    for guideline in ("FLEISCHNER2017", "BTS2015"):
        factories.assessment(patient, factories.result(guideline, "ct_12m", "X"))
    assert [one.guideline for one in latest_answers(patient)][:1] == ["FLEISCHNER2017"]
    patient.clinic.guideline_incidental = "BTS2015"
    patient.clinic.save()
    assert [one.guideline for one in latest_answers(patient)][:1] == ["BTS2015"]


def test_a_screened_patient_has_the_guideline_of_screening(patient: Patient) -> None:
    patient.setting = Setting.SCREENING
    assert policy.of(patient).guideline == patient.clinic.guideline_screening


@pytest.mark.parametrize("days", [0, 366])
def test_a_window_is_a_span_of_days(patient: Patient, days: int) -> None:
    with pytest.raises(IntegrityError, match="step_window_is_a_span_of_days"), transaction.atomic():
        StepWindow.objects.create(clinic=patient.clinic, kind=FollowUpKind.REVIEW, within_days=days)


def test_only_those_sign_whom_the_clinic_names() -> None:
    step = factories.followed_patient().follow_ups.get()
    clinic = step.patient.clinic
    clinic.signing_roles = [Role.CHAIR]
    clinic.save()
    with pytest.raises(policy.MayNotSign, match="needs the signature of: chair"):
        decisions.accept(follow_up=step, by=factories.member(Role.PHYSICIAN))
    decisions.accept(follow_up=step, by=factories.member(Role.CHAIR))
