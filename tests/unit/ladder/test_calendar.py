"""Working days, quiet hours and clocks that jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from nodules_app.ladder.calendar import Calendar, NeverOpen

SHANGHAI, BERLIN, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
# Golden Week 2026 as the State Council announces such weeks: seven days off, two weekend days worked instead.
GOLDEN_WEEK = {date(2026, 10, day): False for day in range(1, 8)} | {
    date(2026, 9, 27): True,
    date(2026, 10, 10): True,
}
CHINA = Calendar(SHANGHAI, exceptions=GOLDEN_WEEK)


def test_an_adjusted_weekend_day_is_a_working_day() -> None:
    assert CHINA.is_working(date(2026, 10, 10))  # a Saturday
    assert not CHINA.is_working(date(2026, 10, 1))  # a Thursday
    assert CHINA.forward(date(2026, 10, 1)) == date(2026, 10, 8)
    assert CHINA.backward(date(2026, 10, 7)) == date(2026, 9, 30)
    assert CHINA.forward(date(2026, 10, 10)) == date(2026, 10, 10)


def test_a_calendar_that_never_opens_says_so() -> None:
    with pytest.raises(NeverOpen):
        Calendar(ZoneInfo("UTC"), weekdays=frozenset()).forward(date(2026, 1, 1))


@pytest.mark.parametrize(
    ("zone", "day", "opens"),
    [
        (SHANGHAI, date(2026, 11, 23), datetime(2026, 11, 23, 0, 0, tzinfo=UTC)),
        (BERLIN, date(2026, 3, 29), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),  # the clock went forward in this night
        (BERLIN, date(2026, 10, 25), datetime(2026, 10, 25, 7, 0, tzinfo=UTC)),  # and back
        (NEW_YORK, date(2028, 2, 29), datetime(2028, 2, 29, 13, 0, tzinfo=UTC)),
        (NEW_YORK, date(2027, 1, 1), datetime(2027, 1, 1, 13, 0, tzinfo=UTC)),
    ],
)
def test_a_day_opens_at_the_local_hour(zone: ZoneInfo, day: date, opens: datetime) -> None:
    assert Calendar(zone).opens(day) == opens


def test_quiet_hours_over_midnight_and_within_a_day() -> None:
    night, noon = Calendar(BERLIN), Calendar(BERLIN, quiet_from=time(12), quiet_until=time(14))
    late = datetime(2026, 11, 23, 20, 30, tzinfo=BERLIN)
    assert night.is_quiet(late)
    assert not noon.is_quiet(late)
    assert noon.is_quiet(late.replace(hour=13))
    assert not Calendar(BERLIN, quiet_from=time(8), quiet_until=time(8)).is_quiet(late)


def test_a_message_of_friday_night_waits_for_monday_morning() -> None:
    friday_night = datetime(2026, 11, 20, 22, 0, tzinfo=BERLIN)
    assert Calendar(BERLIN).next_sending(friday_night) == datetime(2026, 11, 23, 8, 0, tzinfo=BERLIN)


@examples(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # reading a zone from disk is slow once
@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 bounds
    zone=st.sampled_from([SHANGHAI, BERLIN, NEW_YORK, ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]),
    quiet=st.tuples(st.times(), st.times()).filter(lambda hours: hours[0] != hours[1]),
)
def test_the_next_sending_is_never_past_never_quiet_and_on_a_working_day(
    now: datetime, zone: ZoneInfo, quiet: tuple[time, time]
) -> None:
    calendar = Calendar(zone, quiet_from=quiet[0], quiet_until=quiet[1])
    at = calendar.next_sending(now)
    assert now <= at <= now + timedelta(days=5)
    assert calendar.is_working(calendar.today(at))
    # At the hour that a clock repeats, the local time stands twice; the first of the two may be read as the second.
    assert (
        not calendar.is_quiet(at) or calendar.today(at + timedelta(hours=3)) != calendar.today(at) or _repeats(at, zone)
    )


def _repeats(at: datetime, zone: ZoneInfo) -> bool:
    local = at.astimezone(zone)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
