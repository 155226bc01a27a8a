"""Figures of the validation bench in words: three digits, each with its interval."""

from __future__ import annotations

from django import template

from inference.validation.calibration import Coefficient
from inference.validation.discrimination import Difference, Share
from inference.validation.resampling import Interval

register = template.Library()


@register.filter
def three(value: float) -> str:
    """Write three digits after the point."""
    return f"{value:.3f}".replace("-", "\N{MINUS SIGN}")


@register.filter
def share_words(share: Share) -> str:
    """Write a share with its interval."""
    return f"{share.share:.3f} ({share.low_share:.3f} – {share.high_share:.3f})"


@register.filter
def figure_words(figure: Interval | Coefficient) -> str:
    """Write a figure with its interval."""
    return f"{three(figure.value_ratio)} ({three(figure.low_ratio)} – {three(figure.high_ratio)})"


@register.filter
def difference_words(found: Difference) -> str:
    """Write a difference with its interval."""
    return f"{three(found.difference_ratio)} ({three(found.low_ratio)} – {three(found.high_ratio)})"


@register.filter
def p_words(probability: float) -> str:
    """Write a p value, never as 0."""
    return "<0.001" if probability < 0.001 else f"{probability:.3f}"
