"""What an exam that came in means for the open step, whoever asked for it: an emergency CT counts as well."""

from __future__ import annotations

from django.db import transaction

from nodules_app.lifecycles import EXAM_MADE, FOLLOWED_NODULE, FollowUpState
from nodules_app.models import Evidence, FollowUp, FollowUpKind, RunKind, Study, User
from nodules_app.services import follow_ups, runs, steps
from registration.errors import gettext_noop

EXAM_WITHDRAWN = gettext_noop("The exam that counted does not belong to this patient's follow-up.")


@transaction.atomic
def received(study: Study) -> FollowUp | None:
    """Let an exam answer the open CT that was asked for before it was made; what it shows is awaited from now on.

    Returns
    -------
    FollowUp or None
        The step, with the exam; None when no open step asks for an exam of that day.
    """
    patient = steps.hold_patient(study.patient_id)
    for step in steps.open_of(patient):
        awaited = step.kind == FollowUpKind.CT and step.state not in EXAM_MADE
        if awaited and study.acquired_on is not None and follow_ups.asked_on(step) < study.acquired_on:
            return steps.move(step, "perform", by=None, why=follow_ups.EXAM_WAS_RECEIVED, exam=study)
    return None


@transaction.atomic
def set_aside(*, follow_up: FollowUp, because: str, by: User, seen: int | None = None) -> FollowUp:
    """A clinician says that the exam does not answer the step's question: the step is owed again, signed as it was."""
    return steps.move(steps.hold(follow_up, seen=seen), "set_aside", by=by, why=because, exam=None)


@transaction.atomic
def withdrawn(*, study: Study, because: str, by: User) -> None:
    """An exam counts no more (another person's, a mistake): what it answered is asked again, pointing back.

    Open steps go back to be arranged. A step that ended by the exam stays as it ended, and a reader's review of its
    nodules succeeds it; the guidelines are asked again without the exam.
    """
    patient = steps.hold_patient(study.patient_id)
    for step in steps.open_of(patient):
        if step.exam_id == study.pk and step.state in EXAM_MADE:
            steps.move(step, "set_aside", by=by, why=because or EXAM_WITHDRAWN, exam=None)
    ended_by_it = Evidence.objects.filter(study=study)
    for step in FollowUp.objects.filter(evidence__in=ended_by_it, state=FollowUpState.CLOSED).order_by("pk"):
        for nodule in step.nodules.filter(state__in=FOLLOWED_NODULE):
            follow_ups.owe_review(patient=patient, nodule=nodule, by=by, succeeds=step, why=because or EXAM_WITHDRAWN)
    runs.request(RunKind.ASSESS, by=by, patient=patient)
