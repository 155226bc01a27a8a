"""A model read from its file, tried once, kept warm, and asked in batches, on a GPU where there is one.

The answers are the same twice on the same device. A GPU that runs out of memory or fails hands the batch to the
processor, whose answers agree within ``AGREEMENT``.
"""

from __future__ import annotations

import io
import logging
import math
import time
from typing import Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from torch import nn

from inference.model_card import ModelCard
from inference.model_errors import (
    BadCard,
    CheckRunFailed,
    ModelRefused,
    NotForNetworks,
    UnknownArchitecture,
    WeightsDoNotFit,
)
from inference.networks.contracts import ARCHITECTURES, CONTRACTS, TORCHSCRIPT, Contract
from inference.networks.onnx_network import ONNX, read_onnx
from inference.patches import Singles
from inference.registry import Model

logger: Final = logging.getLogger(__name__)

BATCH: Final = 64  # 60 MB of what the levels hold
WARM_MODELS: Final = 8
CHECKED_PATCHES: Final = 3
SLOWEST_S: Final = 4.0  # of processor time for the check run: a slower model would hold up the main job
AGREEMENT: Final = 1e-3  # of answers, between processor and GPU

_warm: Final[dict[tuple[str, str, int, str], Network]] = {}


class Network:
    """A model that can be asked.

    Parameters
    ----------
    device
        ``"cpu"``, ``"cuda"``, or ``"auto"``: a GPU that answers, else the processor.
    """

    def __init__(self, card: ModelCard, module: nn.Module, device: str) -> None:
        self.card = card
        self.contract: Contract = CONTRACTS[card.task]
        self.device = torch.device("cuda" if device != "cpu" and torch.cuda.is_available() else "cpu")
        if device == "cuda" and self.device.type == "cpu":
            logger.warning("%s runs on the processor: torch finds no GPU with a driver that fits", card.name)
        self._module = module.eval()
        try:
            self._module.to(self.device)
        except RuntimeError as failed:  # torch.OutOfMemoryError is one
            self._leave_the_gpu(failed)

    def ask(self, patches: Singles) -> Singles:
        """Ask about patches (n, channels, side, side, side); gives (n, answers), or (n, answers, side, side, side).

        Raises
        ------
        NotForNetworks
            Another shape, or values that are no numbers.
        """
        contract = self.contract
        wanted = (contract.channels, contract.side, contract.side, contract.side)
        if patches.shape[1:] != wanted:
            raise NotForNetworks(reason=f"cubes of {patches.shape[1:]} voxels are no {wanted}")
        if not np.isfinite(patches).all():
            raise NotForNetworks(reason="some of its values are no numbers")
        told = [self._ask(patches[start : start + BATCH]) for start in range(0, len(patches), BATCH)]
        return np.concatenate(told) if told else np.empty((0, *contract.answer_shape), np.float32)

    def _ask(self, batch: Singles) -> Singles:
        try:
            return self._on(batch)
        except RuntimeError as failed:  # torch.OutOfMemoryError is one
            if self.device.type == "cpu":
                raise
            self._leave_the_gpu(failed)
            return self._on(batch)

    def _leave_the_gpu(self, failed: RuntimeError) -> None:
        """For as long as the worker lives: a GPU that failed once would fail in the middle of other batches too."""
        logger.warning("%s goes on on the processor: %s", self.card.name, str(failed).splitlines()[0])
        self.device = torch.device("cpu")
        self._module.to(self.device)
        torch.cuda.empty_cache()

    def _on(self, batch: Singles) -> Singles:
        exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
        with torch.inference_mode(), exact:
            told: Singles = self._module(torch.from_numpy(batch).to(self.device)).float().cpu().numpy()
        return told


def open_model(model: Model, device: str = "cpu") -> Network:
    """Read a model, try it on a fixed input, and keep it warm; the next call gives the same network.

    Raises
    ------
    ModelRefused
        One of ``inference.model_errors``: the file is not the card's, does not fit, or fails its check run.
    """
    changed_at = model.weights.stat().st_mtime_ns if model.weights.is_file() else 0
    key = (str(model.weights), model.card.weights_sha256, changed_at, device)
    if key not in _warm:
        _refuse_without_settings(model.card)
        network = Network(model.card, read_module(model.card, model.read_weights()), device)
        check_run(network)
        while len(_warm) >= WARM_MODELS:
            del _warm[next(iter(_warm))]
        _warm[key] = network
    return _warm[key]


def _refuse_without_settings(card: ModelCard) -> None:
    for name in CONTRACTS[card.task].settings:
        if not math.isfinite(card.settings.get(name, math.nan)):
            raise BadCard(file=f"{card.name}.json", reason=f"its settings do not give {name}")


def read_module(card: ModelCard, content: bytes) -> nn.Module:
    """Build the network of a card with these weights.

    Raises
    ------
    UnknownArchitecture, WeightsDoNotFit
    """
    if card.architecture == ONNX:
        return read_onnx(card, content)
    if card.architecture == TORCHSCRIPT:
        try:
            scripted: nn.Module = torch.jit.load(io.BytesIO(content), map_location="cpu")  # type: ignore[no-untyped-call]
        except RuntimeError as fault:
            raise WeightsDoNotFit(name=card.task, version=card.version, reason="this is no TorchScript") from fault
        return scripted
    task, build = ARCHITECTURES.get(card.architecture, (None, None))
    if build is None or task is not card.task:
        raise UnknownArchitecture(name=card.task, version=card.version, architecture=card.architecture)
    module = build()
    try:
        module.load_state_dict(load_tensors(content))
    except SafetensorError as fault:
        raise WeightsDoNotFit(name=card.task, version=card.version, reason="this is no safetensors file") from fault
    except RuntimeError as fault:
        raise WeightsDoNotFit(name=card.task, version=card.version, reason=f"it is no '{card.architecture}'") from fault
    return module


def check_run(network: Network) -> float:
    """Ask a fixed question twice; gives the processor seconds that the second answer took.

    Raises
    ------
    CheckRunFailed
        The answer has another shape, is no number, out of range, not the same twice, or late.
    """
    contract = network.contract
    question = fixed_question(contract)
    reason = ""
    try:
        first = network.ask(question)
        started = time.process_time()
        second = network.ask(question)
        took_s = time.process_time() - started
    except ModelRefused:
        raise
    except (RuntimeError, TypeError, AttributeError) as fault:
        raise CheckRunFailed(
            name=network.card.task, version=network.card.version, reason=f"fails ({type(fault).__name__})"
        ) from fault
    wanted = (len(question), *contract.answer_shape)
    if first.shape != wanted:
        reason = f"answers with the shape {first.shape}, not {wanted}"
    elif not np.isfinite(first).all():
        reason = "answers with what is no number"
    elif float(np.abs(first).max()) > contract.largest:
        reason = f"answers beyond {contract.largest:.0f}"
    elif not np.array_equal(first, second):
        reason = "does not answer the same twice"
    elif took_s > SLOWEST_S:
        reason = f"takes {took_s:.1f} s of processor time; at most {SLOWEST_S:.0f} s are allowed"
    if reason:
        raise CheckRunFailed(name=network.card.task, version=network.card.version, reason=reason)
    return took_s


def fixed_question(contract: Contract) -> Singles:
    """A ball in noise, the same always; (3, channels, side, side, side)."""
    rng = np.random.default_rng(20261121)
    axis = np.arange(contract.side) - (contract.side - 1) / 2
    away = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2)
    ball = np.where(away < contract.side / 6, 0.5, -0.8).astype(np.float32)
    noise = rng.normal(0.0, 0.05, (CHECKED_PATCHES, contract.channels, *ball.shape)).astype(np.float32)
    question: Singles = np.clip(ball + noise, -1.0, 1.0)
    return question
