"""The conference: its meetings, the patients on the agenda with question and outcome, and who does what by when."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from nodules_app.lifecycles import MDT_MEETS, OPEN_MDT_CASE, MdtCaseState
from nodules_app.models.clinics import Clinic
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow, choices


class Discipline(models.TextChoices):
    """Who sits at the table; a meeting names which of them its quorum needs."""

    RADIOLOGY = "radiology", _("Radiology")
    CHEST = "chest", _("Chest medicine")
    SURGERY = "surgery", _("Thoracic surgery")
    ONCOLOGY = "oncology", _("Oncology")
    PATHOLOGY = "pathology", _("Pathology")
    NURSING = "nursing", _("Nursing")
    COORDINATION = "coordination", _("Coordination")


def usual_quorum() -> list[str]:
    return [Discipline.RADIOLOGY.value, Discipline.CHEST.value, Discipline.SURGERY.value]


class MdtMeeting(CodedRow):
    """One conference of one clinic. What was recorded is locked by the first minutes that are signed."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="mdt_meetings")
    starts_at = models.DateTimeField(_("begins"))
    cut_off_at = models.DateTimeField(_("list closes"))  # cases that are not complete then go back to their sender
    place = models.CharField(_("place"), max_length=120)
    chair = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("chair"))
    quorum = ArrayField(
        models.CharField(max_length=20, choices=Discipline.choices), default=usual_quorum, verbose_name=_("quorum")
    )
    began_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="mdt_list_closes_before_the_meeting",
                condition=Q(cut_off_at__lte=F("starts_at")),
                violation_error_message=_("The list must close before the meeting begins."),
            ),
            models.CheckConstraint(
                name="mdt_meeting_ends_after_it_began",
                condition=Q(ended_at__isnull=True) | Q(began_at__isnull=False, ended_at__gte=F("began_at")),
            ),
            models.CheckConstraint(
                name="mdt_meeting_that_began_is_not_cancelled",
                condition=Q(cancelled_at__isnull=True) | Q(began_at__isnull=True),
            ),
            models.UniqueConstraint(
                name="clinic_meets_once_at_a_time",
                fields=["clinic", "starts_at"],
                condition=Q(cancelled_at__isnull=True),
                violation_error_message=_("A meeting begins at that time already."),
            ),
        ]
        indexes = [models.Index(name="mdt_meeting_of_clinic", fields=["clinic", "-starts_at"])]

    def __str__(self) -> str:
        return f"meeting {self.code}"

    @property
    def is_running(self) -> bool:
        return self.began_at is not None and self.ended_at is None


class MdtAttendee(models.Model):
    """Somebody who is asked to a meeting, of the staff or a guest, and whether they came."""

    meeting = models.ForeignKey(MdtMeeting, models.PROTECT, related_name="attendees")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    guest = models.CharField(_("guest"), max_length=120, blank=True)
    discipline = models.CharField(_("discipline"), max_length=20, choices=Discipline.choices)
    came = models.BooleanField(default=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="mdt_attendee_is_somebody",
                condition=Q(user__isnull=True) & ~Q(guest="") | Q(user__isnull=False, guest=""),
                violation_error_message=_("Choose a member of staff, or give a guest's name."),
            ),
            models.UniqueConstraint(
                name="mdt_member_attends_once",
                fields=["meeting", "user"],
                violation_error_message=_("This person is on the list already."),
            ),
        ]

    def __str__(self) -> str:
        return str(self.user or self.guest)


class Pathology(models.TextChoices):
    NOT_NEEDED = "not_needed", _("None expected")
    AWAITED = "awaited", _("Awaited")
    READY = "ready", _("Ready")


class MdtCase(CodedRow):
    """A patient whom the conference is to discuss, or to note without discussion, with what it needs to know.

    ``asked_by`` is None when a rule asked; ``reasons`` are the codes of ``clinical.conference``. ``version`` counts
    the recorded changes, so that nobody overwrites what another person did meanwhile.
    """

    patient = models.ForeignKey(Patient, models.PROTECT, related_name="mdt_cases")
    meeting = models.ForeignKey(MdtMeeting, models.PROTECT, null=True, blank=True, related_name="cases")
    state = models.CharField(max_length=20, choices=choices(MdtCaseState), default=MdtCaseState.SUBMITTED)
    question = models.CharField(_("question"), max_length=500)
    reasons = ArrayField(models.CharField(max_length=30), default=list)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    presenter = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("presents")
    )
    order = models.PositiveSmallIntegerField(default=0)
    without_discussion = models.BooleanField(_("under an agreed standard of care, without discussion"), default=False)
    performance_status = models.PositiveSmallIntegerField(
        _("performance status (WHO)"), null=True, blank=True, validators=[MaxValueValidator(4)]
    )
    fitness = models.CharField(_("lung function, other illness, medicines"), max_length=300, blank=True)
    pathology = models.CharField(_("pathology"), max_length=12, choices=Pathology.choices, default=Pathology.NOT_NEEDED)
    version = models.PositiveIntegerField(default=1, db_default=1)

    class Meta:
        constraints = [
            models.CheckConstraint(name="mdt_case_is_in_a_known_state", condition=Q(state__in=list(MdtCaseState))),
            models.CheckConstraint(
                name="mdt_case_asks_something",
                condition=~Q(question=""),
                violation_error_message=_("Say what the conference is asked."),
            ),
            models.CheckConstraint(
                name="mdt_case_on_a_list_names_the_meeting",
                condition=~Q(state__in=MDT_MEETS) | Q(meeting__isnull=False),
            ),
            models.CheckConstraint(
                name="mdt_performance_status_is_0_to_4",
                condition=Q(performance_status__isnull=True) | Q(performance_status__lte=4),
            ),
            models.UniqueConstraint(
                name="patient_has_one_open_mdt_case",
                fields=["patient"],
                condition=Q(state__in=OPEN_MDT_CASE),
                violation_error_message=_("This patient is on the way to the conference already."),
            ),
        ]
        indexes = [
            models.Index(name="mdt_case_to_prepare", fields=["state"], condition=Q(state__in=OPEN_MDT_CASE)),
            models.Index(name="mdt_case_of_meeting", fields=["meeting", "order"]),
        ]

    def __str__(self) -> str:
        return f"MDT case {self.code}"


class MdtChange(models.Model):
    """One change of a case: who, when, from what, to what, why. Append-only."""

    case = models.ForeignKey(MdtCase, models.PROTECT, related_name="changes")
    version = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    step = models.CharField(max_length=20)
    from_state = models.CharField(max_length=20, choices=choices(MdtCaseState), blank=True)
    to_state = models.CharField(max_length=20, choices=choices(MdtCaseState))
    why = models.CharField(max_length=500, blank=True)
    meeting = models.ForeignKey(MdtMeeting, models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(name="mdt_change_is_told_once", fields=["case", "version"])]

    def __str__(self) -> str:
        return f"{self.step} of {self.case}"


class OutcomeKind(models.TextChoices):
    """What the conference can decide; each becomes a plan."""

    DISCHARGE = "discharge", _("Discharge")
    CT = "ct", _("CT at a date")
    PET_CT = "pet_ct", _("PET-CT")
    BIOPSY = "biopsy", _("Biopsy")
    RESECTION = "resection", _("Resection")
    ABLATION = "ablation", _("Ablation or radiotherapy")
    ONCOLOGY = "oncology", _("Referral to oncology")
    OTHER = "other", _("Other")


class MdtOutcome(models.Model):
    """What was decided of a case: free to change until it is confirmed, and by no one from then on."""

    case = models.OneToOneField(MdtCase, models.PROTECT, related_name="outcome")
    kind = models.CharField(_("outcome"), max_length=12, choices=OutcomeKind.choices)
    ct_on = models.DateField(_("CT on"), null=True, blank=True)
    says = models.CharField(_("in words"), max_length=1000, blank=True)
    dissent = models.CharField(_("dissent"), max_length=500, blank=True)
    drafted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True, blank=True)
    follow_up = models.ForeignKey(
        "nodules_app.FollowUp", models.PROTECT, null=True, blank=True, related_name="mdt_outcomes"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="mdt_outcome_is_known", condition=Q(kind__in=OutcomeKind.values)),
            models.CheckConstraint(
                name="mdt_outcome_ct_has_a_day",
                condition=Q(kind=OutcomeKind.CT, ct_on__isnull=False)
                | (~Q(kind=OutcomeKind.CT) & Q(ct_on__isnull=True)),
                violation_error_message=_("Give the day of the CT."),
            ),
            models.CheckConstraint(
                name="mdt_outcome_other_is_told",
                condition=~Q(kind__in=[OutcomeKind.OTHER, OutcomeKind.DISCHARGE]) | ~Q(says=""),
                violation_error_message=_("Say in words what was decided, and why."),
            ),
            models.CheckConstraint(
                name="mdt_outcome_is_confirmed_by_somebody",
                condition=Q(confirmed_by__isnull=True, confirmed_at__isnull=True)
                | Q(confirmed_by__isnull=False, confirmed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"outcome of {self.case}"


class MdtAction(CodedRow):
    """Who does what by when, from an outcome. What is not done by its day comes back on the worklist."""

    case = models.ForeignKey(MdtCase, models.PROTECT, related_name="actions")
    what = models.CharField(_("action"), max_length=300)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="mdt_actions", verbose_name=_("who")
    )
    due_on = models.DateField(_("by"))
    done_at = models.DateTimeField(null=True, blank=True)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+")
    result = models.CharField(_("result"), max_length=500, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="mdt_action_says_what", condition=~Q(what="")),
            models.CheckConstraint(
                name="mdt_action_is_done_by_somebody_with_a_result",
                condition=Q(done_at__isnull=True, done_by__isnull=True, result="")
                | (Q(done_at__isnull=False, done_by__isnull=False) & ~Q(result="")),
                violation_error_message=_("Say what came of it."),
            ),
        ]
        indexes = [models.Index(name="mdt_action_open", fields=["due_on"], condition=Q(done_at__isnull=True))]

    def __str__(self) -> str:
        return f"action {self.code}"


class MdtAddendum(models.Model):
    """What is added after the minutes were signed. Append-only."""

    case = models.ForeignKey(MdtCase, models.PROTECT, related_name="addenda")
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    text = models.TextField(_("addendum"))

    class Meta:
        constraints = [models.CheckConstraint(name="mdt_addendum_says_something", condition=~Q(text=""))]

    def __str__(self) -> str:
        return f"addendum to {self.case}"


class MdtMinutes(CodedRow):
    """The minutes as they were signed, byte for byte. An addendum makes a next version; none is ever changed."""

    meeting = models.ForeignKey(MdtMeeting, models.PROTECT, related_name="minutes")
    version = models.PositiveSmallIntegerField()
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    signed_at = models.DateTimeField(db_default=Now(), editable=False)
    pdf = models.BinaryField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "minutes"
        constraints = [models.UniqueConstraint(name="mdt_minutes_have_a_version", fields=["meeting", "version"])]

    def __str__(self) -> str:
        return f"minutes {self.version} of {self.meeting}"
