"""Drawn chests that several tests read; drawn and registered once."""

from __future__ import annotations

import pytest

from registration.register import Registration, register
from registration.volume import Volume
from tests.unit.registration.chest import ChestPair, draw_chest, make_pair


@pytest.fixture(scope="session")
def still_chest() -> Volume:
    return draw_chest()


@pytest.fixture(scope="session")
def chest_pair() -> ChestPair:
    return make_pair()


@pytest.fixture(scope="session")
def chest_registration(chest_pair: ChestPair) -> Registration:
    return register(chest_pair.prior, chest_pair.current)
