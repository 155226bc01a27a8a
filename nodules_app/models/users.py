"""Who works here. What somebody may do depends on the clinic: see ``clinics.Membership``."""

from __future__ import annotations

import uuid
from datetime import date

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class User(AbstractUser):
    """A member of staff. Somebody away has a colleague who answers meanwhile; somebody who left is not active."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    away_from = models.DateField(_("away from"), null=True, blank=True)  # the first day; empty: away already
    away_until = models.DateField(_("away until"), null=True, blank=True)  # the last day of the absence
    covered_by = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="covers")

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("username"), name="user_signs_in_by_own_name"),
            models.CheckConstraint(
                name="user_is_covered_by_another",
                condition=Q(covered_by__isnull=True) | ~Q(covered_by=F("id")),
                violation_error_message=_("Choose a colleague."),
            ),
            models.CheckConstraint(
                name="user_absence_is_in_order",
                condition=Q(away_from__isnull=True) | Q(away_until__gte=F("away_from")),
                violation_error_message=_("The last day lies before the first one."),
            ),
        ]

    def is_away(self, on: date) -> bool:
        """Whether a colleague answers on this day."""
        return self.away_until is not None and (self.away_from or on) <= on <= self.away_until

    def __str__(self) -> str:
        return self.get_full_name() or self.username
