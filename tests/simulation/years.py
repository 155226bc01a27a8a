"""The years: who appears, who comes, who does not; beat, workers and broker; and what is proved after each step."""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Max

from nodules_app.ladder.rungs import Channel
from nodules_app.lifecycles import NoSuchStep, ReminderState
from nodules_app.models import (
    Clinic,
    ContactPoint,
    FollowUp,
    OpeningHours,
    Outcome,
    Patient,
    Reminder,
    Resource,
    ResourceKind,
    Role,
    RunKind,
)
from nodules_app.services import clinics, runs
from nodules_app.services.pipeline import execute
from nodules_app.services.reminders import acts
from nodules_app.services.reminders.dispatch import dispatch
from nodules_app.services.reminders.reconcile import reconcile
from nodules_app.services.reminders.sweep import sweep
from registration.errors import Refused
from tests import factories
from tests.simulation.clock import Clock
from tests.simulation.faults import Broker, Faults
from tests.simulation.people import Hands, Life, Team, new_exam, read_run
from tests.simulation.proof import Proof

BEGAN: Final = date(2027, 1, 4)  # five years with a leap day, five ends of a year and ten changes of the clocks
FIVE_YEARS_DAYS: Final = 5 * 365 + 2
ZONES: Final = ("America/New_York", "Europe/Berlin", "Asia/Shanghai")
MOMENTS: Final = (time(7), time(15))  # UTC, by turns: each zone is awake at one of them
TURNS: Final = (
    ("died", 30),
    ("declined", 25),
    ("declined for now", 25),
    ("withdrawn", 15),
    ("transfer asked", 25),
    ("transfer acknowledged", 20),
    ("followed again", 25),
    ("nodules joined", 40),
    ("nodules parted", 25),
    ("nodule called none", 30),
    ("linked anew", 30),
    ("records joined", 25),
    ("records parted", 25),
    ("exam filed anew", 20),
)
TURN_SHARE: Final = 0.12  # of the steps, one is accompanied by a turn
# How many steps a patient brings, found by trying: at once, and with each year.
STEPS_AT_ONCE, STEPS_A_YEAR = 2.0, 0.7


@dataclass
class Told:
    """What happened, for the report."""

    events: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)


class Years:
    """One installation with three clinics on three continents."""

    def __init__(
        self, clock: Clock, proof: Proof, *, wanted: int, began: date, days: int, seed: int, faults: float
    ) -> None:
        self.clock, self.proof, self.wanted = clock, proof, wanted
        self.began, self.days = began, days
        self.chance = random.Random(seed)
        self.faults = Faults(random.Random(seed + 1), faults)
        self.broker = Broker(random.Random(seed + 2), self.faults)
        self.told, self.lives = Told(), list[Life]()
        self.agenda: list[tuple[datetime, int, Life, str]] = []
        self.order = count()
        self.teams = dict(self._open(zone) for zone in ZONES)
        self.hands = Hands(self.chance, self.teams)

    def _open(self, zone: str) -> tuple[int, Team]:
        """A clinic with its people and a scanner."""
        clinic = Clinic.objects.create(name=zone, time_zone=zone, reply_phone="555 0100")
        scanner = Resource.objects.create(clinic=clinic, name="CT", kind=ResourceKind.CT)
        for weekday in range(1, 8):
            OpeningHours.objects.create(
                resource=scanner, weekday=weekday, opens_at="00:00", closes_at="23:40", slot_minutes=20
            )
        physician, coordinator = (factories.member(role, at=clinic) for role in (Role.PHYSICIAN, Role.COORDINATOR))
        return clinic.pk, Team(physician, coordinator, scanner.code)

    def run(self) -> None:
        """Live all days; then let everything that was left half way come to its end, without further faults."""
        lives = max(6, round(self.wanted / (STEPS_AT_ONCE + STEPS_A_YEAR * self.days / 365)))
        for day in range(self.days):
            today = self.began + timedelta(days=day)
            if day % 30 == 0:
                self._appear(today, lives * 30 / (0.7 * self.days) if day < 0.7 * self.days else 0)
            self._live(datetime.combine(today, MOMENTS[day % 2], UTC))
            if day % 7 == 0:
                self.proof.of_all()
            if day in (self.days // 3, 2 * self.days // 3):
                self._change_guideline()
        self.faults.share = 0.0
        for extra in range(1, 15):
            self._live(datetime.combine(self.began + timedelta(days=self.days + extra), MOMENTS[1], UTC), quiet=True)
        self.proof.of_all()
        self.proof.of_records()

    def _appear(self, today: date, expected: float) -> None:
        """Write the patients of the next thirty days with their first exam; each is looked at on a day of its own."""
        for _ in range(int(expected) + (self.chance.random() < expected % 1)):
            number = len(self.lives)
            clinic = self.chance.choice(list(self.teams))
            patient = Patient.objects.create(
                clinic_id=clinic, identifier=f"SIM-{number:06d}", name=f"Simulated^Patient {number}", sex="male"
            )
            kind, value = self.chance.choice(
                [("email", f"p{number}@home.example"), ("mobile", "555 0142"), ("post", "Home 1\nTown"), ("", "")]
            )
            if kind:
                ContactPoint.objects.create(patient=patient, kind=kind, value=value, consented=True)
            new_exam(patient, today)
            life = Life(patient.pk, number)
            self.lives.append(life)
            self._later(life, "mark", today, self.chance.randint(0, 29))
            self.told.events["patient appeared"] += 1

    def _later(self, life: Life, name: str, today: date, days: int) -> None:
        at = datetime.combine(today + timedelta(days=days), self.chance.choice(MOMENTS), UTC)
        heapq.heappush(self.agenda, (at, next(self.order), life, name))

    def _live(self, now: datetime, *, quiet: bool = False) -> None:
        """A day: what people do, what workers are told, what beat asks for."""
        self.clock.shift = timedelta()
        self.clock.set(now)
        if not quiet and self.chance.random() < 0.05:
            self.clock.shift = timedelta(minutes=self.chance.randint(-180, 180))
            self.faults.done["clock of a process shifted by up to three hours"] += 1
        while self.agenda and self.agenda[0][0] <= now:
            _, _, life, name = heapq.heappop(self.agenda)
            self._event(life, name, now)
        if not quiet and self.chance.random() < 0.01:
            self.broker.restart()
        self._workers()
        self._beat(now, quiet=quiet)

    def _event(self, life: Life, name: str, now: datetime) -> None:
        """Do what was on the agenda, prove, and put on the agenda what follows."""
        today = now.date()
        if self._did(life, name, lambda: self._act(life, name, today)):
            self._follow(life, name, today)
        else:
            self._later(life, name, today, 1)  # whoever did it sees no answer and does it again
        if name != "turn" and self.chance.random() < TURN_SHARE:
            turn = self.chance.choices([one for one, _ in TURNS], [share for _, share in TURNS])[0]
            other = self.chance.choice(self.lives)
            self._did(life, turn, lambda: self.hands.turn(life, turn, today, other))
            self._later(life, "sign", today, 2)

    def _did(self, life: Life, name: str, act: Callable[[], object]) -> bool:
        """Do it as a page would: a refusal in words is an answer; any other fault ends the simulation."""
        try:
            whole = self.faults.attempt(act)
        except (Refused, NoSuchStep) as refused:
            self.told.refused[type(refused).__name__] += 1
            whole = True
        else:
            self.told.events[name] += 1
        self.proof.of_patient(life.record().pk)
        return whole

    def _act(self, life: Life, name: str, today: date) -> None:
        acts_of_life: dict[str, Callable[[], object]] = {
            "mark": lambda: self.hands.mark(life),
            "sign": lambda: self.hands.sign(life),
            "book": lambda: self.hands.book(life, today + timedelta(days=3)),
            "come": lambda: self.hands.come(life, today),
            "miss": lambda: self.hands.miss(life),
            "review": lambda: self.hands.review(life),
            "workup": lambda: self.hands.end_workup(life),
        }
        acts_of_life[name]()

    def _follow(self, life: Life, name: str, today: date) -> None:
        """Put what comes next on the agenda; each looks at what there is to do when its day has come."""
        step = self.hands.open_step(life)
        if step is None:
            return
        if name in ("mark", "come"):
            self._later(life, "sign", today, self.chance.choice((3, 5, 9, 25)))
        elif name == "sign":
            later = {"ct": ("book", self.chance.choice((2, 10, 60, 120))), "workup": ("workup", 10)}
            following, days = later.get(step.kind, ("review", 3))
            self._later(life, following, today, days)
        elif name == "book":
            self._expect(life, step, today)
        elif name == "miss":
            self._later(life, "book", today, self.chance.choice((4, 15, 40)))
        else:
            self._later(life, "sign", today, 6)

    def _expect(self, life: Life, step: FollowUp, today: date) -> None:
        if step.booked_on is None:
            self._later(life, "sign", today, 14)
            return
        days = max(1, (step.booked_on - today).days)
        draw = self.chance.random()
        if draw < 0.82:
            self._later(life, "come", today, days)
        elif draw < 0.95:
            self._later(life, "miss", today, days)
        elif draw < 0.98:
            self._later(life, "come", today, max(1, days // 2))  # an exam that somebody else asked for
        else:
            self._later(life, "miss", today, days + 70)  # overdue, and the ladder climbs

    def _workers(self) -> None:
        """Do what the broker brings; a worker that dies leaves its run to the lease."""
        for _ in range(len(self.broker.waiting)):
            code = UUID(self.broker.waiting.popleft())
            self.faults.attempt(lambda code=code: execute.execute(code))
            self.told.events["order to a worker"] += 1

    def _beat(self, now: datetime, *, quiet: bool) -> None:
        """What the timer asks for: sometimes missed, sometimes twice at once, sometimes ended by SIGKILL."""
        draw = 1.0 if quiet else self.chance.random()
        if draw < 0.2:
            self.told.events["beat missed"] += 1
            return
        runs.sweep()
        if draw < 0.26:
            self.faults.processes(self._sweep_and_send, kill=True)
        elif draw < 0.29:
            self.faults.processes(self._sweep_and_send, self._sweep_and_send, kill=False)
        elif draw < 0.35:
            with self.faults.dying_when_mail_was_taken(self.proof.mail):
                self._sweep_and_send()
        else:
            self._sweep_and_send()
        if draw > 0.6:
            reconcile(now=self.clock.read())
            self._answer_tasks()
        self.told.events["beat"] += 1

    def _sweep_and_send(self) -> None:
        sweep(now=self.clock.read())
        dispatch(now=self.clock.read, most=2000)

    def _answer_tasks(self) -> None:
        """The team answers what it was asked, most of it in time."""
        waiting = Reminder.objects.filter(channel=Channel.TASK, state=ReminderState.DELIVERED)
        for task in waiting.select_related("patient").order_by("pk")[:400]:
            if self.chance.random() < 0.5:
                by = self.teams[task.clinic_id].coordinator
                self._answer(
                    task, lambda task=task, by=by: acts.acknowledge(reminder=task, outcome=Outcome.DONE, note="", by=by)
                )

    def _answer(self, task: Reminder, act: Callable[[], object]) -> None:
        try:
            self.faults.attempt(act)
        except (Refused, NoSuchStep) as refused:  # settled by an earlier answer
            self.told.refused[type(refused).__name__] += 1
        else:
            self.told.events["task answered"] += 1

    def _change_guideline(self) -> None:
        """One clinic follows another guideline from today on: its patients are asked anew."""
        team_key = self.chance.choice(list(self.teams))
        clinic = Clinic.objects.get(pk=team_key)
        clinic.guideline_incidental = "BTS2015" if clinic.guideline_incidental != "BTS2015" else "FLEISCHNER2017"
        clinics.change_clinic(clinic=clinic, changed=["guideline_incidental"], by=self.teams[team_key].physician)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT DISTINCT patient_id FROM nodules_app_followup f JOIN nodules_app_patient p"
                " ON p.id = f.patient_id WHERE p.clinic_id = %s AND f.closed_at IS NULL AND f.kind = 'ct'",
                [team_key],
            )
            keys = [key for (key,) in cursor.fetchall()]
        for patient in Patient.objects.filter(pk__in=keys):
            runs.request(RunKind.ASSESS, by=None, patient=patient)
        self.told.events["guideline changed"] += 1
        self._workers()


@contextmanager
def at_the_edges(years: Years) -> Iterator[None]:
    """Replace what lies outside the product: the queue, and the images that a simulated patient has not."""
    real_send, real_step = runs.app.send_task, execute.STEPS
    runs.app.send_task = years.broker.send_task
    execute.STEPS = {**real_step, RunKind.ASSESS: read_run}
    settings.SENDING_TIMEOUT_S = 5.0
    try:
        yield
    finally:
        runs.app.send_task, execute.STEPS = real_send, real_step


def counted() -> dict[str, int]:
    """What stands in the tables at the end."""
    return {
        "patients": Patient.objects.count(),
        "follow-ups": FollowUp.objects.count(),
        "messages and tasks": Reminder.objects.count(),
        "most changes of one follow-up": FollowUp.objects.aggregate(most=Max("version"))["most"] or 0,
    }
