"""``manage.py export_deidentified --project NAME --out FILE.zip``: patients without their persons, for research."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from nodules_app.models import Clinic, Patient
from nodules_app.selectors.deidentified import signed_patients
from nodules_app.services import deidentified
from nodules_app.services.clinics import first_clinic
from registration.errors import Refused


class Command(BaseCommand):
    help = "Write images, SR, SEG and tables of patients into a zip that names nobody (DICOM PS3.15 Annex E)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="small letters, digits, hyphens; decides the pseudonyms")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE.zip")
        parser.add_argument(
            "--patient", action="append", default=[], metavar="CODE", help="repeatable; else the clinic"
        )
        parser.add_argument("--clinic", metavar="NAME", help="whose patients; the only one when there is one")
        parser.add_argument("--signed-since", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--signed-until", type=date.fromisoformat, metavar="YYYY-MM-DD")
        parser.add_argument("--tables-only", action="store_true", help="no images, no SR, no SEG")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        try:
            done = deidentified.export(
                patients=self._patients(options),
                project=options["project"],
                out=options["out"],
                by=None,
                with_images=not options["tables_only"],
            )
        except Refused as refusal:
            raise CommandError(f"{refusal.as_sentence()} {refusal.as_remedy()}") from refusal
        for one in done.left_out:
            self.stderr.write(f"left out: {one['patient']} exam {one['exam']}: {one['because']}")
        self.stdout.write(f"{done.patients} patients, {done.images} images, {done.objects} objects.")

    def _patients(self, options: dict[str, Any]) -> list[Patient]:
        if options["patient"]:
            found = list(Patient.objects.filter(code__in=options["patient"]).select_related("clinic").order_by("pk"))
            if len(found) != len(set(options["patient"])):
                raise CommandError("One of the patients is not known here.")
            return found
        clinic = self._clinic(options["clinic"])
        return signed_patients(clinic, since=options["signed_since"], until=options["signed_until"])

    def _clinic(self, name: str | None) -> Clinic:
        if name is None:
            return first_clinic()
        clinic = Clinic.objects.filter(name=name).first()
        if clinic is None:
            raise CommandError(f"There is no clinic named {name}.")
        return clinic
