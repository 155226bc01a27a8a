#!/usr/bin/env python
"""Django's command line; starts real servers of our own where the environment names none."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
from pathlib import Path
from types import FrameType

# These read no table: they must run on a machine where no server can start. `demo` starts its servers itself.
WITHOUT_SERVERS = frozenset(
    {
        "assess",
        "check",
        "collectstatic",
        "compare",
        "compilemessages",
        "demo",
        "help",
        "makemessages",
        "messages",
        "print_guidelines",
        "print_lifecycles",
        "simulate",
        "validate",
        "version",
    }
)

# A command that loads no table either: the process of ``compare`` starts a quarter of a second earlier.
COMPARE = "compare"


def needs_servers(arguments: list[str]) -> bool:
    """Whether this command speaks to the database or the queue, and nobody has named them."""
    if "DATABASE_URL" in os.environ and "REDIS_URL" in os.environ:
        return False
    asks_for_help = not arguments or {"-h", "--help", "--version"} & set(arguments)
    from_tables = "--clinic" in arguments  # validate reads a file, or what a clinic has recorded
    return not asks_for_help and (from_tables or arguments[0] not in WITHOUT_SERVERS)


def start_servers() -> None:
    """Start or join the servers of this checkout; what was started here is stopped at exit."""
    from nodules_app.embedded import EmbeddedServers, ServerTrouble  # noqa: PLC0415 - only where servers are needed

    named = {"DATABASE_URL", "REDIS_URL"} & set(os.environ)
    if named:
        sys.exit(f"Only {named.pop()} is set: set both DATABASE_URL and REDIS_URL, or neither.")
    try:
        servers = EmbeddedServers(Path(os.environ.get("NODULES_VAR") or Path(__file__).parent / "var"))
        atexit.register(servers.stop)
        for name, value in servers.start_or_join().items():
            os.environ.setdefault(name, value)
    except (ServerTrouble, OSError) as trouble:
        sys.exit(str(trouble))


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)  # as an exception, so that what was started is stopped


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    if needs_servers(sys.argv[1:]):
        signal.signal(signal.SIGTERM, _exit)
        signal.signal(signal.SIGHUP, _exit)
        start_servers()
    if sys.argv[1:2] == [COMPARE]:
        gc.disable()  # what is loaded stays: a collector that walks through all of it again and again finds nothing
        from nodules_app.management.commands.compare import Command  # noqa: PLC0415 - only where it is asked for

        gc.freeze()
        gc.enable()
        Command().run_from_argv(sys.argv)
        return
    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the environment is complete

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
