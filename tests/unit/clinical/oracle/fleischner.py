"""Section 1 of the reference read again."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from tests.unit.clinical.oracle.common import (
    UPPER,
    Answer,
    Case,
    Entry,
    Nodule,
    age,
    any_resolved,
    at_pleura,
    attenuation,
    current_exam,
    day_of,
    entries,
    half_up,
    is_benign,
    mean,
    mean_or_sphere,
    months_between,
    number,
    plus_months,
    present,
    same_method_volumes,
    solid_size,
    today,
    volume,
    window,
)

SMALL, MIDDLE, LARGE = 0, 1, 2
NONE = "no_routine_followup"
TISSUE = "pet_biopsy_or_resection"
URGENT = {"growth_workup", TISSUE, "complete_chest_ct_now", "mass_workup"}
SCHEDULES = {  # (many, class, high): management and months of each step from baseline
    (False, SMALL, True): [("optional_ct_12m", 12, 12)],
    (False, MIDDLE, False): [("ct_6_12m_then_consider_18_24m", 6, 12), ("consider_ct_18_24m", 18, 24)],
    (False, MIDDLE, True): [("ct_6_12m_then_18_24m", 6, 12), ("ct_18_24m", 18, 24)],
    (False, LARGE, False): [("consider_ct_3m_pet_or_biopsy", 3, 3), ("ct_9_12m", 9, 12), ("ct_18_24m", 18, 24)],
    (True, MIDDLE, False): [("ct_3_6m_then_consider_18_24m", 3, 6), ("consider_ct_18_24m", 18, 24)],
    (True, MIDDLE, True): [("ct_3_6m_then_18_24m", 3, 6), ("ct_18_24m", 18, 24)],
}
SCHEDULES[False, LARGE, True] = SCHEDULES[False, LARGE, False]
SCHEDULES[True, SMALL, True] = SCHEDULES[False, SMALL, True]
for _high in (False, True):
    SCHEDULES[True, LARGE, _high] = SCHEDULES[True, MIDDLE, _high]
    SCHEDULES[_high, SMALL, False] = []


def size_class(case: Case, entry: Entry, part: str = "") -> int:
    diameter, mm3 = mean(entry, part), volume(entry, part)
    if mm3 is not None and (diameter is None or case.get("size_basis") == "volume"):
        return SMALL if mm3 < 100 else MIDDLE if mm3 <= 250 else LARGE
    if diameter is None:
        return SMALL
    whole = half_up(diameter, "1")
    return SMALL if whole <= 5 else MIDDLE if whole <= 8 else LARGE


def is_pfn(case: Case, nodule: Nodule) -> bool:
    patient = case.get("patient", {})
    if patient.get("personal_history_cancer") or "previous_extrathoracic_cancer_years" in patient:
        return False
    return at_pleura(nodule, ("triangular", "oval", "lentiform")) and mean_or_sphere(entries(nodule)[-1]) < 10


def scope(case: Case) -> tuple[str, str] | None:
    patient, years = case.get("patient", {}), age(case)
    if case["setting"] == "screening":
        return "SCOPE.SCREENING", "not_applicable"
    if years is not None and years < 35:
        return "SCOPE.AGE", "not_applicable"
    if patient.get("known_cancer"):
        return "SCOPE.CANCER", "not_applicable"
    if patient.get("immunosuppressed"):
        return "SCOPE.IMMUNO", "not_applicable"
    return None


def is_high_risk(case: Case, solids: list[Nodule]) -> bool:
    if "risk_override" in case:
        return case["risk_override"] == "high"
    patient, years = case.get("patient", {}), age(case)
    smoking = patient.get("smoking", {})
    status = smoking.get("status", "unknown")
    quit_years, packs = number(smoking.get("quit_years")), number(smoking.get("pack_years"))
    recent = status == "current" or (status == "former" and quit_years is not None and quit_years <= 15)
    heavy = packs is not None and packs >= 30 and recent
    margins = {nodule.get("margin") for nodule in solids}
    exposed = set(patient.get("exposures", ())) & {"asbestos", "uranium", "radon"}
    history = any(patient.get(f) for f in ("emphysema", "pulmonary_fibrosis", "family_history_lung_cancer"))
    minor = [
        any(nodule.get("lobe") in UPPER for nodule in solids),
        status in ("current", "former") and not heavy,
        bool(margins & {"lobulated", "irregular"}),
        years is not None and years >= 65,
    ]
    return heavy or "spiculated" in margins or bool(exposed) or history or sum(minor) >= 2 or status == "unknown"


def grew(nodule: Nodule) -> bool:
    first, last = entries(nodule)[0], entries(nodule)[-1]
    if attenuation(nodule, last) == "part_solid" and any(
        attenuation(nodule, entry) == "ground_glass" for entry in entries(nodule)
    ):
        return True
    parts = ("", "solid_") if nodule["attenuation"] == "part_solid" else ("",)
    for part in parts:
        before, now = mean(first, part), mean(last, part)
        if before is not None and now is not None and now - before >= 2:
            return True
        limit = (volume(first, part) or 0) * Decimal("1.25")
        if same_method_volumes(first, last, part) and (volume(last, part) or 0) >= limit:
            return True
    return False


Step = tuple[str, str, Any]


def first_solid(case: Case, nodule: Nodule, family: list[Nodule], high: bool) -> Step:
    klass = max(size_class(case, entries(member)[-1]) for member in family)
    many = len(family) > 1
    steps = SCHEDULES[many, klass, high]
    count, words = ("MULTI", ("LT6", "GE6", "GE6")) if many else ("SINGLE", ("LT6", "6-8", "GT8"))
    risk = "" if words[klass] == "GT8" else ".HIGH" if high else ".LOW"
    rule = f"SOLID.{count}.{words[klass]}{risk}"
    if not steps:
        return rule, NONE, None
    return rule, steps[0][0], window(today(case), *steps[0][1:])


def next_solid(case: Case, nodule: Nodule, family: list[Nodule], high: bool) -> Step:
    now, base = entries(nodule)[-1], entries(nodule)[0]
    if grew(nodule):
        if size_class(case, now) == SMALL:
            return "FU.GROWTH.SMALL", "ct_3_6m_then_18_24m", window(today(case), 3, 6)
        return "FU.GROWTH.SOLID", "growth_workup", None
    many = len(family) > 1
    klass = max(size_class(case, base), size_class(case, now))
    if many:
        klass = max(klass, *(size_class(case, entries(member)[-1]) for member in family))
    for code, earliest, latest in SCHEDULES[many, klass, high]:
        if today(case) < plus_months(day_of(base), earliest):
            return "FU.SOLID.NEXT", code, window(day_of(base), earliest, latest)
    return "FU.SOLID.DONE", NONE, None


def first_subsolid(case: Case, nodule: Nodule, family: list[Nodule]) -> Step:  # noqa: PLR0911 - a row, a return
    entry = entries(nodule)[-1]
    soon = window(today(case), 3, 6)
    if len(family) > 1:
        if any(size_class(case, entries(member)[-1]) for member in family):
            return "SUBSOLID.MULTI.GE6", "ct_3_6m_then_most_suspicious", soon
        return "SUBSOLID.MULTI.LT6", "ct_3_6m_then_consider_2y_4y", soon
    small = size_class(case, entry) == SMALL
    if nodule["attenuation"] == "ground_glass":
        if small:
            return "GGN.SINGLE.LT6", NONE, None
        return "GGN.SINGLE.GE6", "ct_6_12m_then_every_2y_to_5y", window(today(case), 6, 12)
    if small:
        return "PARTSOLID.SINGLE.LT6", NONE, None
    solid = size_class(case, entry, "solid_")
    if solid != SMALL and (nodule.get("margin") == "lobulated" or nodule.get("bubbly")):
        return "PARTSOLID.SINGLE.SUSPICIOUS", TISSUE, None
    if solid == LARGE:
        return "PARTSOLID.SINGLE.GE6.S.GT8", TISSUE, None
    if solid == MIDDLE:
        return "PARTSOLID.SINGLE.GE6.S.6-8", "ct_3_6m_then_pet_biopsy_if_persistent", soon
    return "PARTSOLID.SINGLE.GE6.S.LT6", "ct_3_6m_then_annual_5y", soon


def until_five_years(case: Case, base: date, months: int) -> Any:  # noqa: ANN401
    if plus_months(today(case), months) > plus_months(base, 60):
        return window(base, 60, 60)
    return window(today(case), months, months)


def next_subsolid(case: Case, nodule: Nodule, family: list[Nodule]) -> Step:
    base, now = day_of(entries(nodule)[0]), entries(nodule)[-1]
    elapsed = months_between(base, today(case))
    many = len(family) > 1
    if grew(nodule):
        return "FU.GROWTH.SUBSOLID", TISSUE, None
    if many and not any(size_class(case, entries(member)[-1]) for member in family):
        for mark in (24, 48):
            if elapsed < mark:
                return "FU.MULTISUB.NEXT", "consider_ct_24m_48m", window(base, mark, mark)
        return "FU.SUBSOLID.DONE", NONE, None
    if many and elapsed < 3:
        return "FU.MULTISUB.NEXT", "ct_3_6m_then_most_suspicious", window(base, 3, 6)
    if nodule["attenuation"] == "part_solid" and size_class(case, now, "solid_") != SMALL:
        return "FU.PARTSOLID.PERSIST", TISSUE, None
    if elapsed >= 60:
        return "FU.SUBSOLID.DONE", NONE, None
    if nodule["attenuation"] == "ground_glass":
        return "FU.GGN.NEXT", "ct_every_2y_to_5y", until_five_years(case, base, 24)
    return "FU.PARTSOLID.NEXT", "annual_ct_to_5y", until_five_years(case, base, 12)


def partial(case: Case, nodule: Nodule) -> Step:
    rows = entries(nodule)
    klass = size_class(case, rows[-1])
    if len(rows) > 1 and not grew(nodule) and months_between(day_of(rows[0]), today(case)) >= 24:
        return "PARTIAL.STABLE", NONE, None
    if klass == LARGE or (klass == MIDDLE and nodule.get("margin") == "spiculated"):
        return "PARTIAL.GT8", "complete_chest_ct_now", None
    if klass == MIDDLE:
        return "PARTIAL.6-8", "complete_chest_ct_3_12m", window(today(case), 3, 12)
    return "PARTIAL.LT6", NONE, None


def each(case: Case, nodule: Nodule, open_nodules: list[Nodule]) -> Step:
    if current_exam(case).get("coverage") == "partial":
        return partial(case, nodule)
    again = len(entries(nodule)) > 1
    if nodule["attenuation"] == "solid":
        family = [other for other in open_nodules if other["attenuation"] == "solid"]
        high = is_high_risk(case, family)
        return (next_solid if again else first_solid)(case, nodule, family, high)
    family = [other for other in open_nodules if other["attenuation"] != "solid"]
    return (next_subsolid if again else first_subsolid)(case, nodule, family)


def urgency(step: Step, nodule: Nodule) -> tuple[Any, ...]:
    _, code, dates = step
    kind = 0 if code in URGENT else 2 if dates is None else 1
    entry = entries(nodule)[-1]
    when = ("", "") if dates is None else (dates[2], dates[0])
    return kind, *when, -solid_size(nodule, entry), -mean_or_sphere(entry)


def judge(case: Case) -> Answer:
    outside = scope(case)
    if outside is not None:
        return Answer(f"FLEISCHNER2017.{outside[0]}", outside[1], "not_applicable", None, None)
    seen = present(case)
    masses = [n for n in seen if not is_benign(n) and half_up(mean_or_sphere(entries(n)[-1]), "1") > 30]
    if masses:
        lead = max(masses, key=lambda n: mean_or_sphere(entries(n)[-1]))
        return Answer("FLEISCHNER2017.SCOPE.MASS", "mass_workup", "SCOPE.MASS", None, lead["id"])
    open_nodules = [n for n in seen if not is_benign(n) and not is_pfn(case, n)]
    answers = [(each(case, n, open_nodules), n) for n in open_nodules]
    if not answers and seen:
        lead = max(seen, key=lambda n: mean_or_sphere(entries(n)[-1]))
        rule = "BENIGN" if is_benign(lead) else "PFN"
        return Answer(f"FLEISCHNER2017.{rule}", NONE, rule, None, lead["id"])
    if not answers:
        rule = "FU.RESOLVED" if any_resolved(case) else "NONE"
        return Answer(f"FLEISCHNER2017.{rule}", NONE, rule, None, None)
    (rule, code, dates), lead = min(answers, key=lambda pair: urgency(*pair))
    return Answer(f"FLEISCHNER2017.{rule}", code, rule, dates, lead["id"])
