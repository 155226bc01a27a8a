"""What every table that a URL names has in common."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from enum import StrEnum

from django.db import models


class CodedRow(models.Model):
    """A row with a random code: the only identifier that appears in URLs, logs and messages."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True


def choices(states: Iterable[StrEnum]) -> list[tuple[str, str]]:
    """Give states in the shape of a field's choices."""
    return [(state.value, state.value) for state in states]
