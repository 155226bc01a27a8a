"""How lists and their lines are said: states, verdicts, what is wrong with a line."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy as _

from nodules_app.exchange.spreadsheet_reading.cells import letters_of
from nodules_app.models import LineVerdict, SpreadsheetLine
from nodules_app.services.spreadsheets.steps_said import KIND
from nodules_app.templatetags.follow_ups import step_kind_words
from nodules_app.templatetags.refusals import refusal_remedy, refusal_sentence
from nodules_app.templatetags.words import lobe_word

register = template.Library()


class Sign(NamedTuple):
    label: Promise
    tone: str
    icon: str


VERDICT: Final[dict[str, Sign]] = {
    LineVerdict.NEW: Sign(_("New patient"), "brand", "plus"),
    LineVerdict.CHANGED: Sign(_("Known, something new"), "brand", "joined"),
    LineVerdict.UNCHANGED: Sign(_("Known, nothing new"), "", "equals"),
    LineVerdict.REPEATED: Sign(_("Said by another line"), "", "equals"),
    LineVerdict.HELD: Sign(_("Held for your word"), "caution", "warn"),
    LineVerdict.REFUSED: Sign(_("To be mended"), "critical", "slash"),
}
STATE: Final[dict[str, Sign]] = {
    "asked": Sign(_("Columns to be said"), "caution", "warn"),
    "checking": Sign(_("Being checked"), "brand", "performed"),
    "checked": Sign(_("Checked, nothing stored yet"), "caution", "seen"),
    "storing": Sign(_("Being taken over"), "brand", "performed"),
    "stored": Sign(_("Taken over"), "", "done"),
    "refused": Sign(_("Refused"), "caution", "slash"),
    "failed": Sign(_("Failed"), "critical", "broken"),
    "discarded": Sign(_("Laid aside"), "", "gone"),
}
BECAUSE: Final[dict[str, Promise]] = {
    "kept": _("as you said of such a list before"),
    "heading": _("by its heading"),
    "values": _("by its values: look whether it is right"),
}


@register.filter
def verdict_sign(verdict: str) -> Sign:
    return VERDICT[verdict]


@register.filter
def verdict_word(verdict: str) -> str:
    return str(VERDICT[verdict].label)


@register.filter
def list_state(state: str) -> Sign:
    return STATE[state]


@register.filter
def column_letter(index: int) -> str:
    """Name a column as spreadsheet programs do."""
    return letters_of(index)


@register.filter
def column_because(because: str) -> Promise | str:
    return BECAUSE.get(because, "")


@register.filter
def line_problems(line: SpreadsheetLine) -> list[str]:
    """Say everything that is to be known of a line, each with what to do."""
    return [f"{refusal_sentence(told)} {refusal_remedy(told)}".strip() for told in line.told]


@register.filter
def line_in_short(line: SpreadsheetLine) -> str:
    """What a line says of nodule and next step, as it was understood."""
    facts: dict[str, Any] = line.facts
    sizes = [facts.get("long_axis_mm"), facts.get("short_axis_mm")]
    size = " × ".join(f"{size:g}" for size in sizes if size)
    nodule = [
        facts.get("nodule", ""),
        str(lobe_word(facts.get("lobe", ""))),
        f"{size} mm" if size else "",
        facts.get("measured_on", ""),
    ]
    return " · ".join(part for part in nodule if part)


@register.filter
def line_step(line: SpreadsheetLine) -> str:
    """What a line says of the next step: kind and day, or first and last of a month; a day alone is that of a CT."""
    facts: dict[str, Any] = line.facts
    days = [facts[day] for day in ("due_from", "due_on") if facts.get(day)]
    if not days and not facts.get("step"):
        return ""
    kind = step_kind_words(KIND[facts.get("step") or "ct"])
    shown = format_html_join(" – ", '<span class="nowrap">{}</span>', ((day,) for day in days))
    return format_html("{} {}", kind, shown)
