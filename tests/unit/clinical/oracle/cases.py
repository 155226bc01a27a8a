"""Cases as a reading room meets them, with sizes, ages and dates crowded at both sides of every limit."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random
from typing import Any

from tests.unit.clinical.oracle.common import Case, plus_months

LIMITS_MM = (3, 4, 5, 6, 8, 10, 15, 30)
EDGES_MM = (5.5, 5.95, 8.5, 9.5, 14.95, 29.95, 30.5)
LIMITS_MM3 = (34, 80, 100, 113, 250, 268, 300, 524, 1767, 14137)
GAPS_MONTHS = (1, 2, 3, 5, 6, 9, 10, 12, 18, 22, 24, 36, 46, 48, 60)
MARGINS = ("smooth", "smooth", "smooth", "lobulated", "irregular", "spiculated")
SHAPES = ("round", "oval", "lentiform", "triangular", "irregular")
CYSTS = (
    ("thin", False, ("none", "became_multilocular")),
    ("thick", False, ("none", "cystic_growth", "wall_growth", "became_multilocular")),
    ("thick", True, ("none", "multilocular_growth", "more_loculation_or_opacity")),
    ("thin", True, ("none", "multilocular_growth", "more_loculation_or_opacity")),
)


def tenths(value: float) -> str:
    return f"{value:.2f}"


def size_mm(random: Random) -> float:
    if random.random() < 0.3:
        return max(1.5, round(random.uniform(2, 34), 1))
    return random.choice(LIMITS_MM + EDGES_MM) + random.choice((-0.5, -0.1, -0.05, 0, 0, 0.05, 0.1, 0.5))


def volume_mm3(random: Random, diameter_mm: float) -> int:
    if random.random() < 0.5:
        return max(5, round(diameter_mm**3 * 0.5236 * random.uniform(0.8, 1.2)))
    near = min(LIMITS_MM3, key=lambda limit: abs(limit - diameter_mm**3 * 0.5236))
    return near + random.choice((-1, 0, 1))


def grown(random: Random, diameter_mm: float) -> float:
    change = random.choice((0, 0, 0.1, -0.1, 0.5, -0.6, 1.4, 1.5, 1.55, 1.6, 1.9, 1.95, 2, 2.05, 4, -1.5, -1.6, -3))
    return max(1.5, diameter_mm + change)


def axes(random: Random, diameter_mm: float) -> tuple[str, str]:
    half = random.choice((0, 0, 0.3, 0.5, 1.0)) if diameter_mm > 4 else 0
    return tenths(diameter_mm + half), tenths(diameter_mm - half)


def entry(random: Random, day: date, diameter_mm: float, solid_mm: float, traits: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {"date": day.isoformat()}
    if not traits["volume_only"]:
        row["long_axis_mm"], short = axes(random, diameter_mm)
        if random.random() < 0.95:
            row["short_axis_mm"] = short
        if random.random() < 0.1:
            row["mean_diameter_mm"] = tenths(diameter_mm)
    if traits["volume_only"] or (traits["volume"] and (traits["steady"] or random.random() < 0.9)):
        row["volume_mm3"] = volume_mm3(random, diameter_mm)
        if traits["method"]:
            row["method"] = random.choice(("auto", "auto", "auto", "manual"))
    if traits["kind"] == "part_solid":
        solid_mm = min(solid_mm, diameter_mm)
        if not traits["volume_only"]:
            row["solid_long_axis_mm"] = row["solid_short_axis_mm"] = tenths(solid_mm)
        if "volume_mm3" in row:
            row["solid_volume_mm3"] = min(row["volume_mm3"], volume_mm3(random, solid_mm))
    return row


def rows(random: Random, days: list[date], traits: dict[str, Any]) -> list[dict[str, Any]]:
    diameter_mm, solid_mm = size_mm(random), min(size_mm(random), size_mm(random))
    measured = []
    for day in days:
        measured.append(entry(random, day, diameter_mm, solid_mm, traits))
        diameter_mm = grown(random, diameter_mm)
        if random.random() < 0.6:
            solid_mm = grown(random, solid_mm)
    return measured


def nodule(random: Random, name: str, days: list[date], case: Case) -> dict[str, Any]:
    seen = days[random.choice((0, 0, 0, len(days) - 1)) :]
    if len(days) > 1 and random.random() < 0.03:
        seen = days[:-1]  # not mentioned at the current exam
    kind = random.choice(("solid", "solid", "solid", "part_solid", "ground_glass"))
    basis = case.get("size_basis")
    traits = {
        "kind": kind,
        "volume_only": kind == "solid" and basis != "diameter" and random.random() < 0.1,
        "volume": random.random() < 0.4,
        "steady": basis == "volume",
        "method": random.random() < 0.6,
    }
    measured = rows(random, seen, traits)
    found: dict[str, Any] = {"id": name, "attenuation": kind, "measurements": measured}
    if len(days) > 1 and random.random() < 0.06 and seen[-1] == days[-1]:
        measured[-1] = {"date": days[-1].isoformat(), "resolved": True}
    elif kind == "part_solid" and len(seen) > 1 and random.random() < 0.1:
        measured[0]["attenuation"] = "ground_glass"
        for field in ("solid_long_axis_mm", "solid_short_axis_mm", "solid_volume_mm3"):
            measured[0].pop(field, None)
    looks(random, found, traits)
    if case["setting"] == "screening":
        screening_words(random, found, case)
    return found


def looks(random: Random, found: dict[str, Any], traits: dict[str, Any]) -> None:
    if random.random() < 0.9:
        found["lobe"] = random.choice(("RUL", "RML", "RLL", "LUL", "lingula", "LLL"))
    if random.random() < 0.9 or traits["volume_only"]:
        found["margin"] = random.choice(MARGINS)
    found["shape"] = random.choice(SHAPES)
    if random.random() < 0.1:
        found["calcification"] = random.choice(
            ("diffuse", "central", "laminated", "popcorn", "eccentric", "stippled", "none")
        )
    if random.random() < 0.03:
        found["fat"] = True
    if random.random() < 0.2 and not traits["volume_only"]:
        found["location"] = {random.choice(("perifissural", "juxtapleural")): True}
    if traits["kind"] == "part_solid" and random.random() < 0.15:
        found["bubbly"] = True
    if random.random() < 0.01:
        found["workup"] = "malignant"


def screening_words(random: Random, found: dict[str, Any], case: Case) -> None:
    found.pop("workup", None)
    again = len(found["measurements"]) > 1
    plain = not any(row.get("resolved") for row in found["measurements"])
    if random.random() < 0.05:
        found["suspicious_features"] = [random.choice(("spiculation", "lymphadenopathy", "metastasis", "other"))]
    draw = random.random()
    if draw < 0.08:
        found["location"] = {"airway": random.choice(("subsegmental", "segmental_or_proximal"))}
        found["location"]["airway_secretions"] = random.random() < 0.3
    elif draw < 0.18 and plain:
        wall, loculi, changes = random.choice(CYSTS)
        found["cyst"] = {"wall": wall, "multilocular": loculi}
        found["cyst"]["change"] = random.choice(changes) if again else "none"
    elif draw < 0.28 and plain and found["attenuation"] != "ground_glass":
        if again:
            found["previous_category"] = random.choice(("1", "2", "3", "3", "4A", "4A", "4B", "4X"))
            if found["previous_category"] == "4B" and random.random() < 0.5:
                found["workup"] = "benign"
    elif draw < 0.33 and plain:
        found["status"] = random.choice(("growing", "stable", "decreasing") if again else ("baseline", "new"))


def patient(random: Random, current: date) -> dict[str, Any]:
    person: dict[str, Any] = {"sex": random.choice(("female", "male"))}
    years = random.choice((17, 18, 34, 35, 50, 58, 64, 65, 66, 72, 80))
    if random.random() < 0.5:
        birthday = plus_months(current, -12 * years)
        person["birth_date"] = (birthday + timedelta(days=random.choice((-1, 0, 1, 90)))).isoformat()
    elif random.random() < 0.95:
        person["age"] = years
    person["smoking"] = smoking(random)
    for flag, share in (("family_history_lung_cancer", 0.15), ("emphysema", 0.15), ("pulmonary_fibrosis", 0.05)):
        if random.random() < 0.85:
            person[flag] = random.random() < share
    for flag in ("known_cancer", "immunosuppressed", "personal_history_cancer"):
        if random.random() < 0.04:
            person[flag] = True
    if random.random() < 0.1:
        person["exposures"] = [random.choice(("asbestos", "radon", "uranium", "beryllium", "dust"))]
    if random.random() < 0.03:
        person["previous_extrathoracic_cancer_years"] = random.choice((3, 5, 8))
    return person


def smoking(random: Random) -> dict[str, Any]:
    status = random.choice(("never", "never", "former", "current", "former", "unknown"))
    habit: dict[str, Any] = {"status": status}
    if status in ("former", "current") and random.random() < 0.9:
        habit["pack_years"] = random.choice((5, 29, "29.9", 30, 31, 45))
    if status == "former" and random.random() < 0.9:
        habit["quit_years"] = random.choice((1, 14, 15, "15.1", 16, 25))
    return habit


def exam_days(random: Random) -> list[date]:
    days = [date(2019, 1, 1) + timedelta(days=random.randrange(2200))]
    if random.random() < 0.25:
        days = [random.choice((date(2020, 2, 29), date(2021, 1, 31), date(2022, 8, 31), date(2023, 11, 30)))]
    for _ in range(random.choice((0, 0, 1, 1, 2))):
        gap = random.choice(GAPS_MONTHS)
        days.append(plus_months(days[-1], gap) + timedelta(days=random.choice((-3, -1, 0, 0, 1, 14))))
    return days


def generate(seed: int) -> Case:
    """One case of a seed: an incidental or a screening one, with the three guidelines asked."""
    random = Random(seed)
    days = exam_days(random)
    case: Case = {"id": f"s{seed}", "setting": random.choice(("incidental", "incidental", "screening"))}
    case["guidelines"] = ["FLEISCHNER2017", "LUNGRADS2022", "BTS2015"]
    case["exams"] = [{"date": day.isoformat()} for day in days]
    last = case["exams"][-1]
    if len(days) == 1 and random.random() < 0.2:
        last["kind"] = random.choice(("annual", "baseline", "diagnostic"))
    if random.random() < 0.1:
        last["coverage"] = "partial"
    if random.random() < 0.08:
        last["incomplete"] = random.choice(("prior", "lungs", "infection", "infection"))
        last["infection_overridden"] = random.random() < 0.4
    if random.random() < 0.15:
        case["risk_override"] = random.choice(("low", "high"))
    if random.random() < 0.2:
        case["size_basis"] = random.choice(("diameter", "volume"))
    if random.random() < 0.1:
        case["nodule_count"] = random.choice((1, 4, 9))
    case["patient"] = patient(random, days[-1])
    case["nodules"] = [nodule(random, f"n{n}", days, case) for n in range(random.choice((0, 1, 1, 1, 1, 2, 2, 3)))]
    for found in case["nodules"]:
        if case["patient"]["smoking"]["status"] != "unknown" and random.random() < 0.25:
            found["pet_uptake"] = random.choice(("absent", "faint", "moderate", "intense"))
    return case
