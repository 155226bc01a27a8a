"""A network's words on what a nodule looks like: attenuation, lobules, spicules, calcium, cavity, a tag to the pleura.

They stand beside what was measured (``inference.describe``); no recommendation is made from them. Each is a
probability, brought to scale on nodules that the network had not learned from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from inference.model_card import Task
from inference.networks.contracts import CONTRACTS
from inference.networks.phenotype import ATTENUATIONS, FEATURES
from inference.networks.running import Network
from inference.patches import Shorts, Singles, cut_patches, digest, refuse_what_is_no_chest, scaled
from registration.volume import Volume

MOST_LOG_ODDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class PhenotypeWord:
    """What a network says of one nodule.

    Parameters
    ----------
    attenuation
        Probability of ``"solid"``, ``"part_solid"`` and ``"ground_glass"``; they add up to 1.
    features
        Probability of each of ``inference.networks.phenotype.FEATURES``.
    model
        Name and version.
    input_sha256
        Of what the network was shown.
    """

    attenuation: Mapping[str, float]
    features: Mapping[str, float]
    model: str
    input_sha256: str

    @property
    def likeliest_attenuation(self) -> str:
        """The attenuation that it holds for likeliest."""
        return max(self.attenuation, key=lambda name: self.attenuation[name])

    def as_json(self) -> dict[str, float]:
        """Plain values, rounded as they are kept: ``solid_probability`` and so on."""
        return {f"{name}_probability": round(value, 4) for name, value in {**self.attenuation, **self.features}.items()}


def describe(volume: Volume, point_lps_mm: ArrayLike, network: Network) -> PhenotypeWord:
    """Ask a network about the nodule around a point.

    Parameters
    ----------
    point_lps_mm : (3,)
        Near the middle of the nodule.
    network
        For ``Task.PHENOTYPE``.

    Raises
    ------
    NotForNetworks
        A scan that no network may judge, or a point outside it.
    """
    (word,) = describe_all(volume, np.asarray(point_lps_mm, dtype=np.float64)[None], network)
    return word


def describe_all(volume: Volume, points_lps_mm: ArrayLike, network: Network) -> tuple[PhenotypeWord, ...]:
    """Ask about several nodules (n, 3) of one scan at once; see :func:`describe`."""
    refuse_what_is_no_chest(volume)
    contract = CONTRACTS[Task.PHENOTYPE]
    return read_words(cut_patches(volume, points_lps_mm, side=contract.side, step_mm=contract.step_mm), network)


def read_words(cubes_hu: Shorts, network: Network) -> tuple[PhenotypeWord, ...]:
    """Ask about cubes (n, side, side, side) and put the answers into words."""
    told = network.ask(scaled(cubes_hu)[:, None]).astype(np.float64)
    words = []
    for cube, answers in zip(cubes_hu, told, strict=True):
        attenuation, features = to_scale(answers, network.card.settings)
        words.append(PhenotypeWord(attenuation, features, network.card.name, digest(cube)))
    return tuple(words)


def to_scale(answers: ArrayLike, settings: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """Probabilities of the attenuations and of the features from the answers (8,) of a network."""
    told = [float(one) for one in np.asarray(answers)]
    kinds = np.array(told[: len(ATTENUATIONS)]) * settings["attenuation_slope"]
    shares = np.exp(kinds - kinds.max())
    attenuation = {name: float(share) for name, share in zip(ATTENUATIONS, shares / shares.sum(), strict=True)}
    features = {}
    for name, log_odds in zip(FEATURES, told[len(ATTENUATIONS) :], strict=True):
        odds = settings[f"{name}_slope"] * log_odds + settings[f"{name}_offset"]
        features[name] = 1 / (1 + math.exp(-min(max(odds, -MOST_LOG_ODDS), MOST_LOG_ODDS)))
    return attenuation, features


def log_odds_of(answers: Singles) -> Singles:
    """Each answer (n, 8) as the logarithm of odds: an attenuation against the two others, a feature as it is."""
    odds = answers.copy()
    for number in range(len(ATTENUATIONS)):
        others = np.delete(answers[:, : len(ATTENUATIONS)], number, axis=1)
        odds[:, number] = answers[:, number] - np.logaddexp(others[:, 0], others[:, 1])
    return odds
