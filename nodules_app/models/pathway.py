"""What the guidelines said, what a clinician decided, what the patient is owed, and why nothing is owed."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import OPEN_FOLLOW_UP, FollowUpState
from nodules_app.models.nodules import Nodule
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow, choices


class Assessment(CodedRow):
    """What one edition of one guideline says of a patient on a date. Append-only; the latest of a guideline holds.

    ``inputs`` is the case as the clinical core was given it and ``answer`` what it said, so that the answer can be
    replayed bit for bit; both are JSON because nothing in them is queried.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="assessments")
    exam_on = models.DateField()
    guideline = models.CharField(max_length=20)
    edition = models.CharField(max_length=40)
    ruleset_version = models.CharField(max_length=10)
    rule_id = models.CharField(max_length=80)
    management = models.CharField(max_length=60)
    inputs = models.JSONField()
    answer = models.JSONField()
    lead = models.ForeignKey(Nodule, models.PROTECT, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(name="assessment_latest_first", fields=["patient", "guideline", "-id"])]

    def __str__(self) -> str:
        return f"assessment {self.code}"


class Decision(CodedRow):
    """A clinician accepts a recommendation or overrides it with a reason. Append-only."""

    assessment = models.ForeignKey(Assessment, models.PROTECT, related_name="decisions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions")
    management = models.CharField(max_length=60)
    overrides = models.BooleanField(default=False)
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="decision_against_the_rule_has_a_reason",
                condition=Q(overrides=False) | ~Q(reason=""),
                violation_error_message=_("Say why; the reason is kept with the decision."),
            ),
        ]

    def __str__(self) -> str:
        return f"decision {self.code}"


class FollowUpKind(models.TextChoices):
    """What the patient is owed."""

    REVIEW = "review", _("Review by a reader")  # a person must look: results pending, refused, or not measurable
    CT = "ct", _("CT")
    WORKUP = "workup", _("Work-up")
    DISCHARGE = "discharge", _("Decide on discharge")  # the rules see no need; a clinician must say so


class FollowUp(CodedRow):
    """One step that a patient is owed: what, in which window, and how it ended."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="follow_ups")
    nodules = models.ManyToManyField(Nodule, related_name="follow_ups")
    assessment = models.ForeignKey(Assessment, models.PROTECT, null=True, blank=True, related_name="follow_ups")
    kind = models.CharField(max_length=12, choices=FollowUpKind.choices)
    management = models.CharField(max_length=60, blank=True)
    rule_id = models.CharField(max_length=80, blank=True)
    state = models.CharField(max_length=20, choices=choices(FollowUpState), default=FollowUpState.PROPOSED)
    due_from = models.DateField(_("due from"))
    target_on = models.DateField(_("target day"))
    due_until = models.DateField(_("due until"))
    booked_on = models.DateField(_("booked on"), null=True, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="follow_ups"
    )
    closing_reason = models.CharField(_("reason for closing"), max_length=200, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    succeeds = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="successors")

    class Meta:
        constraints = [
            models.CheckConstraint(name="follow_up_is_in_a_known_state", condition=Q(state__in=list(FollowUpState))),
            models.CheckConstraint(
                name="follow_up_closes_with_a_reason",
                condition=(Q(state=FollowUpState.CLOSED) & ~Q(closing_reason="") & Q(closed_at__isnull=False))
                | (~Q(state=FollowUpState.CLOSED) & Q(closing_reason="") & Q(closed_at__isnull=True)),
                violation_error_message=_("Say why this step will not happen; the reason is kept with it."),
            ),
            models.CheckConstraint(
                name="follow_up_window_is_in_order",
                condition=Q(due_from__lte=F("target_on"), target_on__lte=F("due_until")),
            ),
            models.CheckConstraint(
                name="follow_up_booked_has_a_day",
                condition=~Q(state=FollowUpState.BOOKED) | Q(booked_on__isnull=False),
            ),
        ]
        indexes = [
            # The worklist reads open steps only, the most urgent first; closed ones pile up for years.
            models.Index(name="follow_up_worklist", fields=["due_until"], condition=Q(state__in=OPEN_FOLLOW_UP)),
        ]

    def __str__(self) -> str:
        return f"follow-up {self.code}"


class Closure(CodedRow):
    """The recorded reason why a patient with an active nodule has no open step. Ends when a step opens again."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="closures")
    reason = models.CharField(_("reason"), max_length=300)
    evidence = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="patient_has_one_closure_in_force", fields=["patient"], condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(
                name="closure_says_why",
                condition=~Q(reason=""),
                violation_error_message=_("Say why this patient needs no further step."),
            ),
        ]

    def __str__(self) -> str:
        return f"closure {self.code}"


class AuditEvent(models.Model):
    """Who looked at or did what, when. Append-only, by trigger."""

    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    verb = models.CharField(max_length=60)
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="audit_events")
    facts = models.JSONField(default=dict)  # codes and states, never names or numbers of people

    class Meta:
        indexes = [models.Index(name="audit_of_patient_latest_first", fields=["patient", "-id"])]

    def __str__(self) -> str:
        return f"{self.verb} at {self.at}"
