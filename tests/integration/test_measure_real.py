"""Measurement on real CT with known truth: phantom spheres, a follow-up pair with known growth, readers' outlines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.candidates import find_candidates, held_against_each_other
from inference.errors import NotMeasured
from inference.follow import FollowedNodule, follow_nodule
from inference.measure import NoduleMeasurement, measure
from inference.noise import measure_noise
from inference.sightings import Scan
from nodules_app.dicom.choose import choose_series
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from registration.lungs import segment_lungs
from registration.register import register
from registration.transform import Registration
from registration.volume import Volume
from tests.data import research_data

pytestmark = [pytest.mark.needs_data]


def read_scan(folder: str, *, with_lungs: bool = True) -> Scan:
    with read_examination(research_data(folder)) as exam:
        series = choose_series(exam.series).series
        volume = read_volume(series)
    return Scan(
        volume=volume,
        lungs=segment_lungs(volume) if with_lungs else None,
        slice_thickness_mm=series.slice_thickness_mm,
        noise=measure_noise(volume),
    )


@dataclass(frozen=True)
class Pair:
    prior: Scan
    current: Scan
    registration: Registration
    nodules: dict[str, dict[str, Any]]

    def follow(self, name: str, on: str, shift_mm: NDArray[np.float64] | float = 0.0) -> FollowedNodule:
        asked = np.asarray(self.nodules[name][f"{on}_lps_mm"]) + shift_mm
        return follow_nodule(
            self.prior,
            self.current,
            self.registration,
            asked,
            asked_on="prior" if on == "prior" else "current",
            interval_days=183,
        )


@pytest.fixture(scope="module")
def pair() -> Pair:
    prior, current = read_scan("nlst-101287/prior"), read_scan("nlst-101287/current")
    found = register(prior.volume, current.volume, prior_lungs=prior.lungs, current_lungs=current.lungs)
    truth = json.loads((research_data("nlst-101287") / "truth.json").read_text())
    return Pair(prior, current, found, {nodule["id"]: nodule for nodule in truth["nodules"]})


@pytest.mark.parametrize(
    ("name", "within", "words"),
    [
        ("A", 0.05, {"unchanged", "larger-slightly"}),  # the true ratio is the limit of 1.25 itself
        ("B", 0.05, {"larger-markedly"}),
        ("C", 0.05, {"unchanged"}),
        ("D", 0.05, {"smaller-slightly"}),
    ],
)
def test_the_known_growth_is_measured(pair: Pair, name: str, within: float, words: set[str]):
    for on in ("prior", "current"):
        followed = pair.follow(name, on)
        assert followed.growth is not None
        assert followed.growth.volume_ratio == pytest.approx(pair.nodules[name]["volume_ratio"], rel=within)
        low, high = followed.growth.volume_ratio_ci95
        assert low < pair.nodules[name]["volume_ratio"] < high
        assert followed.comparison in words
        assert followed.confidence > 0.8


@pytest.mark.parametrize("name", ["A", "B", "C", "D"])
def test_two_millimetres_beside_finds_the_same(pair: Pair, name: str):
    ratios = []
    for direction in np.vstack([np.eye(3), -np.eye(3)]):
        followed = pair.follow(name, "prior", 2 * direction)
        assert followed.growth is not None
        ratios.append(followed.growth.volume_ratio)
    assert np.ptp(np.log(ratios)) < 0.06
    assert ratios == pytest.approx([pair.nodules[name]["volume_ratio"]] * 6, rel=0.15)


def test_the_new_nodule_is_new(pair: Pair):
    followed = pair.follow("N", "current")
    assert followed.comparison == "new"
    assert followed.prior is None
    assert isinstance(followed.current, NoduleMeasurement)
    assert followed.current.volume_mm3.value == pytest.approx(128.2, rel=0.15)


def test_the_same_pair_the_other_way_round_mirrors_the_growth(pair: Pair):
    forward = pair.follow("B", "prior").growth
    assert forward is not None
    back = register(
        pair.current.volume, pair.prior.volume, prior_lungs=pair.current.lungs, current_lungs=pair.prior.lungs
    )
    asked = pair.nodules["B"]["current_lps_mm"]
    swapped = follow_nodule(pair.current, pair.prior, back, asked, asked_on="prior", interval_days=183).growth
    assert swapped is not None
    assert swapped.volume_ratio == pytest.approx(1 / forward.volume_ratio, rel=0.02)


def test_candidates_hold_every_nodule_and_the_new_one_first(pair: Pair):
    assert pair.current.lungs is not None
    assert pair.prior.lungs is not None
    found = find_candidates(pair.current.volume, pair.current.lungs)
    before = find_candidates(pair.prior.volume, pair.prior.lungs)
    volumes = pair.prior.volume, pair.current.volume
    lungs = pair.prior.lungs, pair.current.lungs
    _, ranked = held_against_each_other(before, found, volumes, lungs, pair.registration)
    for name, nodule in pair.nodules.items():
        ranks = [
            rank
            for rank, spot in enumerate(found)
            if np.linalg.norm(np.subtract(spot.lps_mm, nodule["current_lps_mm"])) < 5
        ]
        assert ranks, name
        assert ranks[0] < 20, name
    new = [np.linalg.norm(np.subtract(spot.lps_mm, pair.nodules["N"]["current_lps_mm"])) < 3 for spot in ranked[:5]]
    assert any(new)


@pytest.mark.parametrize(("name", "volume_mm3"), [("sphere-10mm", 523.6), ("sphere-8mm", 268.1)])
def test_phantom_spheres(name: str, volume_mm3: float):
    truth = json.loads((research_data("phantom-slabs") / "truth.json").read_text())[name]
    scan = read_scan(f"phantom-slabs/{name}", with_lungs=False)
    for shift in (0.0, 1.2):
        found = measure(scan.volume, np.asarray(truth["centre_lps_mm"]) + shift, noise=scan.noise)
        assert found.volume_mm3.value == pytest.approx(volume_mm3, rel=0.05)
        assert found.mean_diameter_mm.value == pytest.approx((6 * volume_mm3 / np.pi) ** (1 / 3), abs=0.4)


def test_the_volume_lies_near_the_readers():
    truth = json.loads((research_data("lidc-0001") / "seg-sr" / "readers.json").read_text())
    readers = [reader["volume_mm3"] for reader in truth["readers"]]
    scan = read_scan("lidc-0001/ct")
    found = measure(scan.volume, (56.3, 86.4, -115.9), lungs=scan.lungs, noise=scan.noise)
    assert 0.9 * min(readers) < found.volume_mm3.value < 1.1 * max(readers)


def test_five_millimetre_slices_give_axes_and_no_volume():
    scan = read_scan("lung-dx-a0001")
    assert scan.lungs is not None
    spots = find_candidates(scan.volume, scan.lungs, limit=5)
    assert spots
    for spot in spots:
        with pytest.raises(NotMeasured):
            measure(scan.volume, spot.lps_mm, lungs=scan.lungs, slice_thickness_mm=scan.slice_thickness_mm)


def _dice_with_majority(path: str) -> float | None:
    with np.load(path) as cube:
        hu, readers, spacing = cube["hu"], cube["reader_masks"], cube["spacing_zyx"]
    majority = readers.mean(axis=0) >= 0.5
    slices = int(np.ceil(4 / spacing[0]))  # most cubes end one slice beyond the nodule
    margin = [(slices, slices), (8, 8), (8, 8)]
    z, y, x = (float(step) for step in spacing)
    volume = Volume(np.pad(hu, margin, mode="edge").astype(np.int16), (z, y, x), (0.0, 0.0, 0.0), np.eye(3))
    inside = np.argwhere(majority)
    seed = inside[np.argmin(((inside - inside.mean(axis=0)) ** 2).sum(axis=1))] + [slices, 8, 8]
    try:
        found = measure(volume, volume.lps_from_index(seed))
    except NotMeasured:
        return None
    outline = np.zeros(volume.shape_zyx, bool)
    box = tuple(slice(a, a + n) for a, n in zip(found.outline_start_zyx, found.outline.shape, strict=True))
    outline[box] = found.outline
    own = outline[slices:-slices, 8:-8, 8:-8]
    return float(2 * (own & majority).sum() / (own.sum() + majority.sum()))


@pytest.mark.slow
def test_outlines_agree_with_the_majority_of_readers():
    scores = [_dice_with_majority(str(path)) for path in sorted(research_data("lidc-vois").glob("*.npz"))]
    measured = [score for score in scores if score is not None]
    assert len(measured) >= 45  # several cubes cut their nodule
    assert np.median(measured) >= 0.80
    assert np.percentile(measured, 10) >= 0.60
