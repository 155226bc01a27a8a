"""Fetching is authorising: there is no other way from an address to a row, and a look at a patient is recorded.

Pages call ``…_to_see`` once and thereby write one line of the audit trail; pictures of a page and acts on it ask for
permission only, since the act writes its own line.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404

from nodules_app.lifecycles import OPEN_FOLLOW_UP
from nodules_app.models import Finding, FollowUp, Match, Nodule, Patient, Role, Run, Scan, User
from nodules_app.services.audit import record


class Act(StrEnum):
    """What a member of staff may do with a patient."""

    SEE = "see"
    RECORD = "record"  # facts about the person, and asking for work again
    MARK = "mark"  # say where a nodule is, or that there is none
    DECIDE = "decide"  # sign the next step, or choose another


MAY: Final[Mapping[Role, frozenset[Act]]] = {
    Role.COORDINATOR: frozenset({Act.SEE, Act.RECORD}),
    Role.RADIOLOGIST: frozenset({Act.SEE, Act.RECORD, Act.MARK, Act.DECIDE}),
    Role.PHYSICIAN: frozenset({Act.SEE, Act.RECORD, Act.MARK, Act.DECIDE}),
    Role.CHAIR: frozenset({Act.SEE, Act.RECORD, Act.MARK, Act.DECIDE}),
    Role.MANAGER: frozenset({Act.SEE}),
}


def member(user: User | AnonymousUser) -> User:
    """Give the signed-in member of staff, or refuse."""
    if not isinstance(user, User) or not user.is_active:
        raise PermissionDenied("sign in first")
    return user


def acts_of(user: User) -> frozenset[Act]:
    """What this person may do; pages draw only the buttons that work."""
    return MAY[Role(user.role)]


def allow(user: User | AnonymousUser, act: Act) -> User:
    """Give the member back when the role allows the act, or refuse."""
    who = member(user)
    if act not in acts_of(who):
        raise PermissionDenied(f"the role {who.role} does not {act}")
    return who


def patient_to_see(code: UUID, *, by: User | AnonymousUser, page: str) -> Patient:
    """Fetch a patient for a page and write down who looked."""
    who = allow(by, Act.SEE)
    patient = get_object_or_404(Patient, code=code)
    record("patient.seen", patient, by=who, page=page)
    return patient


def patient_for(act: Act, code: UUID, *, by: User | AnonymousUser) -> Patient:
    allow(by, act)
    return get_object_or_404(Patient, code=code)


def scan_to_see(code: UUID, *, by: User | AnonymousUser, page: str) -> Scan:
    """Fetch a scan for a page of its slices and write down who looked at whose."""
    who = allow(by, Act.SEE)
    scan = get_object_or_404(Scan.objects.select_related("study__patient", "series"), code=code)
    record("patient.seen", scan.study.patient, by=who, page=page, scan=scan.code)
    return scan


def scan_for(act: Act, code: UUID, *, by: User | AnonymousUser) -> Scan:
    allow(by, act)
    return get_object_or_404(Scan.objects.select_related("study__patient", "series"), code=code)


def finding_for(act: Act, code: UUID, *, by: User | AnonymousUser) -> Finding:
    allow(by, act)
    return get_object_or_404(
        Finding.objects.select_related("scan__series", "scan__study__patient", "nodule__patient"), code=code
    )


def nodule_for(act: Act, code: UUID, *, by: User | AnonymousUser) -> Nodule:
    allow(by, act)
    return get_object_or_404(Nodule.objects.select_related("patient"), code=code)


def match_for(act: Act, code: UUID, *, by: User | AnonymousUser) -> Match:
    """Fetch a match, also one that was replaced: its service says so in words."""
    allow(by, act)
    related = ("nodule__patient", "prior_finding", "current_finding")
    return get_object_or_404(Match.objects.select_related(*related), code=code)


def open_follow_up_for(act: Act, code: UUID, *, by: User | AnonymousUser) -> FollowUp:
    """Fetch a step that can still be acted upon; one that somebody closed meanwhile is not found."""
    allow(by, act)
    steps = FollowUp.objects.select_related("patient", "assessment", "owner")
    return get_object_or_404(steps, code=code, state__in=OPEN_FOLLOW_UP)


def run_for(act: Act, code: UUID, *, by: User | AnonymousUser) -> Run:
    allow(by, act)
    return get_object_or_404(Run.objects.select_related("patient"), code=code)
