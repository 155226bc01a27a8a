"""Who is who: records that are one person, exams that were filed under another, and what waits for somebody to say."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from nodules_app.models.imaging import ImportBatch, Study
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow


class PatientMerge(CodedRow):
    """Two records are one person: ``gone`` is followed as ``kept`` until somebody undoes it.

    While it is in force the database refuses everything new under ``gone``. ``moved`` names the rows that changed their
    patient, by table, so that the undoing gives back these and no others; we never query inside it.
    """

    gone = models.ForeignKey(Patient, models.PROTECT, related_name="merges_away")
    kept = models.ForeignKey(Patient, models.PROTECT, related_name="merges_here")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.CharField(_("why they are one person"), max_length=300)
    moved = models.JSONField(default=dict)
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    undone_because = models.CharField(_("why they are two persons"), max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="patient_is_joined_once",
                fields=["gone"],
                condition=Q(undone_at__isnull=True),
                violation_error_message=_("This record is joined with another one already."),
            ),
            models.CheckConstraint(name="patient_is_not_joined_with_itself", condition=~Q(gone=F("kept"))),
            models.CheckConstraint(
                name="patient_merge_says_why",
                condition=~Q(reason=""),
                violation_error_message=_("Say why; the reason is kept with both records."),
            ),
            models.CheckConstraint(
                name="patient_merge_is_undone_by_somebody",
                condition=Q(undone_at__isnull=True, undone_by__isnull=True, undone_because="")
                | (Q(undone_at__isnull=False, undone_by__isnull=False) & ~Q(undone_because="")),
            ),
        ]

    def __str__(self) -> str:
        return f"merge {self.code}"


class ExamMove(CodedRow):
    """An exam that was filed under the wrong person. Append-only: moving it back is another row."""

    study = models.ForeignKey(Study, models.PROTECT, related_name="moves")
    origin = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    goal = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    reason = models.CharField(_("how you know whose it is"), max_length=300)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="exam_move_says_why",
                condition=~Q(reason=""),
                violation_error_message=_("Say why; the reason is kept with both records."),
            ),
            models.CheckConstraint(name="exam_moves_to_another_patient", condition=~Q(origin=F("goal"))),
        ]

    def __str__(self) -> str:
        return f"move of {self.study}"


class TwoPersons(CodedRow):
    """Two records that look like one person are two, as somebody made sure of. Append-only."""

    one = models.ForeignKey(Patient, models.PROTECT, related_name="+")  # the smaller key
    other = models.ForeignKey(Patient, models.PROTECT, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    class Meta:
        verbose_name_plural = "two persons"
        constraints = [
            models.UniqueConstraint(name="two_persons_are_told_apart_once", fields=["one", "other"]),
            models.CheckConstraint(name="two_persons_in_order", condition=Q(one__lt=F("other"))),
        ]

    def __str__(self) -> str:
        return f"two persons {self.code}"


class HeldExam(CodedRow):
    """An exam whose images carry a known number and contradict what is known of that person.

    It waits, with its delivery, until somebody says whose it is; only then is it taken in.
    """

    study_uid = models.CharField(max_length=64)
    batch = models.ForeignKey(ImportBatch, models.PROTECT, related_name="held_exams")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="+")  # known by the number that the images carry
    name = models.CharField(max_length=200, blank=True)  # as the images say, like all that follows
    birth_date = models.DateField(null=True, blank=True)
    sex = models.CharField(max_length=10, blank=True)
    acquired_on = models.DateField(null=True, blank=True)
    description = models.CharField(max_length=200, blank=True)
    belongs_to = models.ForeignKey(Patient, models.PROTECT, null=True, blank=True, related_name="+")
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(_("how you know whose it is"), max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="exam_is_held_once", fields=["study_uid"]),
            models.CheckConstraint(
                name="held_exam_is_decided_by_somebody",
                condition=Q(belongs_to__isnull=True, decided_by__isnull=True, decided_at__isnull=True, reason="")
                | (Q(belongs_to__isnull=False, decided_by__isnull=False, decided_at__isnull=False) & ~Q(reason="")),
            ),
        ]

    def __str__(self) -> str:
        return f"held exam {self.code}"
