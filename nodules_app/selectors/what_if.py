"""The real numbers that a what-if begins with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from nodules_app.models import Assessment, Patient


@dataclass(frozen=True, slots=True)
class RealCase:
    """What the guidelines were last asked of a patient."""

    inputs: Mapping[str, Any]
    exam_on: date
    lead: str  # label of the nodule that the answers are about, else of the first


def real_case(patient: Patient) -> RealCase | None:
    """Give the inputs of the latest assessment, or None while no guideline was asked about a nodule."""
    row = Assessment.objects.filter(patient=patient).select_related("lead").order_by("-pk").first()
    nodules = row.inputs.get("nodules") if row else None
    if row is None or not nodules:
        return None
    return RealCase(row.inputs, row.exam_on, _lead(patient, row) or str(nodules[0]["id"]))


def _lead(patient: Patient, latest: Assessment) -> str:
    told = {str(nodule["id"]) for nodule in latest.inputs["nodules"]}
    rows = Assessment.objects.filter(patient=patient, exam_on=latest.exam_on, lead__isnull=False)
    row = rows.select_related("lead").order_by("-pk").first()
    return row.lead.label if row and row.lead and row.lead.label in told else ""
