"""How this browser wants the pages: kept in cookies, because a reading room's screen is shared by many people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

THEME_COOKIE: Final = "theme"
KEYS_COOKIE: Final = "keys"
THEMES: Final = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Preferences:
    """Appearance, and whether single letters act as shortcuts (WCAG 2.2, 2.1.4: they can be turned off)."""

    theme: str = "auto"
    keys: bool = True


def preferences(cookies: Mapping[str, str]) -> Preferences:
    """Read the preferences; a value that we never wrote counts as not set."""
    theme = cookies.get(THEME_COOKIE, "auto")
    return Preferences(theme=theme if theme in THEMES else "auto", keys=cookies.get(KEYS_COOKIE) != "off")
