"""What the database refuses because a colleague was quicker, said as such instead of as a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from nodules_app.services.taken import constraint_of

JOINED: Final = "joined_record_takes_nothing_new"  # the trigger of that name, see migration 0025


class JoinedMeanwhile:
    """Answer 409 where an act met a record that was joined with another between the page and its button."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, IntegrityError) or constraint_of(exception) != JOINED:
            return None
        return render(request, "errors/409.html", status=409)
