"""Where people work: clinics with their calendar and rules, who has which role in which, and access in an emergency."""

from __future__ import annotations

from datetime import time

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.models.rows import CodedRow


class Role(models.TextChoices):
    """What somebody is in a clinic; ``services.access`` says what each may do there."""

    COORDINATOR = "coordinator", _("Coordinator")
    RADIOLOGIST = "radiologist", _("Radiologist")
    PHYSICIAN = "physician", _("Chest physician")
    CHAIR = "chair", _("MDT chair")
    MANAGER = "manager", _("Programme manager")
    AUDITOR = "auditor", _("Auditor")
    ADMINISTRATOR = "administrator", _("Administrator")


def monday_to_friday() -> list[int]:
    return [1, 2, 3, 4, 5]


def clinicians() -> list[str]:
    return [Role.RADIOLOGIST.value, Role.PHYSICIAN.value, Role.CHAIR.value]


class Clinic(CodedRow):
    """One place of work in this installation: its patients, its days, its words, its rules."""

    name = models.CharField(_("name"), max_length=120, unique=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")  # IANA name: which day is today
    language = models.CharField(_("language of messages"), max_length=10, choices=settings.LANGUAGES, default="en")
    working_weekdays = ArrayField(  # ISO: 1 is Monday; single days differ by ClinicDay
        models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(7)]),
        default=monday_to_friday,
        verbose_name=_("working days of the week"),
    )
    quiet_from = models.TimeField(_("no messages from"), default=time(20, 0))
    quiet_until = models.TimeField(_("no messages until"), default=time(8, 0))
    reply_email = models.EmailField(_("address for answers"), blank=True)
    reply_phone = models.CharField(_("telephone"), max_length=40, blank=True)
    postal_address = models.TextField(_("postal address"), blank=True)
    on_call_email = models.EmailField(_("address for alarms"), blank=True)
    guideline_incidental = models.CharField(
        _("guideline for incidental findings"), max_length=20, default="FLEISCHNER2017"
    )
    guideline_screening = models.CharField(_("guideline for screening"), max_length=20, default="LUNGRADS2022")
    signing_roles = ArrayField(
        models.CharField(max_length=20, choices=Role.choices), default=clinicians, verbose_name=_("who signs a step")
    )
    readers_needed = models.PositiveSmallIntegerField(  # 2: two read independently before one of them signs
        _("readers of an exam"), default=1, db_default=1, validators=[MinValueValidator(1), MaxValueValidator(2)]
    )

    # Readers who look first for themselves find more: what a program proposes may wait until they ask for it.
    proposals_on_request = models.BooleanField(
        _("proposed nodules stay hidden until the reader asks"), default=False, db_default=False
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="clinic_reads_with_one_or_two", condition=Q(readers_needed__gte=1, readers_needed__lte=2)
            ),
            models.CheckConstraint(name="clinic_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="clinic_works_on_some_day",
                condition=Q(working_weekdays__len__gt=0),
                violation_error_message=_("Choose at least one working day."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ClinicDay(models.Model):
    """A day that differs from its weekday: a holiday, a closure, or a weekend day on which people work."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="days")
    on = models.DateField(_("day"))
    is_working = models.BooleanField(_("a working day"), default=False)
    name = models.CharField(_("why"), max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="clinic_day_is_said_once",
                fields=["clinic", "on"],
                violation_error_message=_("This day is in the calendar already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.on} at {self.clinic}"


class Membership(models.Model):
    """Somebody has a role in a clinic; one person may have several, here and elsewhere."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships")
    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)
    given_at = models.DateTimeField(null=True, auto_now_add=True)  # null: given before this was written down
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    reason = models.CharField(_("why"), max_length=300, blank=True, db_default="")
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    ended_because = models.CharField(_("why it was taken"), max_length=300, blank=True, db_default="")

    class Meta:
        constraints = [
            models.CheckConstraint(name="membership_has_a_known_role", condition=Q(role__in=Role.values)),
            models.UniqueConstraint(
                name="membership_in_force_once",
                fields=["user", "clinic", "role"],
                condition=Q(ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} at {self.clinic}"


class EmergencyAccess(CodedRow):
    """Somebody opened the record of another clinic's patient, said why, and may look until it ends by itself.

    ``patient`` stands in the migration order before this table; the auditor signs that the reason was looked at.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    patient = models.ForeignKey("nodules_app.Patient", models.PROTECT, related_name="emergency_accesses")
    reason = models.TextField(_("why you must see this patient now"))
    began_at = models.DateTimeField(db_default=Now(), editable=False)
    until = models.DateTimeField()
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    reviewed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="emergency_access_has_a_reason",
                condition=~Q(reason=""),
                violation_error_message=_("Say why; the auditor reads it."),
            ),
            models.CheckConstraint(name="emergency_access_ends", condition=Q(until__gt=F("began_at"))),
            models.CheckConstraint(
                name="emergency_access_is_reviewed_by_somebody",
                condition=Q(reviewed_by__isnull=True, reviewed_at__isnull=True)
                | Q(reviewed_by__isnull=False, reviewed_at__isnull=False),
            ),
        ]
        indexes = [models.Index(name="emergency_access_in_force", fields=["user", "until"])]

    def __str__(self) -> str:
        return f"emergency access {self.code}"
