"""Real and broken inputs, file by file: what is read, what is refused, and in which words."""

from __future__ import annotations

import hashlib
import json
import resource
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from inference.noise import measure_noise
from nodules_app.dicom.archive import Archive
from nodules_app.dicom.choose import choose_series
from nodules_app.dicom.examination import read_examination, read_files
from nodules_app.dicom.finding_marks import FindingsOffTheCt, FindingsOfOtherSeries, SegmentationMissing
from nodules_app.dicom.findings import read_findings
from nodules_app.dicom.kernels import Sharpness, sharpness
from nodules_app.dicom.series_errors import NotOneGrid, OneSliceOnly
from nodules_app.dicom.volumes import read_volume
from registration.errors import Refused
from tests.data import research_data

pytestmark = pytest.mark.needs_data

REFUSED, READ, WARNED, BLOCKED = "refused", "read", "warned", "blocked"
ALLOWED = {
    "accept": {READ},
    "accept-choose": {READ},
    "accept-with-warning": {WARNED, BLOCKED},
    "reject": {REFUSED},
    "reject-or-warn": {REFUSED, BLOCKED},
    "reject-or-split": {REFUSED, WARNED, BLOCKED},
    "reject-or-resample": {REFUSED},
}
# What ``must_say`` demands, as the facts that our own sentence has to carry.
FACTS = {
    "absurd-rows-columns": ["65535 x 65535 x 99999", "2048 bytes", "IM001.dcm"],
    "claims-rle-but-is-raw": ["cannot be decoded as RLE", "8 file(s)"],
    "duplicate-slice": ["IM010_copy.dcm", "same SOPInstanceUID", "IM011.dcm", "IM011b.dcm", "z = 5 mm", "1.2.826"],
    "enhanced-without-frames": ["4 frames", "pixel data for 1", "missing: functional groups"],
    "future-and-bad-dates": ["study date 2099-02-31 does not exist"],
    "gantry-tilt": ["18.5 degrees", "2.371 mm", "2.5 mm", "sheared against the table axis"],
    "good-reference": [],
    "localizer-in-series": ["localizer", "left out", "SCOUT.dcm"],
    "localizer-only": ["only a localizer", "no axial series"],
    "missing-pixel-spacing": ["PixelSpacing is missing", "17 file(s)"],
    "missing-position": ["ImagePositionPatient is missing", "InstanceNumber"],
    "missing-rescale": ["no rescale values", "not HU"],
    "missing-slice": ["7.5 mm", "z = -5", "z = 2.5", "Missing slices: 2 (z = -2.5, 0)"],
    "mixed-orientation": ["axial (14)", "coronal (5)"],
    "mr-modality": ["modality is MR", "chest CT is needed"],
    "no-pixel-data": ["no pixel data", "17 file(s)"],
    "not-dicom": ["No DICOM file", "report.dcm"],
    "private-and-odd-text": [],
    "reversed-and-shuffled": [],
    "secondary-capture": ["Secondary capture", "no measurable CT"],
    "single-slice": ["One slice only", "no volume", "z = 20"],
    "thick-slices-10mm": ["10 mm slices", "too thick for nodule volumetry"],
    "truncated-pixel-data": ["shorter than rows x columns", "IM015.dcm", "z = 15"],
    "two-patients-one-series": ["BROKEN-CASE", "OTHER-CASE", "SeriesInstanceUID"],
    "two-series-in-one-folder": [],
    "uneven-spacing": ["varies (2.5 to 3.3 mm)"],
    "zero-byte-file": ["Empty files", "IM010.dcm", "Missing slices: 1 (z = 2.5)"],
    "zip-bomb-like": ["200 MB", "ratio 1025", "limit"],
    "zip-empty": ["is empty"],
    "zip-good": [],
    "zip-in-zip": ["No DICOM file", "nested archives are not unpacked"],
    "zip-lies-about-size": ["damaged", "size"],
    "zip-path-traversal": ["outside the upload folder", "outside.dcm"],
    "zip-symlink": ["symbolic link", "link.dcm"],
    "zip-truncated": ["damaged"],
}
SLICES = {
    "duplicate-slice": [17],
    "future-and-bad-dates": [17],
    "good-reference": [17],
    "localizer-in-series": [17],
    "missing-slice": [15],
    "mixed-orientation": [14],
    "private-and-odd-text": [17],
    "reversed-and-shuffled": [17],
    "thick-slices-10mm": [17],
    "truncated-pixel-data": [16],
    "two-series-in-one-folder": [17, 9],
    "uneven-spacing": [17],
    "zero-byte-file": [16],
    "zip-good": [17],
}


@dataclass(frozen=True)
class Answer:
    """What the intake made of an input."""

    verdict: str
    text: str
    slices: list[int]


def answer(source: Path) -> Answer:
    try:
        with read_examination(source) as exam:
            best = choose_series(exam.series).series
            notices = [*best.notices, *exam.warnings]
            told = [*(n.as_sentence() for n in notices), *(r.as_sentence() for r in exam.refused)]
            complaints = [*exam.refused, *(n for n in notices if n.remedy)]
            verdict = BLOCKED if best.blocks_volumetry else (WARNED if complaints else READ)
            return Answer(verdict, "\n".join(told), [len(series.slices) for series in exam.series])
    except Refused as refusal:
        return Answer(REFUSED, f"{refusal.as_sentence()}\n{refusal.as_remedy()}", [])


def cases() -> dict[str, dict[str, str]]:
    expected = json.loads((research_data("broken") / "expected.json").read_text())["cases"]
    assert isinstance(expected, dict)
    return expected


@pytest.mark.parametrize("case", sorted(FACTS))
def test_broken_input_gets_its_verdict_and_its_sentence(case: str):
    found = answer(research_data(f"broken/{case}"))
    assert found.verdict in ALLOWED[cases()[case]["verdict"]], found
    assert [fact for fact in FACTS[case] if fact not in found.text] == []
    assert found.slices == SLICES.get(case, [])


def test_every_broken_case_is_covered():
    assert set(cases()) == set(FACTS)


@pytest.mark.parametrize("case", ["zip-good", "zip-path-traversal", "zip-bomb-like", "zip-truncated"])
def test_a_zip_is_answered_alike_in_its_folder_and_by_itself(case: str):
    folder = research_data(f"broken/{case}")
    assert answer(folder) == answer(folder / "upload.zip")


def test_hostile_inputs_cost_neither_memory_nor_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in ("absurd-rows-columns", "zip-bomb-like", "zip-lies-about-size", "zip-path-traversal", "zip-symlink"):
        with pytest.raises(Refused):
            read_examination(research_data(f"broken/{case}"))
        assert list(tmp_path.iterdir()) == []
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


@pytest.mark.parametrize("case", ["missing-slice", "uneven-spacing", "zero-byte-file", "truncated-pixel-data"])
def test_an_uneven_series_never_becomes_an_even_volume(case: str):
    with read_examination(research_data(f"broken/{case}")) as exam, pytest.raises(NotOneGrid):
        read_volume(exam.series[0])


def test_the_thin_series_of_two_is_taken():
    with read_examination(research_data("broken/two-series-in-one-folder")) as exam:
        choice = choose_series(exam.series)
        assert (len(choice.series.slices), choice.series.kernel) == (17, "LUNG")
        assert choice.because == ("Its slices are thinner: 2.5 mm against 5 mm.",)


def test_of_two_kernels_the_soft_one_is_taken_and_either_can_be_asked_for():
    with read_examination(research_data("lung-dx-a0001")) as exam:
        choice = choose_series(exam.series)
        assert choice.series.kernel == "B"
        assert "L (lung)" in choice.because[0]
        other = choice.passed_over[0][0]
        assert choose_series(exam.series, wanted_uid=other).series.kernel == "L"
        assert [notice.code for notice in choice.series.notices] == ["too_thick"]


def syntaxes() -> list[str]:
    return [
        "implicit-little", "explicit-little", "explicit-big", "deflated", "rle", "jpeg-ls-lossless", "jpeg-ls-near",
        "jpeg2000-lossless", "jpeg-lossless-sv1",
    ]  # fmt: skip


@pytest.mark.parametrize("syntax", syntaxes())
def test_every_transfer_syntax_gives_the_same_pixels(syntax: str):
    folder = research_data("transfer-syntaxes")
    expected = json.loads((folder / "expected.json").read_text())
    assert sorted(expected) == sorted(syntaxes())
    with read_examination(folder / syntax) as exam:
        (series,) = exam.series
        volume = read_volume(series)
    by_name = {
        one.path.name: hashlib.sha256(plane.astype("<i2").tobytes()).hexdigest()
        for one, plane in zip(series.slices, volume.array_hu, strict=True)
    }
    assert [by_name[name] for name in sorted(by_name)] == expected[syntax]["pixel_sha256_little_endian_int16"]


@pytest.mark.parametrize(
    ("folder", "shape", "spacing", "origin", "padding_hu"),
    [
        ("nlst-101287/prior", (134, 512, 512), (2.0, 0.54, 0.54), (-150.781, -160.938, 940.0), -2048),
        ("nlst-101287/current", (118, 448, 448), (2.5, 0.6, 0.6), (-143.911, -161.567, 933.529), -1024),
        ("lidc-0001/ct", (100, 512, 512), (2.5, 0.703125, 0.703125), (-166.0, -171.699997, -265.0), -2048),
    ],
)
def test_real_scans_become_volumes_in_their_place(
    folder: str, shape: tuple[int, int, int], spacing: tuple[float, ...], origin: tuple[float, ...], padding_hu: int
):
    with read_examination(research_data(folder)) as exam:
        (series,) = exam.series
        assert not series.blocks_volumetry
        volume = read_volume(series)
    assert (volume.shape_zyx, volume.spacing_zyx_mm, volume.origin_lps_mm) == (shape, spacing, origin)
    np.testing.assert_array_equal(volume.direction, np.eye(3))
    assert volume.array_hu.min() == padding_hu
    middle = volume.array_hu[shape[0] // 2]
    assert 0.1 < np.mean((middle > -980) & (middle < -700)) < 0.7  # lung
    assert 0.05 < np.mean((middle > 0) & (middle < 100)) < 0.6  # soft tissue


@pytest.mark.parametrize(
    ("folder", "kernel_class", "low", "high"),
    [("nlst-101287/prior", Sharpness.LUNG, 25, 45), ("lidc-0001/ct", Sharpness.STANDARD, 8, 25)],
)
def test_noise_and_sharpness_of_real_scans(folder: str, kernel_class: Sharpness, low: float, high: float):
    with read_examination(research_data(folder)) as exam:
        series = exam.series[0]
        noise = measure_noise(read_volume(series))
    assert sharpness(series.manufacturer, series.kernel) is kernel_class
    assert noise is not None
    assert low < noise.sd_hu < high


def test_a_sphere_of_the_phantom_lies_where_its_truth_says():
    folder = research_data("phantom-slabs")
    truth = json.loads((folder / "truth.json").read_text())["sphere-10mm"]
    with read_examination(folder) as exam:
        volumes = [read_volume(series) for series in exam.series]
    (volume,) = [volume for volume in volumes if volume.contains(truth["centre_lps_mm"])]
    z, y, x = np.rint(volume.index_from_lps(truth["centre_lps_mm"])).astype(int)
    assert volume.array_hu[z, y, x] == pytest.approx(truth["core_hu"], abs=60)
    assert volume.array_hu[z, y, x + 12] == pytest.approx(truth["background_hu"], abs=60)


def test_a_date_before_1970_and_a_single_slice():
    with pytest.raises(OneSliceOnly, match=r"z = -194.75"):
        read_examination(research_data("ny-sbu-two-dates"))


def test_scanner_quirks_of_lidc_are_said_and_survived():
    with read_examination(research_data("lidc-0001/ct")) as exam:
        (series,) = exam.series
    assert [notice.code for notice in series.notices] == ["many_frames_of_reference"]
    assert "100 different" in series.notices[0].as_sentence()
    assert (series.patient_name, series.contrast) == ("", True)
    assert series.slices[0].pixels.padding == (-2000, -2000)  # 63536 in the header


def test_readers_segmentations_lie_at_their_truth():
    folder = research_data("lidc-0001")
    readers = json.loads((folder / "seg-sr/readers.json").read_text())["readers"]
    with read_examination(folder) as exam:
        series = exam.series[0]
        marks = read_findings(folder / "seg-sr/readers.seg.dcm", on=series)
        reported = read_findings(folder / "seg-sr/readers.sr.dcm", on=series, beside=exam.finding_files)
        with pytest.raises(SegmentationMissing):
            read_findings(folder / "seg-sr/readers.sr.dcm", on=series)
    assert len(marks) == len(reported) == 4
    for mark, same, reader in zip(marks, reported, readers, strict=True):
        assert mark.lps_mm == same.lps_mm == pytest.approx(reader["centre_lps_mm"], abs=0.02)
        assert 17 <= min(mark.extent_mm) <= max(mark.extent_mm) < 36


def test_a_segmentation_with_wrong_positions_is_noticed():
    folder = research_data("lidc-0001")
    with read_examination(folder / "ct") as exam, pytest.raises(FindingsOffTheCt) as refused:
        read_findings(folder / "seg-sr/legacy-wrong-z.seg.dcm", on=exam.series[0])
    assert "z = 97.5 to 115 mm, the CT from -265 to -17.5 mm" in refused.value.as_sentence()


def test_boxes_on_eight_slices_are_one_lesion_at_nodule_a():
    folder = research_data("nlst-101287")
    truth = json.loads((folder / "truth.json").read_text())["nodules"][0]
    with read_examination(folder / "prior") as exam:
        (mark,) = read_findings(folder / "sr/lesion_boxes.sr.dcm", on=exam.series[0])
    assert np.linalg.norm(np.subtract(mark.lps_mm, truth["prior_lps_mm"])) < 1.5
    assert mark.extent_mm[2] == pytest.approx(16)
    with read_examination(folder / "current") as exam, pytest.raises(FindingsOfOtherSeries, match=r"8 references"):
        read_findings(folder / "sr/lesion_boxes.sr.dcm", on=exam.series[0])


def test_an_archived_series_reads_as_it_came(tmp_path: Path):
    archive = Archive(tmp_path / "archive")
    with read_examination(research_data("transfer-syntaxes/jpeg-ls-lossless")) as exam:
        volume = read_volume(exam.series[0])
        kept = [archive.put(path) for path in exam.series[0].files]
        assert kept == [archive.put(path) for path in exam.series[0].files]
    with read_files([archive.path_of(sha256) for sha256 in kept]) as again:
        np.testing.assert_array_equal(read_volume(again.series[0]).array_hu, volume.array_hu)
    assert all(archive.verify(sha256) for sha256 in kept)
