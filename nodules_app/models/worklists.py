"""What people keep about their work on the worklist: who is at whom, and views worth coming back to."""

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
