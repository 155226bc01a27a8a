"""What an input holds, and what is said of the rest of it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pytest

from nodules_app.dicom.errors import (
    BadValue,
    DamagedHeader,
    DerivedImage,
    EmptyFile,
    ListLeavesFolder,
    Localizer,
    MissingElement,
    NoDicomFound,
    NoPixelData,
    NoRescale,
    NothingThere,
    NotHounsfield,
    PixelDataTooShort,
    SecondaryCapture,
    TooManyFiles,
    UnknownTransferSyntax,
    UnreadableFile,
    UnusualPixels,
    WrongModality,
)
from nodules_app.dicom.examination import read_examination, read_files
from nodules_app.dicom.notices import Notice
from nodules_app.dicom.series_errors import GantryTilt, NotAxial, OneSliceOnly, SeriesInTwoStudies, TwoPatients
from registration.errors import Refused
from tests.unit.dicom.made import STEP_MM, as_bytes, ct, stack, uid, write


def codes(things: Iterable[Notice | Refused]):
    return [thing.code for thing in things]


def test_a_series_is_described_and_ordered_whatever_files_are_called(tmp_path: Path):
    slices = stack(5)
    write(tmp_path / "b" / "deep", [slices[3], slices[0]])
    write(tmp_path / "a", [slices[4], slices[2], slices[1]])
    with read_examination(tmp_path) as exam:
        (series,) = exam.series
    assert [one.position_lps_mm[2] for one in series.slices] == [STEP_MM * n for n in range(5)]
    assert series.spacing_zyx_mm == (STEP_MM, 0.7, 0.6)
    assert series.shape_zyx == (5, 6, 8)
    assert series.coverage_mm == 5 * STEP_MM
    assert (series.patient_id, series.patient_name, series.birth_date) == ("MADE-1", "Made^Up", date(1950, 2, 3))
    assert (series.kernel, series.kvp, series.slice_thickness_mm) == ("B30f", 120, 2.5)
    assert series.acquired_on == date(2020, 1, 15)
    assert (series.notices, exam.refused, exam.warnings) == ((), (), ())


def test_instance_numbers_have_no_say(tmp_path: Path):
    write(tmp_path, [ct(n, InstanceNumber=100 - n) for n in range(4)])
    with read_examination(tmp_path) as exam:
        assert [one.position_lps_mm[2] for one in exam.series[0].slices] == [0, 2.5, 5, 7.5]


def test_feet_first_lies_the_same_way_round(tmp_path: Path):
    write(tmp_path, [ct(n, PatientPosition="FFP", ImageOrientationPatient=[-1, 0, 0, 0, 1, 0]) for n in range(4)])
    with read_examination(tmp_path) as exam:
        (series,) = exam.series
    assert series.stack_direction == (0, 0, 1)
    assert series.slices[0].position_lps_mm[2] == 0


def test_one_bad_file_does_not_lose_the_others(tmp_path: Path):
    paths = write(tmp_path, stack(6))
    paths[5].write_bytes(b"")
    (tmp_path / "letter.txt").write_text("Dear colleague")
    (tmp_path / "torn.dcm").write_bytes(as_bytes(ct(9))[:700])
    with read_examination(tmp_path) as exam:
        (series,) = exam.series
        assert len(series.slices) == 5
        assert EmptyFile.code in codes(exam.refused)
        assert "IM005.dcm" in exam.refused[0].as_sentence()
        assert codes(exam.warnings) == ["junk_ignored"]
        assert "letter.txt" in exam.warnings[0].as_sentence()
        assert len(exam.refused) == 2  # the torn file is named too


def test_every_file_is_counted_as_progress(tmp_path: Path):
    write(tmp_path, stack(3))
    told = []
    with read_examination(tmp_path, progress=lambda done, count: told.append((done, count))):
        pass
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_text_of_the_patient_never_becomes_a_path(tmp_path: Path):
    nasty = "../../etc/x"
    write(tmp_path / "in", stack(3, PatientID=nasty, PatientName="<b>\x07", AccessionNumber="/root"))
    before = sorted(tmp_path.rglob("*"))
    with read_examination(tmp_path / "in") as exam:
        assert exam.series[0].patient_id == nasty
    assert sorted(tmp_path.rglob("*")) == before


def test_patients_are_never_merged(tmp_path: Path):
    write(tmp_path, [*stack(3), ct(3, PatientID="OTHER"), ct(4, PatientID="OTHER")])
    with pytest.raises(TwoPatients, match=r"MADE-1, OTHER"):
        read_examination(tmp_path)


def test_same_identifier_of_two_hospitals_is_two_patients(tmp_path: Path):
    write(tmp_path, [*stack(3, IssuerOfPatientID="A"), ct(3, IssuerOfPatientID="B")])
    with pytest.raises(TwoPatients):
        read_examination(tmp_path)


def test_patients_in_series_of_their_own_are_kept_apart_and_said(tmp_path: Path):
    other = [ct(n, PatientID="P2", SeriesInstanceUID="1.2.9", SOPInstanceUID=f"1.2.9.{n}") for n in range(3)]
    write(tmp_path, [*stack(3), *other])
    with read_examination(tmp_path) as exam:
        assert len(exam.series) == 2
        assert codes(exam.warnings) == ["several_patients"]


def test_one_series_in_two_studies_is_refused(tmp_path: Path):
    write(tmp_path, [*stack(3), ct(3, StudyInstanceUID="1.2.3")])
    with pytest.raises(SeriesInTwoStudies):
        read_examination(tmp_path)


@pytest.mark.parametrize(
    ("change", "refusal", "words"),
    [
        ({"ImagePositionPatient": None}, MissingElement, "ImagePositionPatient is missing in 3"),
        ({"ImageOrientationPatient": None}, MissingElement, "ImageOrientationPatient"),
        ({"PixelSpacing": None}, MissingElement, "PixelSpacing"),
        ({"PixelSpacing": [0, 0.6]}, BadValue, "PixelSpacing"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, BadValue, "ImageOrientationPatient"),
        ({"ImagePositionPatient": [0, 0, 1e300]}, BadValue, "ImagePositionPatient"),
        ({"RescaleType": "US"}, NotHounsfield, "US"),
        ({"RescaleSlope": None}, NoRescale, "not HU"),
        ({"RescaleIntercept": ""}, NoRescale, "not HU"),
        ({"PixelData": None}, NoPixelData, "no pixel data"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, SecondaryCapture, "no measurable CT"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0.948324, 0.317305]}, GantryTilt, "18.5 degrees"),
        ({"ImageType": ["DERIVED", "SECONDARY", "REFORMATTED"]}, DerivedImage, "REFORMATTED"),
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, Localizer, "only a localizer"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4", "Modality": "MR"}, WrongModality, "modality is MR"),
        ({"SamplesPerPixel": 3}, PixelDataTooShort, "288 bytes"),
        ({"Rows": 7}, PixelDataTooShort, "7 x 8 x 1 pixels, 112 bytes, and the pixel data has 96"),
        ({"BitsStored": 17}, UnusualPixels, "17 stored"),
        ({"ImageOrientationPatient": [1, 0, 0, 0, 0, -1]}, NotAxial, "coronal"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_files(
    tmp_path: Path, change: dict[str, object], refusal: type[Refused], words: str
):
    write(tmp_path, stack(3, **change))
    with pytest.raises(refusal) as refused:
        read_examination(tmp_path)
    assert words in refused.value.as_sentence()
    assert refused.value.as_remedy()
    if refusal not in (NotAxial, GantryTilt):
        assert "IM000.dcm, IM001.dcm, IM002.dcm" in refused.value.as_sentence()


def test_an_unknown_compression_is_named(tmp_path: Path):
    ds = ct(0)
    raw = as_bytes(ds).replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0")
    write(tmp_path, [raw])
    with pytest.raises(UnknownTransferSyntax, match=r"1\.2\.840\.10008\.1\.2\.9"):
        read_examination(tmp_path)


def test_one_slice_is_no_volume(tmp_path: Path):
    write(tmp_path, [ct(8)])
    with pytest.raises(OneSliceOnly, match=r"z = 20, IM000.dcm"):
        read_examination(tmp_path)


def test_the_complaint_of_most_files_comes_first_and_the_others_are_kept(tmp_path: Path):
    write(tmp_path, [*stack(3, PixelSpacing=None), ct(7, ImagePositionPatient=None)])
    with pytest.raises(MissingElement, match=r"PixelSpacing") as refused:
        read_examination(tmp_path)
    assert [one.as_sentence().split()[0] for one in refused.value.also] == ["ImagePositionPatient"]


@pytest.mark.parametrize("orientation", [[1, 0, 0, 0, 0, -1], [1, 0, 0, 0, 1, 0]])
def test_another_stack_under_the_same_series_is_left_out_and_said(tmp_path: Path, orientation: list[int]):
    extra = [
        ct(n, SOPInstanceUID=f"1.9.{n}", ConvolutionKernel="B70f", ImageOrientationPatient=orientation)
        for n in range(2)
    ]
    write(tmp_path, [*stack(4), *extra])
    with read_examination(tmp_path) as exam:
        (series,) = exam.series
    assert len(series.slices) == 4
    assert codes(series.notices) == ["other_stack_left_out"]
    assert "(4)" in series.notices[0].as_sentence()
    assert "(2)" in series.notices[0].as_sentence()


def test_a_localizer_beside_the_slices_is_left_out_and_said(tmp_path: Path):
    scout = ct(9, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], PixelSpacing=None)
    apart = ct(10, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"], SeriesInstanceUID="1.2.9")
    write(tmp_path, [*stack(4), scout, apart])
    with read_examination(tmp_path) as exam:
        assert codes(exam.series[0].notices) == ["localizer_left_out"]
        assert "IM004.dcm" in exam.series[0].notices[0].as_sentence()
        assert codes(exam.warnings) == ["localizer_left_out"]
        assert "IM005.dcm" in exam.warnings[0].as_sentence()
        assert exam.refused == ()


@pytest.mark.parametrize(
    ("places", "code", "words"),
    [
        ([0, 2.5, 5, 12.5, 15], "gap_between_slices", "Missing slices: 2 (z = 7.5, 10). Gaps in the series: 1."),
        ([0, 2.5, 5, 8.3, 11.6], "uneven_spacing", "varies (2.5 to 3.3 mm), first after z = 5"),
    ],
)
def test_slices_that_are_not_even_block_volumetry(tmp_path: Path, places: list[float], code: str, words: str):
    write(tmp_path, [ct(n, ImagePositionPatient=[-10, -20, z]) for n, z in enumerate(places)])
    with read_examination(tmp_path) as exam:
        (notice,) = exam.series[0].notices
    assert notice.code == code
    assert words in notice.as_sentence()
    assert notice.blocks_volumetry


@pytest.mark.parametrize(
    ("thickness", "step", "said"), [("5", 1, True), ("1", 5, True), ("3", 3, False), (None, 2, False)]
)
def test_thick_or_far_apart_slices_are_too_thick(tmp_path: Path, thickness: str | None, step: float, said: bool):
    write(tmp_path, [ct(n, ImagePositionPatient=[0, 0, step * n], SliceThickness=thickness) for n in range(4)])
    with read_examination(tmp_path) as exam:
        assert codes(exam.series[0].notices) == (["too_thick"] if said else [])


def test_more_files_than_any_examination_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("nodules_app.dicom.sources.MOST_FILES", 2)
    write(tmp_path, stack(3))
    with pytest.raises(TooManyFiles, match=r"more than 2 files"):
        read_examination(tmp_path)


def test_copies_are_dropped_and_rivals_are_named(tmp_path: Path):
    write(tmp_path, [*stack(6), ct(2), ct(4, SOPInstanceUID="1.2.3.4", InstanceNumber=90)])
    with read_examination(tmp_path) as exam:
        (series,) = exam.series
    assert len(series.slices) == 6
    assert codes(series.notices) == ["same_instance_twice", "two_instances_one_position"]
    assert "z = 10 mm" in series.notices[1].as_sentence()
    assert "1.2.3.4" in series.notices[1].as_sentence()
    assert not series.blocks_volumetry


def test_one_uid_with_two_contents_blocks_volumetry(tmp_path: Path):
    write(tmp_path, [*stack(6), ct(2, KVP="80")])
    with read_examination(tmp_path) as exam:
        assert codes(exam.series[0].notices) == ["same_instance_differs"]
        assert exam.series[0].blocks_volumetry


def test_two_acquisitions_under_one_series_block_volumetry(tmp_path: Path):
    write(tmp_path, [*stack(4), *[ct(n, SOPInstanceUID=f"1.7.{n}") for n in range(4)]])
    with read_examination(tmp_path) as exam:
        assert codes(exam.series[0].notices) == ["two_scans_in_one_series"]
        assert exam.series[0].blocks_volumetry


def test_slices_that_jump_sideways_block_volumetry(tmp_path: Path):
    write(tmp_path, [*stack(4), ct(4, ImagePositionPatient=[-9, -20, 10]), ct(5)])
    with read_examination(tmp_path) as exam:
        assert codes(exam.series[0].notices) == ["shifted_slices"]
        assert not exam.series[0].one_grid


@pytest.mark.parametrize(
    ("dates", "code", "day"),
    [
        ({"AcquisitionDate": "20200230"}, "date_does_not_exist", None),
        ({"AcquisitionDate": None, "StudyDate": None}, "date_missing", None),
        ({"AcquisitionDate": "20300101"}, "date_in_future", None),
        ({"AcquisitionDate": "", "StudyDate": "20191231"}, None, date(2019, 12, 31)),
        ({"AcquisitionDate": "1999.07.04"}, None, date(1999, 7, 4)),
    ],
)
def test_days_that_cannot_be_are_said(tmp_path: Path, dates: dict[str, str | None], code: str | None, day: date | None):
    write(tmp_path, stack(3, **dates))
    with read_examination(tmp_path, today=date(2026, 1, 1)) as exam:
        (series,) = exam.series
    assert series.acquired_on == day
    assert codes(series.notices) == ([code] if code else [])
    assert series.blocks_volumetry == bool(code)


@pytest.mark.parametrize(("agent", "contrast"), [("IV", True), ("NONE", False), ("", None)])
def test_contrast_is_only_known_when_it_is_said(tmp_path: Path, agent: str, contrast: bool | None):
    write(tmp_path, stack(3, ContrastBolusAgent=agent))
    with read_examination(tmp_path) as exam:
        assert exam.series[0].contrast is contrast


def test_a_bad_description_does_not_cost_the_series(tmp_path: Path):
    write(tmp_path, [as_bytes(ds).replace(b"DS\x04\x00120 ", b"DS\x04\x00many") for ds in stack(3)])
    with read_examination(tmp_path) as exam:
        assert exam.series[0].kvp is None


def test_one_frame_of_reference_a_slice_is_said_but_read(tmp_path: Path):
    write(tmp_path, [ct(n, FrameOfReferenceUID=uid("frame", n)) for n in range(4)])
    with read_examination(tmp_path) as exam:
        assert codes(exam.series[0].notices) == ["many_frames_of_reference"]
        assert not exam.series[0].blocks_volumetry


def test_lossy_images_are_derived_by_rule_and_still_read(tmp_path: Path):
    lossy = {"ImageType": ["DERIVED", "PRIMARY", "AXIAL"], "LossyImageCompression": "01"}
    write(tmp_path, stack(3, **lossy, LossyImageCompressionRatio="7.5"))
    with read_examination(tmp_path) as exam:
        assert codes(exam.series[0].notices) == ["lossy_compression"]
        assert "7.5" in exam.series[0].notices[0].as_sentence()


def test_a_list_names_files_beside_it(tmp_path: Path):
    paths = write(tmp_path / "x", stack(3))
    names = [str(path.relative_to(tmp_path)) for path in paths]
    (tmp_path / "list.txt").write_text("# a comment\n" + "\n".join([*names, "x/gone.dcm"]))
    with read_examination(tmp_path / "list.txt") as exam:
        assert len(exam.series[0].slices) == 3
        assert codes(exam.refused) == ["missing_from_list"]
        assert "x/gone.dcm" in exam.refused[0].as_sentence()


def test_a_list_cannot_reach_out_of_its_folder_unless_it_may(tmp_path: Path):
    paths = write(tmp_path / "theirs", stack(3))
    (tmp_path / "mine").mkdir()
    listed = tmp_path / "mine" / "list.txt"
    listed.write_text("\n".join(map(str, paths)))
    with pytest.raises(ListLeavesFolder, match=r"outside its own folder \(3\)"):
        read_examination(listed)
    with read_examination(listed, lists_within=tmp_path) as exam:
        assert len(exam.series[0].slices) == 3


def test_given_files_are_read_as_given(tmp_path: Path):
    with read_files(write(tmp_path, stack(3))) as exam:
        assert len(exam.series[0].files) == 3


def test_a_single_text_that_is_no_list_is_no_dicom(tmp_path: Path):
    (tmp_path / "note.dcm").write_text("no image here\n")
    with pytest.raises(NoDicomFound, match=r"note.dcm"):
        read_examination(tmp_path / "note.dcm")


@pytest.mark.parametrize("name", ["nowhere", "empty"])
def test_nothing_is_said_to_be_nothing(tmp_path: Path, name: str):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingThere, match=name):
        read_examination(tmp_path / name)


def test_a_pipe_does_not_keep_us_waiting(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.dcm")
    write(tmp_path, stack(3))
    with read_examination(tmp_path) as exam:
        assert len(exam.series) == 1
        assert codes(exam.warnings) == ["junk_ignored"]


def test_a_dangling_link_is_named(tmp_path: Path):
    (tmp_path / "link.dcm").symlink_to(tmp_path / "gone")
    with pytest.raises(UnreadableFile, match=r"link.dcm"):
        read_examination(tmp_path)


def test_files_without_the_prefix_are_read_as_they_used_to_be(tmp_path: Path):
    slices = [as_bytes(ds) for ds in stack(3)]
    start = slices[0].index(b"\x08\x00\x05\x00")
    write(tmp_path, [raw[start:] for raw in slices])
    with read_examination(tmp_path) as exam:
        assert exam.series[0].shape_zyx == (3, 6, 8)


def test_a_damaged_header_is_refused_by_name(tmp_path: Path):
    raw = as_bytes(ct(0))
    start = raw.index(b"\x08\x00\x05\x00")
    deep = b"\x08\x00\x15\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    write(tmp_path, [raw[:start] + deep * 5000])
    with pytest.raises(DamagedHeader, match=r"IM000.dcm"):
        read_examination(tmp_path)


def test_every_refusal_of_a_file_is_a_refusal():
    assert issubclass(EmptyFile, Refused)
