"""Ladders, the reminders they caused, every change of each, and the batches in which letters were printed.

A reminder is both the step of the ladder and the outgoing row: it is written in the transaction that decided it, and a
dispatcher hands it over afterwards (docs/decisions/0014).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from nodules_app.ladder.rungs import Channel, Recipient, Tier, Way
from nodules_app.lifecycles import ReminderState
from nodules_app.models.clinics import Clinic
from nodules_app.models.contacts import ContactPoint
from nodules_app.models.pathway import FollowUp
from nodules_app.models.patients import Patient
from nodules_app.models.rows import CodedRow, choices

# How people call the rungs of the product's own ladder and the ways to a patient; pages and forms say the same.
RUNGS: Final[Mapping[str, Promise]] = {
    "signed": _("Signed?"),
    "booked": _("Booked?"),
    "notice": _("Notice to the patient"),
    "notice_call": _("Call the patient"),
    "reminder_1": _("First reminder"),
    "reminder_2": _("Last reminder"),
    "not_come": _("Did not come"),
    "overdue_1": _("Overdue: call"),
    "overdue_2": _("Overdue: letters"),
    "overdue_3": _("Overdue: a clinician calls"),
    "overdue_4": _("Overdue: decide"),
    "unread": _("Made, not read"),
    "undecided": _("Read, not decided"),
}
WAYS: Final[Mapping[str, Promise]] = {
    Way.PREFERRED: _("As the patient wishes"),
    Way.LETTER: _("Letter"),
    Way.CALL: _("A person calls"),
}

WAITING = (ReminderState.QUEUED, ReminderState.SENDING)
ARRIVED: Final = (ReminderState.HANDED_OVER, ReminderState.DELIVERED, ReminderState.ACKNOWLEDGED)
# What a person has to do something about; a task is delivered the moment it stands in the list.
IN_TROUBLE = (ReminderState.FAILED, ReminderState.BOUNCED, ReminderState.UNCERTAIN, ReminderState.UNKNOWN)


class Outcome(models.TextChoices):
    """What a person did about a task."""

    CONFIRMED = "confirmed", _("Reached: will come on the day")
    ARRANGED = "arranged", _("Arranged or booked")
    REACHED = "reached", _("Reached: something else was agreed")
    DONE = "done", _("Done")
    PASSED_ON = "passed_on", _("Passed on to a clinician")
    NO_ACTION = "no_action", _("No action needed")


class LadderVersion(CodedRow):
    """The rungs of a clinic from one moment on. Append-only: a change is a new version, the highest number holds."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="ladders")
    number = models.PositiveIntegerField()
    rungs = models.JSONField()  # as ladder.rungs.as_json writes them
    task_cap = models.PositiveSmallIntegerField(_("most open tasks of one person"), default=25)
    why = models.CharField(_("why it was changed"), max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(name="ladder_has_one_of_a_number", fields=["clinic", "number"]),
            models.CheckConstraint(
                name="ladder_says_why_it_changed",
                condition=~Q(why=""),
                violation_error_message=_("Say why; the reason is kept with the version."),
            ),
        ]

    def __str__(self) -> str:
        return f"ladder {self.number}"


class LetterBatch(CodedRow):
    """Letters that were printed together; it can be printed again as long as it is kept."""

    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="letter_batches")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    def __str__(self) -> str:
        return f"letters {self.code}"


class Reminder(CodedRow):
    """One message or task of the ladder of one follow-up.

    ``key`` is (follow-up, plan, rung, channel, recipient): the database takes it once, whatever runs twice, and
    providers get it with the message. ``plan`` names the days the rung was counted from; a step that gets other days
    has another plan, and a trigger cancels what waits of the old one in the same transaction (migration 0011).
    """

    key = models.CharField(max_length=160, unique=True)
    clinic = models.ForeignKey(Clinic, models.PROTECT, related_name="+")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="reminders")
    follow_up = models.ForeignKey(FollowUp, models.PROTECT, related_name="reminders")
    ladder = models.ForeignKey(LadderVersion, models.PROTECT, null=True, related_name="+")
    plan = models.CharField(max_length=40)
    rung = models.CharField(max_length=40)
    tier = models.CharField(max_length=1, choices=[(tier.value, tier.value) for tier in Tier])
    recipient = models.CharField(max_length=16, choices=[(one.value, one.value) for one in Recipient])
    channel = models.CharField(max_length=8, choices=[(one.value, one.value) for one in Channel])
    planned_on = models.DateField()
    state = models.CharField(max_length=12, choices=choices(ReminderState), default=ReminderState.QUEUED)
    why = models.CharField(max_length=30, blank=True)  # ladder.plan.Why: why it was suppressed, or asked of a person
    not_before = models.DateTimeField(db_default=Now())
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    contact = models.ForeignKey(ContactPoint, models.PROTECT, null=True, blank=True, related_name="+")
    language = models.CharField(max_length=10, blank=True)
    template = models.CharField(max_length=40, blank=True)  # name and version
    subject = models.CharField(max_length=200, blank=True, db_default="")
    text = models.TextField(blank=True, db_default="")  # as it went out: what a complaint two years later asks for
    text_sha256 = models.CharField(max_length=64, blank=True)
    provider_reference = models.CharField(max_length=200, blank=True)
    handed_over_at = models.DateTimeField(null=True, blank=True)
    batch = models.ForeignKey(LetterBatch, models.PROTECT, null=True, blank=True, related_name="reminders")
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="reminder_tasks"
    )  # nobody: the whole team of the recipient
    answer_by = models.DateTimeField(null=True, blank=True)
    raised_from = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="raised")
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=20, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="reminder_is_in_a_known_state", condition=Q(state__in=list(ReminderState))),
            models.CheckConstraint(
                name="reminder_is_acknowledged_by_somebody",
                condition=Q(state=ReminderState.ACKNOWLEDGED, acknowledged_by__isnull=False)
                | (~Q(state=ReminderState.ACKNOWLEDGED) & Q(acknowledged_by__isnull=True)),
            ),
            models.CheckConstraint(
                name="reminder_being_sent_has_a_lease",
                condition=~Q(state=ReminderState.SENDING) | Q(lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="reminder_not_sent_says_why",
                condition=~Q(state__in=[ReminderState.SUPPRESSED, ReminderState.CANCELLED]) | ~Q(why=""),
            ),
        ]
        indexes = [
            models.Index(name="reminder_to_send", fields=["not_before"], condition=Q(state__in=WAITING)),
            models.Index(
                name="reminder_for_a_person",
                fields=["clinic", "planned_on"],
                condition=Q(state__in=[ReminderState.DELIVERED], channel=Channel.TASK) | Q(state__in=IN_TROUBLE),
            ),
            models.Index(name="reminder_in_trouble", fields=["patient"], condition=Q(state__in=IN_TROUBLE)),
            models.Index(name="reminder_of_follow_up", fields=["follow_up", "plan"]),
            models.Index(name="reminder_of_patient_latest", fields=["patient", "-id"]),
            models.Index(
                name="reminder_sent_lately", fields=["handed_over_at"], condition=Q(handed_over_at__isnull=False)
            ),
            models.Index(name="reminder_unreceipted", fields=["handed_over_at"], condition=Q(state="handed_over")),
            # The figures of a clinic ask these of the reminders of a year, and not for their words.
            models.Index(
                name="reminder_by_plan",
                fields=["clinic", "planned_on"],
                include=["channel", "state", "rung", "follow_up", "handed_over_at", "created_at", "acknowledged_at"],
            ),
            models.Index(
                name="reminder_told_the_patient",
                fields=["handed_over_at"],
                include=["patient"],
                condition=Q(recipient=Recipient.PATIENT, state__in=ARRIVED),
            ),
        ]

    def __str__(self) -> str:
        return f"reminder {self.code}"


class ReminderEvent(models.Model):
    """One change of a reminder: who or what, when, from, to, why. Append-only."""

    reminder = models.ForeignKey(Reminder, models.PROTECT, related_name="events")
    at = models.DateTimeField(db_default=Now(), editable=False)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    step = models.CharField(max_length=20)
    from_state = models.CharField(max_length=12, blank=True)
    to_state = models.CharField(max_length=12)
    why = models.CharField(max_length=300, blank=True)
    facts = models.JSONField(default=dict)  # the provider's own time and words

    class Meta:
        indexes = [models.Index(name="reminder_event_in_order", fields=["reminder", "id"])]

    def __str__(self) -> str:
        return f"{self.step} of {self.reminder}"
