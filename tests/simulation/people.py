"""What happens to one patient: the acts of the clinic's staff, through the services, in the order that life brings."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import uuid4

from django.db import transaction

from nodules_app.lifecycles import (
    EXAM_MADE,
    FOLLOWED_NODULE,
    AppointmentState,
    EvidenceKind,
    FollowUpState,
    NoduleState,
)
from nodules_app.models import (
    Appointment,
    FollowUp,
    FollowUpKind,
    Nodule,
    OverrideReason,
    Patient,
    PatientMerge,
    Run,
    RunKind,
    Scan,
    Series,
    Study,
    User,
)
from nodules_app.selectors.identity import followed_as
from nodules_app.services import (
    arrivals,
    assessments,
    decisions,
    endings,
    follow_ups,
    joining,
    merging,
    moved_exams,
    nodules,
    runs,
    scheduling,
)
from tests import factories

WHY: Final = "It happened in the simulation."
RULES: Final = {"FLEISCHNER2017": ("ct_6_12m_then_18_24m", 180, 365), "BTS2015": ("bts_ct_12m", 330, 400)}
Act = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Team:
    """Who works in a clinic, and its scanner, where slots are booked."""

    physician: User
    coordinator: User
    scanner: object


@dataclass
class Life:
    """A patient in the simulation: how often they come, and what they do next."""

    key: int
    rounds: int

    def record(self) -> Patient:
        """Give the record under which the person is followed today."""
        return followed_as(Patient.objects.select_related("clinic").get(pk=self.key))


def new_exam(patient: Patient, on: date) -> Scan:
    """An exam as intake stores it."""
    study = Study.objects.create(patient=patient, study_uid=f"2.25.{uuid4().int}", acquired_on=on)
    series = Series.objects.create(
        study=study,
        series_uid=f"2.25.{uuid4().int}",
        slices=300,
        rows=512,
        columns=512,
        spacing_z_mm=1,
        spacing_y_mm=0.7,
        spacing_x_mm=0.7,
    )
    return Scan.objects.create(study=study, series=series)


def read_run(run: Run) -> Callable[[], Mapping[str, str]]:
    """Answer for the guidelines: what the simulated reader saw decides the rule, the product plans the step."""
    key, chance = run.patient_id, random.Random(run.pk)

    @transaction.atomic
    def store() -> Mapping[str, str]:
        held = Patient.objects.select_for_update(of=("self",)).select_related("clinic").get(pk=key)
        followed = list(held.nodules.filter(state__in=FOLLOWED_NODULE).order_by("number"))
        last = Study.objects.filter(patient=held, acquired_on__isnull=False).order_by("-acquired_on").first()
        if not followed or last is None or last.acquired_on is None:
            return {}
        _ask(held, followed, last.acquired_on, chance)
        return {"assess": "simulated"}

    return store


def _ask(held: Patient, followed: list[Nodule], exam_on: date, chance: random.Random) -> None:
    exams = Study.objects.filter(patient=held).count()
    guideline = held.clinic.guideline_incidental
    management, soonest, latest = RULES[guideline]
    kind = FollowUpKind.CT
    if exams > 2 + held.pk % 4:
        kind, management, soonest, latest = FollowUpKind.DISCHARGE, "no_routine_followup", 0, 30
    elif chance.random() < 0.25:
        management, soonest, latest = "bts_ct_3m", 30, 75  # soon, so that messages leave within weeks
    elif chance.random() < 0.04:
        kind, management, soonest, latest = FollowUpKind.WORKUP, "ct_3m_or_pet_or_biopsy", 0, 30
    told = factories.result(guideline, management, f"SIMULATED.{exams}")
    (row,) = assessments.store_answer(held, {"exams": [{"date": exam_on.isoformat()}]}, {"results": [told]})
    window = (exam_on + timedelta(days=soonest), exam_on + timedelta(days=(soonest + latest) // 2))
    unread = followed[-1:] if chance.random() < 0.02 else []
    follow_ups.propose(
        assessment=row,
        kind=kind,
        window=(*window, exam_on + timedelta(days=latest)),
        nodules=followed,
        still_unread=unread,
    )


class Hands:
    """The acts of a clinic on a patient; each is one click of somebody, or the arrival of something."""

    def __init__(self, chance: random.Random, teams: Mapping[int, Team]) -> None:
        self.chance, self.teams = chance, teams

    def mark(self, life: Life) -> None:
        patient = life.record()
        scan = Scan.objects.filter(study__patient=patient).select_related("study").order_by("-pk").first()
        if scan is None:
            return
        for place in range(1 + life.key % 3 // 2):
            nodules.mark_nodule(scan=scan, lps_mm=(20.0 * place, 10.0 * (scan.pk % 7), 0.0), by=self.by(patient))
        runs.request(RunKind.ASSESS, by=None, patient=patient)

    def by(self, patient: Patient) -> User:
        return self.teams[patient.clinic_id].physician

    def open_step(self, life: Life) -> FollowUp | None:
        """The step that calls for something to be done, else the review."""
        opened = FollowUp.objects.filter(patient=life.record(), closed_at=None).select_related("patient__clinic")
        steps = sorted(opened, key=lambda step: step.kind == FollowUpKind.REVIEW)
        return steps[0] if steps else None

    def sign(self, life: Life) -> None:
        step = self.open_step(life)
        if step is None or step.state != FollowUpState.PROPOSED or step.kind == FollowUpKind.REVIEW:
            return
        if step.kind == FollowUpKind.DISCHARGE:
            endings.discharge(patient=step.patient, reason=WHY, by=self.by(step.patient))
        elif self.chance.random() < 0.06:
            window = (step.due_from, step.target_on, step.due_until + timedelta(days=20))
            told = {"management": "clinician_choice", "window": window, "reason": WHY}
            decisions.override(
                follow_up=step,
                kind=FollowUpKind.CT,
                reason_code=OverrideReason.WISH,
                by=self.by(step.patient),
                **told,
            )
        else:
            decisions.accept(follow_up=step, by=self.by(step.patient), seen=step.version)

    def book(self, life: Life, on: date) -> date | None:
        """Give a signed CT its day, in the calendar for a part; the day on which the patient is expected."""
        step = self.open_step(life)
        if step is None or step.kind != FollowUpKind.CT or step.state in (FollowUpState.PROPOSED, *EXAM_MADE):
            return None
        day = max(on, step.due_from + timedelta(days=self.chance.randint(0, 40)))
        team = self.teams[step.patient.clinic_id]
        if life.key % 8 == 0:
            minutes = 20 * self.chance.randint(0, 20)
            at = datetime.combine(day, time(), UTC) + timedelta(hours=12, minutes=minutes)
            scheduling.give_slot(
                follow_up=step, resource=team.scanner, starts_at=at, by=team.coordinator, why_outside_window=WHY
            )
        else:
            follow_ups.book(step, on=day, by=team.coordinator, why_outside_window=WHY, seen=step.version)
        return day

    def miss(self, life: Life) -> None:
        step = self.open_step(life)
        if step is None or step.state != FollowUpState.BOOKED:
            return
        slot = Appointment.objects.filter(follow_up=step, state=AppointmentState.BOOKED).first()
        by = self.teams[step.patient.clinic_id].coordinator
        if slot is not None:
            scheduling.miss(appointment=slot, because=WHY, by=by)
        else:
            follow_ups.miss(step, by=by, because=WHY)

    @transaction.atomic
    def come(self, life: Life, on: date) -> None:
        """The exam arrives, whoever asked for it, and shows the nodules that are followed."""
        patient = Patient.objects.select_for_update(of=("self",)).get(pk=life.record().pk)
        if Study.objects.filter(patient=patient, acquired_on__gte=on).exists():
            return  # it came with an earlier attempt
        scan = new_exam(patient, on)
        for nodule in patient.nodules.filter(state__in=FOLLOWED_NODULE):
            factories.finding(nodule, scan, (20.0 * nodule.number, 0.0, 0.0))
        arrivals.received(scan.study)
        runs.request(RunKind.ASSESS, by=None, patient=patient)

    def review(self, life: Life) -> None:
        """A reader has looked: the guidelines are asked again, and a review that nothing else ends is signed off."""
        step = self.open_step(life)
        if step is not None and step.kind == FollowUpKind.REVIEW:
            runs.request(RunKind.ASSESS, by=None, patient=step.patient)

    def end_workup(self, life: Life) -> None:
        step = self.open_step(life)
        if step is not None and step.kind == FollowUpKind.WORKUP:
            endings.end_step(follow_up=step, kind=EvidenceKind.SIGNED, reason=WHY, by=self.by(step.patient))

    def turn(self, life: Life, name: str, on: date, other: Life) -> None:
        """One of the turns that a life can take."""
        patient = life.record()
        by = self.by(patient)
        transfer = patient.transfers.filter(acknowledged_on=None, taken_back_at=None).first()
        turns: dict[str, Act] = {
            "died": lambda: endings.record_death(patient=patient, on=on, source="Registry", confirmed=True, by=by),
            "declined": lambda: endings.decline(patient=patient, reason=WHY, explained=WHY, letter_on=on, by=by),
            "declined for now": lambda: endings.decline(
                patient=patient,
                reason=WHY,
                explained=WHY,
                letter_on=on,
                by=by,
                offer_again_on=on + timedelta(days=60),
            ),
            "withdrawn": lambda: endings.withdraw(patient=patient, reason=WHY, on=on, by=by),
            "transfer asked": lambda: endings.ask_transfer(
                patient=patient, organisation="North", recipient="Clinic", on=on, by=by
            ),
            "transfer acknowledged": lambda: (
                transfer and endings.acknowledge_transfer(transfer=transfer, acknowledged_by="N", on=on, by=by)
            ),
            "followed again": lambda: endings.reopen(patient=patient, reason=WHY, by=by),
            "nodules joined": lambda: self._join_nodules(patient, by),
            "nodules parted": lambda: self._part_nodules(patient, by),
            "nodule called none": lambda: self._reject(patient, by),
            "linked anew": lambda: self._relink(patient, by),
            "records joined": lambda: self._join(patient, other, by),
            "records parted": lambda: self._part(patient, by),
            "exam filed anew": lambda: self._move_exam(patient, other, by),
        }
        turns[name]()

    def _join_nodules(self, patient: Patient, by: User) -> None:
        two = list(patient.nodules.filter(state=NoduleState.ACTIVE)[:2])
        if len(two) == 2:
            merging.merge(nodule=two[1], into=two[0], by=by)

    def _part_nodules(self, patient: Patient, by: User) -> None:
        joined = patient.nodules.filter(state=NoduleState.MERGED).first()
        if joined is not None:
            merging.unmerge(nodule=joined, by=by)

    def _reject(self, patient: Patient, by: User) -> None:
        nodule = patient.nodules.filter(state=NoduleState.ACTIVE).last()
        if nodule is not None:
            nodules.reject(nodule=nodule, by=by)

    def _relink(self, patient: Patient, by: User) -> None:
        """Put a finding elsewhere: what was seen there is another nodule."""
        nodule = patient.nodules.filter(state=NoduleState.ACTIVE).last()
        found = nodule.findings.filter(superseded_at=None).select_related("scan", "nodule").last() if nodule else None
        if found is not None:
            x, y, z = found.lps_mm
            nodules.move_point(finding=found, lps_mm=(x + 60, y, z), by=by)
            nodules.mark_nodule(scan=found.scan, lps_mm=(x, y, z), by=by)

    def _join(self, patient: Patient, other: Life, by: User) -> None:
        into = other.record()
        if into.clinic_id == patient.clinic_id and into.pk != patient.pk:
            joining.join(gone=patient, kept=into, reason=WHY, by=by)

    def _part(self, patient: Patient, by: User) -> None:
        merge = PatientMerge.objects.filter(kept=patient, undone_at=None).order_by("-pk").first()
        if merge is not None:
            joining.part(merge=merge, reason=WHY, by=by)

    def _move_exam(self, patient: Patient, other: Life, by: User) -> None:
        study = Study.objects.filter(patient=patient).order_by("-acquired_on").select_related("patient").first()
        goal = other.record()
        if study is not None and goal.clinic_id == patient.clinic_id and goal.pk != patient.pk:
            moved_exams.move_exam(study=study, goal=goal, reason=WHY, by=by)
