"""A refusal in the reader's language, with its facts filled in."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django import template
from django.utils.translation import gettext

register = template.Library()
log = logging.getLogger(__name__)


def spoken(refusal: Mapping[str, Any], part: str, template_name: str) -> str:
    """Translate one part of a kept refusal; its English words serve where its facts do not fit the translation."""
    english = str(refusal.get(part) or "")
    pattern = refusal.get(template_name)
    if not pattern:
        return gettext(english) if english else ""
    try:
        return gettext(pattern).format(**refusal.get("facts") or {})
    except (KeyError, IndexError, ValueError):
        log.warning("the facts of refusal %s do not fit its translation", refusal.get("code"))
        return english


@register.filter
def refusal_sentence(refusal: Mapping[str, Any]) -> str:
    """Say what is wrong and where. In: the row's JSON (code, sentence, template, facts)."""
    return spoken(refusal, "sentence", "template")


@register.filter
def refusal_remedy(refusal: Mapping[str, Any]) -> str:
    """Say what to do about it. In: the row's JSON (code, remedy, remedy_template, facts)."""
    return spoken(refusal, "remedy", "remedy_template")
