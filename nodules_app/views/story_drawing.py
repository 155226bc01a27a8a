"""The drawing of a patient's story: what the selectors found, as the chart takes it, in the reader's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, NamedTuple

from django.utils.translation import gettext

from inference.estimate import Estimate
from inference.growth import Growth
from nodules_app.charts import story as chart
from nodules_app.charts.forecast import Forecast, drawn
from nodules_app.charts.story_lanes import Bar, Mark, plain
from nodules_app.charts.trajectory import SYMBOLS, Line, Point, Segment
from nodules_app.selectors.story import Event, EventKind, Lane, Owed, Story
from nodules_app.selectors.story_standing import Standing
from nodules_app.selectors.timeline import Appearance, NoduleLine
from nodules_app.services.forecast import forecasts
from nodules_app.templatetags.patients import day_text
from nodules_app.templatetags.quantities import vdt_words
from nodules_app.templatetags.story import LANES, event_sentence, event_short, event_why, owed_sentence, owed_short

DRAWN: Final = {  # symbol and colour of each kind of event
    EventKind.SCAN: ("circle-open-dot", "--ink"),
    EventKind.MISSED: ("x", "--critical"),
    EventKind.CHANGED: ("line-ns-open", "--caution"),
    EventKind.APPOINTMENT: ("square-open", "--brand"),
    EventKind.TAKEN_BACK: ("diamond-x-open", "--ink-soft"),
    EventKind.ASSESSED: ("diamond-open", "--brand"),
    EventKind.SIGNED: ("diamond", "--brand"),
    EventKind.OVERRODE: ("diamond", "--caution"),
    EventKind.MEETING: ("triangle-up-open", "--meeting"),
    EventKind.OUTCOME: ("triangle-up", "--meeting"),
    EventKind.REMINDER: ("circle-open", "--ink-soft"),
    EventKind.CONTACT: ("circle", "--brand"),
    EventKind.DOCUMENT: ("star-square", "--brand"),
    EventKind.CLOSED: ("square", "--ink"),
}
VOLUME, DIAMETER = "volume", "diameter"
RANK: Final = {kind: rank for rank, kind in enumerate(DRAWN)}  # of several on one day the last here gives the sign
FEW_EXAMS: Final = 4  # in so short a story every doubling time is written into the drawing
UNIT: Final = {VOLUME: "mm³", DIAMETER: "mm"}
DIGITS: Final = {VOLUME: 0, DIAMETER: 1}
THRESHOLDS: Final = {  # BTS 2015 by volume; Fleischner 2017 and Lung-RADS v2022 by mean diameter
    VOLUME: (chart.Threshold(80, "BTS 80 mm³"), chart.Threshold(300, "BTS 300 mm³")),
    DIAMETER: (chart.Threshold(6, "6 mm"), chart.Threshold(8, "8 mm")),
}


class Doubling(NamedTuple):
    """A doubling time with its interval, as the words of one ask for it."""

    volume_ratio: float
    vdt_days: float | None
    vdt_low_days: float | None
    vdt_high_days: float | None
    significant: bool


@dataclass(frozen=True, slots=True)
class Between:
    """The change of one nodule between two exams that somebody chose."""

    label: str
    start: date
    stop: date
    prior: Estimate
    current: Estimate
    growth: Growth
    is_compared: bool  # else the error holds the measurements alone, not what differs between the scans


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page draws of a story: its nodules, how they stand, and what the reader chose."""

    told: Story
    nodules: Sequence[NoduleLine]
    standing: Standing
    measure: str
    between: Between | None

    @property
    def foremost(self) -> tuple[str, ...]:
        """The nodules that stand out at first: those that matter, and the one that was asked for."""
        labels = self.standing.foremost()
        chosen = self.between.label if self.between else ""
        return (*labels, chosen) if chosen and chosen not in labels else labels


def figure_of(shown: Shown, today: date) -> chart.Figure:
    """Draw the story; the band and the forecast are those of the nodule that leads, and of volumes only."""
    told, lanes = shown.told, {lane: index for index, lane in enumerate(Lane)}
    lead = shown.standing.lead if shown.measure == VOLUME else None
    slots = _slots(shown)
    course, could_tell = _forecast(told, lead, slots) if lead else (None, "")
    drawing = chart.Drawing(
        lines=[_line(nodule, shown, slots[nodule.label]) for nodule in shown.nodules],
        lanes=[str(LANES[lane]) for lane in Lane],
        marks=[_mark(event, lanes) for event in told.events],
        bars=[_bar(owed, lanes[Lane.OWED], today) for owed in told.owed if not owed.superseded],
        thresholds=THRESHOLDS[shown.measure],
        foremost=frozenset(shown.foremost),
        band_of=lead.label if lead else "",
        forecast=course,
    )
    words = chart.Words(
        unit=UNIT[shown.measure],
        digits=DIGITS[shown.measure],
        today=gettext("today %(day)s") % {"day": day_text(today)},
        band=gettext("no change within the error"),
        forecast=gettext("forecast"),
        could_tell=could_tell,
        day_tick=gettext("%d %b %Y"),
        month_tick=gettext("%b %Y"),
    )
    return chart.figure(drawing, today=today, words=words)


def size_of(seen: Appearance, measure: str) -> Estimate | None:
    """Volume or mean diameter of a nodule on one scan; nothing where it was not measured or not there."""
    if seen.measured is None or not seen.present:
        return None
    if measure == DIAMETER:
        return Estimate(seen.measured.mean_diameter_mm, seen.measured.mean_diameter_sd_mm)
    return Estimate(seen.measured.volume_mm3, seen.measured.volume_sd_mm3)


def _slots(shown: Shown) -> Mapping[str, int]:
    """Give each nodule its colour and shape: its own to N1 to N4, what of these is free to others that stand out."""
    own = {nodule.label: nodule.number - 1 for nodule in shown.nodules if nodule.number <= len(SYMBOLS)}
    standing_out = set(shown.foremost)
    free = [slot for slot in range(len(SYMBOLS)) if slot not in {own[label] for label in own if label in standing_out}]
    slots = {}
    for nodule in shown.nodules:
        if nodule.label in own:
            slots[nodule.label] = own[nodule.label]
        else:
            slots[nodule.label] = free.pop(0) if free and nodule.label in standing_out else len(SYMBOLS)
    return slots


def _line(nodule: NoduleLine, shown: Shown, slot: int) -> Line:
    latest = nodule.appearances[-1] if nodule.appearances else None
    points = [
        Point(on=seen.on, on_text=day_text(seen.on), volume_mm3=size, is_current=seen is latest)
        for seen in nodule.appearances
        if seen.on is not None and (size := size_of(seen, shown.measure)) is not None
    ]
    end = gettext("gone") if latest is not None and not latest.present else ""
    return Line(nodule.label, slot, tuple(points), tuple(_segments(nodule, shown)), end)


def _segments(nodule: NoduleLine, shown: Shown) -> Iterator[Segment]:
    """The doubling times that are written into the drawing: the chosen one, else all of a short story or the latest."""
    if shown.measure != VOLUME:
        return
    between = shown.between
    if between is not None and between.label == nodule.label and between.growth.significant:
        yield Segment(between.start, between.stop, f"VDT {vdt_words(_as_change(between.growth))}")
        return
    days = {seen.scan: seen.on for seen in nodule.appearances}
    latest = nodule.appearances[-1].scan if nodule.appearances else None
    for change in nodule.changes:
        start, stop = days.get(change.prior_scan), days.get(change.current_scan)
        is_told = len(shown.told.timeline.scans) <= FEW_EXAMS or change.current_scan == latest
        if start and stop and is_told and change.significant and change.vdt_days is not None:
            yield Segment(start, stop, f"VDT {vdt_words(change)}")


def _as_change(growth: Growth) -> Doubling:
    low, high = growth.vdt_ci95_days or (None, None)
    return Doubling(growth.volume_ratio, growth.vdt_days, low, high, growth.significant)


def _mark(event: Event, lanes: Mapping[Lane, int]) -> Mark:
    symbol, colour = DRAWN[event.kind]
    told = (event_sentence(event), event_why(event), event.by)
    return Mark(
        on=event.on,
        on_text=day_text(event.on),
        lane=lanes[event.lane],
        symbol=symbol,
        colour=colour,
        words="<br>".join(plain(one) for one in told if one),
        rank=RANK[event.kind],
        short=plain(event_short(event)),
    )


def _bar(owed: Owed, lane: int, today: date) -> Bar:
    late = owed.late_days(today)
    words = f"{day_text(owed.due_from)} – {day_text(owed.due_until)}<br>{plain(owed_sentence(owed, late))}"
    late_until = (owed.ended_on or today) if late else None
    return Bar(lane, owed.due_from, owed.due_until, late_until, words, owed_short(owed, late))


def _forecast(told: Story, lead: NoduleLine, slots: Mapping[str, int]) -> tuple[Forecast | None, str]:
    """Where the nodule is going, to the end of the last window that is owed, and what is said of telling its growth."""
    open_until = max((owed.due_until for owed in told.open_steps), default=None)
    expected = forecasts(replace(told.timeline, nodules=(lead,))).get(lead.label) if open_until else None
    if expected is None or open_until is None:
        return None, ""
    shown_already = gettext("more growth could show from here on")
    words = shown_already if expected.shown_already else gettext("growth could show from here on")
    course = drawn(expected, open_until)
    return (replace(course, order=slots[lead.label]) if course else None), words
