"""``manage.py connections``: every connection's state, queue and last error; ``--test`` talks to each of them."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand

from nodules_app.selectors.connections import Standing, in_use, listening, standings
from nodules_app.services import connections


class Command(BaseCommand):
    """For an operator and for monitoring: ends with 1 where something needs a person."""

    help = "Say how each connection to a PACS stands: state, queue, last error."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--test", action="store_true", help="talk to each of them first (C-ECHO, QIDO-RS)")

    def handle(self, *, test: bool, **_options: object) -> None:
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


def _line(standing: Standing) -> str:
    one, queue = standing.connection, standing.queue
    roles = [name for name, has in (("receive", one.receives), ("query", one.queries), ("send", one.sends)) if has]
    said = f"  {standing.last_refusal['sentence']} {standing.last_refusal['remedy']}" if standing.last_refusal else ""
    counts = f"{queue.waiting} waiting, {queue.given_up} given up, {standing.broken_off} broken off"
    return (
        f"{one.clinic.name} / {one.name} ({one.kind}, {'+'.join(roles) or 'unused'}): {standing.state}; {counts}{said}"
    )
