"""What every test shares."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.test import TransactionTestCase, override_settings

from tests.emptying import empty_the_filled


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """Leave the tables to the server that goes away with the session.

    Dropping them asks that nobody is connected, and a test that kills processes may leave a session that the server has
    not yet missed. On a server that the environment names, the tables are dropped as usual.
    """
    return os.environ.get("NODULES_EMBEDDED") == "true"


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None) -> Iterator[None]:
    """Make the tables as usual; then empty them our way, and hash passwords fast.

    The real hash takes a third of a second on purpose, and most tests make somebody.
    """
    quick = override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"])
    with quick, pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", empty_the_filled)
        yield
