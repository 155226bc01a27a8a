"""Whose exam nobody has read: told by the database, so that a page need not ask it of every patient."""

from __future__ import annotations

from django.db import models

from nodules_app.models.patients import Patient


class Unread(models.Model):
    """A patient with a scan on whom nobody has marked a nodule, nor recorded that there is none.

    Triggers write these rows, in the transaction that makes them true or untrue; nobody else does.
    """

    patient = models.OneToOneField(Patient, models.CASCADE, primary_key=True, related_name="unread")
    since = models.DateTimeField()  # when the first scan came in

    class Meta:
        verbose_name_plural = "unread"

    def __str__(self) -> str:
        return f"unread since {self.since}"
