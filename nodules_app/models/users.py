"""Who works in the clinic."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    COORDINATOR = "coordinator", _("Coordinator")
    RADIOLOGIST = "radiologist", _("Radiologist")
    PHYSICIAN = "physician", _("Chest physician")
    CHAIR = "chair", _("MDT chair")
    MANAGER = "manager", _("Programme manager")


class User(AbstractUser):
    """A member of staff. The role says what the person may do; ``services.access`` asks it."""

    code = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.COORDINATOR)

    class Meta:
        constraints = [
            models.CheckConstraint(name="user_has_a_known_role", condition=models.Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.username
