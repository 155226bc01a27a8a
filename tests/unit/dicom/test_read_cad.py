"""Chest CAD reports of others: what they mean to be shown becomes a proposal, once each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.finding_marks import FindingsOfOtherSeries, NoFindings
from nodules_app.dicom.findings import read_findings
from nodules_app.dicom.series import CtSeries
from tests.unit.dicom.made import as_bytes, ct, item, stack, uid, write

CAD, CT = "1.2.840.10008.5.1.4.1.1.88.65", "1.2.840.10008.5.1.4.1.1.2"
Keep = Callable[..., Path]


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> CtSeries:
    folder = tmp_path_factory.mktemp("cad") / "ct"
    write(folder, stack(6))
    with read_examination(folder) as exam:
        return exam.series[0]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    def write_one(*findings: Dataset) -> Path:
        path = tmp_path / "cad.dcm"
        path.write_bytes(as_bytes(report(*findings), ExplicitVRLittleEndian))
        return path

    return write_one


def coded(name: str, **elements: object) -> Dataset:
    names = [item(CodeValue=name, CodingSchemeDesignator="DCM", CodeMeaning="x")]
    return item(ConceptNameCodeSequence=names, **elements)


def image(number: int) -> Dataset:
    reference = item(ReferencedSOPClassUID=CT, ReferencedSOPInstanceUID=uid("instance", number))
    return item(ValueType="IMAGE", ReferencedSOPSequence=[reference])


def centre(column: float, row: float, *, library: int | None = None, number: int = 0) -> Dataset:
    """A centre on a slice: named itself, or by its place in the report's image library."""
    if library is None:
        child = image(number)
    else:
        child = item(RelationshipType="SELECTED FROM", ReferencedContentItemIdentifier=[1, 1, library])
    return coded("111010", ValueType="SCOORD", GraphicType="POINT", GraphicData=[column, row], ContentSequence=[child])


def finding(*children: Dataset, name: str = "111059") -> Dataset:
    meaning = [item(CodeValue="27925004", CodingSchemeDesignator="SCT", CodeMeaning="Nodule")]
    return coded(name, ValueType="CODE", ConceptCodeSequence=meaning, ContentSequence=list(children))


def percent(name: str, value: float) -> Dataset:
    unit = [item(CodeValue="%", CodingSchemeDesignator="UCUM", CodeMeaning="percent")]
    measured = [item(NumericValue=str(value), MeasurementUnitsCodeSequence=unit)]
    return coded(name, ValueType="NUM", MeasuredValueSequence=measured)


def report(*findings: Dataset) -> Dataset:
    ds = ct(0, SOPClassUID=CAD, Modality="SR", SOPInstanceUID=uid("cad"))
    library = coded("111028", ValueType="CONTAINER", ContentSequence=[image(0), image(2)])
    summary = coded("111017", ValueType="CODE", ContentSequence=list(findings))
    ds.ContentSequence = [library, summary]
    return ds


def test_a_finding_on_a_slice_is_a_proposal_at_its_centre(series: CtSeries, keep: Keep) -> None:
    (mark,) = read_findings(keep(finding(centre(3.5, 2.5, number=2), percent("111012", 87))), on=series)
    assert mark.kind == "cad"
    assert mark.lps_mm == pytest.approx((-10 + 3 * 0.6, -20 + 2 * 0.7, 5.0))
    assert mark.certainty == pytest.approx(0.87)
    assert (mark.label, mark.source) == ("Nodule", "SIEMENS")


def test_a_reference_into_the_image_library_is_followed(series: CtSeries, keep: Keep) -> None:
    (mark,) = read_findings(keep(finding(centre(3.5, 2.5, library=2))), on=series)
    assert mark.lps_mm[2] == pytest.approx(5.0)
    assert mark.certainty is None


def test_a_composite_of_slices_is_one_finding(series: CtSeries, keep: Keep) -> None:
    slices = [finding(centre(3.5, 2.5, number=number)) for number in (1, 2, 3)]
    (mark,) = read_findings(keep(finding(*slices, name="111015")), on=series)
    assert mark.lps_mm[2] == pytest.approx(5.0)
    assert mark.extent_mm[2] == pytest.approx(7.5)


def test_what_is_not_meant_to_be_shown_is_not_shown(series: CtSeries, keep: Keep) -> None:
    kept_back = coded("111056", ValueType="CODE", ConceptCodeSequence=[item(CodeValue="111152", CodeMeaning="x")])
    with pytest.raises(NoFindings):
        read_findings(keep(finding(centre(3.5, 2.5), kept_back)), on=series)


def test_findings_on_images_of_another_series_are_refused(series: CtSeries, keep: Keep) -> None:
    with pytest.raises(FindingsOfOtherSeries, match=r"1 references"):
        read_findings(keep(finding(centre(3.5, 2.5, number=77))), on=series)
    with pytest.raises(FindingsOfOtherSeries):
        read_findings(keep(finding(centre(3.5, 2.5, library=9))), on=series)
