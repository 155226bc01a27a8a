"""How the rows of BTS 2015 are read: lead, volume before diameter, Brock and Herder, follow-up (reference 3)."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from nodules_app.clinical.assessment import Basis, Finding
from nodules_app.clinical.case import Attenuation, Measurement, Shape, SizeBasis
from nodules_app.clinical.editions import bts2015 as table
from nodules_app.clinical.editions.edition import (
    Edition,
    RiskLimit,
    basis_of,
    found,
    is_subsolid,
    largest,
    largest_resolved,
    scope_facts,
    scope_reason,
    with_more,
)
from nodules_app.clinical.editions.fleischner2017_reading import percent
from nodules_app.clinical.growth import GROWTH_MM, GROWTH_RATIO, doubling_time_days
from nodules_app.clinical.months import Months, add_months, whole_months, window
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.risk.brock import brock, brock_mm_at
from nodules_app.clinical.risk.herder import herder, herder_mm_at
from nodules_app.clinical.risk.subject import subject_of
from nodules_app.clinical.rules import Fact, Rule, first_rule, the_rule
from nodules_app.clinical.sizes import (
    both_volumes,
    half_up,
    longest_mm,
    solid_longest_mm,
    sphere_diameter_mm,
)
from nodules_app.clinical.view import Look, View, is_benign

HUNDREDTH: Final = Decimal("0.01")


# --- who leads --------------------------------------------------------------------------------------------------------


def judge(view: View) -> Finding:
    """What the guideline says about the exam."""
    scope = first_rule(table.SCOPE, scope_facts(view))
    if scope is not None:
        return found(scope, view, why=(scope_reason(scope, view),))
    return _in_scope(view)


def _in_scope(view: View) -> Finding:
    if not view.present:
        if view.resolved:
            gone = largest_resolved(view.resolved)
            return found(table.RESOLVED, view, why=(because("all_resolved"),), nodule_id=gone.id)
        return found(table.NONE, view, why=(because("no_nodule"),))
    benign = {look.nodule.id: finding for look in view.present if (finding := _benign(view, look))}
    doubtful = [look for look in view.present if look.nodule.id not in benign]
    if not doubtful:
        return benign[largest(view.present).nodule.id]
    lead = _lead(view, doubtful)
    finding = _answer(view, lead)
    unmeasured = next((look for look in doubtful if not look.measured), None)
    if unmeasured is not None and finding.code == "bts_discharge":
        return _unmeasured(view, unmeasured)
    return finding


def _lead(view: View, doubtful: Sequence[Look]) -> Look:
    """A grown nodule leads, among several and otherwise the largest: by volume if every one has it."""
    grown = [look for look in doubtful if look.earlier and _grew(view, look)]
    return _largest(view, grown or doubtful)


def _largest(view: View, looks: Sequence[Look]) -> Look:
    by_volume = view.case.size_basis is not SizeBasis.DIAMETER and all(
        look.now.volume_mm3 is not None for look in looks
    )

    def size(look: Look) -> Decimal:
        volume, longest = look.now.volume_mm3, longest_mm(look.now)
        if volume is not None and by_volume:
            return volume
        if longest is not None:
            return longest
        return Decimal(0) if volume is None else sphere_diameter_mm(volume)

    return max(looks, key=size)


def _grew(view: View, look: Look) -> bool:
    if is_subsolid(look):
        solid, whole = _subsolid_growth(look)
        return solid or whole
    change = _solid_change(view, look)
    return change is not None and change.growth


def _benign(view: View, look: Look) -> Finding | None:
    nodule = look.nodule
    if is_benign(nodule):
        return found(table.BENIGN, view, look, why=(because("benign"),))
    if _is_pfn(look):
        return found(table.PFN, view, look, why=(because("perifissural", shape=nodule.shape),), basis="diameter")
    return None


def _is_pfn(look: Look) -> bool:
    nodule = look.nodule
    size = longest_mm(look.now)
    if size is None and look.now.volume_mm3 is not None:
        size = sphere_diameter_mm(look.now.volume_mm3)
    facts: dict[str, Fact] = {
        "attenuation": look.attenuation,
        "at_fissure_or_pleura": nodule.location.perifissural or nodule.location.juxtapleural,
        "margin": nodule.margin,
        "shape": nodule.shape,
        "largest_mm": size,
    }
    return table.PFN.holds(facts)


def _unmeasured(view: View, look: Look) -> Finding:
    return found(table.MEASUREMENT, view, look, why=(because("unmeasured"),), missing=("long_axis_mm",))


def _answer(view: View, look: Look) -> Finding:
    if is_subsolid(look):
        if longest_mm(look.now) is None:
            return _unmeasured(view, look)
        return _subsolid_later(view, look) if look.earlier else _subsolid_first(view, look)
    basis = basis_of(view, look, volume_first=True)
    if basis is None:
        return _unmeasured(view, look)
    finding = _solid_later(view, look, basis) if look.earlier else _solid_first(view, look, basis)
    oval = look.nodule.location.perifissural and look.nodule.shape is Shape.OVAL
    return with_more(finding, ambiguities=("AMB-29",)) if oval else finding


# --- solid, first look (3.2) ------------------------------------------------------------------------------------------


def _size_facts(m: Measurement, basis: Basis) -> dict[str, Fact]:
    by_volume = basis == "volume"
    volume, longest = m.volume_mm3, longest_mm(m)
    large = (volume if by_volume else longest) or Decimal(0)
    return {
        "volume_mm3": volume if by_volume else None,
        "largest_mm": None if by_volume else longest,
        "large": large in (table.LARGE_MM3 if by_volume else table.LARGE_MM),
    }


def _size_why(m: Measurement, basis: Basis) -> Reason:
    if basis == "volume":
        return because("volume", volume_mm3=m.volume_mm3)
    return because("largest_raw", size_mm=longest_mm(m))


def _solid_first(view: View, look: Look, basis: Basis) -> Finding:
    facts = _size_facts(look.now, basis)
    why = [_size_why(look.now, basis)]
    missing: tuple[str, ...] = ()
    if facts["large"]:
        risk, risk_why, missing = _risk_facts(view, look)
        why.extend(risk_why)
        rule = the_rule(table.LARGE, facts | risk)
    else:
        rule = the_rule(table.SOLID, facts)
    return found(rule, view, look, why=why, missing=missing, ambiguities=_disagreement(look.now, basis), basis=basis)


def _disagreement(m: Measurement, basis: Basis) -> tuple[str, ...]:
    """Volume and diameter, both measured, lie in different rows (AMB-24)."""
    if m.volume_mm3 is None or longest_mm(m) is None:
        return ()
    other: Basis = "diameter" if basis == "volume" else "volume"

    def row(which: Basis) -> str:
        facts = _size_facts(m, which)
        return "large" if facts["large"] else the_rule(table.SOLID, facts).management

    return ("AMB-24",) if row(basis) != row(other) else ()


def _risk_facts(view: View, look: Look) -> tuple[dict[str, Fact], tuple[Reason, ...], tuple[str, ...]]:
    """Brock 2b, and Herder where a PET was done and Brock is 10 % or more."""
    subject = subject_of(view, look)
    cancer = brock("brock_2b", subject)
    uptake = look.nodule.pet_uptake
    facts: dict[str, Fact] = {
        "brock_known": cancer.probability is not None,
        "brock_percent": None,
        "pet": uptake is not None,
        "herder_percent": None,
    }
    if cancer.probability is None:
        return facts, (because("brock_unknown"),), cancer.missing
    brock_percent = cancer.probability * 100
    facts["brock_percent"] = brock_percent
    why: tuple[Reason, ...] = (because("brock", percent=half_up(brock_percent, HUNDREDTH)),)
    if uptake is None:
        return facts, why, ()
    if brock_percent < 10:
        return facts, (*why, because("pet_ignored")), ()
    after = herder(subject)
    if after.probability is None:  # a PET that cannot be weighed leaves the risk unknown
        facts |= {"brock_known": False, "brock_percent": None}
        return facts, (*why, because("mayo_unknown")), after.missing
    facts["herder_percent"] = after.probability * 100
    shown = half_up(after.probability * 100, HUNDREDTH)
    return facts, (*why, because("herder", uptake=uptake, percent=shown)), ()


# --- solid, follow-up (3.3) -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Change:
    """Change of a solid nodule since baseline."""

    growth: bool
    basis: Basis
    vdt_days: Decimal | None
    why: Reason
    one_volume_only: bool


def _solid_change(view: View, look: Look) -> Change | None:
    """By volume when both exams carry a comparable one, else by the largest diameter; ``None`` with neither."""
    first, now = look.earlier[0], look.now
    days = (now.date - first.date).days
    volumes = both_volumes(first, now)
    d1, d2 = longest_mm(first), longest_mm(now)
    diameters = d1 is not None and d2 is not None
    if volumes is not None and not (diameters and view.case.size_basis is SizeBasis.DIAMETER):
        v1, v2 = volumes
        grew = v2 >= v1 * GROWTH_RATIO
        code = "grew_volume" if grew else "same_volume"
        why = because(code, percent=percent(v1, v2), earlier_on=first.date)
        vdt = doubling_time_days(days, v2 / v1) if grew else None
        return Change(grew, "volume", vdt, why, one_volume_only=False)
    if d1 is None or d2 is None:
        return None
    grew = d2 - d1 >= GROWTH_MM
    why = because("grew_mm" if grew else "same_mm", earlier_mm=d1, earlier_on=first.date, now_mm=d2)
    one_only = (first.volume_mm3 is None) != (now.volume_mm3 is None)
    vdt = doubling_time_days(days, (d2 / d1) ** 3) if grew else None
    return Change(grew, "diameter", vdt, why, one_volume_only=one_only)


def _solid_later(view: View, look: Look, basis: Basis) -> Finding:
    first = look.earlier[0]
    change = _solid_change(view, look)
    months = whole_months(first.date, view.today)
    if change is None:
        # Volumes of two methods prove no stability by volumetry: the longer follow-up of the diameter rows holds.
        why = because("not_comparable")
        change = Change(growth=False, basis="diameter", vdt_days=None, why=why, one_volume_only=False)
    else:
        basis = change.basis
    notes = [n for n, holds in (("AMB-27", change.basis == "diameter"), ("AMB-52", change.one_volume_only)) if holds]
    small = the_small_row(first, look.now, basis)
    if not change.growth and small is not None:
        reasons = [_size_why(look.now, basis), change.why]
        return found(small, view, look, why=reasons, basis=basis)
    (label,) = (name for name, limits in table.LABELS.items() if Decimal(months) in limits)
    facts: dict[str, Fact] = {
        "label": label,
        "growth": change.growth,
        "basis": change.basis,
        "vdt_days": change.vdt_days,
    }
    rule = the_rule(table.FOLLOW_UP, facts)
    why_label = because("exam_label", months=months, baseline=first.date, label=label)
    reasons = [why_label, change.why]
    if change.growth and change.vdt_days is not None:
        reasons.append(because("vdt", days=half_up(change.vdt_days, HUNDREDTH)))
    if rule.id.removeprefix(f"{table.CODE}.") in table.FROM_BASELINE:
        return found(
            rule, view, look, why=reasons, ambiguities=notes, anchor="baseline", anchor_date=first.date,
            basis=change.basis,
        )  # fmt: skip
    return found(rule, view, look, why=reasons, ambiguities=notes, basis=change.basis)


def the_small_row(first: Measurement, now: Measurement, basis: Basis) -> Rule | None:
    """The discharge row, when the nodule was below 5 mm or 80 mm3 at baseline and still is."""
    rows = [
        first_rule(table.SOLID, _size_facts(m, basis))
        for m in (first, now)
        if (m.volume_mm3 if basis == "volume" else longest_mm(m)) is not None
    ]
    if len(rows) < 2 or any(row is None or not row.id.endswith("LT5") for row in rows):
        return None
    return rows[1]


# --- subsolid (3.4) ---------------------------------------------------------------------------------------------------


def _subsolid_first(view: View, look: Look) -> Finding:
    rule = the_rule(table.SUBSOLID, {"largest_mm": longest_mm(look.now)})
    why = because("largest_raw", size_mm=longest_mm(look.now))
    return found(rule, view, look, why=(why,), basis="diameter")


def _subsolid_growth(look: Look) -> tuple[bool, bool]:
    """Whether the solid component (also: one that appeared) and the whole nodule grew by 2.0 mm."""
    first, now = look.earlier[0], look.now
    s1, s2 = solid_longest_mm(first), solid_longest_mm(now)
    d1, d2 = longest_mm(first), longest_mm(now)
    developed = look.attenuation is Attenuation.PART_SOLID and look.developed_solid
    solid = developed or (s1 is not None and s2 is not None and s2 - s1 >= GROWTH_MM)
    whole = d1 is not None and d2 is not None and d2 - d1 >= GROWTH_MM
    return solid, whole


def _open_mark(view: View, look: Look) -> Months | None:
    """The next of 12, 24, 48 months; an exam within two months before a mark counts as that mark (AMB-28)."""
    baseline = look.earlier[0].date
    reach = add_months(view.today, 2)
    return next((window(mark) for mark in table.MARKS if add_months(baseline, mark) > reach), None)


def _subsolid_later(view: View, look: Look) -> Finding:
    first = look.earlier[0]
    solid, whole = _subsolid_growth(look)
    months = whole_months(first.date, view.today)
    why = [because("since_baseline", months=months, baseline=first.date)]
    risk: dict[str, Fact] = {"brock_known": True, "brock_percent": None}
    missing: tuple[str, ...] = ()
    if solid:
        why.append(because("solid_developed" if look.developed_solid else "solid_grew"))
    else:
        before, now = longest_mm(first), longest_mm(look.now)
        code = "not_comparable" if before is None else "grew_mm" if whole else "same_mm"
        why.append(because(code, earlier_mm=before, earlier_on=first.date, now_mm=now))
    if not (solid or whole):
        risk, risk_why, missing = _brock_facts(view, look)
        why.extend(risk_why)
    mark = _open_mark(view, look)
    facts = {"solid_growth": solid, "growth": whole, "mark_open": mark is not None} | risk
    rule = the_rule(table.SUBSOLID_FOLLOW_UP, facts)
    if rule.id.endswith("BROCK.LT10"):
        return found(
            rule, view, look, why=why, months=mark, anchor="baseline", anchor_date=first.date, basis="diameter"
        )
    return found(rule, view, look, why=why, missing=missing, basis="diameter")


def _brock_facts(view: View, look: Look) -> tuple[dict[str, Fact], tuple[Reason, ...], tuple[str, ...]]:
    cancer = brock("brock_2b", subject_of(view, look))
    if cancer.probability is None:
        return {"brock_known": False, "brock_percent": None}, (because("brock_unknown"),), cancer.missing
    value = cancer.probability * 100
    why = because("brock", percent=half_up(value, HUNDREDTH))
    return {"brock_known": True, "brock_percent": value}, (why,), ()


def _risk_limits(view: View, look: Look) -> Iterator[RiskLimit]:
    """Diameters at which Brock passes 10 %, or Herder 10 and 70 %."""
    subject = subject_of(view, look)
    limits: tuple[tuple[Literal["mean", "longest"], Decimal | None], ...] = (
        ("longest", brock_mm_at("brock_2b", subject, Decimal("0.1"))),
        ("mean", herder_mm_at(subject, Decimal("0.1"))),
        ("mean", herder_mm_at(subject, Decimal("0.7"))),
    )
    for size, mm in limits:
        if mm is not None:
            yield RiskLimit(size, mm)


def _part_played(view: View, look: Look) -> Hashable:
    """Whether it counts, whether it grew, and what it would be given if it led."""
    benign = _benign(view, look)
    if benign is not None:
        return benign.rule.id
    answer = _answer(view, look)
    return bool(look.earlier) and _grew(view, look), answer.code, answer.rule.id, look.measured


EDITION: Final = Edition(
    "BTS2015",
    "2015",
    "British Thoracic Society 2015",
    table.RULES,
    judge,
    volume_limits=frozenset({table.LARGE_MM3.low}),
    volume_first=True,
    compares=("volume_ratio", "volume_vdt", "longest_mm", "longest_vdt"),
    compares_one_size=True,
    reads_solid_growth=True,
    reads_class_before=True,
    risk_limits=_risk_limits,
    part_played=_part_played,
    leads_by="volume_or_longest",
)
