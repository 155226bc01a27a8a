"""Empty the tables after a test that really committed: those that it filled, and only those.

Django's own way truncates every table and then writes all content types and permissions anew, which costs a test of
this house more than most of what it does. A test fills few tables with few rows.
"""

from __future__ import annotations

from typing import Final

from django.db import connection
from django.test import TransactionTestCase

# Written once by the migrations' end and changed by no test.
KEPT: Final = ("django_migrations", "django_content_type", "auth_permission")
# As a replica no trigger and no foreign key speaks: rows that nobody may delete go as they would by TRUNCATE.
EMPTY_THE_FILLED: Final = """
DO $$
DECLARE
    of_table regclass;
    filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR of_table IN
        SELECT oid FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> ALL (ARRAY['{kept}'])
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %%s)', of_table) INTO filled;
        IF filled THEN
            EXECUTE format('DELETE FROM %%s', of_table);
        END IF;
    END LOOP;
END $$
"""


def empty_the_filled(_: TransactionTestCase) -> None:
    """Stand in for ``TransactionTestCase._fixture_teardown``."""
    empty_the_tables()


def empty_the_tables() -> None:
    """Leave no row but those of ``KEPT``."""
    with connection.cursor() as cursor:
        cursor.execute(EMPTY_THE_FILLED.format(kept="', '".join(KEPT)), [])
