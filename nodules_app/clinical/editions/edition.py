"""What every edition has in common: its name, its rows, and the few steps that all of them take alike."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from nodules_app.clinical.assessment import Basis, Finding
from nodules_app.clinical.case import Attenuation, Nodule, SizeBasis
from nodules_app.clinical.management import MANAGEMENT, ManagementClass
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.rules import Rule
from nodules_app.clinical.sizes import comparable_size_mm, lacks_short_axis
from nodules_app.clinical.view import Look, View, suspicion_order

Comparing = Literal[
    "volume_ratio", "volume_vdt", "mean_mm", "mean_vdt", "longest_mm", "longest_vdt", "reported_mm"
]  # 25 %, 2 mm, doubling times of 400 and 600 days, 1.5 mm as reported


class RiskLimit(NamedTuple):
    """A diameter at which a risk model passes a limit of the edition."""

    size: Literal["mean", "longest"]
    mm: Decimal


def no_risk_limits(_view: View, _look: Look) -> tuple[RiskLimit, ...]:
    """For editions that ask no model."""
    return ()


@dataclass(frozen=True, slots=True, eq=False)
class Edition:
    """One edition of one guideline."""

    code: str
    edition: str
    title: str
    rules: tuple[Rule, ...]
    judge: Callable[[View], Finding]
    has_modifiers: bool = False
    # What decides without being named by a row; ``borders`` reads it to know where an answer may change.
    volume_limits: frozenset[Decimal] = frozenset()  # mm3
    diameter_limits: frozenset[Decimal] = frozenset()  # mm, unrounded
    reports_to: Decimal | None = None  # mm to which diameters are rounded before a row looks at them
    volume_first: bool = False  # rows look at the volume of a solid nodule before its diameter
    reads_short_axis: bool = False
    compares: tuple[Comparing, ...] = ()  # how two exams are compared
    compares_one_size: bool = False  # by volume or by diameter, never by both
    compares_previous: bool = False  # with the exam before; else with the first
    reads_solid_size: bool = False  # a diameter of the solid component is looked up in the rows
    reads_solid_growth: bool = False
    reads_class_before: bool = False  # the size at the earlier exam is looked up in the rows too
    risk_limits: Callable[[View, Look], Iterable[RiskLimit]] = no_risk_limits
    leads_by: Literal["urgency", "mean", "volume_or_longest"] = "urgency"  # which nodule speaks for the exam
    part_played: Callable[[View, Look], Hashable] | None = None  # all that the exam's answer reads of a nodule but rank


def found(rule: Rule, view: View, look: Look | None = None, *, why: Iterable[Reason] = (), **more: Any) -> Finding:  # noqa: ANN401 - the fields of Finding
    """Apply a row to a nodule; its window counts from the exam unless ``more`` says otherwise."""
    return Finding(
        rule=rule,
        look=look,
        nodule_id=more.pop("nodule_id", None if look is None else look.nodule.id),
        months=more.pop("months", rule.months),
        anchor=more.pop("anchor", "exam"),
        anchor_date=more.pop("anchor_date", view.today),
        why=tuple(why),
        ambiguities=(*rule.ambiguities, *more.pop("ambiguities", ())),
        **more,
    )


def with_more(
    finding: Finding,
    *,
    why: Sequence[Reason] = (),
    missing: Sequence[str] = (),
    ambiguities: Sequence[str] = (),
) -> Finding:
    """Add what was used on the way to a finding."""
    if not (why or missing or ambiguities):
        return finding
    return replace(
        finding,
        why=(*finding.why, *why),
        missing=(*finding.missing, *missing),
        ambiguities=(*finding.ambiguities, *ambiguities),
    )


def scope_facts(view: View) -> dict[str, Decimal | str | bool | None]:
    """What scope rules ask."""
    patient = view.case.patient
    return {
        "setting": view.case.setting,
        "age": view.age,
        "known_cancer": bool(patient.known_cancer),
        "immunosuppressed": bool(patient.immunosuppressed),
        "proven_malignant": any(nodule.workup == "malignant" for nodule in view.case.nodules),
    }


def scope_reason(rule: Rule, view: View) -> Reason:
    """The fact that puts a case out of scope."""
    ending = rule.id.rpartition(".")[2]
    if ending == "AGE":
        limit = rule.when["age"]
        return because("age_below", age=view.age, limit=str(getattr(limit, "high", "")))
    simple = {"CANCER": "known_cancer", "IMMUNO": "immunosuppressed", "PROVEN": "proven"}
    if ending in simple:
        return because(simple[ending])
    return because("setting", setting=view.case.setting)


def basis_of(view: View, look: Look, *, volume_first: bool) -> Basis | None:
    """Which size is looked at: the preferred one if it was measured, else the other."""
    wanted = view.case.size_basis
    volume_first = wanted is SizeBasis.VOLUME or (volume_first and wanted is SizeBasis.AUTO)
    now = look.now
    has_diameter = now.long_axis_mm is not None or now.mean_diameter_mm is not None
    if now.volume_mm3 is not None and (volume_first or not has_diameter):
        return "volume"
    return "diameter" if has_diameter else None


def mean_notes(look: Look) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Missing fields and ambiguities of a mean diameter."""
    now = look.now
    if lacks_short_axis(now):
        return ("short_axis_mm",), ("AMB-47",)
    if now.mean_diameter_mm is not None and now.long_axis_mm is not None and now.short_axis_mm is not None:
        return (), ("AMB-49",)
    return (), ()


def kind_of(finding: Finding) -> ManagementClass:
    """The class of its management."""
    return MANAGEMENT[finding.code].kind


Urgency = tuple[int, int, int]


def urgency(finding: Finding) -> Urgency:
    """Smaller is more urgent: work-up now, then windows (earlier latest, then earlier earliest), then none.

    A nodule that cannot be judged for want of a measurement outranks "no follow-up" and nothing else: the exam is
    not cleared while it stands.
    """
    kind = kind_of(finding)
    interval = finding.interval
    if kind is ManagementClass.WORK_UP:
        return 0, 0, 0
    if kind is ManagementClass.DATED and interval is not None:
        return 1, interval.latest.toordinal(), interval.earliest.toordinal()
    return (2 if finding.code == "measurement_needed" else 3), 0, 0


def most_urgent(findings: Sequence[Finding]) -> Finding:
    """The finding that leads: most urgent, then larger solid component, then larger nodule, then first in order."""
    best = min(urgency(finding) for finding in findings)
    candidates = [finding for finding in findings if urgency(finding) == best]
    return candidates[0] if len(candidates) == 1 else max(candidates, key=_suspicion)


def _suspicion(finding: Finding) -> tuple[Decimal, Decimal]:
    return (Decimal(0), Decimal(0)) if finding.look is None else suspicion_order(finding.look)


def largest(looks: Sequence[Look]) -> Look:
    """The largest nodule, first on ties."""
    return max(looks, key=lambda look: comparable_size_mm(look.now))


def largest_resolved(nodules: Sequence[Nodule]) -> Nodule:
    """The resolved nodule that was largest when last measured."""
    return max(
        nodules,
        key=lambda n: max((comparable_size_mm(m) for m in n.measurements if not m.resolved), default=Decimal(0)),
    )


def is_subsolid(look: Look) -> bool:
    """Part-solid or ground glass."""
    return look.attenuation is not Attenuation.SOLID
