"""A tiny training of outline and phenotype: the same seed gives the same, it learns, and what it writes can be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from inference.model_card import Training
from inference.networks.outline import SIDE, STEP_MM, NoduleOutline
from inference.networks.running import open_model
from inference.patches import scaled
from inference.phenotype import read_words
from inference.registry import Registry
from inference.simulate.features import Feature
from inference.training import outline, phenotype
from inference.training.fitting import Effort, weights_of
from inference.training.nodule_data import ROOM, SHARES, KnownNodules, NoduleFacts, make_nodules, middle, moved

TRAINED = Training("test", 1, "2026-11-21", "drawn", "0" * 64, 8, 0.1)
WIDE = SIDE + 2 * ROOM


def drawn(count: int = 8) -> KnownNodules:
    """Balls off the middle, solid and ground glass by turns, with their truth."""
    rng = np.random.default_rng(5)
    axis = (np.arange(WIDE) - (WIDE - 1) / 2) * STEP_MM
    cubes, whole, solid, facts = [], [], [], []
    for number in range(count):
        radius_mm, off = rng.uniform(3, 6), rng.normal(0, 0.7, 3)
        away = np.sqrt(((axis - off[0]) ** 2)[:, None, None] + ((axis - off[1]) ** 2)[:, None] + (axis - off[2]) ** 2)
        share = np.clip((radius_mm - away) / STEP_MM + 0.5, 0, 1)
        is_solid = number % 2 == 0
        cubes.append(np.rint(-860 + (890 if is_solid else 300) * share + rng.normal(0, 20, share.shape)))
        whole.append(np.rint(SHARES * share))
        solid.append(whole[-1] * is_solid)
        volume_mm3 = float(share.sum()) * STEP_MM**3
        kind = "solid" if is_solid else "ground_glass"
        facts.append(
            NoduleFacts(kind, "isolated", 2 * radius_mm, volume_mm3, volume_mm3 * is_solid, 0, 3, 1.0, 0.7, "soft")
        )
    marks = np.zeros((count, WIDE, WIDE, WIDE), np.uint8)
    shares = np.array(whole, np.uint8), np.array(solid, np.uint8)
    return KnownNodules(np.array(cubes, np.int16), shares[0], shares[1], marks, tuple(facts))


@pytest.fixture
def threads() -> object:
    """Training sets one thread for the process; the other tests get theirs back."""
    before = torch.get_num_threads()
    yield before
    torch.set_num_threads(before)


def test_the_same_seed_gives_the_same_nodules_with_their_truth(tmp_path: Path) -> None:
    known, again = make_nodules(1, nodules=1, blocks=tmp_path), make_nodules(1, nodules=1)
    assert [one.volume_mm3 for one in again.facts] == [one.volume_mm3 for one in known.facts]
    assert np.array_equal(known.whole, again.whole)  # the block that is kept is larger, the truth is the same
    assert known.cubes_hu.shape == (len(known.facts), WIDE, WIDE, WIDE)
    assert len(list(tmp_path.glob("block-0001-*.npz"))) == len(known.facts)
    known.save(tmp_path / "kept.npz")
    kept = KnownNodules.load(tmp_path / "kept.npz")
    assert kept.digest == known.digest != KnownNodules.joined([known, again]).digest
    for cube, whole, fact in zip(known.cubes_hu, known.whole, known.facts, strict=True):
        assert whole.sum() / SHARES * STEP_MM**3 == pytest.approx(fact.volume_mm3, rel=0.02)
        assert cube[whole > 0.9 * SHARES].mean() > cube[whole == 0].min() + 100
        assert not Feature(fact.features) & ~Feature(fact.possible)


def test_truth_moves_with_its_cube() -> None:
    known = drawn(4)
    cubes, shares = moved(known, np.array([0, 2, 0]), np.random.default_rng(1))
    assert cubes.shape == (3, 1, SIDE, SIDE, SIDE)
    for cube, share in zip(cubes[:, 0], shares, strict=True):
        assert cube[share[0] > 0.9].min() > -400 > cube[share[0] == 0].max()
        assert np.array_equal(share[0], share[1])
    assert not np.array_equal(cubes[0], cubes[2])


def test_the_outline_learns_and_what_it_wrote_can_be_asked(tmp_path: Path, threads: object) -> None:
    known = drawn()
    network, went = outline.learn(known, Effort(steps=24, batch=4), 1)
    settings = outline.errors_of(network, known)
    outline.KIND.write(tmp_path, "0.test", network, settings, TRAINED)
    first, same = (outline.learn(known, Effort(steps=2, batch=4), 1)[1] for _ in range(2))
    assert [one.loss for one in first] == [one.loss for one in same]
    assert went[-1].loss < 0.95 * first[-1].loss  # the mean of all steps, the first ones in it
    assert outline.learn(known, Effort(2, 4), 1, begin=weights_of(network))[1][-1].loss < first[-1].loss
    assert 0 < settings["border_error_mm"] < 1
    (model,) = Registry.of(our_folder=tmp_path).models
    opened = open_model(model)
    assert opened.card.recommended is False
    told = opened.ask(scaled(middle(known.cubes_hu)[:2])[:, None])
    inside = middle(known.whole)[:2] == SHARES
    assert told[:, 0][inside].mean() > told[:, 0][~inside].mean() + 0.3


def test_the_phenotype_learns_and_what_it_wrote_can_be_asked(tmp_path: Path, threads: object) -> None:
    known = drawn()
    torch.manual_seed(1)
    levels = weights_of(NoduleOutline())
    network, went = phenotype.learn(known, Effort(steps=60, batch=8), 1, levels, times=2)
    settings = phenotype.to_scale(network, known)
    phenotype.KIND.write(tmp_path, "0.test", network, settings, TRAINED)
    first, same = (phenotype.learn(known, Effort(2, 4), 1, levels, times=1)[1] for _ in range(2))
    assert [one.loss for one in first] == [one.loss for one in same]
    assert went[-1].loss < 0.9 * first[-1].loss  # the mean of all steps, the first ones in it
    assert weights_of(network.outline) == levels
    (model,) = Registry.of(our_folder=tmp_path).models
    words = read_words(middle(known.cubes_hu), open_model(model))
    assert all(one.attenuation["part_solid"] < 0.4 for one in words)  # there was none
    assert all(one.features["cavity"] < 0.6 for one in words)


def test_what_a_volume_is_off_by_is_split_into_border_and_share() -> None:
    rng = np.random.default_rng(2)
    radii_mm = rng.uniform(2, 10, 4000)
    off = rng.normal(0, np.hypot(0.05, 3 * 0.1 / radii_mm))
    border_mm, least = outline.likeliest(off, radii_mm)
    assert border_mm == pytest.approx(0.1, rel=0.15)
    assert least == pytest.approx(0.05, rel=0.3)
