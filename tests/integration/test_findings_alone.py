"""Segmentations and reports that come without their images: laid on the stored exam, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.urls import reverse
from django.utils import timezone
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from nodules_app.dicom.archive import Archive
from nodules_app.lifecycles import RunState
from nodules_app.models import Finding, FindingsFile, ImportBatch, Nodule, Origin, Run, Scan, Series
from nodules_app.services import intake, scans
from nodules_app.services.pipeline.execute import execute
from nodules_app.services.pipeline.marks import lay_marks, store_marks
from tests import factories
from tests.data import research_data
from tests.integration.browsing import signed_in, words
from tests.unit.dicom.made import COLUMNS, ROWS, as_bytes, ct, item, stack, uid, write

pytestmark = pytest.mark.django_db(transaction=True)

SEGMENTATION, REPORT = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.34"


@pytest.fixture(autouse=True)
def storage(settings: LazySettings, tmp_path: Path) -> None:
    settings.ARCHIVE_DIR = tmp_path / "archive"
    settings.CACHE_DIR = tmp_path / "cache"
    settings.INBOX_DIR = tmp_path / "inbox"


@pytest.fixture
def stored(tmp_path: Path) -> Scan:
    """A scan that came in an earlier delivery."""
    write(tmp_path / "ct", stack(6))
    assert read(tmp_path / "ct").state == RunState.SUCCEEDED
    return Scan.objects.get()


def read(source: Path) -> Run:
    run = intake.latest_run(intake.receive_folder(source=source, by=None))
    assert run is not None
    execute(run.code)
    run.refresh_from_db()
    return run


def keep(path: Path, ds: Dataset) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(as_bytes(ds, ExplicitVRLittleEndian))
    return path


def segmentation(z_mm: float = 5.0, **elements: object) -> Dataset:
    """One pixel in column 3, row 2 of one slice."""
    mask = np.zeros((ROWS, COLUMNS), np.uint8)
    mask[2, 3] = 1
    packed = np.packbits(mask.ravel(), bitorder="little").tobytes()
    ds = ct(0, np.zeros((ROWS, COLUMNS), np.int16), SOPClassUID=SEGMENTATION, Modality="SEG", SOPInstanceUID=uid("seg"))
    ds.SeriesInstanceUID = uid("series of the segmentation")
    ds.NumberOfFrames, ds.SegmentationType = "1", "BINARY"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    ds.PixelData = packed
    ds.SegmentSequence = [item(SegmentNumber=1, SegmentLabel="Nodule", TrackingUID="1.7")]
    ds.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[0.7, 0.6], SliceThickness="2.5")],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)],
        )
    ]
    place = item(ImagePositionPatient=[-10, -20, z_mm])
    ds.PerFrameFunctionalGroupsSequence = [item(PlanePositionSequence=[place])]
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def report_of_a_point() -> Dataset:
    """A report of another study than its images, which names their series."""
    ds = ct(0, SOPClassUID=REPORT, Modality="SR", SOPInstanceUID=uid("sr"), StudyInstanceUID=uid("reports"))
    del ds.PixelData
    name = item(CodeValue="125007", CodingSchemeDesignator="DCM", CodeMeaning="Measurement Group")
    point = item(ValueType="SCOORD3D", GraphicType="POINT", GraphicData=[-8.2, -18.6, 5.0])
    ds.ContentSequence = [item(ValueType="CONTAINER", ConceptNameCodeSequence=[name], ContentSequence=[point])]
    series = item(SeriesInstanceUID=uid("series"))
    ds.CurrentRequestedProcedureEvidenceSequence = [item(ReferencedSeriesSequence=[series])]
    return ds


def test_the_file_itself_is_kept_byte_for_byte_once(stored: Scan, tmp_path: Path, settings: LazySettings) -> None:
    path = keep(tmp_path / "seg" / "seg.dcm", segmentation())
    read(path.parent)
    read(path.parent)
    kept = FindingsFile.objects.get()
    assert (kept.study, kept.sop_instance_uid) == (stored.study, uid("seg"))
    assert Archive(settings.ARCHIVE_DIR).path_of(kept.sha256).read_bytes() == path.read_bytes()


def test_a_segmentation_of_a_stored_exam_becomes_its_nodule(stored: Scan, tmp_path: Path) -> None:
    run = read(keep(tmp_path / "later" / "readers.dcm", segmentation()))
    assert run.state == RunState.SUCCEEDED, run.refusal
    finding = Finding.objects.get()
    assert (finding.scan, finding.origin) == (stored, Origin.DICOM_SEG)
    assert finding.lps_mm == pytest.approx((-10 + 3 * 0.6, -20 + 2 * 0.7, 5.0))
    page = words(signed_in().get(reverse("imports")).content.decode())
    assert "1 place(s) marked in readers.dcm were taken onto an exam that is stored here." in page
    assert "nothing was stored twice" not in page


def test_sending_it_again_changes_nothing(stored: Scan, tmp_path: Path) -> None:
    sent = keep(tmp_path / "later" / "readers.dcm", segmentation())
    assert {read(sent).state, read(sent).state} == {RunState.SUCCEEDED}
    assert Nodule.objects.count() == Finding.objects.count() == 1


def test_a_report_finds_its_images_by_the_series_that_it_names(stored: Scan, tmp_path: Path) -> None:
    run = read(keep(tmp_path / "later" / "report.dcm", report_of_a_point()))
    assert run.state == RunState.SUCCEEDED, run.refusal
    finding = Finding.objects.get()
    assert (finding.scan, finding.origin) == (stored, Origin.DICOM_SR)
    assert finding.lps_mm == pytest.approx((-8.2, -18.6, 5.0))


def test_wrong_positions_are_refused_with_both_ranges(stored: Scan, tmp_path: Path) -> None:
    run = read(keep(tmp_path / "later" / "legacy.dcm", segmentation(z_mm=97.5)))
    assert run.state == RunState.REFUSED
    assert "legacy.dcm" in run.refusal["sentence"]
    assert "z = 97.5 to 97.5 mm, the CT from 0 to 12.5 mm" in run.refusal["sentence"]
    assert "do not lie on this CT" in words(signed_in().get(reverse("imports")).content.decode())
    assert not Nodule.objects.exists()


def test_another_patients_segmentation_is_refused(stored: Scan, tmp_path: Path) -> None:
    run = read(keep(tmp_path / "later" / "readers.dcm", segmentation(PatientID="OTHER")))
    assert (run.state, run.refusal["code"]) == (RunState.REFUSED, "findings_of_other_patient")


def test_findings_of_an_exam_that_never_came_are_refused(stored: Scan, tmp_path: Path) -> None:
    strange = segmentation(StudyInstanceUID=uid("elsewhere"))
    run = read(keep(tmp_path / "later" / "readers.dcm", strange))
    assert run.state == RunState.REFUSED
    assert "findings without their images" in run.refusal["sentence"]
    assert not Nodule.objects.exists()


def test_one_that_fits_is_taken_and_the_other_is_said(stored: Scan, tmp_path: Path) -> None:
    keep(tmp_path / "later" / "good.dcm", segmentation())
    keep(tmp_path / "later" / "wrong.dcm", segmentation(z_mm=97.5, SOPInstanceUID=uid("wrong")))
    assert read(tmp_path / "later").state == RunState.SUCCEEDED
    assert Nodule.objects.count() == 1
    said = ImportBatch.objects.latest("pk").notices
    assert [notice["code"] for notice in said] == ["findings_off_the_ct", "marks_on_stored_exam"]
    assert [notice["refused"] for notice in said] == [True, False]


def test_marks_follow_the_series_that_a_person_chose(stored: Scan, tmp_path: Path) -> None:
    """A segmentation lies on the scan in force, whichever series of its delivery the reading would choose."""
    sharper = {"SeriesInstanceUID": uid("sharper"), "ConvolutionKernel": "B70f"}
    write(tmp_path / "ct" / "sharper", [ct(n, SOPInstanceUID=uid("sharper", n), **sharper) for n in range(6)])
    assert read(tmp_path / "ct").state == RunState.SUCCEEDED
    other = Series.objects.get(series_uid=uid("sharper"))
    chosen = scans.choose_other_series(scan=stored, series=other, by=factories.member())
    keep(tmp_path / "ct" / "readers.dcm", segmentation())
    assert read(tmp_path / "ct").state == RunState.SUCCEEDED
    assert Finding.objects.get().scan == chosen


@pytest.mark.needs_data
def test_real_readers_and_a_legacy_file_find_the_archived_exam() -> None:
    folder = research_data("lidc-0001")
    assert read(folder / "ct").state == RunState.SUCCEEDED
    legacy = read(folder / "seg-sr" / "legacy-wrong-z.seg.dcm")
    assert "z = 97.5 to 115 mm, the CT from -265 to -17.5 mm" in legacy.refusal["sentence"]
    assert read(folder / "seg-sr" / "readers.seg.dcm").state == RunState.SUCCEEDED
    assert Nodule.objects.count() == 1  # four readers of one nodule


def test_marks_whose_series_lost_its_place_meanwhile_are_not_dropped_in_silence(stored: Scan, tmp_path: Path) -> None:
    """Between reading the file and storing its marks another series of the exam came into force."""
    path = keep(tmp_path / "seg" / "one.dcm", segmentation())
    (laid,), refused = lay_marks([path], [])
    assert refused == []
    Scan.objects.filter(pk=stored.pk).update(superseded_at=timezone.now())
    run = Run.objects.order_by("-pk").first()
    assert run is not None
    notice = store_marks(laid, run)
    assert notice is not None
    assert (notice.code, notice.facts["count"]) == ("marks_on_replaced_scan", 1)
    assert not Finding.objects.exists()
    Scan.objects.filter(pk=stored.pk).update(superseded_at=None)
    assert store_marks(laid, run) is None
    assert Finding.objects.count() == 1
