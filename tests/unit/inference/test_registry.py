"""Which model is used, and which is turned away and why."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import Tensor, nn

from inference.model_card import Task, read_card
from inference.model_errors import (
    BadCard,
    CheckRunFailed,
    ModelRefused,
    NoSuchModel,
    NotForNetworks,
    UnknownArchitecture,
    VersionTaken,
    WeightsChanged,
    WeightsDoNotFit,
    WeightsMissing,
    WeightsTooLarge,
)
from inference.networks.candidate_filter import CandidateFilter
from inference.networks.contracts import ARCHITECTURES, CONTRACTS
from inference.networks.running import fixed_question, open_model
from inference.registry import LARGEST_MB, OFF, OUR_WEIGHTS, Registry

TRAINED = {
    "script": "python -m inference.training.candidates",
    "seed": 1,
    "on": "2026-11-21",
    "data": "simulated",
    "data_sha256": "0" * 64,
    "examples": 10,
    "cpu_minutes": 0.1,
}


def weights() -> bytes:
    torch.manual_seed(3)
    return save({name: tensor.contiguous() for name, tensor in CandidateFilter().state_dict().items()})


def lay(
    folder: Path, version: str = "1", content: bytes | None = None, ending: str = ".safetensors", **told: object
) -> Path:
    """Write a model into a folder; gives its card."""
    content = weights() if content is None else content
    folder.mkdir(exist_ok=True)
    card = {
        "schema": 1,
        "task": "candidates",
        "version": version,
        "architecture": "candidate-filter-2",
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "trained": TRAINED,
        "limits": ["none"],
        "recommended": True,
        "settings": {"least_score": 0.1, "offset": 0.0, "by_detector": 1.0, "by_network": 1.0},
    }
    card |= told
    path = folder / f"{card['task']}-{version}.json"
    path.write_text(json.dumps(card))
    path.with_suffix(ending).write_bytes(content)
    return path


class Scripted(nn.Module):
    """Answers what it is told to."""

    def __init__(self, value: float, answers: int = 1, *, by_chance: bool = False) -> None:
        super().__init__()
        self.value, self.answers, self.by_chance = value, answers, by_chance

    def forward(self, patches: Tensor) -> Tensor:
        told = torch.full((patches.shape[0], self.answers), self.value)
        return told + torch.rand_like(told) if self.by_chance else told


def scripted(module: nn.Module, path: Path) -> bytes:
    torch.jit.save(torch.jit.script(module), str(path / "made.pt"))
    return (path / "made.pt").read_bytes()


# ------------------------------------------------------------------ choosing


def test_the_latest_recommended_version_of_ours_is_used(tmp_path: Path) -> None:
    for version, recommended in (("2", True), ("10", True), ("11", False)):
        lay(tmp_path / "ours", version, recommended=recommended)
    lay(tmp_path / "own", "12")
    known = Registry.of(tmp_path / "own", our_folder=tmp_path / "ours")
    chosen = known.choose(Task.CANDIDATES)
    assert chosen is not None
    assert chosen.card.version == "10"
    assert [one.card.version for one in known.of_task(Task.CANDIDATES)] == ["12", "11", "10", "2"]


def test_a_pinned_version_is_used_and_off_is_none(tmp_path: Path) -> None:
    lay(tmp_path, "1")
    lay(tmp_path, "2")
    known = Registry.of(our_folder=tmp_path)
    pinned = known.choose(Task.CANDIDATES, "1")
    assert pinned is not None
    assert pinned.card.version == "1"
    assert known.choose(Task.CANDIDATES, OFF) is None
    assert known.choose(Task.GROWTH) is None
    with pytest.raises(NoSuchModel):
        known.choose(Task.CANDIDATES, "3")


def test_what_is_not_recommended_waits_for_somebody_to_choose_it(tmp_path: Path) -> None:
    lay(tmp_path, "1", recommended=False)
    assert Registry.of(our_folder=tmp_path).choose(Task.CANDIDATES) is None


def test_one_bad_card_does_not_hide_the_others(tmp_path: Path) -> None:
    lay(tmp_path, "1")
    (tmp_path / "broken.json").write_text("{")
    lay(tmp_path, "2", task="weather")
    lay(tmp_path, "3", weights_sha256="short")
    (tmp_path / "candidates-4.json").write_text(json.dumps({"schema": 1}))
    known = Registry.of(our_folder=tmp_path)
    assert [one.card.version for one in known.models] == ["1"]
    assert {name for name, _ in known.refused} == {
        "broken.json",
        "weather-2.json",
        "candidates-3.json",
        "candidates-4.json",
    }
    assert all(isinstance(refusal, BadCard) and refusal.as_sentence() for _, refusal in known.refused)


def test_a_version_stands_for_one_model(tmp_path: Path) -> None:
    lay(tmp_path / "ours", "1")
    lay(tmp_path / "own", "1")
    known = Registry.of(tmp_path / "own", our_folder=tmp_path / "ours")
    assert [one.own for one in known.models] == [False]
    assert isinstance(known.refused[0][1], VersionTaken)


def test_a_card_without_weights_is_turned_away(tmp_path: Path) -> None:
    lay(tmp_path)
    (tmp_path / "candidates-1.safetensors").unlink()
    assert isinstance(Registry.of(our_folder=tmp_path).refused[0][1], WeightsMissing)


def test_a_card_says_the_same_after_writing_and_reading(tmp_path: Path) -> None:
    card = read_card(lay(tmp_path, settings={"least_score": 0.5}))
    (tmp_path / "candidates-1.json").write_text(card.to_json())
    assert read_card(tmp_path / "candidates-1.json") == card


def test_a_card_is_about_the_file_that_carries_its_name(tmp_path: Path) -> None:
    lay(tmp_path, "1").rename(tmp_path / "candidates-2.json")
    assert isinstance(Registry.of(our_folder=tmp_path).refused[0][1], BadCard)


# ------------------------------------------------------------------ trusting


def opened(folder: Path) -> ModelRefused | None:
    """Open the only model of a folder; gives the refusal."""
    (model,) = Registry.of(our_folder=folder).models
    try:
        open_model(model)
    except ModelRefused as refusal:
        return refusal
    return None


def test_weights_that_were_changed_are_not_used(tmp_path: Path) -> None:
    lay(tmp_path)
    path = tmp_path / "candidates-1.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    assert isinstance(opened(tmp_path), WeightsChanged)


def test_weights_that_are_too_large_are_not_read(tmp_path: Path) -> None:
    lay(tmp_path, content=b"0" * (int(LARGEST_MB * 1024 * 1024) + 1))
    assert isinstance(opened(tmp_path), WeightsTooLarge)


@pytest.mark.parametrize(
    ("content", "told", "refusal"),
    [
        (b"nonsense", {}, WeightsDoNotFit),
        (save({"a": torch.zeros(2)}), {}, WeightsDoNotFit),
        (None, {"architecture": "resnet-9000"}, UnknownArchitecture),
        (None, {"architecture": "two-timepoint-growth-2"}, UnknownArchitecture),
        (b"nonsense", {"architecture": "torchscript"}, WeightsDoNotFit),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, content: bytes | None, told: dict[str, str], refusal: type[ModelRefused]
) -> None:
    lay(tmp_path, content=content, **told)
    assert isinstance(opened(tmp_path), refusal)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Scripted(float("nan")), "no number"),
        (Scripted(1e6), "beyond"),
        (Scripted(0.0, answers=2), "shape"),
        (Scripted(0.0, by_chance=True), "same twice"),
    ],
)
def test_a_model_that_answers_outside_its_contract_fails_its_check_run(
    tmp_path: Path, module: nn.Module, words: str
) -> None:
    lay(tmp_path / "own", content=scripted(module, tmp_path), ending=".pt", architecture="torchscript")
    refusal = opened(tmp_path / "own")
    assert isinstance(refusal, CheckRunFailed)
    assert words in refusal.as_sentence()


@pytest.mark.parametrize(
    "settings", [{}, {"least_score": float("nan"), "offset": 0, "by_detector": 1, "by_network": 1}]
)
def test_a_card_without_the_numbers_that_the_step_needs_is_refused(tmp_path: Path, settings: dict[str, float]) -> None:
    lay(tmp_path, settings=settings)
    refusal = opened(tmp_path)
    assert isinstance(refusal, BadCard)
    assert "least_score" in refusal.as_sentence()


def test_torchscript_under_the_contract_is_used(tmp_path: Path) -> None:
    lay(tmp_path / "own", content=scripted(Scripted(0.25), tmp_path), ending=".pt", architecture="torchscript")
    (model,) = Registry.of(our_folder=tmp_path / "own").models
    network = open_model(model)
    assert network.ask(fixed_question(CONTRACTS[Task.CANDIDATES])).tolist() == [[0.25]] * 3


# ------------------------------------------------------------------ asking


def test_a_network_answers_the_same_twice_and_in_any_batch(tmp_path: Path) -> None:
    lay(tmp_path)
    (model,) = Registry.of(our_folder=tmp_path).models
    network = open_model(model)
    many = np.tile(fixed_question(CONTRACTS[Task.CANDIDATES]), (30, 1, 1, 1, 1))
    first = network.ask(many)
    assert np.array_equal(first, network.ask(many))
    assert np.allclose(first[:3], network.ask(many[:3]), atol=1e-5)
    assert network.ask(many[:0]).shape == (0, 1)
    assert open_model(model) is network


def test_a_network_is_not_asked_what_it_cannot_answer(tmp_path: Path) -> None:
    lay(tmp_path)
    (model,) = Registry.of(our_folder=tmp_path).models
    network = open_model(model)
    question = fixed_question(CONTRACTS[Task.CANDIDATES])
    with pytest.raises(NotForNetworks, match="voxels"):
        network.ask(question[..., :-1])
    question[0, 0, 0, 0, 0] = np.nan
    with pytest.raises(NotForNetworks, match="no numbers"):
        network.ask(question)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_every_architecture_is_small_and_keeps_the_contract_of_its_task(name: str) -> None:
    task, build = ARCHITECTURES[name]
    torch.manual_seed(1)
    network = build().eval()
    assert sum(parameter.numel() for parameter in network.parameters()) < 310_000
    with torch.inference_mode():
        told = network(torch.from_numpy(fixed_question(CONTRACTS[task])))
    assert told.shape == (3, *CONTRACTS[task].answer_shape)


def test_what_we_ship_can_be_trusted() -> None:
    known = Registry.of(our_folder=OUR_WEIGHTS)
    assert known.refused == ()
    for model in known.models:
        open_model(model)
        assert model.card.performance, f"{model.card.name} was never measured"
        assert any("simulation" in limit for limit in model.card.limits)
