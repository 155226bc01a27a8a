"""What the program proposes for a patient, with crops of both scans and the place on each marked by a circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext

from nodules_app.charts.pairs import CROP_MM, Side, Volumes
from nodules_app.exchange.pictures import Crop, crop_around
from nodules_app.selectors.candidates import Proposal, Proposals, Seen

ROOM_MM: Final = 2.5  # between the spot and the circle around it


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One proposal as its card shows it; ``slice_number`` counts from 1, None while the volume is not kept."""

    proposal: Proposal
    prior: Side | None
    current: Side
    scan: UUID
    slice_number: int | None


@dataclass(frozen=True, slots=True)
class ProposalSection:
    """The section of a patient's page. While ``hidden`` nothing is told, not even how many there are."""

    hidden: bool
    first: tuple[ProposalRow, ...]
    further: tuple[ProposalRow, ...]
    rejected: tuple[Proposal, ...]
    search: str

    @property
    def waiting(self) -> int:
        return len(self.first) + len(self.further)


def section(told: Proposals, *, hidden: bool, volumes: Volumes) -> ProposalSection:
    """Lay the section out."""
    search = str(told.search or "")
    if hidden:
        return ProposalSection(True, (), (), (), search)
    first, further = (tuple(_row(one, volumes) for one in part) for part in (told.first, told.further))
    return ProposalSection(False, first, further, told.rejected, search)


def _row(proposal: Proposal, volumes: Volumes) -> ProposalRow:
    crop = _crop(proposal.here, volumes)
    return ProposalRow(
        proposal=proposal,
        prior=_side(proposal.prior, proposal, volumes) if proposal.prior else None,
        current=_side(proposal.current, proposal, volumes)
        if proposal.current
        else Side(None, missing=gettext("This place lies outside the other scan.")),
        scan=proposal.here.scan,
        slice_number=None if crop is None else crop.slice_index + 1,
    )


def _crop(seen: Seen, volumes: Volumes) -> Crop | None:
    volume = volumes.of(seen.series)
    return None if volume is None else crop_around(volume, seen.lps_mm, side_mm=CROP_MM)


def _side(seen: Seen, proposal: Proposal, volumes: Volumes) -> Side:
    crop = _crop(seen, volumes)
    if crop is None:
        return Side(seen.on, missing=gettext("The picture is not kept at present; measuring makes it again."))
    text = gettext("about %(mm)d mm") % {"mm": round(seen.diameter_mm)} if seen.diameter_mm else _nothing(proposal)
    return Side(
        day=seen.on,
        text=text,
        image_url=_crop_url(seen.scan, crop),
        alt=_alt(seen, text),
        outline=_circle(seen.diameter_mm or proposal.here.diameter_mm or 0.0),
        scale_path=crop.scale_path(),
    )


def _nothing(proposal: Proposal) -> str:
    return gettext("nothing proposed here") if proposal.change == "" else gettext("clear lung here")


def _crop_url(scan: UUID, crop: Crop) -> str:
    place = f"slice={crop.slice_index}&x={crop.x_px:.1f}&y={crop.y_px:.1f}&mm={crop.side_mm:g}"
    return f"{reverse('place-crop', kwargs={'code': scan})}?{place}"


def _alt(seen: Seen, text: str) -> str:
    day = formats.date_format(seen.on, "DATE_FORMAT") if seen.on else ""
    return gettext("Axial crop of a proposed place, %(day)s, %(size)s") % {"day": day, "size": text}


def _circle(diameter_mm: float) -> str:
    """A circle around the middle of the crop, in its box of 100."""
    radius = round(100 * (diameter_mm / 2 + ROOM_MM) / CROP_MM, 1)
    half = f"a{radius:g} {radius:g} 0 1 0"
    return f"M{50 - radius:g} 50{half} {2 * radius:g} 0{half} {-2 * radius:g} 0"
