"""A learned model's word on the growth of each nodule of a comparison, beside the measured one.

There is no database here that says which version is in use, and loading torch takes longer than many a comparison: a
model is asked only where the command names one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from inference.follow import FollowedNodule
from inference.fusing import fuse, interval_95, joint_interval_holds, log_error
from inference.measure import NoduleMeasurement
from inference.model_card import ModelCard, Task
from inference.model_errors import ModelRefused
from inference.registry import OFF, Registry
from nodules_app.services.compare.comparing import Compared

if TYPE_CHECKING:
    from inference.learned_growth import LearnedGrowth

Json = dict[str, Any]
RECOMMENDED: Final = "recommended"


@dataclass(frozen=True, slots=True)
class Words:
    """What a model said of each nodule, None where it was not asked; and why it was not used, where it was refused."""

    by_nodule: tuple[Json | None, ...]
    warnings: tuple[str, ...] = ()


def growth_words(compared: Compared, versions: Mapping[Task, str], device: str) -> Words:
    """Ask about every nodule that was measured on both scans.

    Parameters
    ----------
    versions
        A version, ``"recommended"`` or ``"off"`` by task, as the command names them; a task that is not named is off.
    """
    nothing = Words((None,) * len(compared.nodules))
    both = [number for number, one in enumerate(compared.nodules) if _is_on_both(one)]
    version = versions.get(Task.GROWTH, OFF)
    try:
        model = Registry.of(settings.MODELS_DIR).choose(Task.GROWTH, None if version == RECOMMENDED else version)
        if model is None or not both:
            return nothing
        from inference.learned_growth import see_growth  # noqa: PLC0415 torch, which nobody without a model waits for
        from inference.networks.running import open_model  # noqa: PLC0415 as above

        prior_lps_mm, current_lps_mm = zip(*(_places(compared.nodules[number]) for number in both), strict=True)
        volumes = compared.prior.read.volume, compared.current.read.volume
        said = see_growth(*volumes, prior_lps_mm, current_lps_mm, open_model(model, device))
    except ModelRefused as refusal:
        return Words(nothing.by_nodule, (f"{refusal.as_sentence()} {refusal.as_remedy()}",))
    told = dict(zip(both, said, strict=True))
    return Words(
        tuple(
            _word(model.card, told[number], one) if number in told else None
            for number, one in enumerate(compared.nodules)
        )
    )


def _is_on_both(one: FollowedNodule) -> bool:
    return isinstance(one.prior, NoduleMeasurement) and isinstance(one.current, NoduleMeasurement)


def _places(one: FollowedNodule) -> tuple[Sequence[float], Sequence[float]]:
    if not isinstance(one.prior, NoduleMeasurement) or not isinstance(one.current, NoduleMeasurement):
        raise TypeError("measured on one scan only")
    return one.prior.centre_lps_mm, one.current.centre_lps_mm


def _word(card: ModelCard, said: LearnedGrowth, one: FollowedNodule) -> Json:
    told: Json = {
        "model": card.name,
        "input_sha256": said.input_sha256,
        "volume_ratio": round(said.volume_ratio, 4),
        "volume_ratio_ci95": [round(end, 4) for end in interval_95(said)],
        "shrunk_probability": round(said.shrunk_probability, 4),
        "stable_probability": round(said.stable_probability, 4),
        "grown_probability": round(said.grown_probability, 4),
        "fused_volume_ratio": None,
        "fused_volume_ratio_ci95": None,
        "disagrees_with_measured": None,
    }
    if one.growth is not None:
        both = fuse(one.growth.volume_ratio, log_error(*one.growth.volume_ratio_ci95), said)
        told["fused_volume_ratio"] = round(both.volume_ratio, 4)
        if joint_interval_holds(card.settings) and not both.disagree:
            told["fused_volume_ratio_ci95"] = [round(end, 4) for end in interval_95(both)]
        told["disagrees_with_measured"] = both.disagree
    return told
