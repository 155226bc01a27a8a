"""The figures in words: one's own as they are, and those that leave the house without small groups, rounded to five."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from inference.validation.calibration import wilson
from nodules_app.ladder.rungs import Tier
from nodules_app.models import Sex
from nodules_app.models.reminders import Outcome
from nodules_app.selectors.quality.asking import month_starts
from nodules_app.selectors.quality.hiding import FEWEST, hidden, is_small, rounded
from nodules_app.selectors.quality.values import NOTHING, Quality, Share, Spread
from nodules_app.templatetags.follow_ups import override_words, step_kind_words
from nodules_app.templatetags.patients import guideline_name, management_words
from nodules_app.templatetags.quality_definitions import DEFINITIONS, Definition
from nodules_app.templatetags.reminders import STATES, channel_word, rung_word
from nodules_app.templatetags.words import tier_word

NONE: Final = "–"
MEDIAN: Final = 2  # one in two lies beyond it; a quantile is shared where five or more lie on either side
NINETIETH: Final = 10
AGES: Final[dict[str, Promise]] = {
    "": _("age unknown"),
    "0-49": _("below 50"),
    "50-64": _("50 to 64"),
    "65-74": _("65 to 74"),
    "75-": _("75 and above"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with what it means; ``behind`` is whether its patients can be listed."""

    code: str
    title: str
    value: str
    under: str
    definition: Definition
    behind: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Figures about one thing; those that nothing was counted for are named in one line."""

    code: str
    title: str
    every: tuple[Tile, ...]

    @property
    def tiles(self) -> list[Tile]:
        return [tile for tile in self.every if tile.value != NONE]

    @property
    def without(self) -> list[Tile]:
        return [tile for tile in self.every if tile.value == NONE]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table of figures, as page and export show it."""

    name: str
    part: int | None  # None: not shown
    whole: int | None
    value: str
    bar: int | None = None  # per cent, where the line is a share


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by group."""

    code: str
    title: str
    rows: tuple[Row, ...]
    definition: Definition
    behind: bool = False
    is_of_shares: bool = False

    @property
    def hides(self) -> bool:
        return any(row.part is None for row in self.rows)


def age_words(band: str) -> str:
    return str(AGES[band])


# ------------------------------------------------------------------ one figure


@dataclass(frozen=True, slots=True)
class Teller:
    """Writes figures, for oneself or to be shared."""

    shared: bool

    def share(self, code: str, title: str, share: Share, *, behind: bool = False, also: str = "") -> Tile:
        """A share with its interval, and how many of how many."""
        value, under = percent(self.seen(share)), self.of(share)
        if value != NONE:
            ends = wilson(share.part, share.whole)
            interval = gettext("95 %% interval %(low)s–%(high)s") % {
                "low": round(100 * ends.low_share),
                "high": round(100 * ends.high_share),
            }
            under = " · ".join(filter(None, [under, also, "" if self.shared else interval]))
        return self.tile(code, title, value, under, behind=behind)

    def spread(self, code: str, title: str, spread: Spread, *, behind: bool = False) -> Tile:
        """A time: the middle one, and what nine of ten stayed below."""
        if spread.median_days is None or self.hides_quantile(spread.count, MEDIAN):
            return self.tile(code, title, NONE, self.too_few(spread.count), behind=behind)
        count = rounded(spread.count) if self.shared else spread.count
        under = gettext("median of %(count)s") % {"count": count}
        if spread.p90_days is not None and not self.hides_quantile(spread.count, NINETIETH):
            told = {"count": count, "days": days_number(spread.p90_days)}
            under = gettext("median of %(count)s; 90 %% within %(days)s days") % told
        return self.tile(code, title, days(spread.median_days), under, behind=behind)

    def number(self, code: str, title: str, count: int, under: str, *, behind: bool = False) -> Tile:
        return self.tile(code, title, self.count(count), under, behind=behind)

    def tile(self, code: str, title: str, value: str, under: str, *, behind: bool) -> Tile:
        return Tile(code, title, value, under, DEFINITIONS[code], behind=behind and not self.shared)

    def seen(self, share: Share) -> Share | None:
        """What of a share may be shown."""
        if not self.shared:
            return share
        if is_small(share.part) or is_small(share.rest):
            return None
        part, rest = rounded(share.part), rounded(share.rest)
        return Share(part, part + rest)

    def of(self, share: Share) -> str:
        seen = self.seen(share)
        if seen is None or not seen.whole:
            return self.too_few(share.whole)
        return gettext("%(part)s of %(whole)s") % {"part": seen.part, "whole": seen.whole}

    def count(self, count: int) -> str:
        if not self.shared:
            return str(count)
        return gettext("fewer than %(small)s") % {"small": FEWEST} if is_small(count) else str(rounded(count))

    def hides_quantile(self, count: int, one_in: int) -> bool:
        return self.shared and count < FEWEST * one_in

    def too_few(self, count: int) -> str:
        if self.shared and count:
            return gettext("fewer than %(small)s on one side") % {"small": FEWEST}
        return gettext("nothing in this period")

    # -------------------------------------------------------------- tables

    def counts(self, code: str, title: str, lines: Iterable[tuple[str, int]], *, behind: bool = False) -> Table:
        """How many in each group."""
        known = list(lines)
        away = hidden([(count,) for _name, count in known]) if self.shared else frozenset()
        rows = []
        for place, (name, count) in enumerate(known):
            shown = rounded(count) if self.shared else count
            rows.append(
                Row(name, None, None, gettext("not shown")) if place in away else Row(name, shown, None, str(shown))
            )
        return Table(code, title, tuple(rows), DEFINITIONS[code], behind=behind and not self.shared)

    def shares(self, code: str, title: str, lines: Iterable[tuple[str, Share]], *, kind: str = "") -> Table:
        """How many of how many in each group."""
        known = list(lines)
        cells = [(share.part, share.rest) for _name, share in known]
        away = hidden(cells) if self.shared else frozenset()
        rows = []
        for place, (name, share) in enumerate(known):
            seen = None if place in away else self.seen(share)
            if seen is None:
                rows.append(Row(name, None, None, gettext("not shown")))
            else:
                bar = None if seen.ratio is None else round(100 * seen.ratio)
                rows.append(Row(name, seen.part, seen.whole, percent(seen), bar))
        return Table(code, title, tuple(rows), DEFINITIONS[kind or code], is_of_shares=True)


def percent(share: Share | None) -> str:
    return NONE if share is None or share.ratio is None else f"{100 * share.ratio:.0f} %"


def days_number(number: float) -> str:
    """Whole days; below three a decimal says more."""
    return f"{number:.1f}" if 0 < number < 3 and round(number, 1) != round(number) else f"{number:.0f}"


def days(number: float) -> str:
    words = days_number(number)
    return ngettext("%(days)s day", "%(days)s days", 1 if words == "1" else 2) % {"days": words}


# ------------------------------------------------------------------ the page


@dataclass(frozen=True, slots=True)
class ToDo:
    """Patients for whom somebody must do something now, and where they are listed."""

    code: str
    count: int
    words: str


def to_do(found: Quality) -> list[ToDo]:
    """What of one's own figures asks for an act, the gravest first; nothing where all is done."""
    late, untold = found.actions_overdue, found.times.not_contacted
    overdue = sum(count for _upper, count in found.overdue)
    asked = [
        (
            "lost",
            found.lost.part,
            ngettext(
                "active nodule has no next step: an incident",
                "active nodules have no next step: an incident",
                found.lost.part,
            ),
        ),
        (
            "suspected",
            found.suspected_lost,
            ngettext(
                "step is suspected lost: a clinician must decide",
                "steps are suspected lost: a clinician must decide",
                found.suspected_lost,
            ),
        ),
        ("overdue", overdue, ngettext("step is overdue", "steps are overdue", overdue)),
        (
            "result_to_contact",
            untold,
            ngettext(
                "result of this period was told to nobody yet", "results of this period were told to nobody yet", untold
            ),
        ),
        (
            "actions_overdue",
            late,
            ngettext(
                "action of the conference is overdue",
                "actions of the conference are overdue",
                late,
            ),
        ),
    ]
    return [ToDo(*one) for one in asked if one[1]]


def months(found: Quality, *, shared: bool) -> list[tuple[date, Share]]:
    """CT on time of each of the last twelve months; of one that may not be shown, or had none, nothing of nothing."""
    tell = Teller(shared)
    known = [(month.starts_on, month.on_time) for month in found.steps.months]
    away = hidden([(share.part, share.rest) for _, share in known]) if shared else frozenset()
    seen = {starts_on: tell.seen(share) for place, (starts_on, share) in enumerate(known) if place not in away}
    return [(starts_on, seen.get(starts_on) or NOTHING) for starts_on in month_starts(found.last)]


def sections(found: Quality, *, shared: bool) -> list[Section]:
    """The figures by what they are about."""
    tell = Teller(shared)
    return [
        Section("safety", gettext("Nobody is lost, and CTs come in time"), tuple(_safety(found, tell))),
        Section("times", gettext("How long patients wait"), tuple(_times(found, tell))),
        Section("decisions", gettext("Decisions and measurements"), tuple(_decisions(found, tell))),
        Section("conference", gettext("Conference"), tuple(_conference(found, tell))),
    ]


def _safety(found: Quality, tell: Teller) -> list[Tile]:
    excused = tell.count(found.steps.excused)
    within = found.steps.within_30_days
    return [
        *(_now_in_a_word(found, tell) if tell.shared else _now(found, tell)),
        tell.share(
            "on_time",
            gettext("CT on time"),
            found.steps.on_time,
            behind=found.steps.on_time.rest > 0,
            also=gettext("%(count)s not counted") % {"count": excused} if found.steps.excused else "",
        ),
        tell.share("within_30", gettext("CT within 30 days of target"), within, behind=within.rest > 0),
    ]


def _now(found: Quality, tell: Teller) -> list[Tile]:
    active = gettext("of %(whole)s active nodules") % {"whole": found.lost.whole}
    long = gettext("%(count)s for more than 60 days") % {"count": found.suspected_long}
    suspected = found.suspected_lost
    return [
        tell.number("lost", gettext("Lost"), found.lost.part, active, behind=found.lost.part > 0),
        tell.number("suspected", gettext("Suspected lost"), suspected, long, behind=suspected > 0),
    ]


def _now_in_a_word(found: Quality, tell: Teller) -> list[Tile]:
    """Counts of a day do not leave the house, since two days subtracted tell of the people between; one word does."""
    word = gettext("yes") if found.lost.part else gettext("no")
    on = gettext("on %(day)s") % {"day": formats.date_format(found.today, "DATE_FORMAT")}
    return [tell.tile("lost", gettext("Is anybody lost?"), word, on, behind=False)]


def _times(found: Quality, tell: Teller) -> list[Tile]:
    times, waiting = found.times, found.times.not_contacted > 0
    return [
        tell.spread("scan_to_contact", gettext("Exam to patient informed"), times.scan_to_contact),
        tell.spread("scan_to_result", gettext("Exam to result"), times.scan_to_result),
        tell.spread("result_to_contact", gettext("Result to contact"), times.result_to_contact, behind=waiting),
        tell.spread("result_to_decision", gettext("Result to decision"), times.result_to_decision),
        tell.spread("answered", gettext("Task to its answer"), found.told.answered),
    ]


def _decisions(found: Quality, tell: Teller) -> list[Tile]:
    followed, unsure, tissue = found.decided.concordance, found.decided.borderline, found.tissue
    return [
        tell.share("concordance", gettext("Decided as the guideline says"), followed, behind=followed.rest > 0),
        tell.share("borderline", gettext("Borderline decisions"), unsure, behind=unsure.part > 0),
        tell.share("by_volume", gettext("Measured by volume"), found.measured_by_volume),
        tell.share("good_pairs", gettext("Scans that compare well"), found.good_pairs),
        tell.share("malignant", gettext("Malignant, of those with tissue"), tissue.malignant),
        tell.share("benign_resections", gettext("Benign, of those resected"), tissue.benign_resections),
    ]


def _conference(found: Quality, tell: Teller) -> list[Tile]:
    meetings = found.conference
    soon, done, closed = meetings.within_24_h, meetings.actions_on_time, meetings.complete_at_cut_off
    return [
        tell.spread("mdt_wait", gettext("Question to outcome"), meetings.wait),
        tell.spread("mdt_to_meeting", gettext("Question to meeting"), meetings.to_meeting),
        tell.spread("mdt_to_outcome", gettext("Meeting to outcome"), meetings.to_outcome),
        tell.spread("mdt_to_done", gettext("Outcome to action done"), meetings.to_done),
        tell.share("mdt_24", gettext("Outcome within 24 hours"), soon, behind=soon.rest > 0),
        tell.share("mdt_cut_off", gettext("Complete when the list closed"), closed, behind=closed.rest > 0),
        tell.share("mdt_actions", gettext("Actions on time"), done, behind=done.rest > 0),
    ]


def tables(found: Quality, *, shared: bool) -> list[Table]:
    """The figures by group, each with its heading; a table of one group says nothing and is left out."""
    tell = Teller(shared)
    return [
        *([] if shared else [_overdue_table(found, tell)]),
        tell.shares("brought_back", gettext("What each reminder brought back"), _brought_back(found)),
        *_groups(found, tell),
        tell.shares("by_kind", gettext("Kept by kind of step"), _named(found.steps.by_kind, step_kind_words)),
        tell.counts("managements", gettext("What the guidelines answered, patients"), _managements(found)),
        tell.counts(
            "overrides",
            gettext("Why decided otherwise"),
            [(override_words(code), count) for code, count in found.decided.overrides],
        ),
        tell.counts("reminders", gettext("Reminders by what became of them"), _reminders(found)),
        tell.counts("outcomes", gettext("What people did about their tasks"), _outcomes(found)),
    ]


def _groups(found: Quality, tell: Teller) -> list[Table]:
    steps = found.steps
    by_tier = sorted(steps.by_tier, key=lambda one: list(Tier).index(Tier(one[0])))
    asked = [
        ("by_age", gettext("CT on time by age"), _named(steps.by_age, age_words)),
        ("by_sex", gettext("CT on time by sex"), _named(steps.by_sex, lambda code: str(Sex(code).label))),
        ("by_tier", gettext("CT on time by harm of delay"), _named(by_tier, lambda tier: str(tier_word(tier)))),
        ("by_clinic", gettext("CT on time by clinic"), list(steps.by_clinic)),
    ]
    return [
        tell.shares(code, title, lines, kind="groups")
        for code, title, lines in asked
        if code != "by_clinic" or len(lines) > 1
    ]


def _named(lines: Sequence[tuple[str, Share]], word: Callable[[str], str]) -> list[tuple[str, Share]]:
    return [(word(code), share) for code, share in lines]


def _overdue_table(found: Quality, tell: Teller) -> Table:
    """Count what is overdue today; like every count of a day, for oneself only."""
    lines = [
        (gettext("more than 180 days") if not upper else gettext("up to %(days)s days") % {"days": upper}, count)
        for upper, count in found.overdue
    ]
    behind = any(count for _upper, count in lines)
    return tell.counts("overdue", gettext("Overdue now, by how long"), lines, behind=behind)


def _brought_back(found: Quality) -> list[tuple[str, Share]]:
    return [(f"{rung_word(rung)} · {channel_word(channel)}", share) for rung, channel, share in found.told.brought_back]


def _managements(found: Quality) -> list[tuple[str, int]]:
    return [(f"{guideline_name(code)}: {management_words(what)}", n) for code, what, n in found.decided.managements]


def _reminders(found: Quality) -> list[tuple[str, int]]:
    return [
        (f"{channel_word(channel)}: {STATES[state].label if state in STATES else state}", count)
        for channel, state, count in found.told.by_state
    ]


def _outcomes(found: Quality) -> list[tuple[str, int]]:
    return [(str(Outcome(code).label) if code else gettext("not said"), count) for code, count in found.told.by_outcome]
