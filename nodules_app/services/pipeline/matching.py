"""Step four: find all nodules of the pair again, in one go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inference.follow import FollowedNodule, pair_up
from inference.noise import measure_noise
from inference.sightings import Asked, Side, look
from inference.sightings import Scan as ImagedScan
from nodules_app.lifecycles import FOLLOWED_NODULE
from nodules_app.models import Comparison, Finding, Match, Nodule, Origin, Patient, Run, RunKind, Scan
from nodules_app.services import runs
from nodules_app.services.pipeline.registering import map_of, pair
from nodules_app.services.pipeline.volumes import lungs_of, volume_of

LOOKED_FOR_AND_NOT_THERE: Final = ("new", "resolved")
SAID_AT_ONCE: Final = ("seen-in-retrospect", "merged", "split", "not-assessable")  # whatever the sizes say later


@dataclass(frozen=True, slots=True)
class Known:
    """A nodule with its findings on both scans, as they stood when the work began.

    What a match in force, a person or a report says is one nodule is not looked for again.
    """

    nodule: Nodule
    prior: Finding | None
    current: Finding | None
    match: Match | None = None

    def as_asked(self) -> Asked:
        """The question to the imaging core: a person's or a report's point before one that was carried over."""
        sides: tuple[tuple[Side, Finding | None, Finding | None], ...] = (
            ("prior", self.prior, self.current),
            ("current", self.current, self.prior),
        )
        known = [(side, finding, other) for side, finding, other in sides if finding is not None]
        side, finding, other = min(known, key=lambda one: one[1].origin == Origin.REGISTRATION)
        if other is None or not other.present or (self.match is None and other.origin == Origin.REGISTRATION):
            return Asked(finding.lps_mm, side)
        return Asked(finding.lps_mm, side, other.lps_mm)


def find_again(run: Run) -> Callable[[], Mapping[str, str]]:
    """Carry every nodule that one scan shows to the other, pair what is there in one go, and propose the matches."""
    comparison = pair(run)
    known = _known(comparison)
    unmatched = any(one.match is None for one in known)
    followed = _follow(comparison, known, run) if unmatched else ()

    def store() -> Mapping[str, str]:
        patient = Patient.objects.select_for_update().get(pk=comparison.patient_id)
        # A point that a person moved meanwhile has asked for a run of its own: what was found from the old one is void.
        still_so = _known(comparison)
        for number, result in enumerate(followed):
            one = known[number]
            if one.match is None and one in still_so:
                _store_match(comparison, one, result, _meant(number, known, followed))
        runs.request(RunKind.MEASURE, by=run.requested_by, patient=patient, comparison=comparison)
        return {"match": "all at once 3"}

    return store


def _known(comparison: Comparison) -> list[Known]:
    """Nodules that one of the scans shows, with what this comparison has matched already."""
    in_force = comparison.matches.filter(superseded_at__isnull=True).select_related("prior_finding", "current_finding")
    matched = {match.nodule_id: match for match in in_force}
    # A nodule whose only findings say "not here" was taken for another one by a person: there is nothing to look for.
    seen = Finding.objects.filter(nodule__patient=comparison.patient, superseded_at__isnull=True, present=True)
    followed = Nodule.objects.filter(
        patient=comparison.patient, state__in=FOLLOWED_NODULE, pk__in=seen.values("nodule")
    )
    known = []
    for nodule in followed.order_by("number"):
        findings = {finding.scan_id: finding for finding in nodule.findings.filter(superseded_at__isnull=True)}
        one = Known(
            nodule, findings.get(comparison.prior_id), findings.get(comparison.current_id), matched.get(nodule.pk)
        )
        if any(finding is not None and finding.present for finding in (one.prior, one.current)):
            known.append(one)
    return known


def _follow(comparison: Comparison, known: Sequence[Known], run: Run) -> tuple[FollowedNodule, ...]:
    """Ask the imaging core for all nodules together: a matched one too, so that nothing else is taken for it."""
    found_map = map_of(comparison)
    prior, current = _ready(comparison.prior), _ready(comparison.current)
    seen = look(prior, current, found_map, [one.as_asked() for one in known])
    runs.say_progress(run, 90)
    return pair_up(prior, current, found_map, seen)


def _ready(scan: Scan) -> ImagedScan:
    volume = volume_of(scan.series)
    return ImagedScan(
        volume=volume,
        lungs=lungs_of(scan),
        slice_thickness_mm=scan.series.slice_thickness_mm,
        noise=measure_noise(volume),
    )


def _meant(number: int, known: Sequence[Known], followed: Sequence[FollowedNodule]) -> list[str]:
    """Labels of other nodules that a nodule may be one with, or be taken for."""
    others = {*followed[number].rivals, *followed[number].same_as}
    return [known[other].nodule.label for other in sorted(others)]


def _store_match(comparison: Comparison, known: Known, result: FollowedNodule, meant: list[str]) -> None:
    prior = known.prior or _finding_there(known.nodule, comparison.prior, result, "prior")
    current = known.current or _finding_there(known.nodule, comparison.current, result, "current")
    seen_on_both = all(finding is not None and finding.present for finding in (prior, current))
    to_be_computed = seen_on_both and result.comparison not in SAID_AT_ONCE
    Match.objects.create(
        comparison=comparison,
        nodule=known.nodule,
        prior_finding=prior,
        current_finding=current,
        word="" if to_be_computed else result.comparison,
        confidence=round(result.confidence, 3),
        residual_mm=result.residual_mm,
        ambiguous_with=meant,
    )


def _finding_there(nodule: Nodule, scan: Scan, result: FollowedNodule, side: Side) -> Finding | None:
    """Write down what the other scan shows: the nodule, its absence, or nothing that could be said.

    Where another blob could be the nodule as well, or two nodules are one, nothing is written: a person decides.
    """
    place = result.prior_lps_mm if side == "prior" else result.current_lps_mm
    found = result.prior if side == "prior" else result.current
    present = found is not None
    open_still = result.ambiguous or result.comparison in ("merged", "split")
    if place is None or open_still or not (present or result.comparison in LOOKED_FOR_AND_NOT_THERE):
        return None
    x, y, z = place
    return Finding.objects.create(
        nodule=nodule, scan=scan, x_lps_mm=x, y_lps_mm=y, z_lps_mm=z, origin=Origin.REGISTRATION, present=present
    )
