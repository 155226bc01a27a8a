"""Two records are one person: everything living moves to one of them in one transaction, and can be given back.

What moves is every row that names the patient, whatever its table, so that a table of tomorrow moves too; what stays
(``STAYS``) is what happened to the record itself: the audit trail above all. Nobody is lost by it: the deferred rule of
the database holds for both records at the commit, whatever moved is owed a review by a reader, and a writer who still
holds the record that is gone is refused by the database, not overlooked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from django.db import connection, models, transaction
from django.db.models import F, Max
from django.utils import timezone

from nodules_app.lifecycles import (
    EXAM_MADE,
    FOLLOWED_NODULE,
    OPEN_MDT_CASE,
    OPEN_READING,
    EvidenceKind,
    NoduleState,
    ReadingState,
    RunState,
)
from nodules_app.models import (
    Closure,
    ContactPreference,
    Evidence,
    FollowUp,
    FollowUpKind,
    Nodule,
    Patient,
    PatientMerge,
    RunKind,
    User,
)
from nodules_app.services import follow_ups, merging, moved_exams, runs, steps
from nodules_app.services.audit import record
from nodules_app.services.identity import hold_both
from registration.errors import Refused, gettext_noop

ONE_PERSON: Final = gettext_noop("Two records were joined: they are one person.")
TWO_PERSONS: Final = gettext_noop("Two records were parted again: they are two persons.")
STAYS: Final = frozenset(
    {
        "auditevent",  # who looked at which record
        "emergencyaccess",
        "bulkitem",
        "claim",  # ends by itself
        "unread",  # written by triggers alone
        "patientmerge",
        "exammove",
        "twopersons",
        "heldexam",
    }
)
FIRST: Final = ("study", "assessment", "evidence")  # what others are checked against


class OpenAtBoth(Refused):
    """Both records have something at work of which a person has one at most."""

    code = "open_at_both"
    sentence = gettext_noop("Both records have an open reading, conference case or request to another hospital.")
    remedy = gettext_noop("Finish or take back one of the two first.")


class NotJoined(Refused):
    """The merge was undone."""

    code = "not_joined"
    sentence = gettext_noop("This was undone already.")
    remedy = gettext_noop("Look at the two records.")


@transaction.atomic
def join(*, gone: Patient, kept: Patient, reason: str, by: User) -> PatientMerge:
    """Follow two records as one person from now on: everything of ``gone`` moves to ``kept``.

    Raises
    ------
    OneRecord, TwoClinics, OpenAtBoth
    """
    gone, kept = hold_both(gone, kept)
    _one_at_most(gone, kept)
    highest = kept.nodules.aggregate(highest=Max("number"))["highest"] or 0
    merge = PatientMerge.objects.create(gone=gone, kept=kept, reason=reason, by=by)
    moved = {table: list(rows.values_list("pk", flat=True)) for table, rows in _all_of(gone, kept).items()}
    _move(merge, moved, to=kept, number=F("number") + highest)
    PatientMerge.objects.filter(pk=merge.pk).update(moved={"keys": moved, "numbers_from": highest})
    _one_next_step(kept, by=by)
    moved_exams.compare_anew(kept, by=by)
    _say("patient.joined", merge, by=by)
    runs.request(RunKind.ASSESS, by=by, patient=kept)
    return PatientMerge.objects.get(pk=merge.pk)


@transaction.atomic
def part(*, merge: PatientMerge, reason: str, by: User) -> PatientMerge:
    """Say that they are two persons after all: what was moved goes back, and both are owed a review.

    What was done since belongs to the record that was kept, except what hangs on an exam or a nodule that goes back.

    Raises
    ------
    NotJoined
    OneRecord
        The record that was kept was itself joined with another since; that is to be undone first.
    """
    gone, kept = hold_both(merge.gone, merge.kept, parting=True)
    held = PatientMerge.objects.select_for_update(of=("self",)).get(pk=merge.pk)
    if held.undone_at is not None:
        raise NotJoined
    held.undone_at, held.undone_by, held.undone_because = timezone.now(), by, reason
    held.save(update_fields=["undone_at", "undone_by", "undone_because"])
    keys: dict[str, list[int]] = {table: list(rows) for table, rows in held.moved["keys"].items()}
    _part_nodules(keys.get("nodule", []), by=by)
    keys["followup"] = _steps_that_go(keys, kept)
    keys["reminder"] = list(kept.reminders.filter(follow_up__in=keys["followup"]).values_list("pk", flat=True))
    _move(held, keys, to=gone, number=F("number") - held.moved["numbers_from"])
    moved_exams.part_findings(gone, kept, by=by)
    for one in (gone, kept):
        _owe_again(one, by=by)
        moved_exams.compare_anew(one, by=by)
        runs.request(RunKind.ASSESS, by=by, patient=one)
    _say("patient.parted", held, by=by)
    return held


def tables() -> dict[str, type[models.Model]]:
    """The tables whose rows belong to a patient and move with it, those first against which others are checked."""
    named: dict[str, type[models.Model]] = {
        str(relation.related_model._meta.model_name): relation.related_model  # noqa: SLF001 Django's own name
        for relation in Patient._meta.get_fields(include_hidden=True)  # noqa: SLF001
        if isinstance(relation, models.ManyToOneRel) and relation.field.name == "patient"
    }
    order = sorted(set(named) - STAYS, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name))
    return {name: named[name] for name in order}


def _all_of(gone: Patient, kept: Patient) -> dict[str, models.QuerySet[Any]]:
    """What moves: every row, but work that is asked for anew, and a wish where the other record has one."""
    rows = {table: model._default_manager.filter(patient=gone) for table, model in tables().items()}  # noqa: SLF001
    rows["run"] = rows["run"].exclude(state=RunState.QUEUED, scan__isnull=True, comparison__isnull=True)
    if ContactPreference.objects.filter(patient=kept).exists():
        rows["contactpreference"] = rows["contactpreference"].none()
    return rows


def _move(merge: PatientMerge, keys: dict[str, list[int]], *, to: Patient, number: object) -> None:
    with connection.cursor() as cursor:  # the database lets a recorded merge change the patient of what is append-only
        cursor.execute("SELECT set_config('nodules.joining', %s, true)", [str(merge.code)])
    for table, model in tables().items():
        rows = model._default_manager.filter(pk__in=keys.get(table, ()))  # noqa: SLF001
        rows.update(patient=to, **({"number": number} if model is Nodule else {}))
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('nodules.joining', '', true)")


def _one_at_most(gone: Patient, kept: Patient) -> None:
    """See that nothing of which a person has one at most will stand twice. Raises ``OpenAtBoth``."""
    if all(one.mdt_cases.filter(state__in=OPEN_MDT_CASE).exists() for one in (gone, kept)):
        raise OpenAtBoth
    if all(one.transfers.filter(acknowledged_on=None, taken_back_at=None).exists() for one in (gone, kept)):
        raise OpenAtBoth
    readings = [one.readings.filter(state__in=OPEN_READING).first() for one in (gone, kept)]
    begun = [reading for reading in readings if reading and reading.state != ReadingState.AWAITING]
    if len(begun) == 2:
        raise OpenAtBoth
    if all(readings):
        waiting = [reading for reading in readings if reading and reading.state == ReadingState.AWAITING]
        moved_exams.cover(waiting[0])
    closures = list(Closure.objects.filter(patient__in=[gone, kept], ended_at=None).select_related("evidence"))
    if len(closures) == 2:
        closures.sort(key=lambda one: (_is_death(one), one.created_at))
        _end(closures[0])


def _is_death(closure: Closure) -> bool:
    return closure.evidence is not None and closure.evidence.kind == EvidenceKind.DECEASED


def _end(closure: Closure) -> None:
    closure.ended_at, closure.ended_because = timezone.now(), ONE_PERSON
    closure.save(update_fields=["ended_at", "ended_because"])


def _one_next_step(kept: Patient, *, by: User) -> None:
    """Of two open steps the one with an exam stays, or the sooner one; a reader looks at all nodules together."""
    opened = steps.open_of(kept)
    closure = follow_ups.closure_in_force(kept)
    if closure is not None and closure.evidence is not None and _is_death(closure):
        for step in opened:
            steps.end(step, closure.evidence, reason=ONE_PERSON, by=by)
        return
    for reviews in (True, False):
        alike = [step for step in opened if (step.kind == FollowUpKind.REVIEW) == reviews]
        alike.sort(key=lambda step: (step.state not in EXAM_MADE, step.due_until, step.pk))
        for step in alike[1:]:
            _give_way(step, alike[0], by=by)
    if closure is not None and not opened:
        return  # care has ended for both
    if closure is not None:
        _end(closure)
    _owe_review(kept, by=by, why=ONE_PERSON)


def _give_way(step: FollowUp, stays: FollowUp, *, by: User) -> None:
    stays.nodules.add(*step.nodules.all())
    proof = Evidence(patient=step.patient, kind=EvidenceKind.SUPERSEDED, on=timezone.localdate(), newer=stays, by=by)
    proof.save(force_insert=True)
    steps.end(step, proof, reason=ONE_PERSON, by=by)


def _owe_review(patient: Patient, *, by: User, why: str) -> None:
    for nodule in patient.nodules.filter(state__in=FOLLOWED_NODULE).order_by("pk"):
        follow_ups.owe_review(patient=patient, nodule=nodule, by=by, why=why)


def _part_nodules(keys: Iterable[int], *, by: User) -> None:
    """Follow nodules of the two records by themselves again that were taken for one since."""
    moved = set(keys)
    joined = Nodule.objects.filter(state=NoduleState.MERGED, merged_into__isnull=False)
    across = joined.filter(pk__in=moved).exclude(merged_into__in=moved) | joined.filter(merged_into__in=moved).exclude(
        pk__in=moved
    )
    for nodule in across.order_by("pk"):
        merging.unmerge(nodule=nodule, by=by)


def _steps_that_go(keys: dict[str, list[int]], kept: Patient) -> list[int]:
    """Give back the steps that were moved, and what they ended by since; nobody's step covers the other's nodules.

    A step that ended since by something that stays, an exam of the record that was kept or a newer step there, stays
    with it: it is a part of what was done since.
    """
    back = _ended_by_what_goes(set(keys.get("followup", ())), keys)
    theirs = Nodule.objects.filter(pk__in=keys.get("nodule", ()))
    for step in steps.open_of(kept):
        if step.pk in back:
            step.nodules.remove(*step.nodules.exclude(pk__in=theirs))
    for step in FollowUp.objects.filter(patient=kept, nodules__in=theirs).exclude(pk__in=back).distinct():
        step.nodules.remove(*theirs)
    ended_by = FollowUp.objects.filter(pk__in=back, evidence__isnull=False).values_list("evidence", flat=True)
    keys["evidence"] = sorted({*keys.get("evidence", ()), *ended_by})
    return sorted(back)


def _ended_by_what_goes(back: set[int], keys: dict[str, list[int]]) -> set[int]:
    """The steps that can go back with what ended them; one that stays may hold back another that it superseded."""
    since = FollowUp.objects.filter(pk__in=back, evidence__isnull=False).exclude(evidence__in=keys.get("evidence", ()))
    ended = {step.pk: step.evidence for step in since.select_related("evidence") if step.evidence is not None}
    while stays := {pk for pk, proof in ended.items() if pk in back and not _goes(proof, back, keys)}:
        back = back - stays
    return back


def _goes(proof: Evidence, back: set[int], keys: dict[str, list[int]]) -> bool:
    """Whether all that this evidence names, and all that ended by it, goes back too."""
    named = (
        (proof.newer_id, back),
        (proof.study_id, keys.get("study", ())),
        (proof.assessment_id, keys.get("assessment", ())),
        (proof.transfer_id, keys.get("transfer", ())),
    )
    if any(key is not None and key not in going for key, going in named):
        return False
    ends_more = FollowUp.objects.filter(evidence=proof).exclude(pk__in=back).exists()
    return not ends_more and not proof.closures.exclude(pk__in=keys.get("closure", ())).exists()


def _owe_again(patient: Patient, *, by: User) -> None:
    """Owe a review for what is followed; an open step that covers nothing any more ends."""
    _owe_review(patient, by=by, why=TWO_PERSONS)
    follow_ups.settle(patient=patient, by=by, reason=TWO_PERSONS)


def _say(verb: str, merge: PatientMerge, *, by: User) -> None:
    for one, other in ((merge.gone, merge.kept), (merge.kept, merge.gone)):
        record(verb, one, by=by, merge=merge.code, other=other.code, kept=merge.kept.code)
