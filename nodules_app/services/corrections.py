"""What a reader changes on the way to a signature, kept with who, when, what stood before and what followed from it.

Every act runs in one transaction: the rows are changed, growth, answers and plan are computed anew, and a
``Correction`` says what came of it. Undo lets what stood before stand again; it is an act of its own and can be redone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

from django.db import transaction
from django.db.models import Q

from inference.drawn import LARGEST_STROKE_MM, Stroke
from nodules_app.models import (
    Attenuation,
    AuditEvent,
    Candidate,
    Correction,
    CorrectionKind,
    Finding,
    Match,
    Measurement,
    Nodule,
    Patient,
    RejectionReason,
    Scan,
    User,
)
from nodules_app.selectors.reading import stacks
from nodules_app.selectors.reading_content import content_of
from nodules_app.services import candidates, descriptions, matches, nodules, readings
from nodules_app.services.audit import record
from nodules_app.services.corrections_follow import effect_of, follow
from nodules_app.services.corrections_measure import (
    store_attenuation,
    store_by_machine,
    store_caliper,
    store_drawn,
    stroke_as_kept,
    strokes_of,
)
from nodules_app.services.corrections_record import Standing, bring_back, standing, touched
from registration.errors import Refused, gettext_noop

LpsMm = tuple[float, float, float]
MOST_STROKES: Final = 500
BY_A_PERSON: Final = Q(verb__startswith="nodule.") | Q(verb__startswith="match.") | Q(verb__startswith="finding.")


class NothingToUndo(Refused):
    """The reading has nothing more to take back, or to do again."""

    code = "nothing_to_undo"
    sentence = gettext_noop("There is nothing to undo or to do again in this reading.")
    remedy = gettext_noop("Look at the list of corrections below the nodules.")


class ChangedByAnother(Refused):
    """Somebody else has acted on the patient since; undoing would take that away too."""

    code = "changed_by_another"
    sentence = gettext_noop("{who} has changed a nodule of this patient since.")
    remedy = gettext_noop("Correct what is wrong by hand; what {who} said stays.")


class StrokeTooLarge(Refused):
    """A brush wider than any nodule, or too many strokes."""

    code = "stroke_too_large"
    sentence = gettext_noop(
        "A stroke has a radius above 0 and up to {limit_mm:.0f} mm; an outline up to {most} strokes."
    )
    remedy = gettext_noop("Make the outline anew from a point inside the nodule, then draw less.")


@dataclass(slots=True)
class Made:
    """What an act made, for its record."""

    nodule: Nodule | None = None
    finding: Finding | None = None
    measurement: Measurement | None = None
    told: dict[str, Any] = field(default_factory=dict)
    correction: Correction | None = None


def add_nodule(*, scan: Scan, lps_mm: LpsMm, by: User) -> Correction:
    """Take a click as a nodule and measure it at once; the other scans are searched by the workers."""
    with _kept(scan.study.patient, CorrectionKind.ADD, by=by) as made:
        made.told = {"scan": str(scan.code), "lps_mm": list(lps_mm)}
        made.nodule = nodules.mark_nodule(scan=scan, lps_mm=lps_mm, by=by)
        made.finding = _on_scan(made.nodule, scan)
        made.measurement = store_by_machine(made.finding)
    return _of(made)


def accept_candidate(*, candidate: Candidate, by: User) -> Correction:
    """Follow what the detector proposed, and measure it at once. Raises ``NoSuchStep``."""
    with _kept(candidate.scan.study.patient, CorrectionKind.ACCEPT, by=by) as made:
        made.told = {"candidate": str(candidate.code)}
        made.nodule = candidates.accept(candidate=candidate, by=by)
        made.finding = _on_scan(made.nodule, candidate.scan)
        made.measurement = store_by_machine(made.finding)
    return _of(made)


def reject_candidate(*, candidate: Candidate, reason: RejectionReason, words: str, by: User) -> Correction:
    """Say that what the detector proposed is no nodule, and what it is. Raises ``NoSuchStep``, ``NeedsWords``."""
    with _kept(candidate.scan.study.patient, CorrectionKind.REJECT, by=by) as made:
        made.told = {"candidate": str(candidate.code), "reason": reason.value, "words": words}
        candidates.reject(candidate=candidate, reason=reason, words=words, by=by)
    return _of(made)


def reject_nodule(*, nodule: Nodule, by: User) -> Correction:
    """Say that a followed nodule is none. Raises ``NoSuchStep``."""
    with _kept(nodule.patient, CorrectionKind.REJECT, by=by, nodule=nodule) as made:
        nodules.reject(nodule=nodule, by=by)
    return _of(made)


def follow_again(*, nodule: Nodule, by: User) -> Correction:
    """Follow what was called no nodule. Raises ``NoSuchStep``."""
    with _kept(nodule.patient, CorrectionKind.RESTORE, by=by, nodule=nodule) as made:
        nodules.reopen(nodule=nodule, by=by)
    return _of(made)


def confirm_match(*, match: Match, by: User) -> Correction:
    """Say that both findings are one nodule. Raises ``MatchReplaced``, ``NotOnBothScans``."""
    with _kept(match.nodule.patient, CorrectionKind.CONFIRM, by=by, nodule=match.nodule) as made:
        matches.confirm(match=match, by=by)
    return _of(made)


def unlink_match(*, match: Match, follow_there: bool, by: User) -> Correction:
    """Say that two findings are not one nodule. Raises ``MatchReplaced``, ``NotOnBothScans``."""
    with _kept(match.nodule.patient, CorrectionKind.UNLINK, by=by, nodule=match.nodule) as made:
        made.told = {"follow_there": follow_there}
        matches.unlink(match=match, by=by, follow_there=follow_there)
        _measure_new(match.nodule.patient)
    return _of(made)


def relink_match(*, match: Match, finding: Finding, by: User) -> Correction:
    """Say which finding shows the nodule instead. Raises what ``matches.relink`` raises."""
    with _kept(match.nodule.patient, CorrectionKind.RELINK, by=by, nodule=match.nodule) as made:
        made.told = {"finding": str(finding.code)}
        matches.relink(match=match, finding=finding, by=by)
        _measure_new(match.nodule.patient)
    return _of(made)


def refit(*, finding: Finding, lps_mm: LpsMm, by: User) -> Correction:
    """Make the outline anew from another point on the same scan; who it is on the other scans stays as it was said."""
    with _kept(finding.nodule.patient, CorrectionKind.SEED, by=by, nodule=finding.nodule) as made:
        made.told = {"lps_mm": list(lps_mm)}
        joined = list(
            Match.objects.filter(Q(prior_finding=finding) | Q(current_finding=finding), superseded_at__isnull=True)
        )
        made.finding = nodules.move_point(finding=finding, lps_mm=lps_mm, by=by)
        for match in joined:
            _match_instead(match, finding, made.finding)
        made.measurement = store_by_machine(made.finding)
    return _of(made)


def draw(*, finding: Finding, strokes: Sequence[Stroke], by: User) -> Correction:
    """Lay strokes on the outline that stands, and measure it anew.

    Raises
    ------
    StrokeTooLarge, VolumeNotKept
    """
    standing_strokes = strokes_of(finding)
    too_many = len(standing_strokes) + len(strokes) > MOST_STROKES
    brushes = [stroke for stroke in strokes if stroke.kind != "smooth"]
    if too_many or not all(0 < stroke.radius_mm <= LARGEST_STROKE_MM for stroke in brushes):
        raise StrokeTooLarge(limit_mm=LARGEST_STROKE_MM, most=MOST_STROKES)
    with _kept(finding.nodule.patient, CorrectionKind.OUTLINE, by=by, nodule=finding.nodule) as made:
        all_strokes = (*standing_strokes, *strokes)
        made.finding, made.told = finding, {"strokes": [stroke_as_kept(stroke) for stroke in all_strokes]}
        made.measurement = store_drawn(finding, all_strokes, by=by)
    return _of(made)


def lay_caliper(*, finding: Finding, long_mm: float, short_mm: float, by: User) -> Correction:
    """Put two axes in the place of the machine's numbers. Raises ``NoSuchAxes``."""
    with _kept(finding.nodule.patient, CorrectionKind.CALIPER, by=by, nodule=finding.nodule) as made:
        made.finding, made.told = finding, {"long_mm": long_mm, "short_mm": short_mm}
        made.measurement = store_caliper(finding, long_mm, short_mm, by=by)
    return _of(made)


def say_attenuation(
    *, finding: Finding, attenuation: Attenuation, by: User, solid_mean_diameter_mm: float | None = None
) -> Correction:
    """Say what a nodule is made of on one scan. Raises ``MeasuredByNobody``."""
    with _kept(finding.nodule.patient, CorrectionKind.ATTENUATION, by=by, nodule=finding.nodule) as made:
        made.finding = finding
        made.told = {"attenuation": attenuation.value, "solid_mean_diameter_mm": solid_mean_diameter_mm}
        if strokes := strokes_of(finding):  # the numbers stay, so what they were drawn with stays behind them
            made.told |= {"strokes": [stroke_as_kept(stroke) for stroke in strokes]}
        made.measurement = store_attenuation(finding, attenuation, solid_mean_diameter_mm=solid_mean_diameter_mm, by=by)
    return _of(made)


def describe(*, nodule: Nodule, facts: Mapping[str, object], by: User) -> Correction:
    """Say in words where a nodule lies and what it looks like. Raises the clinical ``NotUnderstood``."""
    with _kept(nodule.patient, CorrectionKind.DESCRIBE, by=by, nodule=nodule) as made:
        made.told = {"facts": dict(facts)}
        descriptions.describe(nodule=nodule, facts=facts, by=by)
    return _of(made)


def undo(*, patient: Patient, by: User) -> Correction:
    """Let stand again what stood before the last act of the open reading.

    Raises
    ------
    NothingToUndo, ChangedByAnother, NoSuchStep
    """
    return _revert(patient, CorrectionKind.UNDO, by=by)


def redo(*, patient: Patient, by: User) -> Correction:
    """Let stand again what the last undo took away. Raises as ``undo`` does."""
    return _revert(patient, CorrectionKind.REDO, by=by)


def _revert(patient: Patient, kind: CorrectionKind, *, by: User) -> Correction:
    with transaction.atomic():
        reading = readings.take_up(patient=patient, by=by)
        done, undone = stacks(reading.corrections.order_by("pk"))
        stack = done if kind == CorrectionKind.UNDO else undone
        if not stack:
            raise NothingToUndo
        last = stack[-1].row
        _require_own(last, patient, by)
        with _kept(patient, kind, by=by, nodule=last.nodule, reverts=last) as made:
            wanted: Standing = last.before
            bring_back(patient, wanted, touched(last.before, last.after), by=by)
            made.finding = last.finding
    return _of(made)


def _require_own(last: Correction, patient: Patient, by: User) -> None:
    since = AuditEvent.objects.filter(BY_A_PERSON, patient=patient, at__gt=last.created_at, by__isnull=False)
    other = since.exclude(by=by).select_related("by").order_by("pk").first()
    if other is not None:
        raise ChangedByAnother(who=str(other.by))


@contextmanager
def _kept(
    patient: Patient,
    kind: CorrectionKind,
    *,
    by: User,
    nodule: Nodule | None = None,
    reverts: Correction | None = None,
) -> Iterator[Made]:
    """Do an act of the open reading: hold the patient, let the act change rows, compute what follows, write it down."""
    began = perf_counter()
    with transaction.atomic():
        held = Patient.objects.select_for_update().select_related("clinic").get(pk=patient.pk)
        reading = readings.take_up(patient=held, by=by)
        before, said_before = standing(held), content_of(held, reading.scan)
        made = Made(nodule=nodule)
        yield made
        follow(held, touched(before, standing(held)), by=by)
        made.correction = Correction.objects.create(
            patient=held,
            reading=reading,
            kind=kind,
            by=by,
            nodule=made.nodule,
            finding=made.finding,
            measurement=made.measurement,
            reverts=reverts,
            told=made.told,
            before=before,
            after=standing(held),
            effect=effect_of(said_before, content_of(held, reading.scan)),
            took_ms=round(1000 * (perf_counter() - began)),
        )
        record("reading.corrected", held, by=by, correction=made.correction.code, kind=kind)


def _of(made: Made) -> Correction:
    if made.correction is None:
        raise ValueError("an act that was not kept has no record")
    return made.correction


def _on_scan(nodule: Nodule, scan: Scan) -> Finding:
    return nodule.findings.select_related("scan__series").get(scan=scan, superseded_at__isnull=True)


def _measure_new(patient: Patient) -> None:
    """Give every finding that an act made its numbers at once."""
    new = Finding.objects.filter(nodule__patient=patient, superseded_at__isnull=True, present=True, measurements=None)
    for finding in new.select_related("scan__series"):
        store_by_machine(finding)


def _match_instead(match: Match, old: Finding, new: Finding) -> None:
    on_prior = match.prior_finding_id == old.pk
    Match.objects.create(
        comparison=match.comparison,
        nodule=match.nodule,
        prior_finding=new if on_prior else match.prior_finding,
        current_finding=match.current_finding if on_prior else new,
        confidence=match.confidence,
        residual_mm=match.residual_mm,
        ambiguous_with=match.ambiguous_with,
        confirmed_at=match.confirmed_at,
        confirmed_by=match.confirmed_by,
    )
