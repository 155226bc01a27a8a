"""A tiny training of each model: it learns, the same seed gives the same, and what it writes can be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.candidate_filter import find_filtered, rescored, together
from inference.candidates import Candidate, find_candidates
from inference.fusing import fuse
from inference.learned_growth import LearnedGrowth, see_growth
from inference.model_card import Task, Training
from inference.model_errors import NotForNetworks
from inference.networks.growth import SIDE as GROWTH_SIDE
from inference.networks.running import Network, open_model
from inference.noise import ScanNoise
from inference.registry import Registry
from inference.simulate.scanner import Kernel, Scanner
from inference.training import candidates, growth
from inference.training.candidate_data import ROOM, Examples, examples_in
from inference.training.chests import Chest
from inference.training.fitting import Effort
from inference.training.known_nodules import KnownNodule, KnownScan
from registration.volume import Volume
from tests.unit.inference.test_candidates import chest

TRAINED = Training("test", 1, "2026-11-21", "drawn", "0" * 64, 40, 0.1)
SIDE = candidates.SIDE + 2 * ROOM


def drawn(count: int, rng: np.random.Generator) -> Examples:
    """Balls, which are nodules, and tubes, which are none."""
    patches = np.empty((count, SIDE, SIDE, SIDE), np.int16)
    is_nodule = np.arange(count) % 2 == 0
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    for number, nodule in enumerate(is_nodule):
        radius = rng.uniform(2, 4)
        away = np.sqrt(z**2 + y**2 + x**2) if nodule else np.sqrt(y**2 + x**2)
        patches[number] = np.where(away < radius, 30, -850) + rng.normal(0, 30, away.shape)
    return Examples(patches, is_nodule, rng.normal(0, 1, count))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Network, list[float], Path]:
    """A filter that has seen forty drawn places, written, read and opened again."""
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("weights")
    examples = drawn(40, np.random.default_rng(1))
    network, losses, _ = candidates.learn(examples, Effort(steps=20, batch=8), 1)
    settings = candidates.fuse(candidates.network_odds(network, examples), examples)
    candidates.write(folder, "0.test", network, settings, TRAINED)
    torch.set_num_threads(threads)
    (model,) = Registry.of(our_folder=folder).models
    return open_model(model), losses, folder


def test_it_learns_and_what_it_wrote_tells_balls_from_tubes(trained: tuple[Network, list[float], Path]) -> None:
    network, losses, _ = trained
    assert np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    settings = network.card.settings
    assert settings["by_network"] > 0
    assert together(0.5, 3.0, settings) > together(0.5, -3.0, settings)
    assert network.card.recommended is False


def test_the_same_seed_gives_the_same_weights(trained: tuple[Network, list[float], Path], tmp_path: Path) -> None:
    network, losses, _ = trained
    threads = torch.get_num_threads()
    again, same, _ = candidates.learn(drawn(40, np.random.default_rng(1)), Effort(steps=20, batch=8), 1)
    torch.set_num_threads(threads)
    assert same == losses
    card = candidates.write(tmp_path, "0.test", again, {}, TRAINED)
    assert card.weights_sha256 == network.card.weights_sha256


def test_the_same_seed_gives_the_same_examples_right_and_wrong_ones() -> None:
    volume, lungs = chest(nodules=False)
    bare = Chest(volume, Scanner(Kernel.SOFT, 1.0), np.empty((0, 3)), np.empty(0))
    first, same, other = (examples_in(bare, lungs, seed, draws=1) for seed in (5, 5, 6))
    assert first.digest == same.digest != other.digest
    assert first.is_nodule.any()
    assert not first.is_nodule.all()
    assert first.patches_hu.shape[1:] == (SIDE, SIDE, SIDE)


def test_a_filtered_search_keeps_places_and_orders_them_by_both(trained: tuple[Network, list[float], Path]) -> None:
    network, _, _ = trained
    volume, lungs = chest(nodules=True)
    found = find_candidates(volume, lungs, least_score=0.0)
    again, shown = rescored(volume, found, network)
    assert {one.lps_mm for one in again} == {one.lps_mm for one in found}
    assert [one.score for one in again] == sorted((one.score for one in again), reverse=True)
    assert rescored(volume, found, network) == (again, shown)
    assert rescored(volume, (), network)[0] == ()
    with pytest.raises(NotForNetworks, match="Hounsfield"):
        find_filtered(volume, lungs, network)  # a block of lung without any body around it


def test_a_candidate_outside_the_scan_is_refused(trained: tuple[Network, list[float], Path]) -> None:
    volume, _ = chest(nodules=False)
    with pytest.raises(NotForNetworks, match="outside"):
        rescored(volume, [Candidate((900.0, 0.0, 0.0), 5.0, 800.0, 0.5)], trained[0])


# ------------------------------------------------------------------ growth


def known(log_ratio: float, number: int) -> KnownNodule:
    """A drawn ball on two scans."""
    scans = []
    for side, volume_mm3 in enumerate((300.0, 300.0 * float(np.exp(log_ratio)))):
        shape, spacing = (36, 50, 50), (1.0, 0.7, 0.7)
        centre = np.array([17.0, 17.0, 18.0])
        empty = Volume(np.zeros(shape, np.int16), spacing, (0.0, 0.0, 0.0), np.eye(3))
        points = empty.lps_from_index(np.moveaxis(np.indices(shape), 0, -1))
        away = np.linalg.norm(points - centre, axis=-1)
        radius = (3 * volume_mm3 / (4 * np.pi)) ** (1 / 3)
        noise = np.random.default_rng([number, side]).normal(0, 20, shape)
        hu = -850 + 880 * np.clip(radius - away + 0.5, 0, 1) + noise
        volume = Volume(np.rint(hu).astype(np.int16), spacing, (0.0, 0.0, 0.0), np.eye(3))
        scans.append(KnownScan(volume, centre, volume_mm3, ScanNoise(20.0, 1.0), 1.0, "soft"))
    prior, current = scans
    return KnownNodule("000-0", "solid", "isolated", prior, current, np.eye(3), current.centre_lps_mm, 0.1)


def test_the_growth_network_learns_and_its_word_turns_with_the_scans(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    pairs = growth.cut([known(float(r), n) for n, r in enumerate((-0.6, 0.6))], 1, cuts=2)
    assert pairs.digest == growth.cut([known(float(r), n) for n, r in enumerate((-0.6, 0.6))], 1, cuts=2).digest
    network, losses, _ = growth.learn(pairs, Effort(steps=4, batch=2), 1)
    growth.write(tmp_path, "0.test", network, TRAINED)
    torch.set_num_threads(threads)
    assert np.isfinite(losses).all()
    (model,) = Registry.of(our_folder=tmp_path).models
    opened = open_model(model)
    assert opened.card.task is Task.GROWTH
    with torch.inference_mode():
        cubes = torch.randn(2, 2, GROWTH_SIDE, GROWTH_SIDE, GROWTH_SIDE)
        there, back = network(cubes), network(cubes.flip(1))
    assert torch.allclose(there[:, 0], -back[:, 0], atol=1e-5)
    assert torch.allclose(there[:, 1], back[:, 1], atol=1e-5)
    assert torch.allclose(there[:, 2:], back[:, 2:].flip(1), atol=1e-5)
    block = known(0.0, 9).prior.volume
    with pytest.raises(NotForNetworks):
        see_growth(block, block, [(17.0, 17.0, 18.0)], [(17.0, 17.0, 18.0)], opened)


def word(volume_ratio: float, error: float) -> LearnedGrowth:
    return LearnedGrowth(volume_ratio, error, 0.0, 0.5, 0.5, "0" * 64)


def test_measured_and_learned_are_weighed_by_their_variances() -> None:
    both = fuse(1.5, 0.1, word(1.2, 0.1))
    assert both.volume_ratio == pytest.approx(np.sqrt(1.5 * 1.2))
    assert both.log_ratio_error == pytest.approx(0.1 / np.sqrt(2))
    assert not both.disagree
    assert fuse(1.5, 0.01, word(1.0, 1.0)).volume_ratio == pytest.approx(1.5, rel=0.001)
    assert fuse(2.0, 0.05, word(1.0, 0.05)).disagree
