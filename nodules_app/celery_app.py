"""The Celery application: settings from Django.

Each worker names the tasks it knows (``--include nodules_app.tasks.desk``): pages and clock name tasks by word only, so
that neither holds what a task needs.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

from celery import Celery
from celery.signals import worker_process_init

PR_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>


def end_with_the_worker(**_: object) -> None:
    """Ask the kernel to end a pool process when its worker dies: left alone it would wait for ever (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)


worker_process_init.connect(end_with_the_worker)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
# Django's checks would load every page into every worker, 100 MB; ``migrate`` has run them before one starts.
os.environ.setdefault("CELERY_SKIP_CHECKS", "true")
app = Celery("nodules")
app.config_from_object("django.conf:settings", namespace="CELERY")
