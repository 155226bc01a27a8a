"""Enhanced CT is read when its frames are placed, and refused in one sentence when they are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import JPEGLSLossless

from nodules_app.dicom.errors import EnhancedIncomplete, PixelDataTooShort
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from tests.unit.dicom.made import as_bytes, encode, enhanced, item, picture, write


def test_frames_become_slices_in_order(tmp_path: Path):
    write(tmp_path, [enhanced(4)])
    with read_examination(tmp_path) as exam:
        (series,) = exam.series
        assert [one.frame for one in series.slices] == [3, 2, 1, 0]
        assert (series.kernel, series.slice_thickness_mm, series.spacing_zyx_mm) == ("B30f", 2.5, (2.5, 0.7, 0.6))
        volume = read_volume(series)
    np.testing.assert_array_equal(volume.array_hu, [picture(n) - 1024 for n in range(4)])


@pytest.mark.parametrize("pieces", [1, 2])
def test_compressed_frames_are_told_apart(tmp_path: Path, pieces: int):
    ds = enhanced(3)
    frames = [encode(picture(n), JPEGLSLossless) for n in (2, 1, 0)]
    ds.PixelData = encapsulate(frames, fragments_per_frame=pieces)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    write(tmp_path, [as_bytes(ds, JPEGLSLossless)])
    with read_examination(tmp_path) as exam:
        volume = read_volume(exam.series[0])
    np.testing.assert_array_equal(volume.array_hu, [picture(n) - 1024 for n in range(3)])


def test_frames_without_groups_are_refused(tmp_path: Path):
    write(tmp_path, [enhanced(4, PerFrameFunctionalGroupsSequence=None, PixelData=bytes(96))])
    with pytest.raises(EnhancedIncomplete, match=r"4 frames and pixel data for 1; missing: functional groups"):
        read_examination(tmp_path)


def test_a_missing_group_is_named(tmp_path: Path):
    ds = enhanced(2)
    ds.PerFrameFunctionalGroupsSequence[1] = item(FrameContentSequence=[item(StackID="1")])
    write(tmp_path, [ds])
    with pytest.raises(EnhancedIncomplete, match=r"missing: PlanePositionSequence"):
        read_examination(tmp_path)


def test_too_few_pixels_are_counted(tmp_path: Path):
    write(tmp_path, [enhanced(4, PixelData=bytes(96 * 3))])
    with pytest.raises(PixelDataTooShort, match=r"6 x 8 x 4 pixels, 384 bytes, and the pixel data has 288"):
        read_examination(tmp_path)
