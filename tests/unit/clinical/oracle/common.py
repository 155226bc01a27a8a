"""What the three oracles share: sizes, dates, presence."""

from __future__ import annotations

import calendar
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from math import pi
from typing import Any, NamedTuple

Case = dict[str, Any]
Nodule = dict[str, Any]
Entry = dict[str, Any]

BENIGN_CALCIUM = ("diffuse", "central", "laminated", "popcorn")
UPPER = ("RUL", "LUL", "lingula")
ZERO = Decimal(0)


class Answer(NamedTuple):
    rule_id: str
    management: str
    category: str
    interval: tuple[str, str, str, str, tuple[int, int, int]] | None  # earliest, target, latest, anchor date, months
    lead: str | None


def number(value: Any) -> Decimal | None:  # noqa: ANN401 - a JSON value
    return None if value is None else Decimal(str(value))


def half_up(value: Decimal, step: str) -> Decimal:
    return value.quantize(Decimal(step), rounding=ROUND_HALF_UP)


def plus_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def months_between(start: date, end: date) -> int:
    months = 0
    while plus_months(start, months + 1) <= end:
        months += 1
    return months


def window(anchor: date, earliest: int, latest: int) -> tuple[str, str, str, str, tuple[int, int, int]]:
    months = (earliest, (earliest + latest) // 2, latest)
    first, middle, last = (plus_months(anchor, n).isoformat() for n in months)
    return first, middle, last, anchor.isoformat(), months


def today(case: Case) -> date:
    return max(date.fromisoformat(exam["date"]) for exam in case["exams"])


def current_exam(case: Case) -> dict[str, Any]:
    return max(case["exams"], key=lambda exam: exam["date"])


def age(case: Case) -> int | None:
    patient = case.get("patient", {})
    if "birth_date" in patient:
        return months_between(date.fromisoformat(patient["birth_date"]), today(case)) // 12
    return None if "age" not in patient else int(patient["age"])


def entries(nodule: Nodule) -> list[Entry]:
    return sorted(nodule["measurements"], key=lambda entry: entry["date"])


def day_of(entry: Entry) -> date:
    return date.fromisoformat(entry["date"])


def is_resolved(nodule: Nodule, case: Case) -> bool:
    here = [entry for entry in entries(nodule) if day_of(entry) == today(case)]
    return nodule.get("status") == "resolved" or any(entry.get("resolved") for entry in here)


def present(case: Case) -> list[Nodule]:
    return [
        nodule
        for nodule in case["nodules"]
        if not is_resolved(nodule, case) and any(day_of(entry) == today(case) for entry in entries(nodule))
    ]


def any_resolved(case: Case) -> bool:
    return any(is_resolved(nodule, case) for nodule in case["nodules"])


def attenuation(nodule: Nodule, entry: Entry) -> str:
    return entry.get("attenuation", nodule["attenuation"])


def mean(entry: Entry, part: str = "") -> Decimal | None:
    """Of both axes, else as given, else the long axis (AMB-47, AMB-49); ``part`` is ``solid_`` for the component."""
    long_mm, short_mm = number(entry.get(f"{part}long_axis_mm")), number(entry.get(f"{part}short_axis_mm"))
    if long_mm is not None and short_mm is not None:
        return (long_mm + short_mm) / 2
    given = number(entry.get("solid_mean_mm" if part else "mean_diameter_mm"))
    return long_mm if given is None else given


def volume(entry: Entry, part: str = "") -> Decimal | None:
    return number(entry.get(f"{part}volume_mm3"))


def same_method_volumes(first: Entry, last: Entry, part: str = "") -> bool:
    methods = {entry["method"] for entry in (first, last) if "method" in entry}
    return volume(first, part) is not None and volume(last, part) is not None and len(methods) < 2


def sphere_mm(mm3: Decimal) -> Decimal:
    return Decimal((6 * float(mm3) / pi) ** (1 / 3))


def is_benign(nodule: Nodule) -> bool:
    return nodule.get("calcification") in BENIGN_CALCIUM or bool(nodule.get("fat"))


def at_pleura(nodule: Nodule, shapes: tuple[str, ...]) -> bool:
    location = nodule.get("location", {})
    return (
        nodule["attenuation"] == "solid"
        and bool(location.get("perifissural") or location.get("juxtapleural"))
        and nodule.get("margin") == "smooth"
        and nodule.get("shape") in shapes
    )


def solid_size(nodule: Nodule, entry: Entry) -> Decimal:
    """For ties: of the solid component; a solid nodule is solid as a whole."""
    if nodule["attenuation"] == "ground_glass":
        return ZERO
    if nodule["attenuation"] == "solid":
        return mean_or_sphere(entry)
    return mean_or_sphere(entry, "solid_")


def mean_or_sphere(entry: Entry, part: str = "") -> Decimal:
    found = mean(entry, part)
    if found is not None:
        return found
    mm3 = volume(entry, part)
    return ZERO if mm3 is None else sphere_mm(mm3)
