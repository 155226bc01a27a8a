"""What the candidate filter learns from: the detector's own proposals on simulated chests, right and wrong ones.

The same seed gives the same examples to the last voxel, and so the same digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from inference.candidate_filter import log_odds
from inference.candidates import Candidate, find_candidates
from inference.networks.candidate_filter import SIDE, STEP_MM
from inference.patches import Shorts, cut_patches
from inference.simulate.inserted import draw_inserted, insert, where_seen
from inference.training.chests import Chest, draw_chest, draw_order
from registration.lungs import Lungs, segment_lungs
from registration.volume import Volume

ROOM: Final = 4  # voxels more on either side than the network sees, to turn and shift it about
DRAWS: Final = 3  # times that nodules are laid into one chest
NODULES: Final = 22  # a draw
APART_MM: Final = 24.0
PROPOSALS: Final = 300  # of each draw, looked at
HIT_MM: Final = 3.0  # or half a diameter
NEAR_MM: Final = 9.0  # a spot beside a nodule is neither right nor wrong
FIELDS: Final = ("patches_hu", "is_nodule", "detector_odds", "diameter_mm")
NEW_PLACE_MM: Final = 3.0  # a wrong proposal is kept once, however often the chest is drawn upon


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Patches (n, side, side, side) and what they are (n,).

    Parameters
    ----------
    detector_odds : (n,)
        What the detector thinks of each, logarithm of the odds.
    diameter_mm : (n,)
        Of the nodule that each lies on; 0 for what is none.
    """

    patches_hu: Shorts
    is_nodule: NDArray[np.bool_]
    detector_odds: NDArray[np.float64]
    diameter_mm: NDArray[np.float64]

    @classmethod
    def joined(cls, parts: Sequence[Examples]) -> Examples:
        """Put examples one after the other."""
        return cls(
            np.concatenate([one.patches_hu for one in parts]),
            np.concatenate([one.is_nodule for one in parts]),
            np.concatenate([one.detector_odds for one in parts]),
            np.concatenate([one.diameter_mm for one in parts]),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of patches and truth."""
        told = hashlib.sha256(np.ascontiguousarray(self.patches_hu).tobytes())
        told.update(self.is_nodule.astype(np.uint8).tobytes())
        return told.hexdigest()

    def save(self, path: Path) -> None:
        """Keep them."""
        np.savez(path, **{name: getattr(self, name) for name in FIELDS})

    @classmethod
    def load(cls, path: Path) -> Examples:
        """Read what ``save`` kept."""
        with np.load(path) as kept:
            return cls(*(kept[name] for name in FIELDS))


def examples_of(seed: int, *, draws: int = DRAWS, coarser: float = 1.0) -> Examples:
    """Make the examples of one simulated patient."""
    chest = draw_chest(seed, coarser=coarser)
    return examples_in(chest, segment_lungs(chest.volume), seed, draws=draws)


def examples_in(chest: Chest, lungs: Lungs, seed: int, *, draws: int = DRAWS) -> Examples:
    """Make the examples of a chest that is there already."""
    known_wrong: list[NDArray[np.float64]] = []
    parts = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, 14, draw])
        volume, places, diameters_mm = _with_nodules(chest, lungs, rng)
        found = find_candidates(volume, lungs, limit=PROPOSALS, least_score=0.0)
        parts.append(_examples(volume, found, places, diameters_mm, known_wrong))
    return Examples.joined(parts)


def _with_nodules(
    chest: Chest, lungs: Lungs, rng: np.random.Generator
) -> tuple[Volume, NDArray[np.float64], NDArray[np.float64]]:
    """A copy of the chest with more nodules, and where all are seen and how large they are."""
    orders = sorted((draw_order(rng) for _ in range(NODULES)), key=lambda order: -order[0])
    drawn = draw_inserted(chest.volume, lungs, orders, rng, apart_mm=APART_MM, avoid_lps_mm=chest.nodules_lps_mm)
    volume = insert(chest.volume, drawn)
    seen = [where_seen(chest.volume, volume, one) for one in drawn]
    places = np.concatenate([chest.nodules_lps_mm, np.array(seen).reshape(-1, 3)])
    return volume, places, np.concatenate([chest.diameters_mm, [one.diameter_mm for one in drawn]])


def _examples(
    volume: Volume,
    found: Sequence[Candidate],
    nodules_lps_mm: NDArray[np.float64],
    diameters_mm: NDArray[np.float64],
    known_wrong: list[NDArray[np.float64]],
) -> Examples:
    """Right and wrong proposals; ``known_wrong`` grows by the wrong ones that were taken."""
    chosen: list[int] = []
    of_mm: list[float] = []
    for number, one in enumerate(found):
        place = np.asarray(one.lps_mm)
        away_mm = np.linalg.norm(nodules_lps_mm - place, axis=1)
        hits = diameters_mm[away_mm < np.maximum(HIT_MM, diameters_mm / 2)]
        if not len(hits):
            if bool((away_mm < np.maximum(NEAR_MM, diameters_mm)).any()):
                continue
            if any(np.linalg.norm(place - other) < NEW_PLACE_MM for other in known_wrong):
                continue
            known_wrong.append(place)
        chosen.append(number)
        of_mm.append(float(hits.max(initial=0.0)))
    places = np.array([found[number].lps_mm for number in chosen]).reshape(-1, 3)
    patches = cut_patches(volume, places, side=SIDE + 2 * ROOM, step_mm=STEP_MM, averaged=True)
    odds = np.array([log_odds(found[number].score) for number in chosen])
    diameter_mm = np.array(of_mm)
    return Examples(patches, diameter_mm > 0, odds, diameter_mm)
