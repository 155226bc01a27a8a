"""Numbers for people: each with its error and unit, days as dates that cannot be misread, lateness in words."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django import template
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext

register = template.Library()

MINUS = "\N{MINUS SIGN}"
Z_95 = 1.959963984540054  # two-sided 95 % of the normal distribution


@register.filter
def day(value: date | None) -> SafeString | str:
    """Write a day in full, 18-Nov-2026 or 2026-11-18, as a ``time`` element that never breaks."""
    if value is None:
        return "–"
    return format_html('<time datetime="{}">{}</time>', iso_day(value), formats.date_format(value, "DATE_FORMAT"))


@register.filter
def day_short(value: date | None) -> SafeString | str:
    """Write a day of this or the coming year, 18-Nov or 11-18."""
    if value is None:
        return "–"
    return format_html('<time datetime="{}">{}</time>', iso_day(value), formats.date_format(value, "MONTH_DAY_FORMAT"))


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """Write an instant in the clinic's time zone: the time alone when it is today, else with its day."""
    if value is None:
        return "–"
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), moment_text(value))


def moment_text(value: datetime) -> str:
    local = timezone.localtime(value)
    return formats.date_format(local, "TIME_FORMAT" if local.date() == timezone.localdate() else "DATETIME_FORMAT")


def iso_day(value: date) -> str:
    return (value.date() if isinstance(value, datetime) else value).isoformat()


@register.filter
def signed_percent(ratio: float | None) -> str:
    """Write a ratio as change: 1.36 becomes +36 %, 0.7 becomes −30 %."""
    if ratio is None:
        return "–"
    change = round(100 * (ratio - 1))
    return f"{'+' if change > 0 else MINUS if change < 0 else ''}{abs(change)} %"


@register.filter
def rounded(value: float | None, digits: int = 0) -> str:
    """Write a number with so many digits after the point, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}f}"


@register.filter
def half_width_95(standard_deviation: float | None, digits: int = 0) -> str:
    """Write the half width of the 95 % interval that a standard deviation means."""
    return "–" if standard_deviation is None else f"{Z_95 * standard_deviation:.{digits}f}"


@register.filter
def vdt_words(growth: object) -> str:
    """Say the doubling time with its interval; ``growth`` has vdt_days, vdt_low_days, vdt_high_days, volume_ratio.

    Shrinking is a word, never a negative time; an interval without end is "unbounded", never a symbol.
    """
    vdt_days = getattr(growth, "vdt_days", None)
    if vdt_days is None:
        shrinks = getattr(growth, "volume_ratio", 1) < 1 and getattr(growth, "significant", False)
        return gettext("shrinking") if shrinks else gettext("no doubling seen")
    low, high = getattr(growth, "vdt_low_days", None), getattr(growth, "vdt_high_days", None)
    if low is None:
        return gettext("%(days)s d") % {"days": round(vdt_days)}
    if high is None:
        return gettext("%(days)s d (%(low)s – unbounded)") % {"days": round(vdt_days), "low": round(low)}
    return gettext("%(days)s d (%(low)s–%(high)s)") % {
        "days": round(vdt_days),
        "low": round(low),
        "high": round(high),
    }


@register.filter
def lateness(due_until: date, today: date) -> str:
    """Say how far away the end of a window is: "26 days late", "today", "in 9 days"."""
    days = (due_until - today).days
    if days < 0:
        return ngettext("%(days)s day late", "%(days)s days late", -days) % {"days": -days}
    if days == 0:
        return gettext("today")
    return ngettext("in %(days)s day", "in %(days)s days", days) % {"days": days}


@register.filter
def lasted(span: timedelta | None) -> str:
    """Say how long something took: 0.4 s, 31 s, 4 min."""
    if span is None:
        return ""
    seconds = span.total_seconds()
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
