"""Predictions beside outcomes, checked once, so that no statistic has to ask again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from registration.errors import Refused, gettext_noop

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

FEWEST_OF_EACH: Final = 2  # below it no variance can be given


class NotValidated(Refused):
    """Predictions that no statistic can speak of; base of all refusals of validation."""

    code = "not_validated"
    sentence = gettext_noop("These predictions cannot be validated.")
    remedy = gettext_noop("Check the file.")


class OneOutcomeOnly(NotValidated):
    """Without cases of both kinds there is nothing to tell apart."""

    code = "one_outcome_only"
    sentence = gettext_noop("{events} of {cases} cases are malignant; at least {fewest} of each kind are needed.")
    remedy = gettext_noop("Wait for more diagnoses, or take a longer period.")


class NotAProbability(NotValidated):
    """Calibration asks for probabilities."""

    code = "not_a_probability"
    sentence = gettext_noop("A prediction of {value:.4g} is no probability between 0 and 1.")
    remedy = gettext_noop("Give probabilities as fractions; scores on another scale can only be ranked.")


class NotFinite(NotValidated):
    """A prediction is missing or infinite."""

    code = "prediction_not_finite"
    sentence = gettext_noop("{count} predictions are missing or not finite.")
    remedy = gettext_noop("Leave these cases out, and say how many they are.")


@dataclass(frozen=True, slots=True)
class Cases:
    """Predictions of one model beside what turned out.

    Parameters
    ----------
    scores : (n,)
        Higher means more likely.
    outcomes : (n,)
        Whether it happened.
    clusters : (n,)
        Number of the patient of each case: cases of one patient are drawn together. One number a case without it.

    Raises
    ------
    NotFinite, OneOutcomeOnly
    ValueError
        Arrays of different length: a caller's mistake.
    """

    scores: Floats
    outcomes: Flags
    clusters: NDArray[np.int_]

    @classmethod
    def of(cls, scores: object, outcomes: object, clusters: object | None = None) -> Cases:
        """Check and keep; anything that numpy reads as one-dimensional."""
        kept = np.asarray(scores, dtype=np.float64)
        happened = np.asarray(outcomes, dtype=bool)
        named = np.arange(len(kept)) if clusters is None else np.unique(np.asarray(clusters), return_inverse=True)[1]
        if kept.ndim != 1 or not kept.shape == happened.shape == named.shape:
            raise ValueError(f"one score, outcome and cluster a case: {kept.shape}, {happened.shape}, {named.shape}")
        if not np.isfinite(kept).all():
            raise NotFinite(count=int((~np.isfinite(kept)).sum()))
        events = int(happened.sum())
        if min(events, len(kept) - events) < FEWEST_OF_EACH:
            raise OneOutcomeOnly(events=events, cases=len(kept), fewest=FEWEST_OF_EACH)
        return cls(kept, happened, named)

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def events(self) -> int:
        """How many it happened to."""
        return int(self.outcomes.sum())

    @property
    def prevalence(self) -> float:
        """Share that it happened to."""
        return float(self.outcomes.mean())

    def probabilities(self) -> Floats:
        """The scores as probabilities. Raises ``NotAProbability``."""
        for value in (float(self.scores.min()), float(self.scores.max())):
            if not 0 <= value <= 1:
                raise NotAProbability(value=value)
        return self.scores
