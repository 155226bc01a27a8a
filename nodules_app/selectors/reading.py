"""The reading panel of one patient: nodules on both scans, proposals, corrections with their effect, the signature.

It says all in words and numbers, so that a whole reading can be done without the slices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import F

from nodules_app.lifecycles import OPEN_READING, OPEN_RUN, SIGNED_READING, NoduleState, ReadingState
from nodules_app.models import Claim, Correction, CorrectionKind, Patient, Reading, Run, Scan, User
from nodules_app.selectors.candidates import Proposals, proposals_of
from nodules_app.selectors.clinics import acts_of
from nodules_app.selectors.patients import Answer, Owed, answers_of, open_steps
from nodules_app.selectors.reading_content import content_of, has_case, sha256_of
from nodules_app.selectors.reading_opinions import Difference, differences, reads_of
from nodules_app.selectors.timeline import Appearance, Change, ComparisonLine, NoduleLine, Timeline, timeline

SHOWN_CORRECTIONS: Final = 20
NOT_SHOWN: Final = (NoduleState.TAKEN_BACK, NoduleState.MERGED)


@dataclass(frozen=True, slots=True)
class Seen:
    """One time point of the panel."""

    scan: UUID
    series: UUID
    on: date | None


@dataclass(frozen=True, slots=True)
class PanelNodule:
    """One nodule on the pair; what a finding lacks is None."""

    line: NoduleLine
    prior: Appearance | None
    current: Appearance | None
    change: Change | None

    @property
    def is_followed(self) -> bool:
        return self.line.state is NoduleState.ACTIVE

    @property
    def is_reviewed(self) -> bool:
        """A reader has said who it is, or that it is none; a nodule on one scan alone was marked by a reader."""
        return not self.is_followed or self.change is None or bool(self.change.confirmed_by)

    @property
    def can_be_parted(self) -> bool:
        return all(seen is not None and seen.present for seen in (self.prior, self.current))


@dataclass(frozen=True, slots=True)
class Corrected:
    """One act of the open reading with what changed because of it."""

    kind: str
    by: str
    at: datetime
    label: str
    effect: Mapping[str, Any]
    took_ms: int
    is_undone: bool


@dataclass(frozen=True, slots=True)
class Act:
    """The row that an undo or redo would revert, and the act of the reader that stands behind it."""

    row: Correction
    first: Correction


@dataclass(frozen=True, slots=True)
class SignedReading:
    """One version that was signed."""

    code: UUID
    version: int
    state: ReadingState
    by: str
    at: datetime
    sha256: str
    addenda: tuple[tuple[str, datetime, str], ...]


@dataclass(frozen=True, slots=True)
class Panel:
    """Everything that ``reading/panel.html`` shows; ``sha256`` names what a signature would cover."""

    patient: UUID
    reading: UUID | None
    state: ReadingState | None
    version: int
    since: datetime | None  # the exam waits in the reading list
    reader: str
    is_mine: bool
    claimed_by: str
    prior: Seen | None
    current: Seen | None
    comparison: ComparisonLine | None
    nodules: tuple[PanelNodule, ...]
    proposals: Proposals
    answers: tuple[Answer, ...]
    steps: tuple[Owed, ...]
    corrections: tuple[Corrected, ...]
    can_undo: bool
    can_redo: bool
    signed: tuple[SignedReading, ...]
    readers_needed: int
    reads: tuple[str, ...]  # who has read independently
    differences: tuple[Difference, ...]
    has_read: bool  # the one who looks has
    is_working: bool
    sha256: str
    may: frozenset[str]

    @property
    def reviewed(self) -> int:
        return sum(one.is_reviewed for one in self.nodules)

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_READING

    @property
    def reads_blind(self) -> bool:
        """A second reader who has yet to say what he sees: what the first one made of it would lead him."""
        second = self.is_open and self.readers_needed > 1 and not self.is_mine and "mark" in self.may
        return second and not self.has_read

    @property
    def latest_signed(self) -> SignedReading | None:
        return self.signed[0] if self.signed else None


def panel(patient: Patient, *, user: User) -> Panel:
    """Read the panel in a number of queries that does not grow with nodules or corrections."""
    readings = list(
        Reading.objects.filter(patient=patient)
        .select_related("scan__study", "scan__series", "reader", "signed_by")
        .prefetch_related("addenda__by")
        .order_by("-pk")
    )
    opened = next((one for one in readings if one.state in OPEN_READING), None)
    signed = [one for one in readings if one.state in SIGNED_READING]
    scan = opened.scan if opened else _latest_scan(patient)
    shown = timeline(patient)
    pair = _pair(shown, scan)
    acts = list(opened.corrections.select_related("by", "nodule").order_by("pk")) if opened else []
    done, undone = stacks(acts)
    taken_back = {act.first.pk for act in undone}
    claim = Claim.objects.filter(patient=patient).select_related("by").first()
    reads = reads_of(opened) if opened else []
    return Panel(
        patient=patient.code,
        reading=opened.code if opened else None,
        state=ReadingState(opened.state) if opened else None,
        version=opened.version if opened else 0,
        since=opened.created_at if opened else None,
        reader=str(opened.reader or "") if opened else "",
        is_mine=opened is not None and opened.reader_id in (None, user.pk),
        claimed_by=str(claim.by) if claim is not None and claim.by_id != user.pk else "",
        prior=_seen(shown, pair.prior_scan) if pair else None,
        current=Seen(scan.code, scan.series.code, scan.study.acquired_on) if scan else None,
        comparison=pair,
        nodules=_nodules(shown, pair, scan),
        proposals=proposals_of(patient),
        answers=answers_of(patient) if has_case(shown) else (),
        steps=open_steps(patient),
        corrections=tuple(_corrected(row, taken_back) for row in acts[::-1][:SHOWN_CORRECTIONS]),
        can_undo=bool(done),
        can_redo=bool(undone),
        signed=tuple(_signed(row) for row in signed),
        readers_needed=patient.clinic.readers_needed,
        reads=tuple(str(row.by) for row in reads),
        differences=tuple(differences(reads[0].said, reads[1].said)) if len(reads) > 1 else (),
        has_read=any(row.by_id == user.pk for row in reads),
        is_working=Run.objects.filter(patient=patient, state__in=OPEN_RUN).exists(),
        sha256=sha256_of(content_of(patient, scan, shown)) if scan else "",
        may=frozenset(str(act) for act in acts_of(user, patient.clinic_id)),
    )


def _latest_scan(patient: Patient) -> Scan | None:
    scans = Scan.objects.filter(study__patient=patient, superseded_at__isnull=True).select_related("study", "series")
    return scans.order_by(F("study__acquired_on").desc(nulls_last=True), "-pk").first()


def _pair(shown: Timeline, scan: Scan | None) -> ComparisonLine | None:
    pairs = [pair for pair in shown.comparisons if scan is not None and pair.current_scan == scan.code]
    return min(pairs, key=lambda pair: pair.interval_days, default=None)


def _seen(shown: Timeline, scan: UUID) -> Seen | None:
    found = ((exam, line) for exam, line in shown.scans if line.code == scan)
    return next((Seen(line.code, line.series.code, exam.acquired_on) for exam, line in found), None)


def _nodules(shown: Timeline, pair: ComparisonLine | None, scan: Scan | None) -> tuple[PanelNodule, ...]:
    if scan is None:
        return ()
    rows = []
    for line in shown.nodules:
        prior = line.on_scan(pair.prior_scan) if pair else None
        current = line.on_scan(scan.code)
        if line.state in NOT_SHOWN or (prior is None and current is None):
            continue
        change = next((one for one in line.changes if pair and one.comparison == pair.code), None)
        rows.append(PanelNodule(line, prior, current, change))
    return tuple(rows)


def stacks(rows: Iterable[Correction]) -> tuple[list[Act], list[Act]]:
    """What can be undone and what can be done again, the next at the end; a new act empties the second.

    Parameters
    ----------
    rows
        All corrections of one reading in the order in which they were made.
    """
    done: list[Act] = []
    undone: list[Act] = []
    for row in rows:
        if row.kind == CorrectionKind.UNDO:
            undone.append(Act(row, done.pop().first))
        elif row.kind == CorrectionKind.REDO:
            done.append(Act(row, undone.pop().first))
        else:
            done.append(Act(row, row))
            undone.clear()
    return done, undone


def _corrected(row: Correction, undone: set[int]) -> Corrected:
    return Corrected(
        kind=row.kind,
        by=str(row.by),
        at=row.created_at,
        label=row.nodule.label if row.nodule else "",
        effect=row.effect,
        took_ms=row.took_ms,
        is_undone=row.pk in undone,
    )


def _signed(row: Reading) -> SignedReading:
    if row.signed_at is None:
        raise ValueError(f"{row} is signed without a moment")
    return SignedReading(
        code=row.code,
        version=row.version,
        state=ReadingState(row.state),
        by=str(row.signed_by),
        at=row.signed_at,
        sha256=row.content_sha256,
        addenda=tuple((str(one.by), one.at, one.text) for one in sorted(row.addenda.all(), key=lambda one: one.pk)),
    )
