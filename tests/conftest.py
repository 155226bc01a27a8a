"""What every test shares."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Leave the tables to the server that goes away with the session.

    Dropping them asks that nobody is connected, and a test that kills processes may leave a session that the server has
    not yet missed. On a server that the environment names, the tables are dropped as usual.
    """
    return os.environ.get("NODULES_EMBEDDED") == "true"
