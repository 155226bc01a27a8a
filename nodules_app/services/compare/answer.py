"""A comparison written down as JSON: numbers with sensible digits, null for what is unknown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from inference.candidates import Candidate
from inference.errors import NotMeasured
from inference.follow import FollowedNodule
from inference.growth import Growth
from inference.measure import NoduleMeasurement
from inference.sightings import SNAP_MM, Side
from nodules_app.clinical.errors import Refused as ClinicalRefused
from nodules_app.services.compare.comparing import Compared, Stopwatch, peak_mb
from nodules_app.services.compare.reading import ReadyScan
from nodules_app.services.compare.recommending import Recommendations
from nodules_app.services.compare.seeing import Words
from registration.errors import Refused

Json = dict[str, Any]


def answer(compared: Compared, recommended: Recommendations, words: Words, watch: Stopwatch) -> Json:
    """Give the whole answer of the compare command."""
    nodules = [
        _nodule(number, followed, compared)
        | {"learned": words.by_nodule[number], "recommendations": recommended.by_nodule[number]}
        for number, followed in enumerate(compared.nodules)
    ]
    return {
        "prior": _scan(compared.prior),
        "current": _scan(compared.current),
        "interval_days": compared.interval_days,
        "comparability": {
            "grade": compared.comparability.grade,
            "reasons": [{"code": one.code, "sentence": one.sentence} for one in compared.comparability.reasons],
        },
        "registration": _registration(compared),
        "nodules": nodules,
        "recommendations": recommended.whole_exam,
        "candidates": [_candidate(side, one, compared.nodules) for side, one in compared.candidates],
        "warnings": [*compared.warnings, *words.warnings, *recommended.warnings],
        "seconds": _seconds(watch),
        "peak_mb": round(peak_mb(), 1),
    }


def refused(refusal: Refused | ClinicalRefused) -> Json:
    """Give the answer when the whole comparison was refused."""
    return {
        "refused": {"code": refusal.code, "sentence": refusal.as_sentence(), "remedy": refusal.as_remedy()},
    }


def _seconds(watch: Stopwatch) -> Json:
    # "measure" holds measuring on both scans, of the nodules and of all that could be their partners.
    steps = ("read", "lungs", "register", "match", "measure", "candidates", "assess")
    told: Json = {step: _rounded(watch.seconds.get(step), 3) for step in steps}
    return told | {"total": round(watch.total_s, 3)}


def _scan(scan: ReadyScan) -> Json:
    series, lungs = scan.read.series, scan.lungs
    return {
        "series_uid": series.series_uid,
        "date": series.acquired_on.isoformat() if series.acquired_on else None,
        "slices": len(series.slices),
        "spacing_zyx_mm": _point(series.spacing_zyx_mm, 4),
        "slice_thickness_mm": _rounded(series.slice_thickness_mm, 3),
        "kernel": series.kernel or None,
        "manufacturer": series.manufacturer or None,
        "chosen_because": list(scan.read.choice.because),
        "lung_volume_ml": [round(lungs.right_ml, 1), round(lungs.left_ml, 1)],
        "noise_hu": _rounded(scan.noise.sd_hu if scan.noise else None, 1),
        "warnings": list(scan.read.warnings),
    }


def _registration(compared: Compared) -> Json:
    found_map = compared.registration
    return {
        "method": found_map.method,
        "version": found_map.version,
        "points": [_point(point, 3) for point in compared.points_lps_mm],
        "residual_mm": _rounded(found_map.median_residual_mm, 3),
        "points_residual_mm": [_rounded(one, 3) for one in compared.points_residual_mm],
        "inverse_error_mm": _rounded(found_map.inverse_error_mm, 3),
        "fold_fraction": _rounded(found_map.fold_fraction, 6),
    }


def _nodule(number: int, followed: FollowedNodule, compared: Compared) -> Json:
    return {
        "id": str(number + 1),
        "asked_lps_mm": _point(followed.asked_lps_mm, 2),
        "asked_on": followed.asked_on,
        "prior_lps_mm": _place(followed, "prior", compared),
        "current_lps_mm": _place(followed, "current", compared),
        "comparison": followed.comparison,
        "change": followed.change,
        "obscured_by": followed.obscured_by,
        "match": {
            "confidence": round(followed.confidence, 3),
            "residual_mm": _rounded(followed.residual_mm, 2),
            "ambiguous": followed.ambiguous,
            "ambiguous_with": [str(other + 1) for other in followed.rivals],
            "rival_places_lps_mm": [_point(place, 2) for place in followed.rival_places_lps_mm],
            "same_as": [str(other + 1) for other in followed.same_as],
        },
        "prior": _measurement(followed.prior),
        "current": _measurement(followed.current),
        "growth": _growth(followed.growth),
    }


def _place(followed: FollowedNodule, side: Side, compared: Compared) -> list[float] | None:
    """The asked point on its own scan, and where the registration carries it on the other.

    The centre of what was measured stands with the measurement: it depends on where a wall was cut, the map does not.
    """
    found = followed.prior_lps_mm if side == "prior" else followed.current_lps_mm
    if found is None:
        return None
    if side == followed.asked_on:
        return _point(followed.asked_lps_mm, 2)
    carry = compared.registration.current_from_prior if side == "current" else compared.registration.prior_from_current
    return _point(carry(followed.asked_lps_mm), 2) or _point(found, 2)


def _measurement(measured: NoduleMeasurement | NotMeasured | None) -> Json | None:
    if measured is None:
        return None
    if isinstance(measured, NotMeasured):
        return {
            "not_measured": {
                "code": measured.code,
                "sentence": measured.as_sentence(),
                "remedy": measured.as_remedy(),
            }
        }
    low, high = measured.volume_mm3.interval_95
    return {
        "centre_lps_mm": _point(measured.centre_lps_mm, 2),
        "volume_mm3": round(measured.volume_mm3.value, 1),
        "volume_sd_mm3": round(measured.volume_mm3.standard_error, 1),
        "volume_ci95_mm3": [round(low, 1), round(high, 1)],
        "long_axis_mm": round(measured.long_axis_mm, 2),
        "short_axis_mm": round(measured.short_axis_mm, 2),
        "mean_diameter_mm": round(measured.mean_diameter_mm.value, 2),
        "mean_diameter_sd_mm": round(measured.mean_diameter_mm.standard_error, 2),
        "attenuation": measured.attenuation,
        "solid_volume_mm3": _rounded(measured.solid_volume_mm3, 1),
        "solid_mean_diameter_mm": _rounded(measured.solid_mean_diameter_mm, 2),
        "mean_hu": round(measured.mean_hu, 1),
        "mass_mg": round(measured.mass_mg, 1),
        "attached_to": list(measured.attached_to),
        "method": f"{measured.method} {measured.version}",
        "slice": measured.axial_index,
    }


def _growth(change: Growth | None) -> Json | None:
    if change is None:
        return None
    growing = change.vdt_days is not None and change.vdt_days > 0
    return {
        "interval_days": change.interval_days,
        "volume_ratio": round(change.volume_ratio, 4),
        "volume_ratio_ci95": [round(end, 4) for end in change.volume_ratio_ci95],
        "vdt_days": _rounded(change.vdt_days, 1) if growing else None,
        "vdt_ci95_days": [_rounded(end, 1) for end in change.vdt_ci95_days] if change.vdt_ci95_days else None,
        "significant": change.significant,
        "shortest_resolvable_vdt_days": round(change.shortest_resolvable_vdt_days, 1),
        "method": change.method,
    }


def _candidate(side: Side, one: Candidate, nodules: Sequence[FollowedNodule]) -> Json:
    return {
        "lps_mm": _point(one.lps_mm, 2),
        "diameter_mm": round(one.diameter_mm, 1),
        "score": round(one.score, 4),
        "on": side,
        "change": one.change,
        "matched": _nodule_at(side, one, nodules),
    }


def _nodule_at(side: Side, one: Candidate, nodules: Sequence[FollowedNodule]) -> str | None:
    """The asked nodule that a candidate lies on, if any."""
    within_mm = max(SNAP_MM, one.diameter_mm / 2)
    for number, nodule in enumerate(nodules):
        place = nodule.prior_lps_mm if side == "prior" else nodule.current_lps_mm
        if place is not None and math.dist(place, one.lps_mm) <= within_mm:
            return str(number + 1)
    return None


def _point(point: Iterable[float] | None, digits: int) -> list[float] | None:
    if point is None:
        return None
    numbers = [float(value) for value in point]
    return [round(value, digits) for value in numbers] if all(map(math.isfinite, numbers)) else None


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None or not math.isfinite(value) else round(float(value), digits)


def table(told: Mapping[str, Any]) -> str:
    """Give the nodules of an answer as a table for the terminal."""
    header = f"{'id':>3}  {'comparison':<17} {'prior mm3':>17} {'current mm3':>17} {'ratio':>18} {'VDT days':>20}  sure"
    rows = [
        f"{one['id']:>3}  {one['comparison']:<17} {_size(one['prior']):>17} {_size(one['current']):>17} "
        f"{_ratio(one['growth']):>18} {_vdt(one['growth']):>20}  {one['match']['confidence']:.2f}"
        for one in told["nodules"]
    ]
    grade = told["comparability"]
    reasons = " ".join(reason["sentence"] for reason in grade["reasons"])
    apart = [
        f"{one['id']:>3}  the learned model {one['learned']['model']} disagrees: {_ratio(one['learned'])}"
        for one in told["nodules"]
        if one["learned"] and one["learned"]["disagrees_with_measured"]
    ]
    return "\n".join([f"Pair grade {grade['grade']}. {reasons}".strip(), header, *rows, *apart])


def _size(measured: Mapping[str, Any] | None) -> str:
    if measured is None:
        return "-"
    if "not_measured" in measured:
        return str(measured["not_measured"]["code"])
    return f"{measured['volume_mm3']:.0f} +/- {measured['volume_sd_mm3'] * 1.96:.0f}"


def _ratio(change: Mapping[str, Any] | None) -> str:
    if change is None:
        return "-"
    low, high = change["volume_ratio_ci95"]
    return f"{change['volume_ratio']:.2f} ({low:.2f}-{high:.2f})"


def _vdt(change: Mapping[str, Any] | None) -> str:
    if change is None or change["vdt_days"] is None:
        return "-"
    low, high = change["vdt_ci95_days"]
    return f"{change['vdt_days']:.0f} ({low:.0f}-{'unbounded' if high is None else f'{high:.0f}'})"
