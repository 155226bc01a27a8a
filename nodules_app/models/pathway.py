"""What the guidelines said, what a clinician decided, what the patient is owed, and why nothing is owed."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import ENDED_FOLLOW_UP, OPEN_FOLLOW_UP, FollowUpState
from nodules_app.models.clinics import Clinic
from nodules_app.models.evidence import Evidence
from nodules_app.models.imaging import Study
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
        indexes = [
            models.Index(name="assessment_latest_first", fields=["patient", "guideline", "-id"]),
            # The figures of a clinic ask these of every answer, and not for the answer itself.
            models.Index(name="assessment_exam", fields=["id"], include=["patient", "exam_on"]),
            models.Index(name="assessment_by_exam", fields=["exam_on"], include=["patient", "guideline", "management"]),
        ]

    def __str__(self) -> str:
        return f"assessment {self.code}"


class OverrideReason(models.TextChoices):
    """Why a clinician chose another step than the rules; the list can be counted, the words beside it explain."""

    COMORBIDITY = "comorbidity", _("Other illness weighs more")
    WISH = "wish", _("The patient wishes it so")
    LOOKS_SUSPICIOUS = "looks_suspicious", _("It looks more suspicious than its numbers")
    LOOKS_BENIGN = "looks_benign", _("It looks benign")
    INFECTION = "infection", _("Probably an infection: look again soon")
    MEASUREMENT = "measurement", _("The measurement is not to be trusted")
    OLDER_EXAM = "older_exam", _("An older exam shows more")
    OTHER_GUIDELINE = "other_guideline", _("Another guideline fits better")
    CONFERENCE = "conference", _("The conference decided so")
    OTHER = "other", _("Another reason, told below")


class Decision(CodedRow):
    """A clinician accepts a recommendation or overrides it with a reason. Append-only."""

    assessment = models.ForeignKey(Assessment, models.PROTECT, related_name="decisions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="decisions")
    management = models.CharField(max_length=60)
    overrides = models.BooleanField(default=False)
    reason_code = models.CharField(max_length=20, choices=OverrideReason.choices, blank=True, db_default="")
    reason = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="decision_against_the_rule_has_a_reason",
                condition=Q(overrides=False) | ~Q(reason=""),
                violation_error_message=_("Say why; the reason is kept with the decision."),
            ),
            models.CheckConstraint(
                name="decision_against_the_rule_can_be_counted",
                condition=Q(overrides=False) | Q(reason_code__in=OverrideReason.values),
                violation_error_message=_("Choose a reason from the list."),
            ),
        ]

    def __str__(self) -> str:
        return f"decision {self.code}"


class DecisionTakenBack(models.Model):
    """A signature that was undone at once stays in the record; this row says that it does not count. Append-only."""

    decision = models.OneToOneField(Decision, models.PROTECT, related_name="taken_back")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        verbose_name_plural = "decisions taken back"

    def __str__(self) -> str:
        return f"{self.decision} taken back"


class FollowUpKind(models.TextChoices):
    """What the patient is owed."""

    REVIEW = "review", _("Review by a reader")  # a person must look: results pending, refused, or not measurable
    CT = "ct", _("CT")
    WORKUP = "workup", _("Work-up")
    DISCHARGE = "discharge", _("Decide on discharge")  # the rules see no need; a clinician must say so


class FollowUp(CodedRow):
    """One step that a patient is owed: what, in which window, and how it ended.

    ``version`` counts its recorded changes: a page sends back the one it showed, so nobody overwrites what another
    person did meanwhile. The database holds the table of legal changes, demands the record of each, and refuses an end
    without evidence (migration 0009).
    """

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
    exam = models.ForeignKey(Study, models.PROTECT, null=True, blank=True, related_name="follow_ups")
    version = models.PositiveIntegerField(default=1, db_default=1)
    evidence = models.ForeignKey(Evidence, models.PROTECT, null=True, blank=True, related_name="ended_steps")
    closing_reason = models.CharField(_("reason for closing"), max_length=200, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    succeeds = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="successors")

    class Meta:
        constraints = [
            models.CheckConstraint(name="follow_up_is_in_a_known_state", condition=Q(state__in=list(FollowUpState))),
            models.CheckConstraint(
                name="follow_up_closes_with_a_reason",
                condition=(Q(state__in=ENDED_FOLLOW_UP) & ~Q(closing_reason="") & Q(closed_at__isnull=False))
                | (~Q(state__in=ENDED_FOLLOW_UP) & Q(closing_reason="") & Q(closed_at__isnull=True)),
                violation_error_message=_("Say why this step will not happen; the reason is kept with it."),
            ),
            models.CheckConstraint(
                name="follow_up_ends_by_evidence",
                condition=Q(state__in=ENDED_FOLLOW_UP, evidence__isnull=False)
                | (~Q(state__in=ENDED_FOLLOW_UP) & Q(evidence__isnull=True)),
                violation_error_message=_("A step ends by evidence only."),
            ),
            models.CheckConstraint(
                name="follow_up_reported_names_its_exam",
                condition=~Q(state=FollowUpState.REPORTED) | Q(exam__isnull=False),
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
            models.Index(
                name="follow_up_by_state", fields=["state", "due_until"], condition=Q(state__in=OPEN_FOLLOW_UP)
            ),
            # All counts of the worklist come from one walk along this index, beside ``patient_in_clinic``.
            models.Index(
                name="follow_up_open_of_patient",
                fields=["patient"],
                include=["state", "kind", "due_from", "target_on", "due_until"],
                condition=Q(state__in=OPEN_FOLLOW_UP),
            ),
            # The figures of a clinic walk along a year of windows, without a look at the table.
            models.Index(
                name="follow_up_by_window",
                fields=["due_until"],
                include=["patient", "kind", "state", "target_on", "exam", "evidence", "created_at", "closed_at"],
            ),
            models.Index(name="follow_up_exam", fields=["id"], include=["exam"]),
        ]

    def __str__(self) -> str:
        return f"follow-up {self.code}"


class FollowUpChange(models.Model):
    """One change of a step: who, when, from what, to what, why. Append-only.

    ``from_state`` is blank where the step began. A change that leaves the state (another day, another owner, another
    window) is one too. ``facts`` are days and codes for the page; nothing in it is queried.
    """

    follow_up = models.ForeignKey(FollowUp, models.PROTECT, related_name="changes")
    version = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    step = models.CharField(max_length=20)
    from_state = models.CharField(max_length=20, choices=choices(FollowUpState), blank=True)
    to_state = models.CharField(max_length=20, choices=choices(FollowUpState))
    why = models.CharField(max_length=2000, blank=True)
    facts = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="follow_up_change_is_told_once", fields=["follow_up", "version"]),
        ]

    def __str__(self) -> str:
        return f"{self.step} of {self.follow_up}"


class StepWindow(models.Model):
    """A clinic's own number of days for a step that no guideline dates; without a row the product's own holds."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="step_windows")
    kind = models.CharField(_("step"), max_length=12, choices=FollowUpKind.choices)
    within_days = models.PositiveSmallIntegerField(_("days"))

    class Meta:
        constraints = [
            models.UniqueConstraint(name="clinic_says_a_window_once", fields=["clinic", "kind"]),
            models.CheckConstraint(
                name="step_window_is_a_span_of_days",
                condition=Q(within_days__gte=1, within_days__lte=365),
                violation_error_message=_("Give 1 to 365 days."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} within {self.within_days} days at {self.clinic}"


class Closure(CodedRow):
    """The recorded reason why a patient with an active nodule has no open step. Ends when a step opens again."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="closures")
    evidence = models.ForeignKey(Evidence, models.PROTECT, null=True, related_name="closures")
    reason = models.CharField(_("reason"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.CharField(max_length=300, blank=True, db_default="")

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
            models.CheckConstraint(name="closure_rests_on_evidence", condition=Q(evidence__isnull=False)),
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
        indexes = [
            models.Index(name="audit_of_patient_latest_first", fields=["patient", "-id"]),
            models.Index(name="audit_of_person_latest_first", fields=["by", "-id"]),
            models.Index(name="audit_of_verb_latest_first", fields=["verb", "-id"]),
            models.Index(name="audit_by_time", fields=["at"]),
        ]

    def __str__(self) -> str:
        return f"{self.verb} at {self.at}"
