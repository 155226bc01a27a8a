"""Picks the series of an examination that is best for measuring nodule volumes, and says why in clinicians' words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from nodules_app.dicom.kernels import Sharpness, sharpness
from nodules_app.dicom.notices import Notice
from nodules_app.dicom.series import CtSeries
from nodules_app.dicom.series_errors import NoSuchSeries, SeveralStudies
from registration.errors import gettext_noop

# Two series of nearly the same length cover the same lungs; one that is much shorter may have cut them.
COVERS_LESS: Final = 0.8
# Slices of one class serve volumetry alike, so that the kernel decides between 1.0 and 1.25 mm.
# 1.5 mm: Fleischner 2017; 2.5 mm: ACR-STR practice parameter for lung cancer screening CT.
THICKNESS_CLASSES_MM: Final = (1.5, 2.5, 3.0)
# Sharp kernels add noise and bright edges, which volumetry takes for nodule; a follow-up is best read like its prior.
KERNEL_ORDER: Final = (Sharpness.STANDARD, Sharpness.SOFT, Sharpness.UNKNOWN, Sharpness.LUNG, Sharpness.SHARP)


class ChosenByPerson(Notice):
    """An override."""

    code = "chosen_by_person"
    sentence = gettext_noop("This series was chosen by a person.")


class OnlySeries(Notice):
    """No choice to make."""

    code = "only_series"
    sentence = gettext_noop("It is the only usable CT series.")


class Measurable(Notice):
    """Others have a fault that forbids measuring."""

    code = "measurable"
    sentence = gettext_noop("It can be measured; the other has a fault that forbids volumetry.")


class CoversMore(Notice):
    """The other may have cut the lungs."""

    code = "covers_more"
    sentence = gettext_noop("It covers {mm:.0f} mm of the chest, the other only {other_mm:.0f} mm.")


class Thinner(Notice):
    """Less partial volume."""

    code = "thinner"
    sentence = gettext_noop("Its slices are thinner: {mm:g} mm against {other_mm:g} mm.")


class LikePrior(Notice):
    """Same kernel as the scan it will be compared with."""

    code = "like_prior"
    sentence = gettext_noop(
        "It has the kernel of the prior scan ({kernel}), so that growth is measured like with like."
    )


class BetterKernel(Notice):
    """Less noise and edge enhancement."""

    code = "better_kernel"
    sentence = gettext_noop(
        "Its kernel {kernel} ({sharpness}) suits volumetry better than {other_kernel} ({other_sharpness}): "
        "sharp kernels add noise and bright edges."
    )


class WithoutContrast(Notice):
    """Contrast medium changes density."""

    code = "without_contrast"
    sentence = gettext_noop("It was taken without contrast medium, which changes densities.")


class MoreSlices(Notice):
    """The last word."""

    code = "more_slices"
    sentence = gettext_noop("It has more slices: {count} against {other_count}.")


class NoDifference(Notice):
    """Alike in all that counts."""

    code = "no_difference"
    sentence = gettext_noop("Both serve alike; the series UID decided so that the choice is always the same.")


class PassedOver(Notice):
    """A person chose another one."""

    code = "passed_over"
    sentence = gettext_noop("A person chose another series.")


@dataclass(frozen=True, slots=True)
class Choice:
    """The series to measure.

    Parameters
    ----------
    reasons
        Why it was chosen, translatable; ``because`` is the same in English.
    others
        For each other series the reason that decided against it.
    """

    series: CtSeries
    reasons: tuple[Notice, ...]
    others: tuple[tuple[CtSeries, Notice], ...]

    @property
    def because(self) -> tuple[str, ...]:
        """The reasons in English."""
        return tuple(reason.as_sentence() for reason in self.reasons)

    @property
    def passed_over(self) -> tuple[tuple[str, str], ...]:
        """Series UID and reason, in English, of the others."""
        return tuple((series.series_uid, reason.as_sentence()) for series, reason in self.others)


def slice_mm(series: CtSeries) -> float:
    """Thickness that counts for partial volume and sampling: of slice and distance the larger."""
    return round(max(series.slice_thickness_mm or 0.0, series.spacing_zyx_mm[0]), 2)


def choose_series(series: Sequence[CtSeries], *, wanted_uid: str | None = None, prior_kernel: str = "") -> Choice:
    """Choose the series of one study for volumetry.

    In this order: no fault that forbids volumetry; coverage; slice thickness by class; the kernel of the prior scan;
    kernel, standard before soft before unknown before lung before bone; exact thickness; no contrast; most slices.

    Parameters
    ----------
    series
        Usable series of one study, at least one.
    wanted_uid
        A person's choice, which overrides all of this.
    prior_kernel
        Kernel of the scan that this one will be compared with.

    Raises
    ------
    NoSuchSeries
        ``wanted_uid`` is not among them.
    SeveralStudies
        The series belong to more than one study.
    """
    if not series:
        raise ValueError("there is no series to choose from")
    studies = {one.study_uid for one in series}
    if len(studies) > 1:
        raise SeveralStudies(count=len(studies))
    if wanted_uid is not None:
        chosen = next((one for one in series if one.series_uid == wanted_uid), None)
        if chosen is None:
            raise NoSuchSeries(series_uid=wanted_uid, count=len(series))
        rest = tuple((one, PassedOver()) for one in series if one is not chosen)
        return Choice(chosen, (ChosenByPerson(),), rest)
    longest_mm = max(one.coverage_mm for one in series)
    ranked = sorted(series, key=lambda one: _rank(one, longest_mm, prior_kernel))
    best = ranked[0]
    others = tuple((one, _difference(best, one, longest_mm, prior_kernel)) for one in ranked[1:])
    reasons = tuple({reason.as_sentence(): reason for _, reason in others}.values()) or (OnlySeries(),)
    return Choice(best, reasons, others)


def _rank(one: CtSeries, longest_mm: float, prior_kernel: str) -> tuple[float | str, ...]:
    """Smaller is better, the first difference decides; :func:`_difference` names it."""
    thick = slice_mm(one)
    return (
        one.blocks_volumetry,
        one.coverage_mm < COVERS_LESS * longest_mm,
        sum(thick > limit for limit in THICKNESS_CLASSES_MM),
        bool(prior_kernel) and one.kernel != prior_kernel,
        KERNEL_ORDER.index(sharpness(one.manufacturer, one.kernel)),
        thick,
        one.contrast is True,
        -len(one.slices),
        one.series_uid,
    )


def _difference(best: CtSeries, other: CtSeries, longest_mm: float, prior_kernel: str) -> Notice:
    ranks = zip(_rank(best, longest_mm, prior_kernel), _rank(other, longest_mm, prior_kernel), strict=True)
    first = next((place for place, (mine, its) in enumerate(ranks) if mine != its), -1)
    thinner = Thinner(mm=slice_mm(best), other_mm=slice_mm(other))
    said: tuple[Notice, ...] = (
        thinner if slice_mm(best) < slice_mm(other) else Measurable(),
        CoversMore(mm=best.coverage_mm, other_mm=other.coverage_mm),
        thinner,
        LikePrior(kernel=best.kernel),
        BetterKernel(
            kernel=best.kernel or "?",
            sharpness=sharpness(best.manufacturer, best.kernel),
            other_kernel=other.kernel or "?",
            other_sharpness=sharpness(other.manufacturer, other.kernel),
        ),
        thinner,
        WithoutContrast(),
        MoreSlices(count=len(best.slices), other_count=len(other.slices)),
        NoDifference(),
    )
    return said[first]
