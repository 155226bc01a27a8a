"""Section 3 of the reference, and the models of 5 it asks for, read again."""

from __future__ import annotations

from decimal import Decimal
from math import exp, log
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
    day_of,
    entries,
    is_benign,
    mean,
    mean_or_sphere,
    months_between,
    number,
    plus_months,
    present,
    same_method_volumes,
    today,
    volume,
    window,
)

Step = tuple[str, str, Any]
UPTAKE = {"absent": 0.0, "faint": 2.322, "moderate": 4.617, "intense": 4.771}


def largest_mm(entry: Entry, part: str = "") -> Decimal | None:
    given = number(entry.get(f"{part}long_axis_mm"))
    return mean(entry, part) if given is None else given


def by_volume(case: Case, entry: Entry) -> bool:
    if volume(entry) is None:
        return False
    return case.get("size_basis") != "diameter" or largest_mm(entry) is None


def logistic(x: float) -> float:
    return 1 / (1 + exp(-x))


def brock(case: Case, nodule: Nodule) -> float | None:
    patient, years = case.get("patient", {}), age(case)
    size = entries(nodule)[-1].get("long_axis_mm")
    family, emphysema = patient.get("family_history_lung_cancer"), patient.get("emphysema")
    needed = (years, size, family, emphysema, patient.get("sex"), nodule.get("lobe"), nodule.get("margin"))
    if any(value is None for value in needed) or years is None:
        return None
    count = case.get("nodule_count", sum(not is_benign(other) for other in present(case)))
    return logistic(
        -6.7892
        + 0.0287 * (years - 62)
        + 0.6011 * (patient["sex"] == "female")
        + 0.2961 * bool(family)
        + 0.2953 * bool(emphysema)
        - 5.3854 * ((float(size) / 10) ** -0.5 - 1.58113883)
        + {"solid": 0.0, "ground_glass": -0.1276, "part_solid": 0.3770}[nodule["attenuation"]]
        + 0.6581 * (nodule["lobe"] in UPPER)
        - 0.0824 * (count - 4)
        + 0.7729 * (nodule["margin"] == "spiculated")
    )


def herder(case: Case, nodule: Nodule) -> float:
    patient = case["patient"]
    cancer = bool(patient.get("known_cancer")) or "previous_extrathoracic_cancer_years" in patient
    mayo = logistic(
        -6.8272
        + 0.0391 * (age(case) or 0)
        + 0.7917 * (patient["smoking"]["status"] in ("current", "former"))
        + 1.3388 * cancer
        + 0.1274 * float(mean(entries(nodule)[-1]) or 0)
        + 1.0407 * (nodule["margin"] == "spiculated")
        + 0.7838 * (nodule["lobe"] in UPPER)
    )
    return logistic(-4.739 + 3.691 * mayo + UPTAKE[nodule["pet_uptake"]])


def is_pfn(nodule: Nodule) -> bool:
    return at_pleura(nodule, ("lentiform", "triangular")) and (largest_mm(entries(nodule)[-1]) or 99) < 10


def first_solid(case: Case, nodule: Nodule) -> Step:  # noqa: PLR0911 - a row, a return
    entry = entries(nodule)[-1]
    if by_volume(case, entry):
        size, small, surv, limit = volume(entry), 80, 80, 300
    else:
        size, small, surv, limit = largest_mm(entry), 5, 6, 8
    assert size is not None
    if size < small:
        return "SOLID.LT5", "bts_discharge", None
    if size < surv:
        return "SOLID.5-6", "bts_ct_12m", window(today(case), 12, 12)
    soon = window(today(case), 3, 3)
    if size < limit:
        return "SOLID.SURV", "bts_ct_3m", soon
    risk = brock(case, nodule)
    if risk is None:
        return "SOLID.BROCK.UNKNOWN", "bts_risk_assessment_needed", None
    if risk < 0.1:
        return "SOLID.BROCK.LT10", "bts_ct_3m", soon
    if "pet_uptake" not in nodule:
        return "SOLID.BROCK.GE10", "bts_pet_ct", None
    risk = herder(case, nodule)
    if risk < 0.1:
        return "SOLID.HERDER.LT10", "bts_ct_3m", soon
    if risk <= 0.7:
        return "SOLID.HERDER.10-70", "bts_image_guided_biopsy", None
    return "SOLID.HERDER.GT70", "bts_resection", None


def doubling_days(case: Case, nodule: Nodule) -> float | None:
    """Of a solid nodule that grew since its first measurement; None without growth."""
    first, last = entries(nodule)[0], entries(nodule)[-1]
    days = (day_of(last) - day_of(first)).days
    if compares_volume(case, nodule):
        before, now = volume(first) or Decimal(0), volume(last) or Decimal(0)
        return days * log(2) / log(now / before) if now >= before * Decimal("1.25") else None
    before, now = largest_mm(first) or Decimal(0), largest_mm(last) or Decimal(0)
    return days * log(2) / (3 * log(now / before)) if now - before >= 2 else None


def compares_volume(case: Case, nodule: Nodule) -> bool:
    first, last = entries(nodule)[0], entries(nodule)[-1]
    return same_method_volumes(first, last) and case.get("size_basis") != "diameter"


def next_solid(case: Case, nodule: Nodule) -> Step:  # noqa: PLR0911 - a row, a return
    first, last = entries(nodule)[0], entries(nodule)[-1]
    months = months_between(day_of(first), today(case))
    in_a_year = window(day_of(first), 12, 12)
    vdt = doubling_days(case, nodule)
    if vdt is not None and months < 10:
        if vdt <= 400:
            return "FU.3M.GROWTH.FAST", "bts_workup", None
        return "FU.3M.GROWTH.SLOW", "bts_ct_12m", in_a_year
    if vdt is not None:
        yearly = window(today(case), 12, 12)
        if vdt <= 400:
            return "FU.12M.GROWTH.LE400", "bts_workup", None
        if vdt <= 600:
            return "FU.12M.GROWTH.400-600", "bts_biopsy_or_annual_ct", yearly
        return "FU.12M.GROWTH.GT600", "bts_discharge_or_annual_ct", yearly
    if all(
        (volume(e) or 0) < 80
        if compares_volume(case, nodule) or largest_mm(e) is None
        else (largest_mm(e) or Decimal(0)) < 5
        for e in (first, last)
    ):
        return "SOLID.LT5", "bts_discharge", None
    if months < 10:
        return "FU.3M.STABLE", "bts_ct_12m", in_a_year
    if months >= 22:
        return "FU.24M.STABLE", "bts_discharge", None
    if compares_volume(case, nodule):
        return "FU.12M.STABLE.VOL", "bts_discharge", None
    return "FU.12M.STABLE.DIAM", "bts_ct_24m", window(day_of(first), 24, 24)


def subsolid_growth(nodule: Nodule) -> str | None:
    first, last = entries(nodule)[0], entries(nodule)[-1]
    if attenuation(nodule, first) == "ground_glass" and attenuation(nodule, last) == "part_solid":
        return "solid"
    before, now = largest_mm(first, "solid_"), largest_mm(last, "solid_")
    if nodule["attenuation"] == "part_solid" and before is not None and now is not None and now - before >= 2:
        return "solid"
    return "whole" if (largest_mm(last) or 0) - (largest_mm(first) or 0) >= 2 else None


def subsolid(case: Case, nodule: Nodule) -> Step:
    rows = entries(nodule)
    if len(rows) == 1:
        if (largest_mm(rows[0]) or Decimal(0)) < 5:
            return "SUBSOLID.LT5", "bts_discharge", None
        return "SUBSOLID.GE5", "bts_ct_3m", window(today(case), 3, 3)
    growth = subsolid_growth(nodule)
    if growth == "solid":
        return "SUBSOLID.FU.SOLIDGROWTH", "bts_favour_resection", None
    if growth == "whole":
        soonest, last = window(today(case), 3, 6)[0], window(today(case), 6, 6)[2]
        six = (soonest, last, last, today(case).isoformat(), (3, 6, 6))
        return "SUBSOLID.FU.GROWTH", "bts_ggn_growth_resect_or_ct_6m", six
    risk = brock(case, nodule)
    if risk is None:
        return "SUBSOLID.FU.BROCK.UNKNOWN", "bts_risk_assessment_needed", None
    if risk >= 0.1:
        return "SUBSOLID.FU.BROCK.GE10", "bts_discuss_observation_biopsy_resection", None
    base = day_of(rows[0])
    for mark in (12, 24, 48):
        if plus_months(today(case), 2) < plus_months(base, mark):
            return "SUBSOLID.FU.BROCK.LT10", "bts_subsolid_ct_1_2_4y", window(base, mark, mark)
    return "SUBSOLID.FU.DONE", "bts_discharge", None


def has_grown(case: Case, nodule: Nodule) -> bool:
    if len(entries(nodule)) == 1:
        return False
    if nodule["attenuation"] == "solid":
        return doubling_days(case, nodule) is not None
    return subsolid_growth(nodule) is not None


def lead_of(case: Case, nodules: list[Nodule]) -> Nodule:
    grown = [nodule for nodule in nodules if has_grown(case, nodule)]
    candidates = grown or nodules
    now = [entries(nodule)[-1] for nodule in candidates]
    if case.get("size_basis") != "diameter" and all(volume(entry) is not None for entry in now):
        sizes = [volume(entry) or Decimal(0) for entry in now]
    else:
        sizes = [largest_mm(entry) or mean_or_sphere(entry) for entry in now]
    return candidates[sizes.index(max(sizes))]


def judge(case: Case) -> Answer:
    years, seen = age(case), present(case)
    for rule, applies in (
        ("SCOPE.AGE", years is not None and years < 18),
        ("SCOPE.PROVEN", any(nodule.get("workup") == "malignant" for nodule in case["nodules"])),
    ):
        if applies:
            return Answer(f"BTS2015.{rule}", "not_applicable", "not_applicable", None, None)
    open_nodules = [nodule for nodule in seen if not is_benign(nodule) and not is_pfn(nodule)]
    if open_nodules:
        lead = lead_of(case, open_nodules)
        if lead["attenuation"] != "solid":
            rule, code, dates = subsolid(case, lead)
        else:
            rule, code, dates = (first_solid if len(entries(lead)) == 1 else next_solid)(case, lead)
        return Answer(f"BTS2015.{rule}", code, rule, dates, lead["id"])
    if seen:
        lead = max(seen, key=lambda nodule: largest_mm(entries(nodule)[-1]) or mean_or_sphere(entries(nodule)[-1]))
        rule = "BENIGN" if is_benign(lead) else "PFN"
        return Answer(f"BTS2015.{rule}", "bts_discharge", rule, None, lead["id"])
    rule = "FU.RESOLVED" if any_resolved(case) else "NONE"
    return Answer(f"BTS2015.{rule}", "bts_discharge", rule, None, None)
