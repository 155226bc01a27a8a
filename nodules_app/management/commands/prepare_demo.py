"""``manage.py prepare_demo DATA``: fill the clinic that the demo shows; a process of its own, for it loads torch."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand

from nodules_app.services.clinics import first_clinic
from nodules_app.services.demo_clinic import prepare_demo_clinic, why_nothing_came
from nodules_app.services.demo_list import bring_demo_list


class Command(BaseCommand):
    help = "Make one person of each role, import DATA, mark its known nodules; prints the sign-ins."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("data", type=Path, help="folder or zip with DICOM")
        parser.add_argument("--with-list", action="store_true", help="bring a list of simulated people, too")

    def handle(self, *, data: Path, with_list: bool, **_options: object) -> None:
        self.stdout.write(f"  {'name':<14} {'password':<20} role")
        for one in prepare_demo_clinic(data):
            self.stdout.write(f"  {one.username:<14} {one.password:<20} {one.role}")
        if with_list:
            bring_demo_list(first_clinic())
        if trouble := why_nothing_came(data):
            self.stdout.write(f"\n  {data} was not imported: {trouble}")
