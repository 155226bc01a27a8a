"""Which kind of file it is, told by its bytes and never by its name."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from nodules_app.exchange.spreadsheet_reading.cells import Line, Sheet
from nodules_app.exchange.spreadsheet_reading.errors import EmptyFile, FileTooLarge, OldExcel, PasswordProtected
from nodules_app.exchange.spreadsheet_reading.from_csv import look_at_csv, read_csv
from nodules_app.exchange.spreadsheet_reading.from_xlsx import look_at_xlsx, read_xlsx

LIMIT_BYTES: Final = 32 << 20
ZIP: Final = b"PK\x03\x04"
OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")  # the container of .xls, and of an encrypted .xlsx (MS-OFFCRYPTO 2.3)
ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")


def look_at(path: Path) -> tuple[Sheet, ...]:
    """Give the tables of a file with their first lines. Raises a ``FileRefused``."""
    return look_at_xlsx(path) if _is_workbook(path) else look_at_csv(path)


def read(path: Path, sheet: str) -> Iterator[Line]:
    """Give every line of one table that holds something. Raises a ``FileRefused``."""
    return read_xlsx(path, sheet) if _is_workbook(path) else read_csv(path)


def _is_workbook(path: Path) -> bool:
    size = path.stat().st_size
    if size == 0:
        raise EmptyFile
    if size > LIMIT_BYTES:
        raise FileTooLarge(sent_mb=size >> 20, limit_mb=LIMIT_BYTES >> 20)
    with path.open("rb") as file:
        head = file.read(len(OLE))
        if head == OLE:
            raise PasswordProtected if ENCRYPTED in file.read() else OldExcel
    return head.startswith(ZIP)
