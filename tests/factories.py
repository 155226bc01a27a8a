"""Valid rows with traits, by plain functions: what a test does not say has an ordinary value.

The database refuses an active nodule without an open step at the end of the transaction, so ``nodule`` gives it one
unless told otherwise. Nobody here exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import count, pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from inference.estimate import Estimate
from inference.growth import growth as compute_growth
from nodules_app.dicom.volumes import save_volume
from nodules_app.lifecycles import FollowUpState, NoduleState, RunState
from nodules_app.models import (
    Assessment,
    Attenuation,
    Clinic,
    Comparison,
    ComparisonWord,
    Finding,
    FollowUp,
    FollowUpKind,
    Growth,
    Match,
    Measurement,
    Membership,
    Nodule,
    NoduleDescription,
    Origin,
    Patient,
    Role,
    Run,
    RunKind,
    Scan,
    Series,
    Study,
    User,
)
from registration.volume import Volume

_numbers = count(1)
LpsMm = tuple[float, float, float]
PRIOR_ON, CURRENT_ON = date(2026, 5, 19), date(2026, 11, 18)
SPACING_ZYX_MM = (2.0, 0.7, 0.7)
ORIGIN_LPS_MM = (-45.0, -45.0, -40.0)


def uid() -> str:
    return f"2.25.{uuid4().int}"


def clinic(**fields: object) -> Clinic:
    """Make a clinic; without a word, give the one in which everything happens that does not say where."""
    if not fields:
        return Clinic.objects.order_by("pk").first() or Clinic.objects.create(name="Clinic")
    return Clinic.objects.create(**({"name": f"Clinic {next(_numbers)}"} | fields))


def member(role: Role = Role.RADIOLOGIST, at: Clinic | None = None) -> User:
    """Make a member of staff who cannot sign in by password; tests force the sign-in."""
    number = next(_numbers)
    user = User.objects.create(username=f"{role}-{number}", first_name="Reader", last_name=f"R{number}")
    Membership.objects.create(user=user, clinic=at or clinic(), role=role)
    return user


def patient(**fields: object) -> Patient:
    number = next(_numbers)
    ordinary = {
        "issuer": "TEST",
        "identifier": f"SIM-{number:06d}",
        "name": f"Demo^Patient {number:04d}",
        "birth_date": date(1958, 3, 14),
        "sex": "male",
    }
    fields.setdefault("clinic", clinic())
    return Patient.objects.create(**(ordinary | fields))


def scan(of: Patient, on: date | None = CURRENT_ON, **series_fields: object) -> Scan:
    """Make an exam with one series, chosen to be measured."""
    study = Study.objects.create(patient=of, study_uid=uid(), acquired_on=on, description="CT thorax")
    chosen = series(study, **series_fields)
    return Scan.objects.create(
        study=study,
        series=chosen,
        because=[{"code": "thinnest", "sentence": "It has the thinnest slices.", "facts": {}}],
        lung_right_ml=2500.0,
        lung_left_ml=2300.0,
    )


def series(study: Study, **fields: object) -> Series:
    spacing_z, spacing_y, spacing_x = SPACING_ZYX_MM
    ordinary = {
        "description": "Lung 2.0",
        "kernel": "FC51",
        "slices": 40,
        "rows": 128,
        "columns": 128,
        "slice_thickness_mm": 2.0,
        "spacing_z_mm": spacing_z,
        "spacing_y_mm": spacing_y,
        "spacing_x_mm": spacing_x,
    }
    return Series.objects.create(study=study, series_uid=uid(), **(ordinary | fields))


def follow_up(
    of: Patient,
    nodules: Sequence[Nodule] = (),
    *,
    overdue: bool = False,
    today: date | None = None,
    assessed: Assessment | None = None,
    **fields: object,
) -> FollowUp:
    """Make an open step; with ``overdue`` its window closed a month ago."""
    day = today or timezone.localdate()
    first = day - timedelta(days=60) if overdue else day + timedelta(days=150)
    ordinary: dict[str, Any] = {
        "kind": FollowUpKind.CT if assessed else FollowUpKind.REVIEW,
        "state": FollowUpState.PROPOSED,
        "due_from": first,
        "target_on": first + timedelta(days=15),
        "due_until": first + timedelta(days=30),
        "assessment": assessed,
        "management": assessed.management if assessed else "",
        "rule_id": assessed.rule_id if assessed else "",
    }
    step = FollowUp.objects.create(patient=of, **(ordinary | fields))
    step.nodules.set(nodules)
    return step


@transaction.atomic
def nodule(of: Patient, *, covered: bool = True, lobe: str = "RUL", **fields: object) -> Nodule:
    """Make an active nodule with an open review, unless ``covered`` is false; a reader has said where it lies."""
    ordinary = {"number": of.nodules.count() + 1, "tracking_uid": uid(), "state": NoduleState.ACTIVE}
    made = Nodule.objects.create(patient=of, **(ordinary | fields))
    if lobe:
        NoduleDescription.objects.create(nodule=made, facts={"lobe": lobe})
    if covered:
        review = of.follow_ups.filter(kind=FollowUpKind.REVIEW, state=FollowUpState.PROPOSED).first()
        (review or follow_up(of)).nodules.add(made)  # a patient has one at most
    return made


def finding(of: Nodule, on: Scan, lps_mm: LpsMm = (0.0, 0.0, 0.0), **fields: object) -> Finding:
    x, y, z = lps_mm
    ordinary = {"origin": Origin.PERSON, "present": True}
    return Finding.objects.create(nodule=of, scan=on, x_lps_mm=x, y_lps_mm=y, z_lps_mm=z, **(ordinary | fields))


def measurement(of: Finding, volume_mm3: float = 400.0, **fields: object) -> Measurement:
    """Make the numbers of a round nodule of this volume, with an outline that fits its place on the slice."""
    diameter_mm = (6 * volume_mm3 / np.pi) ** (1 / 3)
    z, y, x = index_zyx(of.lps_mm)
    radius_px = diameter_mm / 2 / SPACING_ZYX_MM[2]
    turn = np.linspace(0, 2 * np.pi, 25)
    ordinary = {
        "method": "star-35",
        "version": "1",
        "attenuation": Attenuation.SOLID,
        "volume_mm3": volume_mm3,
        "volume_sd_mm3": 0.09 * volume_mm3,
        "mean_diameter_mm": diameter_mm,
        "mean_diameter_sd_mm": 0.3,
        "long_axis_mm": diameter_mm * 1.05,
        "short_axis_mm": diameter_mm * 0.95,
        "mean_hu": -12.0,
        "axial_index": round(z),
        "outline_px": [
            [[round(x + radius_px * float(np.cos(t)), 2), round(y + radius_px * float(np.sin(t)), 2)] for t in turn]
        ],
    }
    return Measurement.objects.create(finding=of, **(ordinary | fields))


def refused_measurement(of: Finding, sentence: str = "The nodule cannot be told from the vessel.") -> Measurement:
    told = {"code": "not_separable", "sentence": sentence, "remedy": "Measure it by hand.", "facts": {}}
    return Measurement.objects.create(finding=of, method="star-35", version="1", refusal=told)


def comparison(prior: Scan, current: Scan, grade: str = "A", **fields: object) -> Comparison:
    assert prior.study.acquired_on
    assert current.study.acquired_on
    ordinary = {
        "patient": current.study.patient,
        "interval_days": (current.study.acquired_on - prior.study.acquired_on).days,
        "reasons": [{"code": "same_kernel", "sentence": "Both scans have the kernel FC51."}],
    }
    return Comparison.objects.create(prior=prior, current=current, grade=grade, **(ordinary | fields))


def match(
    pair: Comparison,
    prior: Finding | None,
    current: Finding | None,
    word: ComparisonWord = ComparisonWord.UNCHANGED,
    **fields: object,
) -> Match:
    joined = current or prior
    assert joined
    ordinary = {"confidence": 0.97, "residual_mm": 0.9}
    return Match.objects.create(
        comparison=pair,
        nodule=joined.nodule,
        prior_finding=prior,
        current_finding=current,
        word=word,
        **(ordinary | fields),
    )


def grown(of: Match, prior: Measurement, current: Measurement) -> Growth:
    """Compute and keep the growth between two measurements as the pipeline does."""
    told = compute_growth(_volume(prior), _volume(current), of.comparison.interval_days)
    low, high = told.volume_ratio_ci95
    growing = told.vdt_days is not None and told.vdt_days > 0
    vdt_low, vdt_high = told.vdt_ci95_days if growing and told.vdt_ci95_days else (None, None)
    return Growth.objects.create(
        match=of,
        prior_measurement=prior,
        current_measurement=current,
        method="log-ratio",
        interval_days=told.interval_days,
        volume_ratio=told.volume_ratio,
        volume_ratio_low=low,
        volume_ratio_high=high,
        vdt_days=told.vdt_days if growing else None,
        vdt_low_days=vdt_low,
        vdt_high_days=vdt_high,
        significant=told.significant,
        shortest_resolvable_vdt_days=told.shortest_resolvable_vdt_days,
    )


def _volume(row: Measurement) -> Estimate:
    assert row.volume_mm3
    assert row.volume_sd_mm3
    return Estimate(row.volume_mm3, row.volume_sd_mm3)


def result(guideline: str, management: str, rule: str, **fields: object) -> dict[str, Any]:
    """Give one answer in the shape of section 3.1 of the clinical contract."""
    ordinary = {
        "guideline": guideline,
        "edition": guideline[-4:],
        "ruleset_version": "R1",
        "category": rule,
        "rule_id": f"{guideline}.{rule}",
        "management": management,
        "interval": None,
        "lead_nodule": "N1",
        "why": ["volume +36 %: growth"],
        "missing": [],
        "ambiguities": [],
        "source": "the guideline's table",
        "reliability": "S",
        "branches": [],
        "flips": [],
    }
    return ordinary | fields


def assessment(
    of: Patient,
    answer: Mapping[str, Any],
    lead: Nodule | None = None,
    *,
    growth: Sequence[Mapping[str, Any]] = (),
    **fields: object,
) -> Assessment:
    ordinary = {
        "exam_on": CURRENT_ON,
        "guideline": answer["guideline"],
        "edition": answer["edition"],
        "ruleset_version": answer["ruleset_version"],
        "rule_id": answer["rule_id"],
        "management": answer["management"],
        "inputs": {},
        "answer": {
            "result": dict(answer),
            "risk": {"nodule_id": "N1", "mayo": {"probability": "0.375569", "valid": True, "missing": []}},
            "growth": list(growth),
        },
    }
    return Assessment.objects.create(patient=of, lead=lead, **(ordinary | fields))


def run(of: Patient, kind: RunKind = RunKind.MEASURE, state: RunState = RunState.SUCCEEDED, **fields: object) -> Run:
    now = timezone.now()
    ordinary: dict[str, Any] = {
        "patient": of,
        "started_at": now - timedelta(seconds=12),
        "ended_at": None if state in (RunState.QUEUED, RunState.RUNNING) else now,
        "versions": {"measure": "star 1"} if state == RunState.SUCCEEDED else {},
    }
    if state == RunState.RUNNING:
        ordinary["lease_until"] = now + timedelta(minutes=1)
    if state == RunState.REFUSED:
        ordinary["refusal"] = {"code": "no", "sentence": "The lungs are cut off above.", "remedy": "Send all slices."}
    if state == RunState.FAILED:
        ordinary["failure"] = "MemoryError"
    return Run.objects.create(kind=kind, state=state, **(ordinary | fields))


def index_zyx(lps_mm: LpsMm) -> tuple[float, float, float]:
    """Where a patient point lies in the arrays that ``keep_volume`` writes."""
    (x, y, z), (x0, y0, z0) = lps_mm, ORIGIN_LPS_MM
    spacing_z, spacing_y, spacing_x = SPACING_ZYX_MM
    return (z - z0) / spacing_z, (y - y0) / spacing_y, (x - x0) / spacing_x


def keep_volume(of: Scan, balls: Sequence[tuple[LpsMm, float]] = (), *, seed: int = 0) -> Volume:
    """Keep a block of noisy lung with solid balls (place, diameter in mm), where pages look for the scan's volume."""
    shape = (of.series.slices, of.series.rows, of.series.columns)
    lung = np.random.default_rng(seed).normal(-860, 25, shape)
    grids = np.ogrid[tuple(slice(0, size) for size in shape)]
    for lps_mm, diameter_mm in balls:
        squares = [
            ((grid - at) * spacing) ** 2
            for grid, at, spacing in zip(grids, index_zyx(lps_mm), SPACING_ZYX_MM, strict=True)
        ]
        lung[np.sqrt(sum(squares)) <= diameter_mm / 2] = 30
    volume = Volume(np.round(lung).astype(np.int16), SPACING_ZYX_MM, ORIGIN_LPS_MM, np.eye(3))
    save_volume(volume, Path(settings.CACHE_DIR) / "volumes" / str(of.series.code))
    return volume


PLACES: tuple[LpsMm, ...] = ((0.0, 0.0, 0.0), (-20.0, 10.0, 10.0), (18.0, -14.0, -12.0))


@transaction.atomic
def followed_patient(*, nodules: int = 1, exams: int = 2, ratio: float = 1.6, **fields: object) -> Patient:
    """Make a patient whose nodules were found, measured and compared on every exam, with a proposed CT."""
    of = patient(**fields)
    scans = [scan(of, CURRENT_ON - timedelta(days=183 * back)) for back in reversed(range(exams))]
    pairs = [comparison(prior, current) for prior, current in pairwise(scans)]
    made = [nodule(of, covered=False) for _ in range(nodules)]
    for number, one in enumerate(made):
        found = [finding(one, on, PLACES[number % len(PLACES)]) for on in scans]
        measured = [measurement(at, 300.0 * ratio**step / (1 + number)) for step, at in enumerate(found)]
        for step, pair in enumerate(pairs):
            joined = match(pair, found[step], found[step + 1], ComparisonWord.LARGER_MARKEDLY)
            grown(joined, measured[step], measured[step + 1])
    interval = {"earliest": "2027-05-18", "target": "2027-06-18", "latest": "2027-08-18"}
    answers = (
        result("FLEISCHNER2017", "ct_6_12m_then_18_24m", "SOLID.SINGLE.6-8.HIGH", interval=interval),
        result("BTS2015", "bts_biopsy_or_annual_ct", "FU.12M.GROWTH.400-600", interval=interval),
        result("LUNGRADS2022", "not_applicable", "SCOPE.NOT_SCREENING", lead_nodule=None),
    )
    rows = [assessment(of, answer, made[0] if made else None) for answer in answers]
    follow_up(
        of,
        made,
        assessed=rows[0],
        due_from=date(2027, 5, 18),
        target_on=date(2027, 6, 18),
        due_until=date(2027, 8, 18),
    )
    run(of, RunKind.ASSESS)
    return of
