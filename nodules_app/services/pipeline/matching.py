"""Step four: find each nodule again on the other scan of the pair."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from inference import follow
from inference.follow import FollowedNodule, follow_nodule, shared_places
from inference.noise import measure_noise
from nodules_app.lifecycles import FOLLOWED_NODULE
from nodules_app.models import Comparison, Finding, Match, Nodule, Origin, Patient, Run, RunKind, Scan
from nodules_app.services import runs
from nodules_app.services.pipeline.registering import map_of, pair
from nodules_app.services.pipeline.volumes import lungs_of, volume_of

LOOKED_FOR_AND_NOT_THERE = ("new", "resolved")


@dataclass(frozen=True, slots=True)
class Pair:
    """A nodule with its findings on both scans, as they stood when the work began."""

    nodule: Nodule
    prior: Finding | None
    current: Finding | None

    @property
    def asked(self) -> tuple[follow.Side, Finding]:
        """The finding to start from: a person's or a report's point before one that was carried over."""
        sides: tuple[tuple[follow.Side, Finding | None], ...] = (("prior", self.prior), ("current", self.current))
        known = [(side, finding) for side, finding in sides if finding is not None]
        return min(known, key=lambda one: one[1].origin == Origin.REGISTRATION)


def find_again(run: Run) -> Callable[[], Mapping[str, str]]:
    """Carry every nodule that one scan shows to the other, look what is there, and propose the match."""
    comparison = pair(run)
    unmatched = _unmatched(comparison)
    followed = _follow(comparison, unmatched, run)

    def store() -> Mapping[str, str]:
        patient = Patient.objects.select_for_update().get(pk=comparison.patient_id)
        claims = shared_places(followed)
        # A point that a person moved meanwhile has asked for a run of its own: what was found from the old one is void.
        still_so = _unmatched(comparison)
        for known, result, others in zip(unmatched, followed, claims, strict=True):
            if known in still_so:
                _store_match(comparison, known, result, [unmatched[other].nodule.label for other in others])
        runs.request(RunKind.MEASURE, by=run.requested_by, patient=patient, comparison=comparison)
        return {"match": "follow 1"}

    return store


def _unmatched(comparison: Comparison) -> list[Pair]:
    """Nodules that one of the scans shows and that this comparison has not matched yet."""
    matched = comparison.matches.filter(superseded_at__isnull=True).values("nodule")
    # A nodule whose only findings say "not here" was taken for another one by a person: there is nothing to look for.
    seen = Finding.objects.filter(nodule__patient=comparison.patient, superseded_at__isnull=True, present=True)
    followed = Nodule.objects.filter(
        patient=comparison.patient, state__in=FOLLOWED_NODULE, pk__in=seen.values("nodule")
    ).exclude(pk__in=matched)
    pairs = []
    for nodule in followed.order_by("number"):
        findings = {finding.scan_id: finding for finding in nodule.findings.filter(superseded_at__isnull=True)}
        known = Pair(nodule, findings.get(comparison.prior_id), findings.get(comparison.current_id))
        if known.prior is not None or known.current is not None:
            pairs.append(known)
    return pairs


def _follow(comparison: Comparison, unmatched: Sequence[Pair], run: Run) -> list[FollowedNodule]:
    if not unmatched:
        return []
    found_map = map_of(comparison)
    prior, current = _ready(comparison.prior), _ready(comparison.current)
    followed = []
    for number, known in enumerate(unmatched, start=1):
        side, finding = known.asked
        followed.append(follow_nodule(prior, current, found_map, finding.lps_mm, asked_on=side))
        runs.say_progress(run, 100 * number // len(unmatched))
    return followed


def _ready(scan: Scan) -> follow.Scan:
    volume = volume_of(scan.series)
    return follow.Scan(
        volume=volume,
        lungs=lungs_of(scan),
        slice_thickness_mm=scan.series.slice_thickness_mm,
        noise=measure_noise(volume),
    )


def _store_match(comparison: Comparison, known: Pair, result: FollowedNodule, claimed_by: list[str]) -> None:
    prior = known.prior or _finding_there(known.nodule, comparison.prior, result, "prior")
    current = known.current or _finding_there(known.nodule, comparison.current, result, "current")
    seen_on_both = all(finding is not None and finding.present for finding in (prior, current))
    Match.objects.create(
        comparison=comparison,
        nodule=known.nodule,
        prior_finding=prior,
        current_finding=current,
        word="" if seen_on_both else result.comparison,
        confidence=round(result.confidence, 3),
        residual_mm=result.residual_mm,
        ambiguous_with=claimed_by,
    )


def _finding_there(nodule: Nodule, scan: Scan, result: FollowedNodule, side: follow.Side) -> Finding | None:
    """Write down what the other scan shows: the nodule, its absence, or nothing that could be said."""
    place = result.prior_lps_mm if side == "prior" else result.current_lps_mm
    found = result.prior if side == "prior" else result.current
    present = found is not None
    if place is None or not (present or result.comparison in LOOKED_FOR_AND_NOT_THERE):
        return None
    x, y, z = place
    return Finding.objects.create(
        nodule=nodule, scan=scan, x_lps_mm=x, y_lps_mm=y, z_lps_mm=z, origin=Origin.REGISTRATION, present=present
    )
