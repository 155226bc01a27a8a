"""How the rows of Fleischner 2017 are read for one nodule: size, benign, partial coverage, family, solid part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Basis, Branch, Finding
from nodules_app.clinical.case import Attenuation, Margin, Measurement
from nodules_app.clinical.editions import fleischner2017 as table
from nodules_app.clinical.editions.edition import (
    basis_of,
    found,
    is_subsolid,
    mean_notes,
    with_more,
)
from nodules_app.clinical.editions.fleischner_risk import Risk
from nodules_app.clinical.growth import GROWTH_MM, GROWTH_RATIO
from nodules_app.clinical.months import whole_months
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.rules import Fact, Rule, Span, the_rule
from nodules_app.clinical.sizes import (
    WHOLE,
    both_volumes,
    half_up,
    mean_mm,
    same_method,
    solid_mean_mm,
    sphere_diameter_mm,
)
from nodules_app.clinical.view import Look, View, is_benign, is_spiculated

ORDER: Final = ("<6", "6-8", ">8")


@dataclass(frozen=True, slots=True)
class Sized:
    """A nodule with its size class."""

    look: Look
    size_class: str
    basis: Basis
    why: tuple[Reason, ...]
    missing: tuple[str, ...] = ()
    ambiguities: tuple[str, ...] = ()


def class_of(value: Decimal, classes: Mapping[str, Span]) -> str:
    """The class whose range holds the value."""
    (found_class,) = (name for name, limits in classes.items() if value in limits)
    return found_class


def rounded_class(size_mm: Decimal) -> str:
    """Class of a diameter: rounded half-up to whole millimetres first."""
    return class_of(half_up(size_mm, WHOLE), table.MM_CLASSES)


def class_at(m: Measurement, basis: Basis | None) -> str | None:
    """Class of one measurement by the wanted size, by the other when that was not measured."""
    size_mm = mean_mm(m)
    if m.volume_mm3 is not None and (basis == "volume" or size_mm is None):
        return class_of(m.volume_mm3, table.MM3_CLASSES)
    return None if size_mm is None else rounded_class(size_mm)


def sized(view: View, look: Look) -> Sized | None:
    """Size class of a nodule at the current exam, with everything that was touched on the way."""
    basis = basis_of(view, look, volume_first=False)
    if basis is None:
        return None
    now = look.now
    if basis == "volume" and now.volume_mm3 is not None:
        size_class = class_of(now.volume_mm3, table.MM3_CLASSES)
        noted = ["AMB-03"] if now.volume_mm3 in (100, 250) else []
        why = because("volume_class", volume_mm3=now.volume_mm3, size_class=size_class)
        missing: tuple[str, ...] = ()
    else:
        size_mm = mean_mm(now)
        assert size_mm is not None  # noqa: S101 - the basis says so
        whole = half_up(size_mm, WHOLE)
        size_class = class_of(whole, table.MM_CLASSES)
        why = because("mean_rounded", size_mm=size_mm, rounded_mm=whole, size_class=size_class)
        missing, other = mean_notes(look)
        noted = [*_rounding_notes(size_mm, whole, size_class), *other]
    if _disagree(now, size_class, basis):
        noted.append("AMB-02")
    return Sized(look, size_class, basis, (why,), missing, tuple(noted))


def _rounding_notes(size_mm: Decimal, whole: Decimal, size_class: str) -> list[str]:
    notes = []
    if whole - size_mm == Decimal("0.5") and class_of(whole - 1, table.MM_CLASSES) != size_class:
        notes.append("AMB-01")
    if size_mm == 8:
        notes.append("AMB-03")
    return notes


def _disagree(now: Measurement, size_class: str, basis: Basis) -> bool:
    """Whether diameter and volume, both measured, give different classes (AMB-02)."""
    size_mm = mean_mm(now)
    if size_mm is None or now.volume_mm3 is None:
        return False
    other = rounded_class(size_mm) if basis == "volume" else class_of(now.volume_mm3, table.MM3_CLASSES)
    return other != size_class


def size_mm_of(m: Measurement) -> Decimal | None:
    """Mean diameter, or that of the sphere when only a volume was measured."""
    size = mean_mm(m)
    if size is None and m.volume_mm3 is not None:
        return sphere_diameter_mm(m.volume_mm3)
    return size


# --- benign -----------------------------------------------------------------------------------------------------------


def benign_finding(view: View, look: Look) -> Finding | None:
    """The row that makes a nodule clearly benign, if one does."""
    nodule = look.nodule
    if is_benign(nodule):
        return found(table.BENIGN, view, look, why=(because("benign"),))
    patient = view.case.patient
    facts: dict[str, Fact] = {
        "attenuation": look.attenuation,
        "at_fissure_or_pleura": nodule.location.perifissural or nodule.location.juxtapleural,
        "margin": nodule.margin,
        "shape": nodule.shape,
        "mean_mm": size_mm_of(look.now),
        "cancer_history": bool(patient.personal_history_cancer)
        or patient.previous_extrathoracic_cancer_years is not None,
    }
    if table.PFN.holds(facts):
        return found(table.PFN, view, look, why=(because("perifissural", shape=nodule.shape),), basis="diameter")
    return None


# --- growth (1.8) -----------------------------------------------------------------------------------------------------


def change_since(look: Look, first: Measurement) -> tuple[bool, Reason]:
    """Whether the nodule grew since a measurement: 2.0 mm of mean diameter, or 25 % of volume (AMB-46: unrounded)."""
    volumes = both_volumes(first, look.now)
    if volumes is not None and volumes[1] >= volumes[0] * GROWTH_RATIO:
        return True, because("grew_volume", percent=percent(*volumes), earlier_on=first.date)
    before, after = mean_mm(first), mean_mm(look.now)
    if before is not None and after is not None:
        grew = after - before >= GROWTH_MM
        code = "grew_mm" if grew else "same_mm"
        return grew, because(code, earlier_mm=before, earlier_on=first.date, now_mm=after)
    if volumes is not None:
        return False, because("same_volume", percent=percent(*volumes), earlier_on=first.date)
    return False, because("not_comparable")


def solid_change(look: Look, first: Measurement) -> tuple[bool, Reason]:
    """Whether a solid nodule grew since a measurement; a former ground-glass one did."""
    if look.developed_solid:
        return True, because("solid_developed")
    return change_since(look, first)


def subsolid_change(look: Look, first: Measurement) -> tuple[bool, Reason]:
    """Whether a subsolid nodule or its solid component grew, or a solid component appeared, since a measurement."""
    if look.developed_solid:
        return True, because("solid_developed")
    before, after = solid_mean_mm(first), solid_mean_mm(look.now)
    if before is not None and after is not None and after - before >= GROWTH_MM:
        return True, because("solid_grew")
    v1, v2 = first.solid_volume_mm3, look.now.solid_volume_mm3
    if v1 is not None and v2 is not None and same_method(first, look.now) and v2 >= v1 * GROWTH_RATIO:
        return True, because("solid_grew")
    return change_since(look, first)


def percent(earlier: Decimal, later: Decimal) -> str:
    """Signed percent change with two decimals."""
    return f"{half_up((later / earlier - 1) * 100, Decimal('0.01')):+f}"


# --- partial coverage -------------------------------------------------------------------------------------------------


def partial(view: View, nodule: Sized) -> Finding:
    """A nodule on an exam that shows only part of the chest."""
    look, first = nodule.look, next(iter(nodule.look.earlier), None)
    months = 0 if first is None else whole_months(first.date, view.today)
    change = subsolid_change if is_subsolid(look) else solid_change
    stable = first is not None and months >= 24 and not change(look, first)[0]
    spiculated = is_spiculated(look.nodule)
    facts: dict[str, Fact] = {
        "stable_24m": stable,
        "size": nodule.size_class,
        "spiculated": spiculated,
        "large_or_suspicious": nodule.size_class == ">8" or (spiculated and nodule.size_class == "6-8"),
    }
    why = [because("partial"), *nodule.why]
    if stable:
        why.append(because("stable_for", months=months))
    return _noted(found(the_rule(table.PARTIAL, facts), view, look, why=why, basis=nodule.basis), nodule)


def _noted(finding: Finding, nodule: Sized) -> Finding:
    return with_more(finding, missing=nodule.missing, ambiguities=nodule.ambiguities)


# --- solid, first look (1.3) ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Family:
    """The nodules of one kind that are judged together."""

    members: tuple[Sized, ...]
    count: int  # also those that were not measured

    @property
    def kind(self) -> str:
        """Single or multiple."""
        return "single" if self.count == 1 else "multiple"

    @property
    def largest_class(self) -> str:
        """The largest class present."""
        return max((member.size_class for member in self.members), key=ORDER.index)


def solid_row(family: Family, size_class: str, risk: str) -> Rule:
    """The row of Table A."""
    return the_rule(table.SOLID, {"family": family.kind, "size": size_class, "risk": risk})


def judged_class(family: Family, nodule: Sized) -> str:
    """A single nodule is judged by its own class, members of a multiple family by the largest present."""
    return nodule.size_class if family.kind == "single" else family.largest_class


def solid_first(view: View, family: Family, nodule: Sized, risk: Risk) -> Finding:
    """First look at a solid nodule."""
    size_class = judged_class(family, nodule)
    rule = solid_row(family, size_class, risk.row)
    why = [because("family", count=family.count, family="solid"), *nodule.why]
    if size_class != nodule.size_class:
        why.append(because("largest_in_family", size_class=size_class))
    finding = _noted(found(rule, view, nodule.look, why=(*why, *risk.why), basis=nodule.basis), nodule)
    return finding if risk.level != "unknown" else with_risk_branches(finding, family, size_class)


def with_risk_branches(finding: Finding, family: Family, size_class: str) -> Finding:
    """Unknown risk: both rows are named, unless risk makes no difference (AMB-05)."""
    rows = {risk: solid_row(family, size_class, risk) for risk in ("low", "high")}
    if rows["low"] is rows["high"]:
        return finding
    branches = tuple(Branch(row.management, row.id, f"risk {risk}") for risk, row in rows.items())
    return replace(with_more(finding, missing=("patient.smoking.status",), ambiguities=("AMB-05",)), branches=branches)


# --- subsolid, first look (1.4) ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SolidPart:
    """The solid component of a part-solid nodule; unmeasured it is read as <6."""

    size_class: str
    known: bool
    why: tuple[Reason, ...]
    ambiguities: tuple[str, ...] = ()


def solid_part(look: Look, basis: Basis) -> SolidPart:
    """Class of the solid component by the size the whole nodule was judged by, else by the other."""
    now = look.now
    size_mm = solid_mean_mm(now)
    if now.solid_volume_mm3 is not None and (basis == "volume" or size_mm is None):
        why = because("solid_volume", volume_mm3=now.solid_volume_mm3)
        return SolidPart(class_of(now.solid_volume_mm3, table.MM3_CLASSES), known=True, why=(why,))
    if size_mm is None:
        return SolidPart("<6", known=False, why=(because("solid_unknown"),))
    whole = half_up(size_mm, WHOLE)
    size_class = class_of(whole, table.MM_CLASSES)
    rounding = tuple(n for n in _rounding_notes(size_mm, whole, size_class) if n == "AMB-01")
    why = because("solid_rounded", size_mm=size_mm, rounded_mm=whole)
    return SolidPart(size_class, known=True, why=(why,), ambiguities=("AMB-06b", *rounding))


def is_suspicious_part_solid(look: Look) -> bool:
    """Lobulated margin or cystic components."""
    return look.nodule.margin is Margin.LOBULATED or look.nodule.bubbly


def subsolid_first(view: View, family: Family, nodule: Sized) -> Finding:
    """First look at a subsolid nodule."""
    look = nodule.look
    why = [because("family", count=family.count, family="subsolid"), *nodule.why]
    asks_solid = (
        family.kind == "single" and look.attenuation is Attenuation.PART_SOLID and nodule.size_class in table.GE6
    )
    part = solid_part(look, nodule.basis) if asks_solid else None
    facts: dict[str, Fact] = {
        "family": family.kind,
        "attenuation": look.attenuation,
        "size": nodule.size_class,
        "largest": family.largest_class,
        "solid_size": None if part is None else part.size_class,
        "suspicious": is_suspicious_part_solid(look),
    }
    rule = the_rule(table.SUBSOLID, facts)
    finding = _noted(found(rule, view, look, why=why, basis=nodule.basis), nodule)
    if part is None:
        return finding
    if part.known and facts["suspicious"] and part.size_class in table.GE6:
        finding = with_more(finding, why=(because("suspicious_part_solid"),))
    return with_solid_part(finding, part, nodule)


def with_solid_part(finding: Finding, part: SolidPart, nodule: Sized) -> Finding:
    """Name the solid component; unmeasured, give every row that it could lead to."""
    finding = with_more(finding, why=part.why, ambiguities=part.ambiguities)
    if not part.known:
        return replace(
            with_more(finding, missing=("solid_long_axis_mm",)), branches=solid_branches(nodule.look, nodule.size_class)
        )
    if finding.rule.id.endswith("S.GT8"):
        later = the_rule(table.SUBSOLID, _solid_facts("6-8", suspicious=False))
        return replace(finding, branches=(Branch(later.management, later.id, "persistence is to be confirmed first"),))
    return finding


def solid_branches(look: Look, size_class: str) -> tuple[Branch, ...]:
    """The rows for each solid component that fits into the nodule."""
    possible = ORDER[: ORDER.index(size_class) + 1]
    rows = ((c, the_rule(table.SUBSOLID, _solid_facts(c, suspicious=is_suspicious_part_solid(look)))) for c in possible)
    return tuple(Branch(row.management, row.id, f"solid component {c} mm") for c, row in rows)


def _solid_facts(solid_size: str, *, suspicious: bool) -> dict[str, str | bool | None]:
    return {
        "family": "single",
        "attenuation": "part_solid",
        "size": ">8",
        "largest": ">8",
        "solid_size": solid_size,
        "suspicious": suspicious,
    }
