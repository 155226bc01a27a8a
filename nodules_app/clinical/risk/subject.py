"""What the risk models ask of a patient and a nodule, and how a missing answer is named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from nodules_app.clinical.assessment import Probability
from nodules_app.clinical.case import UPPER_LOBES, Attenuation, Case, Patient, SmokingStatus
from nodules_app.clinical.sizes import longest_mm, mean_mm
from nodules_app.clinical.view import Look, View, is_benign, is_spiculated


@dataclass(frozen=True, slots=True)
class Subject:
    """One nodule of one patient at one exam."""

    case: Case
    age: Decimal | None
    look: Look
    nodule_count: int

    @property
    def patient(self) -> Patient:
        """The person."""
        return self.case.patient

    @property
    def long_axis_mm(self) -> Decimal | None:
        """Largest diameter."""
        return longest_mm(self.look.now)

    @property
    def mean_mm(self) -> Decimal | None:
        """Mean diameter."""
        return mean_mm(self.look.now)

    @property
    def ever_smoker(self) -> bool | None:
        """``None`` when the smoking status is unknown; never read as never-smoker."""
        status = self.patient.smoking.status
        return None if status is SmokingStatus.UNKNOWN else status is not SmokingStatus.NEVER

    @property
    def upper_lobe(self) -> bool | None:
        """Right or left upper lobe or lingula."""
        lobe = self.look.nodule.lobe
        return None if lobe is None else lobe in UPPER_LOBES

    @property
    def spiculated(self) -> bool | None:
        """``None`` when the margin was not described."""
        return None if self.look.nodule.margin is None else is_spiculated(self.look.nodule)

    @property
    def attenuation(self) -> Attenuation:
        """As on the current exam."""
        return self.look.attenuation

    @property
    def family_history_any_cancer(self) -> bool | None:
        """A relative with lung cancer is a relative with cancer."""
        return True if self.patient.family_history_lung_cancer else self.patient.family_history_any_cancer


def count_nodules(view: View) -> int:
    """All nodules present, also perifissural ones, but not those with benign calcification or fat (AMB-39)."""
    stated = view.case.nodule_count
    return stated if stated is not None else sum(not is_benign(look.nodule) for look in view.present)


def subject_of(view: View, look: Look) -> Subject:
    """The nodule as the models see it."""
    return Subject(view.case, view.age, look, count_nodules(view))


def absent(asked: Iterable[tuple[str, object]]) -> tuple[str, ...]:
    """Names of what was asked and not told."""
    return tuple(name for name, value in asked if value is None)


def logistic(x: Decimal) -> Decimal:
    """1 / (1 + exp(-x)), written so that neither end overflows."""
    if x < 0:
        e = x.exp()
        return e / (1 + e)
    return 1 / (1 + (-x).exp())


def log_odds(probability: Decimal) -> Decimal:
    """The x of ``logistic``; the probability lies between 0 and 1."""
    return (probability / (1 - probability)).ln()


def unknown(model: str, missing: tuple[str, ...], reliability: str) -> Probability:
    """A model that lacks inputs."""
    return Probability(model, None, valid=False, missing=missing, reliability=reliability)
