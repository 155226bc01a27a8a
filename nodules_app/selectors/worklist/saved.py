"""The views that somebody keeps."""

from __future__ import annotations

from nodules_app.models import SavedView, User


def saved_views(user: User) -> tuple[SavedView, ...]:
    """By name."""
    return tuple(SavedView.objects.filter(by=user).order_by("name"))
