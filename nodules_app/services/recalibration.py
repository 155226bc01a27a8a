"""Outcomes are recorded, corrections fitted to them, and a physician signs one into use or takes it out again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final, Protocol

from django.db import transaction
from django.utils import timezone

from inference.validation.calibration import Calibration, calibration
from inference.validation.cases import Cases, OneOutcomeOnly
from inference.validation.discrimination import Share, area
from inference.validation.logistic import Separated
from inference.validation.recalibration import FEWEST, Recalibration, TooFewEvents, Way, recalibrate
from nodules_app.models import Clinic, Nodule, NoduleOutcome, RiskCorrection, User
from nodules_app.selectors.patients import Answer
from nodules_app.selectors.risk_outcomes import MODELS, Judged, corrections_in_use, judged, probability_of
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

CURVE_VERSION: Final = 1
LINES: Final = ("predicted_share", "corrected_share", "low_share", "high_share")


class Change(Protocol):
    """Signing, and taking out of use."""

    def __call__(self, *, correction: RiskCorrection, by: User) -> RiskCorrection: ...


class NotToBeSigned(Refused):
    """A correction whose time is over."""

    code = "correction_not_to_be_signed"
    sentence = gettext_noop("This correction is in use already, or was taken out of use.")
    remedy = gettext_noop("Fit it anew to the outcomes that are known now.")


class OutcomeInFuture(Refused):
    """Nobody knows today what a later day shows."""

    code = "outcome_in_future"
    sentence = gettext_noop("{on} has not come yet.")
    remedy = gettext_noop("Give the day on which the result was known.")


@transaction.atomic
def record_outcome(*, nodule: Nodule, outcome: str, known_by: str, on: date, note: str, by: User) -> NoduleOutcome:
    """Write down what a nodule turned out to be; the row before stays as it was.

    Raises ``OutcomeInFuture``.
    """
    if on > timezone.localdate():
        raise OutcomeInFuture(on=on.isoformat())
    row = NoduleOutcome(nodule=nodule, outcome=outcome, known_by=known_by, on=on, note=note, by=by)
    row.save(force_insert=True)
    record("nodule.outcome", nodule.patient, by=by, nodule=nodule.code, outcome=outcome, known_by=known_by)
    return row


@transaction.atomic
def fit(*, clinic: Clinic, model: str, way: Way, by: User) -> RiskCorrection:
    """Fit a correction to all outcomes that are known; it changes nothing until it is signed.

    Raises
    ------
    TooFewEvents, inference.validation.logistic.Separated
    """
    known = judged([clinic], model)
    found = recalibrate(cases_of(known, way), way)
    row = RiskCorrection.objects.create(
        clinic=clinic,
        model=model,
        way=way,
        curve={"version": CURVE_VERSION} | asdict(found),
        cases=found.cases,
        events=found.events,
        data_sha256=data_sha256(known),
        fitted_by=by,
    )
    record("risk.correction_fitted", None, by=by, correction=row.code, clinic=clinic.code, model=model, way=way)
    return row


def cases_of(known: Sequence[Judged], way: Way) -> Cases:
    """The outcomes as the statistics take them; refused with the numbers that a correction needs."""
    try:
        return Cases.of(
            [one.probability for one in known], [one.is_malignant for one in known], [str(one.patient) for one in known]
        )
    except OneOutcomeOnly:
        events = sum(one.is_malignant for one in known)
        raise TooFewEvents(events=events, others=len(known) - events, fewest=FEWEST[way]) from None


def data_sha256(known: Sequence[Judged]) -> str:
    """Name the data: the same outcomes and probabilities give the same name, in whatever order they came."""
    pairs = sorted((str(one.nodule), f"{one.probability:.12g}", one.is_malignant) for one in known)
    return hashlib.sha256(json.dumps(pairs).encode()).hexdigest()


@transaction.atomic
def sign(*, correction: RiskCorrection, by: User) -> RiskCorrection:
    """Take a correction into use in its clinic; the one before goes out of use at the same moment.

    Raises ``NotToBeSigned``.
    """
    Clinic.objects.select_for_update().get(pk=correction.clinic_id)
    row = RiskCorrection.objects.select_for_update().get(pk=correction.pk)
    if row.signed_at is not None:
        raise NotToBeSigned
    now = timezone.now()
    held = RiskCorrection.objects.filter(clinic=row.clinic_id, model=row.model, retired_at=None)
    held.exclude(signed_at=None).update(retired_at=now, retired_by=by)
    row.signed_by, row.signed_at = by, now
    row.save(update_fields=["signed_by", "signed_at"])
    record("risk.correction_signed", None, by=by, correction=row.code, model=row.model, data=row.data_sha256)
    return row


@transaction.atomic
def retire(*, correction: RiskCorrection, by: User) -> RiskCorrection:
    """Take a correction out of use: the published model stands alone again.

    Raises ``NotToBeSigned``.
    """
    row = RiskCorrection.objects.select_for_update().get(pk=correction.pk)
    if not row.is_in_use:
        raise NotToBeSigned
    row.retired_by, row.retired_at = by, timezone.now()
    row.save(update_fields=["retired_by", "retired_at"])
    record("risk.correction_retired", None, by=by, correction=row.code, model=row.model)
    return row


@dataclass(frozen=True, slots=True)
class Standing:
    """One published model beside the outcomes of a clinic; ``area`` and ``calibration`` where they can be given."""

    model: str
    cases: int
    events: int
    area: Share | None
    calibration: Calibration | None
    in_use: RiskCorrection | None


def standing(clinic: Clinic) -> tuple[Standing, ...]:
    """Every published model of a nodule beside what is known."""
    held = corrections_in_use(clinic)
    return tuple(_standing(model, judged([clinic], model), held.get(model)) for model in MODELS)


def _standing(model: str, known: Sequence[Judged], in_use: RiskCorrection | None) -> Standing:
    events = sum(one.is_malignant for one in known)
    try:
        cases = cases_of(known, "logistic")
    except TooFewEvents:
        return Standing(model, len(known), events, None, None, in_use)
    try:
        fitted: Calibration | None = calibration(cases)
    except Separated:
        fitted = None
    return Standing(model, len(known), events, area(cases), fitted, in_use)


@dataclass(frozen=True, slots=True)
class Corrected:
    """What a published probability is taken for in this clinic, and by which signed correction."""

    published_probability: float
    here: Share
    correction: RiskCorrection


def corrected(clinic: Clinic, answers: Sequence[Answer]) -> Mapping[str, Corrected]:
    """Correct the latest probabilities by every correction in use; models without one are left out."""
    if not answers:
        return {}
    risk = max(answers, key=lambda answer: answer.given_at).risk
    found = {}
    for model, row in corrections_in_use(clinic).items():
        published = probability_of(risk, model)
        if published is not None:
            found[model] = Corrected(published, curve_of(row).of(published), row)
    return found


def corrector(clinic: Clinic) -> Callable[[str, Decimal], Decimal | None]:
    """What the corrections in use in a clinic make of the probability of a model; None where there is none."""
    curves = {model: curve_of(row) for model, row in corrections_in_use(clinic).items()}

    def correct(model: str, probability: Decimal) -> Decimal | None:
        curve = curves.get(model)
        return Decimal(str(curve.of(float(probability)).share)) if curve else None

    return correct


@transaction.atomic
def exported(clinic: Clinic, model: str, *, by: User) -> tuple[Judged, ...]:
    """Give the outcomes of a clinic away, and write down who took them."""
    rows = judged([clinic], model)
    record("risk.outcomes_exported", None, by=by, clinic=clinic.code, model=model, cases=len(rows))
    return rows


def curve_of(correction: RiskCorrection) -> Recalibration:
    """Read a kept curve back.

    Raises
    ------
    ValueError
        It was kept by a version that this program does not know.
    """
    kept: dict[str, Any] = dict(correction.curve)
    if kept.pop("version", None) != CURVE_VERSION:
        raise ValueError(f"{correction} was kept in another version than {CURVE_VERSION}")
    lines = {name: tuple(kept[name]) for name in LINES}
    return Recalibration(**(kept | lines))
