"""One patient with two scans of 300 slices and a map between them, for the benchmark of the viewer."""

from __future__ import annotations

from datetime import date

import numpy as np
from django.core.management import call_command
from django.test import Client
from numpy.typing import NDArray

from nodules_app.charts import viewing
from nodules_app.dicom.volumes import save_volume
from nodules_app.models import Patient, Role, Scan, User
from nodules_app.selectors import viewer
from nodules_app.services.cache import grid_file, volume_folder
from nodules_app.services.pipeline.registering import keep_grid
from registration.volume import Volume
from tests import factories
from tests.maps import breathing

SHAPE_ZYX = (300, 512, 512)
SPACING_ZYX_MM = (1.0, 0.7, 0.7)
MARKED_LPS_MM = (60.0, 10.0, 20.0)  # a nodule of both scans, in the left lung
MISSED_LPS_MM = (-60.0, 10.0, -40.0)  # one that nobody has marked, in the right lung
DIAMETERS_MM = (9.0, 10.0)  # prior, current
BLUR_MM = 0.35
LEAST_SHARE = 0.01
NOISE_HU = 22.0  # of a low-dose scan with a medium kernel: what makes slices hard to compress


def prepare() -> tuple[Patient, User]:
    """Lay out the tables, and make a reader and the patient."""
    call_command("migrate", verbosity=0)
    reader = factories.member(Role.RADIOLOGIST)
    patient = factories.patient()
    sides = {"slices": SHAPE_ZYX[0], "rows": SHAPE_ZYX[1], "columns": SHAPE_ZYX[2], "slice_thickness_mm": 1.0}
    prior = factories.scan(patient, date(2026, 5, 19), **sides)
    current = factories.scan(patient, date(2026, 11, 18), **sides)
    kept = [_keep(scan, seed, DIAMETERS_MM[seed]) for seed, scan in enumerate((prior, current))]
    comparison = factories.comparison(prior, current)
    comparison.registrations.create(
        method="test", version="1", residual_mm=0.3, inverse_error_mm=0.1, fold_fraction=0, map_file="none"
    )
    grid_file(comparison).parent.mkdir(parents=True, exist_ok=True)
    keep_grid(comparison, breathing(kept[0]))
    nodule = factories.nodule(patient)
    for scan in (prior, current):
        factories.finding(nodule, scan, MARKED_LPS_MM)
    return patient, reader


def slab_addresses(patient: Patient, reader: User) -> tuple[list[tuple[str, int]], str]:
    """Every request for slices that opening both scans makes, with the voxels it gives; and the reader's session."""
    client = Client(headers={"host": "localhost"})
    client.force_login(reader)
    facts = viewing.room_facts(viewer.room(patient), hidden=False)
    slabs = range(0, SHAPE_ZYX[0], 8)
    voxels = SHAPE_ZYX[1] * SHAPE_ZYX[2]
    asked = [(first, min(8, SHAPE_ZYX[0] - first)) for first in slabs]
    wanted = [(f"{scan['slabs']}{first}/{count}", count * voxels) for scan in facts["scans"] for first, count in asked]
    return wanted, client.cookies["sessionid"].value


def _keep(scan: Scan, seed: int, diameter_mm: float) -> Volume:
    rng = np.random.default_rng(seed)
    chest = _chest()
    array = np.empty(SHAPE_ZYX, np.int16)
    noise = NOISE_HU * rng.standard_normal((17, *chest.shape), dtype=np.float32)  # no slab holds the same twice
    for number, layer in enumerate(array):
        layer[:] = chest + noise[number % len(noise)]
    origin = tuple(-np.asarray(SPACING_ZYX_MM)[::-1] * (np.asarray(SHAPE_ZYX)[::-1] - 1) / 2)
    volume = Volume(array, SPACING_ZYX_MM, (float(origin[0]), float(origin[1]), float(origin[2])), np.eye(3))
    for place in (MARKED_LPS_MM, MISSED_LPS_MM):
        _put_ball(volume, place, diameter_mm, rng)
    save_volume(volume, volume_folder(scan.series))
    return volume


def _put_ball(volume: Volume, lps_mm: tuple[float, float, float], diameter_mm: float, rng: np.random.Generator) -> None:
    """Lay a ball of soft tissue into a scan, its border as blurred as a scanner's."""
    centre = volume.index_from_lps(lps_mm)
    reach = np.ceil(diameter_mm / np.asarray(SPACING_ZYX_MM)).astype(int)
    first = np.round(centre).astype(int) - reach
    z, y, x = (slice(int(a), int(a + 2 * r + 1)) for a, r in zip(first, reach, strict=True))
    axes = np.ogrid[z, y, x]
    squares = (((axis - at) * step) ** 2 for axis, at, step in zip(axes, centre, SPACING_ZYX_MM, strict=True))
    inside = 1 / (1 + np.exp((np.sqrt(sum(squares)) - diameter_mm / 2) / BLUR_MM))
    here = volume.array_hu[z, y, x]
    here[:] = np.where(inside > LEAST_SHARE, -860 + 900 * inside + NOISE_HU * rng.standard_normal(here.shape), here)


def _chest() -> NDArray[np.float32]:
    """A body of soft tissue with two lungs in air."""
    y, x = np.mgrid[-1:1:512j, -1:1:512j]
    slice_hu = np.full((512, 512), -1000, np.float32)
    slice_hu[(x / 0.9) ** 2 + (y / 0.65) ** 2 < 1] = 40
    for side in (-0.42, 0.42):
        slice_hu[((x - side) / 0.3) ** 2 + (y / 0.45) ** 2 < 1] = -860
    return slice_hu
