"""People whom we follow, and the facts about them that risk depends on."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Concat, Lower, Now, Replace
from django.utils.translation import gettext_lazy as _

from nodules_app.models.clinics import Clinic
from nodules_app.models.rows import CodedRow

# What a patient is found by: each part of the name, the number and the sounds, each after a space, so that a pattern
# can say "a word that begins so".
SEARCHED: Final = Lower(
    Concat(
        Value(" "),
        Replace("name", Value("^"), Value(" ")),
        Value(" "),
        "identifier",
        Value(" "),
        "sounds",
        output_field=models.CharField(),
    ),
    output_field=models.CharField(),
)
HAN: Final = "\u3400-\u9fff\U00020000-\U0003134f"
# The Chinese characters of a name, each for itself: two of them are a whole name and too short for a trigram.
CHARACTERS: Final = Func(
    Func("name", Value(f"[^{HAN}]"), Value(""), Value("g"), function="regexp_replace"),
    Value(""),
    function="regexp_split_to_array",
    output_field=ArrayField(models.TextField()),
)


class Sex(models.TextChoices):
    FEMALE = "female", _("Female")
    MALE = "male", _("Male")
    UNKNOWN = "", _("Unknown")


class Setting(models.TextChoices):
    INCIDENTAL = "incidental", _("Incidental finding")
    SCREENING = "screening", _("Screening")


class Patient(CodedRow):
    """A person we follow; the identity is (issuer, identifier), never the identifier alone."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="patients")
    issuer = models.CharField(_("issuer of the number"), max_length=64, blank=True)
    identifier = models.CharField(_("number"), max_length=64)
    name = models.CharField(_("name"), max_length=200, blank=True)
    sounds = models.CharField(max_length=200, blank=True, db_default="")  # of a Chinese name, see services.names
    birth_date = models.DateField(_("born"), null=True, blank=True)
    sex = models.CharField(_("sex"), max_length=10, choices=Sex.choices, blank=True)
    setting = models.CharField(
        _("why the first CT was made"), max_length=12, choices=Setting.choices, default=Setting.INCIDENTAL
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(name="patient_is_known_once", fields=["issuer", "identifier"]),
            models.CheckConstraint(
                name="patient_has_a_number",
                condition=~Q(identifier=""),
                violation_error_message=_("Give the patient a number; it tells this person from all others."),
            ),
            models.CheckConstraint(name="patient_has_a_known_setting", condition=Q(setting__in=Setting.values)),
        ]
        indexes = [
            models.Index(name="patient_by_name", fields=["name"]),
            models.Index(name="patient_by_day_of_birth", fields=["birth_date"]),
            models.Index(name="patient_in_clinic", fields=["id"], include=["clinic"]),
            # The expressions of selectors.worklist.finding, which explains them.
            GinIndex(OpClass(SEARCHED, name="gin_trgm_ops"), name="patient_is_searched_by_word"),
            GinIndex(CHARACTERS, name="patient_is_searched_in_han"),
        ]

    def __str__(self) -> str:
        return f"patient {self.code}"  # never a name: this text reaches logs

    def age_on(self, day: date) -> int | None:
        """Completed years on a day, or None without a birth date."""
        if self.birth_date is None:
            return None
        had_birthday = (day.month, day.day) >= (self.birth_date.month, self.birth_date.day)
        return day.year - self.birth_date.year - (not had_birthday)


class RiskFactors(models.Model):
    """What was known of a patient's risk on one day; a new day makes a new row.

    ``facts`` has the shape of section 2.2 of the clinical cases (smoking, family history, emphysema …); we never query
    inside it.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="risk_factors")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    facts = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(name="risk_factors_latest_first", fields=["patient", "-recorded_at"])]

    def __str__(self) -> str:
        return f"risk factors of {self.patient}"
