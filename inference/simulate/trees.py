"""Airway and vessel trees that fill the lobes and taper by Murray's law.

Source: the volume-filling rule (every branch heads for the centre of the tissue it serves, which is then halved) is
that of Tawhai, Pullan & Hunter 2000, Ann Biomed Eng 28:793-802; radii follow Murray 1926, PNAS 12:207-214, with the
exponent of the human pulmonary arteries (Huang et al. 1996, J Appl Physiol 81:2123-2133).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.simulate.tubes import Tubes

MURRAY_EXPONENT = 2.7
END_RADIUS_MM = 0.40
REACH = 0.45  # share of the way to the centre of its tissue that a branch covers
WIDEST_TURN_COSINE = 0.35
WALL_SHARE = 0.22  # of a bronchus' outer radius


@dataclass(frozen=True, slots=True, eq=False)
class Tree:
    """Nodes with their parents; node 0 is the root, every parent comes before its children.

    Parameters
    ----------
    nodes_lps_mm : (n, 3)
    parents : (n,)
        -1 for the root.
    radii_mm : (n,)
        Radius of the branch that ends at each node.
    """

    nodes_lps_mm: NDArray[np.float64]
    parents: NDArray[np.intp]
    radii_mm: NDArray[np.float64]

    @property
    def children(self) -> NDArray[np.intp]:
        """Number of branches that leave each node, (n,)."""
        return np.bincount(self.parents[1:], minlength=len(self.parents))

    def branchings(self, narrowest_mm: float) -> NDArray[np.float64]:
        """Places where a branch of at least this radius divides, (n, 3)."""
        return self.nodes_lps_mm[(self.children > 1) & (self.radii_mm >= narrowest_mm)]


def grow(
    root_lps_mm: tuple[float, float, float],
    tissue_lps_mm: list[NDArray[np.float64]],
    rng: np.random.Generator,
    widest_mm: float,
) -> Tree:
    """Grow one tree into the lobes of a lung.

    Parameters
    ----------
    root_lps_mm
        At the hilum.
    tissue_lps_mm
        For each lobe in the order in which they leave the stem, the points (n, 3) at which branches shall end.
    rng
        Source of chance.
    widest_mm
        Radius that no branch exceeds.
    """
    nodes: list[NDArray[np.float64]] = [np.asarray(root_lps_mm, dtype=np.float64)]
    parents = [-1]
    waiting: list[tuple[int, NDArray[np.float64], NDArray[np.float64]]] = []
    stem = 0
    for number, lobe in enumerate(tissue_lps_mm):
        rest = np.concatenate(tissue_lps_mm[number:])
        if number:  # the stem goes on a little between one lobe's branch and the next
            nodes.append(nodes[stem] + 0.16 * (rest.mean(axis=0) - nodes[stem]))
            parents.append(stem)
            stem = len(nodes) - 1
        towards = lobe.mean(axis=0) - nodes[stem]
        nodes.append(nodes[stem] + 0.3 * towards)
        parents.append(stem)
        waiting.append((len(nodes) - 1, lobe, towards / np.linalg.norm(towards)))
    while waiting:
        node, tissue, heading = waiting.pop()
        for part in _halves(tissue, heading, rng):
            end = part[0] if len(part) == 1 else _next(nodes[node], part.mean(axis=0), heading)
            nodes.append(end)
            parents.append(node)
            if len(part) > 1:
                step = end - nodes[node]
                waiting.append((len(nodes) - 1, part, step / max(float(np.linalg.norm(step)), 1e-6)))
    parent_of = np.asarray(parents, dtype=np.intp)
    return Tree(np.asarray(nodes), parent_of, _murray(parent_of, widest_mm))


def curved(tree: Tree, shift_mm: NDArray[np.float64] | None = None, narrowest_mm: float = 0.0) -> Tubes:
    """Draw the branches as smooth curves that leave their parent in its direction.

    Parameters
    ----------
    tree
        What to draw.
    shift_mm : (n, 3), optional
        Moves every node, as an artery runs beside its bronchus.
    narrowest_mm
        Branches below this radius are left out.
    """
    nodes = tree.nodes_lps_mm if shift_mm is None else tree.nodes_lps_mm + shift_mm
    child = np.flatnonzero((tree.parents >= 0) & (tree.radii_mm >= narrowest_mm))
    parent = tree.parents[child]
    start, end = nodes[parent], nodes[child]
    grandparent = np.where(tree.parents[parent] >= 0, tree.parents[parent], parent)
    before = start - nodes[grandparent]
    length = np.linalg.norm(end - start, axis=1, keepdims=True)
    before /= np.maximum(np.linalg.norm(before, axis=1, keepdims=True), 1e-6)
    control = start + 0.33 * length * before
    r0 = np.minimum(tree.radii_mm[parent], 1.35 * tree.radii_mm[child])
    shares = np.linspace(0, 1, 5)
    curve = [(1 - t) ** 2 * start + 2 * t * (1 - t) * control + t**2 * end for t in shares]
    radii = [r0 + np.sqrt(t) * (tree.radii_mm[child] - r0) for t in shares]
    return Tubes(
        np.concatenate(curve[:-1]), np.concatenate(curve[1:]), np.concatenate(radii[:-1]), np.concatenate(radii[1:])
    )


def beside(tree: Tree, distance_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steps at right angles to the branches, upwards and outwards where possible; (n, 3)."""
    parent = np.where(tree.parents >= 0, tree.parents, 0)
    heading = tree.nodes_lps_mm - tree.nodes_lps_mm[parent]
    heading[0] = heading[1]
    heading /= np.maximum(np.linalg.norm(heading, axis=1, keepdims=True), 1e-6)
    side = np.sign(tree.nodes_lps_mm[:, :1])
    wish: NDArray[np.float64] = np.concatenate([0.6 * side, np.full_like(side, -0.5), np.full_like(side, 0.62)], axis=1)
    wish = wish - np.sum(wish * heading, axis=1, keepdims=True) * heading
    wish /= np.maximum(np.linalg.norm(wish, axis=1, keepdims=True), 0.2)
    wish *= distance_mm[:, None]
    return wish


def _halves(
    tissue: NDArray[np.float64], heading: NDArray[np.float64], rng: np.random.Generator
) -> list[NDArray[np.float64]]:
    """Cut the tissue in two across its longest extent at right angles to the branch that serves it."""
    if len(tissue) < 2:
        return [tissue]
    centred = tissue - tissue.mean(axis=0)
    across = centred - np.outer(centred @ heading, 0.8 * heading)
    axis = np.linalg.eigh(across.T @ across)[1][:, -1]
    order = np.argsort(centred @ axis)
    cut = int(np.clip(round(len(order) * rng.uniform(0.3, 0.7)), 1, len(order) - 1))
    return [tissue[order[:cut]], tissue[order[cut:]]]


def _next(node: NDArray[np.float64], centre: NDArray[np.float64], heading: NDArray[np.float64]) -> NDArray[np.float64]:
    """End of a branch towards a centre, its turn limited."""
    towards = centre - node
    length = float(np.linalg.norm(towards))
    direction = towards / max(length, 1e-6)
    cosine = float(direction @ heading)
    if cosine < WIDEST_TURN_COSINE:
        side = direction - cosine * heading
        side /= max(float(np.linalg.norm(side)), 1e-6)
        direction = WIDEST_TURN_COSINE * heading + np.sqrt(1 - WIDEST_TURN_COSINE**2) * side
    return node + REACH * length * direction


def _murray(parents: NDArray[np.intp], widest_mm: float) -> NDArray[np.float64]:
    power = np.zeros(len(parents))
    power[np.bincount(parents[1:], minlength=len(parents)) == 0] = END_RADIUS_MM**MURRAY_EXPONENT
    for node in range(len(parents) - 1, 0, -1):
        power[parents[node]] += power[node]
    radii: NDArray[np.float64] = np.minimum(power ** (1 / MURRAY_EXPONENT), widest_mm)
    return radii
