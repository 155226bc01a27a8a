"""Step seven: what each guideline says of the patient today."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nodules_app.models import Patient, Run, RunKind
from nodules_app.services import assessments, runs


def ask_guidelines(run: Run) -> Callable[[], Mapping[str, str]]:
    """Put the patient's case to the guidelines, then plan. The case is read where it is stored: in one transaction."""
    patient = whose(run)

    def store() -> Mapping[str, str]:
        held = Patient.objects.select_for_update().get(pk=patient.pk)
        case = assessments.case_of(held)
        if case is None or not case["nodules"]:
            return {}
        answer = assessments.answer_case(case)
        stored = assessments.store_answer(held, case, answer)
        runs.request(RunKind.PLAN, by=run.requested_by, patient=held)
        return {row.guideline: f"{row.edition} {row.ruleset_version}" for row in stored}

    return store


def whose(run: Run) -> Patient:
    """The patient that a run is about."""
    if run.patient is None:
        raise ValueError(f"run {run.code} names no patient")
    return run.patient
