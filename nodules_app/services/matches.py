"""A reader says whether two findings are one nodule; everything that followed from the old answer is computed again.

Nothing is closed and no decision is changed: whoever signed on the ground of the old match is owed a review.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from nodules_app.lifecycles import FOLLOWED_NODULE
from nodules_app.models import (
    Comparison,
    ComparisonWord,
    Decision,
    Finding,
    Match,
    Nodule,
    Origin,
    Patient,
    RunKind,
    User,
)
from nodules_app.services import follow_ups, merging, nodules, runs
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

SAID_BY_A_PERSON: Final = 1.0  # a reader's word is no estimate


class MatchReplaced(Refused):
    """Somebody else has answered meanwhile."""

    code = "match_replaced"
    sentence = gettext_noop("This match has been replaced meanwhile.")
    remedy = gettext_noop("Look at the match that is shown now and answer again if need be.")


class NotOnBothScans(Refused):
    """There are no two findings that could be the same or not."""

    code = "not_on_both_scans"
    sentence = gettext_noop("This nodule is not shown on both scans.")
    remedy = gettext_noop("Mark it on the other scan first.")


class FindingNotOnPair(Refused):
    """The finding lies on neither scan of the pair, or is this nodule already."""

    code = "finding_not_on_pair"
    sentence = gettext_noop(
        "This finding cannot be linked: it is not another nodule's finding on one of the two scans."
    )
    remedy = gettext_noop("Choose a finding from the list on the page.")


@transaction.atomic
def confirm(*, match: Match, by: User) -> Match:
    """Say that both findings are one nodule. The first confirmation stands.

    Raises
    ------
    MatchReplaced, NotOnBothScans
    """
    held = _held(match)
    _both(held)
    if held.confirmed_at is None:
        held.confirmed_at, held.confirmed_by = timezone.now(), by
        held.save(update_fields=["confirmed_at", "confirmed_by"])
        record("match.confirmed", held.nodule.patient, by=by, nodule=held.nodule.code, match=held.code)
    return held


@transaction.atomic
def unlink(*, match: Match, by: User, follow_there: bool = True) -> Match:
    """Say that the findings are not one nodule; the one in doubt becomes a nodule of its own, or no nodule.

    Parameters
    ----------
    follow_there
        Follow what the finding in doubt shows as another nodule, owed a review; otherwise it is nothing to follow.

    Returns
    -------
    Match
        What is left of the match: the nodule on one scan alone, as a person said.
    """
    held = _held(match)
    wrong = in_doubt(held)
    left = _part(wrong, by=by)
    if follow_there:
        other = nodules.mark_nodule(scan=wrong.scan, lps_mm=wrong.lps_mm, by=by)
        found = other.findings.get(scan=wrong.scan, superseded_at__isnull=True)
        if not other.matches.filter(comparison=held.comparison, superseded_at__isnull=True).exists():
            _alone(held.comparison, found, by=by)
    _flag("match.unlinked", held, [held.nodule], by=by)
    _ask_again(held.comparison, wrong, by=by)
    return next(one for one in left if one.comparison_id == held.comparison_id)


@transaction.atomic
def relink(*, match: Match, finding: Finding, by: User) -> Match:
    """Say that a finding, until now another nodule's, shows this nodule; the other one is left without it.

    A nodule that was seen nowhere else is this one: it is joined with it, as ``merging`` does.

    Raises
    ------
    MatchReplaced, NotOnBothScans, FindingNotOnPair
    """
    held = _held(match)
    comparison = held.comparison
    theirs = Finding.objects.select_related("nodule", "scan").get(pk=finding.pk)
    on_pair = theirs.scan_id in (comparison.prior_id, comparison.current_id)
    if not on_pair or theirs.superseded_at is not None or not theirs.present or theirs.nodule_id == held.nodule_id:
        raise FindingNotOnPair
    on_prior = theirs.scan_id == comparison.prior_id
    kept = held.current_finding if on_prior else held.prior_finding
    if kept is None:
        raise NotOnBothScans
    if not _is_shown_elsewhere(theirs):
        return _joined_whole(held, theirs, by=by)
    _part(theirs, by=by)
    for mine in held.nodule.findings.filter(scan=theirs.scan, superseded_at__isnull=True):
        nodules.supersede(mine)
    Match.objects.filter(pk=held.pk).update(superseded_at=timezone.now())
    x, y, z = theirs.lps_mm
    moved = Finding.objects.create(
        nodule=held.nodule, scan=theirs.scan, x_lps_mm=x, y_lps_mm=y, z_lps_mm=z, origin=Origin.PERSON, by=by
    )
    joined = Match.objects.create(
        comparison=comparison,
        nodule=held.nodule,
        prior_finding=moved if on_prior else kept,
        current_finding=kept if on_prior else moved,
        confidence=SAID_BY_A_PERSON,
        confirmed_at=timezone.now(),
        confirmed_by=by,
    )
    _flag("match.relinked", held, [held.nodule, theirs.nodule], by=by)
    _ask_again(comparison, moved, by=by)
    return joined


def _is_shown_elsewhere(theirs: Finding) -> bool:
    """Whether another finding in force, of any scan, shows the nodule of this one."""
    others = theirs.nodule.findings.filter(superseded_at__isnull=True, present=True).exclude(pk=theirs.pk)
    return others.exclude(origin=Origin.REGISTRATION).exists()


def _joined_whole(held: Match, theirs: Finding, *, by: User) -> Match:
    """Join the other nodule with this one, and give the match that this makes."""
    merging.merge(nodule=theirs.nodule, into=held.nodule, by=by, taking=theirs)
    theirs.nodule.refresh_from_db(fields=["state", "merged_into"])
    _flag("match.relinked", held, [held.nodule, theirs.nodule], by=by)
    return Match.objects.select_related("prior_finding", "current_finding").get(
        comparison=held.comparison, nodule=held.nodule, superseded_at__isnull=True
    )


def in_doubt(match: Match) -> Finding:
    """The finding that may be wrong: the one that was carried over, else the later one. Raises ``NotOnBothScans``."""
    prior, current = _both(match)
    carried_back = prior.origin == Origin.REGISTRATION and current.origin != Origin.REGISTRATION
    return prior if carried_back else current


def decisions_that_used(match: Match) -> list[Decision]:
    """What was signed on the ground of a nodule on the later exam of a match, or after it."""
    exam_on = match.comparison.current.study.acquired_on
    signed = Decision.objects.filter(
        assessment__patient=match.nodule.patient_id,
        assessment__exam_on__gte=exam_on,
        taken_back__isnull=True,
    )
    label = match.nodule.label
    return [
        decision
        for decision in signed.select_related("assessment").order_by("pk")
        if any(told.get("id") == label for told in decision.assessment.inputs.get("nodules", ()))
    ]


def _held(match: Match) -> Match:
    Patient.objects.select_for_update().get(pk=match.nodule.patient_id)
    related = ("nodule__patient", "comparison__current__study", "prior_finding__scan", "current_finding__scan")
    held = Match.objects.select_related(*related).get(pk=match.pk)
    if held.superseded_at is not None:
        raise MatchReplaced
    return held


def _both(match: Match) -> tuple[Finding, Finding]:
    prior, current = match.prior_finding, match.current_finding
    if prior is None or current is None or not (prior.present and current.present):
        raise NotOnBothScans
    return prior, current


def _part(wrong: Finding, *, by: User) -> list[Match]:
    """Take a finding from its nodule; on each pair where it was matched the nodule's other finding is left alone.

    The pairs are not searched again for it: that would find the same place once more.
    """
    touched = Match.objects.filter(Q(prior_finding=wrong) | Q(current_finding=wrong), superseded_at__isnull=True)
    matches = list(touched.select_related("comparison", "prior_finding", "current_finding"))
    nodules.supersede(wrong)
    left = []
    for one in matches:
        other = one.current_finding if one.prior_finding_id == wrong.pk else one.prior_finding
        if other is not None and other.present:
            left.append(_alone(one.comparison, other, by=by))
    return left


def _alone(comparison: Comparison, finding: Finding, *, by: User) -> Match:
    on_prior = finding.scan_id == comparison.prior_id
    return Match.objects.create(
        comparison=comparison,
        nodule=finding.nodule,
        prior_finding=finding if on_prior else None,
        current_finding=None if on_prior else finding,
        word=ComparisonWord.NOT_ASSESSABLE,
        confidence=SAID_BY_A_PERSON,
        confirmed_at=timezone.now(),
        confirmed_by=by,
    )


def _flag(verb: str, match: Match, touched: Iterable[Nodule], *, by: User) -> None:
    """Owe a review of every nodule that is followed, and name the decisions whose ground has changed."""
    patient = match.nodule.patient
    for nodule in touched:
        if nodule.state in FOLLOWED_NODULE:
            follow_ups.owe_review(patient=patient, nodule=nodule)
    signed = ", ".join(str(decision.code) for decision in decisions_that_used(match))
    labels = ", ".join(nodule.label for nodule in touched)
    record(verb, patient, by=by, nodules=labels, match=match.code, decisions=signed)


def _ask_again(comparison: Comparison, finding: Finding, *, by: User) -> None:
    """Measure this pair again, and look for the nodule on the other pairs of the scan."""
    patient = finding.nodule.patient
    runs.request(RunKind.MEASURE, by=by, patient=patient, comparison=comparison)
    pairs = Comparison.objects.filter(Q(prior=finding.scan) | Q(current=finding.scan), registrations__isnull=False)
    in_force = pairs.filter(prior__superseded_at__isnull=True, current__superseded_at__isnull=True)
    for other in in_force.exclude(pk=comparison.pk).distinct():
        runs.request(RunKind.MATCH, by=by, patient=patient, comparison=other)
