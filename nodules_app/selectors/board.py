"""Open steps as cards in lanes, one lane a state: a bounded number of each, the earliest deadline first.

A lane costs two short walks along an index of open steps, whatever the size of the clinic: its first cards, and a count
that stops where nobody would count on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from nodules_app.clinical.management import MANAGEMENT
from nodules_app.ladder.rungs import Tier, tier_of
from nodules_app.lifecycles import EXAM_MADE, FollowUpState
from nodules_app.models import FollowUp, FollowUpKind, User
from nodules_app.selectors.clinics import Act, acts_of_roles, roles_of
from nodules_app.selectors.cover import stands_for

CARDS: Final = 8
PAGE_CARDS: Final = 60
MOST_COUNTED: Final = 500  # beyond, the lane says "more than"
URGENT: Final = frozenset({FollowUpKind.REVIEW, FollowUpKind.WORKUP, FollowUpKind.DISCHARGE})
LANES: Final = (
    FollowUpState.PROPOSED,
    FollowUpState.PLANNED,
    FollowUpState.DEFERRED,
    FollowUpState.BOOKED,
    FollowUpState.NOT_ATTENDED,
    FollowUpState.LOST_SUSPECTED,
    FollowUpState.PERFORMED,
    FollowUpState.REPORTED,
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which steps the board shows; empty means all."""

    mine: bool = False  # and those of the colleagues whom this person covers today
    kind: str = ""
    late: bool = False
    clinic: UUID | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """One open step, as small as it can be and still be acted upon."""

    code: UUID
    version: int
    patient: UUID
    name: str
    number: str
    state: FollowUpState
    kind: str
    management_en: str
    management_zh: str
    rule_id: str
    tier: Tier
    due_from: date
    due_until: date
    booked_on: date | None
    owner: str
    is_late: bool
    may: frozenset[Act]


@dataclass(frozen=True, slots=True)
class Lane:
    """One state. ``more_than`` is true where nobody counted to the end."""

    state: FollowUpState
    count: int
    more_than: bool
    cards: tuple[Card, ...]
    next_page: int | None = None

    @property
    def late(self) -> int:
        """How many of the shown cards are late; the earliest deadlines come first, so late ones are among them."""
        return sum(card.is_late for card in self.cards)

    @property
    def hidden(self) -> int:
        return self.count - len(self.cards)


def board(user: User, asked: Filter, *, today: date) -> tuple[Lane, ...]:
    """Read every lane of the clinics that this person sees."""
    may = _acts_by_clinic(user)
    return tuple(_lane(state, _steps(user, state, asked, may, today), may, today) for state in LANES)


def lane(user: User, state: FollowUpState, asked: Filter, *, today: date, page: int = 1) -> Lane:
    """Read one lane to its end, a page at a time."""
    may = _acts_by_clinic(user)
    return _lane(state, _steps(user, state, asked, may, today), may, today, page=page, cards=PAGE_CARDS)


def _lane(
    state: FollowUpState,
    steps: QuerySet[FollowUp],
    may: Mapping[int, frozenset[Act]],
    today: date,
    *,
    page: int = 1,
    cards: int = CARDS,
) -> Lane:
    first = (page - 1) * cards
    rows = list(steps.select_related("patient", "owner").order_by("due_until", "pk")[first : first + cards + 1])
    whole = page == 1 and len(rows) <= cards
    count = len(rows) if whole else steps.order_by().values("pk")[: MOST_COUNTED + 1].count()
    shown = tuple(_card(row, may[row.patient.clinic_id], today) for row in rows[:cards])
    following = page + 1 if len(rows) > cards else None
    return Lane(state, min(count, MOST_COUNTED), count > MOST_COUNTED, shown, following)


def _steps(
    user: User, state: FollowUpState, asked: Filter, may: Mapping[int, frozenset[Act]], today: date
) -> QuerySet[FollowUp]:
    clinics = [clinic for clinic, acts in may.items() if Act.SEE in acts]
    steps = FollowUp.objects.filter(state=state, patient__clinic__in=clinics)
    if asked.clinic is not None:
        steps = steps.filter(patient__clinic__code=asked.clinic)
    if asked.mine:
        steps = steps.filter(owner__in=[user.pk, *(one.pk for one in stands_for(user, today))])
    if asked.kind:
        steps = steps.filter(kind=asked.kind)
    if asked.late:
        steps = steps.filter(due_until__lt=today)
    return steps


def _acts_by_clinic(user: User) -> dict[int, frozenset[Act]]:
    """What this person may do in each clinic; a role held there adds to the others held there."""
    roles: dict[int, list[str]] = {}
    for held in roles_of(user):
        roles.setdefault(held.clinic_id, []).append(held.role)
    return {clinic: acts_of_roles(names) for clinic, names in roles.items()}


def _card(step: FollowUp, may: frozenset[Act], today: date) -> Card:
    management = MANAGEMENT.get(step.management)
    began_on = step.created_at.date()
    return Card(
        code=step.code,
        version=step.version,
        patient=step.patient.code,
        name=step.patient.name,
        number=step.patient.identifier,
        state=FollowUpState(step.state),
        kind=step.kind,
        management_en=management.en if management else "",
        management_zh=management.zh if management else "",
        rule_id=step.rule_id,
        tier=tier_of(begins_on=began_on, target_on=step.target_on, urgent=step.kind in URGENT),
        due_from=step.due_from,
        due_until=step.due_until,
        booked_on=step.booked_on,
        owner=str(step.owner) if step.owner else "",
        is_late=step.due_until < today and step.state not in EXAM_MADE,
        may=may,
    )
