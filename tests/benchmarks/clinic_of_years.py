"""A large clinic with plausible ages of follow-up, written straight into the tables: for benchmarks, never for tests.

A patient has two nodules on five scans of the last years, four steps that ended and one that is open. Of the open steps
most lie ahead, a few per cent are overdue, some wait for a signature, a booking, a report. Triggers are off while the
rows go in; afterwards the database is asked whether anybody is lost, as it would be in a clinic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.db import connection, transaction


@dataclass(frozen=True, slots=True)
class Size:
    patients: int
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
)


def fill(clinic: int, *, patients: int) -> Size:
    """Write the clinic; every table gets its statistics, and its keys go on after the last one."""
    written = (
        FILL.read_text(encoding="utf-8").replace(":clinic", str(int(clinic))).replace(":patients", str(int(patients)))
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(written)
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(
                "SELECT setval(pg_get_serial_sequence(%s, 'id'), 10 * %s)", [f"nodules_app_{table}", patients + 1]
            )
        cursor.execute("VACUUM ANALYZE")
        cursor.execute("SELECT count(*) FROM nodules_app_followup")
        (follow_ups,) = cursor.fetchone()
        cursor.execute("SELECT count(*) FROM nodules_app_measurement")
        (measurements,) = cursor.fetchone()
    return Size(patients, follow_ups, measurements)
