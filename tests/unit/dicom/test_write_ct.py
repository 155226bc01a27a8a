"""Files that we write are what they say, to the last Hounsfield unit."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from nodules_app.dicom.write_ct import CtHeader, write_ct
from registration.volume import Volume

HEADER = CtHeader(
    uid_seed="test",
    patient_name="Simulated^Patient One",
    patient_id="SIM-1",
    accession="SIM1-0",
    acquired_on=date(2025, 3, 4),
    kernel="SIM-SOFT",
    slice_thickness_mm=2.0,
    birth_date=date(1961, 5, 17),
)


def volume(lowest_hu: int = -1024, direction: np.ndarray | None = None) -> Volume:
    array = np.random.default_rng(1).integers(-1000, 3071, (6, 20, 24)).astype(np.int16)
    array[:, 0, 0] = lowest_hu
    return Volume(array, (2.0, 0.7, 0.65), (-101.25, 33.3333333, -12.5), np.eye(3) if direction is None else direction)


def hu(dataset: pydicom.Dataset) -> np.ndarray:
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
        stored = imagecodecs.jpegls_decode(frame)
    else:
        stored = dataset.pixel_array
    return stored.astype(int) * int(dataset.RescaleSlope) + int(dataset.RescaleIntercept)


@pytest.mark.parametrize("jpeg_ls", [False, True])
@pytest.mark.parametrize("lowest_hu", [-1024, -2048, -32768])
def test_every_voxel_comes_back_exactly(tmp_path: Path, lowest_hu: int, jpeg_ls: bool) -> None:
    written = volume(lowest_hu)
    paths = write_ct(written, tmp_path / "ct", HEADER, jpeg_ls=jpeg_ls)
    for number, path in enumerate(paths):
        assert np.array_equal(hu(pydicom.dcmread(path)), written.array_hu[number])


@pytest.mark.parametrize("jpeg_ls", [False, True])
def test_our_own_reader_finds_the_same_volume(tmp_path: Path, jpeg_ls: bool) -> None:
    written = volume(-2048)
    write_ct(written, tmp_path / "ct", HEADER, jpeg_ls=jpeg_ls)
    with read_examination(tmp_path / "ct") as examination:
        (series,) = examination.series
        assert not examination.refused
        read = read_volume(series)
    assert np.array_equal(read.array_hu, written.array_hu)
    assert read.origin_lps_mm == pytest.approx(written.origin_lps_mm, abs=1e-5)
    assert read.spacing_zyx_mm == pytest.approx(written.spacing_zyx_mm)
    assert series.acquired_on == HEADER.acquired_on
    assert series.kernel == "SIM-SOFT"
    assert series.slice_thickness_mm == 2.0


def test_a_tilted_volume_keeps_its_place(tmp_path: Path) -> None:
    angle = np.deg2rad(10)
    tilt = np.array([[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]])
    written = volume(direction=tilt)
    last = pydicom.dcmread(write_ct(written, tmp_path / "ct", HEADER)[-1])
    assert [float(v) for v in last.ImagePositionPatient] == pytest.approx(written.lps_from_index((5, 0, 0)), abs=1e-5)
    assert [float(v) for v in last.ImageOrientationPatient] == pytest.approx([*tilt[:, 0], *tilt[:, 1]], abs=1e-6)


def test_nobody_can_take_the_files_for_a_persons(tmp_path: Path) -> None:
    dataset = pydicom.dcmread(write_ct(volume(), tmp_path / "ct", HEADER)[0])
    assert dataset.PatientName == "Simulated^Patient One"
    assert "SIMULATED DATA" in dataset.SeriesDescription
    assert "SIMULATED DATA" in dataset.ImageComments
    assert dataset.Manufacturer == "Simulated"


def test_uids_are_unique_repeatable_and_follow_seed_and_pixels(tmp_path: Path) -> None:
    def read(name: str, written: Volume, header: CtHeader) -> list[pydicom.Dataset]:
        return [pydicom.dcmread(path) for path in write_ct(written, tmp_path / name, header)]

    once, again = read("a", volume(), HEADER), read("b", volume(), HEADER)
    assert len({dataset.SOPInstanceUID for dataset in once}) == 6
    assert [d.SOPInstanceUID for d in once] == [d.SOPInstanceUID for d in again]
    assert all(d.file_meta.MediaStorageSOPInstanceUID == d.SOPInstanceUID for d in once)
    first = once[0]
    assert len({first.StudyInstanceUID, first.SeriesInstanceUID, first.FrameOfReferenceUID}) == 3
    seed = read("c", volume(), replace(HEADER, uid_seed="other"))[0]
    assert seed.StudyInstanceUID != first.StudyInstanceUID
    pixels = read("d", volume(-1023), HEADER)[0]
    assert pixels.StudyInstanceUID == first.StudyInstanceUID
    assert pixels.SeriesInstanceUID != first.SeriesInstanceUID


def test_padding_is_declared(tmp_path: Path) -> None:
    padded = pydicom.dcmread(write_ct(volume(-2048), tmp_path / "a", HEADER)[0])
    assert padded.PixelPaddingValue + int(padded.RescaleIntercept) == -2048
    assert "PixelPaddingValue" not in pydicom.dcmread(write_ct(volume(), tmp_path / "b", HEADER)[0])


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "ct").mkdir()
    (tmp_path / "ct" / "note.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        write_ct(volume(), tmp_path / "ct", HEADER)
    assert [path.name for path in (tmp_path / "ct").iterdir()] == ["note.txt"]


def test_a_write_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="NaN"):
        write_ct(volume(), tmp_path / "ct", replace(HEADER, exposure_mas=float("nan")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("jpeg_ls", [False, True])
def test_dcmtk_finds_nothing_to_complain_of(tmp_path: Path, jpeg_ls: bool) -> None:
    if not (shutil.which("dcmdump") and shutil.which("dcmftest")):
        pytest.skip("dcmtk is not installed")
    path = write_ct(volume(), tmp_path / "ct", HEADER, jpeg_ls=jpeg_ls)[0]
    dump = subprocess.run(["dcmdump", str(path)], capture_output=True, text=True, check=True)
    assert dump.stderr == ""
    assert "=CTImageStorage" in dump.stdout
    assert subprocess.run(["dcmftest", str(path)], capture_output=True, text=True, check=True).stdout.startswith("yes:")


def test_dciodvfy_finds_no_error(tmp_path: Path) -> None:
    if not shutil.which("dciodvfy"):
        pytest.skip("dciodvfy (dicom3tools) is not installed")
    path = write_ct(volume(), tmp_path / "ct", HEADER)[0]
    checked = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
    assert "Error" not in checked.stderr + checked.stdout
