"""The one place where a reminder changes its state: by the table, under its lock, with its event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nodules_app.lifecycles import REMINDER, ReminderState, after
from nodules_app.models import Reminder, ReminderEvent, User


def held(reminder: Reminder | int) -> Reminder:
    """Lock a reminder as it is now."""
    key = reminder if isinstance(reminder, int) else reminder.pk
    rows = Reminder.objects.select_for_update(of=("self",)).select_related("follow_up__patient__clinic", "contact")
    return rows.get(pk=key)


def move(
    reminder: Reminder,
    step: str,
    *,
    by: User | None = None,
    because: str = "",
    facts: Mapping[str, str] | None = None,
    **fields: Any,  # noqa: ANN401 columns of the row, each of its own type
) -> Reminder:
    """Take a held reminder to the state that the table names; ``NoSuchStep`` where it names none."""
    before = ReminderState(reminder.state)
    reminder.state = after(REMINDER, before, step)
    for name, value in fields.items():
        setattr(reminder, name, value)
    reminder.save(update_fields=["state", *fields])
    ReminderEvent.objects.create(
        reminder=reminder,
        by=by,
        step=step,
        from_state=before,
        to_state=reminder.state,
        why=because[:300],
        facts=dict(facts or {}),
    )
    return reminder
