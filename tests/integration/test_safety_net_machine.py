"""Random legal and illegal steps, alone and two at once, on the real PostgreSQL: nobody is ever lost."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from itertools import count, pairwise

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, F, Q
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from nodules_app.lifecycles import (
    ENDED_FOLLOW_UP,
    FOLLOW_UP,
    FOLLOWED_NODULE,
    OPEN_FOLLOW_UP,
    EvidenceKind,
    FollowUpState,
    NoSuchStep,
)
from nodules_app.models import FollowUp, FollowUpKind, Nodule, OverrideReason, Patient, Role, User
from nodules_app.selectors.safety_net import uncovered_nodules
from nodules_app.services import arrivals, decisions, endings, follow_ups, merging, nodules, steps
from registration.errors import Refused
from tests import factories

BASELINE = date(2026, 5, 19)
WHY = "A reason."
Act = Callable[[], object]
days = st.integers(0, 400)
kinds = st.sampled_from([FollowUpKind.CT, FollowUpKind.WORKUP, FollowUpKind.DISCHARGE])
numbers = count(1)


class Clinic(RuleBasedStateMachine):
    """One patient in the hands of people who do everything in any order, and of somebody with SQL."""

    patient: Patient
    by: User

    @initialize()
    def begin(self) -> None:
        self.patient = factories.nodule(factories.patient()).patient
        self.by = factories.member(Role.PHYSICIAN)
        self.days = count(1)

    def did(self, act: Act) -> bool:
        """Do it as a page would; a sentence instead is allowed, a fault of the database is not."""
        try:
            act()
        except (Refused, NoSuchStep):
            return False
        return True

    def any_step(self, pick: int) -> FollowUp:
        found = list(self.patient.follow_ups.order_by("pk"))
        return found[pick % len(found)]

    def any_nodule(self, pick: int) -> Nodule:
        found = list(self.patient.nodules.order_by("pk"))
        return found[pick % len(found)]

    # ---------------------------------------------------------------- what may be asked

    def rules_speak(self, kind: FollowUpKind, day: int, unread: bool) -> Act:
        exam_on = BASELINE + timedelta(days=day)
        told = factories.result("FLEISCHNER2017", "ct_12m", f"RULE.{day % 3}")
        window = (exam_on + timedelta(days=90), exam_on + timedelta(days=100), exam_on + timedelta(days=120))

        @transaction.atomic
        def act() -> None:
            held = steps.hold_patient(self.patient)
            followed = list(held.nodules.filter(state__in=FOLLOWED_NODULE))
            if followed:
                follow_ups.propose(
                    assessment=factories.assessment(held, told, exam_on=exam_on),
                    kind=kind,
                    window=window,
                    nodules=followed,
                    still_unread=followed[:1] if unread else [],
                )

        return act

    def on_step(self, name: str, pick: int, day: int) -> Act:
        step, on = self.any_step(pick), BASELINE + timedelta(days=day)
        window = (on, on, on + timedelta(days=10))
        acts: dict[str, Act] = {
            "accept": lambda: decisions.accept(follow_up=step, by=self.by),
            "override": lambda: decisions.override(
                follow_up=step,
                kind=list(FollowUpKind)[pick % 4],
                management="clinician_choice",
                window=window,
                reason_code=OverrideReason.OTHER,
                reason=WHY,
                by=self.by,
            ),
            "book": lambda: follow_ups.book(step, on=on, by=self.by, why_outside_window=WHY if pick % 2 else ""),
            "unbook": lambda: follow_ups.unbook(step, by=self.by, because=WHY),
            "miss": lambda: follow_ups.miss(step, by=self.by, because=WHY),
            "defer": lambda: follow_ups.defer(step, window=window, because=WHY, by=self.by),
            "suspect": lambda: follow_ups.suspect_lost(step, because=WHY, by=None),
            "find": lambda: follow_ups.find(step, because=WHY, by=self.by),
            "set aside": lambda: arrivals.set_aside(follow_up=step, because=WHY, by=self.by),
            "sign off": lambda: endings.end_step(follow_up=step, kind=EvidenceKind.SIGNED, reason=WHY, by=self.by),
            "error": lambda: endings.end_step(
                follow_up=step, kind=EvidenceKind.ENTERED_IN_ERROR, reason=WHY, by=self.by
            ),
            "assign": lambda: steps.assign(follow_up=step, owner=self.by, by=self.by, seen=step.version),
        }
        return acts[name]

    def on_patient(self, name: str, day: int) -> Act:
        who, by, on = self.patient, self.by, BASELINE + timedelta(days=day)
        transfer = who.transfers.order_by("-pk").first()
        acts: dict[str, Act] = {
            "discharge": lambda: endings.discharge(patient=who, reason=WHY, by=by),
            "decline": lambda: endings.decline(patient=who, reason=WHY, explained=WHY, letter_on=on, by=by),
            "decline for now": lambda: endings.decline(
                patient=who, reason=WHY, explained=WHY, letter_on=on, by=by, offer_again_on=on + timedelta(days=30)
            ),
            "withdraw": lambda: endings.withdraw(patient=who, reason=WHY, on=on, by=by),
            "die": lambda: endings.record_death(patient=who, on=on, source=WHY, confirmed=True, by=by),
            "ask": lambda: endings.ask_transfer(patient=who, organisation="North", recipient="N", on=on, by=by),
            "reopen": lambda: endings.reopen(patient=who, reason=WHY, by=by),
            "exam": lambda: arrivals.received(factories.scan(who, on).study),
            "mark": lambda: nodules.mark_nodule(
                scan=factories.scan(who, on), lps_mm=(float(next(numbers)), 0.0, 0.0), by=by
            ),
        }
        if transfer is not None:
            acts["acknowledge"] = lambda: endings.acknowledge_transfer(
                transfer=transfer, acknowledged_by="N", on=on, by=by
            )
            acts["take back"] = lambda: endings.take_back_transfer(transfer=transfer, by=by)
        return acts.get(name, acts["exam"])

    # ---------------------------------------------------------------- one at a time

    @rule(kind=kinds, day=days, unread=st.booleans())
    def the_rules_speak(self, kind: FollowUpKind, day: int, unread: bool) -> None:
        self.did(self.rules_speak(kind, day, unread))

    STEP_ACTS = st.sampled_from(
        [
            "accept",
            "override",
            "book",
            "unbook",
            "miss",
            "defer",
            "suspect",
            "find",
            "set aside",
            "sign off",
            "error",
            "assign",
        ]
    )
    PATIENT_ACTS = st.sampled_from(
        [
            "discharge",
            "decline",
            "decline for now",
            "withdraw",
            "die",
            "ask",
            "reopen",
            "exam",
            "mark",
            "acknowledge",
            "take back",
        ]
    )

    @rule(name=STEP_ACTS, pick=days, day=days)
    def act_on_a_step(self, name: str, pick: int, day: int) -> None:
        self.did(self.on_step(name, pick, day))

    @rule(name=PATIENT_ACTS, day=days)
    def act_on_the_patient(self, name: str, day: int) -> None:
        self.did(self.on_patient(name, day))

    @rule(pick=days)
    def reject_a_nodule(self, pick: int) -> None:
        self.did(lambda: nodules.reject(nodule=self.any_nodule(pick), by=self.by))

    @rule(pick=days)
    def reopen_a_nodule(self, pick: int) -> None:
        self.did(lambda: nodules.reopen(nodule=self.any_nodule(pick), by=self.by))

    @rule(pick=days, other=days)
    def join_two_nodules(self, pick: int, other: int) -> None:
        self.did(lambda: merging.merge(nodule=self.any_nodule(pick), into=self.any_nodule(other), by=self.by))

    @rule(pick=days)
    def part_two_nodules(self, pick: int) -> None:
        self.did(lambda: merging.unmerge(nodule=self.any_nodule(pick), by=self.by))

    @rule(pick=days)
    def withdraw_an_exam(self, pick: int) -> None:
        exams = list(self.patient.studies.order_by("pk"))
        if exams:
            self.did(lambda: arrivals.withdrawn(study=exams[pick % len(exams)], because=WHY, by=self.by))

    # ---------------------------------------------------------------- two at once

    @rule(names=st.tuples(STEP_ACTS, PATIENT_ACTS | STEP_ACTS), picks=st.tuples(days, days), day=days)
    def two_people_at_once(self, names: tuple[str, str], picks: tuple[int, int], day: int) -> None:
        first = self.on_step(names[0], picks[0], day)
        try:
            second = self.on_step(names[1], picks[1], day)
        except KeyError:
            second = self.on_patient(names[1], day)

        def apart(act: Act) -> bool:
            try:
                return self.did(act)
            finally:
                connection.close()

        with ThreadPoolExecutor(2) as people:
            for done in [people.submit(apart, first), people.submit(apart, second)]:
                done.result(20)

    # ---------------------------------------------------------------- somebody with SQL

    @rule(pick=days, state=st.sampled_from(FollowUpState), honest=st.booleans())
    def move_a_step_by_hand(self, pick: int, state: FollowUpState, honest: bool) -> None:
        """Set a state by SQL; without its record and its evidence it never holds."""
        step = self.any_step(pick)
        legal = (step.state, state) in {(before, goal) for (before, _step), goal in FOLLOW_UP.items()}
        try:
            with transaction.atomic():
                FollowUp.objects.filter(pk=step.pk).update(state=state, version=F("version") + 1)
                if honest:
                    step.changes.create(
                        version=step.version + 1, step="close", from_state=step.state, to_state=state, by=self.by
                    )
        except DatabaseError:
            return
        assert state == step.state or (honest and legal and state not in ENDED_FOLLOW_UP)

    @rule(pick=days)
    def take_a_nodule_out_of_a_step(self, pick: int) -> None:
        with pytest.raises(DatabaseError) if self.is_only_cover(step := self.any_step(pick)) else transaction.atomic():
            step.nodules.clear()

    def is_only_cover(self, step: FollowUp) -> bool:
        if step.state not in OPEN_FOLLOW_UP or follow_ups.closure_in_force(self.patient):
            return False
        elsewhere = Q(follow_ups__state__in=OPEN_FOLLOW_UP) & ~Q(follow_ups=step)
        held = step.nodules.filter(state__in=FOLLOWED_NODULE)
        return any(not Nodule.objects.filter(elsewhere, pk=one.pk).exists() for one in held)

    # ---------------------------------------------------------------- what always holds

    @invariant()
    def nobody_is_lost(self) -> None:
        assert uncovered_nodules() == ()

    @invariant()
    def one_step_and_one_review_at_most(self) -> None:
        if hasattr(self, "patient"):
            lanes = self.patient.follow_ups.filter(state__in=OPEN_FOLLOW_UP).aggregate(
                steps=Count("pk", filter=~Q(kind=FollowUpKind.REVIEW)),
                reviews=Count("pk", filter=Q(kind=FollowUpKind.REVIEW)),
            )
            assert lanes["steps"] <= 1
            assert lanes["reviews"] <= 1

    @invariant()
    def what_ended_ended_by_evidence_and_every_change_is_told(self) -> None:
        if not hasattr(self, "patient"):
            return
        for step in self.patient.follow_ups.prefetch_related("changes"):
            assert (step.state in ENDED_FOLLOW_UP) == (step.evidence_id is not None)
            told = sorted(step.changes.all(), key=lambda change: change.version)
            assert all(before.to_state == later.from_state for before, later in pairwise(told))
            if told:
                assert told[-1].to_state == step.state


@pytest.mark.django_db(transaction=True)
def test_nobody_is_lost_whatever_people_do() -> None:
    run_state_machine_as_test(
        Clinic,
        settings=settings(
            max_examples=12,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
            phases=[Phase.generate],  # to shrink a failure takes minutes here; its steps are printed as they were
        ),
    )
