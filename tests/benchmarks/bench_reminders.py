"""How long one sweep over many due reminders takes, and how much memory it needs.

Run as ``python -m tests.benchmarks.bench_reminders [STEPS]`` (100,000 unless told). It starts a PostgreSQL of its own
and fills it with booked steps whose notice to the patient falls due today; the sweep writes one reminder each. The
second sweep, which finds nothing to do, is what runs every 15 minutes.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Final

from tests.benchmarks.bench_clinic import servers

NOTICE_DAYS: Final = 21  # before the booked day, in the middle tier
FILL: Final = """
SET LOCAL session_replication_role = replica;
INSERT INTO nodules_app_patient (id, code, created_at, clinic_id, issuer, identifier, name, birth_date, sex, setting)
SELECT n, gen_random_uuid(), now(), %(clinic)s, 'BENCH', 'SIM-' || n, 'Demo^Patient ' || n, '1958-03-14', 'male',
    'incidental' FROM generate_series(1, %(steps)s) n;
INSERT INTO nodules_app_followup (id, code, created_at, patient_id, kind, management, rule_id, state, due_from,
    target_on, due_until, booked_on, version, closing_reason)
SELECT n, gen_random_uuid(), now() - interval '160 days', n, 'ct', '', '', 'booked', %(day)s, %(day)s, %(day)s + 30,
    %(day)s, 1, '' FROM generate_series(1, %(steps)s) n;
INSERT INTO nodules_app_contactpoint (id, code, created_at, patient_id, of, kind, name, value, consented,
    failed_because)
SELECT n, gen_random_uuid(), now(), n, 'patient', 'post', '', 'Home Street ' || n, false, ''
FROM generate_series(1, %(steps)s) n;
"""


def main(steps: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction

    from nodules_app.models import Clinic, Reminder
    from nodules_app.services.reminders.sweep import sweep
    from tests.benchmarks.cpu import backend, family_s

    call_command("migrate", verbosity=0)
    clinic = Clinic.objects.create(name="Clinic", working_weekdays=[1, 2, 3, 4, 5, 6, 7], quiet_from="00:00")
    Clinic.objects.update(quiet_until="00:00")
    now = datetime.now(UTC).replace(hour=12)
    told = {"clinic": clinic.pk, "steps": steps, "day": now.date() + timedelta(days=NOTICE_DAYS)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FILL, told)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    for name in ("all due", "nothing due any more"):
        answering = backend()
        before, database_s = Reminder.objects.count(), family_s(answering)
        began, cpu_s = time.perf_counter(), time.process_time()
        sweep(now=now)
        took_s, worked_s = time.perf_counter() - began, time.process_time() - cpu_s
        database_s = family_s(answering) - database_s
        written = Reminder.objects.count() - before
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(  # noqa: T201
            f"{name}: {steps:,} steps, {written:,} reminders written in {took_s:.1f} s"
            f" (CPU: {worked_s:.1f} s of the process, {database_s:.1f} s of the database), peak memory {peak_mb:.0f} MB"
        )


if __name__ == "__main__":
    with servers():
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
