"""What the reading room's viewer shows of a patient: the scans side by side, their comparisons, the nodules on each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from nodules_app.lifecycles import NoduleState
from nodules_app.models import Comparison, Finding, Match, Measurement, Nodule, Patient, Scan
from nodules_app.selectors.descriptions import descriptions_of


@dataclass(frozen=True, slots=True)
class Marked:
    """One nodule on one scan, as the list and the overlay need it."""

    finding: UUID
    nodule: UUID
    label: str
    lobe: str
    scan: UUID
    lps_mm: tuple[float, float, float]
    present: bool
    volume_mm3: float | None


@dataclass(frozen=True, slots=True)
class Compared:
    """What is said of a nodule on the two latest of the scans that are shown."""

    word: str
    is_confirmed: bool


@dataclass(frozen=True, slots=True)
class Room:
    """The scans to be shown, the earliest first, and all others of the patient that could be."""

    shown: tuple[Scan, ...]
    others: tuple[Scan, ...]
    comparisons: tuple[Comparison, ...]  # between scans that are shown
    marked: tuple[Marked, ...]
    compared: Mapping[UUID, Compared]  # by nodule

    @property
    def current(self) -> Scan | None:
        return self.shown[-1] if self.shown else None


def room(patient: Patient, *, asked: Iterable[UUID] = ()) -> Room:
    """Read the room of a patient: the scans that are asked for, else the two latest, never more than three."""
    known = list(
        Scan.objects.filter(study__patient=patient, superseded_at__isnull=True)
        .select_related("study__patient", "series")
        .order_by("study__acquired_on", "pk")
    )
    dated = [scan for scan in known if scan.study.acquired_on is not None]
    wanted = set(asked)
    shown = tuple(scan for scan in known if scan.code in wanted)[-3:] or tuple(dated[-2:]) or tuple(known[-1:])
    codes = {scan.pk for scan in shown}
    comparisons = Comparison.objects.filter(prior__in=codes, current__in=codes).select_related("prior", "current")
    return Room(
        shown=shown,
        others=tuple(scan for scan in known if scan.pk not in codes),
        comparisons=tuple(comparisons.select_related("prior__series", "patient").order_by("pk")),
        marked=_marked(shown),
        compared=_compared(shown[-2:]),
    )


def _compared(pair: tuple[Scan, ...]) -> dict[UUID, Compared]:
    if len(pair) < 2:
        return {}
    prior, current = pair
    matches = Match.objects.filter(comparison__prior=prior, comparison__current=current, superseded_at__isnull=True)
    told = matches.values_list("nodule__code", "word", "confirmed_at")
    return {nodule: Compared(word, confirmed_at is not None) for nodule, word, confirmed_at in told}


def _marked(scans: Iterable[Scan]) -> tuple[Marked, ...]:
    gone = Q(nodule__state=NoduleState.NOT_A_NODULE) | Q(nodule__state=NoduleState.MERGED)
    findings = Finding.objects.filter(scan__in=list(scans), superseded_at__isnull=True).exclude(gone)
    latest = {
        row.finding_id: row
        for row in Measurement.objects.filter(finding__scan__in=list(scans))
        .order_by("finding_id", "-pk")
        .distinct("finding_id")
        .only("finding_id", "volume_mm3")
    }
    described = descriptions_of(Nodule.objects.filter(findings__in=findings))
    return tuple(
        Marked(
            finding=finding.code,
            nodule=finding.nodule.code,
            label=finding.nodule.label,
            lobe=described[finding.nodule_id].lobe if finding.nodule_id in described else "",
            scan=finding.scan.code,
            lps_mm=finding.lps_mm,
            present=finding.present,
            volume_mm3=latest[finding.pk].volume_mm3 if finding.pk in latest else None,
        )
        for finding in findings.select_related("nodule", "scan").order_by("nodule__number")
    )


def measured_on(scan: Scan) -> tuple[Measurement, ...]:
    """The measurement in force of each nodule that a scan shows."""
    rows = (
        Measurement.objects.filter(finding__scan=scan, finding__superseded_at__isnull=True, finding__present=True)
        .exclude(finding__nodule__state__in=[NoduleState.NOT_A_NODULE, NoduleState.MERGED])
        .select_related("finding__nodule", "finding__scan__series")
        .order_by("finding_id", "-pk")
        .distinct("finding_id")
    )
    return tuple(rows)
