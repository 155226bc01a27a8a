"""What people keep about their work on the worklist: who is at whom, views worth coming back to, acts on many rows."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow


class Claim(models.Model):
    """Somebody is at work on a patient, so that two people do not call the same one; it ends by itself."""

    patient = models.OneToOneField(Patient, models.CASCADE, related_name="claim")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="claims")
    until = models.DateTimeField()

    def __str__(self) -> str:
        return f"claim until {self.until}"


class SavedView(CodedRow):
    """A filter of the worklist under a name."""

    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=500)  # of the worklist's address, already checked by its form

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="saved_view_has_its_own_name",
                fields=["by", "name"],
                violation_error_message=_("You have a view of that name already."),
            ),
            models.CheckConstraint(name="saved_view_has_a_name", condition=~Q(name="")),
        ]

    def __str__(self) -> str:
        return self.name


class BulkKind(models.TextChoices):
    """What can be done to many rows at once."""

    TAKE = "take", _("Take")
    RELEASE = "release", _("Give back")
    ASSIGN = "assign", _("Assign to a colleague")
    ACCEPT = "accept", _("Sign the proposed steps")
    POSTPONE = "postpone", _("Postpone reminders")
    LETTERS = "letters", _("Print letters")


class BulkAct(CodedRow):
    """One act on many patients by one person; it may be undone for some minutes, each row by a new recorded change."""

    kind = models.CharField(max_length=12, choices=BulkKind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="bulk_acts")
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="bulk_act_is_of_a_known_kind", condition=Q(kind__in=BulkKind.values)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"


class BulkItem(models.Model):
    """What one row was before an act on many, and what the act left of it.

    Both are JSON because nothing in them is queried: the act that wrote them reads them when it is undone.
    """

    act = models.ForeignKey(BulkAct, models.PROTECT, related_name="items")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    before = models.JSONField()
    after = models.JSONField()
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(name="bulk_act_touches_a_patient_once", fields=["act", "patient"])]

    def __str__(self) -> str:
        return f"item of {self.act}"
