"""A finished registration: turned frames, its reach, its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from registration.affine import Affine
from registration.mapping import Mapping
from registration.quality import FLOOR_MM, REACH_MM, Support
from registration.transform import Registration

TURN = np.array([[0.8, -0.6, 0.0], [0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
LATTICE = np.stack(np.meshgrid(*[np.arange(0, 100, 8.0)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)


def registration(residual_mm: float = 0.2) -> Registration:
    """Moves 5 mm to the head; the current scan is stored turned about the body axis."""
    return Registration(
        mapping=Mapping(Affine(np.eye(3), np.zeros(3), np.array([5.0, 0, 0]))),
        prior_rotation=np.eye(3),
        current_rotation=TURN,
        support=Support(LATTICE, np.full(len(LATTICE), residual_mm)),
        median_residual_mm=0.1,
        inverse_error_mm=0.1,
        fold_fraction=0.0,
        kept_fraction=0.7,
        median_agreement=0.9,
    )


def test_points_go_through_both_frames() -> None:
    point = np.array([10.0, 20.0, 30.0])
    there = registration().current_from_prior(point)
    assert there == pytest.approx(TURN @ (point + np.array([0, 0, 5])))
    assert registration().prior_from_current(there) == pytest.approx(point)


def test_derivatives_are_in_patient_coordinates() -> None:
    assert registration().jacobians([[10.0, 20.0, 30.0]])[0] == pytest.approx(TURN)


def test_it_says_nothing_where_it_knows_nothing() -> None:
    near, far = [50.0, 50.0, -REACH_MM + 1], [50.0, 50.0, -REACH_MM - 10]
    points = registration().current_from_prior([near, far, [np.nan] * 3])
    assert np.isfinite(points).all(axis=1).tolist() == [True, False, False]
    assert np.isfinite(registration().residual_mm([near, far])).tolist() == [True, False]
    assert np.isfinite(registration().roughly_on_current([far])).all()
    assert registration().roughly_on_prior(registration().roughly_on_current([far])) == pytest.approx(np.array([far]))


def test_no_points_give_no_points() -> None:
    assert registration().current_from_prior(np.zeros((0, 3))).shape == (0, 3)
    assert registration().prior_from_current(np.zeros((0, 3))).shape == (0, 3)
    assert registration().residual_mm(np.zeros((0, 3))).shape == (0,)


def test_the_expected_error_grows_with_disagreement_and_with_distance() -> None:
    middle, edge = [52.0, 52.0, 52.0], [52.0, 52.0, -16.0]  # amid eight keypoints; beyond the last of them
    rim = [52.0, 52.0, -4.0]
    assert registration(0.0).residual_mm(middle) == pytest.approx(FLOOR_MM, rel=0.01)
    assert registration(0.4).residual_mm(middle) > registration(0.2).residual_mm(middle)
    figures = [float(registration(0.2).residual_mm(point)) for point in (middle, rim, edge)]
    assert figures == sorted(figures)
    assert figures[1] > 1.2 * figures[0]  # all keypoints lie to one side


def test_points_have_three_coordinates() -> None:
    with pytest.raises(ValueError, match="points are"):
        registration().current_from_prior([[1.0, 2.0]])


def test_it_comes_back_from_its_file(chest_registration: Registration, tmp_path: Path) -> None:
    chest_registration.save(tmp_path / "registration.npz")
    back = Registration.load(tmp_path / "registration.npz")
    points = chest_registration.support.points_mm[:50, ::-1]
    assert np.array_equal(back.current_from_prior(points), chest_registration.current_from_prior(points))
    assert np.array_equal(back.residual_mm(points), chest_registration.residual_mm(points))
    assert (back.method, back.version) == (chest_registration.method, chest_registration.version)
    assert back.inverse_error_mm == chest_registration.inverse_error_mm


def test_a_file_of_another_format_is_not_misread(tmp_path: Path) -> None:
    np.savez(tmp_path / "old.npz", format=np.int64(99))
    with pytest.raises(ValueError, match="format 99"):
        Registration.load(tmp_path / "old.npz")
