"""Tables for what ends a step, for each change of a step, and for a clinic's own windows.

Safe while the product runs: it only adds columns that may be empty and widens what states may be. The guards and what
older rows lack come with 0009.
"""

import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import Q

OPEN = ["proposed", "planned", "booked", "not_attended", "deferred", "lost_suspected", "performed", "reported"]
ENDED = ["closed", "declined", "moved", "superseded", "cancelled"]
STATES = [(state, state) for state in OPEN + ENDED]
NODULE = ["candidate", "active", "not_a_nodule", "resolved", "resected", "discharged", "merged"]
EVIDENCE = [
    "examined",
    "signed",
    "discharged",
    "deceased",
    "declined",
    "withdrawn",
    "transferred",
    "superseded",
    "nothing_left",
    "entered_in_error",
]
KINDS = [
    ("review", "Review by a reader"),
    ("ct", "CT"),
    ("workup", "Work-up"),
    ("discharge", "Decide on discharge"),
]
WHY_OTHERWISE = [
    ("comorbidity", "Other illness weighs more"),
    ("wish", "The patient wishes it so"),
    ("looks_suspicious", "It looks more suspicious than its numbers"),
    ("looks_benign", "It looks benign"),
    ("infection", "Probably an infection: look again soon"),
    ("measurement", "The measurement is not to be trusted"),
    ("older_exam", "An older exam shows more"),
    ("other_guideline", "Another guideline fits better"),
    ("conference", "The conference decided so"),
    ("other", "Another reason, told below"),
]


def key():
    return ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID"))


def coded():
    return [
        key(),
        ("code", models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
        ("created_at", models.DateTimeField(auto_now_add=True)),
    ]


def to(model, related_name, **options):
    return models.ForeignKey(
        on_delete=django.db.models.deletion.PROTECT, related_name=related_name, to=model, **options
    )


def perhaps(model, related_name):
    return to(model, related_name, null=True, blank=True)


def text(name, max_length=200, **options):
    return models.CharField(max_length=max_length, verbose_name=name, **options)


def told(**blank_or_not: bool) -> Q:
    """Give the condition that these text columns say something."""
    condition = Q()
    for name, wanted in blank_or_not.items():
        condition &= ~Q(**{name: ""}) if wanted else Q(**{name: ""})
    return condition


COMPLETE = (
    Q(kind="examined", study__isnull=False, assessment__isnull=False)
    | Q(kind="superseded", newer__isnull=False)
    | Q(kind="transferred", by__isnull=False, transfer__isnull=False)
    | (Q(kind="declined", by__isnull=False, letter_on__isnull=False) & told(explained=True, reason=True))
    | (Q(kind="deceased", by__isnull=False) & told(source=True) & (told(second_source=True) | Q(signed=True)))
    | (
        Q(kind="discharged", by__isnull=False, signed=True)
        & told(reason=True)
        & (Q(assessment__isnull=False) | Q(overrides=True))
    )
    | (Q(kind="signed", by__isnull=False, signed=True) & told(reason=True))
    | (
        Q(
            kind__in=["withdrawn", "nothing_left", "entered_in_error"],
            by__isnull=False,
        )
        & told(reason=True)
    )
)


class Migration(migrations.Migration):
    dependencies = [("nodules_app", "0007_everybody_belongs_to_a_clinic")]
    operations = [
        migrations.CreateModel(
            name="Transfer",
            fields=[
                *coded(),
                ("patient", to("nodules_app.patient", "transfers")),
                ("organisation", text("receiving organisation")),
                ("recipient", text("who was asked there")),
                ("asked_on", models.DateField(verbose_name="asked on")),
                ("asked_by", to(settings.AUTH_USER_MODEL, "+")),
                ("acknowledged_on", models.DateField(blank=True, null=True, verbose_name="acknowledged on")),
                ("acknowledged_by", text("who acknowledged", blank=True)),
                ("taken_back_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=Q(acknowledged_on__isnull=True, taken_back_at__isnull=True),
                        fields=("patient",),
                        name="patient_has_one_transfer_in_progress",
                        violation_error_message=(
                            "Somebody was asked already. Record the answer, or take the request back."
                        ),
                    ),
                    models.CheckConstraint(
                        condition=~Q(organisation="") & ~Q(recipient=""), name="transfer_names_who_takes_over"
                    ),
                    models.CheckConstraint(
                        condition=Q(acknowledged_on__isnull=True, acknowledged_by="")
                        | (Q(acknowledged_on__isnull=False, taken_back_at__isnull=True) & ~Q(acknowledged_by="")),
                        name="transfer_is_acknowledged_by_somebody",
                    ),
                ]
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                *coded(),
                ("patient", to("nodules_app.patient", "evidence")),
                ("kind", models.CharField(choices=[(kind, kind) for kind in EVIDENCE], max_length=20)),
                ("on", models.DateField(verbose_name="day")),
                ("by", perhaps(settings.AUTH_USER_MODEL, "+")),
                ("signed", models.BooleanField(default=False)),
                ("reason", models.TextField(blank=True, verbose_name="reason")),
                ("study", perhaps("nodules_app.study", "+")),
                ("assessment", perhaps("nodules_app.assessment", "evidence")),
                ("overrides", models.BooleanField(default=False)),
                ("newer", perhaps("nodules_app.followup", "+")),
                ("transfer", perhaps("nodules_app.transfer", "+")),
                ("explained", models.TextField(blank=True, verbose_name="what was explained")),
                ("letter_on", models.DateField(blank=True, null=True, verbose_name="letter sent on")),
                ("offer_again_on", models.DateField(blank=True, null=True, verbose_name="offer again on")),
                ("source", text("source", blank=True)),
                ("second_source", text("second source", blank=True)),
            ],
            options={
                "verbose_name_plural": "evidence",
                "indexes": [models.Index(fields=["patient", "-id"], name="evidence_of_patient_latest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=COMPLETE,
                        name="evidence_is_complete",
                        violation_error_message="Something is missing that this way of ending needs.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FollowUpChange",
            fields=[
                key(),
                ("follow_up", to("nodules_app.followup", "changes")),
                ("version", models.PositiveIntegerField()),
                ("at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False)),
                ("by", perhaps(settings.AUTH_USER_MODEL, "+")),
                ("step", models.CharField(max_length=20)),
                ("from_state", models.CharField(blank=True, choices=STATES, max_length=20)),
                ("to_state", models.CharField(choices=STATES, max_length=20)),
                ("why", models.CharField(blank=True, max_length=2000)),
                ("facts", models.JSONField(default=dict)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("follow_up", "version"), name="follow_up_change_is_told_once")
                ]
            },
        ),
        migrations.CreateModel(
            name="StepWindow",
            fields=[
                key(),
                ("clinic", to("nodules_app.clinic", "step_windows")),
                ("kind", text("step", 12, choices=KINDS)),
                ("within_days", models.PositiveSmallIntegerField(verbose_name="days")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("clinic", "kind"), name="clinic_says_a_window_once"),
                    models.CheckConstraint(
                        condition=Q(within_days__gte=1, within_days__lte=365),
                        name="step_window_is_a_span_of_days",
                        violation_error_message="Give 1 to 365 days.",
                    ),
                ]
            },
        ),
        migrations.AddField("followup", "exam", perhaps("nodules_app.study", "follow_ups")),
        migrations.AddField("followup", "version", models.PositiveIntegerField(db_default=1, default=1)),
        migrations.AddField("followup", "evidence", perhaps("nodules_app.evidence", "ended_steps")),
        migrations.AddField("closure", "ended_because", models.CharField(blank=True, db_default="", max_length=300)),
        migrations.AddField(
            "decision",
            "reason_code",
            models.CharField(blank=True, choices=WHY_OTHERWISE, db_default="", max_length=20),
        ),
        # Never validated: decisions of before are append-only and have their words, but no place in the list.
        AddConstraintNotValid(
            "decision",
            models.CheckConstraint(
                condition=Q(overrides=False) | Q(reason_code__in=[code for code, _ in WHY_OTHERWISE]),
                name="decision_against_the_rule_can_be_counted",
                violation_error_message="Choose a reason from the list.",
            ),
        ),
        migrations.RemoveConstraint("nodule", "nodule_is_in_a_known_state"),
        migrations.AlterField(
            "nodule",
            "state",
            models.CharField(choices=[(state, state) for state in NODULE], default="active", max_length=20),
        ),
        AddConstraintNotValid(
            "nodule", models.CheckConstraint(condition=Q(state__in=NODULE), name="nodule_is_in_a_known_state")
        ),
        migrations.RemoveConstraint("followup", "follow_up_is_in_a_known_state"),
        migrations.AlterField("followup", "state", models.CharField(choices=STATES, default="proposed", max_length=20)),
        AddConstraintNotValid(
            "followup",
            models.CheckConstraint(condition=Q(state__in=OPEN + ENDED), name="follow_up_is_in_a_known_state"),
        ),
        migrations.RemoveConstraint("followup", "follow_up_closes_with_a_reason"),
        AddConstraintNotValid(
            "followup",
            models.CheckConstraint(
                condition=(Q(state__in=ENDED) & ~Q(closing_reason="") & Q(closed_at__isnull=False))
                | (~Q(state__in=ENDED) & Q(closing_reason="") & Q(closed_at__isnull=True)),
                name="follow_up_closes_with_a_reason",
                violation_error_message="Say why this step will not happen; the reason is kept with it.",
            ),
        ),
        AddConstraintNotValid(
            "followup",
            models.CheckConstraint(
                condition=~Q(state="reported") | Q(exam__isnull=False), name="follow_up_reported_names_its_exam"
            ),
        ),
    ]
