"""Where people can be reached, ladders, reminders with every change of each, and batches of letters.

Safe while the product runs: it only adds. A step that ends or gets other days cancels what waits of its reminders in
the same transaction, whoever changes it: a trigger does it, so no service can forget.
"""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

# A task stands in the list until somebody acknowledges it, so it waits too.
PLAN_HAS_CHANGED = """
CREATE FUNCTION nodules_app_reminders_of_another_plan() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    ended boolean := NEW.state IN ('closed', 'declined', 'moved', 'superseded', 'cancelled');
    reason text := CASE WHEN ended THEN 'step_ended' ELSE 'replanned' END;
    in_force text := to_char(NEW.target_on, 'YYYYMMDD') || '-' || to_char(NEW.due_until, 'YYYYMMDD')
        || '-' || coalesce(to_char(NEW.booked_on, 'YYYYMMDD'), '');
BEGIN
    WITH waiting AS (
        SELECT id, state FROM nodules_app_reminder
        WHERE follow_up_id = NEW.id AND (ended OR plan <> in_force)
            AND (state = 'queued' OR state = 'delivered' AND channel = 'task')
        ORDER BY id FOR UPDATE
    ), gone AS (
        UPDATE nodules_app_reminder SET state = 'cancelled', why = reason
        WHERE id IN (SELECT id FROM waiting) RETURNING id
    )
    INSERT INTO nodules_app_reminderevent (reminder_id, step, from_state, to_state, why, facts)
    SELECT id, CASE WHEN state = 'queued' THEN 'cancel' ELSE 'settle' END, state, 'cancelled', reason, '{}'
    FROM waiting WHERE id IN (SELECT id FROM gone);
    RETURN NULL;
END $$;
CREATE TRIGGER reminders_of_another_plan
    AFTER UPDATE OF state, target_on, due_until, booked_on ON nodules_app_followup
    FOR EACH ROW EXECUTE FUNCTION nodules_app_reminders_of_another_plan();
"""
PLAN_HAS_CHANGED_GONE = """
DROP TRIGGER reminders_of_another_plan ON nodules_app_followup;
DROP FUNCTION nodules_app_reminders_of_another_plan();
"""

RECORDED_ONCE = ("reminderevent", "ladderversion")
APPEND_ONLY = "".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON nodules_app_{table} "
    "FOR EACH ROW EXECUTE FUNCTION nodules_app_append_only();\n"
    for table in RECORDED_ONCE
)
APPEND_ONLY_GONE = "".join(f"DROP TRIGGER append_only ON nodules_app_{table};\n" for table in RECORDED_ONCE)


class Migration(migrations.Migration):
    dependencies = [
        ("nodules_app", "0009_guards_of_steps"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactPoint",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "of",
                    models.CharField(
                        choices=[
                            ("patient", "Patient"),
                            ("referrer", "Referring physician"),
                            ("alternative", "Another person the patient named"),
                        ],
                        default="patient",
                        max_length=12,
                        verbose_name="whose",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("email", "E-mail"),
                            ("mobile", "Mobile number for messages"),
                            ("phone", "Telephone"),
                            ("post", "Postal address"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=120, verbose_name="name")),
                ("value", models.CharField(max_length=400, verbose_name="address or number")),
                ("consented", models.BooleanField(default=False, verbose_name="agreed to messages there")),
                ("verified_on", models.DateField(blank=True, null=True, verbose_name="verified on")),
                ("failed_at", models.DateTimeField(blank=True, null=True)),
                ("failed_because", models.CharField(blank=True, max_length=200)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="ContactPreference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "language",
                    models.CharField(
                        blank=True,
                        choices=[("en", "English"), ("zh-hans", "Simplified Chinese")],
                        max_length=10,
                        verbose_name="language",
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("email", "E-mail"),
                            ("mobile", "Mobile number for messages"),
                            ("phone", "Telephone"),
                            ("post", "Postal address"),
                        ],
                        max_length=8,
                        verbose_name="preferred way",
                    ),
                ),
                ("call_instead", models.BooleanField(default=False, verbose_name="call me instead of writing")),
                (
                    "do_not_contact",
                    models.CharField(blank=True, max_length=200, verbose_name="wants no contact, because"),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
        ),
        migrations.CreateModel(
            name="LadderVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("number", models.PositiveIntegerField()),
                ("rungs", models.JSONField()),
                (
                    "task_cap",
                    models.PositiveSmallIntegerField(default=25, verbose_name="most open tasks of one person"),
                ),
                ("why", models.CharField(max_length=300, verbose_name="why it was changed")),
            ],
        ),
        migrations.CreateModel(
            name="LetterBatch",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Reminder",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("key", models.CharField(max_length=160, unique=True)),
                ("plan", models.CharField(max_length=40)),
                ("rung", models.CharField(max_length=40)),
                ("tier", models.CharField(choices=[("H", "H"), ("M", "M"), ("L", "L")], max_length=1)),
                (
                    "recipient",
                    models.CharField(
                        choices=[
                            ("patient", "patient"),
                            ("referrer", "referrer"),
                            ("owner", "owner"),
                            ("coordinators", "coordinators"),
                            ("radiologists", "radiologists"),
                            ("physicians", "physicians"),
                            ("lead", "lead"),
                            ("manager", "manager"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[("email", "email"), ("letter", "letter"), ("message", "message"), ("task", "task")],
                        max_length=8,
                    ),
                ),
                ("planned_on", models.DateField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("suppressed", "suppressed"),
                            ("queued", "queued"),
                            ("sending", "sending"),
                            ("handed_over", "handed_over"),
                            ("delivered", "delivered"),
                            ("bounced", "bounced"),
                            ("uncertain", "uncertain"),
                            ("unknown", "unknown"),
                            ("failed", "failed"),
                            ("acknowledged", "acknowledged"),
                            ("cancelled", "cancelled"),
                        ],
                        default="queued",
                        max_length=12,
                    ),
                ),
                ("why", models.CharField(blank=True, max_length=30)),
                ("not_before", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("attempt", models.PositiveSmallIntegerField(default=0)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("language", models.CharField(blank=True, max_length=10)),
                ("template", models.CharField(blank=True, max_length=40)),
                ("text_sha256", models.CharField(blank=True, max_length=64)),
                ("provider_reference", models.CharField(blank=True, max_length=200)),
                ("handed_over_at", models.DateTimeField(blank=True, null=True)),
                ("answer_by", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("outcome", models.CharField(blank=True, max_length=20)),
                ("note", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="ReminderEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("step", models.CharField(max_length=20)),
                ("from_state", models.CharField(blank=True, max_length=12)),
                ("to_state", models.CharField(max_length=12)),
                ("why", models.CharField(blank=True, max_length=300)),
                ("facts", models.JSONField(default=dict)),
            ],
        ),
        migrations.AddField(
            model_name="contactpoint",
            name="by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="contactpoint",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="contact_points", to="nodules_app.patient"
            ),
        ),
        migrations.AddField(
            model_name="contactpreference",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="contactpreference",
            name="patient",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="contact_preference", to="nodules_app.patient"
            ),
        ),
        migrations.AddField(
            model_name="ladderversion",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="ladderversion",
            name="clinic",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="ladders", to="nodules_app.clinic"
            ),
        ),
        migrations.AddField(
            model_name="letterbatch",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="letterbatch",
            name="clinic",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="letter_batches", to="nodules_app.clinic"
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="acknowledged_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="assigned_to",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reminder_tasks",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="batch",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reminders",
                to="nodules_app.letterbatch",
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="clinic",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="nodules_app.clinic"
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="contact",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="nodules_app.contactpoint",
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="follow_up",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="reminders", to="nodules_app.followup"
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="ladder",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="nodules_app.ladderversion"
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="patient",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="reminders", to="nodules_app.patient"
            ),
        ),
        migrations.AddField(
            model_name="reminder",
            name="raised_from",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="raised",
                to="nodules_app.reminder",
            ),
        ),
        migrations.AddField(
            model_name="reminderevent",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="reminderevent",
            name="reminder",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="events", to="nodules_app.reminder"
            ),
        ),
        migrations.AddIndex(
            model_name="contactpoint",
            index=models.Index(
                condition=models.Q(("failed_at__isnull", True), ("retired_at__isnull", True)),
                fields=["patient", "of", "kind"],
                name="contact_point_in_use",
            ),
        ),
        migrations.AddConstraint(
            model_name="contactpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("value", ""), _negated=True), name="contact_point_is_not_empty"
            ),
        ),
        migrations.AddConstraint(
            model_name="contactpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("of__in", ["patient", "referrer", "alternative"])),
                name="contact_point_is_of_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="contactpoint",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["email", "mobile", "phone", "post"])), name="contact_point_has_a_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="ladderversion",
            constraint=models.UniqueConstraint(fields=("clinic", "number"), name="ladder_has_one_of_a_number"),
        ),
        migrations.AddConstraint(
            model_name="ladderversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("why", ""), _negated=True),
                name="ladder_says_why_it_changed",
                violation_error_message="Say why; the reason is kept with the version.",
            ),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(
                condition=models.Q(
                    (
                        "state__in",
                        (
                            "queued",
                            "sending",
                        ),
                    )
                ),
                fields=["not_before"],
                name="reminder_to_send",
            ),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(
                condition=models.Q(
                    models.Q(
                        ("channel", "task"),
                        ("state__in", ["delivered"]),
                    ),
                    (
                        "state__in",
                        (
                            "failed",
                            "bounced",
                            "uncertain",
                            "unknown",
                        ),
                    ),
                    _connector="OR",
                ),
                fields=["clinic", "planned_on"],
                name="reminder_for_a_person",
            ),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(fields=["follow_up", "plan"], name="reminder_of_follow_up"),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(fields=["patient", "-id"], name="reminder_of_patient_latest"),
        ),
        migrations.AddIndex(
            model_name="reminder",
            index=models.Index(
                condition=models.Q(("state", "handed_over")), fields=["handed_over_at"], name="reminder_unreceipted"
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "suppressed",
                            "queued",
                            "sending",
                            "handed_over",
                            "delivered",
                            "bounced",
                            "uncertain",
                            "unknown",
                            "failed",
                            "acknowledged",
                            "cancelled",
                        ],
                    )
                ),
                name="reminder_is_in_a_known_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("acknowledged_by__isnull", False),
                        ("state", "acknowledged"),
                    ),
                    models.Q(
                        models.Q(("state", "acknowledged"), _negated=True),
                        ("acknowledged_by__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="reminder_is_acknowledged_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "sending"), _negated=True),
                    ("lease_until__isnull", False),
                    _connector="OR",
                ),
                name="reminder_being_sent_has_a_lease",
            ),
        ),
        migrations.AddConstraint(
            model_name="reminder",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "state__in",
                            [
                                "suppressed",
                                "cancelled",
                            ],
                        ),
                        _negated=True,
                    ),
                    models.Q(("why", ""), _negated=True),
                    _connector="OR",
                ),
                name="reminder_not_sent_says_why",
            ),
        ),
        migrations.AddIndex(
            model_name="reminderevent",
            index=models.Index(fields=["reminder", "id"], name="reminder_event_in_order"),
        ),
        migrations.RunSQL(PLAN_HAS_CHANGED, PLAN_HAS_CHANGED_GONE),
        migrations.RunSQL(APPEND_ONLY, APPEND_ONLY_GONE),
    ]
