"""What was dear to make, rows and files together, brought back for every test that begins with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from django.db import connection, transaction
from django.test import override_settings

from tests.emptying import KEPT

NO_ROWS: Final = 21  # bytes of a binary copy that holds none: its header and its end
FOLDERS: Final = {"ARCHIVE_DIR": "archive", "CACHE_DIR": "cache", "INBOX_DIR": "inbox"}


@dataclass(frozen=True)
class Moment:
    """All rows of the database, as the server itself writes them, and the folder of their files."""

    rows: Mapping[str, bytes]
    folder: Path

    def bring_back(self, folder: Path) -> None:
        """Fill the empty tables again, and copy the files to where the settings of this test look for them."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")  # no trigger and no foreign key speaks
            for table, content in self.rows.items():
                cursor.copy_expert(f"COPY {table} FROM STDIN (FORMAT binary)", BytesIO(content))


@contextmanager
def files_under(folder: Path) -> Iterator[None]:
    """Let the product keep its files there."""
    with override_settings(**{setting: folder / name for setting, name in FOLDERS.items()}):
        yield


def keep(folder: Path) -> Moment:
    """Read every row that is committed. Keys given later are higher: sequences are never set back."""
    rows: dict[str, bytes] = {}
    with connection.cursor() as cursor:
        for table in set(connection.introspection.table_names(cursor)) - set(KEPT):
            content = BytesIO()
            cursor.copy_expert(f"COPY {table} TO STDOUT (FORMAT binary)", content)
            rows[table] = content.getvalue()
    return Moment({table: content for table, content in rows.items() if len(content) > NO_ROWS}, folder)
