"""Clinics, who has which role in which, and access in an emergency.

Safe while the product runs: it only adds. Programs that know no clinic go on writing patients without one until 0007,
and programs that know no single role may write people without it.
"""

import datetime
import uuid
from typing import Any

import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

import nodules_app.models.clinics

ROLES = [
    ("coordinator", "Coordinator"),
    ("radiologist", "Radiologist"),
    ("physician", "Chest physician"),
    ("chair", "MDT chair"),
    ("manager", "Programme manager"),
    ("auditor", "Auditor"),
    ("administrator", "Administrator"),
]


def key() -> models.BigAutoField:
    return models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


def to(model: str, related_name: str, **options: Any) -> models.ForeignKey:
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=model, **options
    )


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0005_findings_files")]
    operations = [
        migrations.CreateModel(
            name="Clinic",
            fields=[
                ("id", key()),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=120, unique=True, verbose_name="name")),
                ("time_zone", models.CharField(default="UTC", max_length=64, verbose_name="time zone")),
                (
                    "language",
                    models.CharField(
                        choices=[("en", "English"), ("zh-hans", "Simplified Chinese")],
                        default="en",
                        max_length=10,
                        verbose_name="language of messages",
                    ),
                ),
                (
                    "working_weekdays",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(
                            validators=[
                                django.core.validators.MinValueValidator(1),
                                django.core.validators.MaxValueValidator(7),
                            ]
                        ),
                        default=nodules_app.models.clinics.monday_to_friday,
                        size=None,
                        verbose_name="working days of the week",
                    ),
                ),
                ("quiet_from", models.TimeField(default=datetime.time(20, 0), verbose_name="no messages from")),
                ("quiet_until", models.TimeField(default=datetime.time(8, 0), verbose_name="no messages until")),
                ("reply_email", models.EmailField(blank=True, max_length=254, verbose_name="address for answers")),
                ("reply_phone", models.CharField(blank=True, max_length=40, verbose_name="telephone")),
                ("postal_address", models.TextField(blank=True, verbose_name="postal address")),
                ("on_call_email", models.EmailField(blank=True, max_length=254, verbose_name="address for alarms")),
                (
                    "guideline_incidental",
                    models.CharField(
                        default="FLEISCHNER2017", max_length=20, verbose_name="guideline for incidental findings"
                    ),
                ),
                (
                    "guideline_screening",
                    models.CharField(default="LUNGRADS2022", max_length=20, verbose_name="guideline for screening"),
                ),
                (
                    "signing_roles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(choices=ROLES, max_length=20),
                        default=nodules_app.models.clinics.clinicians,
                        size=None,
                        verbose_name="who signs a step",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=~models.Q(name=""), name="clinic_has_a_name"),
                    models.CheckConstraint(
                        condition=models.Q(working_weekdays__len__gt=0),
                        name="clinic_works_on_some_day",
                        violation_error_message="Choose at least one working day.",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="ClinicDay",
            fields=[
                ("id", key()),
                ("on", models.DateField(verbose_name="day")),
                ("is_working", models.BooleanField(default=False, verbose_name="a working day")),
                ("name", models.CharField(max_length=120, verbose_name="why")),
                ("clinic", to("nodules_app.clinic", "days")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("clinic", "on"),
                        name="clinic_day_is_said_once",
                        violation_error_message="This day is in the calendar already.",
                    )
                ]
            },
        ),
        migrations.CreateModel(
            name="Membership",
            fields=[
                ("id", key()),
                ("role", models.CharField(choices=ROLES, max_length=20, verbose_name="role")),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("clinic", to("nodules_app.clinic", "memberships")),
                ("user", to(settings.AUTH_USER_MODEL, "memberships")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(role__in=[role for role, _ in ROLES]), name="membership_has_a_known_role"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(ended_at__isnull=True),
                        fields=("user", "clinic", "role"),
                        name="membership_in_force_once",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="EmergencyAccess",
            fields=[
                ("id", key()),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("reason", models.TextField(verbose_name="why you must see this patient now")),
                (
                    "began_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
                ("until", models.DateTimeField()),
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                ("patient", to("nodules_app.patient", "emergency_accesses")),
                ("reviewed_by", to(settings.AUTH_USER_MODEL, "+", blank=True, null=True)),
                ("user", to(settings.AUTH_USER_MODEL, "+")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=~models.Q(reason=""),
                        name="emergency_access_has_a_reason",
                        violation_error_message="Say why; the auditor reads it.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(until__gt=models.F("began_at")), name="emergency_access_ends"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(reviewed_at__isnull=True, reviewed_by__isnull=True)
                        | models.Q(reviewed_at__isnull=False, reviewed_by__isnull=False),
                        name="emergency_access_is_reviewed_by_somebody",
                    ),
                ],
                "indexes": [models.Index(fields=["user", "until"], name="emergency_access_in_force")],
            },
        ),
        migrations.AddField("importbatch", "clinic", to("nodules_app.clinic", "+", null=True)),
        migrations.AddField("patient", "clinic", to("nodules_app.clinic", "patients", null=True)),
        migrations.AddField("user", "away_until", models.DateField(blank=True, null=True, verbose_name="away until")),
        migrations.AddField("user", "covered_by", to(settings.AUTH_USER_MODEL, "covers", blank=True, null=True)),
        migrations.AddConstraint(
            "user",
            models.CheckConstraint(
                condition=models.Q(covered_by__isnull=True) | ~models.Q(covered_by=models.F("id")),
                name="user_is_covered_by_another",
                violation_error_message="Choose a colleague.",
            ),
        ),
        migrations.AlterField(
            "user",
            "role",
            models.CharField(
                choices=ROLES[:5],
                default="coordinator",
                db_default="coordinator",
                max_length=20,
                verbose_name="role",
            ),
        ),
    ]
