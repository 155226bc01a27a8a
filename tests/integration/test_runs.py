"""A run is asked for once, held by one worker, and ended by the attempt that holds it."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from celery import Task
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pytest_django import Settings

from nodules_app.celery_app import app
from nodules_app.lifecycles import NoSuchStep, RunState
from nodules_app.models import AuditEvent, Patient, Run, RunKind
from nodules_app.services import errands, quality_figures, runs
from nodules_app.services.spreadsheets import running
from nodules_app.tasks import desk, imaging
from registration.errors import Refused
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient() -> Patient:
    return factories.patient(identifier="SIM-1")


@pytest.fixture
def run(patient: Patient) -> Run:
    return runs.request(RunKind.ASSESS, by=None, patient=patient)


def test_every_worker_knows_what_is_sent_to_its_queue(settings: Settings) -> None:
    known = {
        queue: {task.name for task in vars(module).values() if isinstance(task, Task)}
        for queue, module in (("desk", desk), ("cpu", imaging))
    }
    clock = {
        (entry.get("options", {}).get("queue", settings.CELERY_TASK_DEFAULT_QUEUE), entry["task"])
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }
    assert {(queue, task) for queue, task in clock if task not in known[queue]} == set()
    assert {kind for kind, queue in runs.QUEUE.items() if queue == runs.DESK} == set(running.STEPS)
    assert {runs.EXECUTE_AT_DESK, quality_figures.COUNT} <= known["desk"]
    assert {runs.EXECUTE, errands.ROUND} <= known["cpu"]


def test_a_run_of_the_desk_is_told_to_the_desk(monkeypatch: pytest.MonkeyPatch, patient: Patient) -> None:
    told: list[tuple[str, str]] = []
    monkeypatch.setattr(app, "send_task", lambda name, *, queue, **_how: told.append((name, queue)))
    for kind in (RunKind.CHECK_LIST, RunKind.REGISTER, RunKind.ASSESS):
        runs.send(runs.request(kind, by=None, patient=patient))
    assert told == [(runs.EXECUTE_AT_DESK, "desk"), (runs.EXECUTE, "gpu"), (runs.EXECUTE, "cpu")]


class Nothing(Refused):
    code = "nothing"
    sentence = "Slice {slice} is empty."
    remedy = "Send it again."


def test_asking_twice_is_asking_once(patient: Patient, run: Run) -> None:
    assert runs.request(RunKind.ASSESS, by=None, patient=patient) == run


def test_asking_while_it_runs_asks_for_another(patient: Patient, run: Run) -> None:
    assert runs.claim(run.code)
    assert runs.request(RunKind.ASSESS, by=None, patient=patient) != run


def test_one_worker_takes_it(run: Run) -> None:
    assert runs.claim(run.code)
    assert runs.claim(run.code) is None


def test_a_run_that_must_wait_is_not_taken(run: Run) -> None:
    Run.objects.update(not_before=timezone.now() + timedelta(minutes=1))
    assert runs.claim(run.code) is None


def test_a_late_worker_cannot_overwrite(run: Run) -> None:
    slow = runs.claim(run.code)
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    fast = runs.claim(run.code)
    assert slow
    assert fast
    assert not runs.end(slow, "succeed")
    assert runs.end(fast, "succeed")
    assert not runs.end(fast, "succeed")


def test_a_refusal_is_kept_as_a_sentence_with_its_facts(run: Run) -> None:
    held = runs.claim(run.code)
    assert held
    runs.end(held, "refuse", refusal=Nothing(slice=7))
    run.refresh_from_db()
    assert run.state == RunState.REFUSED
    assert run.refusal["sentence"] == "Slice 7 is empty."
    assert run.refusal["facts"] == {"slice": 7}


def test_a_fault_is_tried_again_after_a_pause_until_there_were_too_many(run: Run) -> None:
    for attempt in range(1, runs.MOST_FAULTS + 1):
        Run.objects.update(not_before=timezone.now())
        held = runs.claim(run.code)
        assert held
        assert held.attempt == attempt
        runs.fail_or_retry(held, "MemoryError")
        run.refresh_from_db()
        if attempt < runs.MOST_FAULTS:
            assert run.state == RunState.QUEUED
            assert run.not_before > timezone.now()
    assert (run.state, run.failure) == (RunState.FAILED, "MemoryError")


def test_a_run_that_keeps_losing_its_worker_ends_as_failed(run: Run) -> None:
    for _ in range(runs.MOST_LOSSES):
        assert runs.claim(run.code)
        Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert runs.claim(run.code) is None
    run.refresh_from_db()
    assert run.state == RunState.FAILED
    assert "lost its worker" in run.failure


def test_lost_workers_neither_lengthen_the_pause_after_a_fault_nor_use_up_its_tries(run: Run) -> None:
    for _ in range(runs.MOST_LOSSES - 1):
        assert runs.claim(run.code)
        Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    held = runs.claim(run.code)
    assert held
    runs.fail_or_retry(held, "ValueError")
    run.refresh_from_db()
    assert (run.state, run.faults) == (RunState.QUEUED, 1)
    assert run.not_before < timezone.now() + timedelta(seconds=runs.PAUSES_S[0] + 1)


def test_a_run_that_lost_the_database_waits_for_nothing_but_the_sweep(run: Run) -> None:
    held = runs.claim(run.code)
    assert held
    runs.let_go(held)
    run.refresh_from_db()
    assert (run.state, run.faults, run.sent_at) == (RunState.QUEUED, 0, None)
    assert runs.sweep() == 1
    assert runs.claim(run.code)


def test_what_lost_the_database_and_was_asked_for_anew_leaves_the_newer_run(patient: Patient, run: Run) -> None:
    held = runs.claim(run.code)
    assert held
    newer = runs.request(RunKind.ASSESS, by=None, patient=patient)
    runs.let_go(held)
    assert Run.objects.get(pk=run.pk).state == RunState.FAILED
    assert Run.objects.get(state=RunState.QUEUED) == newer


def test_the_sweep_sends_what_lost_its_worker_and_what_was_never_sent(patient: Patient, run: Run) -> None:
    Run.objects.update(sent_at=None)
    assert runs.sweep() == 1
    assert runs.sweep() == 0  # just sent
    assert runs.claim(run.code)
    assert runs.sweep() == 0  # held
    Run.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert runs.sweep() == 1


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"state": RunState.REFUSED}, "run_refused_says_why"),
        ({"refusal": {"code": "x"}}, "run_refused_says_why"),
        ({"state": RunState.FAILED}, "run_failed_says_how"),
        ({"state": RunState.RUNNING}, "run_running_has_a_lease"),
        ({"state": "resting"}, "run_is_in_a_known_state"),
        ({"patient": None}, "run_has_a_subject"),
    ],
)
def test_the_database_refuses_a_run_that_cannot_be(run: Run, change: dict[str, object], constraint: str) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Run.objects.filter(pk=run.pk).update(**change)


def test_an_open_run_is_found_by_its_index(run: Run) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = Run.objects.filter(state__in=["queued", "running"], not_before__lte=timezone.now()).explain()
    assert "run_open" in plan


def test_a_fault_of_work_that_was_asked_for_anew_leaves_the_newer_run(patient: Patient, run: Run) -> None:
    held = runs.claim(run.code)
    assert held
    newer = runs.request(RunKind.ASSESS, by=None, patient=patient)
    runs.fail_or_retry(held, "ValueError")
    assert Run.objects.get(pk=run.pk).state == RunState.FAILED
    assert Run.objects.get(state=RunState.QUEUED) == newer


def test_asking_again_is_recorded_and_starts_from_the_first_attempt(run: Run) -> None:
    held = runs.claim(run.code)
    assert held
    runs.end(held, "refuse", refusal=Nothing(slice=3))
    somebody = factories.member()
    runs.try_again(run=held, by=somebody)
    again = Run.objects.get()
    assert (again.state, again.attempt, again.refusal) == (RunState.QUEUED, 0, None)
    told = AuditEvent.objects.get(verb="run.asked_again")
    assert (told.by, told.facts) == (somebody, {"run": str(run.code), "kind": "assess"})


def test_asking_again_for_what_was_asked_for_anew_says_so(patient: Patient, run: Run) -> None:
    held = runs.claim(run.code)
    assert held
    runs.end(held, "fail", failure="ValueError")
    runs.request(RunKind.ASSESS, by=None, patient=patient)
    with pytest.raises(NoSuchStep):
        runs.try_again(run=held, by=factories.member())
    assert Run.objects.filter(state=RunState.QUEUED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_queued_run_is_not_taken_before_the_act_that_needs_it_is_there(patient: Patient, run: Run) -> None:
    """Or the worker would read the point before it is written, and nobody would come back for it."""
    taken: list[Run | None] = []

    def worker() -> None:
        taken.append(runs.claim(run.code))
        connection.close()

    thread = threading.Thread(target=worker)
    with transaction.atomic():
        assert runs.request(RunKind.ASSESS, by=None, patient=patient) == run
        thread.start()
        thread.join(0.5)
        assert taken == []
    thread.join(10)
    assert taken == [run]
