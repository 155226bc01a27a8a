"""What each reader of an exam says by himself, and where two of them differ by more than chance.

Source
------
Two readers' diameters of one nodule differ by up to 1.73 mm (95 %) by chance alone: Revel et al. 2004, Radiology
231:453-458. Only more is a disagreement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from inference.calipers import READERS_DIFFER_MM
from nodules_app.models import IndependentRead, Reading

Said = Mapping[str, Mapping[str, Any]]  # by label: is_nodule, attenuation, word, mean_diameter_mm
ASKED: Final = ("is_nodule", "attenuation", "word", "mean_diameter_mm")


@dataclass(frozen=True, slots=True)
class Difference:
    """One point on which two readers differ; None means that the reader said nothing of it."""

    label: str
    about: str
    first: Any
    second: Any


def reads_of(reading: Reading) -> list[IndependentRead]:
    """The latest read of each reader, in the order in which they first read."""
    latest: dict[int, IndependentRead] = {}
    for row in reading.reads.select_related("by").order_by("pk"):
        latest[row.by_id] = row
    return list(latest.values())


def differences(first: Said, second: Said) -> list[Difference]:
    """Where two readers differ; what either left unsaid of a nodule that both name is no difference."""
    found = []
    for label in [*first, *(label for label in second if label not in first)]:
        one, other = first.get(label), second.get(label)
        if one is None or other is None:
            found.append(Difference(label, "is_nodule", one and one["is_nodule"], other and other["is_nodule"]))
            continue
        asked = [about for about in ASKED if _differ(about, one.get(about), other.get(about))]
        found.extend(Difference(label, about, one.get(about), other.get(about)) for about in asked)
    return found


def _differ(about: str, one: Any, other: Any) -> bool:  # noqa: ANN401 words, numbers and yes or no alike
    if one in (None, "") or other in (None, ""):
        return False
    if about == "mean_diameter_mm":
        return abs(float(one) - float(other)) > READERS_DIFFER_MM
    return bool(one != other)
