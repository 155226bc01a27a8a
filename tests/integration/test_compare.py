"""The compare command on a simulated pair whose truth is known, and what it says to bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from argparse import ArgumentTypeError
from math import dist
from pathlib import Path
from typing import Any

import pytest

from nodules_app.management.commands.compare import model_version
from tests.data import research_data

ROOT = Path(__file__).resolve().parents[2]


def compare(*words: object, out: Path) -> tuple[int, dict[str, Any], str]:
    """Run the command as a person does: in a process of its own, without a database in its environment."""
    asked = [sys.executable, "manage.py", "compare", *map(str, words), "--json", str(out)]
    environment = {"PATH": "/usr/bin:/bin", "DATABASE_URL": "postgresql://nobody@database.invalid/none"}
    done = subprocess.run(asked, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    told = json.loads(out.read_text("utf-8")) if out.exists() else {}
    return done.returncode, told, done.stdout + done.stderr


def point(lps_mm: list[float]) -> str:
    return ",".join(map(str, lps_mm))


@pytest.fixture(scope="module")
def answered(
    simulated_patient: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], list[Any], str]:
    folder = tmp_path_factory.mktemp("compare")
    truth = json.loads((simulated_patient / "truth.json").read_text("utf-8"))
    asked: list[str] = []
    for nodule in truth["nodules"]:
        on_prior = nodule["prior_lps_mm"]
        asked += ["--nodule", point(on_prior) if on_prior else f"current:{point(nodule['current_lps_mm'])}"]
    case = folder / "case.json"
    case.write_text(json.dumps({"age": 66, "sex": "male", "smoking": {"status": "current", "pack_years": 40.5}}))
    points = folder / "points.json"
    points.write_text(json.dumps([[0, 0, 99999], truth["nodules"][0]["prior_lps_mm"]]))
    sides = simulated_patient / "prior", simulated_patient / "current"
    code, told, said = compare(
        *sides,
        *asked,
        "--case",
        case,
        "--points",
        points,
        "--candidates",
        "--model",
        "growth=recommended",
        out=folder / "out.json",
    )
    assert code == 0, said
    return told, truth["nodules"], said


def test_it_answers_in_the_promised_shape(answered: tuple[dict[str, Any], list[Any], str]) -> None:
    told, _, _ = answered
    wanted = {"prior", "current", "interval_days", "comparability", "registration", "nodules", "candidates"}
    assert wanted | {"warnings", "seconds", "peak_mb"} <= set(told)
    for side in ("prior", "current"):
        assert {
            "series_uid",
            "date",
            "slices",
            "spacing_zyx_mm",
            "slice_thickness_mm",
            "kernel",
            "manufacturer",
        } <= set(told[side])
        assert {"chosen_because", "lung_volume_ml", "noise_hu", "warnings"} <= set(told[side])
    steps = {"read", "lungs", "register", "match", "measure", "candidates", "assess", "total"}
    assert set(told["seconds"]) == steps
    assert told["comparability"]["grade"] in "ABCD"


def test_a_learned_model_speaks_beside_the_measured_growth_and_changes_none_of_it(
    answered: tuple[dict[str, Any], list[Any], str],
) -> None:
    told, _, _ = answered
    for one in told["nodules"]:
        on_both = all(one[side] and "not_measured" not in one[side] for side in ("prior", "current"))
        if not on_both:
            assert one["learned"] is None
            continue
        said = one["learned"]
        assert said["model"].startswith("growth-")
        low, high = said["volume_ratio_ci95"]
        assert low < said["volume_ratio"] < high
        assert sum(said[f"{word}_probability"] for word in ("shrunk", "stable", "grown")) == pytest.approx(1, abs=0.001)
        between = sorted((one["growth"]["volume_ratio"], said["volume_ratio"]))
        assert between[0] - 1e-4 <= said["fused_volume_ratio"] <= between[1] + 1e-4


@pytest.mark.parametrize("text", ["growth", "growth=", "weather=1"])
def test_a_model_is_named_by_task_and_version(text: str) -> None:
    with pytest.raises(ArgumentTypeError, match="growth=VERSION"):
        model_version(text)


def test_points_keep_their_order_and_one_that_cannot_be_carried_is_null(
    answered: tuple[dict[str, Any], list[Any], str],
) -> None:
    told, truth, _ = answered
    nowhere, carried = told["registration"]["points"]
    assert nowhere is None
    assert dist(carried, truth[0]["current_lps_mm"]) < 2.5


def test_each_nodule_is_where_the_truth_says(answered: tuple[dict[str, Any], list[Any], str]) -> None:
    told, truth, _ = answered
    for one, true in zip(told["nodules"], truth, strict=True):
        if true["prior_lps_mm"] and true["current_lps_mm"]:
            assert dist(one["current_lps_mm"], true["current_lps_mm"]) < 2.5
            assert one["match"]["confidence"] > 0.5
            low, high = one["growth"]["volume_ratio_ci95"]
            assert low < true["volume_ratio"] < high
        elif true["current_lps_mm"]:
            assert (one["comparison"], one["growth"]) == ("new", None)
        else:
            assert (one["comparison"], one["current"]) == ("resolved", None)


def test_every_nodule_with_a_size_is_put_to_the_guidelines(answered: tuple[dict[str, Any], list[Any], str]) -> None:
    told, _, _ = answered
    for one in told["nodules"]:
        assert [result["guideline"] for result in one["recommendations"]] == ["FLEISCHNER2017", "BTS2015"]
        assert all(result["rule_id"] for result in one["recommendations"])


def test_candidates_name_the_nodule_they_lie_on(answered: tuple[dict[str, Any], list[Any], str]) -> None:
    told, _, _ = answered
    on_nodules = {one["matched"] for one in told["candidates"]} - {None}
    assert len(on_nodules) >= 3


def test_the_table_is_for_people(answered: tuple[dict[str, Any], list[Any], str]) -> None:
    told, _, said = answered
    assert f"Pair grade {told['comparability']['grade']}" in said
    assert "VDT days" in said


@pytest.mark.parametrize(
    ("swap", "code", "hint"), [(True, "dates_reversed", "Swap"), (False, "same_day", "earlier exam")]
)
def test_a_pair_that_cannot_be_one_is_refused(
    simulated_patient: Path, tmp_path: Path, *, swap: bool, code: str, hint: str
) -> None:
    prior, current = simulated_patient / "prior", simulated_patient / "current"
    sides = (current, prior) if swap else (prior, prior)
    status, told, said = compare(*sides, out=tmp_path / "out.json")
    assert status == 1
    assert told["refused"]["code"] == code
    assert hint in told["refused"]["remedy"]
    assert told["refused"]["sentence"] in said


@pytest.mark.parametrize(
    "words",
    [("--nodule", "1,2"), ("--nodule", "prior:a,b,c"), ("--points", "nowhere.json"), ("--case", "nowhere.json")],
)
def test_wrong_usage_is_told_before_the_work(simulated_patient: Path, tmp_path: Path, words: tuple[str, str]) -> None:
    sides = simulated_patient / "prior", simulated_patient / "current"
    status, told, said = compare(*sides, *words, out=tmp_path / "out.json")
    assert (status, told) == (2, {})
    assert words[1] in said


def test_a_case_that_makes_no_sense_is_told_before_the_work(simulated_patient: Path, tmp_path: Path) -> None:
    case = tmp_path / "case.json"
    case.write_text('{"smoking": {"status": "sometimes"}}')
    sides = simulated_patient / "prior", simulated_patient / "current"
    status, _, said = compare(*sides, "--case", case, out=tmp_path / "out.json")
    assert status == 2
    assert "sometimes" in said


@pytest.mark.needs_data
class TestOnRealCt:
    def test_the_nodules_of_the_follow_up_pair(self, tmp_path: Path) -> None:
        folder = research_data("nlst-101287")
        truth = json.loads((folder / "truth.json").read_text("utf-8"))["nodules"]
        asked: list[str] = []
        for nodule in truth:
            on_prior = nodule.get("prior_lps_mm")
            asked += ["--nodule", point(on_prior) if on_prior else f"current:{point(nodule['current_lps_mm'])}"]
        status, told, said = compare(folder / "prior", folder / "current", *asked, out=tmp_path / "out.json")
        assert status == 0, said
        for one, true in zip(told["nodules"], truth, strict=True):
            assert dist(one["current_lps_mm"], true["current_lps_mm"]) < 2
            if true["id"] == "N":
                assert one["comparison"] == "new"
            else:
                assert one["growth"]["volume_ratio"] == pytest.approx(true["volume_ratio"], rel=0.15)
        assert not told["nodules"][2]["growth"]["significant"]

    def test_another_patient_is_refused_by_number_and_by_image(self, tmp_path: Path) -> None:
        sides = research_data("nlst-101287") / "prior", research_data("lidc-0001/ct")
        status, told, _ = compare(*sides, out=tmp_path / "one.json")
        assert (status, told["refused"]["code"]) == (1, "different_patients")
        status, told, _ = compare(*sides, "--allow-different-ids", out=tmp_path / "two.json")
        assert (status, told["refused"]["code"]) == (1, "not_registrable")
