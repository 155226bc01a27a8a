"""A winter in the simulated clinic: the end of a year, a leap day and the change of the clocks, with many faults.

The five years with 20,000 follow-ups are ``python -m tests.simulation``; see ``docs/simulation.md``.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from django.conf import LazySettings

from tests.simulation.whole import live

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

BEGAN, DAYS = date(2027, 12, 27), 95  # until the end of March 2028


def test_nobody_is_lost_in_a_winter_of_faults(settings: LazySettings, tmp_path: Path) -> None:
    settings.CACHE_DIR = tmp_path
    outcome = live(wanted=200, began=BEGAN, days=DAYS, seed=3, faults=0.25)
    assert outcome.broken == {}
    assert outcome.tables["follow-ups"] >= 100
    assert outcome.mails + outcome.texts > 0
    for fault in (
        "worker killed between two statements",
        "database connection cut",
        "act delivered twice",
        "message lost by the broker",
        "message delivered twice",
    ):  # whether a SIGKILL meets a process before it ends is the machine's affair; test_reminders_killed aims them
        assert outcome.faults[fault] > 0, fault
    assert {"died", "records joined", "exam filed anew"} & set(outcome.events)
