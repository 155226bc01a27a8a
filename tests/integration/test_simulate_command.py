"""``manage.py simulate`` writes a pair that our own reader takes, with its truth beside it."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inference.simulate.truth import PairTruth
from nodules_app.dicom.examination import read_examination


def test_it_writes_two_readable_exams_of_one_patient_and_the_truth(tmp_path: Path) -> None:
    said = StringIO()
    call_command("simulate", str(tmp_path / "demo"), "--size", "small", "--jpeg-ls", stdout=said)
    truth = PairTruth.load(tmp_path / "demo" / "truth.json")
    exams = []
    for day in ("prior", "current"):
        with read_examination(tmp_path / "demo" / day) as examination:
            (series,) = examination.series
            assert not examination.refused
            exams.append(series)
    prior, current = exams
    assert prior.patient_id == current.patient_id
    assert prior.study_uid != current.study_uid
    assert prior.frame_of_reference_uid != current.frame_of_reference_uid
    assert prior.acquired_on
    assert current.acquired_on
    assert (current.acquired_on - prior.acquired_on).days == truth.interval_days
    assert "96 slices" in said.getvalue()


def test_a_folder_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(CommandError, match="not an empty folder"):
        call_command("simulate", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


@pytest.mark.parametrize("wrong", [("--seed", "-1"), ("--days", "0")])
def test_impossible_numbers_are_refused(tmp_path: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(CommandError, match="must not be negative"):
        call_command("simulate", str(tmp_path / "x"), *wrong)
