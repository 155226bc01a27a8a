"""Exams are written anew without the person, or refused where their pixels may tell who it is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from nodules_app.dicom.deidentify import Nobody, Pseudonyms, identifying_values, write_without_the_person
from nodules_app.dicom.deidentify_errors import (
    BurnedInText,
    DerivedPictures,
    FaceShown,
    MayShowThePerson,
    OverlaysThere,
    PicturesOfNoScanner,
    RecognizableFeatures,
)
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.source_images import SourceImages
from nodules_app.dicom.volumes import read_volume
from tests.unit.dicom import signed

NAMES = Pseudonyms(b"a secret of a test")
SPOKEN = {
    "InstitutionName": "Saint Elsewhere",
    "InstitutionAddress": "12 Harbour Road",
    "ReferringPhysicianName": "Referrer^Rosa",
    "OperatorsName": "Operator^Olga",
    "PatientAddress": "7 Mill Lane",
    "StudyDescription": "CT for Mrs Simulated",
    "SeriesDescription": "asked by Dr Rosa",
    "PatientComments": "lives alone",
    "DeviceSerialNumber": "SN-4471-X",
    "StationName": "SCANNER-9",
    "ProtocolName": "Mill Lane protocol",
}


def whose(code: str = "code-1") -> Nobody:
    return Nobody(NAMES.person(code), NAMES.shift(code), "F", date(1930, 1, 2))


def changed(folder: Path, change: Callable[[Dataset], None], only: int | None = None) -> SourceImages:
    """An exam of which every image, or one, was changed."""
    on = signed.source(folder)
    for number, path in enumerate(on.series.files):
        if only in (None, number):
            read = pydicom.dcmread(path)
            change(read)
            read.save_as(path)
    with read_examination(folder) as examination:
        return SourceImages(examination.series[0])


def speak(read: Dataset) -> None:
    for keyword, value in SPOKEN.items():
        setattr(read, keyword, value)
    read.private_block(0x0029, "VENDOR", create=True).add_new(0x10, "LO", "private Simulated")
    request = Dataset()
    request.RequestingPhysician = "Referrer^Rosa"
    read.RequestAttributesSequence = [request]
    read.OtherPatientIDs = "OLD-NUMBER-3"
    read.DataSetTrailingPadding = b"Simulated padding "


def test_nothing_that_was_said_of_the_person_stays(tmp_path: Path) -> None:
    on = changed(tmp_path / "ct", speak)
    written = write_without_the_person(on, read_volume(on.series), tmp_path / "out", whose(), NAMES)
    said = [
        *SPOKEN.values(),
        "private",
        "Simulated^Patient",
        "Rosa",
        "SIM-7",
        "ACC-7",
        "OLD-NUMBER",
        "张",
        "20261118",
        "1958",
    ]
    uids = {on.series.study_uid, on.series.series_uid, on.series.frame_of_reference_uid}
    uids |= {plane.sop_instance_uid for plane in on.series.slices}
    for path in written:
        data = path.read_bytes()
        for value in (*said, *uids):
            assert value.encode() not in data, value


def test_voxels_and_places_stay_and_names_agree(tmp_path: Path) -> None:
    on = signed.source(tmp_path / "ct")
    volume = read_volume(on.series)
    write_without_the_person(on, volume, tmp_path / "out", whose(), NAMES)
    with read_examination(tmp_path / "out") as examination:
        (series,) = examination.series
        assert np.array_equal(read_volume(series).array_hu, volume.array_hu)
    assert [plane.position_lps_mm for plane in series.slices] == [plane.position_lps_mm for plane in on.series.slices]
    assert series.series_uid == NAMES.uid(on.series.series_uid)
    assert (series.patient_id, series.kernel) == (whose().pseudonym, on.series.kernel)
    assert series.acquired_on == whose().day(on.series.acquired_on)
    errors, _ = signed.verdict(series.files[0].read_bytes(), tmp_path)
    assert errors == []


REASONS: dict[type[MayShowThePerson], Callable[[Dataset], None]] = {
    BurnedInText: lambda read: setattr(read, "BurnedInAnnotation", "YES"),
    RecognizableFeatures: lambda read: setattr(read, "RecognizableVisualFeatures", "YES"),
    OverlaysThere: lambda read: read.add_new(0x60000010, "US", 16),
    PicturesOfNoScanner: lambda read: setattr(read, "ConversionType", "WSD"),
    FaceShown: lambda read: setattr(read, "BodyPartExamined", "HEAD"),
}


@pytest.mark.parametrize("refusal", REASONS, ids=lambda refusal: refusal.code)
def test_one_image_that_may_show_the_person_stops_the_exam(refusal: type[MayShowThePerson], tmp_path: Path) -> None:
    on = changed(tmp_path / "ct", REASONS[refusal], only=6)
    with pytest.raises(refusal):
        write_without_the_person(on, read_volume(on.series), tmp_path / "out", whose(), NAMES)
    assert not list(tmp_path.glob("out/*"))


def test_pictures_of_pictures_are_refused(tmp_path: Path) -> None:
    on = signed.source(tmp_path / "ct")
    on.header(on.series.slices[3]).ImageType = ["DERIVED", "SECONDARY", "SCREEN SAVE"]
    with pytest.raises(DerivedPictures):
        write_without_the_person(on, read_volume(on.series), tmp_path / "out", whose(), NAMES)


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_two_persons_are_two_and_one_is_one(one: str, other: str) -> None:
    assert (NAMES.person(one) == NAMES.person(other)) == (one == other)
    assert (NAMES.uid(one) == NAMES.uid(other)) == (one == other)
    assert NAMES.uid(one).is_valid
    assert -3650 <= NAMES.shift(one).days <= -365
    assert Pseudonyms(b"another").person(one) != NAMES.person(one)


@pytest.mark.parametrize(
    ("on", "age"), [(date(2026, 1, 1), 90), (date(2000, 1, 1), 69), (date(2000, 1, 2), 70), (None, None)]
)
def test_ages_end_at_ninety(on: date | None, age: int | None) -> None:
    assert whose().age_years(on) == age


def test_what_identifies_is_known(tmp_path: Path) -> None:
    on = changed(tmp_path / "ct", speak)
    found = identifying_values(on.headers(range(len(on.series.slices))))
    assert {"SIM-7", "ACC-7", "OLD-NUMBER-3", "SN-4471-X", "Saint Elsewhere", on.series.study_uid} <= found
    assert not any(len(value) < 4 for value in found)
