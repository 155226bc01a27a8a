"""The one series of an exam that is measured, and which scans are compared with each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from django.db import transaction
from django.utils import timezone

from nodules_app.dicom.choose import ChosenByPerson
from nodules_app.models import Comparison, Finding, Match, Patient, RunKind, Scan, Series, Study, User
from nodules_app.services import arrivals, priors, readings, runs, unread
from nodules_app.services.audit import record
from nodules_app.services.runs import Told


def take_scan(*, study: Study, series: Series, because: Sequence[Told], by: User | None) -> Scan | None:
    """Make the chosen series the scan of its exam; an exam that has one keeps it until a person chooses otherwise."""
    if Scan.objects.filter(study=study, superseded_at__isnull=True).exists():
        return None
    scan = Scan.objects.create(
        study=study, series=series, because=[runs.told(reason) for reason in because], chosen_by=by
    )
    runs.request(RunKind.LUNGS, by=by, patient=study.patient, scan=scan)
    arrivals.received(study)
    readings.exam_came(scan)
    unread.owe_reading(study.patient)
    priors.exam_came(scan)
    return scan


@transaction.atomic
def choose_other_series(*, scan: Scan, series: Series, by: User) -> Scan:
    """Measure another series of the same exam; what was measured on the first is superseded, never changed."""
    patient = Patient.objects.select_for_update().get(pk=scan.study.patient_id)
    held = Scan.objects.select_for_update().get(pk=scan.pk, superseded_at__isnull=True)
    chosen_series = Series.objects.get(pk=series.pk, study_id=held.study_id)
    points = list(held.findings.filter(superseded_at__isnull=True, present=True))
    _supersede(held)
    chosen = Scan.objects.create(
        study=held.study, series=chosen_series, because=[runs.told(ChosenByPerson())], chosen_by=by
    )
    for point in points:
        Finding.objects.create(
            nodule=point.nodule,
            scan=chosen,
            x_lps_mm=point.x_lps_mm,
            y_lps_mm=point.y_lps_mm,
            z_lps_mm=point.z_lps_mm,
            origin=point.origin,
            by=by,
        )
    record("scan.chosen", patient, by=by, scan=chosen.code, series=chosen_series.code)
    runs.request(RunKind.LUNGS, by=by, patient=patient, scan=chosen)
    readings.exam_came(chosen)
    return chosen


def _supersede(scan: Scan) -> None:
    now = timezone.now()
    Scan.objects.filter(pk=scan.pk).update(superseded_at=now)
    scan.findings.filter(superseded_at__isnull=True).update(superseded_at=now)
    in_force = Match.objects.filter(superseded_at__isnull=True)
    in_force.filter(comparison__prior=scan).update(superseded_at=now)
    in_force.filter(comparison__current=scan).update(superseded_at=now)


def scans_in_order(patient: Patient) -> list[Scan]:
    """The scans of a patient that are in force and have a day, the earliest first."""
    scans = Scan.objects.filter(study__patient=patient, superseded_at__isnull=True, study__acquired_on__isnull=False)
    return list(scans.select_related("study__patient", "series").order_by("study__acquired_on", "pk"))


def neighbours_to_compare(scan: Scan) -> list[Comparison]:
    """Pair a scan with the one before and the one after it; scans of one day are not compared."""
    patient = scan.study.patient
    pairs = [
        (prior, current)
        for prior, current in pairwise(scans_in_order(patient))
        if scan.pk in (prior.pk, current.pk) and prior.study.acquired_on != current.study.acquired_on
    ]
    return [
        Comparison.objects.get_or_create(
            prior=prior,
            current=current,
            defaults={"patient": patient, "interval_days": _days_between(prior, current)},
        )[0]
        for prior, current in pairs
    ]


def _days_between(prior: Scan, current: Scan) -> int:
    first, second = prior.study.acquired_on, current.study.acquired_on
    if first is None or second is None:
        raise ValueError("scans without a day have no interval")
    return (second - first).days
