"""Which tables gave an answer: the version, and a hash of everything in them that can change an answer or its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from functools import cache
from types import ModuleType
from typing import Final

from nodules_app.clinical import eligibility, growth
from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.editions import (
    bts2015,
    china2024,
    fleischner2017,
    fleischner_risk,
    lungrads2022,
    lungrads2022_reading,
    lungrads2022_status,
)
from nodules_app.clinical.editions.catalogue import DEFAULTS, EDITIONS
from nodules_app.clinical.editions.edition import Edition
from nodules_app.clinical.management import MANAGEMENT
from nodules_app.clinical.risk import brock, herder, mayo, pkuph, plcom2012, va

# Modules whose constants are numbers or lists that decide.
_MODULES: Final = (
    eligibility,
    growth,
    bts2015,
    china2024,
    fleischner2017,
    fleischner_risk,
    lungrads2022,
    lungrads2022_reading,
    lungrads2022_status,
    brock,
    herder,
    mayo,
    pkuph,
    plcom2012,
    va,
)


@cache
def ruleset_hash() -> str:
    """SHA-256 (hex) of the tables: rows, schedules, coefficients, thresholds, management texts.

    Two programs with the same hash give the same answers from their tables; a changed bound, window, source, text or
    coefficient changes it.
    """
    content = {
        "version": RULESET_VERSION,
        "editions": {code: [edition.edition, edition.rules] for code, edition in EDITIONS.items()},
        "defaults": DEFAULTS,
        "management": MANAGEMENT,
        "constants": {module.__name__: _constants(module) for module in _MODULES},
    }
    text = json.dumps(_plain(content), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _constants(module: ModuleType) -> dict[str, object]:
    return {
        name: value
        for name, value in vars(module).items()
        if name.isupper() and not name.startswith("_") and not isinstance(value, Edition)
    }


def _plain(value: object) -> object:
    """Tables as JSON in one fixed order."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(str(item) for item in value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, str | int | Decimal):
        return str(value)
    raise TypeError(f"no table holds a {type(value).__name__}")  # its text might differ from run to run
