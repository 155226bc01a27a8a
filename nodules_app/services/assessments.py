"""From stored measurements to a clinical case, and from the answer to rows.

The one place where floats with an error become the decimals that a report would show: diameters to 0.1 mm, volumes to
1 mm3. Page, letter and DICOM show the same figures.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Final

from nodules_app.clinical.answers import kept_answer
from nodules_app.clinical.assess import assess
from nodules_app.clinical.codec import case_from_json
from nodules_app.clinical.rounding import as_reported
from nodules_app.clinical.ruleset import ruleset_hash
from nodules_app.lifecycles import NoduleState
from nodules_app.models import Assessment, Finding, Measurement, Nodule, Patient, Scan, Setting
from nodules_app.services.descriptions import latest_facts
from nodules_app.services.measured import CALIPER_NAME, scale_of
from nodules_app.services.scans import scans_in_order

Json = dict[str, object]
SIDE_BY_SIDE: Final[Mapping[str, tuple[str, ...]]] = {
    Setting.INCIDENTAL: ("FLEISCHNER2017", "BTS2015", "LUNGRADS2022"),
    Setting.SCREENING: ("LUNGRADS2022", "BTS2015", "FLEISCHNER2017"),
}
INTERVAL_EXAM_WITHIN: Final = timedelta(days=300)  # a screening exam sooner than this is an interval exam, not a round
NOT_FOLLOWED: Final = (NoduleState.NOT_A_NODULE, NoduleState.MERGED)


def case_of(patient: Patient) -> Json | None:
    """Give a patient's case in the shape of the clinical contract, or None while no exam has a day."""
    scans = scans_in_order(patient)
    if not scans:
        return None
    nodules = Nodule.objects.filter(patient=patient).exclude(state__in=NOT_FOLLOWED).order_by("number")
    told = [nodule_json for nodule in nodules if (nodule_json := _nodule(nodule, scans)) is not None]
    return {
        "id": str(patient.code),
        "setting": patient.setting,
        "guidelines": list(SIDE_BY_SIDE[patient.setting]),
        "patient": _person(patient),
        "exams": _exams(patient, scans),
        "nodules": told,
    }


def _person(patient: Patient) -> Json:
    latest = patient.risk_factors.order_by("-recorded_at", "-pk").first()
    facts: Json = dict(latest.facts) if latest else {}
    if patient.birth_date:
        facts["birth_date"] = patient.birth_date.isoformat()
    if patient.sex:
        facts["sex"] = patient.sex
    return facts


def _exams(patient: Patient, scans: Iterable[Scan]) -> list[Json]:
    exams: list[Json] = []
    earlier: date | None = None
    for scan in scans:
        day = scan.study.acquired_on
        if day is None or day == earlier:
            continue
        if earlier is None:
            kind = "baseline"
        elif patient.setting == Setting.SCREENING and day - earlier > INTERVAL_EXAM_WITHIN:
            kind = "annual"
        else:
            kind = "interval"
        exams.append({"date": day.isoformat(), "kind": kind})
        earlier = day
    return exams


def _nodule(nodule: Nodule, scans: Iterable[Scan]) -> Json | None:
    findings = {
        finding.scan_id: finding
        for finding in nodule.findings.filter(superseded_at__isnull=True).prefetch_related("measurements")
    }
    entries: list[Json] = []
    attenuation = ""
    for scan in scans:
        finding = findings.get(scan.pk)
        if finding is None or scan.study.acquired_on is None:
            continue
        measured = in_force(finding)
        entries.append({"date": scan.study.acquired_on.isoformat()} | _sizes(finding, measured))
        attenuation = measured.attenuation if measured else attenuation
    if not attenuation:
        return None  # never measured: nothing that a guideline could be asked about
    return {**latest_facts(nodule), "id": nodule.label, "attenuation": attenuation, "measurements": entries}


def in_force(finding: Finding) -> Measurement | None:
    """The latest measurement of a finding that has numbers, unless a reader took all numbers back since."""
    for row in sorted(finding.measurements.all(), key=lambda row: row.pk, reverse=True):
        if row.refusal is None:
            return row
        if row.restores_id is not None:
            return None
    return None


def _sizes(finding: Finding, measured: Measurement | None) -> Json:
    if not finding.present:
        return {"resolved": True}
    if measured is None:
        return {}
    sizes: Json = {"attenuation": measured.attenuation, "method": scale_of(measured.method, measured.version)}
    for field, digits in (
        ("long_axis_mm", "0.1"),
        ("short_axis_mm", "0.1"),
        ("mean_diameter_mm", "0.1"),
        ("volume_mm3", "1"),
    ):
        value = getattr(measured, field)
        if value is not None and not (field == "volume_mm3" and measured.method == CALIPER_NAME):
            sizes[field] = as_reported(value, digits)
    if measured.solid_mean_diameter_mm and measured.attenuation == "part_solid":
        sizes["solid_mean_mm"] = as_reported(measured.solid_mean_diameter_mm, "0.1")
    errors = {
        field: as_reported(error, digits)
        for field, error, digits in (
            ("volume_mm3", measured.volume_sd_mm3, "0.1"),
            ("mean_diameter_mm", measured.mean_diameter_sd_mm, "0.01"),
        )
        if error and field in sizes
    }
    return sizes | ({"sd": errors} if errors else {})


def answer_case(case: Json) -> Json:
    """Ask the clinical core; the same case always gives the same answer."""
    return kept_answer(assess(case_from_json(json.dumps(case))))  # as text: numbers reach the core as decimals


def store_answer(patient: Patient, case: Json, answer: Json) -> list[Assessment]:
    """Write one row a guideline, unless the latest row already says the same of the same case."""
    stored = []
    rules = ruleset_hash()
    by_label = {nodule.label: nodule for nodule in patient.nodules.all()}
    exam_on = date.fromisoformat(str(_list(case, "exams")[-1]["date"]))
    for result in _list(answer, "results"):
        latest = Assessment.objects.filter(patient=patient, guideline=result["guideline"]).order_by("-pk").first()
        kept = {"result": result, "risk": answer.get("risk"), "growth": answer.get("growth"), "ruleset_hash": rules}
        if latest is not None and (latest.inputs, latest.answer) == (case, kept):
            stored.append(latest)
            continue
        stored.append(
            Assessment.objects.create(
                patient=patient,
                exam_on=exam_on,
                guideline=str(result["guideline"]),
                edition=str(result["edition"]),
                ruleset_version=str(result["ruleset_version"]),
                rule_id=str(result["rule_id"]),
                management=str(result["management"]),
                inputs=case,
                answer=kept,
                lead=by_label.get(str(result["lead_nodule"])),
            )
        )
    return stored


def _list(told: Json, field: str) -> list[Json]:
    rows = told[field]
    if not isinstance(rows, list):
        raise TypeError(f"{field} is no list")
    return rows
