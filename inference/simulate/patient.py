"""One simulated person: measures, skeleton, and the trees of airways and vessels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.simulate import mediastinum, trees
from inference.simulate.anatomy import LOBES, Anatomy, Lobe
from inference.simulate.grid import Floats, Grid
from inference.simulate.shapes import lungs_at_rest

# In this order the lobes leave the stem of each lung.
LUNGS: tuple[tuple[Lobe, ...], ...] = (
    (Lobe.RIGHT_UPPER, Lobe.RIGHT_MIDDLE, Lobe.RIGHT_LOWER),
    (Lobe.LEFT_UPPER, Lobe.LEFT_LOWER),
)
RIGHT_VEIN_LPS_MM = (-36.0, 12.0, -16.0)
LEFT_VEIN_LPS_MM = (38.0, 14.0, -14.0)
SAMPLING_STEP_MM = 4.0
WIDEST_ARTERY_MM = 6.5
WIDEST_VEIN_MM = 5.5


@dataclass(frozen=True, slots=True, eq=False)
class Patient:
    """What is the same on every scan of a person.

    Parameters
    ----------
    anatomy
        Measures.
    bronchi, veins
        One tree for each lung, right first. Arteries run beside the bronchi and share their tree.
    texture_seed
        Source of the unevenness of tissue.
    """

    anatomy: Anatomy
    bronchi: tuple[trees.Tree, ...]
    veins: tuple[trees.Tree, ...]
    texture_seed: int

    @classmethod
    def drawn(cls, seed: int, *, vessel_ends: int = 9000) -> Patient:
        """Draw a person.

        Parameters
        ----------
        seed
            The same seed gives the same person.
        vessel_ends
            How many arteries and veins end in both lungs together.
        """
        rng = np.random.default_rng([seed, 1])
        anatomy = Anatomy.drawn(rng)
        roots_a = (mediastinum.RIGHT_HILUM_LPS_MM, mediastinum.LEFT_HILUM_LPS_MM)
        roots_v = (RIGHT_VEIN_LPS_MM, LEFT_VEIN_LPS_MM)
        lobes = _lobe_points(anatomy, vessel_ends, rng)
        bronchi = [
            trees.grow(root, [lobes[lobe][0] for lobe in lung], rng, WIDEST_ARTERY_MM)
            for root, lung in zip(roots_a, LUNGS, strict=True)
        ]
        veins = [
            trees.grow(root, [lobes[lobe][1] for lobe in lung], rng, WIDEST_VEIN_MM)
            for root, lung in zip(roots_v, LUNGS, strict=True)
        ]
        return cls(anatomy, tuple(bronchi), tuple(veins), seed)


def _lobe_points(
    anatomy: Anatomy, vessel_ends: int, rng: np.random.Generator
) -> dict[Lobe, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Ends of arteries and of veins in each lobe, evenly spread."""
    lung_mm, nodes = lungs_at_rest(anatomy, SAMPLING_STEP_MM)
    points = points_inside(lung_mm, nodes, deeper_mm=1.5, rng=rng)
    lobe = anatomy.lobe_index(points)
    chosen = {}
    for number, name in enumerate(LOBES):
        own = points[lobe == number]
        wanted = max(8, round(vessel_ends * len(own) / len(points)))
        drawn = own[:wanted]
        half = len(drawn) * 11 // 20
        chosen[name] = (drawn[:half], drawn[half:])
    return chosen


def points_inside(lung_mm: Floats, nodes: Grid, *, deeper_mm: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points near all nodes inside the lungs, in random order.

    Parameters
    ----------
    lung_mm : (z, y, x)
        Signed distance at ``nodes``.
    nodes
        Their grid.
    deeper_mm
        Least distance of the node from the surface.
    rng
        Source of order and jitter.

    Returns
    -------
    (n, 3)
        LPS mm.
    """
    index = rng.permutation(np.argwhere(lung_mm < -deeper_mm))
    jittered = index + rng.uniform(-0.5, 0.5, index.shape)
    points: NDArray[np.float64] = (jittered * nodes.spacing_zyx_mm + nodes.origin_zyx_mm)[:, ::-1]
    return points
