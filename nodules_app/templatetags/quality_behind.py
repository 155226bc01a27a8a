"""The words of the lists of patients behind a figure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from nodules_app.models.mdt import OutcomeKind
from nodules_app.templatetags.follow_ups import override_words, state_words
from nodules_app.templatetags.mdt import mdt_state_words
from nodules_app.templatetags.patients import management_words

HEADINGS: Final[Mapping[str, tuple[Promise, Promise]]] = {  # of the list, and of its day
    "lost": (_("Active nodules without a next step"), _("Known since")),
    "suspected": (_("Suspected lost"), _("Window ended")),
    "overdue": (_("Overdue steps"), _("Window ended")),
    "on_time": (_("CTs that were not made in time"), _("Window ended")),
    "within_30": (_("CTs later than 30 days after their target day"), _("Target day")),
    "result_to_contact": (_("Results that nobody has told yet"), _("Signed")),
    "concordance": (_("Decisions against the guideline"), _("Signed")),
    "borderline": (_("Borderline decisions"), _("Signed")),
    "mdt_24": (_("Outcomes confirmed later than 24 hours"), _("Confirmed")),
    "mdt_cut_off": (_("Cases that were not complete when the list closed"), _("Put on the list")),
    "actions_overdue": (_("Actions whose day has passed"), _("Due")),
    "mdt_actions": (_("Actions that were not done by their day"), _("Due")),
}


def heading(figure: str) -> tuple[str, str]:
    """Give the heading of a list and of its day."""
    words, day = HEADINGS[figure]
    return str(words), str(day)


def _none(_detail: str) -> str:
    return ""


WORDS: Final[Mapping[str, Callable[[str], object]]] = {
    "suspected": state_words,
    "overdue": state_words,
    "on_time": state_words,
    "within_30": state_words,
    "concordance": override_words,
    "borderline": management_words,
    "mdt_24": lambda kind: str(OutcomeKind(kind).label),
    "mdt_cut_off": mdt_state_words,
    "actions_overdue": str,
    "mdt_actions": str,
}


def detail_words(figure: str, detail: str) -> str:
    """Say what the row's own word means."""
    return str(WORDS.get(figure, _none)(detail))
