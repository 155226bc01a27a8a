"""Step six: how comparable the two scans are, and how much each nodule has grown between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from inference.comparability import Comparability, grade
from inference.estimate import Estimate
from inference.growth import METHOD, VERSION, growth
from inference.repeatability import OTHER_KIND_ERROR
from inference.words import change_word
from nodules_app.models import Comparison, ComparisonWord, Growth, Match, Measurement, Patient, Run, RunKind
from nodules_app.services import runs
from nodules_app.services.assessments import in_force
from nodules_app.services.pipeline.registering import pair
from nodules_app.services.pipeline.scan_facts import facts_of
from nodules_app.services.rounding import as_reported

METHOD_NAME = "log-ratio"
TOGETHER_NAME = "log-ratio, together"  # of two volumes that were measured together
EXTRA_DIGITS = 4  # as a part of the key it must be found again
# Said when the nodules were paired, or by a person: a change of size does not unsay it.
STANDS = (
    ComparisonWord.MERGED,
    ComparisonWord.SPLIT,
    ComparisonWord.SEEN_IN_RETROSPECT,
    ComparisonWord.RESECTED,
    ComparisonWord.NOT_A_NODULE,
)


def compute_growth(run: Run) -> Callable[[], Mapping[str, str]]:
    """Grade the pair and compute the growth of every nodule that was measured on both scans."""
    comparison = pair(run)
    registered = comparison.registrations.order_by("-pk").first()
    graded = grade(
        facts_of(comparison.prior),
        facts_of(comparison.current),
        registration_residual_mm=registered.residual_mm if registered else None,
        interval_days=comparison.interval_days,
    )

    def store() -> Mapping[str, str]:
        patient = Patient.objects.select_for_update().get(pk=comparison.patient_id)
        _store_grade(comparison, graded)
        matches = comparison.matches.filter(superseded_at__isnull=True)
        for match in matches.select_related("prior_finding", "current_finding").order_by("pk"):
            _store_growth(match, comparison, graded)
        runs.request(RunKind.ASSESS, by=run.requested_by, patient=patient)
        return {"growth": METHOD}

    return store


def _store_grade(comparison: Comparison, graded: Comparability) -> None:
    Comparison.objects.filter(pk=comparison.pk).update(
        grade=graded.grade,
        reasons=[
            {
                "code": reason.code,
                "grade": reason.grade,
                "sentence": reason.sentence,
                "template": reason.template,
                "facts": dict(reason.facts),
            }
            for reason in graded.reasons
        ],
        extra_relative_error=graded.extra_relative_error,
    )


def _store_growth(match: Match, comparison: Comparison, graded: Comparability) -> None:
    if match.prior_finding is None or match.current_finding is None:
        return
    if not (match.prior_finding.present and match.current_finding.present):
        return
    prior, current = in_force(match.prior_finding), in_force(match.current_finding)
    said = Match.objects.filter(pk=match.pk).exclude(word__in=STANDS)
    if prior is None or current is None or not graded.sizes_comparable or not _same_method(prior, current):
        said.update(word=ComparisonWord.NOT_ASSESSABLE)
        return
    extra = round(_extra_error(prior, current, graded), EXTRA_DIGITS)
    grown = growth(_volume(prior), _volume(current), comparison.interval_days, extra_relative_error=extra)
    low, high = grown.volume_ratio_ci95
    growing = grown.vdt_days is not None and grown.vdt_days > 0 and graded.allows_growth
    vdt_low, vdt_high = grown.vdt_ci95_days if growing and grown.vdt_ci95_days else (None, None)
    Growth.objects.get_or_create(
        prior_measurement=prior,
        current_measurement=current,
        method=TOGETHER_NAME if _measured_together(prior, current) else METHOD_NAME,
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
    return current.measured_with_id == prior.pk or prior.measured_with_id == current.pk


def _volume(measured: Measurement) -> Estimate:
    if measured.volume_mm3 is None or measured.volume_sd_mm3 is None:
        raise ValueError(f"{measured} has no volume")
    # As reported: the guidelines see these figures, and page and guideline must give one doubling time.
    return Estimate(float(as_reported(measured.volume_mm3, "1")), float(as_reported(measured.volume_sd_mm3, "0.1")))


def _same_method(prior: Measurement, current: Measurement) -> bool:
    return (prior.method, prior.version) == (current.method, current.version)
