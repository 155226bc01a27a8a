"""One clock for the product and its database, moved by the simulation.

Python asks ``django.utils.timezone.now`` and the database ``statement_timestamp()``: both are replaced, the second by a
schema that is searched before ``pg_catalog`` and, where a column's default was bound to the real one, by another one.
The clock of the process can be shifted against that of the database, as on a machine whose time was set wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

INSTALL = """
CREATE SCHEMA simulated;
CREATE TABLE simulated.clock (at timestamptz NOT NULL);
INSERT INTO simulated.clock VALUES (now());
CREATE FUNCTION simulated.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
    AS 'SELECT at FROM simulated.clock';
"""
DEFAULTS = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = 'public' AND column_default LIKE %s
"""
SEARCH = "simulated, public, pg_catalog"


class Clock:
    """What time it is in the simulation."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.shift = timedelta()

    def read(self) -> datetime:
        return self.now + self.shift

    def set(self, now: datetime) -> None:
        """Move on, or stay: true time never runs backwards; only a shift does."""
        self.now = max(self.now, now)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE simulated.clock SET at = %s", [self.now])


@contextmanager
def simulated(began: datetime) -> Iterator[Clock]:
    """Put the product and its database under one clock, and give them their own back."""
    clock, real = Clock(began), timezone.now
    with connection.cursor() as cursor:
        cursor.execute(INSTALL)
        columns = _use(cursor, "statement_timestamp()", "simulated.statement_timestamp()")
        cursor.execute("SELECT current_database()")
        (database,) = cursor.fetchone()
        cursor.execute(f'ALTER DATABASE "{database}" SET search_path = {SEARCH}')
    connection.close()
    timezone.now = clock.read
    try:
        clock.set(began)
        yield clock
    finally:
        timezone.now = real
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{database}" RESET search_path')
            cursor.execute("SET search_path = public")
            assert columns == _use(cursor, "simulated.statement_timestamp()", "statement_timestamp()")
            cursor.execute("DROP SCHEMA simulated CASCADE")
        connection.close()


def _use(cursor: CursorWrapper, before: str, after: str) -> int:
    cursor.execute(DEFAULTS, [f"%{before}%" if "." in before else "statement_timestamp()%"])
    columns = cursor.fetchall()
    for table, column in columns:
        cursor.execute(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET DEFAULT {after}')
    return len(columns)
