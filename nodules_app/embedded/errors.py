"""Why a server cannot be had, in words for the person at the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# What the servers write into their logs, and what a person can do about it.
KNOWN_TROUBLE: Final[Mapping[str, str]] = {
    "No space left on device": "The disk is full: free some hundred megabytes and start again.",
    "incompatible with server": "The data were made by another PostgreSQL version: see 'Upgrade' in docs/operating.md.",
    "could not look up effective user ID": "This account has no line in /etc/passwd: run as an ordinary account.",
    "Address already in use": "Another program took the port in the same moment: start again.",
    "Cannot allocate memory": "The machine has too little free memory: close something and start again.",
    "Bad file format reading": "The queue's file is damaged: remove this folder; what was asked is sent again.",
}


class ServerTrouble(Exception):
    """A server cannot be had; the message is one or two sentences with what to do."""


class PredecessorLives(ServerTrouble):
    """Processes of a crashed server still hold its memory; a moment later they do not."""
