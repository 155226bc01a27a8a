"""Slots as the calendar pages write them."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils import formats
from django.utils.dates import WEEKDAYS
from django.utils.html import format_html
from django.utils.safestring import SafeString

from nodules_app.selectors.booking import Shows
from nodules_app.selectors.scheduling import Slot

register = template.Library()


@register.filter
def clock(at: datetime, time_zone: str) -> SafeString:
    """Write the time of day of an instant as the clinic's clock shows it."""
    local = at.astimezone(ZoneInfo(time_zone))
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), formats.date_format(local, "TIME_FORMAT"))


@register.filter
def slot_value(slot: Slot) -> str:
    """Name a slot for a form: the resource and the instant."""
    return f"{slot.resource}@{slot.starts_at.isoformat()}"


@register.filter
def chance_of(shown: Shows, vdt_days: int) -> str:
    """Write how likely a scan of that day shows this doubling time; never 0 % and never 100 %."""
    chance = next(one.probability for one in shown.visibility.chances if one.vdt_days == vdt_days)
    percent = round(100 * chance)
    return "<1 %" if percent < 1 else ">99 %" if percent > 99 else f"{percent} %"


@register.filter
def weekday_word(weekday: int | str) -> str:
    """Name a weekday of ISO 8601, in which 1 is Monday."""
    return str(WEEKDAYS[int(weekday) - 1])
