"""Two scans of a drawn chest in known motion: found, judged, refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from registration.device import OnProcessor
from registration.errors import NoLungsFound, NotRegistrable, TurnedOver, UnknownDevice
from registration.lungs import segment_lungs
from registration.quality import no_worse_than_coarser, refuse_unless_registrable
from registration.register import Registration, register
from registration.spline import SplineGrid
from registration.spline_fit import SplineFit, fit_spline
from registration.volume import Volume
from tests.unit.registration.chest import ChestPair, draw_chest, mirrored_axis


def errors_mm(registration: Registration, prior: np.ndarray, current: np.ndarray) -> np.ndarray:
    return np.linalg.norm(registration.current_from_prior(prior) - current, axis=1)


def test_it_finds_the_motion_to_a_fraction_of_a_voxel(chest_pair: ChestPair, chest_registration: Registration) -> None:
    prior, current = chest_pair.truth()
    assert np.median(np.linalg.norm(prior - current, axis=1)) > 4  # there is something to find
    off_mm = errors_mm(chest_registration, prior, current)
    assert np.median(off_mm) < 0.2  # of voxels of 2.4 mm
    assert np.percentile(off_mm, 95) < 0.6
    assert off_mm.max() < 1.5


def test_what_it_says_of_itself_is_true(chest_pair: ChestPair, chest_registration: Registration) -> None:
    prior, current = chest_pair.truth()
    off_mm, expected_mm = errors_mm(chest_registration, prior, current), chest_registration.residual_mm(prior)
    assert 0.5 < np.mean(off_mm < expected_mm) < 0.96
    assert np.mean(off_mm < 2 * expected_mm) > 0.85
    assert chest_registration.median_residual_mm < 0.3
    assert chest_registration.inverse_error_mm < 0.3
    assert chest_registration.fold_fraction == 0
    assert chest_registration.kept_fraction > 0.4
    assert chest_registration.median_agreement > 0.9


def test_there_and_back_is_where_it_was(chest_pair: ChestPair, chest_registration: Registration) -> None:
    prior, _ = chest_pair.truth()
    back = chest_registration.prior_from_current(chest_registration.current_from_prior(prior))
    assert np.nanmax(np.abs(back - prior)) < 1e-3


def test_the_same_scan_twice_does_not_move(chest_pair: ChestPair) -> None:
    registration = register(chest_pair.prior, chest_pair.prior)
    points, _ = chest_pair.truth()
    off_mm = errors_mm(registration, points, points)
    assert np.nanmedian(off_mm) < 0.001
    assert np.nanmax(off_mm) < 0.02


def test_the_order_of_the_scans_may_be_swapped(chest_pair: ChestPair) -> None:
    prior, current = chest_pair.truth()
    swapped = register(chest_pair.current, chest_pair.prior)
    assert np.median(errors_mm(swapped, current, prior)) < 0.2


def test_a_scan_stored_feet_first_and_face_down_gives_the_same_places(
    chest_pair: ChestPair, chest_registration: Registration
) -> None:
    prior, _ = chest_pair.truth()
    stored = mirrored_axis(mirrored_axis(chest_pair.current, 0), 1)
    other = register(chest_pair.prior, stored)
    assert np.nanmedian(
        np.linalg.norm(other.current_from_prior(prior) - chest_registration.current_from_prior(prior), axis=1)
    ) == pytest.approx(0, abs=0.15)


def test_the_same_input_gives_the_same_bytes(
    chest_pair: ChestPair, chest_registration: Registration, tmp_path: Path
) -> None:
    again = register(
        chest_pair.prior,
        chest_pair.current,
        prior_lungs=segment_lungs(chest_pair.prior),
        current_lungs=segment_lungs(chest_pair.current),
        device="cpu",
    )
    chest_registration.save(tmp_path / "one.npz")
    again.save(tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_a_scan_of_the_upper_half_is_registered_where_it_can_be(chest_pair: ChestPair) -> None:
    upper = chest_pair.current.crop((40, 0, 0), (999, 999, 999))
    registration = register(chest_pair.prior, upper)
    prior, current = chest_pair.truth()
    shown = upper.contains(current)
    off_mm = errors_mm(registration, prior, current)
    assert np.nanmedian(off_mm[shown]) < 0.25
    assert np.isfinite(off_mm[shown]).mean() > 0.98
    far_below = current[:, 2] < upper.origin_lps_mm[2] - 35
    assert np.isnan(off_mm[far_below]).all()
    assert np.isnan(registration.residual_mm(prior[far_below])).all()
    rough = registration.roughly_on_current(prior[far_below])
    assert not upper.contains(rough).any()


def test_it_refuses_another_patient(chest_pair: ChestPair) -> None:
    with pytest.raises(NotRegistrable, match="different patients") as refused:
        register(chest_pair.prior, draw_chest(seed=77))
    assert refused.value.code == "not_registrable"
    assert refused.value.as_remedy()


@pytest.mark.parametrize(("axis", "how"), [(0, "upside down"), (2, "mirrored")])
def test_it_refuses_a_scan_that_runs_against_its_header(chest_pair: ChestPair, axis: int, how: str) -> None:
    wrong = replace(chest_pair.current, array_hu=np.ascontiguousarray(np.flip(chest_pair.current.array_hu, axis)))
    with pytest.raises(TurnedOver, match=how) as refused:
        register(chest_pair.prior, wrong)
    assert refused.value.code == "turned_over"


def test_it_refuses_a_scan_without_lungs(chest_pair: ChestPair) -> None:
    constant = replace(chest_pair.current, array_hu=np.zeros_like(chest_pair.current.array_hu))
    with pytest.raises(NoLungsFound):
        register(chest_pair.prior, constant)


def test_it_refuses_a_patch_of_lung_with_too_little_structure(chest_pair: ChestPair) -> None:
    lungs = segment_lungs(chest_pair.prior)
    patch = np.zeros_like(lungs.mask)
    patch[20:28, 20:32, 10:20] = lungs.mask[20:28, 20:32, 10:20]
    with pytest.raises(NotRegistrable, match="too little structure"):
        register(chest_pair.prior, chest_pair.current, prior_lungs=replace(lungs, mask=patch))


def test_it_refuses_a_device_that_it_does_not_know(still_chest: Volume) -> None:
    with pytest.raises(UnknownDevice, match="'tpu'") as refused:
        register(still_chest, still_chest, device="tpu")
    assert refused.value.code == "unknown_device"


def test_lungs_of_another_orientation_are_a_mistake_of_the_caller(still_chest: Volume) -> None:
    lungs = replace(segment_lungs(still_chest), direction=np.diag([1.0, -1.0, 1.0]))
    with pytest.raises(ValueError, match="orientation"):
        register(still_chest, still_chest, prior_lungs=lungs)


@pytest.mark.parametrize(("kept", "agreement"), [(0.1, 0.9), (0.5, 0.4), (float("nan"), 0.9), (0.5, float("nan"))])
def test_a_poor_fit_is_refused(kept: float, agreement: float) -> None:
    refuse_unless_registrable(0.5, 0.9)
    with pytest.raises(NotRegistrable, match=r"vessels|same"):
        refuse_unless_registrable(kept, agreement)


class RunningAway(OnProcessor):
    """Fits of which the fine ones add two millimetres that no keypoint asked for."""

    @staticmethod
    def fit_spline(grid: SplineGrid, *given: NDArray[np.float64], **settings: float) -> SplineFit:
        fit = fit_spline(grid, *given, **settings)
        if grid.spacing_mm > 12.0:
            return fit
        return replace(fit, spline=replace(fit.spline, coefficients=fit.spline.coefficients + 2.0))


def test_a_fine_fit_that_runs_away_is_left_off(chest_pair: ChestPair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registration.register.kernels_for", lambda device: RunningAway())
    found = register(chest_pair.prior, chest_pair.current)
    assert np.median(errors_mm(found, *chest_pair.truth())) < 0.6
    assert "coarser: 2 of" in found.method
    assert found.median_residual_mm < 1.0


def test_a_map_that_serves_is_kept_whole(chest_registration: Registration) -> None:
    assert "coarser" not in chest_registration.method
    assert len(chest_registration.mapping.levels) >= 3


def test_keypoints_outside_the_fit_decide_between_a_map_and_its_start(chest_registration: Registration) -> None:
    mapping = chest_registration.mapping
    points = chest_registration.support.points_mm[::40]
    start = replace(mapping, levels=())
    assert no_worse_than_coarser(mapping, points, mapping(points)) is mapping
    assert not no_worse_than_coarser(mapping, points, start(points)).levels
    unknown = np.full_like(points, np.nan)
    assert no_worse_than_coarser(mapping, points, unknown) is mapping  # nobody speaks against it
