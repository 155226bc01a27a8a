"""A series becomes one volume, exactly or not at all."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from nodules_app.dicom.errors import NotEncapsulated, UndecodablePixels, UnreadableFile
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.series_errors import NotOneGrid, TooLarge
from nodules_app.dicom.volumes import Progress, VolumeUnreadable, is_kept, open_volume, read_volume, save_volume
from registration.volume import Volume
from tests.unit.dicom.made import as_bytes, compressed, ct, picture, stack, write


def volume_of(folder: Path, *, threads: int = 2, progress: Progress | None = None):
    with read_examination(folder) as exam:
        return read_volume(exam.series[0], threads=threads, progress=progress)


def expected(count: int = 4):
    return np.stack([picture(n) - 1024 for n in range(count)])


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_uncompressed_syntaxes_give_the_same_hu(tmp_path: Path, syntax: str):
    write(tmp_path, [as_bytes(ds, syntax) for ds in stack(4)])
    np.testing.assert_array_equal(volume_of(tmp_path).array_hu, expected())


def test_big_endian_gives_the_same_hu(tmp_path: Path):
    slices = stack(4)
    for number, ds in enumerate(slices):
        ds.PixelData = picture(number).astype(">i2").tobytes()
    write(tmp_path, [as_bytes(ds, ExplicitVRBigEndian) for ds in slices])
    np.testing.assert_array_equal(volume_of(tmp_path).array_hu, expected())


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless, JPEGLosslessSV1, RLELossless])
def test_compressed_syntaxes_give_the_same_hu(tmp_path: Path, syntax: str):
    write(tmp_path, [compressed(ds, picture(n), syntax) for n, ds in enumerate(stack(4))])
    np.testing.assert_array_equal(volume_of(tmp_path).array_hu, expected())


def test_each_slice_is_rescaled_by_its_own_line(tmp_path: Path):
    write(tmp_path, [ct(n, RescaleSlope=str(n + 1), RescaleIntercept=str(-100 * n)) for n in range(4)])
    found = volume_of(tmp_path).array_hu
    np.testing.assert_array_equal(found, [picture(n) * (n + 1) - 100 * n for n in range(4)])


def test_geometry_follows_the_headers(tmp_path: Path):
    write(tmp_path, list(reversed(stack(4))))
    volume = volume_of(tmp_path)
    assert volume.spacing_zyx_mm == (2.5, 0.7, 0.6)
    np.testing.assert_allclose(volume.lps_from_index([0, 0, 0]), [-10, -20, 0])
    np.testing.assert_allclose(volume.lps_from_index([3, 2, 1]), [-10 + 0.6, -20 + 1.4, 7.5])
    np.testing.assert_allclose(np.asarray(volume.direction), np.eye(3))


def test_a_patient_on_the_belly_keeps_left_and_right(tmp_path: Path):
    prone = {"ImageOrientationPatient": [-1, 0, 0, 0, -1, 0], "PatientPosition": "HFP"}
    write(tmp_path, stack(4, **prone))
    volume = volume_of(tmp_path)
    np.testing.assert_allclose(volume.lps_from_index([1, 2, 3]), [-10 - 1.8, -20 - 1.4, 2.5])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_threads_change_nothing(tmp_path: Path, threads: int):
    write(tmp_path, stack(9))
    told = []
    volume = volume_of(tmp_path, threads=threads, progress=lambda done, count: told.append((done, count)))
    np.testing.assert_array_equal(volume.array_hu, expected(9))
    assert told == [(n, 9) for n in range(1, 10)]


def test_a_gap_forbids_one_array(tmp_path: Path):
    write(tmp_path, [ds for n, ds in enumerate(stack(9)) if n not in (4, 5)])
    with pytest.raises(NotOneGrid, match=r"gap of 7.5 mm between z = 7.5 and z = 15.*z = 10, 12.5"):
        volume_of(tmp_path)


def test_a_damaged_stream_is_refused_by_file(tmp_path: Path):
    slices = [compressed(ds, picture(n), JPEGLSLossless) for n, ds in enumerate(stack(4))]
    place = slices[2].index(b"\xff\xd8\xff\xf7")
    scan = slices[2].index(b"\xff\xda", place)
    slices[2] = slices[2][:scan] + slices[2][scan:].replace(slices[2][scan + 10 : scan + 30], b"\xff" * 20)
    write(tmp_path, slices)
    with pytest.raises(UndecodablePixels, match=r"JPEG-LS.*IM002.dcm"):
        volume_of(tmp_path)


def test_raw_pixels_labelled_as_compressed_are_refused(tmp_path: Path):
    write(tmp_path, [as_bytes(ds).replace(b"10008.1.2.1\0", b"10008.1.2.5\0") for ds in stack(3)])
    with pytest.raises(NotEncapsulated, match=r"RLE"):
        volume_of(tmp_path)


def test_a_file_that_vanished_is_named(tmp_path: Path):
    paths = write(tmp_path, stack(3))
    with read_examination(tmp_path) as exam:
        paths[1].unlink()
        with pytest.raises(UnreadableFile, match=r"IM001.dcm"):
            read_volume(exam.series[0])


def test_a_file_that_became_shorter_is_named(tmp_path: Path):
    paths = write(tmp_path, stack(3))
    with read_examination(tmp_path) as exam:
        paths[1].write_bytes(paths[1].read_bytes()[:-20])
        with pytest.raises(UndecodablePixels, match=r"IM001.dcm"):
            read_volume(exam.series[0])


def test_more_voxels_than_any_chest_are_refused_before_memory_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    write(tmp_path, stack(3))
    monkeypatch.setattr("nodules_app.dicom.volumes.LARGEST_MB", 0)
    with pytest.raises(TooLarge, match=r"3 x 6 x 8"):
        volume_of(tmp_path)


def test_padding_of_the_header_quirk_stays_as_it_is(tmp_path: Path):
    stored = picture(0)
    stored[0, 0] = -2000
    slices = [ct(n, stored, SOPInstanceUID=f"1.5.{n}") for n in range(3)]
    for ds in slices:
        ds.add_new(0x00280120, "US", 63536)  # -2000 written as unsigned beside signed pixels
    write(tmp_path, slices)
    assert volume_of(tmp_path).array_hu[0, 0, 0] == -3024


def test_padding_that_would_be_water_is_said_and_darkened(tmp_path: Path):
    stored = np.full((20, 20), 50, np.int16)
    stored[0, 0] = 0
    write(tmp_path, [ct(n, stored, RescaleIntercept="0", PixelPaddingValue=0) for n in range(3)])
    with read_examination(tmp_path) as exam:
        assert [notice.code for notice in exam.series[0].notices] == ["padding_is_tissue"]
        volume = read_volume(exam.series[0])
    assert volume.array_hu[1, 0, 0] == -2048
    assert volume.array_hu[1, 1, 1] == 50


@pytest.fixture
def volume():
    array = np.arange(24, dtype=np.int16).reshape(2, 3, 4)
    return Volume(array, (2.5, 0.7, 0.6), (-10.0, -20.0, 30.5), np.diag([1.0, -1.0, 1.0]))


def test_a_kept_volume_comes_back_mapped(tmp_path: Path, volume: Volume):
    save_volume(volume, tmp_path / "v")
    found = open_volume(tmp_path / "v")
    assert isinstance(found.array_hu, np.memmap)
    assert is_kept(tmp_path / "v")
    np.testing.assert_array_equal(found.array_hu, volume.array_hu)
    assert (found.spacing_zyx_mm, found.origin_lps_mm) == (volume.spacing_zyx_mm, volume.origin_lps_mm)
    np.testing.assert_array_equal(found.direction, volume.direction)
    assert sorted(path.name for path in (tmp_path / "v").iterdir()) == ["geometry.json", "volume_hu.npy"]


def test_keeping_again_replaces_while_others_read(tmp_path: Path, volume: Volume):
    save_volume(volume, tmp_path)
    held = open_volume(tmp_path)
    fresh = Volume(volume.array_hu + np.int16(5), volume.spacing_zyx_mm, volume.origin_lps_mm, volume.direction)
    save_volume(fresh, tmp_path)
    np.testing.assert_array_equal(held.array_hu, volume.array_hu)
    np.testing.assert_array_equal(open_volume(tmp_path).array_hu, fresh.array_hu)


def test_a_half_written_volume_is_no_volume(tmp_path: Path, volume: Volume, monkeypatch: pytest.MonkeyPatch):
    def fail(*_args: object, **_kwargs: object):
        raise OSError("disk full")

    monkeypatch.setattr("nodules_app.dicom.volumes.np.save", fail)
    with pytest.raises(OSError, match=r"disk full"):
        save_volume(volume, tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert not is_kept(tmp_path)
    with pytest.raises(VolumeUnreadable):
        open_volume(tmp_path)


def test_array_and_geometry_must_belong_together(tmp_path: Path, volume: Volume):
    save_volume(volume, tmp_path)
    geometry = json.loads((tmp_path / "geometry.json").read_text())
    geometry["shape_zyx"] = [9, 9, 9]
    (tmp_path / "geometry.json").write_text(json.dumps(geometry))
    with pytest.raises(VolumeUnreadable, match=r"belong together"):
        open_volume(tmp_path)


def test_decoding_leaves_no_thread_behind(tmp_path: Path):
    write(tmp_path, stack(4))
    volume_of(tmp_path, threads=3)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode")]
