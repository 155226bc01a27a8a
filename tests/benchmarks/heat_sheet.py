"""What the pages of outline and phenotype say of their card, and a picture of some nodules with their heat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from inference.attribution import read_heat
from inference.model_card import ModelCard, Performance
from inference.networks.phenotype import SIDE, STEP_MM
from inference.networks.running import Network
from inference.patch_grid import PatchGrid
from inference.simulate.features import Feature

if TYPE_CHECKING:
    from tests.benchmarks.evaluate_phenotype import Case

EACH = 4  # nodules of a feature, one row
LARGER = 3


def about(card: ModelCard) -> dict[str, object]:
    """What a page says of the training."""
    trained = card.trained
    return {
        "version": card.version,
        "verdict": card.verdict,
        "data": trained.data,
        "cpu_minutes": trained.cpu_minutes,
        "on": trained.on,
        "data_digest": trained.data_sha256[:16],
        "weights_digest": card.weights_sha256[:16],
        "script": trained.script,
        "limits": "\n".join(f"- {limit}" for limit in card.limits),
    }


def performance(
    group: str, measure: str, found: tuple[float, float, float], before: float | None, cases: int
) -> Performance:
    """A row of a card: the figure with the ends of its interval, rounded."""
    value, low, high = (round(one, 4) for one in found)
    return Performance(group, measure, value, low, high, None if before is None else round(before, 4), cases)


def draw_heat(cases: Sequence[Case], names: Sequence[str], network: Network, file: Path) -> None:
    """One row for each feature: plane through the hottest place as scanned, with its heat, and with the truth."""
    lines = []
    for name in names:
        some = [one for one in cases if one.true(name) and one.score(name) > 0.5][:EACH]
        if not some:
            continue
        panels = [_panels(one, name, network) for one in some]
        panels += [np.ones((SIDE, 3 * SIDE, 3))] * (EACH - len(some))
        lines.append(np.concatenate(panels, axis=1))
    sheet = np.concatenate(lines).repeat(LARGER, 0).repeat(LARGER, 1)
    Image.fromarray(np.rint(255 * sheet).astype(np.uint8)).quantize(128).save(file, optimize=True)


def _panels(case: Case, name: str, network: Network) -> NDArray[np.float64]:
    grid = PatchGrid((0.0, 0.0, 0.0), SIDE, STEP_MM, np.eye(3))
    heat = read_heat(case.cube_hu, grid, network)[name].heat
    plane = int(np.unravel_index(int(heat.argmax()), heat.shape)[0])
    grey = np.repeat(np.clip((case.cube_hu[plane] + 1000.0) / 1400.0, 0, 1)[..., None], 3, axis=2)
    share = np.clip(heat[plane] / max(float(heat.max()), 1e-6), 0, 1)[..., None]
    hot = grey * (1 - 0.6 * share) + 0.6 * share * np.array([1.0, 0.35, 0.0])
    truth = grey.copy()
    truth[(case.marks[plane] & Feature[name.upper()]) > 0] = (0.1, 0.6, 0.9)
    return np.concatenate([grey, hot, truth], axis=1)
