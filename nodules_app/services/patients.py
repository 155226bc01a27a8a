"""Facts about a person that the rules depend on."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from nodules_app.models import Patient, RiskFactors, RunKind, Setting, User
from nodules_app.services import runs
from nodules_app.services.audit import record


@transaction.atomic
def record_risk_factors(*, patient: Patient, facts: Mapping[str, object], by: User | None) -> RiskFactors:
    """Write down what is known of a patient's risk today, and ask the guidelines again."""
    row = RiskFactors.objects.create(patient=patient, facts=dict(facts), by=by)
    record("patient.risk_recorded", patient, by=by)
    runs.request(RunKind.ASSESS, by=by, patient=patient)
    return row


@transaction.atomic
def choose_setting(*, patient: Patient, setting: Setting, by: User) -> Patient:
    """Say whether this patient is screened or the nodule was found by chance; the guidelines differ."""
    held = Patient.objects.select_for_update().get(pk=patient.pk)
    held.setting = setting
    held.save(update_fields=["setting"])
    record("patient.setting_chosen", held, by=by, setting=setting)
    runs.request(RunKind.ASSESS, by=by, patient=held)
    return held
