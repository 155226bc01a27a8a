"""Work for the workers: the row is the truth, the message on the queue a hint."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import OPEN_RUN, RunState
from nodules_app.models.imaging import Comparison, ImportBatch, Scan
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow, choices

WITHOUT_RESULT = (RunState.REFUSED, RunState.FAILED)


class RunKind(models.TextChoices):
    """The steps of the main job, in their order; proposing nodules runs beside them, and lists have their own."""

    INTAKE = "intake", _("Read the files")
    LUNGS = "lungs", _("Find the lungs")
    REGISTER = "register", _("Register prior and current")
    MATCH = "match", _("Find each nodule again")
    MEASURE = "measure", _("Measure")
    GROWTH = "growth", _("Compute growth")
    ASSESS = "assess", _("Ask the guidelines")
    PLAN = "plan", _("Plan the next step")
    PROPOSE = "propose", _("Look for further nodules")
    SHOW = "show", _("Get the images ready")
    SEE = "see", _("Ask what nodules look like")
    CHECK_LIST = "check-list", _("Check a list")
    STORE_LIST = "store-list", _("Take over a list")


class Run(CodedRow):
    """One piece of work for a worker: asked, held, ended."""

    kind = models.CharField(max_length=12, choices=RunKind.choices)
    queue = models.CharField(max_length=8, default="cpu")
    patient = models.ForeignKey(Patient, models.PROTECT, null=True, related_name="runs")
    import_batch = models.ForeignKey(ImportBatch, models.PROTECT, null=True, related_name="runs")
    scan = models.ForeignKey(Scan, models.PROTECT, null=True, related_name="runs")
    comparison = models.ForeignKey(Comparison, models.PROTECT, null=True, related_name="runs")
    state = models.CharField(max_length=12, choices=choices(RunState), default=RunState.QUEUED)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    not_before = models.DateTimeField(db_default=Now())  # retries wait until then
    sent_at = models.DateTimeField(null=True)  # when its code last went to the queue
    attempt = models.PositiveIntegerField(default=0)
    faults = models.PositiveSmallIntegerField(default=0, db_default=0)  # attempts that failed by themselves
    lease_until = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    progress = models.PositiveSmallIntegerField(default=0)  # per cent
    refusal = models.JSONField(null=True)  # {"code", "sentence", "remedy", "facts"}
    failure = models.CharField(max_length=300, blank=True)  # kind of fault, no patient data
    versions = models.JSONField(default=dict)  # program and method versions that did the work

    class Meta:
        constraints = [
            models.CheckConstraint(name="run_is_in_a_known_state", condition=Q(state__in=list(RunState))),
            models.CheckConstraint(
                name="run_refused_says_why",
                condition=(Q(state=RunState.REFUSED) & Q(refusal__isnull=False))
                | (~Q(state=RunState.REFUSED) & Q(refusal__isnull=True)),
            ),
            models.CheckConstraint(name="run_failed_says_how", condition=~Q(state=RunState.FAILED) | ~Q(failure="")),
            models.CheckConstraint(
                name="run_running_has_a_lease", condition=~Q(state=RunState.RUNNING) | Q(lease_until__isnull=False)
            ),
            models.CheckConstraint(
                name="run_has_a_subject",
                condition=Q(patient__isnull=False)
                | Q(import_batch__isnull=False)
                | Q(scan__isnull=False)
                | Q(comparison__isnull=False),
            ),
            # Asking twice for the same work while it is still queued is asking once.
            models.UniqueConstraint(
                name="run_is_queued_once_a_subject",
                fields=["kind", "patient", "import_batch", "scan", "comparison"],
                condition=Q(state=RunState.QUEUED),
                nulls_distinct=False,
            ),
        ]
        indexes = [
            models.Index(name="run_open", fields=["not_before"], condition=Q(state__in=OPEN_RUN)),
            models.Index(name="run_of_patient_latest_first", fields=["patient", "-id"]),
            models.Index(name="run_without_result", fields=["patient"], condition=Q(state__in=WITHOUT_RESULT)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.code}"
