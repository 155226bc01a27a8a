"""A pair of scans with a known map for the viewer's tests, and what a reader can see of the viewer."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from playwright.sync_api import Page

from nodules_app.dicom.volumes import save_volume
from nodules_app.models import Comparison, Patient, Scan
from nodules_app.services.cache import grid_file, volume_folder
from nodules_app.services.pipeline.registering import keep_grid
from registration.transform import Registration
from registration.volume import Volume
from tests import factories
from tests.browser.conftest import Visitor
from tests.maps import breathing

LPS = re.compile(r"([RL]) ([\d.]+) ([AP]) ([\d.]+) ([IS]) ([\d.]+) mm")
FEET_FIRST = np.diag([-1.0, 1.0, -1.0])  # rows run from the patient's left, slices from the head down
PLACES = ((12.0, -9.0, 4.0), (-20.0, 10.0, 16.0), (18.0, 14.0, -14.0))
DIAMETER_MM = 10.0


@dataclass(frozen=True)
class Pair:
    patient: Patient
    comparison: Comparison
    prior: Volume
    current: Volume
    found: Registration


def lung(shape_zyx: tuple[int, int, int], spacing: tuple[float, float, float], direction: NDArray, seed: int) -> Volume:
    """An empty noisy block whose middle is the patient's origin."""
    array = np.random.default_rng(seed).normal(-860, 25, shape_zyx).round().astype(np.int16)
    centre = np.asarray(spacing) * (np.asarray(shape_zyx) - 1) / 2
    x, y, z = -(centre[::-1] @ direction.T)
    return Volume(array, spacing, (x, y, z), direction)


def with_balls(volume: Volume, places: Sequence[Sequence[float]], diameter_mm: float = DIAMETER_MM) -> Volume:
    grid = np.stack(np.indices(volume.shape_zyx), axis=-1)
    for place in places:
        away_mm = (grid - volume.index_from_lps(place)) * np.asarray(volume.spacing_zyx_mm)
        volume.array_hu[np.linalg.norm(away_mm, axis=-1) <= diameter_mm / 2] = 30
    return volume


def pair() -> Pair:
    """Two scans with other pixels, other slices and another way up, joined by a map that is known."""
    patient = factories.patient()
    prior_scan, current_scan = factories.scan(patient, factories.PRIOR_ON), factories.scan(patient)
    prior = with_balls(lung((40, 128, 128), (2.0, 0.7, 0.7), np.eye(3), 1), PLACES)
    found = breathing(prior)
    places = found.current_from_prior(np.asarray(PLACES))
    current = with_balls(lung((52, 160, 160), (1.6, 0.6, 0.6), FEET_FIRST, 2), places)
    for place, there in zip(PLACES, places.tolist(), strict=True):
        nodule = factories.nodule(patient)
        factories.measurement(factories.finding(nodule, prior_scan, place), 500.0)
        factories.measurement(factories.finding(nodule, current_scan, tuple(there)), 520.0)
    comparison = factories.comparison(prior_scan, current_scan)
    keep(prior_scan, prior)
    keep(current_scan, current)
    join(comparison, found)
    return Pair(patient, comparison, prior, current, found)


def keep(scan: Scan, volume: Volume) -> None:
    save_volume(volume, volume_folder(scan.series))


def join(comparison: Comparison, found: Registration) -> None:
    """Let the viewer find the map between two scans."""
    comparison.registrations.create(
        method="test", version="1", residual_mm=0.3, inverse_error_mm=0.1, fold_fraction=0, map_file="none"
    )
    grid_file(comparison).parent.mkdir(parents=True, exist_ok=True)
    keep_grid(comparison, found)


class Screen:
    """What stands on the screen, read as a person reads it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def pane(self, role: str) -> str:
        return f'.pane[data-when="{role}"]'

    def says(self, role: str, what: str) -> str:
        return self.page.locator(f'{self.pane(role)} [data-say="{what}"]').text_content() or ""

    def slice(self, role: str) -> int:
        return int(re.search(r"(\d+) /", self.says(role, "slice")).group(1)) - 1

    def lps(self, role: str) -> NDArray[np.float64]:
        """The point under the pointer, or the one that is looked at, as written on the image (0.1 mm)."""
        told = LPS.search(self.says(role, "hu"))
        assert told, self.says(role, "hu")
        x, y, z = (float(told[k]) for k in (2, 4, 6))
        return np.array([x if told[1] == "L" else -x, y if told[3] == "P" else -y, z if told[5] == "S" else -z])

    def hu(self, role: str) -> int:
        return int(self.says(role, "hu").split(" HU")[0].replace("\N{MINUS SIGN}", "-"))

    def settle(self) -> None:
        """Wait until what was asked for is drawn."""
        self.page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settle()

    def box(self, role: str) -> dict[str, float]:
        box = self.page.locator(f"{self.pane(role)} canvas[data-main]").bounding_box()
        assert box
        return dict(box)

    def at(self, role: str, across: float, down: float) -> tuple[float, float]:
        """A place on the screen as shares of a view."""
        box = self.box(role)
        return box["x"] + across * box["width"], box["y"] + down * box["height"]

    def grey(self, role: str, across: float, down: float) -> int:
        script = """([role, across, down]) => {
            const canvas = document.querySelector(`.pane[data-when="${role}"] canvas[data-main]`);
            const [x, y] = [Math.floor(across * canvas.width), Math.floor(down * canvas.height)];
            return canvas.getContext("2d").getImageData(x, y, 1, 1).data[0];
        }"""
        return int(self.page.evaluate(script, [role, across, down]))


def opened(visitor: Visitor, patient: Patient, query: str = "") -> Screen:
    """Open the viewer and wait until every slice is there."""
    visitor.see(f"/patients/{patient.code}/read{query}")
    visitor.page.wait_for_selector("[data-room][data-complete-ms]")
    visitor.page.wait_for_function("() => document.querySelector('#room-sync').textContent !== 'REG …'")
    visitor.page.wait_for_load_state("networkidle")  # outlines too, or the end of a test finds the server at work
    screen = Screen(visitor.page)
    screen.settle()
    return screen
