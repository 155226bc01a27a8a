"""Past rulesets: kept as the program they were, asked again to the byte, compared with today's."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.codec import answer_lines
from nodules_app.clinical.errors import UnknownEdition
from nodules_app.models import Assessment, Patient
from nodules_app.services import replay, rulesets
from nodules_app.services.assessments import case_of
from nodules_app.services.rulesets import BrokenRuleset, PastRuleset
from tests import factories
from tests.integration.browsing import signed_in, words
from tests.unit.clinical.test_examples import EXAMPLES

LINES = b"".join(example["input"].encode() + b"\n" for example in EXAMPLES)


def core_with(tmp_path: Path, *changes: tuple[str, str, str]) -> Path:
    """Copy the core with other tables: file, what stands there, what shall stand there."""
    package = tmp_path / "nodules_app"
    shutil.copytree(rulesets.PACKAGE / "clinical", package / "clinical", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(rulesets.PACKAGE / "__init__.py", package)
    for name, before, after in changes:
        file = package / "clinical" / name
        text = file.read_text("utf-8")
        assert text.count(before) == 1, name
        file.write_text(text.replace(before, after), "utf-8")
    return package


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "past_rulesets"
    folder.mkdir()
    monkeypatch.setattr(rulesets, "FOLDER", folder)
    return folder


@pytest.fixture
def before_the_limit_moved(folder: Path, tmp_path: Path) -> PastRuleset:
    """A ruleset R0 in which BTS discharged below 350 mm3 and its texts read otherwise."""
    package = core_with(
        tmp_path,
        ("assessment.py", f'RULESET_VERSION: Final = "{RULESET_VERSION}"', 'RULESET_VERSION: Final = "R0"'),
        ("editions/bts2015.py", 'span("< 80")', 'span("< 350")'),
        ("editions/bts2015.py", 'span("[80, 300)")', 'span("[350, 400)")'),
        ("editions/bts2015.py", 'LARGE_MM3: Final = span(">= 300")', 'LARGE_MM3: Final = span(">= 400")'),
        ("reasons.py", '"No nodule', '"Not one nodule'),
    )
    return rulesets.keep(package, folder)


def test_a_kept_ruleset_answers_as_the_program_it_was(before_the_limit_moved: PastRuleset) -> None:
    assert rulesets.held() == ("R0", RULESET_VERSION)
    document = json.loads(next(example["input"] for example in EXAMPLES if "volume_mm3" in example["input"]))
    document |= {"guidelines": ["BTS2015"], "setting": "incidental"}
    document["nodules"] = [{"id": "n", "attenuation": "solid", "measurements": [
        {"date": document["exams"][-1]["date"], "volume_mm3": 300}]}]  # fmt: skip
    line = json.dumps(document).encode()
    (today,), past = answer_lines(line), rulesets.answers_under("R0", line)
    told = [json.loads(one)["results"][0] for one in (past, today)]
    assert [one["ruleset_version"] for one in told] == ["R0", RULESET_VERSION]
    assert [one["rule_id"] for one in told] == ["BTS2015.SOLID.LT5", "BTS2015.SOLID.BROCK.UNKNOWN"]


def test_today_s_core_kept_answers_every_example_to_the_byte(tmp_path: Path) -> None:
    kept = rulesets.keep(folder=tmp_path)
    assert kept.version == RULESET_VERSION
    assert rulesets._run(kept, LINES) == b"".join(answer_lines(LINES))
    again = rulesets.keep(folder=tmp_path)
    assert (again, [*tmp_path.iterdir()]) == (kept, [kept.file])


def test_the_same_core_gives_the_same_archive(tmp_path: Path) -> None:
    one, other = (rulesets.keep(folder=tmp_path / name).file.read_bytes() for name in ("one", "other"))
    assert one == other


def test_a_version_is_kept_once(folder: Path, before_the_limit_moved: PastRuleset, tmp_path: Path) -> None:
    version = ("assessment.py", f'RULESET_VERSION: Final = "{RULESET_VERSION}"', 'RULESET_VERSION: Final = "R0"')
    changed = core_with(tmp_path / "again", version)
    with pytest.raises(BrokenRuleset, match="R0 has the tables"):
        rulesets.keep(changed, folder)
    assert [*folder.iterdir()] == [before_the_limit_moved.file]


def test_an_archive_that_is_not_what_its_name_says_is_refused(
    folder: Path, before_the_limit_moved: PastRuleset
) -> None:
    before_the_limit_moved.file.rename(folder / f"R0-{'0' * 64}.pyz")
    with pytest.raises(BrokenRuleset, match="not what its name says"):
        rulesets.past_ruleset("R0")


def test_an_archive_that_does_not_run_is_refused(folder: Path) -> None:
    (folder / f"R0-{'1' * 64}.pyz").write_bytes(b"no program")
    with pytest.raises(BrokenRuleset):
        rulesets.past_ruleset("R0")


def assess(tmp_path: Path, data: bytes, *arguments: str) -> bytes:
    cases, answers = tmp_path / "cases.jsonl", tmp_path / "answers.jsonl"
    cases.write_bytes(data)
    call_command("assess", str(cases), "--out", str(answers), *arguments)
    return answers.read_bytes()


def test_the_command_asks_a_past_ruleset(before_the_limit_moved: PastRuleset, tmp_path: Path) -> None:
    past, today = (assess(tmp_path, LINES, "--edition", name) for name in ("R0", RULESET_VERSION))
    assert today == b"".join(answer_lines(LINES))
    assert past == rulesets.answers_under("R0", LINES) != today
    assert past.count(b"\n") == today.count(b"\n") == len(EXAMPLES)


def test_the_command_asks_a_named_edition_of_every_case(before_the_limit_moved: PastRuleset, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in assess(tmp_path, LINES, "--edition", "BTS2015").splitlines()]
    asked = [[result["guideline"] for result in row["results"]] for row in rows if "error" not in row]
    assert asked == [["BTS2015"]] * len(asked)
    assert len(asked) > 10
    both = assess(tmp_path, LINES, "--edition", "R0", "--edition", "ACCP2013", "--edition", "NELSON")
    first = json.loads(both.splitlines()[0])["results"]
    assert [(one["guideline"], one["ruleset_version"]) for one in first] == [("ACCP2013", "R0"), ("NELSON", "R0")]


def test_a_named_edition_changes_nothing_else(tmp_path: Path) -> None:
    line = {"id": "x", "setting": "incidental", "exams": [{"date": "2024-02-29"}], "eligibility": ["ACS2023"]}
    line["nodules"] = [{"id": "n", "attenuation": "solid", "measurements": [
        {"date": "2024-02-29", "long_axis_mm": 7.10, "volume_mm3": 1e2}]}]  # fmt: skip
    named = dict(line, guidelines=["BTS2015"])
    assert assess(tmp_path, json.dumps(line).encode(), "--edition", "BTS2015") == b"".join(
        answer_lines(json.dumps(named).encode())
    )
    wrong = b"\xef\xbb\xbfno object\n\n[1]\n\xff\n"
    assert assess(tmp_path, wrong, "--edition", "BTS2015") == b"".join(answer_lines(wrong))


@pytest.mark.parametrize(
    ("names", "sentence"),
    [(["R9"], "There is no ruleset or edition R9; this program holds R1"), (["R1", "R9"], "Name one ruleset, not 2")],
)
def test_an_unknown_edition_is_refused_in_a_sentence(names: list[str], sentence: str, tmp_path: Path) -> None:
    arguments = [part for name in names for part in ("--edition", name)]
    with pytest.raises(CommandError, match=sentence) as stopped:
        assess(tmp_path, LINES, *arguments)
    assert stopped.value.returncode == 2
    with pytest.raises(UnknownEdition, match="R9"):
        rulesets.answers_under("R9", LINES)


def test_keep_ruleset_says_where(tmp_path: Path) -> None:
    out = io.StringIO()
    call_command("keep_ruleset", "--folder", str(tmp_path), stdout=out)
    (file,) = tmp_path.iterdir()
    assert f"Kept {RULESET_VERSION} as {file}." in out.getvalue()
    (tmp_path / f"{RULESET_VERSION}-{'2' * 64}.pyz").write_bytes(b"")
    with pytest.raises(CommandError, match="not what its name says"):
        call_command("keep_ruleset", "--folder", str(tmp_path))


def test_every_kept_ruleset_runs_and_answers_every_example() -> None:
    for version in rulesets.past_rulesets():
        answers = rulesets.answers_under(version, LINES).splitlines()
        assert len(answers) == len(EXAMPLES), version


# --- stored answers ---------------------------------------------------------------------------------------------------


def answered_under_r0(volume_mm3: float, **otherwise: str) -> Patient:
    """A patient whose answers the past ruleset gave, stored as the product then stored them (or told otherwise)."""
    patient = factories.patient()
    nodule = factories.nodule(patient)
    factories.measurement(factories.finding(nodule, factories.scan(patient, factories.CURRENT_ON)), volume_mm3)
    case = case_of(patient)
    assert case is not None
    (answer,) = rulesets.kept_answers_under("R0", [case])
    tables = rulesets.past_ruleset("R0").tables
    for result in answer["results"]:
        Assessment.objects.create(
            patient=patient,
            exam_on=factories.CURRENT_ON,
            inputs=case,
            answer={name: answer[name] for name in ("risk", "growth")}
            | {"result": result | otherwise, "ruleset_hash": tables},
            **{name: result[name] for name in ("guideline", "edition", "ruleset_version", "rule_id", "management")},
        )
    return patient


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("replay", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
def test_stored_answers_replay_bit_for_bit_under_the_ruleset_that_gave_them(
    before_the_limit_moved: PastRuleset,
) -> None:
    moved, same = answered_under_r0(320.0), answered_under_r0(30.0)
    answers = list(replay.replay())
    assert answers
    assert all(one.is_held and one.same_tables and not one.own_differences and not one.is_fault for one in answers)
    changed = {(one.patient, one.guideline) for one in answers if one.changes_care}
    assert changed == {(moved.code, "BTS2015")}
    assert same.code not in {one.patient for one in replay.patients_whose_answer_would_change()}
    assert not list(replay.patients_whose_answer_would_change(under="R0"))
    said = told("--all")
    assert "0 differ under their own ruleset" in said
    assert f"1 would lead to another step under {RULESET_VERSION}." in said
    assert "0 would lead to another step under R0." in told("--all", "--under", "R0")


@pytest.mark.django_db
def test_an_answer_that_its_own_past_ruleset_does_not_give_is_a_fault(before_the_limit_moved: PastRuleset) -> None:
    patient = answered_under_r0(320.0, source="somewhere else")
    faults = [one for one in replay.replay() if one.is_fault]
    assert len(faults) == Assessment.objects.count() > 0
    assert {tuple(one.field for one in fault.own_differences) for fault in faults} == {("result.source",)}
    out = io.StringIO()
    with pytest.raises(CommandError, match="answers differ under the ruleset that gave them"):
        call_command("replay", "--all", stdout=out)
    assert "under its own ruleset R0" in out.getvalue()
    page = signed_in().get(reverse("patient-what-if", kwargs={"code": patient.code}))
    assert "Not what R0 says" in words(page.content.decode())


@pytest.mark.django_db
def test_an_answer_of_a_ruleset_that_is_not_kept_is_no_fault_and_said(
    folder: Path, before_the_limit_moved: PastRuleset
) -> None:
    patient = answered_under_r0(320.0)
    before_the_limit_moved.file.unlink()
    answers = list(replay.replay(patient=patient))
    assert not any(one.is_held or one.is_fault for one in answers)
    said = told("--all")
    assert "There is no ruleset or edition R0" in said
    assert f"{len(answers)} were given by rulesets that are not kept" in said
    (line, *_) = told("--all", "--json", "-").splitlines()
    assert json.loads(line)["own_ruleset_held"] is False
    page = signed_in().get(reverse("patient-what-if", kwargs={"code": patient.code}))
    assert "Ruleset R0 is not kept" in words(page.content.decode())


@pytest.mark.django_db
def test_the_page_compares_with_a_kept_ruleset_of_choice(before_the_limit_moved: PastRuleset) -> None:
    patient = answered_under_r0(320.0)
    row = Assessment.objects.filter(patient=patient).latest("pk")
    today, past = (
        words(signed_in().get(reverse("what-if-changes"), {"ruleset": version}).content.decode())
        for version in (RULESET_VERSION, "R0")
    )
    assert row.patient.identifier in today
    assert "No answer would change" in past
    assert "No answer would change" not in today
