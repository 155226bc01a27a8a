"""How a contact is said: the way, the person, the outcome, what was agreed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from django import template

from nodules_app.models import AttemptBy, AttemptOutcome, ContactOf, Outcome
from nodules_app.selectors.contacts import Tried
from nodules_app.templatetags.quantities import moment_text

register = template.Library()

ICON: Final[dict[str, str]] = {AttemptBy.CALL: "phone", AttemptBy.LETTER: "letter", AttemptBy.VISIT: "patient"}


@register.filter
def tried_words(tried: Tried) -> str:
    """Say one attempt in a line: how, what came of it, and when to call back."""
    said = f"{AttemptBy(tried.channel).label}: {AttemptOutcome(tried.outcome).label}"
    if tried.call_back_at is not None:
        return f"{said}, {moment_text(tried.call_back_at)}"
    return f"{said} ({Outcome(tried.agreed).label})" if tried.agreed in Outcome.values else said


@register.filter
def tried_entries(tried: Sequence[Tried]) -> list[dict[str, object]]:
    """Turn attempts into the entries of a log."""
    return [
        {
            "at": one.at,
            "icon": ICON[one.channel],
            "title": tried_words(one),
            "text": " · ".join(part for part in (_whom(one), one.number, one.by, one.note) if part),
            "tone": "" if one.outcome == AttemptOutcome.REACHED else "off",
        }
        for one in tried
    ]


def _whom(tried: Tried) -> str:
    """Name the person only where it is not the patient, which is what everybody expects."""
    return "" if tried.of == ContactOf.PATIENT else str(ContactOf(tried.of).label)


@register.filter
def of_patient(found: Mapping[UUID, Tried], code: UUID) -> Tried | None:
    return found.get(code)
