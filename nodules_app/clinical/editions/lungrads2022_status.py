"""Lung-RADS v2022: what became of a nodule since the exams before (reference 2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from nodules_app.clinical.case import Attenuation, ExamKind, Measurement, SizeBasis, Status
from nodules_app.clinical.months import add_months
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.sizes import (
    TENTH,
    both_volumes,
    half_up,
    mean_mm,
    same_method,
    solid_mean_mm,
    sphere_diameter_mm,
)
from nodules_app.clinical.view import Look, View

CHANGE_MM: Final = Decimal("1.5")  # more than this within twelve months is growth
YEAR_DAYS: Final = Decimal("365.25")


@dataclass(frozen=True, slots=True)
class Course:
    """Status of a nodule and how it was found."""

    status: Status
    why: tuple[Reason, ...] = ()
    ambiguities: tuple[str, ...] = ()
    slow: bool = False


def reported(size_mm: Decimal) -> Decimal:
    """As Lung-RADS reports it."""
    return half_up(size_mm, TENTH)


def course_of(view: View, look: Look) -> Course:
    """The reader's status if one is stated, else the one that the measurements give."""
    stated = look.nodule.status
    if stated is not None:
        return Course(stated, (because("status_stated", status=stated),))
    if not look.seen_before:
        only = len(view.exams) == 1 and view.exam.kind is ExamKind.BASELINE
        status = Status.BASELINE if only else Status.NEW
        return Course(status, (because("status", status=status),))
    return _compared(view, look)


def _compared(view: View, look: Look) -> Course:
    basis = view.case.size_basis
    if look.developed_solid:
        return Course(Status.GROWING, (because("solid_developed"),))
    notes: list[str] = []
    for earlier in look.earlier:
        grown = _growth(look, earlier, basis, notes)
        if grown is not None:
            return Course(Status.GROWING, (grown,), tuple(dict.fromkeys(notes)))
    if not look.earlier:
        return Course(Status.STABLE, (because("not_comparable"),))
    previous = look.earlier[-1]
    sizes = _sizes(previous, look.now, basis)
    if sizes is None:
        return Course(Status.STABLE, (because("not_comparable"),))
    before, now, by_volume = sizes
    ambiguities = ("AMB-13",) if by_volume else ()
    why = because(
        "same_mm",
        earlier_mm=half_up(before, TENTH),
        earlier_on=previous.date,
        now_mm=half_up(now, TENTH),
    )
    if now - before < -CHANGE_MM:
        return Course(Status.DECREASING, (why, because("status", status=Status.DECREASING)), ambiguities)
    slow = _slow_growth(look, basis)
    if slow is not None:
        return Course(Status.STABLE, (slow,), ambiguities, slow=True)
    return Course(Status.STABLE, (why,), ambiguities)


def _sizes(earlier: Measurement, later: Measurement, basis: SizeBasis) -> tuple[Decimal, Decimal, bool] | None:
    """Both mean diameters as reported, else both sphere diameters (AMB-13); the last tells which."""
    d1, d2 = mean_mm(earlier), mean_mm(later)
    volumes = both_volumes(earlier, later)
    if volumes is not None and (basis is SizeBasis.VOLUME or d1 is None or d2 is None):
        return sphere_diameter_mm(volumes[0]), sphere_diameter_mm(volumes[1]), True
    if d1 is None or d2 is None:
        return None
    return reported(d1), reported(d2), False


def _solid_sizes(earlier: Measurement, later: Measurement) -> tuple[Decimal, Decimal, bool] | None:
    d1, d2 = solid_mean_mm(earlier), solid_mean_mm(later)
    if d1 is not None and d2 is not None:
        return reported(d1), reported(d2), False
    v1, v2 = earlier.solid_volume_mm3, later.solid_volume_mm3
    if v1 is None or v2 is None or not same_method(earlier, later):
        return None
    return sphere_diameter_mm(v1), sphere_diameter_mm(v2), True


def _growth(look: Look, earlier: Measurement, basis: SizeBasis, notes: list[str]) -> Reason | None:
    """The reason when the nodule or its solid component grew since ``earlier``; what was touched goes to notes."""
    whole = _sizes(earlier, look.now, basis)
    solid = _solid_sizes(earlier, look.now) if look.attenuation is Attenuation.PART_SOLID else None
    whole_grew = whole is not None and _grew(whole, earlier, look.now, notes)
    solid_grew = solid is not None and _grew(solid, earlier, look.now, notes)
    if solid_grew:
        return because("solid_grew")
    if not whole_grew or whole is None:
        return None
    if solid is not None:
        notes.append("AMB-16")
    return because(
        "grew_mm",
        earlier_mm=half_up(whole[0], TENTH),
        earlier_on=earlier.date,
        now_mm=half_up(whole[1], TENTH),
    )


def _grew(sizes: tuple[Decimal, Decimal, bool], earlier: Measurement, later: Measurement, notes: list[str]) -> bool:
    """More than 1.5 mm within twelve months; longer intervals are annualised (AMB-12)."""
    before, now, by_volume = sizes
    difference = now - before
    if difference <= CHANGE_MM:
        return False
    if add_months(earlier.date, 12) < later.date:
        notes.append("AMB-12")
        if difference * YEAR_DAYS <= CHANGE_MM * (later.date - earlier.date).days:
            return False
    if by_volume:
        notes.append("AMB-13")
    return True


def _slow_growth(look: Look, basis: SizeBasis) -> Reason | None:
    """Three and more measurements, never smaller, more than 1.5 mm in all (AMB-22)."""
    if look.attenuation is Attenuation.GROUND_GLASS:
        return None
    sizes = _series((*look.earlier, look.now), basis)
    if len(sizes) < 3 or any(b < a for a, b in pairwise(sizes)):
        return None
    if sizes[-1] - sizes[0] <= CHANGE_MM:
        return None
    return because(
        "slow_growth", first_mm=half_up(sizes[0], TENTH), last_mm=half_up(sizes[-1], TENTH), count=len(sizes)
    )


def _series(measured: tuple[Measurement, ...], basis: SizeBasis) -> list[Decimal]:
    """Reported means of all that have one, or the spheres of volumes by one method (AMB-13)."""
    means = [reported(size) for m in measured if (size := mean_mm(m)) is not None]
    volumes = [m.volume_mm3 for m in measured if m.volume_mm3 is not None]
    methods = {m.method for m in measured if m.method is not None}
    by_volume = basis is SizeBasis.VOLUME or len(means) < len(measured)
    if by_volume and len(volumes) == len(measured) and len(methods) < 2:
        return [sphere_diameter_mm(volume) for volume in volumes]
    return means
