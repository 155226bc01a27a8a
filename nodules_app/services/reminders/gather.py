"""The facts of many steps at once, as the pure core takes them: a fixed number of queries for any number of steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from zoneinfo import ZoneInfo

from django.db.models import Max

from nodules_app.ladder.plan import Facts, Reach, Why
from nodules_app.ladder.rungs import Channel, tier_of
from nodules_app.lifecycles import EXAM_MADE, OPEN_FOLLOW_UP, EvidenceKind, FollowUpState, ReminderState
from nodules_app.models import (
    Closure,
    ContactKind,
    ContactOf,
    ContactPoint,
    ContactPreference,
    FollowUp,
    FollowUpChange,
    FollowUpKind,
    Outcome,
    Reminder,
)
from nodules_app.services.channels import available

FOR_THE_PATIENT: Final = frozenset({FollowUpKind.CT, FollowUpKind.WORKUP})
URGENT: Final = frozenset({FollowUpKind.REVIEW, FollowUpKind.WORKUP, FollowUpKind.DISCHARGE})
# Changes that give a step other days; the plan began with the last of them.
BEGIN_A_PLAN: Final = frozenset({"propose", "plan", "accept", "book", "unbook", "defer", "find", "set_aside"})
CHANNEL_OF: Final[Mapping[ContactKind, Channel]] = {
    ContactKind.MOBILE: Channel.MESSAGE,
    ContactKind.POST: Channel.LETTER,
    ContactKind.EMAIL: Channel.EMAIL,
}
# Without a wish of the patient: what was read most in the trial that the ladder rests on comes first.
IN_ORDER: Final = (ContactKind.POST, ContactKind.MOBILE, ContactKind.EMAIL)


@dataclass(frozen=True, slots=True)
class Known:
    """One step with its facts, and the addresses they were made from."""

    follow_up: FollowUp
    plan: str
    facts: Facts
    contacts: Sequence[ContactPoint]
    language: str

    def address(self, of: ContactOf, channel: Channel) -> ContactPoint | None:
        """The address at which somebody is reached by a channel, the newest first."""
        return next((one for one in self.contacts if one.of == of and _carries(one, channel)), None)


def plan_of(follow_up: FollowUp) -> str:
    """Name the days from which the rungs count; the trigger of migration 0010 makes the same name."""
    booked = f"{follow_up.booked_on:%Y%m%d}" if follow_up.booked_on else ""
    return f"{follow_up.target_on:%Y%m%d}-{follow_up.due_until:%Y%m%d}-{booked}"


def gather(follow_ups: Sequence[FollowUp]) -> list[Known]:
    """Read the facts of steps; each must come with its patient and the patient's clinic."""
    keys = [one.pk for one in follow_ups]
    patients = [one.patient_id for one in follow_ups]
    changes = changed_on(follow_ups)
    contacts, wishes = _contacts(patients), ContactPreference.objects.in_bulk(patients, field_name="patient_id")
    dead = set(
        Closure.objects.filter(
            patient__in=patients, ended_at__isnull=True, evidence__kind=EvidenceKind.DECEASED
        ).values_list("patient_id", flat=True)
    )
    told, confirmed = _told(keys)
    known = []
    for one in follow_ups:
        zone = ZoneInfo(one.patient.clinic.time_zone)
        plan, wish, reached = plan_of(one), wishes.get(one.patient_id), contacts[one.patient_id]
        patient = _reach_of_patient(reached, wish, is_dead=one.patient_id in dead)
        facts = _facts(
            one,
            changes[one.pk],
            began_on=one.created_at.astimezone(zone).date(),
            patient=patient,
            referrer=Reach(_channels(reached, ContactOf.REFERRER)),
            told=frozenset(told[one.pk, plan]),
            is_confirmed=(one.pk, plan) in confirmed,
        )
        language = (wish.language if wish else "") or one.patient.clinic.language
        known.append(Known(one, plan, facts, reached, language))
    return known


def _facts(
    one: FollowUp,
    changes: Mapping[str, date],
    *,
    began_on: date,
    patient: Reach,
    referrer: Reach,
    told: frozenset[str],
    is_confirmed: bool,
) -> Facts:
    state = FollowUpState(one.state)
    began = max([began_on, *(day for step, day in changes.items() if step in BEGIN_A_PLAN)])
    performed = state in EXAM_MADE
    acquired = one.exam.acquired_on if one.exam else None
    return Facts(
        tier=tier_of(begins_on=began_on, target_on=one.target_on, urgent=one.kind in URGENT),
        plan_began_on=began,
        target_on=one.target_on,
        closes_on=one.due_until,
        is_open=state in OPEN_FOLLOW_UP,
        is_signed=state != FollowUpState.PROPOSED,
        is_for_the_patient=one.kind in FOR_THE_PATIENT,
        is_confirmed=is_confirmed,
        booked_on=one.booked_on if state == FollowUpState.BOOKED else None,
        missed_on=one.booked_on if state == FollowUpState.NOT_ATTENDED else None,
        performed_on=(changes.get("perform") or acquired or began_on) if performed else None,
        reported_on=(changes.get("report") or acquired or began_on) if state == FollowUpState.REPORTED else None,
        patient=patient,
        referrer=referrer,
        told=told,
    )


def changed_on(follow_ups: Sequence[FollowUp]) -> defaultdict[int, dict[str, date]]:
    """On which day, in the clinic's zone, each kind of change of a step happened last."""
    zones = {one.pk: ZoneInfo(one.patient.clinic.time_zone) for one in follow_ups}
    found: defaultdict[int, dict[str, date]] = defaultdict(dict)
    rows = FollowUpChange.objects.filter(follow_up__in=zones).values_list("follow_up", "step").annotate(Max("at"))
    for key, step, at in rows:
        found[key][step] = at.astimezone(zones[key]).date()
    return found


def _contacts(patients: Iterable[int]) -> defaultdict[int, list[ContactPoint]]:
    found: defaultdict[int, list[ContactPoint]] = defaultdict(list)
    in_use = ContactPoint.objects.filter(patient__in=patients, retired_at__isnull=True, failed_at__isnull=True)
    for one in in_use.order_by("-pk"):
        found[one.patient_id].append(one)
    return found


def _carries(one: ContactPoint, channel: Channel) -> bool:
    """Whether messages of a channel may go to an address: letters always, anything electronic after a consent."""
    agreed = one.consented or one.kind == ContactKind.POST
    return agreed and CHANNEL_OF.get(ContactKind(one.kind)) == channel


def _channels(contacts: Sequence[ContactPoint], of: ContactOf, first: str = "") -> tuple[Channel, ...]:
    """The channels that lead to somebody and that this installation has, the wished one first."""
    kinds = sorted(IN_ORDER, key=lambda kind: (kind != first, IN_ORDER.index(kind)))
    carried = (CHANNEL_OF[kind] for kind in kinds)
    there = available()
    return tuple(
        channel
        for channel in carried
        if channel in there and any(one.of == of and _carries(one, channel) for one in contacts)
    )


def _reach_of_patient(contacts: Sequence[ContactPoint], wish: ContactPreference | None, *, is_dead: bool) -> Reach:
    against = Why.DECEASED if is_dead else Why.DO_NOT_CONTACT if wish and wish.do_not_contact else None
    channels = _channels(contacts, ContactOf.PATIENT, wish.kind if wish else "")
    return Reach(channels, against, call_instead=bool(wish and (wish.call_instead or wish.kind == ContactKind.PHONE)))


def _told(keys: Iterable[int]) -> tuple[defaultdict[tuple[int, str], set[str]], set[tuple[int, str]]]:
    told: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
    confirmed: set[tuple[int, str]] = set()
    rows = Reminder.objects.filter(follow_up__in=keys).values_list("follow_up", "plan", "rung", "state", "outcome")
    for key, plan, rung, state, outcome in rows:
        told[key, plan].add(rung)
        if state == ReminderState.ACKNOWLEDGED and outcome == Outcome.CONFIRMED:
            confirmed.add((key, plan))
    return told, confirmed
