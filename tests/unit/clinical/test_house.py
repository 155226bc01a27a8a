"""The clinical core alone: no Django, quick to import; its command, its printed pages, its hash."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from nodules_app.clinical import ruleset
from nodules_app.clinical.printed import guidelines_page
from nodules_app.clinical.reasons import SENTENCES, Language
from tests.unit.clinical.test_examples import EXAMPLES

ROOT = Path(__file__).resolve().parents[3]
ALONE = """
import sys, time
start = time.process_time()
import __future__, calendar, dataclasses, datetime, decimal, enum, re, typing  # what any such core needs of Python
python = time.process_time() - start
before = set(sys.modules)
start = time.process_time()
import nodules_app.clinical.assess
core = time.process_time() - start
foreign = {name.partition(".")[0] for name in set(sys.modules) - before} - sys.stdlib_module_names - {"nodules_app"}
print(core / python, *sorted(foreign))
"""


def run(*command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = os.environ | {"DATABASE_URL": "postgresql://nobody@nowhere.invalid/none"}
    return subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=environment, input=given, capture_output=True, check=False
    )


def test_the_core_stands_alone_and_imports_quickly(tmp_path: Path) -> None:
    """As a ratio to the modules of Python that it builds on: below 2 (0.06 s), whatever else the machine does."""
    environment = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(tmp_path)}  # a first run writes the bytecode
    runs = [
        subprocess.run([sys.executable, "-c", ALONE], env=environment, capture_output=True, text=True, check=True)
        for _ in range(4)
    ]
    ratios, foreign = zip(
        *((float(ratio), names) for ratio, *names in (done.stdout.split() for done in runs)), strict=True
    )
    assert foreign[0] == []
    assert min(ratios[1:]) < 4


def test_the_command_reads_files_and_standard_input(tmp_path: Path) -> None:
    lines = [example["input"] for example in EXAMPLES]
    cases, answers = tmp_path / "cases.jsonl", tmp_path / "answers.jsonl"
    cases.write_text("\ufeff" + "\n\n".join(lines) + "\n", encoding="utf-8")
    assert run("manage.py", "assess", str(cases), "--out", str(answers)).returncode == 0
    written = answers.read_bytes()
    piped = run("manage.py", "assess", "-", "--out", "-", given=cases.read_bytes())
    assert (piped.returncode, piped.stdout) == (0, written)
    found = [json.loads(line) for line in written.splitlines()]
    assert [answer["id"] for answer in found] == [example["output"]["id"] for example in EXAMPLES]
    assert found[0]["results"][0]["management_text"]["zh"] in written.decode()  # not escaped
    assert [answer["line"] for answer in found if "error" in answer] == [23, 27]


@pytest.mark.parametrize("arguments", [("nowhere.jsonl",), ("-", "--out", "nowhere/answers.jsonl")])
def test_the_command_says_what_it_cannot_open(arguments: tuple[str, ...]) -> None:
    ended = run("manage.py", "assess", *arguments)
    assert ended.returncode == 2
    assert b"No such file" in ended.stderr
    assert b"Traceback" not in ended.stderr


@pytest.mark.parametrize(("language", "name"), [("en", "guidelines.md"), ("zh", "guidelines.zh.md")])
def test_the_printed_guidelines_are_those_of_the_code(language: Language, name: str) -> None:
    assert (ROOT / "docs" / name).read_text("utf-8") == guidelines_page(language), "run manage.py print_guidelines"


def test_the_hash_names_the_tables() -> None:
    assert len(ruleset.ruleset_hash()) == 64
    code = "from nodules_app.clinical.ruleset import ruleset_hash; print(ruleset_hash())"
    assert run("-c", code).stdout.decode().strip() == ruleset.ruleset_hash()


def test_every_reason_is_written_in_both_languages() -> None:
    for code, (english, chinese) in SENTENCES.items():
        assert english.endswith("."), code
        assert chinese.endswith("。"), code
        assert english.count("{") == chinese.count("{"), code
