"""The second look at what the fast detector proposes: a network that sees 24 mm around each place.

Its answer and the detector's own are two witnesses; the card says how much each weighs. What it looked at is named by
a digest, so that a result can be told from another's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from inference.candidates import LIMIT, Candidate, find_candidates
from inference.model_card import Task
from inference.networks.contracts import CONTRACTS
from inference.networks.running import Network
from inference.patches import Shorts, cut_patches, digest, refuse_what_is_no_chest, scaled
from registration.lungs import Lungs
from registration.volume import Volume

LOOKED_AT: Final = 200  # places of a scan; how many of the nodules lie among them: docs/models/candidates.md
CERTAIN: Final = 1e-6  # a score of the detector is never taken for more certain than this


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a model made of a detector's proposals.

    Parameters
    ----------
    candidates
        Likeliest first, with the score of both together; what both together hold for unlikely is left out.
    looked_at
        How many places the model was asked about.
    model, input_sha256
        Which model, by name and version, and a digest of all it was shown.
    """

    candidates: tuple[Candidate, ...]
    looked_at: int
    model: str
    input_sha256: str


def find_filtered(volume: Volume, lungs: Lungs, network: Network, *, limit: int = LIMIT) -> Filtered:
    """Propose nodules with the detector and let a network look again.

    Parameters
    ----------
    network
        For ``Task.CANDIDATES``.

    Raises
    ------
    NotForNetworks
        The scan is none that a network may judge.
    """
    refuse_what_is_no_chest(volume)
    places = find_candidates(volume, lungs, limit=LOOKED_AT, least_score=0.0)
    again, shown = rescored(volume, places, network)
    least = network.card.settings["least_score"]
    kept = tuple(one for one in again if one.score >= least)[:limit]
    return Filtered(kept, len(places), network.card.name, shown)


def rescored(volume: Volume, candidates: Sequence[Candidate], network: Network) -> tuple[tuple[Candidate, ...], str]:
    """Give candidates the score of detector and network together, likeliest first; and the digest of what was shown."""
    patches = cut_about(volume, candidates)
    return weighed(candidates, patches, network), digest(patches)


def cut_about(volume: Volume, candidates: Sequence[Candidate]) -> Shorts:
    """What a network is shown of each candidate (n, side, side, side), HU."""
    contract = CONTRACTS[Task.CANDIDATES]
    places = np.array([one.lps_mm for one in candidates], dtype=np.float64).reshape(-1, 3)
    return cut_patches(volume, places, side=contract.side, step_mm=contract.step_mm, averaged=True)


def weighed(candidates: Sequence[Candidate], patches_hu: Shorts, network: Network) -> tuple[Candidate, ...]:
    """Give candidates the score of detector and network together, likeliest first.

    Parameters
    ----------
    patches_hu : (n, side, side, side)
        Of ``cut_about``.
    """
    told = network.ask(scaled(patches_hu)[:, None])[:, 0]
    settings = network.card.settings
    again = [
        replace(one, score=together(one.score, float(odds), settings))
        for one, odds in zip(candidates, told, strict=True)
    ]
    return tuple(sorted(again, key=lambda one: -one.score))


def together(detector_score: float, network_odds: float, settings: dict[str, float]) -> float:
    """One score, 0 to 1, from the detector's score and the network's logarithm of the odds."""
    odds = settings["offset"] + settings["by_detector"] * log_odds(detector_score)
    odds += settings["by_network"] * network_odds
    return 1.0 / (1.0 + math.exp(-min(max(odds, -30.0), 30.0)))


def log_odds(score: float) -> float:
    """Logarithm of the odds of a detector's score."""
    share = min(max(score, CERTAIN), 1.0 - CERTAIN)
    return math.log(share / (1.0 - share))
