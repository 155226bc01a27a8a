"""A tiny training of each model: it learns, the same seed gives the same, and what it writes can be used."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from inference.candidate_filter import find_filtered, rescored, together
from inference.candidates import Candidate, find_candidates
from inference.fusing import JOINT_HELD, fuse, joint_interval_holds
from inference.learned_growth import LearnedGrowth, see_growth
from inference.model_card import Task, Training
from inference.model_errors import NotForNetworks
from inference.networks.growth import SIDE as GROWTH_SIDE
from inference.networks.running import Network, open_model
from inference.noise import ScanNoise
from inference.registry import Registry
from inference.simulate.scanner import Kernel, Scanner
from inference.training import candidates, growth
from inference.training.block_data import examples_of_block
from inference.training.candidate_data import ROOM, Examples, examples_in
from inference.training.chests import Chest
from inference.training.fitting import Effort, Variety, otherwise_scanned, turned, weights_of, write_progress
from inference.training.growth_data import cut
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
    return Examples(patches, is_nodule, rng.normal(0, 1, count), np.where(is_nodule, 6.0, 0.0))


EFFORT = Effort(steps=20, batch=8)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Network, candidates.CandidateFilter, Path]]:
    """A filter that has seen forty drawn places, written, read and opened again."""
    threads = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("weights")
    examples = drawn(40, np.random.default_rng(1))
    network, went = candidates.learn(examples, EFFORT, 1, folder / "now.safetensors")
    write_progress(folder / "candidates-0.test.csv", went)
    settings = candidates.fuse(candidates.network_odds(network, examples), examples)
    candidates.KIND.write(folder, "0.test", network, settings, TRAINED)
    (model,) = Registry.of(our_folder=folder).models
    yield open_model(model), network, folder
    torch.set_num_threads(threads)


def test_it_learns_and_what_it_wrote_tells_balls_from_tubes(
    trained: tuple[Network, candidates.CandidateFilter, Path],
) -> None:
    network, module, _ = trained
    others = drawn(20, np.random.default_rng(2))
    odds = candidates.network_odds(module, others)
    above = odds[others.is_nodule][:, None] > odds[~others.is_nodule]
    assert above.mean() > 0.9
    settings = network.card.settings
    assert settings["by_network"] > 0
    assert together(0.5, 3.0, settings) > together(0.5, -3.0, settings)
    assert network.card.recommended is False


def test_the_same_seed_gives_the_same_weights(trained: tuple[Network, candidates.CandidateFilter, Path]) -> None:
    network, _, folder = trained
    again, went = candidates.learn(drawn(40, np.random.default_rng(1)), EFFORT, 1)
    assert hashlib.sha256(weights_of(again)).hexdigest() == network.card.weights_sha256
    assert (folder / "now.safetensors").read_bytes() == weights_of(again)  # the last checkpoint is the end
    early, _ = candidates.learn(drawn(40, np.random.default_rng(1)), Effort(steps=200, batch=8, until=2), 1)
    assert weights_of(early) != weights_of(again)
    first, last = (folder / "candidates-0.test.csv").read_text().splitlines()
    assert first == "step,loss,cpu_minutes"
    assert last.startswith(f"20,{went[-1].loss:.4f},")


def test_a_turned_example_keeps_its_middle_and_what_lies_nowhere_in_particular() -> None:
    rng = np.random.default_rng(3)
    axis = np.arange(SIDE) - (SIDE - 1) / 2
    away = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    balls = np.repeat(np.where(away < 5, 0.5, -0.8).astype(np.float32)[None, None], 6, axis=0)
    told = turned(balls, candidates.SIDE, rng)
    assert told.shape == (6, 1, candidates.SIDE, candidates.SIDE, candidates.SIDE)
    inside = told > -0.15
    sizes_mm3 = inside.sum(axis=(1, 2, 3, 4))
    assert ((sizes_mm3 > 250) & (sizes_mm3 < 1100)).all()  # 524 mm3, a fifth larger or smaller across
    assert len(set(sizes_mm3.tolist())) > 1
    for one in inside[:, 0]:
        middle = np.argwhere(one).mean(axis=0)
        assert np.abs(middle - (candidates.SIDE - 1) / 2).max() < 3.5
    even = np.full((2, 1, SIDE, SIDE, SIDE), 0.25, np.float32)
    assert np.allclose(turned(even, candidates.SIDE, rng), 0.25)


def test_the_same_seed_gives_the_same_examples_right_and_wrong_ones() -> None:
    volume, lungs = chest(nodules=False)
    bare = Chest(volume, Scanner(Kernel.SOFT, 1.0), np.empty((0, 3)), np.empty(0))
    first, same, other = (examples_in(bare, lungs, seed, draws=1) for seed in (5, 5, 6))
    assert first.digest == same.digest != other.digest
    assert first.is_nodule.any()
    assert not first.is_nodule.all()
    assert first.patches_hu.shape[1:] == (SIDE, SIDE, SIDE)


def test_a_filtered_search_keeps_places_and_orders_them_by_both(
    trained: tuple[Network, candidates.CandidateFilter, Path],
) -> None:
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


def test_a_candidate_outside_the_scan_is_refused(trained: tuple[Network, candidates.CandidateFilter, Path]) -> None:
    volume, _ = chest(nodules=False)
    with pytest.raises(NotForNetworks, match="outside"):
        rescored(volume, [Candidate((900.0, 0.0, 0.0), 5.0, 800.0, 0.5)], trained[0])


# ------------------------------------------------------------------ growth


SHAPE, SPACING = (52, 72, 72), (1.0, 0.7, 0.7)
CENTRE = np.array([25.0, 25.0, 26.0])


def known(log_ratio: float, number: int, kernel: str = "soft") -> KnownNodule:
    """A drawn ball on two scans."""
    scans = []
    for side, volume_mm3 in enumerate((300.0, 300.0 * float(np.exp(log_ratio)))):
        empty = Volume(np.zeros(SHAPE, np.int16), SPACING, (0.0, 0.0, 0.0), np.eye(3))
        points = empty.lps_from_index(np.moveaxis(np.indices(SHAPE), 0, -1))
        away = np.linalg.norm(points - CENTRE, axis=-1)
        radius = (3 * volume_mm3 / (4 * np.pi)) ** (1 / 3)
        noise = np.random.default_rng([number, side]).normal(0, 20, SHAPE)
        hu = -850 + 880 * np.clip(radius - away + 0.5, 0, 1) + noise
        volume = Volume(np.rint(hu).astype(np.int16), SPACING, (0.0, 0.0, 0.0), np.eye(3))
        scans.append(KnownScan(volume, CENTRE, volume_mm3, ScanNoise(20.0, 1.0), 1.0, kernel))
    prior, current = scans
    return KnownNodule(f"000-{number}", "solid", "isolated", prior, current, np.eye(3), CENTRE, 0.1)


def test_further_nodules_are_laid_beside_a_known_one_with_a_growth_that_can_be_counted() -> None:
    pairs = cut([known(0.4, 1)], 1, cuts=2, laid=2)
    assert pairs.digest == cut([known(0.4, 1)], 1, cuts=2, laid=2).digest != cut([known(0.4, 1)], 2, cuts=2).digest
    assert len(pairs.log_ratio) == 4
    bright = np.clip(pairs.cubes_hu.astype(float) + 850, 0, None)
    bright[bright < 80] = 0
    counted = np.log(bright[:, 1].sum(axis=(1, 2, 3)) / bright[:, 0].sum(axis=(1, 2, 3)))
    assert counted[:2] == pytest.approx(pairs.log_ratio[:2], abs=0.12)
    assert len(cut([known(0.4, 1, kernel="sharp")], 1, cuts=2, laid=2).log_ratio) == 2


def test_the_growth_network_learns_and_its_word_turns_with_the_scans(tmp_path: Path) -> None:
    threads = torch.get_num_threads()
    pairs = cut([known(float(r), n) for n, r in enumerate((-0.6, 0.6))], 1, cuts=2, laid=0)
    network, went = growth.learn(pairs, Effort(steps=4, batch=2), 1)
    factor, off = growth.error_factor(network, pairs)
    growth.KIND.write(tmp_path, "0.test", network, {"error_factor": factor}, TRAINED)
    torch.set_num_threads(threads)
    assert np.isfinite([went[-1].loss, off]).all()
    (model,) = Registry.of(our_folder=tmp_path).models
    opened = open_model(model)
    assert opened.card.task is Task.GROWTH
    assert opened.card.settings["error_factor"] == pytest.approx(factor, abs=1e-4)
    with torch.inference_mode():
        cubes = torch.randn(2, 2, GROWTH_SIDE, GROWTH_SIDE, GROWTH_SIDE)
        there, back = network(cubes), network(cubes.flip(1))
    assert torch.allclose(there[:, 0], -back[:, 0], atol=1e-5)
    assert torch.allclose(there[:, 1], back[:, 1], atol=1e-5)
    assert torch.allclose(there[:, 2:], back[:, 2:].flip(1), atol=1e-5)
    block = known(0.0, 9).prior.volume
    with pytest.raises(NotForNetworks):
        see_growth(block, block, [CENTRE], [CENTRE], opened)


def test_a_block_gives_its_nodule_and_other_places() -> None:
    volume = known(0.0, 3).prior.volume
    array = volume.array_hu.copy()
    z, y, x = np.indices(SHAPE)
    array[(y - 56) ** 2 + (x - 30 - z / 3) ** 2 < 9] = 30  # a vessel
    with_vessel = Volume(array, SPACING, (0.0, 0.0, 0.0), np.eye(3))
    found = examples_of_block(with_vessel, CENTRE[None], np.array([8.3]))
    assert found is not None
    assert found.is_nodule.any()
    assert set(found.diameter_mm[found.is_nodule]) == {8.3}
    assert found.detector_odds[found.is_nodule].max() > found.detector_odds[~found.is_nodule].max(initial=-50.0)
    air = Volume(np.full(SHAPE, 40, np.int16), SPACING, (0.0, 0.0, 0.0), np.eye(3))
    assert examples_of_block(air, CENTRE[None], np.array([8.3])) is None


def word(volume_ratio: float, error: float) -> LearnedGrowth:
    return LearnedGrowth(volume_ratio, error, 0.0, 0.5, 0.5, "0" * 64)


def test_errors_are_widened_until_the_joint_interval_holds_or_no_more_can_be_held() -> None:
    rng = np.random.default_rng(5)
    true = rng.uniform(-0.5, 0.8, 400)
    measured, errors = true + rng.normal(0, 0.2, 400), np.full(400, 0.2)
    too_sure = [word(float(np.exp(one)), 0.02) for one in true + rng.normal(0, 0.06, 400)]
    factor = growth.joint_factor(true, measured, errors, too_sure)
    assert 2.0 < factor < 3.9  # three times as far off as it says
    assert growth.joint_held(true, measured, errors, too_sure, 1.0) < 0.75
    assert growth.joint_held(true, measured, errors, too_sure, factor) >= 0.95
    assert growth.joint_held(true, measured, errors, too_sure, factor - 0.05) < 0.95
    both_off = [word(float(np.exp(one)), 0.02) for one in measured]
    most = growth.joint_factor(true, measured, errors / 4, both_off)
    assert growth.joint_held(true, measured, errors / 4, both_off, most) < 0.95


@pytest.mark.parametrize(("settings", "shown"), [({}, False), ({JOINT_HELD: 0.92}, False), ({JOINT_HELD: 0.95}, True)])
def test_the_joint_interval_is_shown_only_where_it_was_checked(settings: dict[str, float], shown: bool) -> None:
    assert joint_interval_holds(settings) is shown


def test_softer_scans_keep_what_they_hold_and_lose_their_edges() -> None:
    edges = np.zeros((8, 2, 16, 16, 16), np.float32)
    edges[..., 8:] = 0.5
    still = Variety(density=0.0, gain=0.0, noise=0.0)
    assert np.array_equal(otherwise_scanned(edges, np.random.default_rng(1), still), edges)
    softer = otherwise_scanned(edges, np.random.default_rng(1), replace(still, blur_voxels=1.0))
    jumps = np.diff(softer, axis=-1).max(axis=(2, 3, 4))
    assert 0 < (jumps < 0.49).sum() < jumps.size  # some of the scans, each by itself
    assert softer.mean() == pytest.approx(0.25, abs=1e-3)


def test_measured_and_learned_are_weighed_by_their_variances() -> None:
    both = fuse(1.5, 0.1, word(1.2, 0.1))
    assert both.volume_ratio == pytest.approx(np.sqrt(1.5 * 1.2))
    assert both.log_ratio_error == pytest.approx(np.log(1.5 / 1.2) / 2)  # further apart than their errors explain
    assert not both.disagree
    assert fuse(1.5, 0.1, word(1.45, 0.1)).log_ratio_error == pytest.approx(0.1 / np.sqrt(2))
    assert fuse(1.5, 0.01, word(1.0, 1.0)).volume_ratio == pytest.approx(1.5, rel=0.001)
    assert fuse(2.0, 0.05, word(1.0, 0.05)).disagree
