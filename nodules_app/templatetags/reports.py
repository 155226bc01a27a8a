"""A report or letter in words: its kind, its state with its sign, its language."""

from __future__ import annotations

from typing import Final

from django import template
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import DocumentState
from nodules_app.models import DocumentKind
from nodules_app.templatetags.words import Sign

register = template.Library()

STATE: Final[dict[DocumentState, Sign]] = {
    DocumentState.DRAFT: Sign(_("Draft"), "report", "caution"),
    DocumentState.FINAL: Sign(_("Signed"), "lock", "brand"),
    DocumentState.ADDENDED: Sign(_("Signed, with an addendum"), "lock", "brand"),
    DocumentState.CORRECTED: Sign(_("Replaced by a newer one"), "lock", "outline"),
    DocumentState.RETRACTED: Sign(_("Retracted"), "cross", "critical"),
    DocumentState.DISCARDED: Sign(_("Discarded draft"), "cross", "outline"),
}


@register.simple_tag
def document_sign(state: str) -> Sign:
    return STATE[DocumentState(state)]


@register.filter
def document_kind(kind: str) -> str:
    return str(DocumentKind(kind).label)


@register.filter
def language_word(language: str) -> str:
    return str(dict(settings.LANGUAGES)[language])


@register.filter
def reading_age_words(years: int | None) -> str:
    """Say how old readers are who read a text with ease; of Chinese nothing is said, for no formula is accepted."""
    return "" if years is None else gettext("Reading age about %(years)s years") % {"years": years}
