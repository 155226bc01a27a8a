"""The reading room as data for its scripts: where each scan lies, where its slices come from, what is marked on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any, Final
from uuid import UUID

from django.urls import reverse
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from nodules_app.charts.pairs import kept_volume
from nodules_app.models import Comparison, Scan, Series
from nodules_app.selectors import candidates
from nodules_app.selectors.viewer import Room
from nodules_app.services import viewing
from nodules_app.services.outlines import Outline
from registration.volume import Volume

ROLES: Final = ("third", "prior", "current")
ROLE_WORDS: Final = {"third": pgettext_lazy("scan", "Earlier"), "prior": _("Prior"), "current": _("Current")}


@dataclass(frozen=True, slots=True)
class Pane:
    """One scan with the words over it; ``days`` and ``grade`` tell of the comparison with the scan right of it."""

    scan: Scan
    role: str
    word: Promise
    days: int | None
    grade: str
    technique: str
    kept: bool  # its slices can be sent at once


def room_facts(room: Room, *, hidden: bool, start_at: str = "") -> dict[str, Any]:
    """Everything that the scripts need to begin; ``hidden`` keeps what is found until the reader asks for it."""
    return {
        "scans": [scan_facts(scan, role) for scan, role in zip(room.shown, roles_of(room), strict=True)],
        "links": [_link(comparison) for comparison in room.comparisons if comparison.registrations.exists()],
        "nodules": _nodules(room),
        "candidates": None if hidden else candidate_facts(room),
        "hidden": hidden,
        "start": start_at,
    }


def roles_of(room: Room) -> tuple[str, ...]:
    """What each shown scan is: the latest of two or three is current; one alone is current too."""
    return ROLES[3 - len(room.shown) :]


def panes(room: Room) -> list[Pane]:
    """The scans in their places, the earliest on the left."""
    between = {comparison.prior_id: comparison for comparison in room.comparisons}
    drawn = []
    for scan, role in zip(room.shown, roles_of(room), strict=True):
        pair = between.get(scan.pk)
        days = pair.interval_days if pair else None
        grade, kept = pair.grade if pair else "", viewing.scan_is_ready(scan)
        drawn.append(Pane(scan, role, ROLE_WORDS[role], days, grade, _technique(scan.series), kept))
    return drawn


def _technique(series: Series) -> str:
    thickness = f"{series.slice_thickness_mm:g} mm" if series.slice_thickness_mm else ""
    return " · ".join(part for part in (series.kernel, thickness) if part)


def scan_facts(scan: Scan, role: str) -> dict[str, Any]:
    """One scan. Without kept slices it has no geometry yet; ``state`` says where to ask how far they are."""
    volume = kept_volume(scan.series.code)
    return {
        "code": str(scan.code),
        "role": role,
        "day": formats.date_format(scan.study.acquired_on, "DATE_FORMAT") if scan.study.acquired_on else "",
        "geometry": _geometry(volume) if volume else None,
        "slabs": reverse("slab", args=[scan.code, digest(scan.series), 0, 1]).removesuffix("0/1"),
        "outlines": reverse("outlines", args=[scan.code]),
        "state": reverse("images-state", args=[scan.code]),
        "measurable": scan.series.measurable,
    }


def digest(series: Series) -> str:
    """The content of a series in one word: it stands in the address of its slices."""
    return viewing.digest_of(series.code, series.series_uid)


def _geometry(volume: Volume) -> dict[str, Any]:
    return {
        "shape_zyx": list(volume.shape_zyx),
        "spacing_zyx_mm": list(volume.spacing_zyx_mm),
        "origin_lps_mm": list(volume.origin_lps_mm),
        "direction": volume.direction.tolist(),
    }


def _link(comparison: Comparison) -> dict[str, Any]:
    return {
        "prior": str(comparison.prior.code),
        "current": str(comparison.current.code),
        "ready": viewing.map_is_ready(comparison),
        "map": reverse("displacements", args=[comparison.code]),
        "state": reverse("map-state", args=[comparison.code]),
    }


def _nodules(room: Room) -> list[dict[str, Any]]:
    rows: dict[UUID, dict[str, Any]] = {}
    for one in room.marked:
        row = rows.setdefault(one.nodule, {"nodule": str(one.nodule), "label": one.label, "lobe": one.lobe, "on": {}})
        row["on"][str(one.scan)] = {
            "finding": str(one.finding),
            "lps_mm": list(one.lps_mm),
            "present": one.present,
            "volume_mm3": one.volume_mm3,
        }
    codes = [str(scan.code) for scan in room.shown]
    for nodule, row in rows.items():
        compared = room.compared.get(nodule)
        row["lines"] = [_sizes([row["on"].get(code) for code in codes])]
        row["word"] = compared.word if compared else ""
        row["is_reviewed"] = compared is None or compared.is_confirmed  # on one scan alone: a reader has marked it
    return list(rows.values())


def _sizes(seen: list[dict[str, Any] | None]) -> str:
    """Volumes from scan to scan: ``398 → 541 mm³``."""
    told = [_size(one) for one in seen]
    return f"{' → '.join(told)} mm³" if any(one and one["volume_mm3"] for one in seen) else gettext("not measured")


def _size(one: dict[str, Any] | None) -> str:
    if one is None or (one["present"] and one["volume_mm3"] is None):
        return "–"
    return f"{one['volume_mm3']:.0f}" if one["present"] else "0"


def candidate_facts(room: Room) -> list[dict[str, Any]]:
    """What the machine proposes on the scans that are shown, each with a letter for a name."""
    rows: dict[UUID, dict[str, Any]] = {}
    for scan in room.shown:
        for mark in candidates.on_scan(scan):
            row = rows.setdefault(
                mark.code, {"candidate": str(mark.code), "nodule": None, "change": mark.change, "on": {}}
            )
            row["on"][str(scan.code)] = {"lps_mm": list(mark.lps_mm), "present": True}
            row["mm"] = round(mark.diameter_mm)
    return [row | {"label": _letters(number)} for number, row in enumerate(rows.values())]


def _letters(number: int) -> str:
    """Name by letter: a … z, then aa, ab …"""
    head, tail = divmod(number, len(ascii_lowercase))
    return (_letters(head - 1) if head else "") + ascii_lowercase[tail]


def outline_facts(outlines: tuple[Outline, ...]) -> list[Mapping[str, Any]]:
    """Outlines as the overlay draws them."""
    return [
        {"finding": str(one.finding), "label": one.label, "border": one.border_px, "solid": one.solid_px}
        for one in outlines
    ]


def state_facts(told: viewing.Readiness) -> dict[str, Any]:
    """How far images are, with the words for the reader."""
    words = {
        "": gettext("Waiting to be asked for."),
        "queued": gettext("Waiting for a worker."),
        "running": gettext("Being made again from the archived originals."),
        "refused": gettext("They cannot be made again; the patient page says why."),
        "failed": gettext("Making them failed; the patient page says how to try again."),
        "cancelled": gettext("The work was cancelled."),
        "succeeded": gettext("They were deleted again; open the page anew."),
    }
    said = "" if told.ready else words[told.state]
    return {"ready": told.ready, "state": told.state, "progress": told.progress, "said": said}
