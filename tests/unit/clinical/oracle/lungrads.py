"""Section 2 of the reference read again."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

from tests.unit.clinical.oracle.common import (
    Answer,
    Case,
    Entry,
    Nodule,
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
    plus_months,
    present,
    solid_size,
    sphere_mm,
    today,
    volume,
    window,
)

ORDER = ("0", "1", "2", "3", "4A", "4B", "4X")
NAMES = {"solid": "SOLID", "part_solid": "PARTSOLID", "ground_glass": "GGN"}
MM3 = {4: 34, 6: 113, 8: 268, 10: 524, 15: 1767, 30: 14137}
INTERVALS = {"1": (12, 12), "2": (12, 12), "3": (6, 6), "4A": (3, 3)}
CODES = {"1": "lr_annual_ldct_12m", "2": "lr_annual_ldct_12m", "3": "lr_ldct_6m", "4A": "lr_ldct_3m"}
EXAM_LEVEL = {
    "prior": ("0.PRIOR", "lr_prior_comparison"),
    "lungs": ("0.INCOMPLETE", "lr_additional_images"),
    "infection": ("0.INFECTION", "lr_ldct_1_3m"),
}


def below(case: Case, entry: Entry, limit_mm: int, part: str = "") -> bool:
    diameter, mm3 = mean(entry, part), volume(entry, part)
    if mm3 is not None and (diameter is None or case.get("size_basis") == "volume"):
        return mm3 < MM3[limit_mm]
    return diameter is None or half_up(diameter, "0.1") < limit_mm


def comparable(case: Case, found: list[Entry], part: str = "") -> list[Decimal]:
    """Reported means, or spheres of volumes by one method (AMB-13); empty when the entries cannot be compared."""
    diameters = [mean(entry, part) for entry in found]
    volumes = [volume(entry, part) for entry in found]
    one_method = len({entry["method"] for entry in found if "method" in entry}) < 2 and None not in volumes
    if one_method and (None in diameters or (case.get("size_basis") == "volume" and not part)):
        return [sphere_mm(mm3) for mm3 in volumes if mm3 is not None]
    return [] if None in diameters else [half_up(diameter, "0.1") for diameter in diameters if diameter is not None]


def grows(case: Case, nodule: Nodule) -> bool:
    now = entries(nodule)[-1]
    parts = ("", "solid_") if nodule["attenuation"] == "part_solid" else ("",)
    for earlier in entries(nodule)[:-1]:
        if attenuation(nodule, now) == "part_solid" and attenuation(nodule, earlier) == "ground_glass":
            return True
        for part in parts:
            sizes = comparable(case, [earlier, now], part)
            if not sizes:
                continue
            change = sizes[1] - sizes[0]
            if plus_months(day_of(earlier), 12) < today(case):
                change = change * Decimal("365.25") / (today(case) - day_of(earlier)).days
            if change > Decimal("1.5"):
                return True
    return False


def status_of(case: Case, nodule: Nodule) -> str:
    if "status" in nodule:
        return nodule["status"]
    if len(entries(nodule)) == 1:
        only = len(case["exams"]) == 1 and current_exam(case).get("kind", "baseline") == "baseline"
        return "baseline" if only else "new"
    if grows(case, nodule):
        return "growing"
    sizes = comparable(case, entries(nodule)[-2:])
    return "decreasing" if sizes and sizes[1] - sizes[0] < Decimal("-1.5") else "stable"


def grows_slowly(case: Case, nodule: Nodule) -> bool:
    sizes = comparable(case, entries(nodule))
    if "status" in nodule:  # a stated status wins
        return False
    rising = all(a <= b for a, b in pairwise(sizes))
    return (
        nodule["attenuation"] != "ground_glass" and len(sizes) >= 3 and rising and sizes[-1] - sizes[0] > Decimal("1.5")
    )


def baseline_row(case: Case, kind: str, entry: Entry) -> str:
    if kind == "ground_glass":
        return "2" if below(case, entry, 30) else "3"
    if below(case, entry, 6):
        return "2"
    if kind == "solid":
        return "3" if below(case, entry, 8) else "4A" if below(case, entry, 15) else "4B"
    return "3" if below(case, entry, 6, "solid_") else "4A" if below(case, entry, 8, "solid_") else "4B"


def new_row(case: Case, kind: str, entry: Entry) -> str:
    if kind == "ground_glass":
        return baseline_row(case, kind, entry)
    if kind == "solid":
        limits = ((4, "2"), (6, "3"), (8, "4A"))
        return next((category for limit, category in limits if below(case, entry, limit)), "4B")
    if not below(case, entry, 4, "solid_"):
        return "4B"
    return "3" if below(case, entry, 6) else "4A"


def growing_row(case: Case, kind: str, entry: Entry) -> str:
    if kind == "ground_glass":
        return baseline_row(case, kind, entry)
    if kind == "solid":
        return "4A" if below(case, entry, 8) else "4B"
    return "4A" if below(case, entry, 4, "solid_") else "4B"


def stepped(previous: str, months: int, name: str) -> tuple[str, str]:
    if previous == "3" and months >= 5:
        return "2", "2.STEPPED"
    if previous == "4A" and months >= 2:
        return "3", "3.STEPPED"
    if previous == "4X":
        return "4X", "4X"
    return previous, f"{previous}.{name}"


def months_since_previous(case: Case, nodule: Nodule) -> int:
    given = nodule.get("previous_category_date")
    exam_days = sorted(exam["date"] for exam in case["exams"])
    return months_between(date.fromisoformat(given or exam_days[-2]), today(case))


def persisting(case: Case, nodule: Nodule) -> tuple[str, str]:
    kind, name = nodule["attenuation"], NAMES[nodule["attenuation"]]
    now, before = entries(nodule)[-1], entries(nodule)[-2]
    if grows_slowly(case, nodule):
        return "4B", "4B.SLOW"
    was, is_now = baseline_row(case, attenuation(nodule, before), before), baseline_row(case, kind, now)
    previous = nodule.get("previous_category", was)
    if kind != "ground_glass" and ORDER.index(is_now) > ORDER.index(was):  # no step down: the higher one stays
        higher = max(is_now, previous, key=ORDER.index)
        return higher, "4X" if higher == "4X" else f"{higher}.{name}"
    if previous in ("1", "2"):
        return "2", f"2.{name}" if is_now == "2" or kind != "solid" else "2.STEPPED"
    return stepped(previous, months_since_previous(case, nodule), name)


def cyst_row(case: Case, nodule: Nodule) -> tuple[str, str]:
    cyst = nodule["cyst"]
    change = cyst.get("change", "none")
    if change in ("wall_growth", "multilocular_growth", "more_loculation_or_opacity"):
        return "4B", "4B.CYST"
    if change == "became_multilocular":
        return "4A", "4A.CYST"
    if change == "cystic_growth":
        return ("3", "3.CYST") if cyst.get("wall") == "thick" else ("1", "1.NONE")
    if cyst.get("wall") == "thin" and not cyst.get("multilocular"):
        return "1", "1.NONE"
    if len(entries(nodule)) == 1:
        return "4A", "4A.CYST"
    return stepped(nodule.get("previous_category", "4A"), months_since_previous(case, nodule), "CYST")


def row(case: Case, nodule: Nodule) -> tuple[str, str]:
    location, kind, now = nodule.get("location", {}), nodule["attenuation"], entries(nodule)[-1]
    if is_benign(nodule):
        return "1", "1.BENIGN"
    if nodule.get("workup") == "benign" and nodule.get("previous_category") == "4B":
        return "2", "2.STEPPED"
    if "cyst" in nodule:
        return cyst_row(case, nodule)
    status = status_of(case, nodule)
    if location.get("airway") and not (location["airway"] == "subsegmental" and status == "growing"):
        if location["airway"] == "subsegmental" or location.get("airway_secretions"):
            return "2", "2.AIRWAY"
        category = "4A" if len(entries(nodule)) == 1 else "4B"
        return category, f"{category}.AIRWAY"
    if status != "growing" and at_pleura(nodule, ("oval", "lentiform", "triangular")) and below(case, now, 10):
        return "2", "2.JUXTAPLEURAL"
    if status in ("stable", "decreasing"):
        return persisting(case, nodule)
    rows = {"baseline": baseline_row, "new": new_row, "growing": growing_row}
    category = rows[status](case, kind, now)
    return category, f"{category}.{NAMES[kind]}"


def suspicious(category: str, rule: str, nodule: Nodule) -> tuple[str, str, str]:
    marked = bool(nodule.get("suspicious_features")) or nodule.get("margin") == "spiculated"
    if category in ("3", "4A", "4B") and marked:
        return "4X", "4X", category
    return category, rule, category


def management(case: Case, category: str, nodule: Nodule) -> str:
    if category in ("4B", "4X"):
        return "lr_diagnostic_workup"
    airway = nodule.get("location", {}).get("airway")
    if category == "4A" and "cyst" not in nodule and not airway and nodule["attenuation"] != "ground_glass":
        part = "" if nodule["attenuation"] == "solid" else "solid_"
        if not below(case, entries(nodule)[-1], 8, part):
            return "lr_ldct_3m_or_pet"
    return CODES[category]


def judge(case: Case) -> Answer:
    if case["setting"] != "screening":
        return Answer("LUNGRADS2022.SCOPE.NOT_SCREENING", "not_applicable", "not_applicable", None, None)
    exam = current_exam(case)
    flag = exam.get("incomplete")
    if flag and not (flag == "infection" and exam.get("infection_overridden")):
        rule, code = EXAM_LEVEL[flag]
        dates = window(today(case), 1, 3) if flag == "infection" else None
        return Answer(f"LUNGRADS2022.{rule}", code, "0", dates, None)
    answers = [(suspicious(*row(case, nodule), nodule), nodule) for nodule in present(case)]
    answers = [answer for answer in answers if answer[0][1] != "1.NONE"]  # a thin-walled cyst contributes nothing
    if not answers:
        return Answer("LUNGRADS2022.1.NONE", CODES["1"], "1", window(today(case), 12, 12), None)
    (category, rule, _), lead = max(
        answers,
        key=lambda pair: (
            ORDER.index(pair[0][0]),
            solid_size(pair[1], entries(pair[1])[-1]),
            mean_or_sphere(entries(pair[1])[-1]),
        ),
    )
    months = INTERVALS.get(category)
    dates = None if months is None else window(today(case), *months)
    return Answer(f"LUNGRADS2022.{rule}", management(case, category, lead), category, dates, lead["id"])
