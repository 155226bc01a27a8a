"""A clinician signs: the recommendation, or something else with a reason."""

from __future__ import annotations

from datetime import date

from django.db import transaction

from nodules_app.models import Decision, FollowUp, FollowUpKind, User
from nodules_app.services import follow_ups
from nodules_app.services.audit import record


@transaction.atomic
def accept(*, follow_up: FollowUp, by: User) -> FollowUp:
    """Sign the proposed step as it stands."""
    planned = follow_ups.accept(follow_up=follow_up, by=by)
    if planned.assessment is not None:
        Decision.objects.create(assessment=planned.assessment, by=by, management=planned.management)
        record("decision.accepted", planned.patient, by=by, follow_up=planned.code)
    return planned


@transaction.atomic
def override(
    *,
    follow_up: FollowUp,
    kind: FollowUpKind,
    management: str,
    window: tuple[date, date, date],
    reason: str,
    by: User,
) -> FollowUp:
    """Plan another step than the proposed one; the reason is kept with the decision."""
    planned = follow_ups.plan_otherwise(follow_up=follow_up, kind=kind, management=management, window=window, by=by)
    if planned.assessment is not None:
        Decision.objects.create(
            assessment=planned.assessment, by=by, management=management, overrides=True, reason=reason
        )
    record("decision.overrode", planned.patient, by=by, follow_up=planned.code)
    return planned
