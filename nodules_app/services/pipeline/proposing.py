"""Beside the main job: what else on the latest scan, and on the one before it, may be a nodule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import dist
from typing import Final

from inference.candidates import VERSION, each_once, held_against_each_other
from inference.candidates import Candidate as Found
from nodules_app.lifecycles import CANDIDATE, CandidateState, after
from nodules_app.models import Candidate, CandidateChange, Comparison, Patient, Run, Scan
from nodules_app.selectors.candidates import CAD_VERSION, KnownPlaces
from nodules_app.services.pipeline.looking import Searched, search
from nodules_app.services.pipeline.registering import map_of
from nodules_app.services.pipeline.volumes import lungs_of, volume_of
from nodules_app.services.scans import scans_in_order

MOST_KEPT: Final = 20  # of one search; the likeliest, those first that are new, gone or grown
AGAIN_MM: Final = 4.0  # or half a diameter: the same place found again


def propose_nodules(run: Run) -> Callable[[], Mapping[str, str]]:
    """Search a pair, or a scan alone, and keep what is found as proposals. Earlier exams are not searched."""
    subjects = [run.comparison.prior, run.comparison.current] if run.comparison else [run.scan] if run.scan else []
    if not subjects:
        raise ValueError(f"run {run.code} names neither a scan nor a comparison")
    latest = subjects[-1]
    if not _is_latest(latest):
        return lambda: {"candidates": "a later exam is searched"}
    found, searched = _on_pair(run.comparison) if run.comparison else _on_scan(latest)

    def store() -> Mapping[str, str]:
        patient = Patient.objects.select_for_update().get(pk=latest.study.patient_id)
        if not _is_latest(latest):
            return {"candidates": "a later exam is searched"}
        waiting = keep(patient=patient, comparison=run.comparison, found=found, version=searched.version)
        rows = Candidate.objects.filter(scan__study__patient=patient, state=CandidateState.PROPOSED)
        searched.keep_answers(list(rows.order_by("pk")))
        return {**searched.notes, "found": str(len(found)), "waiting": str(waiting)}

    return store


def _is_latest(scan: Scan) -> bool:
    """Tell whether it is the scan that a reader has before them."""
    in_order = scans_in_order(scan.study.patient)
    return scan.superseded_at is None and (not in_order or in_order[-1].study_id == scan.study_id)


def _on_scan(scan: Scan) -> tuple[list[tuple[Scan, Found]], Searched]:
    searched = search([(scan, volume_of(scan.series), lungs_of(scan))])
    return [(scan, one) for one in searched.found[0]], searched


def _on_pair(comparison: Comparison) -> tuple[list[tuple[Scan, Found]], Searched]:
    scans = {"prior": comparison.prior, "current": comparison.current}
    prior, current = volume_of(comparison.prior.series), volume_of(comparison.current.series)
    lungs = lungs_of(comparison.prior), lungs_of(comparison.current)
    searched = search([(comparison.prior, prior, lungs[0]), (comparison.current, current, lungs[1])])
    both = held_against_each_other(searched.found[0], searched.found[1], (prior, current), lungs, map_of(comparison))
    return [(scans[side], one) for side, one in each_once(*both)], searched


def keep(
    *, patient: Patient, comparison: Comparison | None, found: Sequence[tuple[Scan, Found]], version: str = VERSION
) -> int:
    """Store what a search proposed in place of what waited, the most noteworthy first; returns how many wait now.

    Known nodules are left out, and so are places where a reader has said no. Searching again keeps the row of a place
    that was proposed already. The caller holds the patient.
    """
    known = KnownPlaces.of([patient.pk])
    of_patient = Candidate.objects.filter(scan__study__patient=patient).select_related("scan", "comparison")
    rejected = list(of_patient.filter(state=CandidateState.REJECTED))
    waiting = list(of_patient.filter(state=CandidateState.PROPOSED).exclude(version__startswith=CAD_VERSION))
    proposed = [_row(scan, comparison, one, version) for scan, one in found]
    fresh = [row for row in proposed if not known.hold(row) and not any(_is_at(row, no) for no in rejected)]
    kept: set[int] = set()
    for row in fresh[:MOST_KEPT]:
        same = next((old for old in waiting if old.pk not in kept and _is_same(old, row)), None)
        if same is None:
            row.save()
            same = row
        kept.add(same.pk)
    of_patient.filter(pk__in=[old.pk for old in waiting if old.pk not in kept]).update(
        state=after(CANDIDATE, CandidateState.PROPOSED, "replace")
    )
    return len(kept)


def _row(scan: Scan, comparison: Comparison | None, one: Found, version: str) -> Candidate:
    x, y, z = one.lps_mm
    there_x, there_y, there_z = one.there_lps_mm or (None, None, None)
    return Candidate(
        scan=scan,
        comparison=comparison,
        x_lps_mm=x,
        y_lps_mm=y,
        z_lps_mm=z,
        diameter_mm=one.diameter_mm,
        score=one.score,
        version=version,
        change=CandidateChange(one.change) if one.change else "",
        there_x_lps_mm=there_x,
        there_y_lps_mm=there_y,
        there_z_lps_mm=there_z,
        there_diameter_mm=one.there_diameter_mm,
    )


def _is_same(old: Candidate, row: Candidate) -> bool:
    """Tell whether a row says what was said already."""
    same = (old.scan_id, old.comparison_id, old.version, old.change) == (
        row.scan_id,
        row.comparison_id,
        row.version,
        row.change,
    )
    return same and dist(old.lps_mm, row.lps_mm) < AGAIN_MM / 2


def _is_at(row: Candidate, rejected: Candidate) -> bool:
    """Tell whether a place is one that a reader has rejected, on the exam of either scan."""
    within_mm = max(AGAIN_MM, rejected.diameter_mm / 2)
    return any(
        study == other_study and dist(place, other_place) <= within_mm
        for study, place in _places(row)
        for other_study, other_place in _places(rejected)
    )


def _places(row: Candidate) -> list[tuple[int, tuple[float, float, float]]]:
    """The exams on which a candidate has a place: patient coordinates hold for every series of an exam."""
    places = [(row.scan.study_id, row.lps_mm)]
    if row.comparison is not None and row.there_lps_mm is not None:
        on_prior = row.comparison.prior_id == row.scan_id
        there = row.comparison.current if on_prior else row.comparison.prior
        places.append((there.study_id, row.there_lps_mm))
    return places
