"""A network's word on growth beside the measured one: both scans of a nodule in, ratio with its error out.

The network draws no border, so it errs for other reasons than the two measurements do. Where both speak they are
weighed by their variances; where they disagree beyond both errors that is said, and nothing is averaged away.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from inference.model_card import Task
from inference.networks.contracts import CONTRACTS
from inference.networks.running import Network
from inference.patches import Shorts, cut_patches, refuse_what_is_no_chest, scaled
from registration.volume import Volume

LEAST_LOG_ERROR_SHARE = 1e-3  # of a ratio: below this nobody is sure of anything


@dataclass(frozen=True, slots=True)
class LearnedGrowth:
    """What a network says of one nodule on two scans.

    Parameters
    ----------
    volume_ratio
        Current to prior.
    log_ratio_error
        Standard error of its logarithm.
    shrunk_probability, stable_probability, grown_probability
        By more than a quarter, less than that, more than that; they add up to 1.
    input_sha256
        Of what the network was shown.
    """

    volume_ratio: float
    log_ratio_error: float
    shrunk_probability: float
    stable_probability: float
    grown_probability: float
    input_sha256: str


def see_growth(
    prior: Volume, current: Volume, prior_lps_mm: ArrayLike, current_lps_mm: ArrayLike, network: Network
) -> tuple[LearnedGrowth, ...]:
    """Ask a network about nodules that both scans show.

    Parameters
    ----------
    prior_lps_mm, current_lps_mm : (n, 3)
        The middle of each on either scan.
    network
        For ``Task.GROWTH``.

    Raises
    ------
    NotForNetworks
        A scan that no network may judge, or a place outside it.
    """
    for volume in (prior, current):
        refuse_what_is_no_chest(volume)
    contract = CONTRACTS[Task.GROWTH]
    sides = [
        cut_patches(volume, places, side=contract.side, step_mm=contract.step_mm)
        for volume, places in ((prior, prior_lps_mm), (current, current_lps_mm))
    ]
    return read_answers(np.stack(sides, axis=1), network)


def read_answers(pairs_hu: Shorts, network: Network) -> tuple[LearnedGrowth, ...]:
    """Ask about pairs of cubes (n, 2, side, side, side) and put the answers into words."""
    told = network.ask(scaled(pairs_hu)).astype(np.float64)
    spread = network.card.settings["error_factor"]
    answers = []
    for pair, (log_ratio, log_variance, *classes) in zip(pairs_hu, told, strict=True):
        error = max(spread * math.exp(min(log_variance, 20.0) / 2), LEAST_LOG_ERROR_SHARE)
        shares = np.exp(np.array(classes) - max(classes))
        shrunk, stable, grown = (float(one) for one in shares / shares.sum())
        shown = hashlib.sha256(np.ascontiguousarray(pair).tobytes()).hexdigest()
        answers.append(LearnedGrowth(math.exp(log_ratio), error, shrunk, stable, grown, shown))
    return tuple(answers)
