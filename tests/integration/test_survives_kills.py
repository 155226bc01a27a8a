"""The product's own processes under ``kill -9``: each is started again, nothing is lost or done twice, none stays."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from nodules_app.demo.supervisor import answers
from nodules_app.embedded.machine import free_port
from tests.integration.test_demo import ROOT, Demo, elsewhere, eventually, gone

LIMIT_S = 240.0
QUICK = {"NODULES_RUN_LEASE_S": "3", "NODULES_SWEEP_S": "1", "NODULES_SEND_AGAIN_S": "3"}


# The real supervisor with the product's processes; nothing is imported, so that the test is about processes.
PRODUCT = """
import sys
from pathlib import Path
from nodules_app.demo.product import children
from nodules_app.demo.supervisor import Step, Supervisor
var, port = Path(sys.argv[1]), int(sys.argv[2])
migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
sys.exit(Supervisor(var, port, [Step("the tables are up to date", migrate)], children(var, port)).run())
"""


@pytest.fixture(scope="module")
def var() -> Iterator[Path]:
    """One folder for both tests: the second starts on what the first has left, as a product does."""
    folder = Path(tempfile.mkdtemp(prefix="nodules-kills-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def running(var: Path, port: int) -> Iterator[Demo]:
    """The product, up; nothing of it is left behind, whatever a test does."""
    demo = Demo(PRODUCT, str(var), str(port))
    try:
        demo.until("Ctrl-C ends it")
        yield demo
    finally:
        assert demo.process.stdout is not None
        if not demo.process.stdout.closed:  # the test has not seen it to its end
            demo.process.terminate()
            demo.ended()


def healthy(part: str, var: Path, port: int, urls: dict[str, str]) -> bool:
    """Ask as a container's health check does."""
    where = {
        "NODULES_HEALTH_URL": f"http://127.0.0.1:{port}/healthz",
        "NODULES_WORKER_NAME": f"demo-{port}@{socket.gethostname()}",
        "NODULES_BEAT_SCHEDULE": str(var / "beat-schedule"),
    }
    command = [sys.executable, "docker/healthy", part]
    return subprocess.run(command, cwd=ROOT, env=elsewhere() | urls | where, check=False).returncode == 0


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
def test_the_whole_product_starts_outlives_the_death_of_each_part_and_ends(var: Path) -> None:
    port = free_port()
    with running(var, port) as demo:
        order = ["PostgreSQL answers", "Valkey", "tables are up to date", "pages are up", f"http://127.0.0.1:{port}/"]
        assert [demo.said.index(line) for line in order] == sorted(demo.said.index(line) for line in order)
        with closing(psycopg2.connect(read_urls(var)["DATABASE_URL"])) as link, link.cursor() as cursor:
            cursor.execute("CREATE TABLE kept AS SELECT 7 AS value")
            link.commit()

        demo.one("postgres", "-D").kill()
        demo.until("PostgreSQL answers again")
        demo.one("valkey-server").kill()
        demo.until(r"Valkey \(Redis\) answers again")
        worker_log = var / "log" / "worker.log"
        eventually(lambda: worker_log.read_text().count(" ready.") == 1)
        demo.one("celery", "worker", "cpu,gpu").kill()
        demo.until(r"worker ended unexpectedly \(signal 9\): starting it again")
        demo.one("gunicorn").kill()
        demo.until(r"web ended unexpectedly \(signal 9\): starting it again")

        eventually(lambda: answers(f"http://127.0.0.1:{port}/healthz"))
        assert ask(var, "SELECT value FROM kept") == [(7,)]
        eventually(lambda: worker_log.read_text().count(" ready.") == 2)
        for part in ("web", "worker", "beat"):
            assert healthy(part, var, port, read_urls(var))

        family = demo.family()
        assert len(family) >= 9  # two servers, pages, two workers and clock, and what they started
        demo.process.terminate()
        assert demo.ended() == 0
        assert "everything has ended" in demo.said
        assert gone(family)


@pytest.mark.slow
def test_kills_at_any_moment_lose_nothing_and_do_nothing_twice(
    var: Path, simulated_patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (QUICK | {"NODULES_VAR": str(var)}).items():
        monkeypatch.setenv(name, value)
    with running(var, free_port()) as demo:
        subprocess.run(
            [sys.executable, "manage.py", "prepare_demo", str(simulated_patient)],
            cwd=ROOT,
            env=elsewhere() | read_urls(var),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        kill_one_part_after_each_step(demo, var)
        wait_until_all_work_has_ended(var)
        family = demo.family()
        # Only Linux tells children that their parent died; elsewhere the supervisor has to be asked.
        demo.process.send_signal(signal.SIGKILL if sys.platform == "linux" else signal.SIGTERM)
        assert gone(family)


def kill_one_part_after_each_step(demo: Demo, var: Path) -> None:
    """Kill the parts in turn, each time when another run has ended, so that the blows fall on different steps."""
    seen = 0
    for words in (("celery", "worker", "cpu,gpu"), ("valkey",), ("postgres", "-D"), ("celery", "worker", "desk")):
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
        assert time.monotonic() < deadline_s, "\n".join(
            map(str, ask(var, "SELECT kind, state, attempt, not_before, lease_until, failure FROM nodules_app_run"))
        )
        time.sleep(0.2)
    assert ask(var, "SELECT kind, failure FROM nodules_app_run WHERE state <> 'succeeded'") == []
    assert ask(var, "SELECT count(*) FROM nodules_app_uncovered_nodule") == [(0,)]
    twice = "SELECT finding_id FROM nodules_app_measurement GROUP BY finding_id HAVING count(*) > 1"
    assert ask(var, twice) == []
    assert ask(var, "SELECT nodule_id FROM nodules_app_match GROUP BY nodule_id HAVING count(*) > 1") == []
    open_steps = (
        "SELECT count(*) FROM nodules_app_followup WHERE state = 'proposed' AND kind <> 'review'"
        " AND patient_id IN (SELECT patient_id FROM nodules_app_study)"  # the demo's list has steps of its own
    )
    assert ask(var, open_steps) == [(1,)]
