"""Where a patient's nodules are going, from the volumes that stand in the record, and what the next CT could tell.

Only volumes of one scale are taken together, and none whose scan may not be compared with the latest one. A forecast
informs; it never changes what a guideline answers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final, cast
from uuid import UUID

from inference.comparability import PER_VOLUME_ERROR
from inference.estimate import Estimate
from inference.forecast import Forecast, History, Seen, forecast
from inference.forecast_telling import Telling, could_tell_from, shown_already, telling, would_tell_from
from inference.growth import REPEATABLE_RATIO
from inference.repeatability import Attenuation
from nodules_app.lifecycles import FOLLOWED_NODULE
from nodules_app.models import FollowUp, FollowUpKind
from nodules_app.selectors.timeline import Appearance, ComparisonLine, Measured, NoduleLine, Timeline, timeline
from nodules_app.services.measured import DRAWN_NAME, METHOD_NAME
from registration.errors import Refused

SOLID_PART_RELATIVE_ERROR: Final = 0.17  # of its volume: limits of -45 and +39 % between two scans, reference 6.3
NEVER_COMPARED: Final = "D"
VDT_LIMITS_DAYS: Final = (400, 600)  # BTS 2015
SOLID_LIMITS_MM: Final = (6, 8, 15)  # Lung-RADS v2022; the first two Fleischner 2017 too
SOLID_PART_LIMITS_MM: Final = (6, 8)
GROUND_GLASS_LIMITS_MM: Final = (6, 30)


@dataclass(frozen=True, slots=True)
class Passing:
    """How likely a nodule has passed one limit of the guidelines until each of some days.

    ``kind`` is ``grown`` (by 25 % since the last scan), ``faster`` (than ``limit`` days of doubling), ``diameter`` (at
    least ``limit`` mm, as a ball of the volume) or ``solid_part`` (the same of the solid component).
    """

    kind: str
    limit: Decimal
    probabilities: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class NoduleForecast:
    """The forecast of one nodule; days are those of its scans."""

    label: str
    number: int
    scans: int
    last_on: date
    course: Forecast
    solid_part: Forecast | None
    shown_already: bool
    could_tell_on: date | None  # None: not within five years
    would_tell_on: date | None

    def telling_on(self, on: date) -> Telling | None:
        """What a scan on a day could tell; None unless the day lies after the last scan."""
        return telling(self.course, on.toordinal()) if on > self.last_on else None

    def cannot_tell_on(self, on: date) -> bool:
        """Whether a scan on this day would rather miss growth than show it."""
        return self.could_tell_on is None or on < self.could_tell_on

    def expected_mm3(self, on: date) -> Estimated:
        """The volume on a day with its 95 % interval."""
        low, high = self.course.interval_95_mm3(on.toordinal())
        return Estimated(on, self.course.volume_mm3(on.toordinal(), 0.5), low, high)

    def passings(self, days: Sequence[date]) -> tuple[Passing, ...]:
        """How likely each limit is passed until each day, but those that are passed already beyond doubt."""
        return tuple(one for one in self._passings([on.toordinal() for on in days]) if min(one.probabilities) < 0.975)

    def _passings(self, days: Sequence[int]) -> Iterator[Passing]:
        course = self.course
        yield Passing(
            "grown",
            Decimal(str(REPEATABLE_RATIO)),
            tuple(course.probability_grown(day, REPEATABLE_RATIO) for day in days),
        )
        for vdt_days in VDT_LIMITS_DAYS:
            yield Passing("faster", Decimal(vdt_days), tuple(course.probability_faster(day, vdt_days) for day in days))
        limits_mm = SOLID_LIMITS_MM if course.history.attenuation == "solid" else GROUND_GLASS_LIMITS_MM
        yield from _sizes("diameter", course, limits_mm, days)
        if self.solid_part is not None:
            yield from _sizes("solid_part", self.solid_part, SOLID_PART_LIMITS_MM, days)


@dataclass(frozen=True, slots=True)
class Estimated:
    """A volume on a day: as likely above as below, and the ends of its 95 % interval."""

    on: date
    median_mm3: float
    low_mm3: float
    high_mm3: float


def forecasts(shown: Timeline) -> Mapping[str, NoduleForecast]:
    """Forecast each nodule that is followed and was measured on its latest scan, by label."""
    found = {}
    for nodule in shown.nodules:
        if nodule.state in FOLLOWED_NODULE and (one := _forecast(nodule, shown.comparisons)) is not None:
            found[nodule.label] = one
    return found


def _forecast(nodule: NoduleLine, comparisons: Sequence[ComparisonLine]) -> NoduleForecast | None:
    sized = _on_one_scale(nodule, comparisons)
    if not sized or sized[-1][1] != _latest_day(nodule):
        return None
    protocols, error = _protocols([seen.scan for seen, _, _ in sized], comparisons)
    attenuation = cast("Attenuation", sized[-1][2].attenuation)  # the database holds it to the three
    scans = tuple(
        Seen(on.toordinal(), Estimate(measured.volume_mm3, measured.volume_sd_mm3), protocols[seen.scan])
        for seen, on, measured in sized
    )
    try:
        course = forecast(History(scans, attenuation, error))
    except Refused:
        return None  # the volume itself is shown with its own warning; a course adds nothing to it
    could, would = could_tell_from(course), would_tell_from(course)
    return NoduleForecast(
        label=nodule.label,
        number=nodule.number,
        scans=len(scans),
        last_on=sized[-1][1],
        course=course,
        solid_part=_solid_part(sized, protocols, error) if attenuation == "part_solid" else None,
        shown_already=shown_already(course),
        could_tell_on=None if could is None else date.fromordinal(could),
        would_tell_on=None if would is None else date.fromordinal(would),
    )


def step_too_early(step: FollowUp, on: date) -> tuple[NoduleForecast, ...]:
    """Forecasts of the nodules of a CT of which a scan on this day could not yet tell growth from noise."""
    if step.kind != FollowUpKind.CT:
        return ()
    found = forecasts(timeline(step.patient))
    labels = [nodule.label for nodule in step.nodules.order_by("number")]
    return tuple(found[label] for label in labels if label in found and found[label].cannot_tell_on(on))


_Sized = tuple[Appearance, date, Measured]


def _on_one_scale(nodule: NoduleLine, comparisons: Sequence[ComparisonLine]) -> list[_Sized]:
    """The volumes that may be compared with the latest one, one a day, the earliest first."""
    by_day = {
        seen.on: (seen, seen.on, seen.measured)
        for seen in nodule.appearances
        if seen.on is not None and seen.measured is not None and seen.present
    }
    sized = [by_day[on] for on in sorted(by_day)]
    if not sized:
        return []
    latest, _, measured = sized[-1]
    never = {
        other
        for line in comparisons
        if line.grade == NEVER_COMPARED and latest.scan in {line.prior_scan, line.current_scan}
        for other in (line.prior_scan, line.current_scan)
        if other != latest.scan
    }
    return [one for one in sized if one[0].scan not in never and _scale(one[2]) == _scale(measured)]


def _scale(measured: Measured) -> str:
    """Name the scale: what a person drew changes the machine's volume only where it was drawn."""
    return measured.method.replace(DRAWN_NAME, METHOD_NAME)


def _latest_day(nodule: NoduleLine) -> date | None:
    return max((seen.on for seen in nodule.appearances if seen.on is not None), default=None)


def _protocols(scans: Sequence[UUID], comparisons: Sequence[ComparisonLine]) -> tuple[Mapping[UUID, int], float]:
    """Number the protocols: scans whose comparison costs nothing were made alike; and what a protocol is off by."""
    group = {scan: index for index, scan in enumerate(scans)}
    known = [line for line in comparisons if line.grade and {line.prior_scan, line.current_scan} <= set(scans)]
    for line in known:
        if line.extra_relative_error == 0:
            old, new = group[line.current_scan], group[line.prior_scan]
            group = {scan: new if number == old else number for scan, number in group.items()}
    costs = [line.extra_relative_error**2 / 2 for line in known if line.extra_relative_error]
    if costs:
        return group, math.sqrt(sum(costs) / len(costs))
    return group, PER_VOLUME_ERROR if len(set(group.values())) > 1 else 0.0


def _solid_part(sized: Sequence[_Sized], protocols: Mapping[UUID, int], error: float) -> Forecast | None:
    """The course of the solid component, from its mean diameter on each scan that shows one."""
    scans = []
    for seen, on, measured in sized:
        if measured.solid_mean_diameter_mm:
            volume_mm3 = math.pi / 6 * measured.solid_mean_diameter_mm**3
            size = Estimate(volume_mm3, SOLID_PART_RELATIVE_ERROR * volume_mm3)
            scans.append(Seen(on.toordinal(), size, protocols[seen.scan]))
    if not scans or scans[-1].day != sized[-1][1].toordinal():
        return None
    try:
        return forecast(History(tuple(scans), "part_solid", error))
    except Refused:
        return None  # a speck of a few voxels has no course


def _sizes(kind: str, course: Forecast, limits_mm: Sequence[int], days: Sequence[int]) -> Iterator[Passing]:
    for limit_mm in limits_mm:
        volume_mm3 = math.pi / 6 * limit_mm**3
        yield Passing(kind, Decimal(limit_mm), tuple(course.probability_reached(day, volume_mm3) for day in days))
