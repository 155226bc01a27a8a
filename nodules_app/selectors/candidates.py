"""What the program proposes and nobody has decided: for the page of a patient, for a viewer, for lists.

What lies on a nodule that is known is left out wherever it is read, so that a nodule marked meanwhile is never proposed
beside itself. Whoever shows any of it asks ``services.candidates.hidden_from`` first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import dist
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from nodules_app.lifecycles import CandidateState, RunState
from nodules_app.models import Candidate, CandidateChange, Finding, Measurement, Patient, Run, RunKind, Scan

LpsMm = tuple[float, float, float]

SAME_PLACE_MM: Final = 5.0  # as for two points that a person marks
BEYOND_BORDER_MM: Final = 2.0  # a spot on the rim of a large nodule is part of it
SHOWN_AT_FIRST: Final = 6
CAD_VERSION: Final = "CAD"  # what the reports of other programs propose; a search of ours does not replace it
NOTEWORTHY: Final = (CandidateChange.NEW, CandidateChange.GROWN, CandidateChange.GONE)
ORDER: Final[Mapping[str, int]] = {change: place for place, change in enumerate((*NOTEWORTHY, "", "same"))}


@dataclass(frozen=True, slots=True)
class Seen:
    """One proposal on one scan; without a diameter that scan shows nothing at the place."""

    scan: UUID
    series: UUID
    on: date | None
    lps_mm: LpsMm
    diameter_mm: float | None


@dataclass(frozen=True, slots=True)
class Decided:
    """What a reader said of a proposal."""

    by: str
    at: datetime
    reason: str
    words: str
    nodule: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """One candidate, as a page shows it. ``prior`` is None where there is no comparison."""

    code: UUID
    state: CandidateState
    change: str
    score: float
    here: Seen
    prior: Seen | None
    current: Seen | None
    decided: Decided | None
    version: str

    @property
    def model(self) -> str:
        """Version of the learned model that looked again; empty where none did."""
        return self.version.partition("+")[2]

    @property
    def is_noteworthy(self) -> bool:
        return self.change in NOTEWORTHY


@dataclass(frozen=True, slots=True)
class Mark:
    """One candidate on one scan, to be drawn over its slices."""

    code: UUID
    scan: UUID
    lps_mm: LpsMm
    diameter_mm: float
    score: float
    state: CandidateState
    change: str


@dataclass(frozen=True, slots=True)
class Proposals:
    """All of one patient; ``searched`` tells an empty list from a search that did not run.

    Parameters
    ----------
    search
        State of the latest search, None when none was ever asked for.
    """

    waiting: tuple[Proposal, ...]
    rejected: tuple[Proposal, ...]
    search: RunState | None

    @property
    def first(self) -> tuple[Proposal, ...]:
        """What is shown at once: all that is new, gone or grown, and the likeliest of the rest."""
        noteworthy = sum(one.is_noteworthy for one in self.waiting)
        return self.waiting[: max(noteworthy, SHOWN_AT_FIRST)]

    @property
    def further(self) -> tuple[Proposal, ...]:
        return self.waiting[len(self.first) :]


def proposals_of(patient: Patient) -> Proposals:
    """Read what is proposed for a patient, new, grown and gone ones first, and what was rejected."""
    rows = _rows([patient.pk], (CandidateState.PROPOSED, CandidateState.REJECTED))
    known = KnownPlaces.of([patient.pk])
    told = [_proposal(row) for row in rows if row.state == CandidateState.REJECTED or not known.hold(row)]
    told.sort(key=lambda one: (ORDER[one.change], -one.score))
    searches = Run.objects.filter(patient=patient, kind=RunKind.PROPOSE).order_by("-pk")
    latest = searches.values_list("state", flat=True).first()
    return Proposals(
        waiting=tuple(one for one in told if one.state is CandidateState.PROPOSED),
        rejected=tuple(one for one in told if one.state is CandidateState.REJECTED),
        search=RunState(latest) if latest else None,
    )


def on_scan(scan: Scan) -> tuple[Mark, ...]:
    """What is proposed on one scan and waits, the likeliest first; what the other scan of its pair shows as well."""
    patient = scan.study.patient_id
    known = KnownPlaces.of([patient])
    marks = []
    for row in _rows([patient], (CandidateState.PROPOSED,)):
        if known.hold(row):
            continue
        proposal = _proposal(row)
        seen = next((one for one in (proposal.prior, proposal.current, proposal.here) if _is_on(one, scan)), None)
        if seen is not None and seen.diameter_mm is not None:
            marks.append(
                Mark(row.code, scan.code, seen.lps_mm, seen.diameter_mm, row.score, proposal.state, row.change)
            )
    return tuple(sorted(marks, key=lambda mark: (ORDER[mark.change], -mark.score)))


def _is_on(seen: Seen | None, scan: Scan) -> bool:
    return seen is not None and seen.scan == scan.code


def count_by_patient(patients: Iterable[int]) -> Mapping[int, int]:
    """How many proposals wait, by key of the patient; patients without any are left out. A fixed number of queries."""
    asked = list(patients)
    known = KnownPlaces.of(asked)
    rows = _rows(asked, (CandidateState.PROPOSED,))
    return Counter(row.scan.study.patient_id for row in rows if not known.hold(row))


def _rows(patients: Sequence[int], states: Sequence[CandidateState]) -> QuerySet[Candidate]:
    rows = Candidate.objects.filter(
        scan__study__patient__in=patients, scan__superseded_at__isnull=True, state__in=states
    ).select_related(
        "scan__study",
        "scan__series",
        "comparison__prior__study",
        "comparison__prior__series",
        "comparison__current__study",
        "comparison__current__series",
        "decided_by",
        "nodule",
    )
    return rows.order_by("pk")


def _proposal(row: Candidate) -> Proposal:
    here = _seen(row.scan, row.lps_mm, row.diameter_mm)
    prior: Seen | None = None
    current: Seen | None = here
    if row.comparison is not None:
        on_prior = row.comparison.prior_id == row.scan_id
        there_scan = row.comparison.current if on_prior else row.comparison.prior
        there = _seen(there_scan, row.there_lps_mm, row.there_diameter_mm) if row.there_lps_mm else None
        prior, current = (here, there) if on_prior else (there, here)
    decided = None
    if row.decided_by is not None and row.decided_at is not None:
        label = row.nodule.label if row.nodule else ""
        decided = Decided(str(row.decided_by), row.decided_at, row.reason, row.words, label)
    return Proposal(
        row.code, CandidateState(row.state), row.change, row.score, here, prior, current, decided, row.version
    )


def _seen(scan: Scan, lps_mm: LpsMm, diameter_mm: float | None) -> Seen:
    return Seen(scan.code, scan.series.code, scan.study.acquired_on, lps_mm, diameter_mm)


@dataclass(frozen=True, slots=True)
class KnownPlaces:
    """Where nodules of some patients lie, whatever became of them: by scan, with how far each reaches."""

    by_scan: Mapping[int, tuple[tuple[int, LpsMm, float], ...]]

    @classmethod
    def of(cls, patients: Sequence[int]) -> KnownPlaces:
        """Read them in two queries."""
        findings = list(
            Finding.objects.filter(nodule__patient__in=patients, superseded_at__isnull=True, present=True).order_by(
                "pk"
            )
        )
        sizes = dict(
            Measurement.objects.filter(finding__in=findings, mean_diameter_mm__isnull=False)
            .order_by("finding_id", "-pk")
            .distinct("finding_id")
            .values_list("finding_id", "mean_diameter_mm")
        )
        by_scan: dict[int, list[tuple[int, LpsMm, float]]] = {}
        for finding in findings:
            reach_mm = max(SAME_PLACE_MM, (sizes.get(finding.pk) or 0.0) / 2 + BEYOND_BORDER_MM)
            by_scan.setdefault(finding.scan_id, []).append((finding.nodule_id, finding.lps_mm, reach_mm))
        return cls({scan: tuple(places) for scan, places in by_scan.items()})

    def hold(self, row: Candidate) -> bool:
        """Tell whether a candidate is a nodule that is known, on its own scan or, unseen there, on the other one."""
        here = self.by_scan.get(row.scan_id, ())
        if any(_reaches(place, reach_mm, row.lps_mm, row.diameter_mm) for _, place, reach_mm in here):
            return True
        if row.comparison is None or row.there_lps_mm is None:
            return False
        other = row.comparison.current_id if row.comparison.prior_id == row.scan_id else row.comparison.prior_id
        shown_here = {nodule for nodule, _, _ in here}
        return any(
            nodule not in shown_here and _reaches(place, reach_mm, row.there_lps_mm, row.diameter_mm)
            for nodule, place, reach_mm in self.by_scan.get(other, ())
        )


def _reaches(place: LpsMm, reach_mm: float, lps_mm: LpsMm, diameter_mm: float) -> bool:
    return dist(place, lps_mm) <= max(reach_mm, diameter_mm / 2)
