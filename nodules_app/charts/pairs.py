"""Prior beside current: the crops of each nodule, and where a volume was measured the line of its trajectory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final
from uuid import UUID

from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext

from inference.estimate import Estimate
from nodules_app.charts.trajectory import Line, Point, Segment
from nodules_app.dicom.volumes import VolumeUnreadable, open_volume
from nodules_app.exchange.pictures import Crop, crop_around
from nodules_app.lifecycles import NoduleState
from nodules_app.selectors.timeline import Appearance, Change, Exam, Measured, NoduleLine, ScanLine, Timeline
from nodules_app.services.cache import volume_folder
from nodules_app.services.learned import LooksSaid
from registration.volume import Volume

CROP_MM: Final = 50.0
Dated = tuple[Exam, ScanLine]


@dataclass(slots=True)
class Volumes:
    """The kept volumes that one answer needs, each mapped once; a volume that is not kept is None."""

    known: dict[UUID, Volume | None] = field(default_factory=dict)

    def of(self, series: UUID) -> Volume | None:
        if series not in self.known:
            self.known[series] = kept_volume(series)
        return self.known[series]


def kept_volume(series: UUID) -> Volume | None:
    """Map the kept volume of a series, or give None while no worker has made it."""
    try:
        return open_volume(volume_folder(series))
    except VolumeUnreadable:
        return None


@dataclass(frozen=True, slots=True)
class Heat:
    """Where a network's word comes from, drawn over a crop: what speaks for it, and what does most."""

    name: str
    outer_path: str
    inner_path: str


@dataclass(frozen=True, slots=True)
class Side:
    """One crop, or the words that stand in its place."""

    day: date | None
    text: str = ""
    image_url: str = ""
    alt: str = ""
    outline: str = ""
    scale_path: str = ""
    missing: str = ""
    heats: tuple[Heat, ...] = ()


@dataclass(frozen=True, slots=True)
class NoduleRow:
    """One nodule on the two latest scans."""

    nodule: NoduleLine
    prior: Appearance | None
    current: Appearance | None
    change: Change | None
    prior_side: Side
    current_side: Side

    @property
    def shown(self) -> Measured | None:
        """The measurement that says what kind of nodule this is: the current one, else the prior one."""
        for seen in (self.current, self.prior):
            if seen is not None and seen.measured is not None:
                return seen.measured
        return None


def two_latest(shown: Timeline) -> tuple[Dated | None, Dated | None]:
    """Give prior and current: the two latest scans that have a day."""
    dated = [(exam, scan) for exam, scan in shown.scans if exam.acquired_on is not None]
    return (dated[-2] if len(dated) > 1 else None), (dated[-1] if dated else None)


def nodule_rows(
    shown: Timeline, volumes: Volumes, looks: Mapping[UUID, LooksSaid] | None = None
) -> tuple[NoduleRow, ...]:
    """Give each nodule with its two crops, in the order of their numbers; ``looks`` of a network by finding."""
    prior, current = two_latest(shown)
    no_prior = Side(None, missing=gettext("There is no prior exam."))
    no_exam = Side(None, missing=gettext("There is no exam."))
    rows = []
    for nodule in shown.nodules:
        on_prior = nodule.on_scan(prior[1].code) if prior else None
        on_current = nodule.on_scan(current[1].code) if current else None
        pairs = (change for change in nodule.changes if current and change.current_scan == current[1].code)
        rows.append(
            NoduleRow(
                nodule=nodule,
                prior=on_prior,
                current=on_current,
                change=next(pairs, None),
                prior_side=_side(nodule, prior, on_prior, volumes, looks) if prior else no_prior,
                current_side=_side(nodule, current, on_current, volumes, looks) if current else no_exam,
            )
        )
    return tuple(rows)


def _side(
    nodule: NoduleLine,
    dated: Dated,
    seen: Appearance | None,
    volumes: Volumes,
    looks: Mapping[UUID, LooksSaid] | None,
) -> Side:
    exam, scan = dated
    if seen is None:
        return Side(exam.acquired_on, missing=gettext("Not looked for on this scan yet."))
    volume = volumes.of(scan.series.code)
    if volume is None:
        return Side(exam.acquired_on, missing=gettext("The picture is not kept at present; measuring makes it again."))
    return _drawn(nodule, exam, seen, volume, (looks or {}).get(seen.code))


def _drawn(nodule: NoduleLine, exam: Exam, seen: Appearance, volume: Volume, said: LooksSaid | None) -> Side:
    measured = seen.measured
    crop = crop_of(seen, volume)
    return Side(
        day=exam.acquired_on,
        text=size_text(seen),
        image_url=crop_url(seen.code, crop),
        alt=_alt(nodule, exam, seen),
        outline=crop.path(measured.outline_px) if measured and seen.present else "",
        scale_path=crop.scale_path(),
        heats=tuple(
            Heat(look.name, crop.path(look.region.outer_px), crop.path(look.region.inner_px))
            for look in (said.shown if said else ())
            if look.region is not None and look.region.slice_index == crop.slice_index
        ),
    )


def crop_of(seen: Appearance, volume: Volume) -> Crop:
    """Lay the crop of a nodule, on the slice where it was measured."""
    index = seen.measured.axial_index if seen.measured else None
    return crop_around(volume, seen.lps_mm, side_mm=CROP_MM, slice_index=index)


def crop_url(finding: UUID, crop: Crop) -> str:
    """Give the address of a crop; it names the slice, so that the picture behind it never changes."""
    return f"{reverse('crop', kwargs={'code': finding})}?mm={crop.side_mm:g}&slice={crop.slice_index}"


def size_text(seen: Appearance) -> str:
    """Say how large a nodule is on an exam, or why that is not known."""
    if not seen.present:
        return gettext("not seen here")
    return f"{seen.measured.volume_mm3:.0f} mm³" if seen.measured else gettext("not measured")


def _alt(nodule: NoduleLine, exam: Exam, seen: Appearance) -> str:
    day = formats.date_format(exam.acquired_on, "DATE_FORMAT") if exam.acquired_on else ""
    return gettext("Axial crop of %(label)s, %(day)s, %(size)s") % {
        "label": nodule.label,
        "day": day,
        "size": size_text(seen),
    }


def lines(shown: Timeline, say_growth: Callable[[Change], str]) -> tuple[Line, ...]:
    """Give the measured volumes of each nodule for the trajectory; ``say_growth`` writes a doubling time."""
    _, current = two_latest(shown)
    latest = current[1].code if current else None
    return tuple(
        Line(
            label=nodule.label,
            order=nodule.number - 1,
            points=tuple(_points(nodule, latest)),
            segments=tuple(_segments(nodule, say_growth)),
        )
        for nodule in shown.nodules
        if nodule.state is not NoduleState.NOT_A_NODULE
    )


def _points(nodule: NoduleLine, latest: UUID | None) -> list[Point]:
    return [
        Point(
            on=seen.on,
            on_text=formats.date_format(seen.on, "DATE_FORMAT"),
            volume_mm3=Estimate(seen.measured.volume_mm3, seen.measured.volume_sd_mm3),
            is_current=seen.scan == latest,
        )
        for seen in nodule.appearances
        if seen.on is not None and seen.measured is not None and seen.present
    ]


def _segments(nodule: NoduleLine, say_growth: Callable[[Change], str]) -> list[Segment]:
    days = {seen.scan: seen.on for seen in nodule.appearances}
    segments = []
    for change in nodule.changes:
        start, stop = days.get(change.prior_scan), days.get(change.current_scan)
        if start and stop and change.significant and change.vdt_days is not None:
            segments.append(Segment(start, stop, say_growth(change)))
    return segments
