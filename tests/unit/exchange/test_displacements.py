"""The grid that browsers get says the same as the map it was made from."""

from __future__ import annotations

import json

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from nodules_app.exchange.displacements import SPACING_MM, grid_bytes
from registration.quality import REACH_MM
from registration.volume import Volume
from tests.maps import breathing

LEAST_EXACT_MM = 0.2
TURN = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def chest(direction: NDArray[np.float64] | None = None) -> Volume:
    array = np.zeros((60, 200, 220), np.int16)
    return Volume(array, (4.0, 1.2, 1.0), (-110.0, -120.0, 30.0), np.eye(3) if direction is None else direction)


def carried(raw: bytes, points_lps_mm: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Carry points as the browser does; whether the map was seen there."""
    head, body = raw.split(b"\n", 1)
    told = json.loads(head)
    x, y, z = told["shape_xyz"]
    units = np.frombuffer(body, "<i2", 3 * x * y * z).reshape(z, y, x, 3)
    covered = np.frombuffer(body, np.uint8, offset=units.nbytes).reshape(z, y, x)
    at = ((points_lps_mm - told["start_lps_mm"]) / told["spacing_mm"]).T[::-1]
    moved = np.stack([map_coordinates(units[..., k] * told["unit_mm"], at, order=1) for k in range(3)], axis=1)
    here = covered[tuple(np.round(at).astype(int))] == 1
    return points_lps_mm @ np.asarray(told["matrix"]).T + told["shift_mm"] + moved, here


def test_points_are_carried_as_by_the_map() -> None:
    prior = chest()
    found = breathing(prior)
    index = np.random.default_rng(2).uniform(0, np.asarray(prior.shape_zyx) - 1, (4000, 3))
    points = prior.lps_from_index(index)
    places, seen = carried(grid_bytes(found, prior), points)
    truth = found.current_from_prior(points)
    apart_mm = np.linalg.norm(places - truth, axis=1)
    assert np.nanmax(apart_mm) <= LEAST_EXACT_MM
    assert np.nanmax(np.linalg.norm(truth - points, axis=1)) > 5  # it is a map worth carrying
    away_mm, _ = cKDTree(found.support.points_mm[:, ::-1]).query(points)
    half_a_node_mm = np.sqrt(3) * SPACING_MM / 2
    assert seen[away_mm < REACH_MM - half_a_node_mm].all()
    assert not seen[away_mm > REACH_MM + half_a_node_mm].any()
    assert 0.2 < seen.mean() < 1


def test_a_turned_scan_lies_wholly_inside_its_grid() -> None:
    prior = chest(TURN)
    head = json.loads(grid_bytes(breathing(chest()), prior).split(b"\n", 1)[0])
    corners = prior.lps_from_index(np.array([[0, 0, 0], [59, 199, 219], [0, 199, 0], [59, 0, 219]]))
    last = np.asarray(head["start_lps_mm"]) + head["spacing_mm"] * (np.asarray(head["shape_xyz"]) - 1)
    assert (corners >= head["start_lps_mm"]).all()
    assert (corners <= last).all()


def test_a_shift_beyond_the_unit_is_held_and_not_wrapped_round() -> None:
    prior = chest()
    found = breathing(prior, most_mm=5000.0)
    raw = grid_bytes(found, prior)
    head, body = raw.split(b"\n", 1)
    nodes = int(np.prod(json.loads(head)["shape_xyz"]))
    units = np.frombuffer(body, "<i2", 3 * nodes)
    assert np.abs(units.astype(int)).max() == pytest.approx(32700)
