"""What is signed leaves as objects that others can read: valid, with the same numbers, and always the same."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from nodules_app.dicom import codes
from nodules_app.dicom.encapsulated_pdf import NotAPdf, SignedPdf, encapsulated_pdf
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.findings import read_findings
from nodules_app.dicom.finishing import as_file
from nodules_app.dicom.key_images import key_images
from nodules_app.dicom.report_sr import report_sr
from nodules_app.dicom.segmentation import segmentation
from nodules_app.dicom.signed_report import Mask
from nodules_app.dicom.source_images import SourceImages
from tests.unit.dicom import signed
from tests.unit.dicom.made import enhanced, write

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer<<>>\n%%EOF\n"


@pytest.fixture(scope="module")
def on(tmp_path_factory: pytest.TempPathFactory) -> SourceImages:
    return signed.source(tmp_path_factory.mktemp("exam") / "ct")


@pytest.fixture(scope="module")
def made(on: SourceImages) -> dict[str, Dataset]:
    told = signed.report()
    segments = segmentation(told, on)
    assert segments is not None
    keys = key_images(told, on)
    assert keys is not None
    pdf = SignedPdf("d-1", "Report", PDF, told.signed_at, "Test Clinic", "rules R1")
    return {
        "seg": segments,
        "sr": report_sr(told, on, segments),
        "kos": keys,
        "pdf": encapsulated_pdf(pdf, on.first),
    }


def again(dataset: Dataset) -> Dataset:
    return pydicom.dcmread(io.BytesIO(as_file(dataset)))


@pytest.mark.parametrize("kind", ["seg", "sr", "kos", "pdf"])
def test_a_validator_of_others_finds_no_error(made: dict[str, Dataset], kind: str, tmp_path: Path) -> None:
    errors, warnings = signed.verdict(as_file(made[kind]), tmp_path)
    assert errors == []
    # It knows no scheme beyond those of the standard; every object says whose this one is.
    assert [one for one in warnings if not one.endswith("Unrecognized defined term = <99NODULECLINIC>")] == []


@pytest.mark.parametrize("kind", ["seg", "sr", "kos", "pdf"])
def test_each_belongs_to_the_exam_and_its_patient(made: dict[str, Dataset], on: SourceImages, kind: str) -> None:
    read = again(made[kind])
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "StudyInstanceUID", "AccessionNumber"):
        assert read[keyword].value == on.first[keyword].value, keyword
    assert read.SeriesInstanceUID != on.series.series_uid


def test_made_again_they_are_the_same_to_the_last_byte(made: dict[str, Dataset], on: SourceImages) -> None:
    told = signed.report()
    segments = segmentation(told, on)
    assert segments is not None
    keys = key_images(told, on)
    assert keys is not None
    assert as_file(segments) == as_file(made["seg"])
    assert as_file(report_sr(told, on, segments)) == as_file(made["sr"])
    assert as_file(keys) == as_file(made["kos"])


def test_segments_lie_where_the_outlines_lie(made: dict[str, Dataset], on: SourceImages) -> None:
    seg = hd.seg.Segmentation.from_dataset(again(made["seg"]))
    assert [(one.SegmentLabel, one.TrackingID) for one in seg.SegmentSequence] == [
        ("N1", "N1"),
        ("N1 solid part", "N1 solid part"),
        ("N2", "N2"),
    ]
    uids = [plane.sop_instance_uid for plane in on.series.slices]
    pixels = seg.get_pixels_by_source_instance(
        uids, ignore_spatial_locations=True, assert_missing_frames_are_empty=True
    )
    whole, apart, *_ = signed.nodules()
    for number, mask in enumerate((whole.outline, whole.solid, apart.outline)):
        assert mask is not None
        expected = np.zeros(signed.SHAPE, np.uint8)
        z, y, x = mask.start_zyx
        depth, height, width = mask.inside.shape
        expected[z : z + depth, y : y + height, x : x + width] = mask.inside
        assert np.array_equal(pixels[..., number], expected)
    for frame in seg.PerFrameFunctionalGroupsSequence:
        place = tuple(frame.PlanePositionSequence[0].ImagePositionPatient)
        assert place in {plane.position_lps_mm for plane in on.series.slices}


def groups_of(dataset: Dataset) -> dict[str, Dataset]:
    content = hd.sr.Comprehensive3DSR.from_dataset(again(dataset)).content
    found = [*content.get_volumetric_roi_measurement_groups(), *content.get_image_measurement_groups()]
    return {group.tracking_identifier: group for group in found}


def test_the_report_gives_each_number_with_its_unit(made: dict[str, Dataset]) -> None:
    groups = groups_of(made["sr"])
    assert set(groups) == {"N1", "N2", "N3", "N4", "N5"}
    for nodule in signed.nodules():
        group = groups[nodule.label]
        assert group.tracking_uid == nodule.tracking_uid
        assert group.finding_type == codes.NODULE
        found = {one.name.value: one for one in group.get_measurements()}
        assert len(found) == len(nodule.quantities)
        for quantity in nodule.quantities:
            one = found[codes.QUANTITIES[quantity.name].value]
            assert one.value == quantity.value
            assert one.unit == codes.UNITS[quantity.unit]


def test_the_report_says_how_sure_a_number_is(made: dict[str, Dataset]) -> None:
    (volume,) = [
        one for one in groups_of(made["sr"])["N1"].get_measurements() if one.name == codes.QUANTITIES["volume_mm3"]
    ]
    reach = {item.name.value: (item.value, item.unit.value) for item in volume[0].ContentSequence}
    assert reach == {codes.UPPER_UNCERTAINTY.value: (100.0, "mm3"), codes.LOWER_UNCERTAINTY.value: (100.0, "mm3")}


def test_the_report_points_to_the_segment_and_the_site(made: dict[str, Dataset]) -> None:
    groups = groups_of(made["sr"])
    segment = groups["N2"].referenced_segment
    assert segment.referenced_sop_instance_uid == made["seg"].SOPInstanceUID
    assert segment.referenced_segment_numbers == [3]
    (site,) = groups["N1"].finding_sites
    assert (site.value, site.laterality) == (codes.UPPER_LOBE, codes.RIGHT)


def test_the_report_names_who_signed_and_what_measured(made: dict[str, Dataset]) -> None:
    read = hd.sr.Comprehensive3DSR.from_dataset(again(made["sr"]))
    assert str(read.VerifyingObserverSequence[0].VerifyingObserverName) == "Reader^Anna"
    (person,) = read.content.get_observer_contexts(hd.sr.CodedConcept("121006", "DCM", "Person"))
    assert str(person.observer_identifying_attributes.name) == "Reader^Anna"
    said = str(read)
    assert "star-35" in said
    assert "star-pv 3" in said


def test_the_report_gives_category_and_recommendation(made: dict[str, Dataset]) -> None:
    root = again(made["sr"])
    (evaluations,) = [item for item in root.ContentSequence if item.ConceptNameCodeSequence[0].CodeValue == "C0034375"]
    found = [
        (item.ConceptNameCodeSequence[0].CodeMeaning, item.get("ConceptCodeSequence", [None])[0])
        for item in evaluations.ContentSequence
    ]
    categories = {name: code.get("CodeValue") or code.get("LongCodeValue") for name, code in found if code is not None}
    assert categories == {
        "Category by FLEISCHNER2017 2017": "SOLID.SINGLE.6-8.HIGH",
        "Category by LUNGRADS2022 2022": "4A",
    }
    texts = [item.get("TextValue") for item in evaluations.ContentSequence]
    assert "CT at 6-12 months. Between 2027-05-18 and 2027-08-18." in texts


def test_an_addendum_is_a_new_report_that_names_the_old_one(made: dict[str, Dataset], on: SourceImages) -> None:
    later = datetime(2026, 11, 21, 8, 0)  # noqa: DTZ001
    told = signed.report(revision=1, made_at=later, addenda=("Addendum by Reader A: seen again.",))
    newer = report_sr(told, on, made["seg"], [made["sr"]])
    assert newer.SOPInstanceUID != made["sr"].SOPInstanceUID
    (study,) = newer.PredecessorDocumentsSequence
    assert study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == (
        made["sr"].SOPInstanceUID
    )
    assert b"seen again" in as_file(newer)
    assert b"seen again" not in as_file(made["sr"])


def test_key_images_are_those_of_the_nodules(made: dict[str, Dataset], on: SourceImages) -> None:
    keys = hd.ko.KeyObjectSelectionDocument.from_dataset(again(made["kos"]))
    named = {item.referenced_sop_instance_uid for item in keys.content.get_references()}
    assert named == {on.sop_instance_uid(plane) for plane in (4, 7, 2)}


def test_a_pdf_comes_out_as_it_went_in(made: dict[str, Dataset]) -> None:
    read = again(made["pdf"])
    assert read.EncapsulatedDocument[: read.EncapsulatedDocumentLength] == PDF
    assert read.MIMETypeOfEncapsulatedDocument == "application/pdf"


def test_only_a_pdf_is_wrapped_as_one(on: SourceImages) -> None:
    with pytest.raises(NotAPdf):
        encapsulated_pdf(SignedPdf("d", "R", b"<html>", signed.report().signed_at, "C", "v"), on.first)


def test_nothing_outlined_makes_no_segmentation(on: SourceImages, tmp_path: Path) -> None:
    plain = tuple(replace(one, outline=None, solid=None) for one in signed.nodules())
    told = signed.report(nodules=plain)
    assert segmentation(told, on) is None
    errors, _ = signed.verdict(as_file(report_sr(told, on, None)), tmp_path)
    assert errors == []


def test_planes_of_an_enhanced_ct_are_found_by_their_place(tmp_path: Path) -> None:
    write(tmp_path / "ct", [enhanced(4)])  # frames from the head down, planes from the feet up
    with read_examination(tmp_path / "ct") as examination:
        on = SourceImages(examination.series[0])
    inside = np.zeros((2, 2, 3), bool)
    inside[:, 0, 1] = True
    nodule = replace(signed.nodules()[1], outline=Mask(inside, (1, 2, 3)), key_plane=1)
    told = signed.report(nodules=(nodule,))
    segments = segmentation(told, on)
    assert segments is not None
    for made in (segments, report_sr(told, on, segments), key_images(told, on)):
        assert made is not None
        assert signed.verdict(as_file(made), tmp_path)[0] == []
    (tmp_path / "seg.dcm").write_bytes(as_file(segments))
    (mark,) = read_findings(tmp_path / "seg.dcm", on=on.series)
    assert mark.lps_mm == pytest.approx((-10 + 4 * 0.6, -20 + 2 * 0.7, 1.5 * 2.5))


def test_a_header_without_what_dicom_demands_is_made_whole(tmp_path: Path) -> None:
    on = signed.source(tmp_path / "ct")
    for path in on.series.files:
        ds = pydicom.dcmread(path)
        for keyword in ("StudyID", "AccessionNumber", "ReferringPhysicianName", "StudyTime", "SliceThickness"):
            del ds[keyword]
        ds.PatientSex, ds.PatientBirthDate = "MALE", "unknown"
        ds.save_as(path)
    told, on = signed.report(), SourceImages(on.series)
    segments = segmentation(told, on)
    assert segments is not None
    errors, _ = signed.verdict(as_file(report_sr(told, on, segments)), tmp_path)
    assert errors == []
    assert segments.PatientSex == ""
