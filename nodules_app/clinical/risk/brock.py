"""Brock (PanCan) models 1a, 1b, 2a, 2b: chance that a nodule on a first screening CT is cancer.

McWilliams et al., NEJM 2013;369:910. Population: screened with LDCT, 50-75 years, ever-smokers, first scan.
Size is the largest diameter and enters as (mm / 10)^(-1/2), centred at 4 mm. Models 1a and 1b rest on memory (M);
2a and 2b agree with a peer-reviewed table (S).
"""

# ruff: noqa: E501 - a column of the published table is one line here

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.case import Attenuation, Setting, SmokingStatus
from nodules_app.clinical.risk.subject import Subject, absent, log_odds, logistic, unknown

SIZE_OFFSET: Final = Decimal("1.58113883")  # (4 mm / 10)^(-1/2)


@dataclass(frozen=True, slots=True)
class Coefficients:
    """One column of the table; ``None`` where the model has no such term."""

    constant: Decimal
    age: Decimal | None
    female: Decimal
    family_history: Decimal | None
    emphysema: Decimal | None
    size: Decimal
    ground_glass: Decimal | None
    part_solid: Decimal | None
    upper_lobe: Decimal
    count: Decimal | None
    spiculation: Decimal | None
    reliability: str


def _column(*numbers: str | None, reliability: str) -> Coefficients:
    (constant, age, female, family, emphysema, size, ground_glass, part_solid, upper, count, spiculation) = (
        None if number is None else Decimal(number) for number in numbers
    )
    assert constant is not None and female is not None and size is not None and upper is not None  # noqa: PT018, S101
    return Coefficients(
        constant, age, female, family, emphysema, size, ground_glass, part_solid, upper, count, spiculation, reliability
    )


COEFFICIENTS: Final[Mapping[str, Coefficients]] = MappingProxyType(
    {
        # constant, age - 62, female, family history, emphysema, size, ground glass, part-solid, upper, count - 4, spiculation
        "brock_1a": _column("-6.6144", None, "0.5806", None, None, "-5.8615", None, None, "0.6439", None, None, reliability="M"),
        "brock_1b": _column("-6.5929", None, "0.6467", None, None, "-5.5537", None, None, "0.6009", None, "0.9309", reliability="M"),
        "brock_2a": _column("-6.8071", "0.0321", "0.5635", "0.3013", "0.3462", "-5.6693", "-0.3005", "0.3395", "0.7116", "-0.0803", None, reliability="S"),
        "brock_2b": _column("-6.7892", "0.0287", "0.6011", "0.2961", "0.2953", "-5.3854", "-0.1276", "0.3770", "0.6581", "-0.0824", "0.7729", reliability="S"),
    }
)  # fmt: skip


def brock(model: str, subject: Subject) -> Probability:
    """Probability of cancer in this nodule by one of the four models.

    Parameters
    ----------
    model
        ``brock_1a``, ``brock_1b``, ``brock_2a`` or ``brock_2b``.

    Returns
    -------
    Probability
        Computed also outside the population (AMB-30), then ``valid`` is false and ``outside`` says why.
    """
    c = COEFFICIENTS[model]
    if missing := _missing(c, subject):
        return unknown(model, missing, c.reliability)
    outside = _outside(subject)
    return Probability(
        model, logistic(_score(c, subject)), valid=not outside, outside=outside, reliability=c.reliability
    )


def brock_mm_at(model: str, subject: Subject, probability: Decimal) -> Decimal | None:
    """The largest diameter at which the model gives this probability to a nodule otherwise alike.

    Returns
    -------
    Decimal or None
        ``None`` when inputs are missing, or when no diameter is large enough.
    """
    c = COEFFICIENTS[model]
    if _missing(c, subject) or subject.long_axis_mm is None:
        return None
    change = (log_odds(probability) - _score(c, subject)) / c.size
    root = 1 / (subject.long_axis_mm / 10).sqrt() + change
    return 10 / (root * root) if root > 0 else None


def _missing(c: Coefficients, s: Subject) -> tuple[str, ...]:
    asked: list[tuple[str, object]] = [
        ("patient.sex", s.patient.sex),
        ("long_axis_mm", s.long_axis_mm),
        ("lobe", s.look.nodule.lobe),
        ("margin", s.look.nodule.margin),
    ]
    if c.age is not None:
        asked += [
            ("patient.age", s.age),
            ("patient.family_history_lung_cancer", s.patient.family_history_lung_cancer),
            ("patient.emphysema", s.patient.emphysema),
        ]
    return absent(asked)


def _score(c: Coefficients, s: Subject) -> Decimal:
    size_mm = s.long_axis_mm
    assert size_mm is not None  # noqa: S101 - _missing has asked
    x = c.constant + c.size * (1 / (size_mm / 10).sqrt() - SIZE_OFFSET)
    density = {Attenuation.GROUND_GLASS: c.ground_glass, Attenuation.PART_SOLID: c.part_solid}.get(s.attenuation)
    terms: tuple[tuple[Decimal | None, Decimal | int], ...] = (
        (c.female, s.patient.sex == "female"),
        (c.upper_lobe, bool(s.upper_lobe)),
        (c.spiculation, bool(s.spiculated)),
        (c.family_history, bool(s.patient.family_history_lung_cancer)),
        (c.emphysema, bool(s.patient.emphysema)),
        (c.count, s.nodule_count - 4),
        (c.age, (s.age or 0) - 62),
        (density, 1),
    )
    return x + sum((weight * value for weight, value in terms if weight is not None), Decimal(0))


def _outside(s: Subject) -> tuple[str, ...]:
    smokes = s.patient.smoking.status in (SmokingStatus.CURRENT, SmokingStatus.FORMER)
    reasons = (
        ("setting", s.case.setting is not Setting.SCREENING),
        ("age", s.age is None or not 50 <= s.age <= 75),
        ("smoking", not smokes),
        ("not_first_scan", s.look.seen_before),
    )
    return tuple(code for code, holds in reasons if holds)
