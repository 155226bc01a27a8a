"""A network's outline of one nodule: the share of every voxel that is nodule, and that is its solid part.

It stands beside the border that rays find (``inference.segment``): no rule of shape, so it follows what it has learned
where a wall or a vessel hides the border. Its volumes are sums of shares and carry the error that was measured on
nodules of known volume.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import ArrayLike
from scipy import ndimage

from inference.estimate import Estimate
from inference.model_card import Task
from inference.model_errors import NotOutlined
from inference.networks.contracts import CONTRACTS
from inference.networks.running import Network
from inference.patch_grid import PatchGrid
from inference.patches import Shorts, Singles, cut_patches, digest, refuse_what_is_no_chest, scaled
from registration.volume import Volume

INSIDE: Final = 0.5  # share from which a voxel counts as nodule, for what hangs together
NEAR_MM: Final = 3.0  # the point may lie so far from what is outlined
RIM_VOXELS: Final = 2  # around what hangs together, where shares still count
LEAST_MM3: Final = 14.0  # a ball of 3 mm


@dataclass(frozen=True, slots=True, eq=False)
class LearnedOutline:
    """What a network outlined.

    Parameters
    ----------
    volume_mm3, solid_volume_mm3
        Of the whole nodule, and of its solid part (all of a solid nodule, 0 of a ground-glass nodule).
    whole, solid : (side, side, side)
        Shares, 0 to 1, on ``grid``.
    model
        Name and version.
    input_sha256
        Of what the network was shown.
    """

    volume_mm3: Estimate
    solid_volume_mm3: Estimate
    whole: Singles = field(repr=False)
    solid: Singles = field(repr=False)
    grid: PatchGrid = field(repr=False)
    model: str
    input_sha256: str

    @property
    def diameter_mm(self) -> float:
        """Of the ball of the same volume."""
        return float((6 * self.volume_mm3.value / math.pi) ** (1 / 3))


def see_outline(volume: Volume, point_lps_mm: ArrayLike, network: Network) -> LearnedOutline:
    """Outline the nodule around a point.

    Parameters
    ----------
    point_lps_mm : (3,)
        Near the middle of the nodule.
    network
        For ``Task.OUTLINE``.

    Raises
    ------
    NotForNetworks
        A scan that no network may judge, or a point outside it.
    NotOutlined
        The network sees nothing there, or something that does not fit into its cube.
    """
    refuse_what_is_no_chest(volume)
    contract = CONTRACTS[Task.OUTLINE]
    cube = cut_patches(volume, point_lps_mm, side=contract.side, step_mm=contract.step_mm)[0]
    grid = PatchGrid.about(volume, point_lps_mm, side=contract.side, step_mm=contract.step_mm)
    return read_outline(cube, grid, network)


def read_outline(cube_hu: Shorts, grid: PatchGrid, network: Network) -> LearnedOutline:
    """Ask about one cube (side, side, side) and keep what hangs together at its middle.

    Raises
    ------
    NotOutlined
    """
    odds = network.ask(scaled(cube_hu)[None, None])[0]
    whole, solid = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    own = _at_the_middle(whole, grid.step_mm)
    whole = np.where(own, whole, 0).astype(np.float32)
    solid = np.minimum(np.where(own, solid, 0), whole).astype(np.float32)
    volume_mm3, solid_mm3 = (float(one.sum(dtype=np.float64)) * grid.voxel_mm3 for one in (whole, solid))
    if volume_mm3 < LEAST_MM3:
        raise NotOutlined(reason="it sees no nodule there")
    settings = network.card.settings
    return LearnedOutline(
        _estimate(volume_mm3, settings),
        _estimate(solid_mm3, settings),
        whole,
        solid,
        grid,
        network.card.name,
        digest(cube_hu),
    )


def _at_the_middle(whole: Singles, step_mm: float) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
    """Voxels that hang together with the one nearest to the middle, and a rim around them."""
    labels, _ = ndimage.label(whole > INSIDE)
    middle = (np.array(whole.shape) - 1) / 2
    places = np.argwhere(labels)
    away_mm = np.linalg.norm(places - middle, axis=1) * step_mm
    if not away_mm.size or float(away_mm.min()) > NEAR_MM:
        raise NotOutlined(reason="it sees no nodule there")
    found = labels == labels[tuple(places[away_mm.argmin()])]
    edges = [found[[0, -1]], found[:, [0, -1]], found[:, :, [0, -1]]]
    if any(edge.any() for edge in edges):
        raise NotOutlined(reason="what it sees there does not fit into its cube")
    return np.asarray(ndimage.binary_dilation(found, iterations=RIM_VOXELS), dtype=bool)


def _estimate(volume_mm3: float, settings: dict[str, float]) -> Estimate:
    """Volume with its error: of the border, which is worth more on a small nodule, and the least share."""
    radius_mm = (3 * max(volume_mm3, 1.0) / (4 * math.pi)) ** (1 / 3)
    share = math.hypot(settings["least_error"], 3 * settings["border_error_mm"] / radius_mm)
    return Estimate(volume_mm3, volume_mm3 * share)
