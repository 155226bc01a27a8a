"""Where a patient and those around them can be reached, how they wish to be, and each time somebody tried."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow


class ContactOf(models.TextChoices):
    PATIENT = "patient", _("Patient")
    REFERRER = "referrer", _("Referring physician")
    ALTERNATIVE = "alternative", _("Another person the patient named")


class ContactKind(models.TextChoices):
    EMAIL = "email", _("E-mail")
    MOBILE = "mobile", _("Mobile number for messages")
    PHONE = "phone", _("Telephone")
    POST = "post", _("Postal address")


class ContactPoint(CodedRow):
    """One address or number. One that failed is kept: the record says where earlier messages went."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="contact_points")
    of = models.CharField(_("whose"), max_length=12, choices=ContactOf.choices, default=ContactOf.PATIENT)
    kind = models.CharField(_("kind"), max_length=8, choices=ContactKind.choices)
    name = models.CharField(_("name"), max_length=120, blank=True)  # of the referrer or the other person
    value = models.CharField(_("address or number"), max_length=400)
    consented = models.BooleanField(_("agreed to messages there"), default=False)
    verified_on = models.DateField(_("verified on"), null=True, blank=True)
    failed_at = models.DateTimeField(null=True, blank=True)  # bounced or returned; nothing goes there any more
    failed_because = models.CharField(max_length=200, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(name="contact_point_is_not_empty", condition=~Q(value="")),
            models.CheckConstraint(name="contact_point_is_of_somebody", condition=Q(of__in=ContactOf.values)),
            models.CheckConstraint(name="contact_point_has_a_kind", condition=Q(kind__in=ContactKind.values)),
        ]
        indexes = [
            models.Index(
                name="contact_point_in_use",
                fields=["patient", "of", "kind"],
                condition=Q(retired_at__isnull=True, failed_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"contact point {self.code}"  # never the address: this text reaches logs

    @property
    def masked(self) -> str:
        """The last characters only, enough to tell two apart on a page."""
        return f"…{self.value.strip()[-4:]}"


class ContactPreference(models.Model):
    """How a patient wishes to be told; without a row the clinic's language holds and the first address that works."""

    patient = models.OneToOneField(Patient, models.PROTECT, related_name="contact_preference")
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, blank=True)
    kind = models.CharField(_("preferred way"), max_length=8, choices=ContactKind.choices, blank=True)
    call_instead = models.BooleanField(_("call me instead of writing"), default=False)
    do_not_contact = models.CharField(_("wants no contact, because"), max_length=200, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"contact preference of {self.patient}"


class AttemptBy(models.TextChoices):
    """How somebody tried to reach a person."""

    CALL = "call", _("Call")
    LETTER = "letter", _("Letter")
    VISIT = "visit", _("Visit")


class AttemptOutcome(models.TextChoices):
    """What came of it."""

    REACHED = "reached", _("Reached")
    LEFT_MESSAGE = "left_message", _("Left a message")
    NO_ANSWER = "no_answer", _("No answer")
    WRONG_NUMBER = "wrong_number", _("Wrong number or address")
    CALL_BACK = "call_back", _("Asked to call back")


class ContactAttempt(CodedRow):
    """One time a member of staff tried to reach a patient or somebody around them. Append-only."""

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="contact_attempts")
    follow_up = models.ForeignKey(
        "nodules_app.FollowUp", models.PROTECT, null=True, blank=True, related_name="contact_attempts"
    )  # the step it was about
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    channel = models.CharField(_("how"), max_length=8, choices=AttemptBy.choices)
    of = models.CharField(_("whom"), max_length=12, choices=ContactOf.choices, default=ContactOf.PATIENT)
    contact = models.ForeignKey(ContactPoint, models.PROTECT, null=True, blank=True, related_name="attempts")
    outcome = models.CharField(_("what came of it"), max_length=14, choices=AttemptOutcome.choices)
    agreed = models.CharField(max_length=20, blank=True)  # reminders.Outcome, where somebody was reached
    call_back_at = models.DateTimeField(_("call back at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=1000, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="contact_attempt_has_a_way", condition=Q(channel__in=AttemptBy.values)),
            models.CheckConstraint(
                name="contact_attempt_has_an_outcome", condition=Q(outcome__in=AttemptOutcome.values)
            ),
            models.CheckConstraint(
                name="contact_attempt_says_when_to_call_back",
                condition=Q(outcome=AttemptOutcome.CALL_BACK) ^ Q(call_back_at__isnull=True),
                violation_error_message=_("Say when to call back."),
            ),
            models.CheckConstraint(
                name="contact_attempt_agrees_with_whom_it_reached",
                condition=Q(outcome=AttemptOutcome.REACHED) ^ Q(agreed=""),
            ),
        ]
        indexes = [
            models.Index(name="contact_attempt_latest_first", fields=["patient", "-id"]),
            # The figures of a clinic ask when a patient was reached, and for nothing else of the row.
            models.Index(
                name="contact_attempt_reached",
                fields=["at"],
                include=["patient"],
                condition=Q(of=ContactOf.PATIENT, outcome=AttemptOutcome.REACHED),
            ),
        ]

    def __str__(self) -> str:
        return f"contact attempt {self.code}"
