"""``manage.py simulate FOLDER``: a patient who does not exist, with two CTs as DICOM and the truth beside them."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from inference.simulate import SimulatedPair, simulate_pair
from nodules_app.dicom.write_ct import CtHeader, write_ct

PRIOR_ON = date(2025, 3, 4)
BIRTH_DATE = date(1961, 5, 17)
# (slices, rows, columns) and millimetres: as a low-dose screening CT, and small for quick trials.
SIZES = {
    "screening": ((170, 400, 400), (1.9, 0.85, 0.85)),
    "full": ((300, 512, 512), (1.0, 0.68, 0.68)),
    "coarse": ((134, 224, 224), (2.4, 1.55, 1.55)),
    "small": ((96, 128, 128), (3.2, 2.7, 2.7)),
}


class Command(BaseCommand):
    """Needs no database: it only writes files."""

    help = "Write two chest CTs of a simulated patient into FOLDER/prior and FOLDER/current, and FOLDER/truth.json."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, help="a folder that does not exist yet, or is empty")
        parser.add_argument("--seed", type=int, default=1, help="another number makes another patient (default 1)")
        parser.add_argument("--size", choices=SIZES, default="screening")
        parser.add_argument("--days", type=int, default=182, help="from the first CT to the second (default 182)")
        parser.add_argument("--jpeg-ls", action="store_true", help="compress the pixels without loss")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 Django's own signature
        folder: Path = options["folder"]
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise CommandError(f"{folder} is not an empty folder. Name another one, or empty it first.")
        if options["seed"] < 0 or options["days"] < 1:
            raise CommandError("The seed must not be negative, and the second CT at least one day later.")
        shape_zyx, spacing_zyx_mm = SIZES[options["size"]]
        pair = simulate_pair(
            options["seed"], shape_zyx=shape_zyx, spacing_zyx_mm=spacing_zyx_mm, interval_days=options["days"]
        )
        write_pair(pair, folder, jpeg_ls=options["jpeg_ls"])
        self.stdout.write(f"{folder}: 2 x {shape_zyx[0]} slices, {len(pair.truth.nodules)} nodules; see truth.json.")


def write_pair(pair: SimulatedPair, folder: Path, *, jpeg_ls: bool = False) -> None:
    """Write both scans and, last of all, the truth: where that file stands the pair is complete."""
    seed, days = pair.truth.seed, pair.truth.interval_days
    scans = (("prior", pair.prior, pair.prior_scanner, 0), ("current", pair.current, pair.current_scanner, days))
    for day, volume, scanner, after_days in scans:
        header = CtHeader(
            uid_seed=f"simulated chest {seed}",
            patient_name=f"Simulated^Patient {seed}",
            patient_id=f"SIM-{seed:04d}",
            accession=f"SIM{seed:04d}-{after_days}",
            acquired_on=PRIOR_ON + timedelta(days=after_days),
            kernel=f"SIM-{scanner.kernel.upper()}",
            slice_thickness_mm=scanner.slice_thickness_mm,
            birth_date=BIRTH_DATE,
            sex="M",
            exposure_mas=scanner.exposure_mas,
        )
        write_ct(volume, folder / day, header, jpeg_ls=jpeg_ls)
    partial = folder / "truth.json.partial"
    partial.write_text(pair.truth.to_json(), encoding="utf-8")
    partial.replace(folder / "truth.json")
