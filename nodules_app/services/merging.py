"""Two nodules that are one: a reader joins them, and may part them again. Nothing is deleted and nobody is lost.

The nodule that is joined keeps its findings, measurements and matches as they are; its state says that the other one
is followed in its place. That one takes over what was seen on scans on which it was not seen itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from nodules_app.lifecycles import FOLLOWED_NODULE, NODULE, NoduleState, after
from nodules_app.models import Comparison, Finding, Match, Nodule, Origin, RunKind, User
from nodules_app.services import follow_ups, nodules, runs, steps
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

SAID_BY_A_PERSON: Final = 1.0  # a reader's word is no estimate
ONE_NODULE: Final = gettext_noop("A reader says that two nodules are one.")
TWO_NODULES: Final = gettext_noop("A reader says that these are two nodules after all.")


class NotToBeJoined(Refused):
    """The two are no pair that can be one nodule."""

    code = "not_to_be_joined"
    sentence = gettext_noop("{label} cannot be joined with this nodule.")
    remedy = gettext_noop("Choose another nodule of the same patient that is followed.")


@transaction.atomic
def merge(*, nodule: Nodule, into: Nodule, by: User, taking: Finding | None = None) -> Nodule:
    """Say that a nodule is another one of the same patient: that one is followed, and owed one review.

    Parameters
    ----------
    taking
        A finding of ``nodule`` that shows the other one better than its own finding on that scan.

    Returns
    -------
    Nodule
        The one that is followed.

    Raises
    ------
    NotToBeJoined, NoSuchStep
    """
    patient = steps.hold_patient(nodule.patient_id)
    held = Nodule.objects.select_for_update().get(pk=nodule.pk)
    kept = Nodule.objects.select_for_update().get(pk=into.pk)
    if held.pk == kept.pk or held.patient_id != kept.patient_id or kept.state not in FOLLOWED_NODULE:
        raise NotToBeJoined(label=held.label)
    held.state, held.merged_into = after(NODULE, NoduleState(held.state), "merge"), kept
    held.save(update_fields=["state", "merged_into"])
    taken = _take_findings(held, kept, by=by, first=taking)
    _match_again(kept, taken, by=by)
    for step in steps.open_of(patient):
        if step.nodules.filter(pk=held.pk).exists():
            step.nodules.remove(held)
            step.nodules.add(kept)
    follow_ups.owe_review(patient=patient, nodule=kept, by=by, why=ONE_NODULE)
    record("nodule.merged", patient, by=by, nodule=held.label, into=kept.label)
    runs.request(RunKind.ASSESS, by=by, patient=patient)
    return kept


@transaction.atomic
def unmerge(*, nodule: Nodule, by: User) -> Nodule:
    """Follow a nodule by itself again; the other one gives back what it had taken over, and both are owed a review.

    Raises
    ------
    NoSuchStep
        It is not joined with another one.
    """
    patient = steps.hold_patient(nodule.patient_id)
    held = Nodule.objects.select_for_update(of=("self",)).select_related("merged_into").get(pk=nodule.pk)
    other = held.merged_into
    held.state, held.merged_into = after(NODULE, NoduleState(held.state), "unmerge"), None
    held.save(update_fields=["state", "merged_into"])
    touched = [held]
    while other is not None:  # what it became may itself have been joined with another one since
        _give_back(held, other, by=by)
        touched.append(other)
        other = other.merged_into
    for one in touched:
        if one.state in FOLLOWED_NODULE:
            follow_ups.owe_review(patient=patient, nodule=one, by=by, why=TWO_NODULES)
    record("nodule.unmerged", patient, by=by, nodules=", ".join(one.label for one in touched))
    runs.request(RunKind.ASSESS, by=by, patient=patient)
    return held


def _take_findings(held: Nodule, kept: Nodule, *, by: User, first: Finding | None) -> list[Finding]:
    """Give the kept nodule what it lacks; what was only carried over from another scan yields to what was marked."""
    own = {finding.scan_id: finding for finding in kept.findings.filter(superseded_at__isnull=True)}
    taken = []
    for theirs in held.findings.filter(superseded_at__isnull=True, present=True).order_by("pk"):
        mine = own.get(theirs.scan_id)
        carried = mine is not None and (mine.origin == Origin.REGISTRATION or not mine.present)
        marked = theirs.origin != Origin.REGISTRATION
        wanted = first is not None and theirs.pk == first.pk
        if mine is not None and not wanted and not (carried and marked):
            continue
        if mine is not None:
            nodules.supersede(mine)
        x, y, z = theirs.lps_mm
        taken.append(
            Finding.objects.create(
                nodule=kept, scan=theirs.scan, x_lps_mm=x, y_lps_mm=y, z_lps_mm=z, origin=Origin.PERSON, by=by
            )
        )
    return taken


def _match_again(kept: Nodule, taken: Sequence[Finding], *, by: User) -> None:
    """On each pair with a finding that was taken over: both findings are one nodule, or the other is looked for."""
    findings = {finding.scan_id: finding for finding in kept.findings.filter(superseded_at__isnull=True, present=True)}
    scans = {finding.scan_id for finding in taken}
    pairs = Comparison.objects.filter(Q(prior__in=scans) | Q(current__in=scans), registrations__isnull=False)
    in_force = pairs.filter(prior__superseded_at__isnull=True, current__superseded_at__isnull=True).distinct()
    if not in_force.exists():
        for finding in taken:
            nodules.ask_for_numbers(scan=finding.scan, by=by)
    for comparison in in_force.order_by("pk"):
        now = timezone.now()
        kept.matches.filter(comparison=comparison, superseded_at__isnull=True).update(superseded_at=now)
        prior, current = findings.get(comparison.prior_id), findings.get(comparison.current_id)
        if prior is None or current is None:
            runs.request(RunKind.MATCH, by=by, patient=kept.patient, comparison=comparison)
            continue
        Match.objects.create(
            comparison=comparison,
            nodule=kept,
            prior_finding=prior,
            current_finding=current,
            confidence=SAID_BY_A_PERSON,
            confirmed_at=now,
            confirmed_by=by,
        )
        runs.request(RunKind.MEASURE, by=by, patient=kept.patient, comparison=comparison)


def _give_back(held: Nodule, other: Nodule, *, by: User) -> None:
    """Put out of force what the other nodule took over from this one, unless a person has moved it since."""
    places = {(one.scan_id, one.lps_mm) for one in held.findings.filter(superseded_at__isnull=True, present=True)}
    for finding in other.findings.filter(superseded_at__isnull=True, origin=Origin.PERSON).select_related("scan"):
        if (finding.scan_id, finding.lps_mm) in places:
            nodules.supersede(finding)
            nodules.ask_for_numbers(scan=finding.scan, by=by)
