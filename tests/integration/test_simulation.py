"""A winter in the simulated clinic: the end of a year, a leap day and the change of the clocks, with many faults.

The five years with 20,000 follow-ups are ``python -m tests.simulation``; see ``docs/simulation.md``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.database import ROOT, address

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_nobody_is_lost_in_a_winter_of_faults(tmp_path: Path) -> None:
    told = tmp_path / "outcome.json"
    lived = subprocess.run(
        [sys.executable, "-m", "tests.simulation.winter", told],
        cwd=ROOT,
        env=os.environ | {"DATABASE_URL": address(), "NODULES_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert lived.returncode == 0, lived.stderr
    outcome = json.loads(told.read_text(encoding="utf-8"))
    assert outcome["broken"] == {}
    assert outcome["tables"]["follow-ups"] >= 100
    assert outcome["mails"] + outcome["texts"] > 0
    for fault in (
        "worker killed between two statements",
        "database connection cut",
        "act delivered twice",
        "message lost by the broker",
        "message delivered twice",
    ):  # whether a SIGKILL meets a process before it ends is the machine's affair; test_reminders_killed aims them
        assert outcome["faults"].get(fault, 0) > 0, fault
    assert {"died", "records joined", "exam filed anew"} & set(outcome["events"])
