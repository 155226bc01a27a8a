"""Passwords of connections lie sealed, those stored before as well; a sign-in name is one person's in any capitals.

Safe while the product runs: both tables have a few hundred rows at most, and a varchar becomes a text without being
written anew. An older process that still runs can read no sealed password: its PACS refuses it, and the errand waits.
"""

import django.db.models.functions.text
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import Q

from nodules_app.services.sealing import SEALED, seal, unseal


def seal_what_lies_open(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    rows = apps.get_model("nodules_app", "Connection").objects.exclude(secret="")
    for row in rows.exclude(secret__startswith=SEALED).select_for_update():
        row.secret = seal(row.secret)
        row.save(update_fields=["secret"])


def open_what_is_sealed(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    for row in apps.get_model("nodules_app", "Connection").objects.filter(secret__startswith=SEALED):
        row.secret = unseal(row.secret)
        row.save(update_fields=["secret"])


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0036_retractions")]

    operations = [
        migrations.AlterField("connection", "secret", models.TextField(blank=True, verbose_name="password")),
        migrations.RunPython(seal_what_lies_open, open_what_is_sealed),
        migrations.AddConstraint(
            "connection",
            models.CheckConstraint(
                name="connection_secret_is_sealed", condition=Q(secret="") | Q(("secret__startswith", "sealed:"))
            ),
        ),
        migrations.AddConstraint(
            "user",
            models.UniqueConstraint(
                django.db.models.functions.text.Lower("username"), name="user_signs_in_by_own_name"
            ),
        ),
    ]
