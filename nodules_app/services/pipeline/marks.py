"""Which scan the marks of a delivered segmentation or report lie on: one of the delivery, or one stored earlier."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Q

from nodules_app.dicom.archive import Archive
from nodules_app.dicom.errors import printable
from nodules_app.dicom.finding_marks import FindingMark
from nodules_app.dicom.findings import Referred, read_findings, read_referred
from nodules_app.dicom.notices import Notice
from nodules_app.dicom.series import CtSeries
from nodules_app.models import FindingsFile, Origin, Run, Scan
from nodules_app.services import nodules
from nodules_app.services.pipeline.volumes import archived_series
from registration.errors import Refused, gettext_noop


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
            found = _lay(path, referred.sop_instance_uid, paths, _candidates(referred, delivered))
        except Refused as refusal:
            refused.append(refusal)
        else:
            if found is not None:
                laid.append(found)
    return laid, refused


def _lay(path: Path, uid: str, beside: Sequence[Path], candidates: Iterator[CtSeries]) -> LaidMarks | None:
    """Take the first series on which the file lies. None without any series; otherwise the first one's refusal."""
    first: Refused | None = None
    for series in candidates:
        try:
            marks = read_findings(path, on=series, beside=beside)
            kept = Archive(settings.ARCHIVE_DIR).put(path)
            return LaidMarks(path.name, uid, kept, series.series_uid, marks)
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
    FindingsFile.objects.get_or_create(
        sop_instance_uid=laid.sop_instance_uid, defaults={"study": scan.study, "sha256": laid.sha256}
    )
    for mark in laid.marks:
        nodules.mark_nodule(
            scan=scan,
            lps_mm=mark.lps_mm,
            by=run.requested_by,
            origin=Origin.DICOM_SEG if mark.kind == "segmentation" else Origin.DICOM_SR,
            tracking_uid=mark.tracking_uid,
            extent_mm=max(mark.extent_mm),
        )
    return None
