"""Finding patients by sound and with typing errors, who is at work on whom, and saved views."""

import uuid

import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models

from nodules_app.services.names import sounds_of


def say_sounds(apps, schema_editor):
    """Chinese names that are here already get their pinyin; a few thousand rows in one second."""
    patients = apps.get_model("nodules_app", "Patient").objects.filter(name__regex="[\u3400-\u9fff]")
    for patient in patients.only("name").iterator(2000):
        patient.sounds = sounds_of(patient.name)
        patient.save(update_fields=["sounds"])


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0013_reminders_keep_their_words"),
    ]

    operations = [
        TrigramExtension(),
        migrations.CreateModel(
            name="Claim",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.CharField(max_length=500)),
            ],
        ),
        migrations.AddField(
            model_name="patient",
            name="sounds",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddIndex(
            model_name="followup",
            index=models.Index(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "proposed",
                            "planned",
                            "booked",
                            "not_attended",
                            "deferred",
                            "lost_suspected",
                            "performed",
                            "reported",
                        ),
                    )
                ),
                fields=["state", "due_until"],
                name="follow_up_by_state",
            ),
        ),
        migrations.AddIndex(
            model_name="patient",
            index=models.Index(fields=["birth_date"], name="patient_by_day_of_birth"),
        ),
        migrations.AddIndex(
            model_name="patient",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Lower(
                        django.db.models.functions.text.Concat(
                            "name",
                            models.Value(" "),
                            "identifier",
                            models.Value(" "),
                            "sounds",
                            output_field=models.CharField(),
                        ),
                        output_field=models.CharField(),
                    ),
                    name="gin_trgm_ops",
                ),
                name="patient_is_searched",
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="claims", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="claim",
            name="patient",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="claim", to="nodules_app.patient"
            ),
        ),
        migrations.AddField(
            model_name="savedview",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="saved_views", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                fields=("by", "name"),
                name="saved_view_has_its_own_name",
                violation_error_message="You have a view of that name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="saved_view_has_a_name"
            ),
        ),
        migrations.RunPython(say_sounds, migrations.RunPython.noop),
    ]
