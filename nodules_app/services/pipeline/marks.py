"""Which scan the marks of a delivered segmentation or report lie on: one of the delivery, or one stored earlier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from math import dist
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db.models import Q

from nodules_app.dicom.archive import Archive
from nodules_app.dicom.errors import printable
from nodules_app.dicom.finding_marks import FindingMark
from nodules_app.dicom.findings import Referred, read_findings, read_referred
from nodules_app.dicom.notices import Notice
from nodules_app.dicom.series import CtSeries
from nodules_app.lifecycles import CandidateState
from nodules_app.models import (
    Candidate,
    FindingsFile,
    MadeObject,
    Nodule,
    Origin,
    Patient,
    ReportedMeasure,
    Run,
    Scan,
)
from nodules_app.selectors.candidates import CAD_VERSION, KnownPlaces
from nodules_app.services import nodules
from nodules_app.services.archived import archived_series
from registration.errors import Refused, gettext_noop

UNSAID_CERTAINTY: Final = 0.5  # of a program that does not say how sure it is: between its surest and its least sure


class MarksOnStoredExam(Notice):
    """Findings came without their images, which are here already."""

    code = "marks_on_stored_exam"
    sentence = gettext_noop("{count} place(s) marked in {file} were taken onto an exam that is stored here.")


class MarksOnReplacedScan(Notice):
    """While a findings file was read, another series became the one that is followed."""

    code = "marks_on_replaced_scan"
    sentence = gettext_noop("{count} place(s) marked in {file} lie on a series that is not the one in use, and wait.")
    remedy = gettext_noop("Send the file once more: it is laid on the series in use, or refused with the reason.")


@dataclass(frozen=True, slots=True)
class LaidMarks:
    """The marks of one file, on the series that they lie on; the file itself is in the archive."""

    file: str
    sop_instance_uid: str
    sha256: str
    series_uid: str
    marks: tuple[FindingMark, ...]
    measured_on: date | None = None

    def told(self) -> MarksOnStoredExam:
        return MarksOnStoredExam(count=len(self.marks), file=printable(self.file))


def lay_marks(paths: Sequence[Path], delivered: Sequence[CtSeries]) -> tuple[list[LaidMarks], list[Refused]]:
    """Lay each file on the scan that it fits; of one that fits none, say why.

    Parameters
    ----------
    paths
        Segmentations and reports of the delivery.
    delivered
        The chosen series of each exam of the delivery.
    """
    laid: list[LaidMarks] = []
    refused: list[Refused] = []
    for path in paths:
        try:
            referred = read_referred(path)
            found = _lay(path, referred, paths, _candidates(referred, delivered))
        except Refused as refusal:
            refused.append(refusal)
        else:
            if found is not None:
                laid.append(found)
    return laid, refused


def _lay(path: Path, referred: Referred, beside: Sequence[Path], candidates: Iterator[CtSeries]) -> LaidMarks | None:
    """Take the first series on which the file lies. None without any series; otherwise the first one's refusal."""
    first: Refused | None = None
    for series in candidates:
        try:
            marks = read_findings(path, on=series, beside=beside)
            kept = Archive(settings.ARCHIVE_DIR).put(path)
            return LaidMarks(path.name, referred.sop_instance_uid, kept, series.series_uid, marks, referred.made_on)
        except Refused as refusal:
            first = first or refusal
    if first is not None:
        raise first
    return None


def _candidates(referred: Referred, delivered: Sequence[CtSeries]) -> Iterator[CtSeries]:
    """Give the scans in force of the exam that the file names, then the other series of the delivery."""
    came = {series.series_uid: series for series in delivered}
    named = Q(series__series_uid__in=referred.series_uids)
    if referred.study_uid:
        named |= Q(study__study_uid=referred.study_uid)
    for scan in Scan.objects.filter(named, superseded_at__isnull=True).select_related("series").order_by("pk"):
        series_uid = scan.series.series_uid
        yield came.pop(series_uid) if series_uid in came else archived_series(scan.series)
    yield from came.values()


def store_marks(laid: LaidMarks, run: Run) -> MarksOnReplacedScan | None:
    """Take marks as nodules where their series is the scan in force; on another series they wait for a person.

    Returns
    -------
    MarksOnReplacedScan or None
        What to say when another series of the exam came into force after the file was read.
    """
    scan = (
        Scan.objects.select_related("study__patient", "series")
        .filter(series__series_uid=laid.series_uid, superseded_at__isnull=True)
        .first()
    )
    if scan is None:
        return MarksOnReplacedScan(count=len(laid.marks), file=printable(laid.file))
    kept, _ = FindingsFile.objects.get_or_create(
        sop_instance_uid=laid.sop_instance_uid, defaults={"study": scan.study, "sha256": laid.sha256}
    )
    ours = MadeObject.objects.filter(sop_instance_uid=laid.sop_instance_uid).exists()
    for mark in laid.marks:
        if mark.kind == "cad":
            propose(mark, scan)
            continue
        nodule = nodules.mark_nodule(
            scan=scan,
            lps_mm=mark.lps_mm,
            by=run.requested_by,
            origin=Origin.DICOM_SEG if mark.kind == "segmentation" else Origin.DICOM_SR,
            tracking_uid=mark.tracking_uid,
            extent_mm=max(mark.extent_mm),
        )
        if not ours:  # our own numbers come back from an archive: they stand here already
            _keep_measures(mark, nodule, scan, kept, laid.measured_on)
    return None


def propose(mark: FindingMark, scan: Scan) -> Candidate | None:
    """Lay what another program found before a reader, unless a nodule is known there or it waits there already."""
    x, y, z = mark.lps_mm
    row = Candidate(
        scan=scan,
        x_lps_mm=x,
        y_lps_mm=y,
        z_lps_mm=z,
        diameter_mm=max(mark.extent_mm),
        score=UNSAID_CERTAINTY if mark.certainty is None else mark.certainty,
        version=f"{CAD_VERSION} {mark.source}"[:20].strip(),
    )
    Patient.objects.select_for_update().get(pk=scan.study.patient_id)
    if KnownPlaces.of([scan.study.patient_id]).hold(row):
        return None
    decided = scan.candidates.exclude(state=CandidateState.REPLACED)
    if any(dist(other.lps_mm, mark.lps_mm) <= max(nodules.SAME_PLACE_MM, other.diameter_mm / 2) for other in decided):
        return None
    row.save()
    return row


def _keep_measures(mark: FindingMark, nodule: Nodule, scan: Scan, file: FindingsFile, measured_on: date | None) -> None:
    """Keep what the report says of a nodule in numbers, as its author's; a file read twice says nothing new."""
    finding = nodule.findings.filter(scan=scan, superseded_at__isnull=True).first()
    if finding is None:
        return
    source = ", ".join(part for part in (mark.source, mark.label) if part)[:200]
    told = {"file": file, "finding": finding, "source": source}
    if ReportedMeasure.objects.filter(**told).exists():
        return
    ReportedMeasure.objects.bulk_create(
        ReportedMeasure(
            **told,
            quantity=one.quantity,
            is_known=one.is_known,
            value=one.value,
            unit=one.unit,
            reach=one.reach,
            measured_on=measured_on,
        )
        for one in mark.measures
    )
