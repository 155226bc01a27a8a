"""May these two scans be compared, and what does their difference cost in certainty.

Every reason is a sentence as a radiologist would write it, with its weight: B is a remark, C a reservation, D forbids
a growth rate. The grade is the gravest of them (three remarks make a reservation). The errors add in squares to the
error of ln(volume ratio).

Source
------
0.05 per volume for other slices or another kernel: measured on phantoms, see ``docs/benchmarks.md``. The limits of
lung volume (15 and 30 %) and noise (x 1.8) are this product's choice; depth of breath changes nodule volume
(Petkovska et al. 2010, Acad Radiol 17:1168).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from registration.errors import gettext_noop

Grade = Literal["A", "B", "C", "D"]

PER_VOLUME_ERROR: Final = 0.05
BOTH: Final = math.sqrt(2)
THICK_MM: Final = 5.0
COARSE_MM: Final = 2.5
VERY_NOISY_HU: Final = 80.0
LOOSE_MM: Final = 2.0
VERY_LOOSE_MM: Final = 4.0
SHORT_DAYS: Final = 30
REMARKS_MAKE_A_RESERVATION: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFacts:
    """What of one scan matters for comparing it. None means unknown.

    Parameters
    ----------
    grain_mm
        Width over which the noise goes together: small for sharp, large for soft kernels; measured on the scan
        (``scan_grain_mm``).
    lung_volume_ml
        Both lungs; None when a lung is cut by the scan or was not found.
    lung_hu
        Mean attenuation of the aerated lungs; tells the breath where a lung is cut.
    """

    slice_thickness_mm: float
    slice_spacing_mm: float
    kernel: str = ""
    noise_hu: float | None = None
    grain_mm: float | None = None
    lung_volume_ml: float | None = None
    lung_hu: float | None = None
    lungs_cut: bool = False
    contrast: bool | None = None
    blocking: tuple[str, ...] = ()  # sentences of the reader of files that forbid volumetry (missing slices, ...)


@dataclass(frozen=True, slots=True)
class Reason:
    """One difference between the scans. ``template`` is marked for translation; ``sentence`` is its English."""

    code: str
    grade: Grade
    template: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """The reason as one sentence with its facts."""
        return self.template.format(**self.facts)


@dataclass(frozen=True, slots=True)
class Comparability:
    """Grade A to D of a pair of scans, why, and the standard error it adds to ln(volume ratio)."""

    grade: Grade
    reasons: tuple[Reason, ...]
    extra_relative_error: float

    @property
    def allows_growth(self) -> bool:
        """Whether a growth rate may be stated; else its absence is the answer."""
        return self.grade != "D"

    @property
    def sizes_comparable(self) -> bool:
        """Whether larger and smaller may be said, even where the dates allow no rate."""
        return all(reason.grade != "D" or reason.code == "no_interval" for reason in self.reasons)


Finding = tuple[Reason, float]  # with the error it adds to ln(ratio)


def scan_grain_mm(correlation_voxels: float, pixel_mm: float) -> float:
    """Width in mm over which noise goes together, from ``ScanNoise``: a measure of the kernel, whatever its name."""
    return math.sqrt(correlation_voxels) * pixel_mm


def grade(
    prior: ScanFacts,
    current: ScanFacts,
    *,
    registration_residual_mm: float | None = None,
    interval_days: int | None = None,
) -> Comparability:
    """Grade a pair of scans.

    Parameters
    ----------
    registration_residual_mm
        Median expected error of the map over the lungs; None when the pair was not registered.
    interval_days
        By acquisition dates; None when growth is not asked.
    """
    found: list[Finding] = []
    for check in CHECKS:
        found.extend(check(prior, current))
    found.extend(_residual(registration_residual_mm))
    found.extend(_interval(interval_days))
    reasons = tuple(sorted((reason for reason, _ in found), key=lambda reason: reason.grade, reverse=True))
    return Comparability(_overall(reasons), reasons, math.hypot(*(error for _, error in found)))


def _overall(reasons: tuple[Reason, ...]) -> Grade:
    grades = [reason.grade for reason in reasons]
    gravest: Grade = max(grades, default="A")
    return "C" if gravest == "B" and grades.count("B") >= REMARKS_MAKE_A_RESERVATION else gravest


def _blocked(prior: ScanFacts, current: ScanFacts) -> Iterable[Finding]:
    for sentence in (*prior.blocking, *current.blocking):
        yield Reason("series_damaged", "D", "{sentence}", {"sentence": sentence}), 0.0


def _thickness(prior: ScanFacts, current: ScanFacts) -> Iterable[Finding]:
    first, second = (max(scan.slice_thickness_mm, scan.slice_spacing_mm) for scan in (prior, current))
    facts = {"prior_mm": first, "current_mm": second, "thick_mm": THICK_MM}
    if max(first, second) >= THICK_MM:
        sentence = gettext_noop(
            "Slices of {prior_mm:.1f} mm and {current_mm:.1f} mm: from {thick_mm:.0f} mm on volumes do not show "
            "growth; use thin reconstructions of both examinations."
        )
        yield Reason("slices_too_thick", "D", sentence, facts), 0.0
    elif max(first, second) / min(first, second) >= 1.5:
        sentence = gettext_noop(
            "Slices of {prior_mm:.1f} mm before and {current_mm:.1f} mm now blur small nodules unequally."
        )
        yield Reason("thickness_differs", "C", sentence, facts), PER_VOLUME_ERROR * BOTH
    elif max(first, second) / min(first, second) >= 1.15:
        sentence = gettext_noop("Slice thickness differs: {prior_mm:.1f} mm before, {current_mm:.1f} mm now.")
        yield Reason("thickness_differs", "B", sentence, facts), PER_VOLUME_ERROR
    elif max(first, second) > COARSE_MM:
        sentence = gettext_noop("Slices of {prior_mm:.1f} mm show nodules below 8 mm coarsely on both examinations.")
        yield Reason("slices_coarse", "B", sentence, facts), PER_VOLUME_ERROR


def _kernel(prior: ScanFacts, current: ScanFacts) -> Iterable[Finding]:
    facts: dict[str, object] = {"prior": prior.kernel or "?", "current": current.kernel or "?"}
    if prior.grain_mm and current.grain_mm:
        ratio = max(prior.grain_mm, current.grain_mm) / min(prior.grain_mm, current.grain_mm)
        if ratio >= 1.6:
            sentence = gettext_noop("One examination is reconstructed sharply, the other softly ({prior}, {current}).")
            yield Reason("kernel_differs", "C", sentence, facts), PER_VOLUME_ERROR * BOTH
            return
        if ratio < 1.25:
            return
    if prior.kernel.strip().upper() != current.kernel.strip().upper():
        sentence = gettext_noop("The reconstruction kernel differs: {prior} before, {current} now.")
        yield Reason("kernel_differs", "B", sentence, facts), PER_VOLUME_ERROR


def _noise(prior: ScanFacts, current: ScanFacts) -> Iterable[Finding]:
    if prior.noise_hu is None or current.noise_hu is None:
        return
    facts = {"prior_hu": prior.noise_hu, "current_hu": current.noise_hu}
    if max(prior.noise_hu, current.noise_hu) > VERY_NOISY_HU:
        sentence = gettext_noop("Very noisy images ({prior_hu:.0f} and {current_hu:.0f} HU): borders are uncertain.")
        yield Reason("very_noisy", "C", sentence, facts), PER_VOLUME_ERROR
    elif max(prior.noise_hu, current.noise_hu) / min(prior.noise_hu, current.noise_hu) > 1.8:
        sentence = gettext_noop("Dose differs: noise {prior_hu:.0f} HU before, {current_hu:.0f} HU now.")
        yield Reason("noise_differs", "B", sentence, facts), 0.03


def _breath(prior: ScanFacts, current: ScanFacts) -> Iterable[Finding]:
    if prior.lung_volume_ml is not None and current.lung_volume_ml is not None:
        change = current.lung_volume_ml / prior.lung_volume_ml
        facts: dict[str, object] = {"percent": abs(change - 1) * 100}
        sentence = (
            gettext_noop("Deeper breath now: the lungs hold {percent:.0f} % more air and tissue than before.")
            if change > 1
            else gettext_noop("Shallower breath now: the lungs hold {percent:.0f} % less air and tissue than before.")
        )
    elif prior.lung_hu is not None and current.lung_hu is not None:
        # The tissue stays, so its share per volume falls as the volume grows.
        change = (prior.lung_hu + 1000) / (current.lung_hu + 1000)
        facts = {"prior_hu": prior.lung_hu, "current_hu": current.lung_hu}
        sentence = gettext_noop(
            "The depth of breath differs: the lungs measure {prior_hu:.0f} HU on average before, {current_hu:.0f} HU "
            "now."
        )
    else:
        return
    larger = max(change, 1 / change)
    if larger > 1.3:
        yield Reason("inspiration_differs", "C", sentence, facts), 0.08
    elif larger > 1.15:
        yield Reason("inspiration_differs", "B", sentence, facts), 0.04


def _contrast(prior: ScanFacts, current: ScanFacts) -> Iterable[Finding]:
    if prior.contrast is not None and current.contrast is not None and prior.contrast != current.contrast:
        sentence = gettext_noop(
            "Contrast medium was given on one examination only; enhancing nodules look denser and larger."
        )
        yield Reason("contrast_differs", "B", sentence), PER_VOLUME_ERROR


def _coverage(prior: ScanFacts, current: ScanFacts) -> Iterable[Finding]:
    if prior.lungs_cut or current.lungs_cut:
        sentence = gettext_noop("Not the whole of both lungs is shown on both examinations.")
        yield Reason("lungs_cut", "B", sentence), 0.0


def _residual(residual_mm: float | None) -> Iterable[Finding]:
    if residual_mm is None:
        sentence = gettext_noop(
            "The examinations could not be brought into one space; compare them side by side by eye."
        )
        yield Reason("not_registered", "D", sentence), 0.0
    elif residual_mm > LOOSE_MM:
        sentence = gettext_noop("The lungs match only to {residual_mm:.1f} mm; check that each pair is one nodule.")
        weight: Grade = "C" if residual_mm > VERY_LOOSE_MM else "B"
        yield Reason("loose_registration", weight, sentence, {"residual_mm": residual_mm}), 0.0


def _interval(interval_days: int | None) -> Iterable[Finding]:
    if interval_days is not None and interval_days <= 0:
        sentence = gettext_noop(
            "The current examination is {days} days later than the prior; a growth rate needs a later one."
        )
        yield Reason("no_interval", "D", sentence, {"days": interval_days}), 0.0
    elif interval_days is not None and interval_days < SHORT_DAYS:
        sentence = gettext_noop("Only {days} days lie between the examinations; slow growth cannot show yet.")
        yield Reason("short_interval", "B", sentence, {"days": interval_days}), 0.0


CHECKS: Final[tuple[Callable[[ScanFacts, ScanFacts], Iterable[Finding]], ...]] = (
    _blocked,
    _thickness,
    _kernel,
    _noise,
    _breath,
    _contrast,
    _coverage,
)
