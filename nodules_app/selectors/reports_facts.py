"""What a report or a letter is made from, as plain values: a signed reading, what the guidelines said, what is owed.

Sizes, words, doubling times and answers stand as they were signed. What the signed content does not repeat (the
interval of a volume ratio, how likely another answer is) is read from the append-only rows that were in force at the
moment of the signature; where none of them has the signed number, it is left out rather than taken from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from nodules_app.lifecycles import OPEN_FOLLOW_UP, FollowUpState
from nodules_app.models import Assessment, FollowUp, FollowUpKind, Growth, Patient, Reading, Scan, Setting
from nodules_app.selectors.reports_conference import Conference

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Who:
    """The person whom it is about."""

    name: str
    number: str
    born: date | None
    sex: str  # female, male or nothing


@dataclass(frozen=True, slots=True)
class Exam:
    """One scan of the pair."""

    on: date | None
    description: str
    kernel: str
    slice_thickness_mm: float | None


@dataclass(frozen=True, slots=True)
class Size:
    """A nodule on one scan, as it was signed; without numbers it was not measured there."""

    present: bool
    attenuation: str = ""
    volume_mm3: float | None = None
    volume_sd_mm3: float | None = None
    mean_diameter_mm: float | None = None
    mean_diameter_sd_mm: float | None = None
    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    method: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class NoduleFacts:
    """One nodule of the reading with its change since the prior."""

    label: str
    state: str
    lobe: str
    prior: Size | None
    current: Size | None
    word: str = ""
    volume_ratio: float | None = None
    volume_ratio_low: float | None = None
    volume_ratio_high: float | None = None
    vdt_days: int | None = None
    vdt_low_days: int | None = None
    vdt_high_days: int | None = None
    significant: bool = False


@dataclass(frozen=True, slots=True)
class Other:
    """Another recommendation that the errors of measurement leave possible, and how probable it is."""

    management: str
    probability: float


@dataclass(frozen=True, slots=True)
class Guidance:
    """What one guideline said when the reading was signed."""

    guideline: str
    edition: str
    rule_id: str
    category: str
    management: str
    ruleset_version: str
    others: tuple[Other, ...]
    errors_were_stated: bool  # else it was not asked how likely another recommendation would be


@dataclass(frozen=True, slots=True)
class Step:
    """What the patient is owed; not signed while it is only proposed by the rules."""

    kind: str
    management: str
    due_from: date
    due_until: date
    booked_on: date | None = None
    is_signed: bool = False


@dataclass(frozen=True, slots=True)
class Added:
    """Words that a reader added to the signed reading."""

    text: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SignedFacts:
    """A signed reading with all that a report says of it."""

    clinic: str
    who: Who
    exam: Exam
    prior: Exam | None
    interval_days: int | None
    grade: str
    nodules: tuple[NoduleFacts, ...]
    guidance: tuple[Guidance, ...]  # that of the clinic first
    step: Step | None
    consensus: str
    addenda: tuple[Added, ...]
    reading_version: int
    reading_sha256: str
    signed_by: str
    signed_at: datetime
    conference: Conference | None = None  # of letters, which tell what was decided since


def signed_facts(reading: Reading) -> SignedFacts:
    """Gather what a report says of a signed reading, in a number of queries that does not grow with nodules.

    Raises
    ------
    ValueError
        The reading was never signed.
    """
    content = reading.content
    if content is None or reading.signed_at is None:
        raise ValueError(f"{reading} was not signed")
    patient, clinic = reading.patient, reading.patient.clinic
    leading = clinic.guideline_screening if patient.setting == Setting.SCREENING else clinic.guideline_incidental
    prior = _scan(content["prior_scan"])
    exam_on, prior_on = _day(content["exam_on"]), _day(content["prior_on"])
    return SignedFacts(
        clinic=clinic.name,
        who=Who(patient.name, patient.identifier, patient.birth_date, patient.sex),
        exam=_exam(reading.scan, exam_on),
        prior=_exam(prior, prior_on) if prior else None,
        interval_days=(exam_on - prior_on).days if exam_on and prior_on else None,
        grade=content["grade"],
        nodules=tuple(_nodules(content, reading, prior)),
        guidance=tuple(sorted(_guidance(content, reading), key=lambda one: one.guideline != leading)),
        step=_signed_step(content["step"]),
        consensus=str(content.get("consensus") or ""),
        addenda=tuple(
            Added(row.text, str(row.by), row.at) for row in reading.addenda.select_related("by").order_by("pk")
        ),
        reading_version=reading.version,
        reading_sha256=reading.content_sha256,
        signed_by=str(reading.signed_by),
        signed_at=reading.signed_at,
    )


def step_of(patient: Patient) -> Step | None:
    """The open step of today that calls for something to be done; a review only where there is no other."""
    steps = list(FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP).order_by("due_until", "pk"))
    row = next((one for one in steps if one.kind != FollowUpKind.REVIEW), steps[0] if steps else None)
    if row is None:
        return None
    is_signed = row.state != FollowUpState.PROPOSED or row.kind == FollowUpKind.REVIEW
    return Step(row.kind, row.management, row.due_from, row.due_until, row.booked_on, is_signed)


def _scan(code: str | None) -> Scan | None:
    return Scan.objects.select_related("study", "series").get(code=code) if code else None


def _day(told: str | None) -> date | None:
    return date.fromisoformat(told) if told else None


def _exam(scan: Scan, on: date | None) -> Exam:
    return Exam(on, scan.series.description, scan.series.kernel, scan.series.slice_thickness_mm)


def _signed_step(told: Json | None) -> Step | None:
    if told is None:
        return None
    due_from, due_until = (date.fromisoformat(told[name]) for name in ("due_from", "due_until"))
    return Step(told["kind"], told["management"], due_from, due_until)


def _nodules(content: Json, reading: Reading, prior: Scan | None) -> Iterator[NoduleFacts]:
    grown = _growths(reading, prior)
    for row in content["nodules"]:
        change = row["change"] or {}
        ratio = change.get("volume_ratio")
        low, high = grown.get((row["label"], ratio), (None, None)) if ratio is not None else (None, None)
        yield NoduleFacts(
            label=row["label"],
            state=row["state"],
            lobe=str(row["facts"].get("lobe") or ""),
            prior=_size(row["prior"]),
            current=_size(row["current"]),
            word=change.get("word") or "",
            volume_ratio=ratio,
            volume_ratio_low=low,
            volume_ratio_high=high,
            vdt_days=change.get("vdt_days"),
            vdt_low_days=change.get("vdt_low_days"),
            vdt_high_days=change.get("vdt_high_days"),
            significant=bool(change.get("significant")),
        )


def _size(told: Json | None) -> Size | None:
    if told is None:
        return None
    names = Size.__dataclass_fields__.keys() & told.keys()
    return Size(**{name: told[name] for name in names})


def _growths(reading: Reading, prior: Scan | None) -> Mapping[tuple[str, float], tuple[float | None, float | None]]:
    """The interval of each signed ratio, by nodule and by the ratio as it was signed; of equal ratios the newest."""
    if prior is None:
        return {}
    rows = Growth.objects.filter(
        match__nodule__patient=reading.patient_id,
        match__comparison__prior=prior,
        match__comparison__current=reading.scan_id,
        created_at__lte=reading.signed_at,
    ).select_related("match__nodule")
    return {
        (row.match.nodule.label, round(row.volume_ratio, 3)): (row.volume_ratio_low, row.volume_ratio_high)
        for row in rows.order_by("pk")
    }


def _guidance(content: Json, reading: Reading) -> Iterator[Guidance]:
    asked = Assessment.objects.filter(patient=reading.patient_id, created_at__lte=reading.signed_at)
    rows = {row.guideline: row for row in asked.order_by("guideline", "-pk").distinct("guideline")}
    for told in content["answers"]:
        row = rows.get(told["guideline"])
        known = row if row is not None and row.rule_id == told["rule_id"] else None
        result = known.answer["result"] if known else {}
        yield Guidance(
            guideline=told["guideline"],
            edition=told["edition"],
            rule_id=told["rule_id"],
            category=told["category"],
            management=told["management"],
            ruleset_version=known.ruleset_version if known else "",
            others=tuple(_others(result)),
            errors_were_stated=result.get("stability") is not None,
        )


def _others(result: Json) -> Iterator[Other]:
    """The recommendations that the errors of measurement leave possible besides the given one, the likeliest first."""
    likely: dict[str, Decimal] = {}
    for branch in result.get("branches") or ():
        if branch.get("probability") is not None and branch["management"] != result["management"]:
            likely[branch["management"]] = likely.get(branch["management"], Decimal(0)) + Decimal(
                str(branch["probability"])
            )
    ordered = sorted(likely.items(), key=lambda one: one[1], reverse=True)
    return (Other(management, float(share)) for management, share in ordered if share > 0)
