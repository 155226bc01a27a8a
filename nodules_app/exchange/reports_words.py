"""How a report and a letter name things and write numbers, in the language that is active: the same everywhere else.

Numbers are rounded as the pages round them: volumes to 1 mm³, diameters to 0.1 mm, doubling times to whole days, each
error as half of its 95 % interval.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import Final

from django.utils import formats
from django.utils.functional import Promise
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from nodules_app.clinical.management import MANAGEMENT
from nodules_app.clinical.rounding import as_reported
from nodules_app.models import Attenuation, ComparisonWord, Sex
from nodules_app.models.patients import HAN

Z_95: Final = 1.959963984540054  # two-sided 95 % of the normal distribution
MINUS: Final = "\N{MINUS SIGN}"

LOBE: Final[dict[str, Promise]] = {
    "RUL": _("right upper lobe"),
    "RML": _("right middle lobe"),
    "RLL": _("right lower lobe"),
    "LUL": _("left upper lobe"),
    "LINGULA": _("lingula"),
    "LLL": _("left lower lobe"),
}
GUIDELINE: Final[dict[str, str]] = {
    "FLEISCHNER2017": "Fleischner 2017",
    "LUNGRADS2022": "Lung-RADS v2022",
    "BTS2015": "BTS 2015",
    "ACCP2013": "ACCP 2013",
    "NELSON": "NELSON",
    "EUPS2017": "EUPS 2017",
    "CHINA2024": "China 2024",
}
CONFERENCE: Final = "conference_"
HAN_LETTER: Final = re.compile(f"[{HAN}]")


def day(value: date | None) -> str:
    """Write a day in full, 18-Nov-2026 or 2026-11-18; a day that nobody knows is said to be unknown."""
    return formats.date_format(value, "DATE_FORMAT") if value else gettext("on an unknown day")


def volume(value_mm3: float) -> str:
    return as_reported(value_mm3, "1")


def millimetres(value_mm: float) -> str:
    return as_reported(value_mm, "0.1")


def half_width_95(standard_deviation: float, digits: str) -> str:
    """Write the half width of the 95 % interval that a standard deviation means."""
    return as_reported(Z_95 * standard_deviation, digits)


def percent_change(ratio: float) -> str:
    """Write a ratio as change: 1.36 becomes +36 %, 0.7 becomes −30 %."""
    change = round(100 * (ratio - 1))
    return f"{'+' if change > 0 else MINUS if change < 0 else ''}{abs(change)} %"


def probability(value: float) -> str:
    """Write a probability; a doubt never becomes 0 % or 100 %."""
    if value < 0.01:
        return gettext("less than 1 %")
    return gettext("more than 99 %") if value > 0.99 else f"{100 * value:.0f} %"


def person(name: str) -> str:
    """Write a DICOM person name as one addresses people: given name first, a Chinese name family first and unparted."""
    groups = [group.strip() for group in name.split("=")]
    ideographic = groups[1] if len(groups) > 1 else ""
    chosen = ideographic if ideographic and get_language() == "zh-hans" else groups[0] or ideographic
    family, _caret, given = (part.strip() for part in chosen.partition("^"))
    given = " ".join(part for part in given.split("^") if part)
    if HAN_LETTER.search(chosen):
        return f"{family}{given}"
    return f"{given} {family}".strip()


def attenuation(code: str) -> str:
    return str(Attenuation(code).label).lower() if code else ""


def comparison(word: str) -> str:
    return str(ComparisonWord(word).label)


def sex(code: str) -> str:
    return str(Sex(code).label)


def together(sentences: Iterable[str]) -> str:
    """Put sentences one after the other, with a space between them where the script has one."""
    return ("" if get_language() == "zh-hans" else " ").join(sentences)


def listed(*parts: str) -> str:
    """Put parts of a sentence one after the other with the comma of the script, without those that say nothing."""
    return ("，" if get_language() == "zh-hans" else ", ").join(filter(None, parts))


def lobe(code: str) -> str:
    return str(LOBE.get(code.upper(), code))


def guideline(code: str) -> str:
    return GUIDELINE.get(code, code)


def management(code: str) -> str:
    """Say a management as the guideline's own table words it; a clinician's own step has no code there."""
    row = MANAGEMENT.get(code)
    if row is None:
        conference = code.startswith(CONFERENCE)
        return gettext("as the conference decided.") if conference else gettext("as a clinician decided.")
    return row.zh if get_language() == "zh-hans" else row.en
