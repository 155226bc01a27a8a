"""The series for volumetry is chosen for reasons that a clinician can read."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodules_app.dicom.choose import choose_series
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.series_errors import NoSuchSeries, SeveralStudies
from tests.unit.dicom.made import ct, write


def series_of(folder: Path, name: str, *, count: int = 20, step: float = 1.0, **elements: object):
    elements = {"SliceThickness": str(step), **elements}
    slices = [
        ct(n, SOPInstanceUID=f"{name}.{n}", SeriesInstanceUID=name, ImagePositionPatient=[0, 0, step * n], **elements)
        for n in range(count)
    ]
    write(folder / name, slices)


def choose(folder: Path, **how: str):
    with read_examination(folder) as exam:
        return choose_series(exam.series, **how)


def test_the_thin_one_is_taken_even_if_sharp(tmp_path: Path):
    series_of(tmp_path, "1.1", step=1.0, ConvolutionKernel="B60f")
    series_of(tmp_path, "1.2", step=2.0, count=10, ConvolutionKernel="B30f")
    choice = choose(tmp_path)
    assert choice.series.series_uid == "1.1"
    assert choice.because == ("Its slices are thinner: 1 mm against 2 mm.",)
    assert choice.passed_over == (("1.2", "Its slices are thinner: 1 mm against 2 mm."),)


def test_of_two_kernels_the_less_sharp_is_taken(tmp_path: Path):
    series_of(tmp_path, "1.1", ConvolutionKernel="B70f")
    series_of(tmp_path, "1.2", ConvolutionKernel="B40f", step=1.25, count=16)
    choice = choose(tmp_path)
    assert choice.series.series_uid == "1.2"
    assert "B40f (standard) suits volumetry better than B70f (sharp)" in choice.because[0]


def test_the_kernel_of_the_prior_wins_over_a_better_one(tmp_path: Path):
    series_of(tmp_path, "1.1", ConvolutionKernel="B70f")
    series_of(tmp_path, "1.2", ConvolutionKernel="B40f")
    choice = choose(tmp_path, prior_kernel="B70f")
    assert choice.series.series_uid == "1.1"
    assert "kernel of the prior scan (B70f)" in choice.because[0]


def test_what_cuts_the_lungs_is_not_taken_for_being_thin(tmp_path: Path):
    series_of(tmp_path, "1.1", step=0.6, count=10)
    series_of(tmp_path, "1.2", step=1.0, count=30)
    choice = choose(tmp_path)
    assert choice.series.series_uid == "1.2"
    assert choice.because == ("It covers 30 mm of the chest, the other only 6 mm.",)


def test_a_fault_that_forbids_volumetry_decides(tmp_path: Path):
    series_of(tmp_path, "1.1", AcquisitionDate="20201350")
    series_of(tmp_path, "1.2", ConvolutionKernel="B70f")
    choice = choose(tmp_path)
    assert choice.series.series_uid == "1.2"
    assert "fault" in choice.because[0]


def test_contrast_decides_last(tmp_path: Path):
    series_of(tmp_path, "1.1", ContrastBolusAgent="IV")
    series_of(tmp_path, "1.2")
    choice = choose(tmp_path)
    assert choice.series.series_uid == "1.2"
    assert "contrast" in choice.because[0]


def test_twins_are_chosen_the_same_way_every_time(tmp_path: Path):
    series_of(tmp_path, "1.2")
    series_of(tmp_path, "1.1")
    choice = choose(tmp_path)
    assert choice.series.series_uid == "1.1"
    assert "Both serve alike" in choice.because[0]


def test_more_slices_decide_between_equals(tmp_path: Path):
    series_of(tmp_path, "1.1", count=20)
    series_of(tmp_path, "1.2", count=22)
    choice = choose(tmp_path)
    assert choice.because == ("It has more slices: 22 against 20.",)


def test_a_person_overrides_and_it_is_said(tmp_path: Path):
    series_of(tmp_path, "1.1")
    series_of(tmp_path, "1.2", step=5)
    choice = choose(tmp_path, wanted_uid="1.2")
    assert choice.series.series_uid == "1.2"
    assert choice.because == ("This series was chosen by a person.",)
    assert [uid for uid, _ in choice.passed_over] == ["1.1"]


def test_a_wish_that_is_not_there_is_refused(tmp_path: Path):
    series_of(tmp_path, "1.1")
    with pytest.raises(NoSuchSeries, match=r"1.9"):
        choose(tmp_path, wanted_uid="1.9")


def test_the_only_one_needs_no_reason_but_says_so(tmp_path: Path):
    series_of(tmp_path, "1.1")
    assert choose(tmp_path).because == ("It is the only usable CT series.",)


def test_no_choice_across_studies(tmp_path: Path):
    series_of(tmp_path, "1.1")
    series_of(tmp_path, "1.2", StudyInstanceUID="1.2.3")
    with pytest.raises(SeveralStudies):
        choose(tmp_path)


def test_no_series_is_a_fault_of_the_caller():
    with pytest.raises(ValueError, match=r"no series"):
        choose_series([])
