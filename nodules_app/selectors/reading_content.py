"""What a reading says, in one value: the nodules with their numbers and changes, the answers, the next step.

The same value is signed (with its SHA-256 beside it), shown before and after a correction, and compared with what was
signed earlier. Numbers stand as they are reported, so that two equal pages give two equal values.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

from nodules_app.clinical.rounding import as_reported
from nodules_app.lifecycles import OPEN_FOLLOW_UP, NoduleState
from nodules_app.models import Assessment, FollowUp, FollowUpKind, Patient, Scan
from nodules_app.selectors.timeline import Appearance, Change, Measured, NoduleLine, Timeline, timeline

SCHEMA: Final = 1
UNSAID: Final = (NoduleState.TAKEN_BACK, NoduleState.MERGED)

Json = dict[str, Any]


def content_of(patient: Patient, scan: Scan, shown: Timeline | None = None) -> Json:
    """Say what is known of an exam and of the one before it, in a number of queries that does not grow."""
    shown = shown or timeline(patient)
    pairs = [pair for pair in shown.comparisons if pair.current_scan == scan.code]
    pair = min(pairs, key=lambda one: one.interval_days, default=None)
    return {
        "schema": SCHEMA,
        "patient": str(patient.code),
        "scan": str(scan.code),
        "exam_on": scan.study.acquired_on.isoformat() if scan.study.acquired_on else None,
        "prior_scan": str(pair.prior_scan) if pair else None,
        "prior_on": _day_of(shown, pair.prior_scan) if pair else None,
        "grade": pair.grade if pair else "",
        "nodules": [
            told
            for nodule in shown.nodules
            if nodule.state not in UNSAID
            and (told := _nodule(nodule, scan, pair.prior_scan if pair else None)) is not None
        ],
        "answers": _answers(patient) if has_case(shown) else [],
        "step": _step(patient),
    }


def has_case(shown: Timeline) -> bool:
    """Whether any nodule is left that a guideline can be asked about; else its earlier answers say nothing any more."""
    asked = (nodule for nodule in shown.nodules if nodule.state not in (*UNSAID, NoduleState.NOT_A_NODULE))
    return any(seen.measured is not None for nodule in asked for seen in nodule.appearances)


def findings_of(content: Json) -> Json:
    """The part that images and readers decide; what the guidelines make of it may change without them."""
    return {key: content[key] for key in ("scan", "prior_scan", "grade", "nodules")}


def sha256_of(content: Json) -> str:
    """The digest of a content, whatever the order of its keys."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _day_of(shown: Timeline, scan: object) -> str | None:
    days = (exam.acquired_on for exam, line in shown.scans if line.code == scan)
    day = next(days, None)
    return day.isoformat() if day else None


def _nodule(nodule: NoduleLine, scan: Scan, prior_scan: object) -> Json | None:
    current = nodule.on_scan(scan.code)
    prior = next((seen for seen in nodule.appearances if seen.scan == prior_scan), None)
    if current is None and prior is None:
        return None
    change = next((one for one in nodule.changes if one.current_scan == scan.code), None)
    return {
        "label": nodule.label,
        "state": nodule.state.value,
        "facts": dict(nodule.description.facts) if nodule.description else {},
        "prior": _seen(prior),
        "current": _seen(current),
        "change": _change(change),
    }


def _seen(seen: Appearance | None) -> Json | None:
    if seen is None:
        return None
    told: Json = {"present": seen.present, "lps_mm": [round(value, 2) for value in seen.lps_mm]}
    if seen.measured is not None:
        return told | _numbers(seen.measured)
    return told | ({"refusal": seen.refusal["code"]} if seen.refusal else {})


def _numbers(row: Measured) -> Json:
    values = {
        "volume_mm3": (row.volume_mm3, "1"),
        "volume_sd_mm3": (row.volume_sd_mm3, "0.1"),
        "mean_diameter_mm": (row.mean_diameter_mm, "0.1"),
        "mean_diameter_sd_mm": (row.mean_diameter_sd_mm, "0.01"),
        "long_axis_mm": (row.long_axis_mm, "0.1"),
        "short_axis_mm": (row.short_axis_mm, "0.1"),
    }
    reported = {
        name: float(as_reported(value, digits)) for name, (value, digits) in values.items() if value is not None
    }
    return reported | {"attenuation": row.attenuation, "method": row.method, "by": row.by}


def _change(change: Change | None) -> Json | None:
    if change is None:
        return None
    told: Json = {"word": change.word, "confirmed_by": change.confirmed_by}
    if change.volume_ratio is None:
        return told
    return told | {
        "volume_ratio": round(change.volume_ratio, 3),
        "vdt_days": _whole(change.vdt_days),
        "vdt_low_days": _whole(change.vdt_low_days),
        "vdt_high_days": _whole(change.vdt_high_days),
        "significant": change.significant,
    }


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _answers(patient: Patient) -> list[Json]:
    rows = Assessment.objects.filter(patient=patient).order_by("guideline", "-pk").distinct("guideline")
    return [
        {
            "guideline": row.guideline,
            "edition": row.edition,
            "rule_id": row.rule_id,
            "category": str(row.answer.get("result", {}).get("category", "")),
            "management": row.management,
        }
        for row in rows
    ]


def _step(patient: Patient) -> Json | None:
    """The open step that calls for something to be done; a review only where there is no other."""
    steps = list(FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP).order_by("due_until", "pk"))
    step = next((one for one in steps if one.kind != FollowUpKind.REVIEW), steps[0] if steps else None)
    if step is None:
        return None
    return {
        "kind": step.kind,
        "management": step.management,
        "due_from": step.due_from.isoformat(),
        "due_until": step.due_until.isoformat(),
    }
