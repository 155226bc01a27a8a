"""Words and heat maps of the phenotype network: refused where they must be, the same twice, turned with the scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from torch import Tensor, nn

from inference.attribution import ANSWERS, heat_map, heat_maps, read_heat
from inference.model_card import Task
from inference.model_errors import NotForNetworks
from inference.networks.contracts import CONTRACTS
from inference.networks.phenotype import ATTENUATIONS, FEATURES
from inference.networks.running import Network, fixed_question, open_model
from inference.patch_grid import PatchGrid
from inference.phenotype import PhenotypeWord, describe, describe_all, log_odds_of, to_scale
from inference.registry import Registry
from registration.volume import Volume
from tests.unit.inference.learned import POINT_LPS_MM, by_chance, chest, scripted

ARCHITECTURE = "nodule-phenotype-1"


class Corner(nn.Module):
    """Answers with the mean of one small region of the cube, for every question."""

    def forward(self, patches: Tensor) -> Tensor:
        seen = patches[:, 0, 24:30, 10:16, 16:22].mean(dim=[1, 2, 3])
        return 10.0 * seen[:, None].repeat(1, 8)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    return by_chance(tmp_path_factory.mktemp("weights"), ARCHITECTURE)


def test_a_word_is_probabilities_with_model_and_digest_and_the_same_twice(network: Network) -> None:
    word = describe(chest(), POINT_LPS_MM, network)
    assert sum(word.attenuation.values()) == pytest.approx(1)
    assert tuple(word.attenuation) == ATTENUATIONS
    assert tuple(word.features) == FEATURES
    assert all(0 <= one <= 1 for one in word.features.values())
    assert word.model == "phenotype-1"
    assert len(word.input_sha256) == 64
    assert word == describe(chest(), POINT_LPS_MM, network)
    assert set(word.as_json()) == {f"{name}_probability" for name in ANSWERS}
    assert word.likeliest_attenuation in ATTENUATIONS


def test_a_scan_stored_the_other_way_round_gets_the_same_word(network: Network) -> None:
    there, back = (describe(chest(flipped=flipped), POINT_LPS_MM, network) for flipped in (False, True))
    assert there.as_json() == pytest.approx(back.as_json(), abs=2e-3)


def test_many_are_asked_at_once(network: Network) -> None:
    points = np.array([POINT_LPS_MM, (0.0, 0.0, 0.0)])
    both = describe_all(chest(), points, network)
    assert [one.input_sha256 for one in both] == [describe(chest(), at, network).input_sha256 for at in points]
    assert describe_all(chest(), np.empty((0, 3)), network) == ()


def bad(kind: str) -> tuple[Volume, tuple[float, float, float]]:
    volume = chest()
    if kind == "one slice":
        return volume.crop((20, 0, 0), (21, 72, 72)), POINT_LPS_MM
    if kind == "another scale":
        return Volume(volume.array_hu + np.int16(1024), volume.spacing_zyx_mm, volume.origin_lps_mm, np.eye(3)), (
            POINT_LPS_MM
        )
    if kind == "empty":
        return Volume(np.zeros_like(volume.array_hu), volume.spacing_zyx_mm, volume.origin_lps_mm, np.eye(3)), (
            POINT_LPS_MM
        )
    return volume, {"no point": (float("nan"), 0.0, 0.0), "outside": (500.0, 0.0, 0.0)}[kind]


@pytest.mark.parametrize("kind", ["one slice", "another scale", "empty", "no point", "outside"])
def test_what_no_network_may_judge_is_refused(kind: str, network: Network) -> None:
    volume, point = bad(kind)
    for ask in (describe, heat_maps):
        with pytest.raises(NotForNetworks):
            ask(volume, point, network)


def test_answers_become_probabilities_by_the_numbers_of_the_card() -> None:
    settings = {name: 0.0 if name.endswith("offset") else 1.0 for name in CONTRACTS[Task.PHENOTYPE].settings}
    attenuation, features = to_scale(np.zeros(8), settings)
    assert list(attenuation.values()) == pytest.approx([1 / 3] * 3)
    assert list(features.values()) == pytest.approx([0.5] * 5)
    lower = to_scale(np.zeros(8), settings | {"cavity_offset": -2.0})[1]
    assert lower["cavity"] == pytest.approx(1 / (1 + np.exp(2)))
    assert to_scale(np.full(8, 1e6), settings)[1]["cavity"] == pytest.approx(1)
    odds = log_odds_of(np.log(np.array([[0.5, 0.25, 0.25, 1, 1, 1, 1, 1]], np.float32)))
    assert odds[0, :3] == pytest.approx([0, np.log(1 / 3), np.log(1 / 3)], abs=1e-6)


def test_heat_lies_where_a_network_looks(tmp_path: Path) -> None:
    """A network that only sees one corner of the cube: bright there, and nothing anywhere else."""
    point = np.array(POINT_LPS_MM)
    network = scripted(tmp_path, "phenotype", Corner())
    volume = chest()
    seen_mm = (np.array([18.5, 12.5, 26.5]) - 19.5) * 0.8  # x, y, z of the corner, from the middle
    at = np.rint(volume.index_from_lps(point + seen_mm)).astype(int)
    array = volume.array_hu.copy()
    array[at[0] - 1 : at[0] + 2, at[1] - 1 : at[1] + 2, at[2] - 1 : at[2] + 2] = 300
    lit = Volume(array, volume.spacing_zyx_mm, volume.origin_lps_mm, volume.direction)
    heat = heat_map(lit, point, network, "cavity")
    assert np.linalg.norm(np.array(heat.hottest_lps_mm) - (point + seen_mm)) < 2.5
    assert heat.heat.max() > 0.1
    far = np.abs(heat.heat[:10, 28:, 28:])
    assert far.max() < 0.1 * heat.heat.max()
    carried, start = heat.onto(lit)
    found = np.array(np.unravel_index(carried.argmax(), carried.shape)) + start
    assert np.linalg.norm(lit.lps_from_index(found) - (point + seen_mm)) < 2.5


def crowded() -> NDArray[np.int16]:
    """A cube with a ball in the middle, four others about it, and a vessel: a map has somewhere else to lie."""
    z, y, x = np.indices((40, 40, 40)) - 19.5
    share = np.clip(1.8 - np.hypot(z - 9, y - 9) + 0.5, 0, 1)
    for at, radius in (((0, 0, 0), 6), ((0, 13, 4), 4), ((-11, -9, 3), 4), ((9, -3, 12), 4), ((2, -12, -10), 4)):
        away = np.sqrt((z - at[0]) ** 2 + (y - at[1]) ** 2 + (x - at[2]) ** 2)
        share = np.maximum(share, np.clip(radius - away + 0.5, 0, 1))
    noise = np.random.default_rng(1).normal(0, 20, share.shape)
    hu: NDArray[np.int16] = np.rint(-850 + 880 * share + noise).astype(np.int16)
    return hu


def test_the_map_of_what_we_ship_changes_when_its_weights_are_drawn_anew(tmp_path: Path) -> None:
    model = Registry.of().of_task(Task.PHENOTYPE)[-1]
    grid = PatchGrid(POINT_LPS_MM, 40, 0.8, np.eye(3))
    learned, same, anew = (
        read_heat(crowded(), grid, network, step_voxels=6)
        for network in (open_model(model), open_model(model), by_chance(tmp_path, ARCHITECTURE))
    )
    alike = [abs(np.corrcoef(learned[name].heat.ravel(), anew[name].heat.ravel())[0, 1]) for name in ANSWERS]
    assert np.mean(alike) < 0.5
    assert all(np.array_equal(learned[name].heat, same[name].heat) for name in ANSWERS)


def test_an_answer_that_is_not_given_has_no_map(network: Network) -> None:
    with pytest.raises(ValueError, match="none of"):
        heat_map(chest(), POINT_LPS_MM, network, "malignancy")


def test_a_fixed_question_is_answered_in_the_shape_of_the_contract(network: Network) -> None:
    assert network.ask(fixed_question(CONTRACTS[Task.PHENOTYPE])).shape == (3, 8)
    assert isinstance(describe(chest(), POINT_LPS_MM, network), PhenotypeWord)
