"""Findings of others are taken only where they lie on the CT."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.finding_marks import (
    FindingsBetweenSlices,
    FindingsOffTheCt,
    FindingsOfOtherPatient,
    FindingsOfOtherSeries,
    FindingsUnreadable,
    NoFindings,
    NotFindings,
    SegmentationMissing,
)
from nodules_app.dicom.findings import read_findings
from nodules_app.dicom.series import CtSeries
from tests.unit.dicom.made import COLUMNS, ROWS, STEP_MM, as_bytes, ct, item, stack, uid, write

SEG, SR, CT = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.34", "1.2.840.10008.5.1.4.1.1.2"


Keep = Callable[..., Path]


@pytest.fixture
def series(tmp_path: Path):
    write(tmp_path / "ct", stack(6))
    with read_examination(tmp_path / "ct") as exam:
        return exam.series[0]


@pytest.fixture
def keep(tmp_path: Path):
    def write_one(ds: Dataset, name: str = "x.dcm"):
        (tmp_path / name).write_bytes(as_bytes(ds, ExplicitVRLittleEndian))
        return tmp_path / name

    return write_one


def segmentation(masks: object, z_mm: list[float], *, bits: int = 1, tracking: str = "1.7", **elements: object):
    """One segment; ``masks`` (frames, rows, columns)."""
    masks = np.asarray(masks)
    ds = ct(0, np.zeros((ROWS, COLUMNS), np.int16), SOPClassUID=SEG, Modality="SEG", SOPInstanceUID=uid("seg"))
    ds.NumberOfFrames, ds.SegmentationType = str(len(masks)), "BINARY" if bits == 1 else "FRACTIONAL"
    ds.BitsAllocated = ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.MaximumFractionalValue = 255
    flat = masks.ravel()
    packed = np.packbits(flat, bitorder="little") if bits == 1 else flat.astype(np.uint8)
    ds.PixelData = packed.tobytes() + b"\0" * (len(packed) % 2)
    ds.SegmentSequence = [item(SegmentNumber=1, SegmentLabel="Nodule", TrackingUID=tracking)]
    ds.SharedFunctionalGroupsSequence = [
        item(
            PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
            PixelMeasuresSequence=[item(PixelSpacing=[0.7, 0.6], SliceThickness="2.5")],
            SegmentIdentificationSequence=[item(ReferencedSegmentNumber=1)],
        )
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=[item(ImagePositionPatient=[-10, -20, z])]) for z in z_mm
    ]
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    return ds


def spot(*pixels: tuple[int, int]):
    mask = np.zeros((ROWS, COLUMNS), bool)
    for row, column in pixels:
        mask[row, column] = True
    return mask


@pytest.mark.parametrize("bits", [1, 8])
def test_a_segment_is_marked_at_its_centre_of_mass(series: CtSeries, keep: Keep, bits: int):
    masks = np.array([spot((2, 3), (2, 4)), spot((2, 3), (2, 4))]) * (1 if bits == 1 else 255)
    (mark,) = read_findings(keep(segmentation(masks, [5, 7.5], bits=bits)), on=series)
    assert mark.lps_mm == pytest.approx((-10 + 3.5 * 0.6, -20 + 2 * 0.7, 6.25))
    assert mark.extent_mm == pytest.approx((1.2, 0.7, 5.0))
    assert (mark.label, mark.tracking_uid, mark.kind) == ("Nodule", "1.7", "segmentation")


def test_a_segmentation_beyond_the_scan_is_refused_with_both_ranges(series: CtSeries, keep: Keep):
    with pytest.raises(FindingsOffTheCt, match=r"z = 97.5 to 100 mm, the CT from 0 to 12.5 mm"):
        read_findings(keep(segmentation([spot((1, 1))] * 2, [97.5, 100])), on=series)


def test_a_segmentation_between_slices_is_refused(series: CtSeries, keep: Keep):
    with pytest.raises(FindingsBetweenSlices, match=r"z = 6.3 mm"):
        read_findings(keep(segmentation([spot((1, 1))], [6.3])), on=series)


def test_patients_are_compared(series: CtSeries, keep: Keep):
    with pytest.raises(FindingsOfOtherPatient, match=r"OTHER"):
        read_findings(keep(segmentation([spot((1, 1))], [5], PatientID="OTHER")), on=series)


@pytest.mark.parametrize(
    "change", [{"PixelData": bytes(2)}, {"NumberOfFrames": "7"}, {"SegmentationType": "LABELMAP"}, {"Rows": 60000}]
)
def test_a_damaged_segmentation_is_refused(series: CtSeries, keep: Keep, change: dict[str, object]):
    with pytest.raises(FindingsUnreadable):
        read_findings(keep(segmentation([spot((1, 1))], [5], **change)), on=series)


def test_an_empty_segmentation_marks_nothing(series: CtSeries, keep: Keep):
    with pytest.raises(NoFindings):
        read_findings(keep(segmentation([spot()], [5])), on=series)


@pytest.mark.parametrize("content", ["text", "ct"])
def test_other_files_are_no_findings(series: CtSeries, tmp_path: Path, content: str):
    path = tmp_path / "other.dcm"
    path.write_bytes(b"Dear colleague" * 20 if content == "text" else as_bytes(ct(0)))
    with pytest.raises(NotFindings, match=r"other.dcm"):
        read_findings(path, on=series)


def coded(code: str, **elements: object):
    return item(
        ConceptNameCodeSequence=[item(CodeValue=code, CodingSchemeDesignator="DCM", CodeMeaning="x")], **elements
    )


def reference(sop_class: str, sop_uid: str, **elements: object):
    return [item(ReferencedSOPClassUID=sop_class, ReferencedSOPInstanceUID=sop_uid, **elements)]


def outline(number: int, points: list[tuple[float, float]], graphic: str = "POLYLINE"):
    """A drawing on slice ``number``, in (column, row) counted from the corner of the first pixel."""
    image = item(ValueType="IMAGE", ReferencedSOPSequence=reference(CT, uid("instance", number)))
    flat = [float(v) for point in points for v in point]
    return coded("111030", ValueType="SCOORD", GraphicType=graphic, GraphicData=flat, ContentSequence=[image])


def group(identifier: str, *items: Dataset):
    named = [
        coded("112039", ValueType="TEXT", TextValue=identifier),
        coded("112040", ValueType="UIDREF", UID=f"1.8.{identifier}"),
        coded("121071", ValueType="CODE", ConceptCodeSequence=[item(CodeValue="1", CodeMeaning="Nodule")]),
    ]
    return coded("125007", ValueType="CONTAINER", ContentSequence=[*named, *items])


def report(*groups: Dataset):
    ds = ct(0, SOPClassUID=SR, Modality="SR", SOPInstanceUID=uid("sr"))
    ds.ContentSequence = [coded("126010", ValueType="CONTAINER", ContentSequence=list(groups))]
    return ds


BOX = [(2, 1), (4, 1), (4, 3), (2, 3), (2, 1)]


def test_a_box_on_a_slice_is_marked_at_its_middle(series: CtSeries, keep: Keep):
    (mark,) = read_findings(keep(report(group("7", outline(3, BOX)))), on=series)
    assert mark.lps_mm == pytest.approx((-10 + 2.5 * 0.6, -20 + 1.5 * 0.7, 3 * STEP_MM))
    assert mark.extent_mm == pytest.approx((1.2, 1.4, STEP_MM))
    assert (mark.label, mark.tracking_uid, mark.kind) == ("Nodule 7", "1.8.7", "region")


def test_boxes_of_neighbouring_slices_are_one_finding(series: CtSeries, keep: Keep):
    boxes = [group(str(n), outline(n, BOX)) for n in (4, 2, 3)]
    (mark,) = read_findings(keep(report(*boxes)), on=series)
    assert mark.lps_mm[2] == pytest.approx(3 * STEP_MM)
    assert mark.extent_mm[2] == pytest.approx(3 * STEP_MM)


def test_boxes_apart_stay_apart(series: CtSeries, keep: Keep):
    aside = [(6, 4), (7, 4), (7, 5), (6, 4)]
    marks = read_findings(
        keep(report(group("1", outline(1, BOX)), group("2", outline(2, aside)), group("3", outline(4, BOX)))), on=series
    )
    assert len(marks) == 3


def test_a_point_stays_a_point(series: CtSeries, keep: Keep):
    (mark,) = read_findings(keep(report(group("T1", outline(0, [(0.5, 0.5)], "POINT")))), on=series)
    assert mark.lps_mm == pytest.approx((-10, -20, 0))
    assert (mark.kind, mark.label) == ("point", "T1")


def test_points_in_space_are_taken_as_they_are(series: CtSeries, keep: Keep):
    region = coded("111030", ValueType="SCOORD3D", GraphicType="POINT", GraphicData=[-8.5, -18.0, 6.0])
    (mark,) = read_findings(keep(report(group("1", region))), on=series)
    assert mark.lps_mm == (-8.5, -18.0, 6.0)


def test_points_beyond_the_image_are_refused(series: CtSeries, keep: Keep):
    region = coded("111030", ValueType="SCOORD3D", GraphicType="POINT", GraphicData=[-8.5, 118.0, 6.0])
    with pytest.raises(FindingsOffTheCt, match=r"y = 118 to 118 mm"):
        read_findings(keep(report(group("1", region))), on=series)


def test_drawings_on_other_images_are_refused(series: CtSeries, keep: Keep):
    with pytest.raises(FindingsOfOtherSeries, match=r"1 references"):
        read_findings(keep(report(group("1", outline(77, BOX)))), on=series)


def test_a_report_needs_the_segmentation_it_points_to(series: CtSeries, keep: Keep):
    seg = keep(segmentation([spot((2, 3))], [5], tracking="1.7"), "seg.dcm")
    pointer = coded(
        "121191", ValueType="IMAGE", ReferencedSOPSequence=reference(SEG, uid("seg"), ReferencedSegmentNumber=1)
    )
    sr = keep(report(group("reader 1", pointer)), "sr.dcm")
    with pytest.raises(SegmentationMissing, match=r"sr.dcm"):
        read_findings(sr, on=series)
    (mark,) = read_findings(sr, on=series, beside=[seg])
    assert (mark.label, mark.tracking_uid, mark.kind) == ("reader 1", "1.8.reader 1", "segmentation")


def test_a_report_without_places_says_so(series: CtSeries, keep: Keep):
    with pytest.raises(NoFindings):
        read_findings(keep(report(group("1"))), on=series)


def test_a_report_nested_without_end_is_refused(series: CtSeries, keep: Keep):
    content = group("1", outline(1, BOX))
    for _ in range(40):
        content = coded("126010", ValueType="CONTAINER", ContentSequence=[content])
    with pytest.raises(FindingsUnreadable, match=r"nested"):
        read_findings(keep(report(content)), on=series)
