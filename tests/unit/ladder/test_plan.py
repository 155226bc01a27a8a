"""The rules of the reminders, each by its number in section 7.3 of the product reference, and the default ladder."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.ladder.calendar import Calendar
from nodules_app.ladder.plan import CATCH_UP, Facts, Reach, Step, Telling, Verdict, Why, plan
from nodules_app.ladder.rungs import (
    DEFAULT,
    Anchor,
    Channel,
    Need,
    Order,
    Problem,
    Recipient,
    Rung,
    Tier,
    Way,
    as_json,
    from_json,
    problems_of,
    tier_of,
)

UTC_ZONE = ZoneInfo("UTC")
EVERY_DAY = Calendar(UTC_ZONE, weekdays=frozenset(range(1, 8)))
D, C = date(2026, 11, 18), date(2026, 12, 2)
ANY = Reach((Channel.EMAIL, Channel.LETTER))
BY_LETTER = Reach((Channel.LETTER,))


def facts(tier: Tier = Tier.MIDDLE, **said: object) -> Facts:
    ordinary = Facts(tier, plan_began_on=date(2026, 5, 18), target_on=D, closes_on=C, patient=ANY, referrer=BY_LETTER)
    return replace(ordinary, **said)


def at(day: date, hour: int = 9) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def judged(rung: str, about: Facts, now: datetime, calendar: Calendar = EVERY_DAY) -> Step:
    return next(step for step in plan(about, DEFAULT, calendar, now) if step.rung == rung)


def acting(about: Facts, now: datetime, calendar: Calendar = EVERY_DAY) -> list[str]:
    return [step.rung for step in plan(about, DEFAULT, calendar, now) if step.verdict == Verdict.ACTS]


@pytest.mark.parametrize(
    ("rung", "from_day", "offsets"),
    [
        ("signed", D, (-28, -42, -56)),
        ("booked", D, (-14, -28, -42)),
        ("notice", D, (-14, -21, -28)),
        ("reminder_1", D, (-3, -7, -7)),
        ("reminder_2", D, (-1, -1, -1)),
        ("overdue_1", C, (3, 7, 14)),
        ("overdue_2", C, (7, 21, 30)),
        ("overdue_3", C, (14, 35, 60)),
        ("overdue_4", C, (21, 49, 90)),
    ],
)
def test_the_default_ladder_is_the_table_of_section_7_2(rung: str, from_day: date, offsets: tuple[int, ...]) -> None:
    for tier, days in zip(Tier, offsets, strict=True):
        assert judged(rung, facts(tier), at(date(2026, 6, 1))).planned_on == from_day + timedelta(days=days)


@pytest.mark.parametrize(("rung", "offsets"), [("unread", (3, 7, 14)), ("undecided", (3, 7, 14))])
def test_a_made_exam_and_a_read_exam_have_their_rungs(rung: str, offsets: tuple[int, ...]) -> None:
    made = {"performed_on": D} | ({"reported_on": D} if rung == "undecided" else {})
    for tier, days in zip(Tier, offsets, strict=True):
        assert judged(rung, facts(tier, **made), at(D)).planned_on == D + timedelta(days=days)


def test_a_day_that_was_given_and_not_kept_has_its_rung_and_none_without_a_day() -> None:
    missed = facts(missed_on=D)
    assert judged("not_come", missed, at(D + timedelta(days=3))).verdict == Verdict.ACTS
    assert judged("not_come", facts(), at(D + timedelta(days=3))).why == Why.NO_DAY


def test_the_default_ladder_may_be_used_and_survives_its_storage() -> None:
    assert problems_of(DEFAULT) == ()
    assert from_json(as_json(DEFAULT)) == DEFAULT


class TestRule2DecideAtTheMoment:
    @pytest.mark.parametrize(
        ("said", "why"),
        [
            ({"is_open": False}, Why.STEP_ENDED),
            ({"performed_on": D}, Why.CAME),
            ({"is_confirmed": True}, Why.CONFIRMED),
            ({"is_signed": False}, Why.NOT_SIGNED),
            ({"is_for_the_patient": False}, Why.NOTHING_FOR_THE_PATIENT),
        ],
    )
    def test_what_is_true_now_decides(self, said: dict[str, object], why: Why) -> None:
        step = judged("reminder_1", facts(**said), at(D - timedelta(days=7)))
        assert (step.verdict, step.why) == (Verdict.NOT_NEEDED, why)

    @pytest.mark.parametrize("against", [Why.DECEASED, Why.DO_NOT_CONTACT])
    def test_who_may_not_be_written_to_is_not(self, against: Why) -> None:
        step = judged("reminder_1", facts(patient=Reach((Channel.EMAIL,), against)), at(D - timedelta(days=7)))
        assert (step.verdict, step.why, step.tellings) == (Verdict.SUPPRESSED, against, ())


def test_rule_3_a_rung_that_has_a_row_does_not_act_again() -> None:
    told = facts(told=frozenset({"booked", "notice", "reminder_1"}))
    assert acting(told, at(D - timedelta(days=7))) == []
    assert judged("reminder_1", told, at(D - timedelta(days=7))).verdict == Verdict.DONE


class TestRule5Clocks:
    @pytest.mark.parametrize(
        ("zone", "target"),
        [
            ("Europe/Berlin", date(2026, 3, 30)),  # the day after the clock went forward
            ("Europe/Berlin", date(2026, 10, 26)),
            ("America/New_York", date(2026, 11, 2)),
            ("Asia/Shanghai", date(2028, 3, 1)),  # after a leap day
            ("UTC", date(2027, 1, 1)),
        ],
    )
    def test_each_rung_acts_once_over_a_year_of_sweeps(self, zone: str, target: date) -> None:
        calendar = Calendar(ZoneInfo(zone))
        about = facts(Tier.HIGH, plan_began_on=target - timedelta(days=90), target_on=target, closes_on=target)
        told: list[str] = []
        now = at(target - timedelta(days=91), 0)
        while now < at(target + timedelta(days=60)):
            steps = plan(replace(about, told=frozenset(told)), DEFAULT, calendar, now)
            told += [step.rung for step in steps if step.verdict in (Verdict.ACTS, Verdict.SUPPRESSED)]
            now += timedelta(minutes=90)
        assert len(told) == len(set(told))
        assert set(told) == {
            *("booked", "notice", "notice_call", "reminder_1", "reminder_2"),
            *("overdue_1", "overdue_2", "overdue_3", "overdue_4"),
        }

    def test_a_36_hour_outage_loses_nothing(self) -> None:
        it_began = at(D - timedelta(days=7), 0)  # eight hours before the reminder falls due
        told = frozenset({"booked", "notice"})
        assert acting(facts(told=told), it_began + timedelta(hours=36)) == ["reminder_1"]


def test_rule_6_overdue_begins_at_midnight_of_the_day_after_in_the_clinics_zone() -> None:
    shanghai = Calendar(ZoneInfo("Asia/Shanghai"), weekdays=frozenset(range(1, 8)))
    day_after = Rung("late", Anchor.CLOSE, Need.NOT_COME, {Tier.MIDDLE: 1}, DEFAULT[7].orders)
    midnight = datetime(2026, 12, 3, tzinfo=shanghai.zone)
    (before,) = plan(facts(), (day_after,), shanghai, midnight - timedelta(seconds=1))
    (then,) = plan(facts(), (day_after,), shanghai, midnight)
    assert (before.verdict, then.verdict) == (Verdict.LATER, Verdict.ACTS)


class TestRule7ClosedDays:
    WEEK = Calendar(UTC_ZONE)

    def test_messages_move_forward(self) -> None:
        about = facts(target_on=date(2026, 11, 22))  # seven days before is a Sunday
        assert judged("reminder_1", about, at(D), self.WEEK).planned_on == date(2026, 11, 16)

    def test_escalations_move_backward(self) -> None:
        about = facts(closes_on=date(2026, 11, 29))  # seven days after is a Sunday
        assert judged("overdue_1", about, at(D), self.WEEK).planned_on == date(2026, 12, 4)

    def test_an_escalation_never_moves_back_into_the_window(self) -> None:
        closed = Calendar(UTC_ZONE, exceptions={date(2026, 10, day): False for day in range(1, 9)})
        about = facts(Tier.HIGH, target_on=date(2026, 9, 20), closes_on=date(2026, 9, 30))
        assert judged("overdue_1", about, at(D), closed).planned_on == date(2026, 10, 9)

    def test_messages_wait_for_the_end_of_quiet_hours(self) -> None:
        about, night = facts(told=frozenset({"booked", "notice"})), at(D - timedelta(days=7), 22)
        step = judged("reminder_1", about, night)
        assert (step.verdict, step.why) == (Verdict.LATER, Why.QUIET)
        assert step.send_at == at(D - timedelta(days=6), 8)

    def test_staff_are_asked_at_any_hour(self) -> None:
        assert "overdue_1" in acting(facts(), at(C + timedelta(days=7), 2))


class TestRule9Channels:
    def test_the_highest_tier_is_reached_in_two_ways_one_of_them_a_person(self) -> None:
        assert judged("notice", facts(Tier.HIGH), at(D - timedelta(days=14))).tellings == (
            Telling(Recipient.PATIENT, Channel.EMAIL),
        )
        call = judged("notice_call", facts(Tier.HIGH), at(D - timedelta(days=10)))
        assert call.tellings == (Telling(Recipient.COORDINATORS, Channel.TASK),)
        without = tuple(rung for rung in DEFAULT if rung.code != "notice_call")
        assert problems_of(without) == (Problem.HIGH_NEEDS_TWO_WAYS,)

    def test_overdue_patients_are_written_a_letter_whatever_they_prefer(self) -> None:
        step = judged("overdue_2", facts(told=frozenset({"overdue_1"})), at(C + timedelta(days=21)))
        assert step.tellings == (
            Telling(Recipient.PATIENT, Channel.LETTER),
            Telling(Recipient.REFERRER, Channel.LETTER),
        )
        preferred = replace(DEFAULT[8], orders=(Order(Recipient.PATIENT, Way.PREFERRED),))
        changed = tuple(preferred if rung.code == "overdue_2" else rung for rung in DEFAULT)
        assert Problem.NOT_ENOUGH_WHEN_OVERDUE in problems_of(changed)

    @pytest.mark.parametrize(
        ("reach", "why"),
        [(Reach(), Why.NO_ADDRESS), (Reach((Channel.EMAIL,), call_instead=True), Why.CALL_INSTEAD)],
    )
    def test_where_no_message_leads_a_person_calls(self, reach: Reach, why: Why) -> None:
        step = judged("reminder_1", facts(patient=reach), at(D - timedelta(days=7)))
        assert step.tellings == (Telling(Recipient.COORDINATORS, Channel.TASK, why),)


def test_rule_11_a_ladder_without_a_person_at_its_end_is_refused() -> None:
    assert Problem.NO_HUMAN_AT_THE_END in problems_of(tuple(r for r in DEFAULT if r.anchor != Anchor.CLOSE))


class TestRule14Downtime:
    def test_a_message_older_than_two_days_becomes_one_task(self) -> None:
        about = facts(told=frozenset({"booked", "notice"}))
        steps = plan(about, DEFAULT, EVERY_DAY, at(D - timedelta(days=7), 8) + timedelta(hours=49))
        acts = {step.rung: step for step in steps if step.verdict == Verdict.ACTS}
        assert list(acts) == [f"{CATCH_UP}:reminder_1"]
        assert acts[f"{CATCH_UP}:reminder_1"].tellings == (Telling(Recipient.COORDINATORS, Channel.TASK, Why.OUTAGE),)

    def test_the_catch_up_is_asked_once(self) -> None:
        told = frozenset({"booked", "notice", "reminder_1", f"{CATCH_UP}:reminder_1"})
        assert acting(facts(told=told), at(D - timedelta(days=4))) == []

    @given(days_out=st.integers(0, 400), tier=st.sampled_from(Tier))
    def test_after_any_outage_there_is_no_flood(self, days_out: int, tier: Tier) -> None:
        steps = plan(facts(tier), DEFAULT, EVERY_DAY, at(date(2026, 9, 1)) + timedelta(days=days_out))
        acts = [step for step in steps if step.verdict == Verdict.ACTS]
        assert sum(telling.channel == Channel.TASK for step in acts for telling in step.tellings) <= 1
        assert sum(step.tellings[0].to in (Recipient.PATIENT, Recipient.REFERRER) for step in acts) <= 1

    def test_escalations_come_first_and_only_the_latest(self) -> None:
        steps = plan(facts(), DEFAULT, EVERY_DAY, at(C + timedelta(days=60)))
        assert [step.rung for step in steps if step.verdict == Verdict.ACTS] == ["overdue_4"]
        assert judged("overdue_1", facts(), at(C + timedelta(days=60))).why == Why.LATER_RUNG_STANDS


def test_a_plan_made_late_does_not_lose_its_notice() -> None:
    began = D - timedelta(days=4)
    step = judged("reminder_1", facts(plan_began_on=began), at(began))
    assert (step.planned_on, step.verdict) == (began, Verdict.ACTS)


def test_a_day_booked_beyond_the_window_is_not_chased_before_it_comes() -> None:
    late = facts(booked_on=C + timedelta(days=30))
    assert acting(late, at(C + timedelta(days=9))) == ["notice"]


@pytest.mark.parametrize(
    ("months_days", "urgent", "tier"),
    [(92, False, Tier.HIGH), (184, False, Tier.MIDDLE), (365, False, Tier.LOW), (365, True, Tier.HIGH)],
)
def test_the_tier_follows_from_how_soon_it_was_wanted(months_days: int, urgent: bool, tier: Tier) -> None:
    target = D + timedelta(days=months_days)
    assert tier_of(begins_on=D, target_on=target, urgent=urgent) == tier
