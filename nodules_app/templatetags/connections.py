"""The states of connections and errands in words, with the icon and tone that go with them."""

from __future__ import annotations

from typing import Final

from django import template
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

register = template.Library()

# For each state its words, its icon and its tone.
CONNECTION: Final[dict[str, tuple[Promise, str, str]]] = {
    "untested": (_("Not tested"), "info", "outline"),
    "answers": (_("Answers"), "check", "brand"),
    "refuses": (_("Does not answer"), "warn", "critical"),
    "failing": (_("Waits to be tried again"), "warn", "caution"),
}
ERRAND: Final[dict[str, tuple[Promise, str, str]]] = {
    "queued": (_("Waits"), "clock", "outline"),
    "working": (_("Under way"), "clock", "brand"),
    "done": (_("Done"), "check", "brand"),
    "given_up": (_("Given up"), "warn", "critical"),
    "dropped": (_("Taken off the list"), "slash", "outline"),
}


@register.inclusion_tag("components/tag.html")
def connection_state(state: str) -> dict[str, object]:
    label, icon, tone = CONNECTION[state]
    return {"label": label, "icon": icon, "tone": tone}


@register.inclusion_tag("components/tag.html")
def errand_state(state: str) -> dict[str, object]:
    label, icon, tone = ERRAND[state]
    return {"label": label, "icon": icon, "tone": tone}
