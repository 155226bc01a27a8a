"""``manage.py receive``: listen for exams that scanners and PACS send, until stopped."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from nodules_app.services import receiving


class Command(BaseCommand):
    """One process for an installation; who may call is set up on the page of connections."""

    help = "Listen for DICOM (C-STORE, C-ECHO); exams that came whole are handed to the workers."

    def handle(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401 Django's own signature
        told_to_stop = threading.Event()
        for sign in (signal.SIGTERM, signal.SIGINT):
            signal.signal(sign, lambda *_: told_to_stop.set())
        receiving.listen(stopped=told_to_stop.is_set, on=self._up)

    def _up(self, port: int) -> None:
        self.stdout.write(f"Listening as {settings.DICOM_TITLE} on port {port}.")
        self.stdout.flush()
