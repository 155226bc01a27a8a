"""An exam that was filed under the wrong person goes to the right one, with what was seen on it.

Nothing that was signed is rewritten: what rested on the exam is asked again, pointing back, and both persons are owed
a review by a reader for the nodules that are followed.
"""

from __future__ import annotations

from typing import Final

from django.db import transaction
from django.db.models import F, Max, Q

from nodules_app.lifecycles import FOLLOWED_NODULE, OPEN_READING, READING, NoduleState, ReadingState, after
from nodules_app.models import ExamMove, Finding, Nodule, Patient, Reading, Run, RunKind, Scan, Study, User
from nodules_app.services import arrivals, follow_ups, nodules, runs, scans, steps
from nodules_app.services.audit import record
from nodules_app.services.identity import hold_both
from registration.errors import Refused, gettext_noop

FILED_ANEW: Final = gettext_noop("An exam was filed under another person.")


class ExamMovedMeanwhile(Refused):
    """Somebody else filed it anew."""

    code = "exam_moved_meanwhile"
    sentence = gettext_noop("This exam was moved to another person meanwhile.")
    remedy = gettext_noop("Look at that person's page.")


@transaction.atomic
def move_exam(*, study: Study, goal: Patient, reason: str, by: User) -> ExamMove:
    """File an exam under another person, with its series, points, numbers and the nodules that it alone shows.

    Raises
    ------
    ExamMovedMeanwhile, identity.OneRecord, identity.TwoClinics
    """
    origin, goal = hold_both(study.patient, goal)
    held = Study.objects.select_for_update().get(pk=study.pk)
    if held.patient_id != origin.pk:
        raise ExamMovedMeanwhile
    arrivals.withdrawn(study=held, because=reason, by=by)
    for reading in Reading.objects.select_for_update().filter(scan__study=held, state__in=OPEN_READING):
        cover(reading)
    Study.objects.filter(pk=held.pk).update(patient=goal)
    Run.objects.filter(scan__study=held).update(patient=goal)
    move = ExamMove.objects.create(study=held, origin=origin, goal=goal, reason=reason, by=by)
    part_findings(origin, goal, by=by)
    arrivals.received(Study.objects.get(pk=held.pk))
    for one, verb in ((origin, "exam.moved_away"), (goal, "exam.moved_here")):
        follow_ups.settle(patient=one, by=by, reason=FILED_ANEW)
        compare_anew(one, by=by)
        record(verb, one, by=by, move=move.code, study=held.code)
        runs.request(RunKind.ASSESS, by=by, patient=one)
    return move


def cover(reading: Reading) -> None:
    """End an open reading because another one covers its exam."""
    reading.state = after(READING, ReadingState(reading.state), "cover")
    reading.save(update_fields=["state"])


def part_findings(one: Patient, other: Patient, *, by: User) -> None:
    """Let no nodule of a person be seen on an exam of another, and compare no exams of two persons.

    A nodule that only the other person's exams show goes with them; of one that both show, the places on the other
    person's exams become a nodule of that person.
    """
    across = Finding.objects.filter(nodule__patient__in=[one, other], superseded_at__isnull=True)
    across = across.exclude(nodule__patient=F("scan__study__patient")).select_related("nodule", "scan__study__patient")
    for finding in across.order_by("pk"):
        _part_finding(finding, by=by)
    mixed = Q(comparisons_as_current__prior__superseded_at__isnull=True) & ~Q(
        comparisons_as_current__prior__study__patient=F("study__patient")
    )
    mixed |= Q(comparisons_as_prior__current__superseded_at__isnull=True) & ~Q(
        comparisons_as_prior__current__study__patient=F("study__patient")
    )
    taken = Scan.objects.filter(mixed, study__patient=other, superseded_at__isnull=True).distinct()
    for scan in taken.select_related("series", "study").order_by("pk"):
        scans.choose_other_series(scan=scan, series=scan.series, by=by)  # the same one, with nothing compared yet


def _part_finding(finding: Finding, *, by: User) -> None:
    nodule = Nodule.objects.get(pk=finding.nodule_id)
    whose = finding.scan.study.patient
    if nodule.patient_id == whose.pk:
        return  # went with an earlier finding
    elsewhere = nodule.findings.filter(superseded_at__isnull=True, present=True).exclude(scan__study__patient=whose)
    if not elsewhere.exists() and nodule.state != NoduleState.MERGED:
        _give(nodule, whose, by=by)
        return
    nodules.supersede(finding)
    if finding.present and nodule.state in FOLLOWED_NODULE:
        nodules.mark_nodule(scan=finding.scan, lps_mm=finding.lps_mm, by=by)


def _give(nodule: Nodule, whose: Patient, *, by: User) -> None:
    for step in steps.open_of(nodule.patient):
        step.nodules.remove(nodule)
    highest = whose.nodules.aggregate(highest=Max("number"))["highest"] or 0
    Nodule.objects.filter(pk=nodule.pk).update(patient=whose, number=highest + 1)
    if nodule.state in FOLLOWED_NODULE:
        follow_ups.owe_review(patient=whose, nodule=Nodule.objects.get(pk=nodule.pk), by=by, why=FILED_ANEW)


def compare_anew(patient: Patient, *, by: User) -> None:
    """Ask for the registration of neighbouring scans that nobody has compared yet."""
    for scan in scans.scans_in_order(patient):
        for pair in scans.neighbours_to_compare(scan):
            ready = pair.prior.lung_right_ml is not None and pair.current.lung_right_ml is not None
            if pair.current_id == scan.pk and ready and not pair.registrations.exists():
                runs.request(RunKind.REGISTER, by=by, patient=patient, comparison=pair)
