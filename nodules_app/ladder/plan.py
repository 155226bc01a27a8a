"""What a ladder asks for at one moment: of every rung, when it falls due and why it does or does not act."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from nodules_app.ladder.calendar import DAY, Calendar
from nodules_app.ladder.rungs import OUTSIDE, Anchor, Channel, Need, Order, Recipient, Rung, Tier, Way

TOO_OLD: Final = timedelta(hours=48)  # a message whose moment passed during an outage is not sent blindly
CATCH_UP: Final = "catch_up"


class Verdict(StrEnum):
    """What a rung does at this moment."""

    ACTS = "acts"
    LATER = "later"
    DONE = "done"  # there is a row of it already
    NOT_NEEDED = "not_needed"
    SUPPRESSED = "suppressed"  # its time came and something stands against it
    ABSENT = "absent"  # this tier has no such rung


class Why(StrEnum):
    """The reason beside a verdict; pages say it in words."""

    DUE = "due"
    NOT_YET = "not_yet"
    QUIET = "quiet"
    ALREADY = "already"
    STEP_ENDED = "step_ended"
    SIGNED = "signed"
    NOT_SIGNED = "not_signed"
    IS_BOOKED = "is_booked"
    CAME = "came"
    CONFIRMED = "confirmed"
    READ = "read"
    NO_DAY = "no_day"  # the day from which it counts is not known (yet)
    DAY_PASSED = "day_passed"
    NOTHING_FOR_THE_PATIENT = "nothing_for_the_patient"
    NO_RUNG = "no_rung"
    LATER_RUNG_STANDS = "later_rung_stands"
    OUTAGE = "outage"
    DECEASED = "deceased"
    DO_NOT_CONTACT = "do_not_contact"
    NO_ADDRESS = "no_address"
    CALL_INSTEAD = "call_instead"
    MISSED = "missed"


@dataclass(frozen=True, slots=True)
class Reach:
    """How somebody outside may be told.

    Attributes
    ----------
    channels
        That work and are agreed to, the preferred one first; empty when nothing is known.
    stands_against
        Why nothing may be sent at all, or None.
    call_instead
        The patient asked to be telephoned: every message becomes a task.
    """

    channels: tuple[Channel, ...] = ()
    stands_against: Why | None = None
    call_instead: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is true of one follow-up at one moment; days in the clinic's zone.

    ``told`` names the rungs of this plan that have a row already, whatever became of it.
    """

    tier: Tier
    plan_began_on: date
    target_on: date
    closes_on: date
    is_open: bool = True
    is_signed: bool = True
    is_for_the_patient: bool = True
    is_confirmed: bool = False
    booked_on: date | None = None
    missed_on: date | None = None
    performed_on: date | None = None
    reported_on: date | None = None
    patient: Reach = Reach()
    referrer: Reach = Reach()
    told: frozenset[str] = frozenset()

    @property
    def day(self) -> date:
        """The day that the patient has to keep in mind."""
        return self.booked_on or self.missed_on or self.target_on


@dataclass(frozen=True, slots=True)
class Telling:
    """One row to write: who is told and by which channel; ``because`` when a person must do what a message cannot."""

    to: Recipient
    channel: Channel
    because: Why | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One rung at one moment: its day, the instant from which it may act (UTC), its verdict and the reason."""

    rung: str
    planned_on: date | None
    send_at: datetime | None
    verdict: Verdict
    why: Why
    tellings: tuple[Telling, ...] = ()
    answer_within_days: int = 0


def plan(facts: Facts, rungs: tuple[Rung, ...], calendar: Calendar, now: datetime) -> tuple[Step, ...]:
    """Say of every rung what it does now.

    Parameters
    ----------
    facts
        Of the follow-up, read in the same transaction that will write the rows.
    rungs
        The ladder of the clinic, in its order.
    calendar
        Of the clinic.
    now
        The instant, aware.

    Returns
    -------
    tuple[Step, ...]
        One a rung, in the ladder's order, and at the end a ``catch_up`` when messages were missed by an outage. At
        most one rung for staff and one for people outside acts at one moment: after an outage the latest one stands
        for those before it.
    """
    today = calendar.today(now)
    judged = [_judge(rung, facts, calendar, now, today) for rung in rungs]
    outside = {rung.code for rung in rungs if rung.is_for_outside}
    judged = _only_the_latest(judged, outside)
    judged = _only_the_latest(judged, {rung.code for rung in rungs} - outside)
    return (*judged, *_catch_up(judged, facts, today, now))


def _judge(rung: Rung, facts: Facts, calendar: Calendar, now: datetime, today: date) -> Step:
    """Judge one rung by itself, in the order in which a person would ask."""
    if facts.tier not in rung.offset_days:
        return Step(rung.code, None, None, Verdict.ABSENT, Why.NO_RUNG)
    anchor = _anchor(rung, facts)
    if anchor is None:
        return Step(rung.code, None, None, Verdict.NOT_NEEDED, Why.NO_DAY)
    planned_on = _planned_on(rung, anchor, facts, calendar)
    send_at = calendar.opens(planned_on) if rung.is_for_outside else calendar.begins(planned_on)

    def falls(verdict: Verdict, why: Why, tellings: tuple[Telling, ...] = ()) -> Step:
        return Step(rung.code, planned_on, send_at, verdict, why, tellings, rung.answer_within_days)

    if rung.code in facts.told:
        return falls(Verdict.DONE, Why.ALREADY)
    satisfied = why_not_needed(rung, facts, today)
    if satisfied is not None:
        return falls(Verdict.NOT_NEEDED, satisfied)
    if now < send_at:
        return falls(Verdict.LATER, Why.NOT_YET)
    if rung.is_for_outside:
        return _outwards(falls(Verdict.LATER, Why.NOT_YET), rung, facts, calendar, now)
    return falls(Verdict.ACTS, Why.DUE, tuple(Telling(order.to, Channel.TASK) for order in rung.orders))


def _outwards(falls: Step, rung: Rung, facts: Facts, calendar: Calendar, now: datetime) -> Step:
    """Judge a rung whose time has come and that tells somebody outside."""
    if falls.send_at is not None and now - falls.send_at > TOO_OLD:
        return replace(falls, verdict=Verdict.SUPPRESSED, why=Why.OUTAGE)
    if (sending := calendar.next_sending(now)) > now:
        return replace(falls, send_at=sending, why=Why.QUIET)
    tellings = tuple(telling for order in rung.orders for telling in tell(order, facts))
    if not tellings:
        return replace(falls, verdict=Verdict.SUPPRESSED, why=facts.patient.stands_against or Why.NO_ADDRESS)
    return replace(falls, verdict=Verdict.ACTS, why=Why.DUE, tellings=tellings)


def tell(order: Order, facts: Facts) -> tuple[Telling, ...]:
    """Turn an order into rows: the channel, or a task for a person where no channel leads there."""
    if order.to not in OUTSIDE:
        return (Telling(order.to, Channel.TASK),)
    reach = facts.patient if order.to == Recipient.PATIENT else facts.referrer
    if reach.stands_against is not None:
        return ()
    if order.way == Way.CALL or reach.call_instead:
        return (Telling(Recipient.COORDINATORS, Channel.TASK, Why.CALL_INSTEAD if reach.call_instead else None),)
    if order.way == Way.LETTER and Channel.LETTER in reach.channels:
        return (Telling(order.to, Channel.LETTER),)
    if order.way == Way.PREFERRED and reach.channels:
        return (Telling(order.to, reach.channels[0]),)
    return (Telling(Recipient.COORDINATORS, Channel.TASK, Why.NO_ADDRESS),)


def _anchor(rung: Rung, facts: Facts) -> date | None:
    """The day from which a rung counts; None while it is not known."""
    match rung.anchor:
        case Anchor.DAY if rung.need == Need.NOT_COME:
            return facts.missed_on or facts.booked_on  # nobody can stay away from a day that was never given
        case Anchor.DAY:
            return facts.day
        case Anchor.TARGET:
            return facts.target_on
        case Anchor.CLOSE:
            return facts.closes_on
        case Anchor.PERFORMED:
            return facts.performed_on
        case Anchor.REPORTED:
            return facts.reported_on


def _planned_on(rung: Rung, anchor: date, facts: Facts, calendar: Calendar) -> date:
    """The day of a rung: moved forward from a closed day for people outside, backward for staff.

    Never before the plan began, and never back to a day on which its reason cannot hold yet: an escalation of an
    overdue step stays behind the end of the window, however long the holiday.
    """
    offset = timedelta(days=rung.offset_days[facts.tier])
    earliest = facts.plan_began_on if offset <= timedelta() else max(facts.plan_began_on, anchor + DAY)
    wanted = max(anchor + offset, earliest)
    if rung.is_for_outside:
        return calendar.forward(wanted)
    before = calendar.backward(wanted)
    return before if before >= earliest else calendar.forward(earliest)


def why_not_needed(rung: Rung, facts: Facts, today: date) -> Why | None:
    """Why a rung has nothing to do at this moment, or None when it has; asked again right before a message leaves."""
    if not facts.is_open:
        return Why.STEP_ENDED
    if rung.is_for_outside and not facts.is_for_the_patient:
        return Why.NOTHING_FOR_THE_PATIENT
    if rung.is_for_outside and not facts.is_signed:
        return Why.NOT_SIGNED
    return _why_satisfied(rung.need, facts, today)


def _why_satisfied(need: Need, facts: Facts, today: date) -> Why | None:
    return next((why for holds, why in _satisfying(need, facts, today) if holds), None)


def _satisfying(need: Need, facts: Facts, today: date) -> tuple[tuple[bool, Why], ...]:
    """What satisfies a need, in the order in which a person would say it."""
    came = facts.performed_on is not None
    booked = facts.booked_on is not None
    match need:
        case Need.UNSIGNED:
            return ((facts.is_signed, Why.SIGNED),)
        case Need.UNBOOKED:
            return (
                (not facts.is_signed, Why.NOT_SIGNED),
                (not facts.is_for_the_patient, Why.NOTHING_FOR_THE_PATIENT),
                (booked, Why.IS_BOOKED),
                (came, Why.CAME),
            )
        case Need.AWAITED:
            return (
                (not facts.is_for_the_patient, Why.NOTHING_FOR_THE_PATIENT),
                (came, Why.CAME),
                (facts.is_confirmed, Why.CONFIRMED),
                (today > facts.day, Why.DAY_PASSED),
            )
        case Need.NOT_COME:
            still_to_come = facts.booked_on is not None and facts.booked_on >= today
            return ((came, Why.CAME), (still_to_come, Why.IS_BOOKED))
        case Need.UNREAD:
            return ((facts.reported_on is not None, Why.READ),)
        case Need.UNDECIDED:
            return ()  # a decision ends the step


def _only_the_latest(steps: list[Step], among: set[str]) -> list[Step]:
    """Let one rung act for all that would act at this moment; the others are suppressed with that reason."""
    acting = [step for step in steps if step.verdict == Verdict.ACTS and step.rung in among]
    if len(acting) < 2:
        return steps
    latest = max(enumerate(acting), key=lambda at: (at[1].planned_on or date.min, at[0]))[1]
    return [
        replace(step, verdict=Verdict.SUPPRESSED, why=Why.LATER_RUNG_STANDS, tellings=())
        if step in acting and step is not latest
        else step
        for step in steps
    ]


def _catch_up(steps: list[Step], facts: Facts, today: date, now: datetime) -> tuple[Step, ...]:
    """Ask a person, once, to make good what an outage swallowed, unless a task for the staff stands there anyway."""
    missed = [step for step in steps if step.why == Why.OUTAGE]
    if not missed or any(t.channel == Channel.TASK for step in steps for t in step.tellings):
        return ()
    code = f"{CATCH_UP}:{missed[-1].rung}"
    if code in facts.told:
        return ()
    telling = Telling(Recipient.COORDINATORS, Channel.TASK, Why.OUTAGE)
    return (Step(code, today, now, Verdict.ACTS, Why.MISSED, (telling,), answer_within_days=1),)
