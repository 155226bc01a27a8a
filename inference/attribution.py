"""Which region of a nodule's cube speaks for an answer of the phenotype network: a heat map by occlusion.

A soft window wanders over the cube; under it the scan is replaced by a blurred copy, as if there were no detail. How
much the logarithm of the odds falls is the heat of that place. Nothing is asked of a network but its answers, so the
map is the same for every architecture and device, and it changes when the weights do (tested).

Source: occlusion after Zeiler & Fergus 2014, ECCV, 818-833; that a map must change when weights are drawn anew,
Adebayo et al. 2018, NeurIPS, 9505-9515.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from inference.model_card import Task
from inference.networks.contracts import CONTRACTS
from inference.networks.phenotype import ATTENUATIONS, FEATURES
from inference.networks.running import Network
from inference.patch_grid import PatchGrid
from inference.patches import Shorts, Singles, cut_patches, digest, refuse_what_is_no_chest, scaled
from inference.phenotype import log_odds_of, to_scale
from registration.volume import Volume

ANSWERS: Final = (*ATTENUATIONS, *FEATURES)
STEP_VOXELS: Final = 4  # the window moves by this
REACH_VOXELS: Final = 16.0  # from the middle of the cube to the furthest window
WINDOW_VOXELS: Final = 2.0  # standard deviation of the window
BLUR_VOXELS: Final = 4.0  # of the copy that is laid under it
AT_ONCE: Final = 64
LEAST_COVERED: Final = 0.2


@dataclass(frozen=True, slots=True, eq=False)
class HeatMap:
    """How much each place speaks for one answer.

    Parameters
    ----------
    heat : (side, side, side)
        Fall of the logarithm of the odds when that place loses its detail; positive speaks for the answer, negative
        against it. On ``grid``.
    answer
        Of ``ANSWERS``.
    probability
        Of the answer itself.
    model, input_sha256
        Name and version; digest of what the network was shown.
    """

    heat: Singles = field(repr=False)
    grid: PatchGrid = field(repr=False)
    answer: str
    probability: float
    model: str
    input_sha256: str

    @property
    def hottest_lps_mm(self) -> tuple[float, float, float]:
        """Where it speaks for the answer most."""
        at = np.unravel_index(int(self.heat.argmax()), self.heat.shape)
        x, y, z = (float(v) for v in self.grid.lps_from_index(np.array(at)))
        return x, y, z

    def onto(self, volume: Volume) -> tuple[Singles, tuple[int, int, int]]:
        """Heat on the voxels of the scan, and the index of the first of them."""
        return self.grid.onto(volume, self.heat)


def heat_maps(volume: Volume, point_lps_mm: ArrayLike, network: Network) -> Mapping[str, HeatMap]:
    """Map every answer of the phenotype network about one nodule; one sweep serves all.

    Parameters
    ----------
    point_lps_mm : (3,)
        The point that the network was asked about.
    network
        For ``Task.PHENOTYPE``.

    Raises
    ------
    NotForNetworks
        A scan that no network may judge, or a point outside it.
    """
    refuse_what_is_no_chest(volume)
    contract = CONTRACTS[Task.PHENOTYPE]
    cube = cut_patches(volume, point_lps_mm, side=contract.side, step_mm=contract.step_mm)[0]
    grid = PatchGrid.about(volume, point_lps_mm, side=contract.side, step_mm=contract.step_mm)
    return read_heat(cube, grid, network)


def heat_map(volume: Volume, point_lps_mm: ArrayLike, network: Network, answer: str) -> HeatMap:
    """Map one answer, of ``ANSWERS``; see :func:`heat_maps`."""
    if answer not in ANSWERS:
        raise ValueError(f"'{answer}' is none of {', '.join(ANSWERS)}")
    return heat_maps(volume, point_lps_mm, network)[answer]


def read_heat(
    cube_hu: Shorts, grid: PatchGrid, network: Network, *, step_voxels: int = STEP_VOXELS
) -> dict[str, HeatMap]:
    """Map every answer about one cube (side, side, side); the window moves by ``step_voxels``."""
    cube = scaled(cube_hu)
    answers = network.ask(cube[None, None])
    attenuation, features = to_scale(answers[0], network.card.settings)
    heat, shown = _sweep(cube, network, log_odds_of(answers)[0], step_voxels), digest(cube_hu)
    return {
        name: HeatMap(heat[number], grid, name, probability, network.card.name, shown)
        for number, (name, probability) in enumerate({**attenuation, **features}.items())
    }


def _sweep(cube: Singles, network: Network, plain: Singles, step_voxels: int) -> Singles:
    """Mean fall of every answer over the windows that cover a voxel, (8, side, side, side)."""
    blurred: Singles = ndimage.gaussian_filter(cube, BLUR_VOXELS, mode="nearest")
    off = np.arange(-int(REACH_VOXELS) // step_voxels, int(REACH_VOXELS) // step_voxels + 1) * step_voxels
    middles = off + (len(cube) - 1) / 2
    bells = np.exp(-0.5 * ((np.arange(len(cube)) - middles[:, None]) / WINDOW_VOXELS) ** 2).astype(np.float32)
    heat = np.zeros((len(ANSWERS), *cube.shape), np.float32)
    total = np.zeros(cube.shape, np.float32)
    every = [at for at in itertools.product(range(len(off)), repeat=3) if np.linalg.norm(off[list(at)]) <= REACH_VOXELS]
    for start in range(0, len(every), AT_ONCE):
        windows = np.stack(
            [bells[z][:, None, None] * bells[y][:, None] * bells[x] for z, y, x in every[start : start + AT_ONCE]]
        )
        hidden = cube + windows * (blurred - cube)
        falls = plain - log_odds_of(network.ask(hidden[:, None]))
        heat += np.tensordot(falls, windows, axes=(0, 0))
        total += windows.sum(axis=0)
    # Where hardly a window reaches, towards the corners, nothing was tried and nothing is said.
    mean: Singles = (heat / np.maximum(total, LEAST_COVERED)).astype(np.float32)
    return mean
