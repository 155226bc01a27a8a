"""A network's word on growth, asked beside the measured one and kept with it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from inference.fusing import fuse, log_error
from inference.learned_growth import LearnedGrowth, see_growth
from inference.model_card import Task
from inference.model_errors import NotForNetworks
from inference.networks.running import Network
from nodules_app.models import Comparison, Growth, Match
from nodules_app.services.pipeline.networks import keep_answer, opened
from nodules_app.services.pipeline.volumes import volume_of

log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a network said of the matches of a pair, by their keys; nothing where no network is in use."""

    notes: dict[str, str]
    network: Network | None
    by_match: dict[int, LearnedGrowth]

    def keep(self, match: Match, growth: Growth | None) -> None:
        """Write the network's word beside a growth, with both together and whether they disagree."""
        seen = self.by_match.get(match.pk)
        if self.network is None or seen is None or growth is None:
            return
        both = fuse(growth.volume_ratio, log_error(growth.volume_ratio_low, growth.volume_ratio_high), seen)
        answer = {
            "volume_ratio": seen.volume_ratio,
            "log_ratio_error": seen.log_ratio_error,
            "shrunk_probability": seen.shrunk_probability,
            "stable_probability": seen.stable_probability,
            "grown_probability": seen.grown_probability,
            "fused_volume_ratio": both.volume_ratio,
            "fused_log_ratio_error": both.log_ratio_error,
            "disagree": both.disagree,
        }
        keep_answer(self.network, seen.input_sha256, answer, growth=growth)


def see(comparison: Comparison, matches: Sequence[Match]) -> Seen:
    """Ask the network in use about every nodule that both scans of a pair show."""
    network, notes = opened(Task.GROWTH)
    both = [
        (match, match.prior_finding.lps_mm, match.current_finding.lps_mm)
        for match in matches
        if match.prior_finding and match.current_finding
        if match.prior_finding.present and match.current_finding.present
    ]
    if network is None or not both:
        return Seen(notes, None, {})
    prior, current = volume_of(comparison.prior.series), volume_of(comparison.current.series)
    try:
        told = see_growth(prior, current, [one for _, one, _ in both], [one for _, _, one in both], network)
    except NotForNetworks as refusal:
        log.warning("growth is computed without a model: %s", refusal.as_sentence())
        return Seen({"model": "none", "model_refused": refusal.code}, None, {})
    return Seen(notes, network, {match.pk: one for (match, _, _), one in zip(both, told, strict=True)})
