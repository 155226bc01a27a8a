"""Icons by name, written into the page so that they take the colour of the text beside them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Final

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

SPRITE: Final = Path(settings.BASE_DIR) / "static" / "img" / "icons.svg"
SYMBOL: Final = re.compile(r'<symbol id="([\w-]+)" viewBox="0 0 16 16">(.*?)</symbol>', re.DOTALL)


@cache
def drawings() -> dict[str, SafeString]:
    """Every icon of the sprite: name to the drawing inside its ``svg`` element."""
    sprite = SPRITE.read_text(encoding="utf-8")
    # Our own file, part of the product: nothing a person typed ever reaches it.
    return {name: mark_safe(drawing) for name, drawing in SYMBOL.findall(sprite)}  # noqa: S308


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon; it is decoration, so the word beside it carries the meaning."""
    return format_html('<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">{}</svg>', drawings()[name])
