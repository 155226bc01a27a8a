"""Diagnosed nodules of a clinic beside what a risk model said of them before the diagnosis was known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from nodules_app.models import Assessment, Clinic, Diagnosis, NoduleOutcome, Patient, PatientMerge, RiskCorrection

MODELS: Final = ("brock_2b", "mayo", "herder", "va", "pkuph")  # of the nodule; PLCOm2012 speaks of the person


@dataclass(frozen=True, slots=True)
class Judged:
    """One nodule: what a model said, on which exam, and what it was."""

    nodule: UUID
    patient: UUID
    label: str
    probability: float
    said_on: date
    is_malignant: bool
    known_by: str
    known_on: date


@dataclass(frozen=True, slots=True)
class Told:
    """The outcome in force of a nodule."""

    diagnosis: str
    known_by: str
    on: date
    note: str
    by: str


def outcomes_of(patient: Patient) -> Mapping[str, Told]:
    """The outcome in force of each nodule of a patient, by label."""
    rows = NoduleOutcome.objects.filter(nodule__patient=patient).select_related("nodule", "by")
    latest = rows.order_by("nodule", "-pk").distinct("nodule")
    return {
        row.nodule.label: Told(row.outcome, row.known_by, row.on, row.note, str(row.by))
        for row in latest
        if row.outcome != Diagnosis.WITHDRAWN
    }


def judged(clinics: Sequence[Clinic], model: str) -> tuple[Judged, ...]:
    """Every diagnosed nodule of which the model gave a probability no later than the diagnosis, by its last one."""
    rows = NoduleOutcome.objects.filter(nodule__patient__clinic__in=clinics)
    latest = [
        row
        for row in rows.select_related("nodule__patient").order_by("nodule", "-pk").distinct("nodule")
        if row.outcome != Diagnosis.WITHDRAWN
    ]
    said = _said({row.nodule.patient_id for row in latest}, model)
    return tuple(_judged(latest, said))


def _judged(
    latest: Sequence[NoduleOutcome], said: Mapping[tuple[int, str], Sequence[tuple[date, float]]]
) -> Iterator[Judged]:
    for row in latest:
        known = [one for one in said.get((row.nodule.patient_id, row.nodule.label), ()) if one[0] <= row.on]
        if known:
            said_on, probability = known[-1]
            yield Judged(
                nodule=row.nodule.code,
                patient=row.nodule.patient.code,
                label=row.nodule.label,
                probability=probability,
                said_on=said_on,
                is_malignant=row.outcome == Diagnosis.MALIGNANT,
                known_by=row.known_by,
                known_on=row.on,
            )


def _said(patients: set[int], model: str) -> Mapping[tuple[int, str], list[tuple[date, float]]]:
    """What the model said of each nodule, the earliest first; every guideline of a day carries the same."""
    found: defaultdict[tuple[int, str], list[tuple[date, float]]] = defaultdict(list)
    joined = set(PatientMerge.objects.filter(kept__in=patients).values_list("kept_id", flat=True))
    rows = Assessment.objects.filter(patient__in=patients).order_by("exam_on", "pk")
    columns = ("patient_id", "exam_on", "answer__risk", "answer__result__lead_nodule", "lead__number")
    for patient, exam_on, risk, lead_then, lead_now in rows.values_list(*columns).iterator():
        probability = probability_of(risk, model)
        if probability is None:
            continue
        label = _label_now(str(risk["nodule_id"]), lead_then, lead_now, was_joined=patient in joined)
        if label is not None:
            found[patient, label].append((exam_on, probability))
    return found


def _label_now(then: str, lead_then: str | None, lead_now: int | None, *, was_joined: bool) -> str | None:
    """The label today of a nodule that an answer named: joining two records renumbers nodules, and the lead tells how.

    None where that cannot be told; a probability is never given to another nodule.
    """
    if not was_joined:
        return then
    if lead_now is None or not lead_then:
        return None
    return f"N{int(then[1:]) + lead_now - int(lead_then[1:])}"


def probability_of(risk: Mapping[str, Any] | None, model: str) -> float | None:
    """What one model says in the risk part of an answer, or None where it says nothing."""
    told = (risk or {}).get(model)
    if not isinstance(told, dict) or told.get("probability") is None or not (risk or {}).get("nodule_id"):
        return None
    return float(told["probability"])


def corrections(clinic: Clinic) -> tuple[RiskCorrection, ...]:
    """Every fit of a clinic, the newest first."""
    rows = RiskCorrection.objects.filter(clinic=clinic).select_related("fitted_by", "signed_by", "retired_by")
    return tuple(rows.order_by("-pk"))


def corrections_in_use(clinic: Clinic) -> Mapping[str, RiskCorrection]:
    """The correction that a physician's signature holds in use, by model."""
    rows = RiskCorrection.objects.filter(clinic=clinic, signed_at__isnull=False, retired_at__isnull=True)
    return {row.model: row for row in rows.select_related("signed_by")}
