"""The main job under ``kill -9`` of worker, Redis and PostgreSQL: nothing is lost, nothing is done twice."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from nodules_app.embedded.machine import free_port
from tests.integration.test_demo import PRODUCT, ROOT, Demo, elsewhere

LIMIT_S = 240.0
QUICK = {"NODULES_RUN_LEASE_S": "3", "NODULES_SWEEP_S": "1", "NODULES_SEND_AGAIN_S": "3"}


@pytest.fixture
def var() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="nodules-kills-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def read_urls(var: Path) -> dict[str, str]:
    pairs = (line.split("=", 1) for line in (var / "servers.env").read_text("utf-8").splitlines() if "=" in line)
    return dict(pairs)


def ask(var: Path, question: str) -> list[tuple[object, ...]]:
    """Ask the database; while it is down or recovering, ask again."""
    deadline_s = time.monotonic() + LIMIT_S
    while True:
        try:
            with closing(psycopg2.connect(read_urls(var)["DATABASE_URL"])) as link, link.cursor() as cursor:
                cursor.execute(question)
                return cursor.fetchall()
        except psycopg2.OperationalError:
            assert time.monotonic() < deadline_s
            time.sleep(0.2)


@pytest.mark.slow
def test_kills_at_any_moment_lose_nothing_and_do_nothing_twice(
    var: Path, simulated_patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (QUICK | {"NODULES_VAR": str(var)}).items():
        monkeypatch.setenv(name, value)
    demo = Demo(PRODUCT, str(var), str(free_port()))
    try:
        demo.until("Ctrl-C ends it")
        subprocess.run(
            [sys.executable, "manage.py", "prepare_demo", str(simulated_patient)],
            cwd=ROOT,
            env=elsewhere() | read_urls(var),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        kill_one_part_after_each_step(demo, var)
        wait_until_all_work_has_ended(var)
    finally:
        demo.process.terminate()
        demo.ended()


def kill_one_part_after_each_step(demo: Demo, var: Path) -> None:
    """Kill the parts in turn, each time when another run has ended, so that the blows fall on different steps."""
    seen = 0
    for words in (("celery", "worker"), ("valkey",), ("postgres", "-D"), ("celery", "worker")):
        deadline_s = time.monotonic() + LIMIT_S
        while (
            ended := int(str(ask(var, "SELECT count(*) FROM nodules_app_run WHERE state = 'succeeded'")[0][0]))
        ) <= seen:
            assert time.monotonic() < deadline_s, "no run ended any more"
            time.sleep(0.05)
        seen = ended
        demo.one(*words).kill()


def wait_until_all_work_has_ended(var: Path) -> None:
    deadline_s = time.monotonic() + LIMIT_S
    while ask(var, "SELECT 1 FROM nodules_app_run WHERE state IN ('queued', 'running')") or not ask(
        var, "SELECT 1 FROM nodules_app_run WHERE kind = 'plan' AND state = 'succeeded'"
    ):
        assert time.monotonic() < deadline_s, ask(var, "SELECT kind, state, attempt, failure FROM nodules_app_run")
        time.sleep(0.2)
    assert ask(var, "SELECT kind, failure FROM nodules_app_run WHERE state <> 'succeeded'") == []
    assert ask(var, "SELECT count(*) FROM nodules_app_uncovered_nodule") == [(0,)]
    twice = "SELECT finding_id FROM nodules_app_measurement GROUP BY finding_id HAVING count(*) > 1"
    assert ask(var, twice) == []
    assert ask(var, "SELECT nodule_id FROM nodules_app_match GROUP BY nodule_id HAVING count(*) > 1") == []
    open_steps = "SELECT count(*) FROM nodules_app_followup WHERE state = 'proposed' AND kind <> 'review'"
    assert ask(var, open_steps) == [(1,)]
