"""A clinician signs: the recommendation, or something else with a reason."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.db import transaction

from nodules_app.models import Decision, FollowUp, FollowUpKind, OverrideReason, User
from nodules_app.services import follow_ups, policy, readings
from nodules_app.services.audit import record

CLINICIANS_OWN: Final = "clinician_choice"  # in place of a management code: a step of a clinician's own


@transaction.atomic
def accept(*, follow_up: FollowUp, by: User, seen: int | None = None) -> FollowUp:
    """Sign the proposed step as it stands.

    Raises
    ------
    NoSuchStep, ChangedMeanwhile, MayNotSign, NotYetSigned
    """
    policy.require_signature(follow_up.patient, by)
    readings.require_signed(follow_up)
    planned = follow_ups.accept(follow_up=follow_up, by=by, seen=seen)
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
    reason_code: OverrideReason,
    reason: str,
    by: User,
    seen: int | None = None,
) -> FollowUp:
    """Plan another step than the proposed one; both reasons are kept with the decision. Raises as ``accept`` does."""
    policy.require_signature(follow_up.patient, by)
    readings.require_signed(follow_up)
    planned = follow_ups.plan_otherwise(
        follow_up=follow_up, kind=kind, management=management, window=window, by=by, why=reason, seen=seen
    )
    if planned.assessment is not None:
        Decision.objects.create(
            assessment=planned.assessment,
            by=by,
            management=management,
            overrides=True,
            reason_code=reason_code,
            reason=reason,
        )
    record("decision.overrode", planned.patient, by=by, follow_up=planned.code, reason=reason_code)
    return planned
