"""The viewer on a real chest and its moved copy: our own registration, the published truth, the files' own values."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from django.conf import LazySettings

from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from nodules_app.models import Patient, User
from registration.lungs import segment_lungs
from registration.register import register
from registration.transform import Registration
from registration.volume import Volume
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.viewing import Screen, join, keep, opened
from tests.data import research_data

pytestmark = pytest.mark.needs_data

WITHIN_MM = 2.0
Real = tuple[Volume, Volume, Registration]


def volume_of(folder: Path) -> Volume:
    with read_examination(folder) as examination:
        (series,) = examination.series
        return read_volume(series)


@pytest.fixture(scope="module")
def registered() -> Real:
    """Prior, current and the map between them; the one step here that takes long."""
    folder = research_data("nlst-101287")
    prior, current = volume_of(folder / "prior"), volume_of(folder / "current")
    lungs = {"prior_lungs": segment_lungs(prior), "current_lungs": segment_lungs(current)}
    return prior, current, register(prior, current, **lungs)


@pytest.fixture
def chest(transactional_db: None, tmp_path: Path, settings: LazySettings, registered: Real) -> Patient:
    settings.CACHE_DIR = tmp_path / "cache"
    prior, current, found = registered
    patient = factories.patient()
    earlier, later = factories.scan(patient, date(1999, 1, 2)), factories.scan(patient, date(1999, 7, 4))
    keep(earlier, prior)
    keep(later, current)
    pair = factories.comparison(earlier, later)
    join(pair, found)
    for told in truth()["nodules"]:
        nodule = factories.nodule(patient)
        for scan, where in ((earlier, told.get("prior_lps_mm")), (later, told["current_lps_mm"])):
            if where is not None:
                factories.finding(nodule, scan, tuple(where))
    return patient


def truth() -> dict[str, Any]:
    told: dict[str, Any] = json.loads((research_data("nlst-101287") / "truth.json").read_text())
    return told


def test_points_all_over_the_lungs_are_linked_within_two_millimetres(
    visit: Visit, reader: User, chest: Patient
) -> None:
    screen = opened(visit(as_=reader), chest)
    earlier, later = (str(study.scans.get().code) for study in chest.studies.order_by("acquired_on"))
    points = [(point["prior_lps_mm"], point["current_lps_mm"]) for point in truth()["lung_points"]]
    apart_mm = []
    for prior, current in points[::6]:
        for code, here, other, there in ((earlier, prior, "current", current), (later, current, "prior", prior)):
            go(screen, code, here)
            apart_mm.append(float(np.linalg.norm(screen.lps(other) - there)))
    assert max(apart_mm) < WITHIN_MM
    assert np.median(apart_mm) < WITHIN_MM / 4


def go(screen: Screen, scan: str, lps_mm: list[float]) -> None:
    detail = {"scan": scan, "lps_mm": lps_mm}
    screen.page.evaluate("(detail) => document.dispatchEvent(new CustomEvent('viewer:show', { detail }))", detail)
    screen.settle()


def test_the_values_on_the_screen_are_those_of_the_files(visit: Visit, reader: User, chest: Patient) -> None:
    screen = opened(visit(as_=reader), chest)
    (earlier, _) = (str(study.scans.get().code) for study in chest.studies.order_by("acquired_on"))
    files = sorted((research_data("nlst-101287") / "prior").iterdir())
    for path in files[20::40]:
        dataset = pydicom.dcmread(path)
        stored = dataset.pixel_array * int(dataset.RescaleSlope) + int(dataset.RescaleIntercept)
        row_mm, column_mm = (float(one) for one in dataset.PixelSpacing)
        x, y, z = (float(one) for one in dataset.ImagePositionPatient)
        for row, column in np.random.default_rng(5).integers(180, 330, (6, 2)).tolist():
            go(screen, earlier, [x + column * column_mm, y + row * row_mm, z])
            assert screen.hu("prior") == stored[row, column]
