"""What the guidelines say of the nodules of a comparison: of each alone, and of the exam with all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from inference.follow import FollowedNodule
from inference.measure import NoduleMeasurement
from nodules_app.clinical.answers import answer_to_json
from nodules_app.clinical.assess import assess
from nodules_app.clinical.codec import case_from_json
from nodules_app.clinical.rounding import as_reported
from nodules_app.services.compare.comparing import Compared

Json = dict[str, Any]
ABOUT_THE_CASE: Final = ("setting", "guidelines", "size_basis", "risk_override")  # the rest is about the person
FAR_DAY: Final = "2900-01-01"  # later than any birth date that may be told


@dataclass(frozen=True, slots=True)
class Recommendations:
    """Results of the clinical core, in its own JSON."""

    by_nodule: tuple[list[Json], ...]
    whole_exam: list[Json]
    warnings: tuple[str, ...] = ()


def recommend(compared: Compared, facts: Mapping[str, object]) -> Recommendations:
    """Put each nodule, and all of them together, to the guidelines; what has no date or no size is not asked.

    Parameters
    ----------
    facts
        Patient facts (section 2.2 of the clinical cases) with ``setting``, ``guidelines`` and ``size_basis`` beside.
    """
    told = [_nodule(str(number + 1), followed, compared) for number, followed in enumerate(compared.nodules)]
    if compared.current.read.series.acquired_on is None:
        nothing: tuple[list[Json], ...] = tuple([] for _ in told)
        return Recommendations(nothing, [], ("The current exam has no date: the guidelines were not asked.",))
    once = [number for number, followed in enumerate(compared.nodules) if not _told_before(followed, number)]
    by_nodule = tuple(_results(compared, facts, [nodule], count=len(once)) if nodule else [] for nodule in told)
    known = [nodule for number in once if (nodule := told[number]) is not None]
    return Recommendations(by_nodule, _results(compared, facts, known, count=len(once)) if known else [])


def _results(compared: Compared, facts: Mapping[str, object], nodules: Sequence[Json], *, count: int) -> list[Json]:
    case: Json = {
        "id": "comparison",
        "setting": facts.get("setting", "incidental"),
        "patient": _person(compared, _of_person(facts)),
        "exams": _exams(compared),
        "nodules": list(nodules),
        "nodule_count": max(1, count),
    }
    case |= {name: facts[name] for name in ABOUT_THE_CASE if name in facts}
    results: list[Json] = answer_to_json(assess(case_from_json(json.dumps(case))))["results"]
    return results


def check_facts(facts: Mapping[str, object]) -> None:
    """Read the patient's facts before the long work; raises the clinical ``Refused`` that names the field."""
    about_the_case = {name: facts[name] for name in ABOUT_THE_CASE if name in facts}
    nobody: Json = {"id": "facts", "setting": "incidental", "exams": [{"date": FAR_DAY}], "patient": _of_person(facts)}
    case_from_json(json.dumps(nobody | about_the_case))


def _of_person(facts: Mapping[str, object]) -> Json:
    return {name: fact for name, fact in facts.items() if name not in ABOUT_THE_CASE}


def _person(compared: Compared, facts: Json) -> Json:
    series = compared.current.read.series
    known: Json = {}
    if series.birth_date:
        known["birth_date"] = series.birth_date.isoformat()
    if series.sex in ("M", "F"):
        known["sex"] = "male" if series.sex == "M" else "female"
    return known | facts


def _exams(compared: Compared) -> list[Json]:
    current = compared.current.read.series.acquired_on
    prior = compared.prior.read.series.acquired_on
    exams: list[Json] = []
    if prior is not None and compared.interval_days is not None:
        exams.append({"date": prior.isoformat(), "kind": "baseline"})
    if current is not None:
        exams.append({"date": current.isoformat(), "kind": "interval" if exams else "baseline"})
    return exams


def _told_before(followed: FollowedNodule, number: int) -> bool:
    """Tell whether an earlier one of the asked nodules is this one."""
    return any(other < number for other in followed.same_as)


def _nodule(label: str, followed: FollowedNodule, compared: Compared) -> Json | None:
    sides = [
        (compared.prior.read.series.acquired_on, followed.prior, compared.interval_days is not None, "prior"),
        (compared.current.read.series.acquired_on, followed.current, True, "current"),
    ]
    # A partner that is open, or that is two nodules in one, would make a change that nobody has seen.
    alone = followed.ambiguous or followed.comparison in ("merged", "split")
    entries: list[Json] = [
        {"date": day.isoformat()} | _sizes(measured)
        for day, measured, counts, side in sides
        if counts
        and day is not None
        and isinstance(measured, NoduleMeasurement)
        and (side == followed.asked_on or not alone)
    ]
    own = followed.prior if followed.asked_on == "prior" else followed.current
    latest = followed.current if isinstance(followed.current, NoduleMeasurement) and not alone else own
    if not isinstance(latest, NoduleMeasurement) or not entries:
        return None
    current_on = compared.current.read.series.acquired_on
    if followed.comparison == "resolved" and current_on is not None:
        entries.append({"date": current_on.isoformat(), "resolved": True})
    return {"id": label, "attenuation": latest.attenuation, "measurements": entries}


def _sizes(measured: NoduleMeasurement) -> Json:
    sizes: Json = {
        "attenuation": measured.attenuation,
        "method": f"{measured.method} {measured.version}",
        "long_axis_mm": as_reported(measured.long_axis_mm, "0.1"),
        "short_axis_mm": as_reported(measured.short_axis_mm, "0.1"),
        "volume_mm3": as_reported(measured.volume_mm3.value, "1"),
        "sd": {
            "volume_mm3": as_reported(measured.volume_mm3.standard_error, "0.1"),
            "mean_diameter_mm": as_reported(measured.mean_diameter_mm.standard_error, "0.01"),
        },
    }
    if measured.attenuation == "part_solid" and measured.solid_mean_diameter_mm:
        sizes["solid_mean_mm"] = as_reported(measured.solid_mean_diameter_mm, "0.1")
    return sizes
