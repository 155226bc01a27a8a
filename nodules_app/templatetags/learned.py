"""What learned models said, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from nodules_app.selectors.timeline import Change
from nodules_app.services.learned import Course, GrowthSaid

register = template.Library()

COURSE: Final[Mapping[Course, Promise]] = {
    "grown": _("larger by more than a quarter"),
    "stable": _("within a quarter of what it was"),
    "shrunk": _("smaller by more than a quarter"),
}


@register.filter
def said_of(learned: Mapping[UUID, GrowthSaid], change: Change | None) -> GrowthSaid | None:
    """Find what the model in use said of a change."""
    return learned.get(change.match) if change is not None else None


@register.filter
def course_words(course: Course) -> str:
    """Say what a network holds for likeliest."""
    return str(COURSE[course])
