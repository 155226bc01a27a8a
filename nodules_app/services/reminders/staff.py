"""Who of the staff is asked: the owner, the colleague who covers, or the whole team."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import date

from django.db.models import Count

from nodules_app.ladder.rungs import Channel, Recipient
from nodules_app.lifecycles import ReminderState
from nodules_app.models import FollowUp, Reminder, User


def open_tasks_of(people: Collection[User]) -> Counter[int]:
    """How many tasks wait for each of these people and those who cover them."""
    keys = {one.pk for one in people} | {one.covered_by_id for one in people if one.covered_by_id}
    rows = (
        Reminder.objects.filter(assigned_to__in=keys, channel=Channel.TASK, state=ReminderState.DELIVERED)
        .values_list("assigned_to")
        .annotate(Count("pk"))
    )
    return Counter(dict(rows))


def who_answers(follow_up: FollowUp, to: Recipient, tasks: Counter[int], cap: int, today: date) -> User | None:
    """Name the person of a task, or nobody: then it stands in the list of everybody with that part in the clinic.

    Somebody away is covered by the colleague they named; somebody with more open tasks than the clinic's cap gets no
    more, since what drowns among alerts is not read.
    """
    if to != Recipient.OWNER or follow_up.owner is None:
        return None
    owner: User | None = follow_up.owner
    if owner and owner.is_away(today):
        owner = owner.covered_by
    if owner is None or not owner.is_active or tasks[owner.pk] >= cap:
        return None
    tasks[owner.pk] += 1
    return owner
