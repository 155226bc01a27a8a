"""A small exam on the disk and a signed reading of it, for tests of the objects that are made of it."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np

from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.signed_report import Mask, Quantity, ReportedAnswer, ReportedNodule, SignedReport
from nodules_app.dicom.source_images import SourceImages
from nodules_app.dicom.write_ct import CtHeader, write_ct
from registration.volume import Volume
from tests.peers import program

HEADER = CtHeader(
    uid_seed="objects",
    patient_name="Simulated^Patient=张^三",
    patient_id="SIM-7",
    accession="ACC-7",
    acquired_on=date(2026, 11, 18),
    kernel="SIM-SOFT",
    slice_thickness_mm=2.0,
    birth_date=date(1958, 3, 14),
    sex="M",
)
SHAPE, SPACING = (10, 32, 40), (2.0, 0.7, 0.65)


def source(folder: Path, header: CtHeader = HEADER) -> SourceImages:
    """Write ten slices of noise and read them again."""
    array = np.random.default_rng(3).normal(-850, 30, SHAPE).astype(np.int16)
    write_ct(Volume(array, SPACING, (-20.0, 10.0, -300.5), np.eye(3)), folder, header)
    with read_examination(folder) as examination:
        return SourceImages(examination.series[0])


def block(start: tuple[int, int, int], size: tuple[int, int, int]) -> Mask:
    """A mask with one empty layer of margin, as outlines have it."""
    inside = np.zeros(tuple(n + 2 for n in size), bool)
    inside[1:-1, 1:-1, 1:-1] = True
    z, y, x = start
    return Mask(inside, (z - 1, y - 1, x - 1))


def nodules() -> tuple[ReportedNodule, ...]:
    whole = ReportedNodule(
        label="N1",
        tracking_uid="2.25.101",
        lobe="RUL",
        present=True,
        attenuation="part_solid",
        word="larger-markedly",
        key_plane=4,
        quantities=(
            Quantity("volume_mm3", 541.0, 441.0, 641.0),
            Quantity("mean_diameter_mm", 10.1, 9.5, 10.7),
            Quantity("long_axis_mm", 10.6),
            Quantity("short_axis_mm", 9.6),
            Quantity("mean_hu", -12.0),
            Quantity("mass_mg", 534.0),
            Quantity("solid_mean_diameter_mm", 4.2),
            Quantity("volume_change_percent", 36.0, 12.5, 61.0),
            Quantity("vdt_days", 413, 260, None),
            Quantity("interval_days", 183),
        ),
        method="star-35",
        method_version="star-pv 3",
        drawn_by="Reader^A",
        outline=block((3, 10, 12), (3, 6, 8)),
        solid=block((4, 12, 14), (1, 2, 3)),
    )
    apart = replace(
        whole,
        label="N2",
        tracking_uid="2.25.102",
        lobe="LLL",
        attenuation="solid",
        word="new",
        key_plane=7,
        quantities=(Quantity("volume_mm3", 88.0),),
        drawn_by="",
        outline=block((6, 20, 25), (2, 4, 4)),
        solid=None,
    )
    caliper = replace(
        apart, label="N3", tracking_uid="2.25.103", lobe="", outline=None, quantities=(Quantity("long_axis_mm", 6.5),)
    )
    gone = ReportedNodule("N4", "2.25.104", "RML", False, "", "resolved", None)
    refused = ReportedNodule("N5", "2.25.105", "RLL", True, "", "", 2, why_not_measured="not_separable")
    return whole, apart, caliper, gone, refused


def report(**changed: object) -> SignedReport:
    signed = SignedReport(
        name="reading-7",
        revision=0,
        observer="Reader^Anna",
        organisation="Test Clinic",
        signed_at=datetime(2026, 11, 20, 9, 30),  # noqa: DTZ001 UTC, as objects write it
        made_at=datetime(2026, 11, 20, 9, 30),  # noqa: DTZ001
        software_version="rules R1",
        exam_on=date(2026, 11, 18),
        prior_on=date(2026, 5, 19),
        nodules=nodules(),
        answers=(
            ReportedAnswer("FLEISCHNER2017", "2017", "SOLID.SINGLE.6-8.HIGH", "F.1", "CT at 6-12 months."),
            ReportedAnswer("LUNGRADS2022", "2022", "4A", "L.4A", "CT at 3 months."),
        ),
        recommended="CT at 6-12 months. Between 2027-05-18 and 2027-08-18.",
        recommended_on=date(2027, 5, 18),
    )
    return replace(signed, **changed)


def verdict(data: bytes, folder: Path) -> tuple[list[str], list[str]]:
    """Errors and warnings of dciodvfy about one file; skips where it is not installed."""
    path = folder / "judged.dcm"
    path.write_bytes(data)
    command = [program("dciodvfy", "dicom3tools"), "-new", str(path)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    lines = (said.stderr + said.stdout).splitlines()
    return [one for one in lines if one.startswith("Error")], [one for one in lines if one.startswith("Warning")]
