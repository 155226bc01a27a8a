"""Where a patient and those around them can be reached, and how they wish to be."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
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
