"""The one Django app of the house."""

from __future__ import annotations

from django.apps import AppConfig


class NodulesConfig(AppConfig):
    name = "nodules_app"
    label = "nodules_app"
    default_auto_field = "django.db.models.BigAutoField"
