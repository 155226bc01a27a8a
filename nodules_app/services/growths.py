"""Growth of one nodule between two scans, from numbers that are stored: no voxel is looked at.

The pipeline asks for it once a pair is graded, a reader's correction asks for it at once.
"""

from __future__ import annotations

import math
from typing import Final

from inference.comparability import Comparability, Reason
from inference.estimate import Estimate
from inference.growth import VERSION, growth
from inference.repeatability import OTHER_KIND_ERROR
from inference.words import change_word
from nodules_app.clinical.rounding import as_reported
from nodules_app.models import Comparison, ComparisonWord, Growth, Match, Measurement
from nodules_app.services.assessments import in_force
from nodules_app.services.measured import scale_of

BY_LOG_RATIO: Final = "log-ratio"
BY_LOG_RATIO_TOGETHER: Final = "log-ratio, together"  # of two volumes that were measured together
EXTRA_DIGITS: Final = 4  # as a part of the key it must be found again
# Said when the nodules were paired, or by a person: a change of size does not unsay it.
STANDS: Final = (
    ComparisonWord.MERGED,
    ComparisonWord.SPLIT,
    ComparisonWord.SEEN_IN_RETROSPECT,
    ComparisonWord.RESECTED,
    ComparisonWord.NOT_A_NODULE,
)


def grade_of(comparison: Comparison) -> Comparability | None:
    """The stored grade of a pair, or None while it was not graded."""
    if not comparison.grade:
        return None
    reasons = tuple(
        Reason(reason["code"], reason.get("grade", "A"), reason.get("template", reason["sentence"]))
        for reason in comparison.reasons
    )
    return Comparability(comparison.grade, reasons, comparison.extra_relative_error)  # type: ignore[arg-type] # checked by the database: A to D


def store_growth(match: Match, comparison: Comparison, graded: Comparability) -> None:
    """Compute and keep the growth of a nodule that both scans show, and say the word that follows from it."""
    if match.prior_finding is None or match.current_finding is None:
        return
    if not (match.prior_finding.present and match.current_finding.present):
        return
    prior, current = in_force(match.prior_finding), in_force(match.current_finding)
    said = Match.objects.filter(pk=match.pk).exclude(word__in=STANDS)
    if prior is None or current is None or not graded.sizes_comparable or not _on_one_scale(prior, current):
        said.update(word=ComparisonWord.PRESENT)
        return
    extra = round(_extra_error(prior, current, graded), EXTRA_DIGITS)
    grown = growth(_volume(prior), _volume(current), comparison.interval_days, extra_relative_error=extra)
    low, high = grown.volume_ratio_ci95
    growing = grown.vdt_days is not None and grown.vdt_days > 0 and graded.allows_growth
    vdt_low, vdt_high = grown.vdt_ci95_days if growing and grown.vdt_ci95_days else (None, None)
    Growth.objects.get_or_create(
        prior_measurement=prior,
        current_measurement=current,
        method=BY_LOG_RATIO_TOGETHER if _measured_together(prior, current) else BY_LOG_RATIO,
        version=VERSION,
        extra_relative_error=extra,
        defaults={
            "match": match,
            "interval_days": comparison.interval_days,
            "volume_ratio": grown.volume_ratio,
            "volume_ratio_low": low,
            "volume_ratio_high": high,
            "vdt_days": grown.vdt_days if growing else None,
            "vdt_low_days": vdt_low,
            "vdt_high_days": vdt_high,
            "significant": grown.significant,
            "shortest_resolvable_vdt_days": grown.shortest_resolvable_vdt_days,
        },
    )
    said.update(word=change_word(grown))


def _extra_error(prior: Measurement, current: Measurement, graded: Comparability) -> float:
    """What the pair adds to the errors of both volumes."""
    kinds = {row.attenuation == "solid" for row in (prior, current)}
    return math.hypot(graded.extra_relative_error, OTHER_KIND_ERROR if len(kinds) > 1 else 0.0)


def _measured_together(prior: Measurement, current: Measurement) -> bool:
    return current.measured_with_id in _same_numbers(prior) or prior.measured_with_id in _same_numbers(current)


def _same_numbers(row: Measurement) -> set[int]:
    """The row and the one whose numbers it brought back."""
    return {row.pk} | ({row.restores_id} if row.restores_id else set())


def _volume(measured: Measurement) -> Estimate:
    if measured.volume_mm3 is None or measured.volume_sd_mm3 is None:
        raise ValueError(f"{measured} has no volume")
    # As reported: the guidelines see these figures, and page and guideline must give one doubling time.
    return Estimate(float(as_reported(measured.volume_mm3, "1")), float(as_reported(measured.volume_sd_mm3, "0.1")))


def _on_one_scale(prior: Measurement, current: Measurement) -> bool:
    return scale_of(prior.method, prior.version) == scale_of(current.method, current.version)
