"""The learned outline: what is outlined where, with which error, and where nothing is outlined."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inference.learned_outline import LearnedOutline, read_outline, see_outline
from inference.model_errors import CheckRunFailed, NotForNetworks, NotOutlined
from inference.networks.outline import NoduleOutline
from inference.networks.running import Network
from inference.patch_grid import PatchGrid
from registration.volume import Volume
from tests.unit.inference.learned import POINT_LPS_MM, by_chance, chest, scripted
from tests.unit.inference.test_phenotype import bad

BALL_MM3 = np.pi / 6 * 9.0**3


class Bright(nn.Module):
    """Calls nodule, and solid, what is brighter than half way."""

    def forward(self, patches: Tensor) -> Tensor:
        return 14.0 * (patches + 0.157).repeat(1, 2, 1, 1, 1)


class Short(nn.Module):
    """Answers with one map instead of two."""

    def forward(self, patches: Tensor) -> Tensor:
        return patches


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return scripted(tmp_path_factory.mktemp("bright"), "outline", Bright())


@pytest.mark.parametrize("flipped", [False, True])
def test_the_ball_is_outlined_and_the_wall_is_not(bright: Network, flipped: bool) -> None:
    volume = chest(flipped=flipped)
    found = see_outline(volume, POINT_LPS_MM, bright)
    assert found.volume_mm3.value == pytest.approx(BALL_MM3, rel=0.15)
    assert found.diameter_mm == pytest.approx(9.0, abs=0.5)
    assert found.solid_volume_mm3.value == pytest.approx(found.volume_mm3.value)
    carried, start = found.grid.onto(volume, found.whole)
    inside = np.argwhere(carried > 0.5) + start
    assert np.linalg.norm(volume.lps_from_index(inside.mean(axis=0)) - np.array(POINT_LPS_MM)) < 0.5
    assert len(inside) * volume.voxel_mm3 == pytest.approx(BALL_MM3, rel=0.2)


def test_the_error_follows_the_numbers_of_the_card_and_the_size(bright: Network) -> None:
    errors = [see_outline(chest(diameter_mm=d), POINT_LPS_MM, bright).volume_mm3.relative_error for d in (6.0, 12.0)]
    radius_mm = see_outline(chest(diameter_mm=12.0), POINT_LPS_MM, bright).diameter_mm / 2
    assert errors[1] == pytest.approx(np.hypot(1.0, 3.0 / radius_mm))
    assert errors[0] > errors[1]


def test_the_same_answer_twice_with_model_and_digest(bright: Network) -> None:
    first, second = (see_outline(chest(), POINT_LPS_MM, bright) for _ in range(2))
    assert first.volume_mm3 == second.volume_mm3
    assert first.input_sha256 == second.input_sha256
    assert np.array_equal(first.whole, second.whole)
    assert first.model == "outline-1"


def test_nothing_is_outlined_in_plain_lung_or_where_the_cube_is_full(bright: Network) -> None:
    with pytest.raises(NotOutlined, match="no nodule"):
        see_outline(chest(), (2.0, -20.0, 5.0), bright)
    with pytest.raises(NotOutlined, match="does not fit"):
        see_outline(chest(), (2.0, 22.0, 5.0), bright)
    speck = np.full((40, 40, 40), -850, np.int16)
    speck[19:21, 19:21, 19:21] = 30
    grid = PatchGrid((0.0, 0.0, 0.0), 40, 0.8, np.eye(3))
    with pytest.raises(NotOutlined, match="no nodule"):
        read_outline(speck, grid, bright)


@pytest.mark.parametrize("kind", ["one slice", "another scale", "empty", "no point", "outside"])
def test_what_no_network_may_judge_is_refused(kind: str, bright: Network) -> None:
    volume, point = bad(kind)
    with pytest.raises(NotForNetworks):
        see_outline(volume, point, bright)


def test_a_model_that_gives_one_map_is_refused_at_its_check_run(tmp_path: Path) -> None:
    with pytest.raises(CheckRunFailed, match="shape"):
        scripted(tmp_path, "outline", Short())


def test_an_untrained_network_either_outlines_or_says_that_it_does_not(tmp_path: Path) -> None:
    network = by_chance(tmp_path, "nodule-outline-1")
    found: LearnedOutline | NotOutlined
    try:
        found = see_outline(chest(), POINT_LPS_MM, network)
    except NotOutlined as refusal:
        found = refusal
    assert found.as_sentence() if isinstance(found, NotOutlined) else bool((found.solid <= found.whole).all())


def test_the_answers_of_the_coarse_level_are_laid_out_in_space() -> None:
    """The map at a voxel must come from the coarse voxel over it."""
    network = NoduleOutline().eval()
    told: list[Tensor] = []
    network.answer.register_forward_hook(lambda _module, _inputs, output: told.append(output))
    with torch.inference_mode():
        maps = network(torch.randn(1, 1, 40, 40, 40))
    coarse = told[0]
    for kind, z, y, x in ((0, 7, 18, 33), (1, 38, 1, 20)):
        channel = kind * 8 + (z % 2) * 4 + (y % 2) * 2 + x % 2
        assert maps[0, kind, z, y, x] == coarse[0, channel, z // 2, y // 2, x // 2]


def test_a_grid_knows_where_its_voxels_lie_and_an_oblique_scan_gets_its_values() -> None:
    turn = np.deg2rad(12.0)
    direction = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1.0]])
    volume = Volume(np.zeros((60, 60, 60), np.int16), (1.0, 0.9, 0.9), (-20.0, -30.0, -25.0), direction)
    grid = PatchGrid.about(volume, (3.0, 4.0, 5.0), side=24, step_mm=0.8)
    index = np.array([[0.0, 0.0, 0.0], [23.0, 5.0, 11.0]])
    assert grid.index_from_lps(grid.lps_from_index(index)) == pytest.approx(index)
    spot = np.zeros((24, 24, 24), np.float32)
    spot[8:11, 12:15, 16:19] = 1
    carried, start = grid.onto(volume, spot)
    middle = np.argwhere(carried > 0.5).mean(axis=0) + start
    wanted = grid.lps_from_index(np.array([9.0, 13.0, 17.0]))
    assert np.linalg.norm(volume.lps_from_index(middle) - wanted) < 0.5
