"""Nodules come from a person's point or from DICOM; each is owed a step from its first moment."""

from __future__ import annotations

from math import dist
from typing import Final
from uuid import uuid4

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from nodules_app.lifecycles import FOLLOWED_NODULE, NODULE, NoduleState, after
from nodules_app.models import (
    Comparison,
    ComparisonWord,
    Finding,
    Match,
    Nodule,
    Origin,
    Patient,
    RunKind,
    Scan,
    User,
)
from nodules_app.services import follow_ups, runs
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

NOTHING_LEFT: Final = gettext_noop("A reader says that nothing of it is followed any more.")
WORD_OF_A_PERSON: Final = {
    "reject": ComparisonWord.NOT_A_NODULE,
    "resect": ComparisonWord.RESECTED,
}  # never a program's
TAKES_BACK: Final = ("reopen", "unresect")
SAME_PLACE_MM: Final = 5.0  # two points closer than this on one scan mean one nodule


@transaction.atomic
def mark_nodule(
    *,
    scan: Scan,
    lps_mm: tuple[float, float, float],
    by: User | None,
    origin: Origin = Origin.PERSON,
    tracking_uid: str = "",
    extent_mm: float = 0.0,
) -> Nodule:
    """Take a point on a scan as a nodule, owe the patient a review, and ask for its measurement.

    A point within ``SAME_PLACE_MM`` (or half its own extent) of a nodule that this scan already has is that nodule.
    """
    patient = Patient.objects.select_for_update().get(pk=scan.study.patient_id)
    known = _nodule_at(scan, lps_mm, within_mm=max(SAME_PLACE_MM, extent_mm / 2), tracking_uid=tracking_uid)
    if known is not None:
        return followed_as(known)
    nodule = Nodule.objects.filter(patient=patient, tracking_uid=tracking_uid).first() if tracking_uid else None
    nodule = followed_as(nodule) if nodule is not None else None
    if nodule is None:
        highest = patient.nodules.aggregate(highest=Max("number"))["highest"] or 0
        nodule = Nodule.objects.create(patient=patient, number=highest + 1, tracking_uid=_free_uid(tracking_uid))
        follow_ups.owe_review(patient=patient, nodule=nodule)
    x, y, z = lps_mm
    Finding.objects.create(nodule=nodule, scan=scan, x_lps_mm=x, y_lps_mm=y, z_lps_mm=z, origin=origin, by=by)
    record("nodule.marked", patient, by=by, nodule=nodule.code, scan=scan.code, origin=origin)
    ask_for_numbers(scan=scan, by=by)
    return nodule


def followed_as(nodule: Nodule) -> Nodule:
    """The nodule under which this one is followed: itself, unless a reader has joined it with another."""
    while nodule.merged_into is not None:
        nodule = nodule.merged_into
    return nodule


def _free_uid(wanted: str) -> str:
    """The tracking UID that came with a mark, or one of our own: a copied exam brings the UID of another patient."""
    taken = not wanted or Nodule.objects.filter(tracking_uid=wanted).exists()
    return f"2.25.{uuid4().int}" if taken else wanted


def _nodule_at(scan: Scan, lps_mm: tuple[float, float, float], *, within_mm: float, tracking_uid: str) -> Nodule | None:
    findings = Finding.objects.filter(scan=scan, superseded_at__isnull=True, present=True).select_related("nodule")
    for finding in findings:
        same_uid = bool(tracking_uid) and finding.nodule.tracking_uid == tracking_uid
        if same_uid or dist(finding.lps_mm, lps_mm) <= within_mm:
            return finding.nodule
    return None


class PointReplaced(Refused):
    """Somebody else has moved or linked it meanwhile."""

    code = "point_replaced"
    sentence = gettext_noop("This point has been replaced meanwhile.")
    remedy = gettext_noop("Look at the point that is shown now and move it if need be.")


@transaction.atomic
def move_point(*, finding: Finding, lps_mm: tuple[float, float, float], by: User) -> Finding:
    """Put a finding where a person says it is; all that was measured there is superseded and made again.

    Raises
    ------
    PointReplaced
        The finding is no longer in force.
    """
    patient = Patient.objects.select_for_update().get(pk=finding.nodule.patient_id)
    if not Finding.objects.filter(pk=finding.pk, superseded_at__isnull=True).exists():
        raise PointReplaced
    supersede(finding)
    x, y, z = lps_mm
    moved = Finding.objects.create(
        nodule=finding.nodule, scan=finding.scan, x_lps_mm=x, y_lps_mm=y, z_lps_mm=z, origin=Origin.PERSON, by=by
    )
    record("finding.moved", patient, by=by, nodule=finding.nodule.code, scan=finding.scan.code)
    ask_for_numbers(scan=finding.scan, by=by)
    return moved


def supersede(finding: Finding) -> None:
    """Put a finding out of force with the matches that rest on it; the caller asks for what follows."""
    now = timezone.now()
    Finding.objects.filter(pk=finding.pk).update(superseded_at=now)
    touching = Match.objects.filter(superseded_at__isnull=True, nodule_id=finding.nodule_id)
    touching.filter(prior_finding=finding).update(superseded_at=now)
    touching.filter(current_finding=finding).update(superseded_at=now)


@transaction.atomic
def reject(*, nodule: Nodule, by: User) -> Nodule:
    """A reader says that this is no nodule: it is no longer followed, and what else is owed stays."""
    return _move(nodule, "reject", by=by)


@transaction.atomic
def resect(*, nodule: Nodule, by: User) -> Nodule:
    """A reader says that surgery has removed it: it is no longer followed, and what else is owed stays."""
    return _move(nodule, "resect", by=by)


@transaction.atomic
def reopen(*, nodule: Nodule, by: User) -> Nodule:
    """Follow a nodule again; it is owed a review from this moment."""
    reopened = _move(nodule, "reopen", by=by)
    follow_ups.owe_review(patient=reopened.patient, nodule=reopened)
    return reopened


@transaction.atomic
def unresect(*, nodule: Nodule, by: User) -> Nodule:
    """The resection was recorded in error: the nodule is followed again and owed a review from this moment."""
    followed = _move(nodule, "unresect", by=by)
    follow_ups.owe_review(patient=followed.patient, nodule=followed, by=by)
    return followed


def _move(nodule: Nodule, step: str, *, by: User) -> Nodule:
    Patient.objects.select_for_update().get(pk=nodule.patient_id)  # first, as every act does, or two acts may deadlock
    held = Nodule.objects.select_for_update().select_related("patient").get(pk=nodule.pk)
    held.state = after(NODULE, NoduleState(held.state), step)
    held.save(update_fields=["state"])
    record(f"nodule.{step}", held.patient, by=by, nodule=held.code)
    _say_what_became(held, step, by=by)
    if held.state not in FOLLOWED_NODULE:
        follow_ups.settle(patient=held.patient, by=by, reason=NOTHING_LEFT)
        runs.request(RunKind.ASSESS, by=by, patient=held.patient)
    return held


def _say_what_became(nodule: Nodule, step: str, *, by: User) -> None:
    """Write a person's word on the latest pair that shows the nodule; taken back, the word is computed again."""
    matches = nodule.matches.filter(superseded_at__isnull=True).order_by("-comparison__current__study__acquired_on")
    if step in TAKES_BACK:
        for match in matches.filter(word__in=WORD_OF_A_PERSON.values()).select_related("comparison"):
            Match.objects.filter(pk=match.pk).update(word="")
            runs.request(RunKind.MEASURE, by=by, patient=nodule.patient, comparison=match.comparison)
        return
    latest = matches.first()
    if latest is not None and step in WORD_OF_A_PERSON:
        Match.objects.filter(pk=latest.pk).update(
            word=WORD_OF_A_PERSON[step], confirmed_at=timezone.now(), confirmed_by=by
        )


def ask_for_numbers(*, scan: Scan, by: User | None) -> None:
    """Ask for what a new point on a scan makes necessary: its place on the neighbouring scans, then all numbers."""
    registered = Comparison.objects.filter(registrations__isnull=False).distinct()
    waiting = [
        comparison
        for comparison in registered.filter(prior=scan) | registered.filter(current=scan)
        if comparison.prior.superseded_at is None and comparison.current.superseded_at is None
    ]
    for comparison in waiting:
        runs.request(RunKind.MATCH, by=by, patient=scan.study.patient, comparison=comparison)
    if not waiting and scan.lung_right_ml is not None:
        runs.request(RunKind.MEASURE, by=by, patient=scan.study.patient, scan=scan)
