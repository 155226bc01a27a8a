"""A GPU that is not there, or runs out of memory: one warning, the same answer from the processor."""

from __future__ import annotations

import logging

import numpy as np
import pytest
import torch

from inference.model_card import ModelCard, Task, Training
from inference.networks.candidate_filter import CandidateFilter
from inference.networks.contracts import CONTRACTS
from inference.networks.running import BATCH, Network, fixed_question

CARD = ModelCard(
    task=Task.CANDIDATES,
    version="0.own",
    architecture="candidate-filter-2",
    weights_sha256="0" * 64,
    trained=Training("none", 1, "2026-11-21", "none", "0" * 64, 0, 0.0),
    limits=("for tests alone",),
)
QUESTION = fixed_question(CONTRACTS[Task.CANDIDATES])


def network(device: str) -> Network:
    torch.manual_seed(3)
    return Network(CARD, CandidateFilter(), device)


def warned(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [one.getMessage() for one in caplog.records if one.levelno >= logging.WARNING]


@pytest.fixture
def full_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU that is found and has no memory left: torch's own error where something is laid on it."""
    plain = torch.Tensor.to

    def to(tensor: torch.Tensor, *args: object, **more: object) -> torch.Tensor:
        if any(torch.device(one).type == "cuda" for one in args if isinstance(one, torch.device | str)):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.\nGPU 0 has none left.")
        return plain(tensor, *args, **more)

    monkeypatch.setattr(torch.Tensor, "to", to)


def test_a_gpu_without_memory_hands_over_once_and_the_answer_is_the_same(
    full_gpu: None, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = network("cpu").ask(QUESTION)
    asked = network("cpu")
    asked.device = torch.device("cuda")  # loaded while there was room; then others took it
    assert np.array_equal(asked.ask(QUESTION), wanted)
    assert np.allclose(asked.ask(np.tile(QUESTION, (BATCH, 1, 1, 1, 1)))[:3], wanted, atol=1e-5)
    (said,) = warned(caplog)
    assert said == "candidates-0.own goes on on the processor: CUDA out of memory. Tried to allocate 20.00 MiB."


def test_a_gpu_without_room_for_the_weights_is_left_at_once(
    full_gpu: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = network("cpu").ask(QUESTION)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(CandidateFilter, "to", _laid)
    asked = network("auto")
    assert asked.device.type == "cpu"
    assert np.array_equal(asked.ask(QUESTION), wanted)
    assert len(warned(caplog)) == 1


def _laid(module: torch.nn.Module, device: torch.device) -> torch.nn.Module:
    if torch.device(device).type == "cuda":
        raise torch.OutOfMemoryError("CUDA out of memory.")
    return module


@pytest.mark.parametrize(("device", "warnings"), [("cuda", 1), ("auto", 0), ("cpu", 0)])
def test_without_a_driver_it_is_said_only_to_who_asked_for_a_gpu(
    device: str, warnings: int, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    asked = network(device)
    asked.ask(QUESTION)
    asked.ask(QUESTION)
    assert len(warned(caplog)) == warnings


def test_memory_does_not_grow_with_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    plain = CandidateFilter.forward

    def forward(module: CandidateFilter, patches: torch.Tensor) -> torch.Tensor:
        seen.append(len(patches))
        told: torch.Tensor = plain(module, patches)
        return told

    monkeypatch.setattr(CandidateFilter, "forward", forward)
    network("cpu").ask(np.tile(QUESTION, (50, 1, 1, 1, 1)))
    assert max(seen) == BATCH
    assert sum(seen) == 150


def test_a_fault_that_is_not_the_gpus_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = network("cpu")
    monkeypatch.setattr(CandidateFilter, "forward", lambda *_: (_ for _ in ()).throw(RuntimeError("mat1 and mat2")))
    with pytest.raises(RuntimeError, match="mat1"):
        asked.ask(QUESTION)
