"""Which patients belong before the conference, from the case and what the guidelines answered.

Source
------
Categories 4B and 4X ask for a work-up: Lung-RADS v2022 (reference 2). A Brock probability of 10 % or more, and a volume
doubling time under 400 days, ask for further investigation: Callister et al. 2015, Thorax 70:ii1, BTS guideline
(reference 3). A solid part that is new: MacMahon et al. 2017, Radiology 284:228, Fleischner (reference 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

BROCK_FROM: Final = Decimal("0.10")
BROCK_MODELS: Final = ("brock_2b", "brock_2a", "brock_1b", "brock_1a")  # the fullest one that could be computed speaks
VDT_UNDER_DAYS: Final = Decimal(400)
WORK_UP_CATEGORIES: Final = {"4B": "category_4b", "4X": "category_4x"}
SOLID_PART: Final = frozenset({"part_solid", "solid"})

Json = Mapping[str, Any]


class ConferenceReason(StrEnum):
    """Why a rule puts a patient on the list."""

    CATEGORY_4B = "category_4b"
    CATEGORY_4X = "category_4x"
    BROCK = "brock_10"
    FAST_GROWTH = "vdt_under_400"
    NEW_SOLID_PART = "new_solid_part"


def conference_reasons(case: Json, answer: Json) -> tuple[ConferenceReason, ...]:
    """Name every reason to put a patient before the conference; none when no rule asks for it.

    Parameters
    ----------
    case
        As given to ``assess``, in the shape of section 2 of the clinical contract.
    answer
        What ``assess`` said of it, in the shape of section 3.

    Returns
    -------
    tuple of ConferenceReason
        In the order of the enumeration, each once.
    """
    found = {*_categories(answer), *_brock(answer), *_growth(answer), *_solid_parts(case)}
    return tuple(reason for reason in ConferenceReason if reason in found)


def _categories(answer: Json) -> Iterator[ConferenceReason]:
    for result in answer["results"]:
        if result["guideline"] == "LUNGRADS2022" and result["category"] in WORK_UP_CATEGORIES:
            yield ConferenceReason(WORK_UP_CATEGORIES[result["category"]])


def _brock(answer: Json) -> Iterator[ConferenceReason]:
    risk = answer.get("risk") or {}
    told = next((risk[model] for model in BROCK_MODELS if model in risk), None)
    if told and told["probability"] is not None and Decimal(str(told["probability"])) >= BROCK_FROM:
        yield ConferenceReason.BROCK


def _growth(answer: Json) -> Iterator[ConferenceReason]:
    for pair in answer.get("growth") or ():
        vdt_days = pair["vdt_days"]
        if pair["significant"] and vdt_days is not None and Decimal(str(vdt_days)) < VDT_UNDER_DAYS:
            yield ConferenceReason.FAST_GROWTH


def _solid_parts(case: Json) -> Iterator[ConferenceReason]:
    """A nodule that was ground glass throughout, and has a solid part at the last exam that shows it."""
    for nodule in case.get("nodules", ()):
        seen = _attenuations(nodule)
        if len(seen) > 1 and seen[-1] in SOLID_PART and set(seen[:-1]) == {"ground_glass"}:
            yield ConferenceReason.NEW_SOLID_PART


def _attenuations(nodule: Json) -> Sequence[str]:
    shown = sorted(
        (entry for entry in nodule["measurements"] if not entry.get("resolved")), key=lambda one: one["date"]
    )
    return [entry.get("attenuation", nodule["attenuation"]) for entry in shown]
