"""How a message leaves the house, and the three answers there can be: taken, not taken, and nobody knows."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from nodules_app.ladder.rungs import Channel


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as a provider gets it; ``key`` is the same on every attempt."""

    key: str
    to: str
    subject: str
    body: str
    reply_to: str
    sender_name: str


@dataclass(frozen=True, slots=True)
class Taken:
    """The provider has the message; ``reference`` is its own name for it."""

    reference: str


class NotTaken(Exception):
    """The provider certainly does not have it. ``for_good``: another attempt would end the same."""

    def __init__(self, why: str, *, for_good: bool = False) -> None:
        self.why, self.for_good = why[:300], for_good
        super().__init__(why)


class Uncertain(Exception):
    """The connection ended after the message had left and before the answer came."""

    def __init__(self, why: str) -> None:
        self.why = why[:300]
        super().__init__(why)


def available() -> frozenset[Channel]:
    """The channels that this installation has."""
    there = {Channel.LETTER, Channel.TASK}
    if settings.SMTP["EMAIL_HOST"] and settings.MAIL_FROM:
        there.add(Channel.EMAIL)
    if settings.GATEWAY_URL and settings.GATEWAY_SECRET:
        there.add(Channel.MESSAGE)
    return frozenset(there)
