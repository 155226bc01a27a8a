"""What the tests of the learned outline and phenotype share: a drawn chest, and networks with weights by chance."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save

from inference.networks.contracts import ARCHITECTURES, CONTRACTS
from inference.networks.running import Network, open_model
from inference.registry import Registry
from registration.volume import Volume

POINT_LPS_MM = (2.0, -3.0, 5.0)
TRAINED = {
    "script": "none",
    "seed": 1,
    "on": "2026-11-21",
    "data": "none",
    "data_sha256": "0" * 64,
    "examples": 0,
    "cpu_minutes": 0.0,
}


def chest(*, flipped: bool = False, diameter_mm: float = 9.0) -> Volume:
    """Lung with a ball about ``POINT_LPS_MM``, and a wall of soft tissue at the back."""
    shape, spacing = (56, 72, 72), (1.0, 0.8, 0.8)
    origin = (-28.0, -32.0, -22.0)
    whole = Volume(np.zeros(shape, np.int16), spacing, origin, np.eye(3))
    points = whole.lps_from_index(np.moveaxis(np.indices(shape), 0, -1))
    away_mm = np.linalg.norm(points - np.array(POINT_LPS_MM), axis=-1)
    ball = np.clip(diameter_mm / 2 - away_mm + 0.5, 0, 1)
    wall = np.clip(points[..., 1] - 18.0, 0, 1)
    noise = np.random.default_rng(4).normal(0, 20, shape)
    hu = np.rint(-850 + 880 * np.maximum(ball, wall) + noise).astype(np.int16)
    if not flipped:
        return Volume(hu, spacing, origin, np.eye(3))
    direction = np.diag([1.0, -1.0, -1.0])
    x, y, z = (float(v) for v in whole.lps_from_index(np.array([shape[0] - 1, shape[1] - 1, 0])))
    return Volume(np.ascontiguousarray(hu[::-1, ::-1]), spacing, (x, y, z), direction)


def by_chance(folder: Path, architecture: str, seed: int = 1) -> Network:
    """A network of a known architecture that has learned nothing."""
    task, build = ARCHITECTURES[architecture]
    torch.manual_seed(seed)
    content = save({name: tensor.contiguous() for name, tensor in build().state_dict().items()})
    lay(folder, task.value, architecture, content, ".safetensors", seed)
    return next(open_model(one) for one in Registry.of(our_folder=folder).models if one.card.version == str(seed))


def scripted(folder: Path, task: str, module: torch.nn.Module) -> Network:
    """TorchScript under the contract of a task."""
    folder.mkdir(exist_ok=True)
    torch.jit.save(torch.jit.script(module), str(folder / "made"))
    content = (folder / "made").read_bytes()
    lay(folder, task, "torchscript", content, ".pt", 1)
    (model,) = Registry.of(our_folder=folder).models
    return open_model(model)


def lay(folder: Path, task: str, architecture: str, content: bytes, ending: str, version: int) -> None:
    """Put weights and card into a folder."""
    folder.mkdir(exist_ok=True)
    contract = next(value for key, value in CONTRACTS.items() if key.value == task)
    card = {
        "schema": 1,
        "task": task,
        "version": str(version),
        "architecture": architecture,
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "trained": TRAINED,
        "limits": ["learned nothing"],
        "settings": {name: 0.0 if name.endswith("offset") else 1.0 for name in contract.settings},
    }
    (folder / f"{task}-{version}.json").write_text(json.dumps(card))
    (folder / f"{task}-{version}{ending}").write_bytes(content)
