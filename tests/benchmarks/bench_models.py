"""What the learned models take for a pair of scans with 10 nodules and 60 proposed places, and what loading takes.

The scans are drawn: time depends on how many places are asked about, not on what is there. Where no version of a model
is shipped its architecture is timed with drawn weights, which takes as long. Heat maps, which are made beside the main
job, stand apart. Run as ``python -m tests.benchmarks.bench_models [--device cuda] [--threads 2]``.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from safetensors.torch import save

from inference.attribution import heat_maps
from inference.candidate_filter import rescored
from inference.candidates import Candidate
from inference.learned_growth import see_growth
from inference.learned_outline import see_outline
from inference.measure import measure
from inference.model_card import Task
from inference.model_errors import NotOutlined
from inference.networks.contracts import ARCHITECTURES, CONTRACTS
from inference.networks.running import Network, open_model
from inference.phenotype import describe_all
from inference.registry import Model, Registry
from registration.volume import Volume

NODULES, PLACES = 10, 60
SHAPE_ZYX, SPACING_ZYX_MM = (240, 512, 512), (1.25, 0.7, 0.7)
MB = 1024 * 1024


def main() -> int:
    """Time every model, then all together, and print lines for docs/benchmarks.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--threads", type=int, default=2)
    told = parser.parse_args()
    torch.set_num_threads(told.threads)
    prior, current, middles = drawn_pair()
    places = [candidate(one) for one in scattered(middles)]
    process, whole = psutil.Process(), [0.0, 0.0]
    with tempfile.TemporaryDirectory() as folder:
        networks = {task: opened(task, Path(folder), told.device) for task in Task}
        steps: dict[str, Callable[[], object]] = {
            f"candidates, {PLACES} places": lambda: rescored(current, places, networks[Task.CANDIDATES]),
            f"growth, {NODULES} pairs": lambda: see_growth(prior, current, middles, middles, networks[Task.GROWTH]),
            f"outline, {2 * NODULES} findings": lambda: outlines(prior, current, middles, networks[Task.OUTLINE]),
            f"phenotype, {NODULES} nodules": lambda: describe_all(current, middles, networks[Task.PHENOTYPE]),
        }
        before_mb = process.memory_info().rss / MB
        for name, step in steps.items():
            with timed(name) as took:
                step()
            whole = [sum(pair) for pair in zip(whole, took, strict=True)]
        say(f"all models: {whole[0]:.2f} s, {whole[1]:.2f} CPU s, {told.threads} threads, {told.device}")
        say(f"memory beyond the scans: {process.memory_info().rss / MB - before_mb:.0f} MB")
        with timed("beside, one heat map of every answer"):
            heat_maps(current, middles[0], networks[Task.PHENOTYPE])
    with timed(f"beside, the measurement without models, {NODULES} nodules"):
        for middle in middles:
            measure(current, middle)
    return 0


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


@contextmanager
def timed(name: str) -> Iterator[list[float]]:
    """Print seconds on the wall and of the processor, and give them."""
    took = [0.0, 0.0]
    wall, cpu = time.perf_counter(), time.process_time()
    yield took
    took[:] = time.perf_counter() - wall, time.process_time() - cpu
    say(f"{name}: {took[0]:.2f} s, {took[1]:.2f} CPU s")


def drawn_pair() -> tuple[Volume, Volume, np.ndarray]:
    """Two scans of noisy lung in a wall, with balls of 8 mm at the same places."""
    rng = np.random.default_rng(7)
    array = rng.normal(-850, 25, SHAPE_ZYX).astype(np.float32).astype(np.int16)
    array[:, :90] = array[:, -90:] = 40
    volume = Volume(array, SPACING_ZYX_MM, (0.0, 0.0, 0.0), np.eye(3))
    index = np.column_stack(
        [rng.uniform(40, 200, NODULES), rng.uniform(150, 360, NODULES), np.linspace(60, 450, NODULES)]
    ).round()
    for z, y, x in index.astype(int):
        part = np.s_[z - 8 : z + 9, y - 12 : y + 13, x - 12 : x + 13]
        away = np.linalg.norm(
            (np.moveaxis(np.indices((17, 25, 25)), 0, -1) - (8, 12, 12)) * np.array(SPACING_ZYX_MM), axis=-1
        )
        array[part] = np.where(away < 4, 30, array[part])
    return volume, replace(volume, array_hu=array.copy()), np.asarray(volume.lps_from_index(index))


def scattered(middles: np.ndarray) -> np.ndarray:
    """As many places as are asked about, some millimetres from nodules."""
    rng = np.random.default_rng(8)
    return middles[np.arange(PLACES) % NODULES] + rng.uniform(-15, 15, (PLACES, 3))


def candidate(at: np.ndarray) -> Candidate:
    """A proposal of the detector."""
    x, y, z = (float(one) for one in at)
    return Candidate((x, y, z), diameter_mm=6.0, contrast_hu=500.0, score=0.3)


def outlines(prior: Volume, current: Volume, middles: np.ndarray, network: Network) -> None:
    """Outline every nodule on both scans; drawn weights may find nothing, which takes as long."""
    for volume in (prior, current):
        for middle in middles:
            try:
                see_outline(volume, middle, network)
            except NotOutlined:
                continue


def opened(task: Task, folder: Path, device: str) -> Network:
    """Open the latest shipped version of a task, or its architecture with drawn weights, and say how long it took."""
    shipped = Registry.of().of_task(task)
    model = shipped[0] if shipped else drawn_model(task, folder)
    size_mb = model.weights.stat().st_size / MB
    with timed(
        f"loading {model.card.name}{'' if shipped else ' (drawn weights)'}, {size_mb:.1f} MB, with its check run"
    ):
        return open_model(model, device)


def drawn_model(task: Task, folder: Path) -> Model:
    """Write a model of the latest architecture of a task."""
    name = [key for key, (of, _) in ARCHITECTURES.items() if of is task][-1]
    torch.manual_seed(1)
    content = save({key: one.contiguous() for key, one in ARCHITECTURES[name][1]().state_dict().items()})
    card: dict[str, Any] = {
        "schema": 1,
        "task": task,
        "version": "0",
        "architecture": name,
        "weights_sha256": sha256(content).hexdigest(),
        "limits": ["for timing alone"],
        "settings": dict.fromkeys(CONTRACTS[task].settings, 1.0),
    }
    training = {"script": "", "seed": 1, "on": "", "data": "", "data_sha256": "", "examples": 0, "cpu_minutes": 0.0}
    (folder / f"{task}-0.json").write_text(json.dumps(card | {"trained": training}))
    (folder / f"{task}-0.safetensors").write_bytes(content)
    (model,) = (one for one in Registry.of(our_folder=folder).models if one.card.task is task)
    return model


if __name__ == "__main__":
    sys.exit(main())
