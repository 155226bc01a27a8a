"""Cancer risk in two layers: a published model, input by input, and what PET and blood add to it by published ratios.

The first layer is as its authors fitted it. The second is no fitted model: each likelihood ratio was published by
itself, and they are taken as independent of the model and of each other, which tends to make the answer too certain.
No image model takes part, for none has been fitted to outcomes. A guideline's answer never rests on this.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.case import Attenuation, Lobe, Margin, Measurement, PetUptake, Smoking, SmokingStatus
from nodules_app.clinical.risk.brock import brock
from nodules_app.clinical.risk.combine import Combination, Combined, Move, Ratios, combine
from nodules_app.clinical.risk.mayo import mayo
from nodules_app.clinical.risk.models import risk_look
from nodules_app.clinical.risk.steps import STEPS, Pointing
from nodules_app.clinical.risk.subject import Subject, log_odds, logistic, subject_of
from nodules_app.clinical.view import View

Z_95: Final = Decimal("1.959963984540054")
PET: Final = "pet"
BLOOD: Final = "cea"
BASES: Final[tuple[tuple[str, Callable[[Subject], Probability]], ...]] = (
    ("brock_2b", lambda subject: brock("brock_2b", subject)),
    ("mayo", mayo),
)


@dataclass(frozen=True, slots=True)
class Published:
    """A likelihood ratio with its 95 % interval."""

    ratio: Decimal
    low_ratio: Decimal
    high_ratio: Decimal

    @property
    def log_variance(self) -> Decimal:
        """Of its logarithm."""
        return ((self.high_ratio / self.low_ratio).ln() / (2 * Z_95)) ** 2


# PET-CT of solitary nodules, 21 studies: Li et al. 2018, Medicine (Baltimore) 97, PMC5895332. Serum CEA of nodules, 11
# studies, 2,760 patients: Acta Clin Belg 2020, doi 10.1080/17843286.2020.1797330. Both from the abstracts.
PUBLISHED: Final[Mapping[str, Mapping[str, Published]]] = MappingProxyType(
    {
        PET: MappingProxyType(
            {
                "positive": Published(Decimal("3.33"), Decimal("2.35"), Decimal("4.71")),
                "negative": Published(Decimal("0.18"), Decimal("0.13"), Decimal("0.25")),
            }
        ),
        BLOOD: MappingProxyType(
            {
                "positive": Published(Decimal("3.96"), Decimal("2.84"), Decimal("5.54")),
                "negative": Published(Decimal("0.73"), Decimal("0.62"), Decimal("0.87")),
            }
        ),
    }
)
SOURCES: Final[Mapping[str, str]] = MappingProxyType({PET: "PMC5895332", BLOOD: "doi:10.1080/17843286.2020.1797330"})
Corrected = Callable[[str, Decimal], Decimal | None]
ABOVE_BLOOD_POOL: Final = frozenset({PetUptake.MODERATE, PetUptake.INTENSE})  # counts as positive


@dataclass(frozen=True, slots=True)
class Layers:
    """How a probability comes about.

    Parameters
    ----------
    start_probability
        Of the reference nodule that the moves of the base begin with: 4 mm, solid, smooth, not in an upper lobe, one
        of four, of a man of 62 who never smoked.
    base, moves
        The published model, and how far each of its inputs moved it.
    corrected_here
        Whether the base's probability was replaced by that of a clinic's own correction before anything was added.
    combined
        With PET and blood.
    low_probability, high_probability
        95 % interval by the errors of the ratios alone; the published models give none.
    guideline, step
        Which way the answer points there.
    """

    start_probability: Decimal
    base: Probability
    moves: tuple[Move, ...]
    corrected_here: bool
    combined: Combined
    low_probability: Decimal
    high_probability: Decimal
    guideline: str
    step: Pointing


def layers(view: View, *, blood: str = "", corrected: Corrected | None = None) -> Layers | None:
    """Take a probability apart, input by input.

    Parameters
    ----------
    blood
        ``positive``, ``negative`` or nothing: serum CEA above the laboratory's limit, or not.
    corrected
        What a clinic's own correction makes of a model's probability; None where it has none in use.

    Returns
    -------
    Layers or None
        None where neither Brock 2b nor Mayo can be computed.
    """
    look = risk_look(view)
    if look is None:
        return None
    subject = subject_of(view, look)
    for name, model in BASES:
        base = model(subject)
        if base.probability is not None:
            start, moves = base_moves(model, subject)
            here = corrected(name, base.probability) if corrected else None
            return _layers(subject, base, start, moves, blood, here)
    return None


def _layers(
    subject: Subject, base: Probability, start: Decimal, moves: tuple[Move, ...], blood: str, here: Decimal | None
) -> Layers:
    told = {BLOOD: blood} if blood else {}
    uptake = subject.look.nodule.pet_uptake
    if uptake is not None:
        told[PET] = "positive" if uptake in ABOVE_BLOOD_POOL else "negative"
    known = here if here is not None else base.probability
    if known is None:
        raise ValueError(f"{base.model} gave no probability")
    combined = combine(combination(base.model), known, told)
    reach = Z_95 * sum((PUBLISHED[name][value].log_variance for name, value in told.items()), Decimal(0)).sqrt()
    odds = log_odds(combined.probability)
    steps = STEPS["herder" if uptake is not None and base.model == "brock_2b" else base.model]
    return Layers(
        start_probability=start,
        base=base,
        moves=moves,
        corrected_here=here is not None,
        combined=combined,
        low_probability=logistic(odds - reach),
        high_probability=logistic(odds + reach),
        guideline=steps.guideline,
        step=steps.at(combined.probability),
    )


def combination(base: str) -> Combination:
    """PET and blood on a base model, by their published ratios."""
    inputs = tuple(
        Ratios(name, {value: one.ratio for value, one in published.items()}) for name, published in PUBLISHED.items()
    )
    sources = ", ".join(SOURCES[one.name] for one in inputs)
    return Combination(base, Decimal(0), Decimal(1), inputs, f"published one by one: {sources}", together=False)


def base_moves(model: Callable[[Subject], Probability], subject: Subject) -> tuple[Decimal, tuple[Move, ...]]:
    """How far each input moves a model, from the reference nodule on; inputs that move nothing are left out.

    The models add up log-odds, so the moves do not depend on their order.
    """
    at = _reference(subject)
    start = now = _told(model, at)
    moves = []
    for name, put in _INPUTS:
        at = put(at, subject)
        then = _told(model, at)
        if then != now:
            moves.append(Move(name, "", log_odds(then) - log_odds(now), then))
        now = then
    return start, tuple(moves)


def _told(model: Callable[[Subject], Probability], subject: Subject) -> Decimal:
    probability = model(subject).probability
    if probability is None:
        raise ValueError("a model that could be computed lacks an input of the reference nodule")
    return probability


def _reference(s: Subject) -> Subject:
    person = replace(
        s.patient,
        sex="male",
        smoking=Smoking(status=SmokingStatus.NEVER),
        family_history_lung_cancer=False,
        emphysema=False,
        known_cancer=None,
        previous_extrathoracic_cancer_years=None,
    )
    nodule = replace(s.look.nodule, attenuation=Attenuation.SOLID, lobe=Lobe.RLL, margin=Margin.SMOOTH)
    size = Measurement(s.look.now.date, long_axis_mm=Decimal(4), short_axis_mm=Decimal(4))
    look = replace(s.look, nodule=nodule, now=size)
    return Subject(replace(s.case, patient=person), Decimal(62), look, nodule_count=4)


def _person(*names: str) -> Callable[[Subject, Subject], Subject]:
    def put(at: Subject, real: Subject) -> Subject:
        person = replace(at.patient, **{name: getattr(real.patient, name) for name in names})
        return replace(at, case=replace(at.case, patient=person))

    return put


def _nodule(*names: str) -> Callable[[Subject, Subject], Subject]:
    def put(at: Subject, real: Subject) -> Subject:
        nodule = replace(at.look.nodule, **{name: getattr(real.look.nodule, name) for name in names})
        return replace(at, look=replace(at.look, nodule=nodule))

    return put


_INPUTS: Final[tuple[tuple[str, Callable[[Subject, Subject], Subject]], ...]] = (
    ("patient.age", lambda at, real: replace(at, age=real.age)),
    ("patient.sex", _person("sex")),
    ("patient.smoking.status", _person("smoking")),
    ("patient.family_history_lung_cancer", _person("family_history_lung_cancer")),
    ("patient.emphysema", _person("emphysema")),
    ("patient.personal_history_cancer", _person("known_cancer", "previous_extrathoracic_cancer_years")),
    ("size", lambda at, real: replace(at, look=replace(at.look, now=real.look.now))),
    ("attenuation", _nodule("attenuation")),
    ("lobe", _nodule("lobe")),
    ("margin", _nodule("margin")),
    ("nodule_count", lambda at, real: replace(at, nodule_count=real.nodule_count)),
)
