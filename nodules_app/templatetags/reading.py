"""A reading in words: its state, the numbers of a time point, what a correction was and what changed because of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from django import template
from django.utils import formats, timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import NoduleState, ReadingState
from nodules_app.models import Attenuation, ComparisonWord, CorrectionKind
from nodules_app.selectors.candidates import Proposals
from nodules_app.selectors.reading_list import Lane, ListedReading
from nodules_app.selectors.timeline import Appearance
from nodules_app.templatetags import candidates, patients, quantities, words

register = template.Library()

DRAWN_BY: Final[dict[str, Promise]] = {
    "star-35, drawn": _("outline by %(who)s"),
    "caliper": _("axes by %(who)s"),
}
ABOUT: Final[dict[str, Promise]] = {
    "is_nodule": _("a nodule"),
    "attenuation": _("attenuation"),
    "word": _("comparison"),
    "mean_diameter_mm": _("mean diameter"),
}


class Sign(NamedTuple):
    label: Promise
    icon: str
    tone: str


STATE: Final[dict[ReadingState, Sign]] = {
    ReadingState.AWAITING: Sign(_("To read"), "clock", "caution"),
    ReadingState.DRAFT: Sign(_("Draft"), "read", "brand"),
    ReadingState.READ: Sign(_("Read, not signed"), "seen", "caution"),
    ReadingState.SIGNED: Sign(_("Signed"), "lock", "brand"),
    ReadingState.ADDENDED: Sign(_("Signed, with an addendum"), "lock", "brand"),
    ReadingState.REPLACED: Sign(_("Replaced by a newer version"), "lock", "outline"),
    ReadingState.COVERED: Sign(_("Read with a later exam"), "joined", "outline"),
}


class EffectLine(NamedTuple):
    about: str
    before: str
    after: str


@register.simple_tag
def reading_sign(state: ReadingState) -> Sign:
    return STATE[state]


@register.filter
def waiting_words(since: datetime) -> str:
    """Say how long something has waited: minutes, hours, then days."""
    minutes = max(0, round((timezone.now() - since).total_seconds() / 60))
    if minutes < 120:
        return ngettext("%(count)s minute", "%(count)s minutes", minutes) % {"count": minutes}
    if minutes < 48 * 60:
        return ngettext("%(count)s hour", "%(count)s hours", minutes // 60) % {"count": minutes // 60}
    return ngettext("%(count)s day", "%(count)s days", minutes // 1440) % {"count": minutes // 1440}


@register.filter
def points(lps_mm: Sequence[float]) -> str:
    return " ".join(f"{value:.2f}" for value in lps_mm)


@register.filter
def number(value: float | str | None, digits: int = 1) -> str:
    """Write a number into a field to type in, or nothing: what was not measured reaches templates as "" or None."""
    return "" if value is None or isinstance(value, str) else f"{value:.{digits}f}"


@register.filter
def day_text(value: date | None) -> str:
    return formats.date_format(value, "DATE_FORMAT") if value else ""


@register.filter
def size_words(seen: Appearance | None) -> str:
    if seen is None:
        return "–"
    if not seen.present:
        return gettext("not seen here")
    return f"{seen.measured.volume_mm3:.0f} mm³" if seen.measured else gettext("not measured")


@register.filter
def axes_words(seen: Appearance | None) -> str:
    measured = seen.measured if seen else None
    if measured is None or measured.long_axis_mm is None or measured.short_axis_mm is None:
        return "–"
    return f"{measured.long_axis_mm:.1f} × {measured.short_axis_mm:.1f}"


@register.filter
def source_words(seen: Appearance | None) -> str:
    """Say whose numbers these are: the program's, or a person's and how."""
    measured = seen.measured if seen else None
    if measured is None:
        return "–"
    if not measured.by:
        return gettext("program")
    way = next((way for name, way in DRAWN_BY.items() if measured.method.startswith(name)), None)
    return str(way) % {"who": measured.by} if way else measured.by


@register.filter
def correction_word(kind: str) -> str:
    return str(CorrectionKind(kind).label)


@register.filter
def search_words(proposals: Proposals) -> str:
    """Say what the search came to; that it has not run is never an empty list."""
    if str(proposals.search or "") in candidates.SEARCH:
        return str(candidates.SEARCH[str(proposals.search or "")].text)
    waiting = len(proposals.waiting)
    if not waiting:
        return gettext("Searched; nothing is proposed.")
    return ngettext("%(count)s proposal waits.", "%(count)s proposals wait.", waiting) % {"count": waiting}


@register.simple_tag
def attenuations() -> list[tuple[str, Any]]:
    return list(Attenuation.choices)


@register.simple_tag
def comparison_words() -> list[tuple[str, Any]]:
    return list(ComparisonWord.choices)


@register.filter
def of_label(told: Mapping[str, Any], label: str) -> Any:  # noqa: ANN401 whatever the view has laid by for this nodule
    return told.get(label)


@register.filter
def asked_word(about: str) -> Promise:
    return ABOUT[about]


@register.filter
def said_word(said: Any, about: str) -> str:  # noqa: ANN401 words, numbers and yes or no alike
    """Write what one reader said on one point."""
    if said in (None, ""):
        return "–"
    if about == "is_nodule":
        return gettext("yes") if said else gettext("no")
    if about == "mean_diameter_mm":
        return f"{float(said):.1f} mm"
    return str(words.attenuation_word(said) if about == "attenuation" else words.comparison_sign(said).label)


@register.filter
def effect_lines(effect: Mapping[str, Any]) -> list[EffectLine]:
    """Write what a correction changed, a line each, before and after: sizes, growth, words, answers, the next step."""
    lines = [line for row in effect.get("nodules", ()) for line in _of_nodule(row)]
    lines.extend(
        EffectLine(patients.guideline_name(row["guideline"]), _answer(row["before"]), _answer(row["after"]))
        for row in effect.get("answers", ())
    )
    lines.extend(
        EffectLine(gettext("Next step"), _step(row["before"]), _step(row["after"])) for row in effect.get("step", ())
    )
    return lines


def _of_nodule(row: Mapping[str, Any]) -> list[EffectLine]:
    before, after, label = row["before"], row["after"], row["label"]
    texts = [
        (label, _state(before), _state(after)),
        (gettext("%(label)s prior") % {"label": label}, _size(before, "prior"), _size(after, "prior")),
        (gettext("%(label)s current") % {"label": label}, _size(before, "current"), _size(after, "current")),
        (gettext("%(label)s comparison") % {"label": label}, _word(before), _word(after)),
        (f"{label} VDT", _vdt(before), _vdt(after)),
    ]
    return [EffectLine(*text) for text in texts if text[1] != text[2]]


def _state(row: Mapping[str, Any] | None) -> str:
    return str(patients.NODULE_STATE[NoduleState(row["state"])]) if row else "–"


def _size(row: Mapping[str, Any] | None, side: str) -> str:
    told = (row or {}).get(side) or {}
    if told.get("volume_mm3") is None:
        return "–"
    half_mm3 = quantities.half_width_95(told["volume_sd_mm3"])
    kind = words.attenuation_word(told["attenuation"])
    return f"{told['volume_mm3']:.0f} ± {half_mm3} mm³, {told['mean_diameter_mm']:.1f} mm, {kind}"


def _word(row: Mapping[str, Any] | None) -> str:
    word = ((row or {}).get("change") or {}).get("word")
    return str(words.comparison_sign(word).label) if word else "–"


def _vdt(row: Mapping[str, Any] | None) -> str:
    change = (row or {}).get("change") or {}
    if change.get("vdt_days") is None:
        return "–"
    low, high = change.get("vdt_low_days"), change.get("vdt_high_days")
    days = gettext("%(days)s d") % {"days": change["vdt_days"]}
    return days if low is None else f"{days} ({low}–{high if high is not None else gettext('unbounded')})"


def _answer(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "–"
    management = patients.management_words(row["management"])
    has_category = row["category"] not in ("", "not_applicable")
    return f"{row['category']}: {management}" if has_category else management


def _step(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return "–"
    due = [day_text(date.fromisoformat(row[name])) for name in ("due_from", "due_until")]
    what = patients.management_words(row["management"]) if row["management"] else gettext("review by a reader")
    return f"{str(what).rstrip('.。')}, {due[0]} – {due[1]}"


LANE: Final[dict[Lane, Promise]] = {
    Lane.NEW: pgettext_lazy("exam", "New, without a prior"),
    Lane.COMPARE: _("To compare"),
    Lane.WAITING: _("Waiting for work or priors"),
    Lane.FAILED: _("Failed"),
    Lane.SIGN: _("To sign"),
}
LANE_TONE: Final[dict[Lane, str]] = {Lane.FAILED: "critical", Lane.SIGN: "brand", Lane.WAITING: "outline"}
HIGH_RISK: Final = 3


@register.filter
def lane_word(lane: Lane) -> Promise:
    return LANE[lane]


@register.filter
def lane_tone(row: ListedReading) -> str:
    """Give the colour of a lane; a grave risk is said by the comparison word beside it and by the order."""
    return LANE_TONE.get(row.lane, "caution" if row.risk >= HIGH_RISK else "meeting")


@register.filter
def of_lane(counts: Mapping[Lane, int], lane: Lane) -> int:
    return counts.get(lane, 0)
