"""A hospital's network in ONNX: under the same contract and check run, and nothing beside its file is read."""

from __future__ import annotations

import io
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor, nn

from inference.model_card import Task
from inference.model_errors import CheckRunFailed, ModelRefused, WeightsDoNotFit
from inference.networks.contracts import CONTRACTS
from inference.networks.running import Network, fixed_question, open_model
from inference.registry import Registry
from tests.unit.inference.test_registry import lay

QUESTION = fixed_question(CONTRACTS[Task.CANDIDATES])


class Small(nn.Module):
    """A convolution, its mean, and one number: enough to have weights."""

    def __init__(self, answers: int = 1) -> None:
        super().__init__()
        torch.manual_seed(5)
        self.see, self.tell = nn.Conv3d(1, 4, 5, stride=3), nn.Linear(4, answers)

    def forward(self, patches: Tensor) -> Tensor:
        told: Tensor = self.tell(torch.relu(self.see(patches)).mean(dim=(2, 3, 4)))
        return told


def exported(module: nn.Module) -> bytes:
    made = io.BytesIO()
    axes = {"patches": {0: "n"}, "told": {0: "n"}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter advises another of its own
        torch.onnx.export(
            module.eval(),
            (torch.from_numpy(QUESTION),),
            made,
            dynamo=False,
            input_names=["patches"],
            output_names=["told"],
            dynamic_axes=axes,
        )
    return made.getvalue()


def opened(folder: Path, content: bytes) -> Network:
    lay(folder, "0.own", content=content, ending=".onnx", architecture="onnx")
    (model,) = Registry.of(folder, our_folder=folder / "none").models
    return open_model(model)


def test_it_answers_as_the_network_it_was_exported_from(tmp_path: Path) -> None:
    module = Small()
    network = opened(tmp_path, exported(module))
    with torch.inference_mode():
        wanted = module(torch.from_numpy(QUESTION)).numpy()
    assert np.allclose(network.ask(QUESTION), wanted, atol=1e-5)
    many = np.tile(QUESTION, (30, 1, 1, 1, 1))
    assert np.array_equal(network.ask(many), network.ask(many))


def test_another_contract_fails_the_check_run(tmp_path: Path) -> None:
    with pytest.raises(CheckRunFailed, match="shape"):
        opened(tmp_path, exported(Small(answers=2)))


def test_a_fault_of_the_runtime_is_said_like_any_other(tmp_path: Path) -> None:
    flat = nn.Sequential(nn.Flatten(), nn.Linear(24**3, 1))
    made = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(flat, (torch.zeros(1, 1, 24, 24, 24),), made, dynamo=False)  # for one cube at a time alone
    with pytest.raises(CheckRunFailed, match="fails"):
        opened(tmp_path, made.getvalue())


@pytest.mark.parametrize("content", [b"", b"0" * 100, b"\x08\x07"])
def test_what_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(WeightsDoNotFit):
        opened(tmp_path, content)


def test_weights_beside_the_file_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The card's digest says nothing of them: they could be changed behind its back."""
    monkeypatch.chdir(tmp_path)  # from where the runtime would look
    network = onnx.load_from_string(exported(Small()))
    onnx.save(network, str(tmp_path / "made.onnx"), save_as_external_data=True, location="beside.bin", size_threshold=0)
    assert (tmp_path / "beside.bin").stat().st_size > 0
    with pytest.raises(ModelRefused):
        opened(tmp_path / "own", (tmp_path / "made.onnx").read_bytes())


def test_nobody_without_such_a_model_loads_the_runtime() -> None:
    code = "import sys, inference.networks.running; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=Path(__file__).parents[3]).returncode == 0
