"""Components with a body of their own; all others are partials, included with ``only``."""

from __future__ import annotations

from collections.abc import Sequence

from django import template
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_block_tag(end_name="endpanel")
def panel(content: SafeString, title: str, id: str = "", note: str = "", tag: str = "") -> SafeString:
    """Draw a panel; the content brings its own ``.body``, table or footer."""
    return render_to_string(
        "components/panel.html", {"title": title, "id": id, "note": note, "tag": tag, "body": content}
    )


@register.simple_block_tag(end_name="endnext_step")
def next_step(
    content: SafeString,
    title: str,
    because: str = "",
    tone: str = "",
    after: Sequence[object] = (),
) -> SafeString:
    """Draw the one next step; the content is its actions."""
    return render_to_string(
        "components/next_step.html",
        {"title": title, "because": because, "tone": tone, "after": after, "body": content},
    )
