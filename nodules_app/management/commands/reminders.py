"""``manage.py reminders sweep|dispatch|reconcile``: what beat asks for, once and now."""

from __future__ import annotations

from argparse import ArgumentParser

from django.core.management.base import BaseCommand
from django.utils import timezone

from nodules_app.services.reminders.dispatch import dispatch
from nodules_app.services.reminders.reconcile import reconcile
from nodules_app.services.reminders.sweep import sweep


class Command(BaseCommand):
    """For an operator after an outage, and for a machine whose clock starts work by other means than beat."""

    help = "Look for due reminders, hand over what waits, or repair what was left half way; each once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("part", choices=["sweep", "dispatch", "reconcile"])

    def handle(self, *, part: str, **_options: object) -> None:
        if part == "sweep":
            swept = sweep(now=timezone.now())
            told = f"{swept.looked_at} open steps, {swept.written} reminders" if swept else "another sweep is at work"
        elif part == "dispatch":
            told = f"{dispatch(now=timezone.now)} messages taken up"
        else:
            told = ", ".join(f"{name}: {count}" for name, count in reconcile(now=timezone.now()).items())
        self.stdout.write(told)
