"""Exams that nobody has read and no step asks for: each patient gets a dated review, each late exam a named answer.

Without a nodule the rule "nobody is lost" has nothing to hold on to; an exam that was taken in and forgotten is how
people are lost before anybody marked anything.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone

from nodules_app.lifecycles import OPEN_FOLLOW_UP, SIGNED_READING
from nodules_app.models import (
    ExamAnswer,
    FollowUp,
    FollowUpKind,
    Patient,
    Reading,
    Study,
    User,
)
from nodules_app.services import endings, follow_ups, policy, steps
from nodules_app.services.audit import record
from registration.errors import Refused, gettext_noop

EXAM_TO_READ = gettext_noop("An exam came in and nobody has read it.")


class ExamAnswered(Refused):
    """Somebody was quicker."""

    code = "exam_answered"
    sentence = gettext_noop("{who} has answered for this exam already.")
    remedy = gettext_noop("Look at the patient's page.")


@transaction.atomic
def owe_reading(patient: Patient) -> FollowUp | None:
    """Owe a reader's review, with its day, to a patient with an exam and without any step.

    Returns
    -------
    FollowUp or None
        None where a step is open already, or care has ended: then the exam waits among the late arrivals.
    """
    held = steps.hold_patient(patient)
    if FollowUp.objects.filter(patient=held, state__in=OPEN_FOLLOW_UP).exists():
        return None
    if follow_ups.closure_in_force(held) is not None:
        return None
    today = timezone.localdate()
    within_days = policy.of(held).within_days[FollowUpKind.REVIEW]
    review = FollowUp(
        patient=held,
        kind=FollowUpKind.REVIEW,
        due_from=today,
        target_on=today,
        due_until=today + timedelta(days=within_days),
    )
    return steps.begin(review, nodules=(), by=None, why=EXAM_TO_READ)


def owe_all(*, most: int = 500) -> int:
    """Give a dated review to everybody who has an exam, no nodule, no step and no recorded end; gives how many.

    Exams owe their review when they come in; this finds those that came before there was such a rule, and would find
    whoever slipped through.
    """
    unread = Patient.objects.filter(
        ~Exists(FollowUp.objects.filter(patient=OuterRef("pk"))),
        ~Exists(Reading.objects.filter(patient=OuterRef("pk"), state__in=SIGNED_READING)),
        unread__isnull=False,
    )
    return sum(owe_reading(patient) is not None for patient in unread.order_by("pk")[:most])


@transaction.atomic
def answer(*, study: Study, follow_again: bool, reason: str, by: User) -> ExamAnswer:
    """Answer for an exam that came after care had ended: follow the patient again, or say why nothing is to be done.

    Raises
    ------
    ExamAnswered, CareGoesOn
    """
    patient = steps.hold_patient(study.patient_id)
    earlier = ExamAnswer.objects.filter(study=study).select_related("by").first()
    if earlier is not None:
        raise ExamAnswered(who=str(earlier.by))
    if follow_again:
        endings.reopen(patient=patient, reason=reason, by=by)
        owe_reading(patient)  # without a nodule the reopening owes nothing, and the exam is still unread
    said = ExamAnswer.objects.create(study=study, by=by, followed_again=follow_again, reason=reason)
    record("exam.answered", patient, by=by, exam=study.code, followed_again=follow_again)
    return said
