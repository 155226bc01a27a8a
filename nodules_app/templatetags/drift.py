"""What drifts, in words: names of quantities and shares, and what the test says of a month."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from django import template
from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from inference.validation.drift import FEWEST_BEFORE, FEWEST_NOW, Moved
from nodules_app.selectors.drift import MonthShare

register = template.Library()

NAMES: Final[Mapping[str, Promise]] = {
    "candidate_score": _("Score of proposed places"),
    "volume": _("Measured volume"),
    "noise": _("Image noise"),
    "slice_spacing": _("Slice spacing"),
    "refused": _("Measurements refused"),
    "rejected": _("Proposals rejected, of those decided"),
    "renumbered": _("Outlines or numbers changed by a reader"),
    "relinked": _("Matches parted or linked anew"),
    "overrode": _("Decisions against the guideline"),
    "learned_change": _("Growth as a learned model sees it"),
    "unlike_candidates": _("Places: a reader decided otherwise than the model"),
    "unlike_growth": _("Growth: a reader confirmed otherwise than the model"),
    "model_apart": _("Growth: model and measurement apart beyond their errors"),
}


@register.filter
def drift_name(name: str) -> str:
    """Name what is watched."""
    return str(NAMES[name])


@register.filter
def month_words(on: date) -> str:
    """Write a month."""
    return formats.date_format(on, "YEAR_MONTH_FORMAT")


@register.filter
def was_counted(moved: Moved) -> bool:
    """Whether the month has anything of which something can be said."""
    return moved.now > 0


@register.filter
def any_counted(tested: Sequence[tuple[date, Moved]]) -> bool:
    """Whether any of the tested months has."""
    return any(was_counted(moved) for _on, moved in tested)


@register.filter
def moved_words(moved: Moved) -> str:
    """Say what the test says."""
    if moved.size_ratio is None or moved.adjusted_probability is None:
        return gettext("too few: %(now)s, before %(before)s (needs %(fewest)s and %(fewest_before)s)") % {
            "now": moved.now,
            "before": moved.before,
            "fewest": FEWEST_NOW,
            "fewest_before": FEWEST_BEFORE,
        }
    p_words = "p < 0.001" if moved.adjusted_probability < 0.001 else f"p = {moved.adjusted_probability:.3f}"
    return f"{moved.size_ratio:+.2f}, {p_words}".replace("-", "\N{MINUS SIGN}")


@register.filter
def share_cell(month: MonthShare) -> str:
    """Write a share with its counts."""
    return f"{100 * month.part / month.whole:.0f} % ({month.part} / {month.whole})" if month.whole else "–"
