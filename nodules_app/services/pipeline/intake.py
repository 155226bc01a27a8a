"""Step one: read a delivery, keep the originals, and know what they are.

Files go to the archive and volumes to the cache first; both may be done twice without harm. The rows are written in one
transaction, so that a reading killed half way leaves nothing half imported and can be run again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from nodules_app.dicom.archive import Archive
from nodules_app.dicom.choose import Choice, choose_series
from nodules_app.dicom.examination import read_examination, without_images
from nodules_app.dicom.notices import Notice
from nodules_app.dicom.series import CtSeries
from nodules_app.dicom.volumes import is_kept, read_volume, save_volume
from nodules_app.models import ImportBatch, Instance, Patient, Run, Scan, Series, Sex, Study
from nodules_app.services import identity, runs, scans
from nodules_app.services.cache import series_code, volume_folder
from nodules_app.services.names import sounds_of
from nodules_app.services.pipeline.marks import lay_marks, store_marks
from registration.errors import Refused, gettext_noop

SEXES = {"M": Sex.MALE, "F": Sex.FEMALE}


class NoPatientNumber(Refused):
    """The files do not say whose they are."""

    code = "no_patient_number"
    sentence = gettext_noop("The images carry no patient number.")
    remedy = gettext_noop("Enter the patient's number in the archive and send the exam again.")


class ExamOfAnotherPatient(Refused):
    """A study UID that belongs to somebody else here."""

    code = "exam_of_another_patient"
    sentence = gettext_noop("An exam of {acquired_on} is stored here under another patient's number.")
    remedy = gettext_noop("Have the archive check whose exam it is; it was not imported.")


class AnotherSeriesThere(Refused):
    """A series UID with other images than those stored."""

    code = "another_series_there"
    sentence = gettext_noop("Series {description} is stored here with other images ({stored} stored, {sent} sent).")
    remedy = gettext_noop("Have the archive send the complete series under a series UID of its own.")


class ImagesOfAnotherSeries(Refused):
    """Images that are stored, sent again under another series UID."""

    code = "images_of_another_series"
    sentence = gettext_noop("{count} image(s) of series {description} are stored here as images of another series.")
    remedy = gettext_noop("Have the archive check which of the two series is right; the exam was not imported.")


@dataclass(frozen=True, slots=True)
class ReadExam:
    """One study of a delivery: its series with the digests of their files, and the chosen one."""

    choice: Choice
    series: tuple[tuple[CtSeries, tuple[str, ...]], ...]


def read_batch(run: Run) -> Callable[[], Mapping[str, str]]:
    """Read headers, archive every file, decode the chosen series of each exam; then store what was found."""
    batch = run.import_batch
    if batch is None:
        raise ValueError(f"run {run.code} names no delivery")
    with read_examination(Path(batch.path), today=timezone.localdate(), findings_alone=True) as examination:
        exams, unread = _read_exams(examination.series)
        chosen = [exam.choice.series for exam in exams]
        laid, misfits = lay_marks(examination.finding_files, chosen)
        refused = [*examination.refused, *unread, *misfits]
        if not exams and not laid:
            raise refused[0] if refused else without_images(examination.finding_files)
        came = {series.series_uid for series in chosen}
        stored_earlier = [marks.told() for marks in laid if marks.series_uid not in came]
        said: list[Notice | Refused] = [*refused, *examination.warnings, *stored_earlier]
        files_seen = len(examination.names)
        runs.say_progress(run, 90)

    def store() -> Mapping[str, str]:
        new, turned_away = _store_exams(exams, batch, run)
        held = [refusal for refusal in turned_away if isinstance(refusal, identity.PersonInDoubt)]
        if turned_away and len(turned_away) == len(exams) and not laid and not held:
            raise turned_away[0]
        waiting = [notice for marks in laid if (notice := store_marks(marks, run)) is not None]
        ImportBatch.objects.filter(pk=batch.pk).update(
            notices=[told(notice) for notice in (*turned_away, *said, *waiting)],
            files_seen=files_seen,
            instances_new=new,
        )
        if not held:  # what waits for a person's word is read again from where it lies
            drop_upload(run)
        return {"intake": "1"}

    return store


def drop_upload(run: Run) -> None:
    """Remove an upload that was read to its end, taken or refused; what was refused has to be sent anew."""
    batch = run.import_batch
    if batch is not None and batch.owned:
        transaction.on_commit(lambda: _empty_inbox(Path(batch.path)))


def _by_study(series: Sequence[CtSeries]) -> list[list[CtSeries]]:
    in_order = sorted(series, key=lambda one: (one.study_uid, one.series_uid))
    return [list(group) for _, group in groupby(in_order, key=lambda one: one.study_uid)]


def _read_exams(series: Sequence[CtSeries]) -> tuple[list[ReadExam], list[Refused]]:
    """Read each exam by itself: one that is refused does not lose the others."""
    exams: list[ReadExam] = []
    refused: list[Refused] = []
    for study in _by_study(series):
        try:
            exams.append(_read_exam(study))
        except Refused as refusal:
            refused.append(refusal)
    return exams, refused


def _read_exam(study: list[CtSeries]) -> ReadExam:
    if not study[0].patient_id:
        raise NoPatientNumber
    choice = choose_series(study, prior_kernel=_kernel_of_the_prior(study[0]))
    folder = volume_folder(series_code(choice.series.series_uid))
    if not is_kept(folder) and choice.series.one_grid:
        save_volume(read_volume(choice.series), folder)
    archive = Archive(settings.ARCHIVE_DIR)
    return ReadExam(choice, tuple((one, tuple(archive.put(path) for path in one.files)) for one in study))


def _kernel_of_the_prior(exam: CtSeries) -> str:
    """The kernel in which this patient was measured last: like is best compared with like."""
    earlier = Scan.objects.filter(
        study__patient__identifier=exam.patient_id,
        study__patient__issuer=exam.issuer,
        study__acquired_on__lt=exam.acquired_on or date.max,
        superseded_at__isnull=True,
    ).order_by("-study__acquired_on")
    return earlier.values_list("series__kernel", flat=True).first() or ""


def _store_exams(exams: Sequence[ReadExam], batch: ImportBatch, run: Run) -> tuple[int, list[Refused]]:
    """Write each exam whole or not at all: one that contradicts what is stored here does not lose the others."""
    new = 0
    turned_away: list[Refused] = []
    for exam in exams:
        try:
            with transaction.atomic():
                new += _store_exam(exam, batch, run)
        except identity.PersonInDoubt as doubt:
            _hold(exam.choice.series, batch)
            turned_away.append(doubt)
        except Refused as refusal:
            turned_away.append(refusal)
    return new, turned_away


def _store_exam(exam: ReadExam, batch: ImportBatch, run: Run) -> int:
    first = exam.choice.series
    patient = _patient(first, batch)
    study, _ = Study.objects.get_or_create(
        study_uid=first.study_uid,
        defaults={
            "patient": patient,
            "accession": first.accession,
            "description": first.study_description[:200],
            "acquired_on": first.acquired_on,
            "imported_in": batch,
        },
    )
    if study.patient_id != patient.pk:
        raise ExamOfAnotherPatient(acquired_on=first.acquired_on or "-")
    new = sum(_store_series(study, series, digests) for series, digests in exam.series)
    chosen = Series.objects.get(series_uid=first.series_uid)
    scans.take_scan(study=study, series=chosen, because=exam.choice.reasons, by=run.requested_by)
    return new


def _patient(series: CtSeries, batch: ImportBatch) -> Patient:
    """Know the person by the number, whichever clinic follows them; somebody new is followed where the exam came in.

    Raises
    ------
    identity.PersonInDoubt
        The number is known, and the images seem to be of somebody else.
    """
    patient, made = Patient.objects.get_or_create(
        issuer=series.issuer[:64],
        identifier=series.patient_id[:64],
        defaults={
            "clinic_id": batch.clinic_id,
            "name": series.patient_name[:200],
            "sounds": sounds_of(series.patient_name),
            "birth_date": series.birth_date,
            "sex": SEXES.get(series.sex, Sex.UNKNOWN),
        },
    )
    whose = patient if made else identity.whose(patient, _said(series))
    return Patient.objects.select_for_update().get(pk=whose.pk)


def _said(series: CtSeries) -> identity.Said:
    return identity.Said(
        study_uid=series.study_uid,
        name=series.patient_name,
        birth_date=series.birth_date,
        sex=SEXES.get(series.sex, Sex.UNKNOWN),
        acquired_on=series.acquired_on,
        description=series.study_description,
    )


def _hold(series: CtSeries, batch: ImportBatch) -> None:
    known = Patient.objects.get(issuer=series.issuer[:64], identifier=series.patient_id[:64])
    identity.hold(_said(series), known=known, batch=batch)


def _store_series(study: Study, series: CtSeries, digests: Sequence[str]) -> int:
    """Write a series and its files once; the same files again change nothing, other files are refused."""
    row, made = Series.objects.get_or_create(
        series_uid=series.series_uid, defaults={"study": study, "code": series_code(series.series_uid)} | _facts(series)
    )
    if not made:
        stored = set(row.instances.values_list("sha256", flat=True))
        if not set(digests) <= stored:
            raise AnotherSeriesThere(description=row.description or "-", stored=len(stored), sent=len(digests))
        return 0
    uids = {one.path: one.sop_instance_uid for one in reversed(series.slices)}
    if known := Instance.objects.filter(sop_instance_uid__in=uids.values()).count():
        raise ImagesOfAnotherSeries(count=known, description=row.description or "-")
    Instance.objects.bulk_create(
        Instance(series=row, sop_instance_uid=uids[path], sha256=digest, index_z=index)
        for index, (path, digest) in enumerate(zip(series.files, digests, strict=True))
    )
    return len(digests)


def _facts(series: CtSeries) -> dict[str, object]:
    z, y, x = series.spacing_zyx_mm
    return {
        "frame_of_reference_uid": series.frame_of_reference_uid,
        "description": series.description[:200],
        "manufacturer": series.manufacturer[:100],
        "model": series.model[:100],
        "kernel": series.kernel[:60],
        "contrast": series.contrast,
        "slices": len(series.slices),
        "rows": series.rows,
        "columns": series.columns,
        "slice_thickness_mm": series.slice_thickness_mm,
        "spacing_z_mm": z,
        "spacing_y_mm": y,
        "spacing_x_mm": x,
        "notices": [told(notice) for notice in series.notices],
        "measurable": not series.blocks_volumetry,
    }


def told(said: Notice | Refused) -> dict[str, object]:
    """Give a notice or a refusal the shape in which rows keep it."""
    blocks = isinstance(said, Notice) and said.blocks_volumetry
    return runs.told(said) | {"blocks_volumetry": blocks, "refused": isinstance(said, Refused)}


def _empty_inbox(path: Path) -> None:
    """Remove an upload that nobody needs any more; only what lies in our own inbox is ever removed."""
    inbox = settings.INBOX_DIR.resolve()
    below = path.resolve().relative_to(inbox)
    shutil.rmtree(inbox / below.parts[0], ignore_errors=True)
