"""A large clinic with plausible ages of follow-up, written straight into the tables for benchmarks.

A patient has two nodules on five scans of the last years, four steps that ended and one that is open, or was
discharged after the last scan. Of the open steps most lie ahead, a few per cent are overdue, some wait for a signature,
a booking, a report. One in a hundred is new: a scan that nobody has read. A run measured each scan, somebody signed it
and told the patient, a conference met every week and meets now. A third of the patients have Chinese names. Triggers
are off while the rows go in; afterwards the database is asked whether anybody is lost, as it would be in a clinic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper


@dataclass(frozen=True, slots=True)
class Size:
    patients: int
    open_steps: int
    follow_ups: int
    measurements: int


FILL: Final = Path(__file__).with_suffix(".sql")
TABLES: Final = (
    "patient",
    "nodule",
    "study",
    "series",
    "scan",
    "finding",
    "measurement",
    "assessment",
    "evidence",
    "followup",
    "run",
    "closure",
    "reminder",
    "reading",
    "contactattempt",
    "decision",
    "mdtmeeting",
    "mdtcase",
    "mdtaction",
    "comparison",
    "noduleoutcome",
)
UNREAD: Final = 100  # one new patient, whose scan nobody has read, for so many


def fill(clinic: int, user: int, *, patients: int) -> Size:
    """Write the clinic; every table gets its statistics, and its keys go on after the last one."""
    written = FILL.read_text(encoding="utf-8")
    for name, number in {"clinic": clinic, "user": user, "patients": patients, "unread": patients // UNREAD}.items():
        written = written.replace(f":{name}", str(int(number)))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(written)
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, 'id'), 10 * %s)", [f"nodules_app_{table}", 2 * patients + 1]
            )
        cursor.execute("VACUUM ANALYZE")
        return Size(
            patients=_counted(cursor, "patient"),
            open_steps=_counted(cursor, "followup", "closed_at IS NULL"),
            follow_ups=_counted(cursor, "followup"),
            measurements=_counted(cursor, "measurement"),
        )


def _counted(cursor: CursorWrapper, table: str, condition: str = "true") -> int:
    cursor.execute(f"SELECT count(*) FROM nodules_app_{table} WHERE {condition}")  # noqa: S608 words of this file
    return int(cursor.fetchone()[0])
