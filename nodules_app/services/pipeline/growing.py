"""Step six: how comparable the two scans are, and how much each nodule has grown between them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.db.models import QuerySet

from inference.comparability import Comparability, grade
from inference.growth import METHOD
from nodules_app.models import Comparison, Match, Patient, Run, RunKind
from nodules_app.services import growths, learned, runs
from nodules_app.services.pipeline.registering import pair
from nodules_app.services.pipeline.scan_facts import facts_of
from nodules_app.services.pipeline.seeing_growth import see


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

    seen = see(comparison, list(_matches(comparison)))

    def store() -> Mapping[str, str]:
        patient = Patient.objects.select_for_update().get(pk=comparison.patient_id)
        _store_grade(comparison, graded)
        for match in _matches(comparison):
            growths.store_growth(match, comparison, graded)
            seen.keep(match, match.growths.order_by("-pk").first())
        learned.ask_for_looks(scan=comparison.current, by=run.requested_by)
        runs.request(RunKind.ASSESS, by=run.requested_by, patient=patient)
        return {"growth": METHOD, **seen.notes}

    return store


def _matches(comparison: Comparison) -> QuerySet[Match]:
    matches = comparison.matches.filter(superseded_at__isnull=True)
    return matches.select_related("prior_finding", "current_finding").order_by("pk")


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
