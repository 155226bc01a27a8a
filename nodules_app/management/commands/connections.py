"""``manage.py connections``: every connection's state, queue and last error; ``--test`` talks to each of them first.

``--seal-anew`` is the second step of changing the key of their passwords.
"""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand, CommandError

from nodules_app.selectors.connections import Standing, in_use, listening, standings
from nodules_app.services import connections
from nodules_app.services.sealing import SealBroken


class Command(BaseCommand):
    """For an operator and for monitoring: ends with 1 where something needs a person."""

    help = "Say how each connection to a PACS stands: state, queue, last error."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--test", action="store_true", help="talk to each of them first (C-ECHO, QIDO-RS)")

        parser.add_argument(
            "--seal-anew", action="store_true", help="seal every stored password with the newest key, and do no more"
        )

    def handle(self, *, test: bool, seal_anew: bool, **_options: object) -> None:
        if seal_anew:
            self._seal_anew()
            return
        if test:
            for connection in in_use():
                connections.test(connection=connection, by=None)
        up = listening()
        receiver = f"listening as {up.title} on port {up.port}" if up else "not running"
        self.stdout.write(f"receiver: {receiver}")
        found = standings(in_use())
        for standing in found:
            self.stdout.write(_line(standing))
        if any(standing.state in ("refuses", "failing") or standing.queue.given_up for standing in found):
            raise SystemExit(1)

    def _seal_anew(self) -> None:
        try:
            sealed = connections.seal_anew()
        except SealBroken as broken:
            raise CommandError(f"{broken.sentence} {broken.remedy} Nothing was changed.") from broken
        self.stdout.write(f"{sealed} stored passwords are sealed with the newest key.")


def _line(standing: Standing) -> str:
    one, queue = standing.connection, standing.queue
    roles = [name for name, has in (("receive", one.receives), ("query", one.queries), ("send", one.sends)) if has]
    said = f"  {standing.last_refusal['sentence']} {standing.last_refusal['remedy']}" if standing.last_refusal else ""
    counts = f"{queue.waiting} waiting, {queue.given_up} given up, {standing.broken_off} broken off"
    return (
        f"{one.clinic.name} / {one.name} ({one.kind}, {'+'.join(roles) or 'unused'}): {standing.state}; {counts}{said}"
    )
