"""Fleischner 2017 for a whole exam: scope, nodules that count, the one that leads (reference 1.1, 1.7, 1.9)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Basis, Finding
from nodules_app.clinical.editions import fleischner2017 as table
from nodules_app.clinical.editions.edition import (
    Edition,
    found,
    is_subsolid,
    largest,
    largest_resolved,
    most_urgent,
    scope_facts,
    scope_reason,
    with_more,
)
from nodules_app.clinical.editions.fleischner2017_follow_up import solid_later, subsolid_later
from nodules_app.clinical.editions.fleischner2017_reading import (
    Family,
    Sized,
    benign_finding,
    class_at,
    partial,
    size_mm_of,
    sized,
    solid_change,
    solid_first,
    solid_part,
    subsolid_change,
    subsolid_first,
)
from nodules_app.clinical.editions.fleischner_risk import fleischner_risk
from nodules_app.clinical.reasons import because
from nodules_app.clinical.rules import first_rule
from nodules_app.clinical.sizes import WHOLE, half_up, mean_mm
from nodules_app.clinical.view import Look, View


def judge(view: View) -> Finding:
    """What the guideline says about the exam."""
    scope = first_rule(table.SCOPE, scope_facts(view))
    if scope is not None:
        return found(scope, view, why=(scope_reason(scope, view),), months=None)
    return with_more(
        _in_scope(view),
        missing=("patient.age",) if view.age is None else (),
        why=(because("age_unknown"),) if view.age is None else (),
    )


def _in_scope(view: View) -> Finding:
    if not view.present:
        return _nothing_left(view)
    benign = {look.nodule.id: finding for look in view.present if (finding := benign_finding(view, look))}
    doubtful = [look for look in view.present if look.nodule.id not in benign]
    if not doubtful:
        return benign[largest(view.present).nodule.id]
    masses = [look for look in doubtful if (size := size_mm_of(look.now)) is not None and half_up(size, WHOLE) > 30]
    if masses:
        return _mass(view, largest(masses))
    sizes = {look.nodule.id: sized(view, look) for look in doubtful}
    measured = [size for size in sizes.values() if size is not None]
    findings = [_unmeasured(view, look) for look in doubtful if sizes[look.nodule.id] is None]
    if view.exam.coverage == "partial":
        findings += [partial(view, nodule) for nodule in measured]
    else:
        findings += _complete(view, doubtful, measured)
    return most_urgent(_in_order(findings, doubtful))


def _in_order(findings: Sequence[Finding], looks: Sequence[Look]) -> list[Finding]:
    places = {look.nodule.id: place for place, look in enumerate(looks)}
    return sorted(findings, key=lambda finding: places[finding.nodule_id or ""])


def _nothing_left(view: View) -> Finding:
    if view.resolved:
        gone = largest_resolved(view.resolved)
        return found(table.RESOLVED, view, why=(because("all_resolved"),), nodule_id=gone.id)
    return found(table.NONE, view, why=(because("no_nodule"),))


def _mass(view: View, look: Look) -> Finding:
    size_mm = size_mm_of(look.now)
    assert size_mm is not None  # noqa: S101 - it was compared with 30
    why = because("mass", size_mm=half_up(size_mm, Decimal("0.01")), rounded_mm=half_up(size_mm, WHOLE))
    basis: Basis = "volume" if mean_mm(look.now) is None else "diameter"
    return found(table.MASS, view, look, why=(why,), basis=basis)


def _unmeasured(view: View, look: Look) -> Finding:
    finding = found(table.MEASUREMENT, view, look, why=(because("unmeasured"),), category="measurement_needed")
    return with_more(finding, missing=("long_axis_mm",))


def _complete(view: View, doubtful: Sequence[Look], measured: Sequence[Sized]) -> list[Finding]:
    solid_looks = [look for look in doubtful if not is_subsolid(look)]
    both = ("AMB-11",) if 0 < len(solid_looks) < len(doubtful) else ()
    risk = fleischner_risk(view, solid_looks)
    solid = Family(tuple(n for n in measured if not is_subsolid(n.look)), len(solid_looks))
    subsolid = Family(tuple(n for n in measured if is_subsolid(n.look)), len(doubtful) - len(solid_looks))
    findings = [
        solid_later(view, solid, n, risk) if n.look.earlier else solid_first(view, solid, n, risk)
        for n in solid.members
    ]
    findings += [
        subsolid_later(view, subsolid, n) if n.look.earlier else subsolid_first(view, subsolid, n)
        for n in subsolid.members
    ]
    return [with_more(finding, ambiguities=both) for finding in findings]


def part_played(view: View, look: Look) -> Hashable:
    """Benign, mass, class, change, class at baseline, solid part: all that the rows of a family read of a member."""
    benign = benign_finding(view, look)
    size, mm = sized(view, look), size_mm_of(look.now)
    if benign is not None or size is None or mm is None:
        return None if benign is None else benign.rule.id
    grew = before = None
    if look.earlier:
        first = look.earlier[0]
        change = subsolid_change if is_subsolid(look) else solid_change
        grew, before = change(look, first)[0], class_at(first, size.basis)
    return half_up(mm, WHOLE) > 30, size.size_class, grew, before, solid_part(look, size.basis).size_class


# Classes of volume are no conditions of rows.
LIMITS: Final = frozenset(
    bound for limits in table.MM3_CLASSES.values() for bound in (limits.low, limits.high) if bound.is_finite()
)
EDITION: Final = Edition(
    "FLEISCHNER2017",
    "2017",
    "Fleischner Society 2017",
    table.RULES,
    judge,
    volume_limits=LIMITS,
    # Rounded half-up to whole millimetres before they are compared: <6, 6-8, >8.
    diameter_limits=frozenset({Decimal("5.5"), Decimal("8.5")}),
    compares=("volume_ratio", "mean_mm"),
    reads_solid_size=True,
    reads_solid_growth=True,
    reads_class_before=True,
    part_played=part_played,
)
