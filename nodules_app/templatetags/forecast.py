"""Forecasts in words: what the next CT could tell, where a volume is going, which limits it will pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from nodules_app.services.forecast import NoduleForecast, Passing
from nodules_app.templatetags.quantities import day

register = template.Library()

YEAR = timedelta(days=365)


@register.filter
def forecast_of(forecasts: Mapping[str, NoduleForecast], label: str) -> NoduleForecast | None:
    """Find the forecast of a nodule by its label."""
    return forecasts.get(label)


@register.filter
def in_percent(probability: float) -> str:
    """Write a probability so that it never claims certainty: "<1 %", "37 %", ">99 %"."""
    if probability < 0.01:
        return "<1 %"
    return ">99 %" if probability > 0.99 else f"{100 * probability:.0f} %"


@register.simple_tag
def could_tell_words(nodule: NoduleForecast, today: date) -> SafeString | str:
    """Say from which day on a CT could tell growth from noise."""
    could = nodule.could_tell_on
    if could is None and nodule.shown_already:
        return gettext("Growth is shown; no CT within five years would show more of it.")
    if could is None:
        return gettext("The growth that the scans still allow is too slow to show within five years.")
    if could <= today:
        return (
            gettext("Growth is shown. A CT from today on could tell more growth from noise.")
            if nodule.shown_already
            else gettext("A CT from today on could tell growth from noise.")
        )
    said = (
        gettext("Growth is shown. A CT before %(day)s could not tell more growth from noise.")
        if nodule.shown_already
        else gettext("A CT before %(day)s could not tell growth from noise.")
    )
    return _with_day(said, could)


def _with_day(said: str, on: date) -> SafeString:
    """Put the day, which is markup, into a sentence of ours."""
    before, after = said.split("%(day)s")
    return format_html("{}{}{}", before, day(on), after)


@register.simple_tag
def telling_words(nodule: NoduleForecast, on: date) -> str:
    """Say what a CT on one day could tell."""
    told = nodule.telling_on(on)
    if told is None:
        return gettext("the day lies before the last CT")
    return gettext("growth, if there is any, shows with %(chance)s; a doubling slower than %(days)s days does not") % {
        "chance": in_percent(told.growth_shown_probability),
        "days": f"{told.slowest_vdt_days:.0f}",
    }


@register.simple_tag
def course_words(nodule: NoduleForecast) -> str:
    """Say how likely it grows, stays or shrinks."""
    return gettext("grows %(growing)s, stays %(stable)s, shrinks %(shrinking)s") % {
        course: in_percent(nodule.course.probability_of(course)) for course in ("growing", "stable", "shrinking")
    }


@dataclass(frozen=True, slots=True)
class Table:
    """Limits of the guidelines and how likely each is passed until each day."""

    days: tuple[date, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@register.simple_tag
def passing_table(nodule: NoduleForecast, step_on: date | None, today: date) -> Table:
    """Until the next step, if one has a day to come, in one year and in two."""
    start = max(today, nodule.last_on)
    asked = [step_on] if step_on is not None and step_on > nodule.last_on else []
    days = sorted({*asked, start + YEAR, start + 2 * YEAR})
    rows = [
        (_limit_words(one), tuple(in_percent(chance) for chance in one.probabilities)) for one in nodule.passings(days)
    ]
    return Table(tuple(days), tuple(rows))


def _limit_words(passing: Passing) -> str:
    if passing.kind == "grown":
        return gettext("a quarter larger than on the last CT")
    said = {
        "faster": gettext("doubling in less than %(limit)s days"),
        "diameter": gettext("%(limit)s mm or more (as a ball of its volume)"),
        "solid_part": gettext("solid part %(limit)s mm or more"),
    }
    return said[passing.kind] % {"limit": passing.limit}


@register.simple_tag
def expected_words(nodule: NoduleForecast, on: date) -> str:
    """Say the volume on a day with its interval."""
    expected = nodule.expected_mm3(on)
    facts = {
        "median": f"{expected.median_mm3:.0f}",
        "low": f"{expected.low_mm3:.0f}",
        "high": f"{expected.high_mm3:.0f}",
    }
    return gettext("%(median)s mm³ (%(low)s – %(high)s)") % facts
