"""The core as a program of its own (``python -m nodules_app.clinical``), and cases that are asked a named edition."""

from __future__ import annotations

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from nodules_app.clinical import ruleset
from nodules_app.clinical.__main__ import main
from nodules_app.clinical.answers import answer_to_json, kept_answer
from nodules_app.clinical.assess import assess
from nodules_app.clinical.codec import answer_line, answer_lines, case_from_json, with_guidelines
from tests.unit.clinical.test_examples import EXAMPLES

ROOT = Path(__file__).resolve().parents[3]
LINES = "\n".join(example["input"] for example in EXAMPLES).encode()
LINE = EXAMPLES[0]["input"]


def test_cases_go_in_and_answers_come_out() -> None:
    found = main([], b"\xef\xbb\xbf" + LINES + b"\n\n")
    assert found.splitlines() == [answer_line(line, n).encode() for n, line in enumerate(LINES.split(b"\n"), 1)]


def test_kept_answers_say_what_is_stored() -> None:
    (kept,) = (json.loads(line) for line in main(["--kept"], LINE.encode()).splitlines())
    assessed = assess(case_from_json(LINE))
    assert kept == json.loads(json.dumps(kept_answer(assessed)))
    beyond = {"why_zh", "stability"}
    assert [{n: v for n, v in one.items() if n not in beyond} for one in kept["results"]] == answer_to_json(assessed)[
        "results"
    ]
    for told, result in zip(kept["results"], assessed.results, strict=True):
        assert told["why_zh"] == list(result.sentences("zh"))
        assert told["stability"] == result.stability


def test_it_says_which_ruleset_it_is() -> None:
    assert json.loads(main(["--which"])) == {"version": "R1", "tables": ruleset.ruleset_hash()}


def test_other_arguments_are_answered_with_the_usage() -> None:
    with pytest.raises(SystemExit, match=r"< CASES\.jsonl"):
        main(["--what"])


def test_it_runs_without_django() -> None:
    refuse = "import sys; sys.modules['django'] = None; sys.argv = ['x']; import runpy; "
    code = refuse + "runpy.run_module('nodules_app.clinical', run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, input=LINES, capture_output=True, check=True)
    assert done.stdout == b"".join(answer_lines(LINES))


def test_the_module_writes_what_main_gives(
    monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr(sys, "argv", ["nodules_app.clinical", "--which"])
    with pytest.warns(RuntimeWarning, match="found in sys.modules"):
        runpy.run_module("nodules_app.clinical.__main__", run_name="__main__")
    sys.stdout.flush()
    assert json.loads(capfdbinary.readouterr().out)["version"] == "R1"


def test_a_named_edition_is_asked_of_every_case() -> None:
    wrong = [b"[1]", b"no json", b"\xff"]
    asked = with_guidelines(b"\n".join([LINES, *wrong, b""]), ("NELSON", "BTS2015")).split(b"\n")
    assert asked[len(EXAMPLES) :] == [*wrong, b""]
    for line, example in zip(asked, EXAMPLES, strict=False):
        if line == example["input"].encode():
            continue  # no object at all
        was, now = (json.loads(text) for text in (example["input"], line))
        assert now["guidelines"] == ["NELSON", "BTS2015"]
        assert {name: now[name] for name in ("id", "setting") if name in was} == {
            n: was[n] for n in ("id", "setting") if n in was
        }


def test_a_number_keeps_every_digit() -> None:
    line = b'{"id": "x", "patient": {"age": 6e1, "bmi": 27.10}}'
    patient = json.loads(with_guidelines(line, ("BTS2015",)))["patient"]
    assert patient == {"age": "60", "bmi": "27.10"}


def test_a_table_that_holds_what_has_no_fixed_text_is_refused() -> None:
    with pytest.raises(TypeError, match="no table holds a object"):
        ruleset._plain({"rows": [object()]})
