"""Two people at one moment, each with a connection of their own: the database, the acts and the pages."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg2.extensions as levels
import pytest
from django.db import DatabaseError, NotSupportedError, OperationalError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodules_app.lifecycles import EvidenceKind, FollowUpState, NoSuchStep
from nodules_app.models import Decision, Evidence, FollowUp, FollowUpKind, Nodule, Role, User
from nodules_app.selectors.safety_net import uncovered_nodules
from nodules_app.services import decisions
from nodules_app.services.steps import ChangedMeanwhile
from tests import factories
from tests.integration.browsing import words

pytestmark = pytest.mark.django_db(transaction=True)


def elsewhere(act: Callable[[], object]) -> Callable[[], Exception | None]:
    """Do it on a connection of its own, and give what came of it."""

    def apart() -> Exception | None:
        try:
            act()
        except (DatabaseError, ChangedMeanwhile, NoSuchStep) as refused:
            return refused
        finally:
            connection.close()
        return None

    return apart


def at_once(*acts: Callable[[], object]) -> list[Exception | None]:
    with ThreadPoolExecutor(len(acts)) as people:
        return [done.result(30) for done in [people.submit(elsewhere(act)) for act in acts]]


@pytest.fixture
def nodule() -> Nodule:
    return factories.nodule(factories.patient())


@pytest.fixture
def covers(nodule: Nodule) -> list[FollowUp]:
    """Two open steps that both cover the one nodule."""
    factories.follow_up(nodule.patient, [nodule], kind=FollowUpKind.CT)
    return list(nodule.follow_ups.order_by("pk"))


def end_by_sql(step: FollowUp, proof: Evidence, together: Barrier, level: int) -> Callable[[], None]:
    """End one cover behind the services' back, and commit only when the other has been ended too."""

    def act() -> None:
        connection.ensure_connection()
        connection.connection.set_isolation_level(level)
        with transaction.atomic():
            FollowUp.objects.filter(pk=step.pk).update(
                state=FollowUpState.CLOSED, version=2, evidence=proof, closing_reason="x", closed_at=timezone.now()
            )
            step.changes.create(version=2, step="close", from_state=step.state, to_state=FollowUpState.CLOSED)
            together.wait(10)

    return act


@pytest.mark.parametrize("level", [levels.ISOLATION_LEVEL_READ_COMMITTED, levels.ISOLATION_LEVEL_SERIALIZABLE])
def test_of_two_who_each_close_one_of_two_covers_one_is_refused(covers: list[FollowUp], level: int) -> None:
    patient, by, together = covers[0].patient, factories.member(), Barrier(2)
    proof = Evidence.objects.create(
        patient=patient, kind=EvidenceKind.SIGNED, on=timezone.localdate(), by=by, signed=True, reason="x"
    )
    told = at_once(*(end_by_sql(step, proof, together, level) for step in covers))
    assert sum(refused is None for refused in told) == 1
    (refused,) = (one for one in told if one is not None)
    lost = "neither an open follow-up nor a closure" in str(refused)
    assert lost or (level == levels.ISOLATION_LEVEL_SERIALIZABLE and isinstance(refused, OperationalError))
    assert uncovered_nodules() == ()


def test_who_would_look_at_the_past_is_refused_whole(covers: list[FollowUp]) -> None:
    patient, by, together = covers[0].patient, factories.member(), Barrier(2)
    proof = Evidence.objects.create(
        patient=patient, kind=EvidenceKind.SIGNED, on=timezone.localdate(), by=by, signed=True, reason="x"
    )
    told = at_once(*(end_by_sql(step, proof, together, levels.ISOLATION_LEVEL_REPEATABLE_READ) for step in covers))
    assert all(isinstance(refused, NotSupportedError) for refused in told)
    assert uncovered_nodules() == ()


def test_of_two_who_sign_one_step_one_is_told_about_the_other() -> None:
    step = factories.followed_patient().follow_ups.get()
    people = [factories.member(), factories.member()]

    def sign(by: User) -> Callable[[], object]:
        return lambda: decisions.accept(follow_up=step, by=by, seen=1)

    told = at_once(*map(sign, people))
    (refused,) = (one for one in told if one is not None)
    assert isinstance(refused, ChangedMeanwhile)
    winner = people[told.index(None)]
    assert refused.facts == {"who": str(winner)}
    assert [decision.by for decision in Decision.objects.all()] == [winner]
    assert step.changes.count() == 1


def signed_in(by: User) -> Client:
    client = Client()
    client.force_login(by)
    return client


def test_the_second_sees_what_the_first_did_and_keeps_what_was_typed() -> None:
    step = factories.followed_patient().follow_ups.get()
    first, second = factories.member(), factories.member()
    page = reverse("override", kwargs={"code": step.code})
    shown = signed_in(second).get(page).content.decode()
    assert 'name="version" value="1"' in shown
    signed_in(first).post(reverse("accept", kwargs={"code": step.code}), {"version": "1"})
    typed = {
        "kind": "ct",
        "management": "clinician_choice",
        "due_from": "2027-01-10",
        "due_until": "2027-01-20",
        "reason_code": "wish",
        "reason": "The patient is abroad until January.",
        "version": "1",
    }
    client = signed_in(second)
    response = client.post(page, typed)
    said = words(response.content.decode())
    assert response.status_code == 409
    assert f"{first} changed this step while you had it open." in said
    assert "Signed" in said
    assert "The patient is abroad until January." in said
    assert 'name="version" value="2"' in response.content.decode()
    assert FollowUp.objects.get(pk=step.pk).state == FollowUpState.PLANNED
    assert client.post(page, typed | {"version": "2"}).status_code == 302
    assert FollowUp.objects.get(succeeds=step).state == FollowUpState.PLANNED


def test_an_act_on_a_step_that_changed_is_asked_back_and_one_that_ended_is_named() -> None:
    step = factories.followed_patient().follow_ups.get()
    coordinator, physician = factories.member(Role.COORDINATOR), factories.member(Role.PHYSICIAN)
    decisions.accept(follow_up=step, by=physician)
    page = reverse("follow-up-act", kwargs={"code": step.code, "name": "lost"})
    client = signed_in(coordinator)
    response = client.post(page, {"because": "Five calls, no answer.", "version": "1"})
    assert response.status_code == 409
    assert "Five calls, no answer." in response.content.decode()
    assert client.post(page, {"because": "Five calls, no answer.", "version": "2"}).status_code == 302
    again = client.post(page, {"because": "Five calls, no answer.", "version": "3"}, follow=True)
    assert "“Suspected lost” is not possible from there; nothing was changed." in words(again.content.decode())
