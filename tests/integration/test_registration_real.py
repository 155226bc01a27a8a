"""Registration and lungs on real CT: a pair with known motion, and scans of other patients."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from registration.errors import NoLungsFound, NotRegistrable, TurnedOver
from registration.lungs import segment_lungs
from registration.register import Registration, register
from registration.volume import Volume
from tests.data import research_data

pytestmark = pytest.mark.needs_data

Points = np.ndarray


def volume_of(folder: Path) -> Volume:
    with read_examination(folder) as examination:
        (series,) = examination.series
        return read_volume(series)


@pytest.fixture(scope="module")
def prior() -> Volume:
    return volume_of(research_data("nlst-101287/prior"))


@pytest.fixture(scope="module")
def current() -> Volume:
    return volume_of(research_data("nlst-101287/current"))


@pytest.fixture(scope="module")
def truth() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((research_data("nlst-101287") / "truth.json").read_text())
    return loaded


@pytest.fixture(scope="module")
def points(truth: dict[str, Any]) -> tuple[Points, Points]:
    """The 120 lung points on both scans."""
    listed = truth["lung_points"]
    return (np.array([p["prior_lps_mm"] for p in listed]), np.array([p["current_lps_mm"] for p in listed]))


@pytest.fixture(scope="module")
def registration(prior: Volume, current: Volume) -> Registration:
    return register(prior, current)


def test_lung_points_are_found(registration: Registration, points: tuple[Points, Points]) -> None:
    off_mm = np.linalg.norm(registration.current_from_prior(points[0]) - points[1], axis=1)
    assert np.median(off_mm) <= 0.15
    assert np.percentile(off_mm, 95) <= 0.5
    assert off_mm.max() < 1.0


def test_nodules_are_found(registration: Registration, truth: dict[str, Any]) -> None:
    for nodule in truth["nodules"]:
        found = registration.prior_from_current(nodule["current_lps_mm"])
        assert np.linalg.norm(found - nodule["expected_place_in_prior_lps_mm"]) < 0.5, nodule["id"]


def test_the_expected_error_is_the_error(registration: Registration, points: tuple[Points, Points]) -> None:
    off_mm = np.linalg.norm(registration.current_from_prior(points[0]) - points[1], axis=1)
    expected_mm = registration.residual_mm(points[0])
    assert 0.5 < np.mean(off_mm < expected_mm) < 0.97
    assert np.mean(off_mm < 2 * expected_mm) > 0.9
    assert registration.inverse_error_mm < 0.3
    assert registration.fold_fraction == 0


def test_the_swapped_pair_works(prior: Volume, current: Volume, points: tuple[Points, Points]) -> None:
    swapped = register(current, prior)
    off_mm = np.linalg.norm(swapped.current_from_prior(points[1]) - points[0], axis=1)
    assert np.median(off_mm) <= 0.15
    assert np.percentile(off_mm, 95) <= 0.5


def test_a_current_scan_without_the_apices_works(prior: Volume, current: Volume, points: tuple[Points, Points]) -> None:
    lower = current.crop((0, 0, 0), (70, 9999, 9999))
    shown = lower.contains(points[1])
    off_mm = np.linalg.norm(register(prior, lower).current_from_prior(points[0][shown]) - points[1][shown], axis=1)
    assert np.median(off_mm) <= 0.2
    assert np.percentile(off_mm, 95) < 1.0


def test_slices_of_five_millimetres_work(prior: Volume, current: Volume, points: tuple[Points, Points]) -> None:
    pairs = current.array_hu[:118].reshape(59, 2, *current.shape_zyx[1:]).astype(np.float32).mean(axis=1)
    x, y, z = current.lps_from_index([0.5, 0, 0])
    dz, dy, dx = current.spacing_zyx_mm
    thick = Volume(np.rint(pairs).astype(np.int16), (2 * dz, dy, dx), (x, y, z), current.direction)
    off_mm = np.linalg.norm(register(prior, thick).current_from_prior(points[0]) - points[1], axis=1)
    assert np.median(off_mm) <= 0.35
    assert np.percentile(off_mm, 95) < 1.0


def test_both_scans_show_the_same_lungs(prior: Volume, current: Volume) -> None:
    here, there = segment_lungs(prior), segment_lungs(current)
    for lungs in (here, there):
        assert not lungs.cut_above
        assert not lungs.cut_below
        assert 1.0 < lungs.right_ml / lungs.left_ml < 1.3
        assert -920 < lungs.mean_hu < -860
    assert there.total_ml / here.total_ml == pytest.approx(1.06, abs=0.06)  # a deeper breath


def test_nodules_lie_in_the_lungs(prior: Volume, truth: dict[str, Any]) -> None:
    lungs = segment_lungs(prior)
    places = [nodule["prior_lps_mm"] for nodule in truth["nodules"] if nodule["status"] != "new"]
    assert (lungs.distance_mm(places) < 8).all()  # A sits on the spine, beside the lung


def test_another_patient_is_refused(prior: Volume) -> None:
    other = volume_of(research_data("lidc-0001/ct"))
    with pytest.raises(NotRegistrable, match="different patients"):
        register(prior, other)


@pytest.mark.parametrize(("axis", "how"), [(0, "upside down"), (2, "mirrored")])
def test_slices_that_run_against_their_header_are_refused(prior: Volume, current: Volume, axis: int, how: str) -> None:
    wrong = replace(current, array_hu=np.ascontiguousarray(np.flip(current.array_hu, axis)))
    with pytest.raises(TurnedOver, match=how):
        register(prior, wrong)


def test_scans_of_different_parts_of_the_chest_are_refused(prior: Volume, current: Volume) -> None:
    bases, apices = prior.crop((0, 0, 0), (45, 9999, 9999)), current.crop((75, 0, 0), (9999, 9999, 9999))
    with pytest.raises(NotRegistrable):
        register(bases, apices)


def test_the_abdomen_alone_is_refused(prior: Volume) -> None:
    with pytest.raises(NoLungsFound):
        register(prior, prior.crop((0, 0, 0), (18, 9999, 9999)))
