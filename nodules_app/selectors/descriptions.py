"""What readers said of nodules, as far as it is in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nodules_app.models import Nodule, NoduleDescription


@dataclass(frozen=True, slots=True)
class Description:
    """What was last said of a nodule, by whom, when; ``facts`` as in section 2.4 of the clinical cases."""

    facts: Mapping[str, Any]
    by: str
    at: datetime

    @property
    def lobe(self) -> str:
        return str(self.facts.get("lobe") or "")


def descriptions_of(nodules: Iterable[Nodule]) -> Mapping[int, Description]:
    """The description in force of each nodule that has one, by the nodule's key, in one query."""
    rows = NoduleDescription.objects.filter(nodule__in=nodules).select_related("by")
    latest = rows.order_by("nodule_id", "-pk").distinct("nodule_id")
    return {row.nodule_id: Description(row.facts, str(row.by or ""), row.recorded_at) for row in latest}


def description_of(nodule: Nodule) -> Description | None:
    return descriptions_of([nodule]).get(nodule.pk)
