"""What reports of others say is kept as theirs: numbers beside ours, findings of programs as proposals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from django.urls import reverse
from pydicom.dataset import Dataset
from pytest_django import Settings

from nodules_app.dicom.finishing import as_file
from nodules_app.dicom.report_sr import report_sr
from nodules_app.dicom.segmentation import segmentation
from nodules_app.dicom.signed_report import Mask, Quantity
from nodules_app.dicom.source_images import SourceImages
from nodules_app.lifecycles import CandidateState
from nodules_app.models import Candidate, ImportBatch, MadeObject, ObjectKind, ReportedMeasure, Run, RunKind, Scan
from nodules_app.selectors.candidates import CAD_VERSION
from nodules_app.services import readings
from nodules_app.services.archived import archived_series
from nodules_app.services.pipeline.marks import lay_marks, store_marks
from nodules_app.services.pipeline.proposing import keep
from tests import factories
from tests.exams import archived_exam
from tests.integration.browsing import signed_in, words
from tests.unit.dicom import signed
from tests.unit.dicom.test_read_cad import centre, finding, percent, report

pytestmark = pytest.mark.django_db
UID = "2.25.4711"


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, settings: Settings) -> None:
    settings.CACHE_DIR, settings.ARCHIVE_DIR = tmp_path / "cache", tmp_path / "archive"


@pytest.fixture
def scan() -> Scan:
    return archived_exam(factories.patient(), [((0.0, 0.0, 0.0), 9.0)])


@pytest.fixture
def sent(scan: Scan, tmp_path: Path) -> list[Path]:
    """SEG and SR of another institution: one nodule of 512.3 mm3, give or take 40."""
    on = SourceImages(archived_series(scan.series))
    z, y, x = (round(value) for value in factories.index_zyx((0.0, 0.0, 0.0)))
    whole = signed.nodules()[0]
    nodule = replace(
        whole,
        tracking_uid=UID,
        quantities=(Quantity("volume_mm3", 512.3, 472.3, 552.3), Quantity("mean_hu", -20.0)),
        outline=Mask(whole.outline.inside, (z - 2, y - 4, x - 5)) if whole.outline else None,
        solid=None,
    )
    told = signed.report(nodules=(nodule,), organisation="Hospital Elsewhere")
    segments = segmentation(told, on)
    assert segments is not None
    made = {"seg.dcm": segments, "sr.dcm": report_sr(told, on, segments)}
    for name, dataset in made.items():
        dataset.Manufacturer = dataset.ManufacturerModelName = "Other Maker"
        (tmp_path / name).write_bytes(as_file(dataset))
    return [tmp_path / name for name in made]


def take(paths: list[Path]) -> None:
    laid, refused = lay_marks(paths, [])
    assert refused == []
    batch = ImportBatch.objects.create(clinic=factories.clinic(), source_name="of others", path="/gone")
    run = Run.objects.create(kind=RunKind.INTAKE, import_batch=batch)
    for marks in laid:
        assert store_marks(marks, run) is None


def test_their_numbers_stand_beside_ours_with_their_name(scan: Scan, sent: list[Path]) -> None:
    take(sent)
    take(sent)  # the same files again
    patient = scan.study.patient
    nodule = patient.nodules.get()
    assert nodule.tracking_uid == UID
    rows = {row.quantity: row for row in ReportedMeasure.objects.filter(finding__nodule=nodule)}
    assert {name: (row.value, row.unit) for name, row in rows.items()} == {
        "volume_mm3": (512.3, "mm3"),
        "mean_hu": (-20.0, "[hnsf'U]"),
    }
    assert rows["volume_mm3"].reach == pytest.approx(40)
    assert rows["volume_mm3"].source == "Hospital Elsewhere, Other Maker, star-35 star-pv 3, N1"
    assert ReportedMeasure.objects.count() == 2
    assert not nodule.findings.get().measurements.exists()  # none of it became a number of ours
    page = words(signed_in().get(reverse("objects", kwargs={"code": patient.code})).content.decode())
    assert "Measured elsewhere" in page
    assert "512.3" in page
    assert "Hospital Elsewhere" in page


def test_our_own_report_that_comes_back_says_nothing_new(scan: Scan, sent: list[Path]) -> None:
    reading = readings.exam_came(scan)
    assert reading is not None
    for path in sent:
        read = pydicom.dcmread(path, stop_before_pixels=True)
        MadeObject.objects.create(
            reading=reading,
            kind=ObjectKind.REPORT if read.Modality == "SR" else ObjectKind.SEGMENTATION,
            sop_class_uid=read.SOPClassUID,
            sop_instance_uid=read.SOPInstanceUID,
            series_uid=read.SeriesInstanceUID,
            study_uid=read.StudyInstanceUID,
            sha256="0" * 64,
            size_bytes=1,
        )
    take(sent)
    assert not ReportedMeasure.objects.exists()


def cad_file(scan: Scan, folder: Path, *findings: Dataset) -> Path:
    """A CAD report on the archived exam."""
    first = SourceImages(archived_series(scan.series)).first
    ds = report(*findings)
    ds.PatientID, ds.StudyInstanceUID = first.PatientID, first.StudyInstanceUID
    images = scan.series.instances.order_by("index_z").values_list("sop_instance_uid", flat=True)
    for item in ds.iterall():
        if item.keyword == "ReferencedSOPInstanceUID":
            item.value = images[20]
    path = folder / "cad.dcm"
    pydicom.dcmwrite(path, ds, implicit_vr=False, little_endian=True)
    return path


def test_what_a_program_found_elsewhere_is_a_proposal_once_and_outlives_our_search(scan: Scan, tmp_path: Path) -> None:
    path = cad_file(scan, tmp_path, finding(centre(64.5, 64.5), percent("111012", 80)))
    take([path])
    take([path])
    candidate = Candidate.objects.get()
    assert candidate.lps_mm == pytest.approx((-0.2, -0.2, 0.0), abs=0.3)
    assert candidate.score == pytest.approx(0.8)
    assert candidate.version.startswith(CAD_VERSION)
    assert not scan.study.patient.nodules.exists()
    keep(patient=scan.study.patient, comparison=None, found=[])
    candidate.refresh_from_db()
    assert candidate.state == CandidateState.PROPOSED


def test_a_program_does_not_propose_what_is_followed_already(scan: Scan, tmp_path: Path) -> None:
    factories.finding(factories.nodule(scan.study.patient), scan)
    take([cad_file(scan, tmp_path, finding(centre(64.5, 64.5)))])
    assert not Candidate.objects.exists()
