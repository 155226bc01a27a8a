"""Indexes of the worklist and of its search, built beside working writers.

The counts walk along two indexes without a look at the tables; that holds as long as vacuum keeps up, so these tables
are vacuumed after each fiftieth of their rows instead of each fifth.
"""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q

from nodules_app.models.patients import CHARACTERS, SEARCHED

OPEN = ["proposed", "planned", "booked", "not_attended", "deferred", "lost_suspected", "performed", "reported"]
VACUUM = "".join(
    f"ALTER TABLE nodules_app_{table} SET ({{}});\n" for table in ("followup", "followup_nodules", "patient", "nodule")
)
OFTEN = "autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("nodules_app", "0022_unread")]
    operations = [
        AddIndexConcurrently("patient", models.Index(fields=["id"], include=["clinic"], name="patient_in_clinic")),
        AddIndexConcurrently(
            "patient",
            django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(SEARCHED, name="gin_trgm_ops"),
                name="patient_is_searched_by_word",
            ),
        ),
        AddIndexConcurrently(
            "patient",
            django.contrib.postgres.indexes.GinIndex(CHARACTERS, name="patient_is_searched_in_han"),
        ),
        RemoveIndexConcurrently("patient", "patient_is_searched"),
        AddIndexConcurrently(
            "study",
            models.Index(condition=~Q(accession=""), fields=["accession"], name="study_by_accession"),
        ),
        AddIndexConcurrently(
            "run",
            models.Index(condition=Q(state__in=["refused", "failed"]), fields=["patient"], name="run_without_result"),
        ),
        AddIndexConcurrently(
            "reminder",
            models.Index(
                condition=Q(state__in=["failed", "bounced", "uncertain", "unknown"]),
                fields=["patient"],
                name="reminder_in_trouble",
            ),
        ),
        AddIndexConcurrently(
            "followup",
            models.Index(
                condition=Q(state__in=OPEN),
                fields=["patient"],
                include=["state", "kind", "due_from", "target_on", "due_until"],
                name="follow_up_open_of_patient",
            ),
        ),
        migrations.RunSQL(
            VACUUM.format(*[OFTEN] * 4),
            VACUUM.replace(
                " SET ({})", " RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_insert_scale_factor)"
            ),
        ),
    ]
