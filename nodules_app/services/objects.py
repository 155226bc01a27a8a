"""DICOM objects of signed readings: made when first asked for, kept, and the same for ever.

Results are gated: before the signature there is nothing to send. An addendum makes a newer report that names the older
one; a correction is another reading, whose report names that of the reading it replaces. What was made is never made
again: whoever asks twice gets the same file.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction
from pydicom.dataset import Dataset

from nodules_app.dicom.archive import Archive
from nodules_app.dicom.encapsulated_pdf import SignedPdf, encapsulated_pdf
from nodules_app.dicom.finishing import as_file
from nodules_app.dicom.key_images import key_images
from nodules_app.dicom.report_sr import report_sr
from nodules_app.dicom.segmentation import segmentation
from nodules_app.dicom.signed_report import SignedReport
from nodules_app.dicom.source_images import SourceImages
from nodules_app.lifecycles import SIGNED_READING
from nodules_app.models import DocumentKind, MadeObject, ObjectKind, Reading, User
from nodules_app.selectors.reports import signed_documents
from nodules_app.services.archived import archived_series, volume_of
from nodules_app.services.audit import record
from nodules_app.services.objects_report import SOFTWARE, Source, in_utc, report_of
from registration.errors import Refused, gettext_noop

OF_THE_SIGNATURE: Final = (ObjectKind.SEGMENTATION, ObjectKind.KEY_IMAGES)  # an addendum changes neither


class NothingSigned(Refused):
    """There is no result yet."""

    code = "nothing_signed"
    sentence = gettext_noop("This reading has not been signed: there is no result to hand out.")
    remedy = gettext_noop("Sign the reading first.")


class NoNoduleReported(Refused):
    """The objects tell of nodules."""

    code = "no_nodule_reported"
    sentence = gettext_noop("This reading reports no nodule: there is nothing to measure or outline.")
    remedy = gettext_noop("The written report says so; nothing else is made.")


@dataclass(frozen=True, slots=True)
class KeptObject:
    """A DICOM file that tells of a signed reading, and where it lies."""

    row: MadeObject
    path: Path

    @property
    def file_name(self) -> str:
        return f"{self.row.kind}-{self.row.revision}.dcm" if not self.row.document else f"pdf-{self.row.code}.dcm"


@transaction.atomic
def objects_of(reading: Reading, *, by: User | None = None) -> tuple[KeptObject, ...]:
    """Give the DICOM objects of a signed reading as they stand with its addenda, made now where they are missing.

    Parameters
    ----------
    by
        Who asked; None when the clock or a worker did.

    Raises
    ------
    NothingSigned, NoNoduleReported, NotWhatWasSigned
    Refused
        The exam is not in the archive any more.
    """
    held = Reading.objects.select_for_update(of=("self",)).get(pk=reading.pk)
    if held.state not in SIGNED_READING:
        raise NothingSigned
    revision = held.addenda.count()
    kept = _kept(held, revision)
    if not any(one.row.kind == ObjectKind.REPORT for one in kept):
        _make(held, by=by)
    _wrap_documents(held, by=by)
    return _kept(held, revision)


def _kept(reading: Reading, revision: int) -> tuple[KeptObject, ...]:
    archive = Archive(settings.ARCHIVE_DIR)
    rows = reading.objects_made.order_by("kind", "pk")
    return tuple(
        KeptObject(row, archive.path_of(row.sha256))
        for row in rows
        if row.kind in OF_THE_SIGNATURE or row.kind == ObjectKind.DOCUMENT or row.revision == revision
    )


def _make(reading: Reading, *, by: User | None) -> None:
    scan = reading.scan
    series = archived_series(scan.series)
    report = report_of(reading, Source(scan, series, volume_of(scan.series)))
    if not report.nodules:
        raise NoNoduleReported
    on = SourceImages(series)
    earlier = _replaced(reading, report.revision)
    known = {row.kind: row for row in reading.objects_made.all()}
    for kind, made in _datasets(report, on, earlier):
        if kind in OF_THE_SIGNATURE and kind in known:
            continue
        row = _keep(reading, kind, made, revision=report.revision if kind == ObjectKind.REPORT else 0, by=by)
        if kind == ObjectKind.REPORT and earlier is not None:
            row.replaces = earlier
        row.save(force_insert=True)
        record("object.made", reading.patient, by=by, reading=reading.code, kind=kind, object=row.code)


def _wrap_documents(reading: Reading, *, by: User | None) -> None:
    """Wrap the reports in force of this reading, each version once; letters are for people, not for an archive."""
    wrapped = set(reading.objects_made.filter(kind=ObjectKind.DOCUMENT).values_list("document", flat=True))
    for document in signed_documents(reading.patient):
        name = f"{document.code} {document.version}"
        concerns = document.reading == reading.code and document.kind == DocumentKind.REPORT and document.is_in_force
        if not concerns or name in wrapped:
            continue
        signed = SignedPdf(
            name=name,
            title=document.title,
            pdf=document.pdf,
            signed_at=in_utc(document.signed_at),
            organisation=reading.patient.clinic.name,
            software_version=SOFTWARE,
            version=document.version,
        )
        exam = SourceImages(archived_series(reading.scan.series)).first
        row = _keep(reading, ObjectKind.DOCUMENT, encapsulated_pdf(signed, exam), revision=0, by=by, document=name)
        row.save(force_insert=True)
        record("object.made", reading.patient, by=by, reading=reading.code, kind=row.kind, object=row.code)


def _datasets(
    report: SignedReport, on: SourceImages, earlier: MadeObject | None
) -> Iterator[tuple[ObjectKind, Dataset]]:
    segments = segmentation(report, on)
    if segments is not None:
        yield ObjectKind.SEGMENTATION, segments
    yield ObjectKind.REPORT, report_sr(report, on, segments, [_reference(earlier)] if earlier else [])
    keys = key_images(report, on)
    if keys is not None:
        yield ObjectKind.KEY_IMAGES, keys


def _replaced(reading: Reading, revision: int) -> MadeObject | None:
    """The report that this one replaces: of the same reading with fewer addenda, or of the reading before it."""
    older = reading.objects_made.filter(kind=ObjectKind.REPORT, revision__lt=revision).order_by("-revision").first()
    if older is not None or reading.replaces is None:
        return older
    return reading.replaces.objects_made.filter(kind=ObjectKind.REPORT).order_by("-revision").first()


def _reference(row: MadeObject) -> Dataset:
    named = Dataset()
    named.SOPClassUID, named.SOPInstanceUID = row.sop_class_uid, row.sop_instance_uid
    named.SeriesInstanceUID, named.StudyInstanceUID = row.series_uid, row.study_uid
    return named


def _keep(
    reading: Reading, kind: ObjectKind, made: Dataset, *, revision: int, by: User | None, document: str = ""
) -> MadeObject:
    data = as_file(made)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        sha256 = Archive(settings.ARCHIVE_DIR).put(Path(file.name))
    if sha256 != hashlib.sha256(data).hexdigest():
        raise OSError("the archive kept other bytes than it was given")
    return MadeObject(
        reading=reading,
        kind=kind,
        revision=revision,
        document=document,
        sop_class_uid=str(made.SOPClassUID),
        sop_instance_uid=str(made.SOPInstanceUID),
        series_uid=str(made.SeriesInstanceUID),
        study_uid=str(made.StudyInstanceUID),
        sha256=sha256,
        size_bytes=len(data),
        by=by,
    )


@transaction.atomic
def hand_out(*, reading: Reading, by: User) -> tuple[KeptObject, ...]:
    """Give the objects of a signed reading to a person, and write down who took them. Raises as ``objects_of``."""
    made = objects_of(reading, by=by)
    digests = ", ".join(one.row.sha256[:12] for one in made)
    record("object.taken", reading.patient, by=by, reading=reading.code, digests=digests)
    return made
