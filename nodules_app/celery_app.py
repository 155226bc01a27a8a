"""The Celery application: settings from Django, tasks from ``nodules_app.tasks``."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
app = Celery("nodules")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["nodules_app"])
