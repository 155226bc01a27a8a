"""Between a case of the clinical contract and the flat answers of the what-if form."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from datetime import date
from itertools import pairwise
from typing import Any, Final

from nodules_app.clinical.errors import Refused
from nodules_app.clinical.months import completed_years
from nodules_app.services.assessments import INTERVAL_EXAM_WITHIN

Json = dict[str, Any]

YES: Final = {"yes": True, "no": False}
WORDS_OF_CASE: Final = ("setting", "risk_override", "size_basis", "nodule_count")
WORDS_OF_PERSON: Final = ("sex", "previous_extrathoracic_cancer_years")
FLAGS_OF_PERSON: Final = (
    "family_history_lung_cancer",
    "family_history_any_cancer",
    "emphysema",
    "pulmonary_fibrosis",
    "copd",
    "known_cancer",
    "immunosuppressed",
)
SMOKING: Final[Mapping[str, str]] = {"smoking": "status", "pack_years": "pack_years", "quit_years": "quit_years"}
WORDS_OF_NODULE: Final = ("attenuation", "lobe", "margin", "calcification", "pet_uptake")
FLAGS_OF_NODULE: Final = ("perifissural", "juxtapleural")
SIZES: Final = ("volume_mm3", "long_axis_mm", "short_axis_mm", "mean_diameter_mm", "solid_mean_mm")
ERRORS: Final[Mapping[str, str]] = {
    "volume_sd_mm3": "volume_mm3",
    "diameter_sd_mm": "mean_diameter_mm",
    "solid_sd_mm": "solid_mean_mm",
}
BESIDES: Final = ("cea",)  # asked on the page, no part of a case
FORM_NAME: Final[Mapping[str, str]] = {"status": "smoking", "birth_date": "age"}  # where the contract says otherwise


def from_nothing(today: date) -> Json:
    """A case with one nodule that nobody has measured yet, at today's exam; the earlier exam may stay empty."""
    return {
        "id": "what-if",
        "setting": "incidental",
        "patient": {},
        "exams": [{}, {"date": today.isoformat()}],
        "nodules": [{"id": "N1", "attenuation": "solid", "measurements": []}],
    }


def as_told(case: Mapping[str, Any], nodule: str) -> dict[str, str]:
    """Every question with the answer that the case gives."""
    person, one = case.get("patient") or {}, _nodule(case, nodule)
    smoking, location = person.get("smoking") or {}, one.get("location") or {}
    told = {name: _text(case.get(name)) for name in WORDS_OF_CASE}
    told["size_basis"] = told["size_basis"] or "auto"
    told["age"] = _age(case)
    told |= {name: _text(person.get(name)) for name in (*WORDS_OF_PERSON, *FLAGS_OF_PERSON)}
    told |= {name: _text(smoking.get(key)) for name, key in SMOKING.items()}
    told["smoking"] = told["smoking"] or "unknown"
    told |= {name: _text(one.get(name)) for name in WORDS_OF_NODULE}
    told |= {name: "yes" if location.get(name) else "" for name in FLAGS_OF_NODULE}
    told |= dict.fromkeys(BESIDES, "")
    for k, exam in enumerate(case["exams"]):
        entry = _entry(one, exam)
        errors = entry.get("sd") or {}
        told[f"e{k}_on"] = _text(exam.get("date"))
        asked = SIZES if _needs_mean(entry) else ASKED
        told |= {f"e{k}_{name}": _text(entry.get(name)) for name in asked}
        told |= {f"e{k}_{name}": _text(errors.get(key)) for name, key in ERRORS.items()}
    return told


ASKED: Final = ("volume_mm3", "long_axis_mm", "short_axis_mm", "solid_mean_mm")


def _needs_mean(entry: Json) -> bool:
    """A mean counts only where it was given without both axes."""
    return "mean_diameter_mm" in entry and not ("long_axis_mm" in entry and "short_axis_mm" in entry)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _age(case: Mapping[str, Any]) -> str:
    person = case.get("patient") or {}
    born, days = person.get("birth_date"), [exam["date"] for exam in case["exams"] if exam.get("date")]
    if born and days:
        return str(completed_years(date.fromisoformat(born), date.fromisoformat(max(days))))
    return _text(person.get("age"))


def _nodule(case: Mapping[str, Any], nodule: str) -> Json:
    (one,) = (one for one in case["nodules"] if one["id"] == nodule)
    found: Json = one
    return found


def _entry(one: Json, exam: Mapping[str, Any]) -> Json:
    entries = (entry for entry in one["measurements"] if exam.get("date") and entry["date"] == exam["date"])
    return next(entries, {})


def changed(start: Json, nodule: str, answers: Mapping[str, str]) -> Json:
    """The case with these answers in place of its own; an empty answer takes the fact away."""
    case = copy.deepcopy(dict(start))
    one = _nodule(case, nodule)
    entries = {k: _entry(one, exam) for k, exam in enumerate(case["exams"])}
    for name, text in answers.items():
        if exam := re.fullmatch(r"e(\d+)_(\w+)", name):
            k = int(exam[1])
            if exam[2] == "on":
                _move_exam(case, k, text)
            else:
                _write_size(entries[k], exam[2], text)
        elif name not in BESIDES:
            _write_fact(case, one, name, text)
    last = len(case["exams"]) - 1
    if "attenuation" in answers and "attenuation" in entries[last]:
        entries[last]["attenuation"] = answers["attenuation"]
    _keep_entries(case, one, entries)
    return case


def _write_fact(case: Json, one: Json, name: str, text: str) -> None:
    person = case.setdefault("patient", {})
    if name in WORDS_OF_CASE:
        _write(case, name, text)
    elif name == "age":
        person.pop("birth_date", None)
        _write(person, "age", text)
    elif name in SMOKING:
        _write(person.setdefault("smoking", {}), SMOKING[name], text)
    elif name in FLAGS_OF_PERSON:
        _write(person, name, YES.get(text, text))
    elif name in WORDS_OF_PERSON:
        _write(person, name, text)
    elif name in FLAGS_OF_NODULE:
        _write(one.setdefault("location", {}), name, YES.get(text, text))
    else:
        _write(one, name, text)


def _write(where: Json, name: str, value: object) -> None:
    if value == "":
        where.pop(name, None)
    else:
        where[name] = value


def _write_size(entry: Json, name: str, text: str) -> None:
    if name in ERRORS:
        _write(entry.setdefault("sd", {}), ERRORS[name], text)
        return
    _write(entry, name, text)
    if text:
        entry.pop("resolved", None)  # what has a size is there
    if name in ("long_axis_mm", "short_axis_mm") and "short_axis_mm" in entry and "long_axis_mm" in entry:
        entry.pop("mean_diameter_mm", None)  # the mean of the axes as they are now


def _move_exam(case: Json, k: int, text: str) -> None:
    """Give an exam another day, and everything that was measured on it."""
    before = case["exams"][k].get("date")
    _write(case["exams"][k], "date", text)
    if before is None:
        return
    for one in case["nodules"]:
        for entry in one["measurements"]:
            if entry["date"] == before:
                entry["date"] = text


def _keep_entries(case: Json, one: Json, entries: Mapping[int, Json]) -> None:
    """Put sizes that are new into the nodule, leave an empty exam out, and name what kind of exam each is."""
    for k, exam in enumerate(case["exams"]):
        entry = entries[k]
        if entry and not any(entry is kept for kept in one["measurements"]):
            entry["date"] = exam.get("date")
            one["measurements"].append(entry)
    told = [exam for k, exam in enumerate(case["exams"]) if exam.get("date") or entries[k]]
    case["exams"] = told
    if all("kind" not in exam for exam in told) and len(told) > 1:
        told[0]["kind"] = "baseline"
        for earlier, later in pairwise(told):
            later["kind"] = _kind(case, earlier, later)


def _kind(case: Json, earlier: Json, later: Json) -> str:
    try:
        days = date.fromisoformat(later["date"]) - date.fromisoformat(earlier["date"])
    except (KeyError, ValueError):
        return "interval"  # the core says what is wrong with the date
    return "annual" if case["setting"] == "screening" and days > INTERVAL_EXAM_WITHIN else "interval"


def count_exams(start: Mapping[str, Any], told: Mapping[str, str]) -> int:
    """How many exams of the form are told of; an empty one is left out of the case."""
    return sum(
        any(text for name, text in told.items() if name.startswith(f"e{k}_")) for k in range(len(start["exams"]))
    )


def field_of(refused: Refused, told: Mapping[str, str]) -> str | None:
    """The question that a refusal is about: by its name, its day, and for sizes by the text that was refused."""
    facts = refused.facts
    name = str(facts.get("field") or facts.get("short_field") or ("birth_date" if "birth_date" in facts else ""))
    name = FORM_NAME.get(name, name)
    if name in told:
        return name
    if name == "date" or ("field" not in facts and "short_field" not in facts):
        return _by_text(told, "on", facts.get("value", facts.get("date")))
    if day := facts.get("date"):
        exam = _by_text(told, "on", day)
        return exam and f"{exam.removesuffix('on')}{name}"
    error = next((form_name for form_name, key in ERRORS.items() if key == name), name)
    return _by_text(told, name, facts.get("value")) or _by_text(told, error, facts.get("value"))


def _by_text(told: Mapping[str, str], name: str, text: object) -> str | None:
    found = [field for field, said in told.items() if re.fullmatch(rf"e\d+_{name}", field) and said == str(text or "")]
    return found[-1] if found else None
