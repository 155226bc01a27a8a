"""A clinic's own list: its file and columns, what was found of each line, and what was taken over. New tables only."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

GUARDS = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_listentry
    FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();
CREATE TRIGGER joined_record_takes_nothing_new BEFORE INSERT OR UPDATE OF patient_id ON nodules_app_listentry
    FOR EACH ROW EXECUTE FUNCTION nodules_app_joined_takes_nothing_new();
"""
GUARDS_GONE = """
DROP TRIGGER joined_record_takes_nothing_new ON nodules_app_listentry;
DROP TRIGGER append_only ON nodules_app_listentry;
"""
KEY = ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))
CODE = ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True))
CREATED_AT = ("created_at", models.DateTimeField(auto_now_add=True))
RUN_KINDS = [
    ("intake", "Read the files"),
    ("lungs", "Find the lungs"),
    ("register", "Register prior and current"),
    ("match", "Find each nodule again"),
    ("measure", "Measure"),
    ("growth", "Compute growth"),
    ("assess", "Ask the guidelines"),
    ("plan", "Plan the next step"),
    ("propose", "Look for further nodules"),
    ("show", "Get the images ready"),
    ("check-list", "Check a list"),
    ("store-list", "Take over a list"),
]
VERDICTS = [
    ("new", "New patient"),
    ("changed", "Known, something new"),
    ("unchanged", "Known, nothing new"),
    ("repeated", "Said by another line"),
    ("held", "Held for your word"),
    ("refused", "To be mended"),
]


def reference(to, on_delete=django.db.models.deletion.PROTECT, **options):
    return models.ForeignKey(on_delete=on_delete, to=to, **options)


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0029_reports")]

    operations = [
        migrations.AlterField("run", "kind", models.CharField(choices=RUN_KINDS, max_length=12)),
        migrations.CreateModel(
            name="SpreadsheetColumns",
            fields=[
                KEY,
                ("headings_key", models.CharField(max_length=64)),
                ("columns", models.JSONField(default=dict)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("by", reference(settings.AUTH_USER_MODEL, related_name="+")),
                ("clinic", reference("nodules_app.clinic", related_name="+")),
            ],
            options={
                "verbose_name_plural": "spreadsheet columns",
                "constraints": [
                    models.UniqueConstraint(fields=("clinic", "headings_key"), name="columns_are_kept_once_a_clinic")
                ],
            },
        ),
        migrations.CreateModel(
            name="Spreadsheet",
            fields=[
                KEY,
                CODE,
                CREATED_AT,
                ("heads", models.JSONField(default=list)),
                ("reading", models.JSONField(default=dict)),
                ("checked_at", models.DateTimeField(blank=True, null=True)),
                ("stored_at", models.DateTimeField(blank=True, null=True)),
                ("discarded_at", models.DateTimeField(blank=True, null=True)),
                (
                    "batch",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="spreadsheet",
                        to="nodules_app.importbatch",
                    ),
                ),
                ("stored_by", reference(settings.AUTH_USER_MODEL, blank=True, null=True, related_name="+")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("stored_at__isnull", True), ("stored_by__isnull", True)),
                            models.Q(
                                ("checked_at__isnull", False),
                                ("stored_at__isnull", False),
                                ("stored_by__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="spreadsheet_is_stored_by_somebody",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("stored_at__isnull", True), ("discarded_at__isnull", True), _connector="OR"
                        ),
                        name="spreadsheet_is_not_stored_and_discarded",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SpreadsheetLine",
            fields=[
                KEY,
                ("number", models.PositiveIntegerField()),
                ("verdict", models.CharField(choices=VERDICTS, max_length=10)),
                ("facts", models.JSONField(default=dict)),
                ("told", models.JSONField(default=list)),
                (
                    "known",
                    reference(
                        "nodules_app.patient",
                        django.db.models.deletion.SET_NULL,
                        blank=True,
                        null=True,
                        related_name="+",
                    ),
                ),
                (
                    "spreadsheet",
                    reference("nodules_app.spreadsheet", django.db.models.deletion.CASCADE, related_name="lines"),
                ),
                ("taken_by", reference(settings.AUTH_USER_MODEL, blank=True, null=True, related_name="+")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("spreadsheet", "number"), name="line_is_judged_once"),
                    models.CheckConstraint(
                        condition=models.Q(("verdict__in", [verdict for verdict, _ in VERDICTS])),
                        name="line_has_a_known_verdict",
                    ),
                ],
                "indexes": [models.Index(fields=["spreadsheet", "verdict", "number"], name="line_of_a_verdict")],
            },
        ),
        migrations.CreateModel(
            name="ListEntry",
            fields=[
                KEY,
                CODE,
                CREATED_AT,
                ("line", models.PositiveIntegerField()),
                ("key", models.CharField(max_length=80)),
                ("seen_on", models.DateField(blank=True, null=True)),
                ("size_mm", models.FloatField(blank=True, null=True)),
                ("size_sd_mm", models.FloatField(blank=True, null=True)),
                (
                    "attenuation",
                    models.CharField(
                        blank=True,
                        choices=[("solid", "Solid"), ("part_solid", "Part-solid"), ("ground_glass", "Ground glass")],
                        max_length=20,
                    ),
                ),
                ("lobe", models.CharField(blank=True, max_length=12)),
                ("last_scan_on", models.DateField(blank=True, null=True)),
                ("note", models.CharField(blank=True, max_length=2000)),
                ("said", models.JSONField(default=dict)),
                ("nodule", reference("nodules_app.nodule", blank=True, null=True, related_name="list_entries")),
                ("patient", reference("nodules_app.patient", related_name="list_entries")),
                ("spreadsheet", reference("nodules_app.spreadsheet", related_name="entries")),
            ],
            options={
                "verbose_name_plural": "list entries",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("size_mm__isnull", True), ("size_sd_mm__isnull", True)),
                            models.Q(("size_mm__gt", 0), ("size_sd_mm__gt", 0)),
                            _connector="OR",
                        ),
                        name="list_size_has_an_error",
                    )
                ],
                "indexes": [models.Index(fields=["patient", "key", "-id"], name="list_entry_latest_first")],
            },
        ),
        migrations.RunSQL(GUARDS, GUARDS_GONE),
    ]
