"""PACS that the product talks to, what is under way to and from them, and what has passed: four new tables."""

import uuid

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import nodules_app.lifecycles


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0030_lists"),
    ]

    operations = [
        migrations.CreateModel(
            name="Connection",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("name", models.CharField(max_length=80, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[("dimse", "DICOM (DIMSE)"), ("dicomweb", "DICOMweb")],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                (
                    "title",
                    models.CharField(
                        blank=True,
                        max_length=16,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[\\x21-\\x5b\\x5d-\\x7e]([\\x20-\\x5b\\x5d-\\x7e]{0,14}[\\x21-\\x5b\\x5d-\\x7e])?$"
                            )
                        ],
                        verbose_name="its AE title",
                    ),
                ),
                (
                    "own_title",
                    models.CharField(
                        blank=True,
                        max_length=16,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[\\x21-\\x5b\\x5d-\\x7e]([\\x20-\\x5b\\x5d-\\x7e]{0,14}[\\x21-\\x5b\\x5d-\\x7e])?$"
                            )
                        ],
                        verbose_name="our AE title there",
                    ),
                ),
                ("host", models.CharField(blank=True, max_length=253, verbose_name="host")),
                (
                    "port",
                    models.PositiveIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(65535),
                        ],
                        verbose_name="port",
                    ),
                ),
                ("url", models.CharField(blank=True, max_length=300, verbose_name="address")),
                ("tls", models.BooleanField(default=False, verbose_name="encrypted (TLS)")),
                ("user", models.CharField(blank=True, max_length=120, verbose_name="user name")),
                ("secret", models.CharField(blank=True, max_length=300, verbose_name="password")),
                ("networks", models.CharField(blank=True, max_length=300, verbose_name="calls from")),
                ("receives", models.BooleanField(default=False, verbose_name="may send to us")),
                ("queries", models.BooleanField(default=False, verbose_name="is asked for earlier exams")),
                ("sends", models.BooleanField(default=False, verbose_name="gets signed results")),
                (
                    "retrieve_by",
                    models.CharField(
                        choices=[("move", "C-MOVE: the PACS calls us"), ("get", "C-GET: over our own call")],
                        default="move",
                        max_length=4,
                        verbose_name="how exams are brought",
                    ),
                ),
                (
                    "priors",
                    models.PositiveSmallIntegerField(
                        default=3,
                        validators=[django.core.validators.MaxValueValidator(20)],
                        verbose_name="earlier exams brought by themselves",
                    ),
                ),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                ("tested_at", models.DateTimeField(blank=True, null=True)),
                ("test_refusal", models.JSONField(blank=True, null=True)),
                (
                    "clinic",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="connections", to="nodules_app.clinic"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Passed",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("received", "Received"),
                            ("queried", "Asked"),
                            ("retrieved", "Brought"),
                            ("sent", "Sent"),
                            ("refused", "Refused"),
                            ("broken_off", "Broke off"),
                        ],
                        max_length=10,
                    ),
                ),
                ("study_uid", models.CharField(blank=True, max_length=64)),
                ("instances", models.PositiveIntegerField(default=0)),
                ("size_bytes", models.PositiveBigIntegerField(default=0)),
                ("known", models.PositiveIntegerField(default=0)),
                ("aside", models.PositiveIntegerField(default=0)),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("refusal", models.JSONField(blank=True, null=True)),
                (
                    "batch",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="nodules_app.importbatch",
                    ),
                ),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="log", to="nodules_app.connection"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "passed",
            },
        ),
        migrations.CreateModel(
            name="PriorSearch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("working", "working"),
                            ("done", "done"),
                            ("given_up", "given_up"),
                            ("dropped", "dropped"),
                        ],
                        default=nodules_app.lifecycles.ErrandState["QUEUED"],
                        max_length=10,
                    ),
                ),
                ("not_before", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("give_up_at", models.DateTimeField()),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("refusal", models.JSONField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("found", models.PositiveIntegerField(default=0)),
                ("chosen", models.PositiveIntegerField(default=0)),
                ("brought", models.PositiveIntegerField(default=0)),
                ("left_out", models.JSONField(default=dict)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="nodules_app.connection",
                    ),
                ),
                (
                    "study",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prior_searches",
                        to="nodules_app.study",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "prior searches",
            },
        ),
        migrations.CreateModel(
            name="Sending",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("queued", "queued"),
                            ("working", "working"),
                            ("done", "done"),
                            ("given_up", "given_up"),
                            ("dropped", "dropped"),
                        ],
                        default=nodules_app.lifecycles.ErrandState["QUEUED"],
                        max_length=10,
                    ),
                ),
                ("not_before", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("give_up_at", models.DateTimeField()),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("refusal", models.JSONField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("path", models.CharField(blank=True, max_length=1000)),
                ("instances", models.PositiveIntegerField(default=0)),
                (
                    "connection",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="nodules_app.connection",
                    ),
                ),
                (
                    "reading",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sendings",
                        to="nodules_app.reading",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.UniqueConstraint(
                condition=models.Q(("retired_at__isnull", True)),
                fields=("clinic", "name"),
                name="connection_has_its_own_name",
                violation_error_message="This clinic has a connection of that name already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.UniqueConstraint(
                condition=models.Q(("receives", True), ("retired_at__isnull", True)),
                fields=("title",),
                name="calling_title_is_one_connection",
                violation_error_message="Another connection receives from this AE title already.",
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["dimse", "dicomweb"])), name="connection_is_of_a_known_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "dicomweb"), _negated=True), models.Q(("url", ""), _negated=True), _connector="OR"
                ),
                name="dicomweb_has_an_address",
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(models.Q(("kind", "dicomweb"), _negated=True), ("receives", False), _connector="OR"),
                name="dicomweb_does_not_call_us",
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "dimse"), _negated=True), models.Q(("title", ""), _negated=True), _connector="OR"
                ),
                name="dimse_has_a_title",
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "dimse"), _negated=True),
                    models.Q(("queries", False), ("sends", False)),
                    models.Q(models.Q(("host", ""), _negated=True), ("port__isnull", False)),
                    _connector="OR",
                ),
                name="dimse_that_is_called_has_a_place",
            ),
        ),
        migrations.AddConstraint(
            model_name="connection",
            constraint=models.CheckConstraint(condition=models.Q(("priors__lte", 20)), name="priors_are_few"),
        ),
        migrations.AddIndex(
            model_name="passed",
            index=models.Index(fields=["connection", "-id"], name="passed_latest_first"),
        ),
        migrations.AddConstraint(
            model_name="passed",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["received", "queried", "retrieved", "sent", "refused", "broken_off"])),
                name="passed_is_of_a_known_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="passed",
            constraint=models.CheckConstraint(
                condition=models.Q(("ended_at__gte", models.F("began_at"))), name="passed_ends_after_it_began"
            ),
        ),
        migrations.AddIndex(
            model_name="priorsearch",
            index=models.Index(
                condition=models.Q(
                    (
                        "state__in",
                        (nodules_app.lifecycles.ErrandState["QUEUED"], nodules_app.lifecycles.ErrandState["WORKING"]),
                    )
                ),
                fields=["not_before"],
                name="prior_search_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="priorsearch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            nodules_app.lifecycles.ErrandState["QUEUED"],
                            nodules_app.lifecycles.ErrandState["WORKING"],
                            nodules_app.lifecycles.ErrandState["DONE"],
                            nodules_app.lifecycles.ErrandState["GIVEN_UP"],
                            nodules_app.lifecycles.ErrandState["DROPPED"],
                        ],
                    )
                ),
                name="prior_search_is_in_a_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="priorsearch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", nodules_app.lifecycles.ErrandState["WORKING"]), _negated=True),
                    ("lease_until__isnull", False),
                    _connector="OR",
                ),
                name="prior_search_under_way_has_a_lease",
            ),
        ),
        migrations.AddConstraint(
            model_name="priorsearch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", nodules_app.lifecycles.ErrandState["GIVEN_UP"]), _negated=True),
                    ("refusal__isnull", False),
                    _connector="OR",
                ),
                name="prior_search_given_up_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="priorsearch",
            constraint=models.UniqueConstraint(
                fields=("study", "connection"), name="priors_are_sought_once_a_connection"
            ),
        ),
        migrations.AddIndex(
            model_name="sending",
            index=models.Index(
                condition=models.Q(
                    (
                        "state__in",
                        (nodules_app.lifecycles.ErrandState["QUEUED"], nodules_app.lifecycles.ErrandState["WORKING"]),
                    )
                ),
                fields=["not_before"],
                name="sending_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="sending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            nodules_app.lifecycles.ErrandState["QUEUED"],
                            nodules_app.lifecycles.ErrandState["WORKING"],
                            nodules_app.lifecycles.ErrandState["DONE"],
                            nodules_app.lifecycles.ErrandState["GIVEN_UP"],
                            nodules_app.lifecycles.ErrandState["DROPPED"],
                        ],
                    )
                ),
                name="sending_is_in_a_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="sending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", nodules_app.lifecycles.ErrandState["WORKING"]), _negated=True),
                    ("lease_until__isnull", False),
                    _connector="OR",
                ),
                name="sending_under_way_has_a_lease",
            ),
        ),
        migrations.AddConstraint(
            model_name="sending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", nodules_app.lifecycles.ErrandState["GIVEN_UP"]), _negated=True),
                    ("refusal__isnull", False),
                    _connector="OR",
                ),
                name="sending_given_up_says_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="sending",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("reading__isnull", False), ("path", "")),
                    models.Q(("reading__isnull", True), models.Q(("path", ""), _negated=True)),
                    _connector="OR",
                ),
                name="sending_is_a_reading_or_a_file",
            ),
        ),
        migrations.AddConstraint(
            model_name="sending",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", nodules_app.lifecycles.ErrandState["QUEUED"])),
                fields=("reading", "path", "connection"),
                name="reading_is_queued_once_a_connection",
                nulls_distinct=False,
            ),
        ),
    ]
