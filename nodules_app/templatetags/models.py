"""Learned models in words: what a task is, and why a model is not used."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.utils.translation import gettext

from inference.model_card import ModelCard
from nodules_app.models import ModelTask
from nodules_app.selectors.learned import Count
from registration.errors import Refused

register = template.Library()


@register.filter
def task_word(task: str) -> str:
    return str(ModelTask(task).label)


@register.filter
def judged_of(counts: Sequence[Count], card: ModelCard) -> Count | None:
    """Find what readers made of one model's answers."""
    return next((one for one in counts if (str(one.task), one.version) == (str(card.task), card.version)), None)


@register.filter
def refusal_words(refusal: Refused) -> str:
    """A refusal in the reader's language: what is wrong and what to do."""
    sentence, remedy = (gettext(words).format(**refusal.facts) for words in (refusal.sentence, refusal.remedy))
    return f"{sentence} {remedy}"
