"""A refusal as one line for a form or a message, in the reader's language."""

from __future__ import annotations

from django.utils.translation import gettext

from registration.errors import Refused


def in_words(refused: Refused) -> str:
    """Say what is wrong, with its facts, and what to do."""
    return f"{gettext(refused.sentence).format(**refused.facts)} {gettext(refused.remedy).format(**refused.facts)}"
