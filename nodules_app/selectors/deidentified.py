"""The tables of a de-identified export: exams, nodules, measurements, growth, assessments; every key replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from nodules_app.dicom.deidentify import Nobody, Pseudonyms
from nodules_app.lifecycles import SIGNED_READING, NoduleState, ReadingState
from nodules_app.models import Assessment, Clinic, Patient, Reading, Scan
from nodules_app.selectors.timeline import NoduleLine, timeline

Cell = str | int | float | date | None
Row = list[Cell]

HEADS: Final[Mapping[str, tuple[str, ...]]] = {
    "exams": (
        "patient",
        "exam",
        "exam_on",
        "age_years",
        "sex",
        "setting",
        "study_uid",
        "series_uid",
        "slices",
        "slice_thickness_mm",
        "spacing_z_mm",
        "spacing_xy_mm",
        "kernel",
        "manufacturer",
        "model",
        "signed",
        "images",
    ),
    "nodules": ("patient", "nodule", "tracking_uid", "state", "lobe", "margin"),
    "measurements": (
        "patient",
        "exam",
        "exam_on",
        "nodule",
        "present",
        "attenuation",
        "volume_mm3",
        "volume_sd_mm3",
        "mean_diameter_mm",
        "mean_diameter_sd_mm",
        "long_axis_mm",
        "short_axis_mm",
        "solid_mean_diameter_mm",
        "mean_hu",
        "mass_mg",
        "method",
        "by_hand",
        "not_measured_because",
    ),
    "growth": (
        "patient",
        "nodule",
        "prior_exam",
        "current_exam",
        "interval_days",
        "comparability",
        "word",
        "confirmed",
        "volume_ratio",
        "volume_ratio_low",
        "volume_ratio_high",
        "vdt_days",
        "vdt_low_days",
        "vdt_high_days",
        "significant",
    ),
    "assessments": (
        "patient",
        "exam_on",
        "guideline",
        "edition",
        "ruleset_version",
        "rule_id",
        "category",
        "management",
        "lead_nodule",
    ),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One patient of an export, with the pseudonym."""

    patient: Patient
    whose: Nobody


@dataclass(frozen=True, slots=True)
class NumberedScan:
    """A scan in force, and which of the patient's exams it is: the first is 1."""

    number: int
    scan: Scan


def numbered_scans(patient: Patient) -> list[NumberedScan]:
    """The scans of a patient that are in force, in the order of their days."""
    rows = Scan.objects.filter(study__patient=patient, superseded_at__isnull=True).select_related("study", "series")
    in_order = sorted(rows, key=lambda one: (one.study.acquired_on or date.max, one.pk))
    return [NumberedScan(number, scan) for number, scan in enumerate(in_order, start=1)]


def signed_reading(scan: Scan) -> Reading | None:
    """What stands signed of a scan; a newer version that nobody has signed yet replaces nothing."""
    rows = Reading.objects.filter(scan=scan, state__in=SIGNED_READING).exclude(state=ReadingState.REPLACED)
    return rows.select_related("patient__clinic", "comparison", "signed_by").order_by("-version").first()


def signed_patients(clinic: Clinic, *, since: date | None = None, until: date | None = None) -> list[Patient]:
    """The patients of a clinic of whom an exam was signed in a period."""
    rows = Reading.objects.filter(patient__clinic=clinic, state__in=SIGNED_READING)
    if since is not None:
        rows = rows.filter(signed_at__date__gte=since)
    if until is not None:
        rows = rows.filter(signed_at__date__lte=until)
    return list(Patient.objects.filter(pk__in=rows.values("patient")).select_related("clinic").order_by("pk"))


def tables(case: Case, names: Pseudonyms, with_images: Callable[[Scan], bool]) -> dict[str, list[Row]]:
    """Give the rows of one patient for every table.

    Parameters
    ----------
    with_images
        Whether the images of a scan go along.
    """
    scans = numbered_scans(case.patient)
    shown = timeline(case.patient)
    exam = {one.scan.code: one.number for one in scans}
    lines = [line for line in shown.nodules if line.state is not NoduleState.TAKEN_BACK]
    uids = dict(case.patient.nodules.values_list("code", "tracking_uid"))
    who = case.whose.pseudonym
    return {
        "exams": [_exam(one, case, names, with_images=with_images(one.scan)) for one in scans],
        "nodules": [
            [
                who,
                line.label,
                str(names.uid(uids[line.code])),
                line.state.value,
                line.lobe,
                _fact(line, "margin"),
            ]
            for line in lines
        ],
        "measurements": [row for line in lines for row in _measurements(line, case, exam)],
        "growth": [row for line in lines for row in _growth(line, case, exam)],
        "assessments": [_assessment(row, case) for row in _assessments(case.patient)],
    }


def _exam(one: NumberedScan, case: Case, names: Pseudonyms, *, with_images: bool) -> Row:
    study, series = one.scan.study, one.scan.series
    return [
        case.whose.pseudonym,
        one.number,
        case.whose.day(study.acquired_on),
        case.whose.age_years(study.acquired_on),
        case.whose.sex,
        case.patient.setting,
        str(names.uid(study.study_uid)),
        str(names.uid(series.series_uid)),
        series.slices,
        series.slice_thickness_mm,
        series.spacing_z_mm,
        series.spacing_x_mm,
        series.kernel,
        series.manufacturer,
        series.model,
        "yes" if signed_reading(one.scan) is not None else "no",
        "yes" if with_images else "no",
    ]


def _fact(line: NoduleLine, name: str) -> str:
    return str(line.description.facts.get(name, "")) if line.description else ""


def _measurements(line: NoduleLine, case: Case, exam: Mapping[UUID, int]) -> Iterable[Row]:
    for seen in line.appearances:
        row = seen.measured
        numbers: Row = [""] * 12
        if row is not None:
            numbers = [
                row.attenuation,
                row.volume_mm3,
                row.volume_sd_mm3,
                row.mean_diameter_mm,
                row.mean_diameter_sd_mm,
                row.long_axis_mm,
                row.short_axis_mm,
                row.solid_mean_diameter_mm,
                row.mean_hu,
                row.mass_mg,
                row.method,
                "yes" if row.by else "no",
            ]
        start: Row = [case.whose.pseudonym, exam.get(seen.scan), case.whose.day(seen.on), line.label]
        refused = str(seen.refusal["code"]) if seen.refusal else ""
        yield [*start, "yes" if seen.present else "no", *numbers, refused]


def _growth(line: NoduleLine, case: Case, exam: Mapping[UUID, int]) -> Iterable[Row]:
    for change in line.changes:
        yield [
            case.whose.pseudonym,
            line.label,
            exam.get(change.prior_scan),
            exam.get(change.current_scan),
            change.interval_days,
            change.grade,
            change.word,
            "yes" if change.confirmed_by else "no",
            change.volume_ratio,
            change.volume_ratio_low,
            change.volume_ratio_high,
            change.vdt_days,
            change.vdt_low_days,
            change.vdt_high_days,
            "yes" if change.significant else "no",
        ]


def _assessments(patient: Patient) -> Iterable[Assessment]:
    """The latest answer of each guideline to each exam."""
    rows = Assessment.objects.filter(patient=patient).select_related("lead")
    return rows.order_by("exam_on", "guideline", "-pk").distinct("exam_on", "guideline")


def _assessment(row: Assessment, case: Case) -> Row:
    return [
        case.whose.pseudonym,
        case.whose.day(row.exam_on),
        row.guideline,
        row.edition,
        row.ruleset_version,
        row.rule_id,
        str(row.answer.get("result", {}).get("category") or ""),
        row.management,
        row.lead.label if row.lead else "",
    ]
