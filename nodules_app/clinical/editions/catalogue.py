"""All editions by their code, and which a case gets when it names none."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nodules_app.clinical.case import Setting
from nodules_app.clinical.editions import (
    accp2013,
    bts2015_reading,
    china2024,
    eups2017,
    fleischner2017_judge,
    lungrads2022_judge,
    nelson,
    not_supported,
)
from nodules_app.clinical.editions.edition import Edition

EDITIONS: Final[Mapping[str, Edition]] = MappingProxyType(
    {
        edition.code: edition
        for edition in (
            fleischner2017_judge.EDITION,
            lungrads2022_judge.EDITION,
            bts2015_reading.EDITION,
            accp2013.EDITION,
            nelson.EDITION,
            eups2017.EDITION,
            china2024.EDITION,
            *not_supported.EDITIONS,
        )
    }
)

# Never an edition that rests on memory.
DEFAULTS: Final[Mapping[Setting, tuple[str, ...]]] = MappingProxyType(
    {Setting.SCREENING: ("LUNGRADS2022",), Setting.INCIDENTAL: ("FLEISCHNER2017", "BTS2015")}
)
