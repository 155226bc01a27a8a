"""How the what-if page says that a nodule grew: by each definition, pair by pair, and what a scan can show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final, NamedTuple

from django import template
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.case import Measurement
from nodules_app.clinical.change import Band, Change, Comparison, Series
from nodules_app.clinical.growth import Growth
from nodules_app.clinical.months import add_months
from nodules_app.clinical.visibility import ASKED_VDT_DAYS, LOG_RATIO_SD, log_ratio_sd_of, visibility, whole_days
from nodules_app.templatetags.patients import guideline_name

register = template.Library()

DEFINITION: Final[Mapping[str, Promise]] = {
    "volume_25_percent": _("volume +25 %"),
    "lungrads_1_5_mm": _("more than 1.5 mm in a year"),
    "fleischner_2_mm": _("2 mm of diameter"),
}
QUANTITY: Final[Mapping[str, tuple[Promise, str, int]]] = {
    "volume_mm3": (_("Volume"), "mm³", 0),
    "mean_diameter_mm": (_("Mean diameter"), "mm", 1),
    "solid_volume_mm3": (_("Solid volume"), "mm³", 0),
    "solid_mean_mm": (_("Solid part"), "mm", 1),
    "mass_mg": (_("Mass"), "mg", 0),
}
LATER_MONTHS: Final = (3, 6, 12, 24)


class Pair(NamedTuple):
    """One interval in words; ``is_whole`` for the first scan against the last of several."""

    start: object
    end: object
    days: int
    is_whole: bool
    sizes: tuple[str, ...]
    doubling: str
    verdicts: tuple[tuple[str, bool | None], ...]  # each definition, and whether it speaks of growth


class Later(NamedTuple):
    """What a scan some months after the present one would show."""

    months: int
    on: object
    up_to_days: int
    percents: tuple[str, ...]


@register.filter
def growth_statement(series: Series) -> str:
    """The whole course in one sentence."""
    return series.as_sentence("zh" if get_language() == "zh-hans" else "en")


@register.filter
def growth_pairs(series: Series) -> list[Pair]:
    """Each scan against the one before; with three scans and more also the first against the last."""
    rows = [_pair(pair, is_whole=False) for pair in series.pairs]
    return [*rows, _pair(series.whole, is_whole=True)] if len(rows) > 1 else rows


def _pair(pair: Comparison, *, is_whole: bool) -> Pair:
    by_code: dict[str, bool | None] = {verdict.definition.code: verdict.grew for verdict in pair.verdicts}
    return Pair(
        start=pair.start,
        end=pair.end,
        days=pair.days,
        is_whole=is_whole,
        sizes=tuple(_size(change) for change in pair.changes),
        doubling=_doubling(pair.growth),
        verdicts=tuple((definition_name(code), by_code.get(code)) for code in DEFINITION),
    )


def _size(change: Change) -> str:
    name, unit, digits = QUANTITY[change.quantity]
    return f"{name} {change.earlier:.{digits}f} → {change.later:.{digits}f} {unit} ({change.percent:+.0f} %)"


def _doubling(growth: Growth | None) -> str:
    """The doubling time with its interval; an end that is open is said."""
    if growth is None or growth.vdt_days is None:
        return "–"
    days = gettext("%(days)s days") % {"days": f"{growth.vdt_days:.0f}"}
    if growth.vdt_ci95_days is None:
        return days
    low, high = growth.vdt_ci95_days
    if low is None:
        return days
    if high is None:
        return f"{days} ({gettext('%(low)s and more') % {'low': f'{low:.0f}'}})"
    return f"{days} ({low:.0f}–{high:.0f})"


@register.filter
def definition_names(_series: Series) -> list[str]:
    """The definitions in the order of ``Pair.verdicts``."""
    return [definition_name(code) for code in DEFINITION]


def definition_name(code: str) -> str:
    """What a definition asks for."""
    return str(DEFINITION[code])


@register.filter
def growth_bands(series: Series) -> Iterator[str]:
    """Between which present sizes one definition already speaks of growth and the next does not yet."""
    guidelines = {verdict.definition.code: verdict.definition.guidelines for verdict in series.whole.verdicts}
    for band in series.whole.bands:
        yield _band_words(band, guidelines[band.sooner], guidelines[band.later])


def _band_words(band: Band, sooner: tuple[str, ...], later: tuple[str, ...]) -> str:
    facts = {
        "low": f"{band.low_mm:.1f}",
        "high": f"{band.high_mm:.1f}",
        "low_percent": f"{band.low_percent:+.0f}",
        "high_percent": f"{band.high_percent:+.0f}",
        "sooner": definition_name(band.sooner),
        "later": definition_name(band.later),
        "yes": gettext(", ").join(guideline_name(code) for code in sooner),
        "no": gettext(", ").join(guideline_name(code) for code in later),
    }
    return (
        gettext(
            "From %(low)s to %(high)s mm now (%(low_percent)s to %(high_percent)s %% of volume) it has grown by"
            " “%(sooner)s” (%(yes)s), not yet by “%(later)s” (%(no)s)."
        )
        % facts
    )


@register.filter
def shows_up_to(series: Series) -> int:
    """The slowest doubling time that the whole interval could have shown, in days."""
    return whole_days(series.whole.visible.shows_up_to_vdt_days)


@register.filter
def asked_doublings(_series: Series) -> tuple[int, ...]:
    """The doubling times, in days, whose chance to show is told."""
    return ASKED_VDT_DAYS


@register.filter
def later_scans(now: Measurement) -> list[Later]:
    """How likely a later scan shows growth of a nodule that doubles in 300, 400, 600 days, by the errors stated."""
    spread = LOG_RATIO_SD
    if now.volume_mm3 is not None and now.sd is not None and now.sd.volume_mm3:
        relative = now.sd.volume_mm3 / now.volume_mm3
        spread = log_ratio_sd_of(relative, relative)
    rows = []
    for months in LATER_MONTHS:
        on = add_months(now.date, months)
        shown = visibility((on - now.date).days, log_ratio_sd=spread)
        percents = tuple(_percent(chance.probability) for chance in shown.chances)
        rows.append(Later(months, on, whole_days(shown.shows_up_to_vdt_days), percents))
    return rows


def _percent(probability: Decimal) -> str:
    percent = probability * 100
    if percent < 1:
        return "< 1 %"
    return "> 99 %" if percent > 99 else f"{percent:.0f} %"


def verdict_words(*, grew: bool) -> str:
    """Whether a definition speaks of growth."""
    return gettext("Growth") if grew else gettext("No growth")
