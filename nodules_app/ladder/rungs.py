"""The ladder as data: which rung falls how many days from which day, who is told, by which channel.

Source
------
The default offsets are section 7.2 of the product reference, whose staging follows Emerson et al. (safety net, 1 to 3
months past due) and the trial of phone, letter and portal notices it cites; a clinic changes them in its own versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Final


class Tier(StrEnum):
    """How much harm a delay does; the ladder is steeper for a higher one."""

    HIGH = "H"  # within three months, a work-up, or an action of the conference
    MIDDLE = "M"  # about six months
    LOW = "L"  # a year or more


class Anchor(StrEnum):
    """The day from which a rung counts."""

    TARGET = "target"  # the day the plan aims at
    DAY = "day"  # the booked day, or the target while nothing is booked
    CLOSE = "close"  # the last day of the window; overdue begins with the day after
    PERFORMED = "performed"
    REPORTED = "reported"


class Need(StrEnum):
    """What must (still) be true on the day for the rung to be needed."""

    UNSIGNED = "unsigned"
    UNBOOKED = "unbooked"
    AWAITED = "awaited"  # the patient has something to come to
    NOT_COME = "not_come"
    UNREAD = "unread"
    UNDECIDED = "undecided"


class Channel(StrEnum):
    """What carries a message."""

    EMAIL = "email"
    LETTER = "letter"
    MESSAGE = "message"  # through the gateway: a text message or a messenger
    TASK = "task"  # for a person, in the worklist


class Way(StrEnum):
    """How a rung reaches somebody: a fixed channel, or what the patient wishes."""

    PREFERRED = "preferred"
    LETTER = "letter"
    CALL = "call"  # a person telephones: a task


class Recipient(StrEnum):
    """Who is told; staff by their part in the clinic, never by name."""

    PATIENT = "patient"
    REFERRER = "referrer"
    OWNER = "owner"  # whose step it is; the team when it is nobody's
    COORDINATORS = "coordinators"
    RADIOLOGISTS = "radiologists"
    PHYSICIANS = "physicians"
    LEAD = "lead"  # the chair of the conference
    MANAGER = "manager"


OUTSIDE: Final = frozenset({Recipient.PATIENT, Recipient.REFERRER})
# To whom silence moves up. The last one is asked again and again: a reminder never ends by itself.
ABOVE: Final[Mapping[Recipient, Recipient]] = {
    Recipient.OWNER: Recipient.PHYSICIANS,
    Recipient.COORDINATORS: Recipient.PHYSICIANS,
    Recipient.RADIOLOGISTS: Recipient.LEAD,
    Recipient.PHYSICIANS: Recipient.LEAD,
    Recipient.LEAD: Recipient.MANAGER,
}
HUMAN: Final = frozenset({Way.CALL})
ENOUGH_WHEN_OVERDUE: Final = frozenset({Way.LETTER, Way.CALL})  # e-mail or an app alone are not


@dataclass(frozen=True, slots=True)
class Order:
    """One recipient of a rung and the way to reach them; for staff the way is always a task."""

    to: Recipient
    way: Way


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder.

    Attributes
    ----------
    offset_days
        From the anchor, by tier; a tier that is missing does not have this rung.
    answer_within_days
        How long a person has to acknowledge before the next one above is asked.
    is_for_outside
        Whether it tells the patient or the referrer, not (only) somebody who works here.
    """

    code: str
    anchor: Anchor
    need: Need
    offset_days: Mapping[Tier, int]
    orders: tuple[Order, ...]
    answer_within_days: int = 3
    is_for_outside: bool = field(init=False, repr=False, compare=False)  # kept: a sweep asks it millions of times

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_for_outside", any(order.to in OUTSIDE for order in self.orders))


def _days(high: int, middle: int, low: int) -> dict[Tier, int]:
    return {Tier.HIGH: high, Tier.MIDDLE: middle, Tier.LOW: low}


def _to(*orders: tuple[Recipient, Way]) -> tuple[Order, ...]:
    return tuple(Order(to, way) for to, way in orders)


_CALL: Final = Way.CALL
DEFAULT: Final[tuple[Rung, ...]] = (
    Rung("signed", Anchor.TARGET, Need.UNSIGNED, _days(-28, -42, -56), _to((Recipient.OWNER, _CALL))),
    Rung("booked", Anchor.TARGET, Need.UNBOOKED, _days(-14, -28, -42), _to((Recipient.COORDINATORS, _CALL))),
    Rung("notice", Anchor.DAY, Need.AWAITED, _days(-14, -21, -28), _to((Recipient.PATIENT, Way.PREFERRED))),
    Rung("notice_call", Anchor.DAY, Need.AWAITED, {Tier.HIGH: -10}, _to((Recipient.COORDINATORS, _CALL))),
    Rung("reminder_1", Anchor.DAY, Need.AWAITED, _days(-3, -7, -7), _to((Recipient.PATIENT, Way.PREFERRED))),
    Rung("reminder_2", Anchor.DAY, Need.AWAITED, _days(-1, -1, -1), _to((Recipient.PATIENT, Way.PREFERRED))),
    Rung("not_come", Anchor.DAY, Need.NOT_COME, _days(1, 3, 7), _to((Recipient.COORDINATORS, _CALL))),
    Rung("overdue_1", Anchor.CLOSE, Need.NOT_COME, _days(3, 7, 14), _to((Recipient.COORDINATORS, _CALL))),
    Rung(
        "overdue_2",
        Anchor.CLOSE,
        Need.NOT_COME,
        _days(7, 21, 30),
        _to((Recipient.PATIENT, Way.LETTER), (Recipient.REFERRER, Way.LETTER)),
    ),
    Rung("overdue_3", Anchor.CLOSE, Need.NOT_COME, _days(14, 35, 60), _to((Recipient.PHYSICIANS, _CALL))),
    Rung("overdue_4", Anchor.CLOSE, Need.NOT_COME, _days(21, 49, 90), _to((Recipient.LEAD, _CALL))),
    Rung("unread", Anchor.PERFORMED, Need.UNREAD, _days(3, 7, 14), _to((Recipient.RADIOLOGISTS, _CALL))),
    Rung("undecided", Anchor.REPORTED, Need.UNDECIDED, _days(3, 7, 14), _to((Recipient.OWNER, _CALL))),
)


class Problem(StrEnum):
    """Why a ladder may not be used."""

    NO_RUNGS = "no_rungs"
    TWICE = "twice"
    NOT_ENOUGH_WHEN_OVERDUE = "not_enough_when_overdue"
    HIGH_NEEDS_TWO_WAYS = "high_needs_two_ways"
    NO_HUMAN_AT_THE_END = "no_human_at_the_end"
    OVERDUE_BEFORE_THE_END = "overdue_before_the_end"


def problems_of(rungs: tuple[Rung, ...]) -> tuple[Problem, ...]:
    """Say what forbids a ladder; an empty answer allows it.

    The channel rule: overdue patients are never told by e-mail or message alone; for the highest tier the patient is
    reached in two independent ways, one of them a person. And no ladder may end with a message into the void.
    """
    if not rungs:
        return (Problem.NO_RUNGS,)
    found = []
    if len({rung.code for rung in rungs}) < len(rungs):
        found.append(Problem.TWICE)
    overdue = [rung for rung in rungs if rung.anchor == Anchor.CLOSE]
    if any(
        order.to == Recipient.PATIENT and order.way not in ENOUGH_WHEN_OVERDUE
        for rung in overdue
        for order in rung.orders
    ):
        found.append(Problem.NOT_ENOUGH_WHEN_OVERDUE)
    if any(days < 1 for rung in overdue for days in rung.offset_days.values()):
        found.append(Problem.OVERDUE_BEFORE_THE_END)
    before = [rung for rung in rungs if rung.need == Need.AWAITED and Tier.HIGH in rung.offset_days]
    ways = {order.way for rung in before for order in rung.orders}
    if before and (len(ways) < 2 or not ways & HUMAN):
        found.append(Problem.HIGH_NEEDS_TWO_WAYS)
    if not all(_ends_with_a_person(overdue, tier) for tier in Tier):
        found.append(Problem.NO_HUMAN_AT_THE_END)
    return tuple(found)


def _ends_with_a_person(overdue: list[Rung], tier: Tier) -> bool:
    last = max(
        (rung for rung in overdue if tier in rung.offset_days), key=lambda rung: rung.offset_days[tier], default=None
    )
    return last is not None and any(order.to not in OUTSIDE for order in last.orders)


HIGH_WITHIN_DAYS: Final = 100  # three calendar months and the days a window may add
MIDDLE_WITHIN_DAYS: Final = 270


def tier_of(*, begins_on: date, target_on: date, urgent: bool) -> Tier:
    """How much harm a delay does, from how soon the step was wanted; a work-up or a review is urgent."""
    days = (target_on - begins_on).days
    if urgent or days <= HIGH_WITHIN_DAYS:
        return Tier.HIGH
    return Tier.MIDDLE if days <= MIDDLE_WITHIN_DAYS else Tier.LOW


def as_json(rungs: tuple[Rung, ...]) -> list[dict[str, object]]:
    """Write a ladder as it is stored."""
    return [
        {
            "code": rung.code,
            "anchor": str(rung.anchor),
            "need": str(rung.need),
            "offset_days": {str(tier): days for tier, days in rung.offset_days.items()},
            "orders": [{"to": str(order.to), "way": str(order.way)} for order in rung.orders],
            "answer_within_days": rung.answer_within_days,
        }
        for rung in rungs
    ]


def from_json(stored: list[dict[str, object]]) -> tuple[Rung, ...]:
    """Read a stored ladder; ``as_json`` of the answer is what was read."""
    return tuple(_rung(**row) for row in stored)  # type: ignore[arg-type] # the shape as_json wrote


def _rung(
    *,
    code: str,
    anchor: str,
    need: str,
    offset_days: Mapping[str, int],
    orders: list[Mapping[str, str]],
    answer_within_days: int,
) -> Rung:
    return Rung(
        code,
        Anchor(anchor),
        Need(need),
        {Tier(tier): days for tier, days in offset_days.items()},
        tuple(Order(Recipient(order["to"]), Way(order["way"])) for order in orders),
        answer_within_days,
    )
