"""Whoever and whatever was here before there were clinics belongs to one, and from now on nothing goes without.

Every program that ran before 0006 must have ended. Rows are filled a few thousand at a time, each batch a transaction
of its own, so that nobody at work waits; the column is then checked without a lock that stops writers.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps as Apps

ROWS_AT_ONCE = 5000
OF_A_CLINIC = ("patient", "importbatch")

MEMBERSHIPS = """
INSERT INTO nodules_app_membership (user_id, clinic_id, role)
SELECT u.id, %s, u.role FROM nodules_app_user u
WHERE NOT EXISTS (SELECT 1 FROM nodules_app_membership m WHERE m.user_id = u.id)
"""


def fill(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    """Give a default clinic to what has none; an empty installation gets its first clinic when it is set up."""
    clinics = apps.get_model("nodules_app", "Clinic").objects
    lacking = [apps.get_model("nodules_app", model).objects.filter(clinic=None) for model in OF_A_CLINIC]
    people = apps.get_model("nodules_app", "User").objects.filter(memberships=None)
    if not people.exists() and not any(rows.exists() for rows in lacking):
        return
    clinic = clinics.order_by("pk").first() or clinics.create(name="Clinic", time_zone=settings.TIME_ZONE)
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(MEMBERSHIPS, [clinic.pk])
    for rows in lacking:
        while keys := list(rows.order_by("pk").values_list("pk", flat=True)[:ROWS_AT_ONCE]):
            rows.filter(pk__in=keys).update(clinic=clinic)


def required(table: str) -> list[migrations.RunSQL]:
    """Require the clinic; the check is validated beside working writers, and spares SET NOT NULL its scan."""
    name = f"{table}_has_a_clinic"
    table = f"nodules_app_{table}"
    return [
        migrations.RunSQL(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK (clinic_id IS NOT NULL) NOT VALID;",
            f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name};",
        ),
        migrations.RunSQL(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};", migrations.RunSQL.noop),
        migrations.RunSQL(
            f"ALTER TABLE {table} ALTER COLUMN clinic_id SET NOT NULL, DROP CONSTRAINT {name};",
            f"ALTER TABLE {table} ALTER COLUMN clinic_id DROP NOT NULL;",
        ),
    ]


def of_a_clinic(related_name: str) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to="nodules_app.clinic"
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("nodules_app", "0006_clinics")]
    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.SeparateDatabaseAndState(
            database_operations=[*required("patient"), *required("importbatch")],
            state_operations=[
                migrations.AlterField("patient", "clinic", of_a_clinic("patients")),
                migrations.AlterField("importbatch", "clinic", of_a_clinic("+")),
            ],
        ),
        migrations.RemoveConstraint("user", "user_has_a_known_role"),
        migrations.RemoveField("user", "role"),
    ]
