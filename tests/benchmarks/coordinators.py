"""What a coordinator does all day, as locust plays it; see ``bench_coordinators``, which starts it.

Each signs in as a person of their own and then works as people do: looks at a list, opens patients from it, takes one
and gives it back, searches for somebody who calls, records a contact, and reads what a page says for some seconds.
"""

from __future__ import annotations

import os
import re
from itertools import count
from typing import Final

from locust import HttpUser, between, task  # type: ignore[import-not-found]

PASSWORD: Final = os.environ["COORDINATOR_PASSWORD"]
PATIENTS: Final = int(os.environ["COORDINATOR_PATIENTS"])
LISTS: Final = ("overdue", "missed", "decide", "unreached", "new", "book", "due", "report")
HEARD: Final = ("zhangwei", "张伟", "wang li", "Bakelu", "Bakleu", "Demo", "zs", "1951-03-14")
PATIENT: Final = re.compile(r'href="(/patients/[0-9a-f-]{36}/)"')
_numbers = count(1)


class Coordinator(HttpUser):  # type: ignore[misc]
    """One person at a desk: a page about every six seconds."""

    wait_time = between(3, 9)

    def on_start(self) -> None:
        """Sign in, and see the first list."""
        self.number = next(_numbers)
        self.turn = self.number
        self.patients: list[str] = []
        self.client.get("/sign-in", name="sign-in page")
        self._send("/sign-in", {"username": f"coordinator-{self.number}", "password": PASSWORD}, "sign in")
        self.to_act_on()

    @task(4)
    def to_act_on(self) -> None:
        self._read("/", "to act on")

    @task(4)
    def a_list(self) -> None:
        show = LISTS[self._next() % len(LISTS)]
        self._read(f"/?show={show}", "a list")

    @task(1)
    def everybody(self) -> None:
        self._read(f"/?show=everybody&page={1 + self._next() % 40}", "everybody, a page of 40")

    @task(4)
    def somebody_calls(self) -> None:
        turn = self._next()
        heard = f"SIM-{turn * 7919 % PATIENTS:07d}" if turn % 2 else HEARD[turn // 2 % len(HEARD)]
        self._read(f"/?q={heard}", "search")

    @task(5)
    def open_a_patient(self) -> None:
        if self.patients:
            self.client.get(self.patients[self._next() % len(self.patients)], name="patient")

    @task(2)
    def take_and_give_back(self) -> None:
        if self.patients:
            patient = self.patients[self._next() % len(self.patients)]
            self._send(f"{patient}claim", {}, "take")
            self._send(f"{patient}release", {}, "give back")

    @task(1)
    def record_a_contact(self) -> None:
        if self.patients:
            patient = self.patients[self._next() % len(self.patients)]
            told = {"channel": "call", "of": "patient", "outcome": "no_answer"}
            self._send(f"{patient}contact", told, "record a contact")

    @task(1)
    def look_at_the_board(self) -> None:
        self.client.get("/board", name="board")

    @task(1)
    def look_at_the_week(self) -> None:
        self.client.get("/schedule", name="week")

    def _read(self, address: str, name: str) -> None:
        page = self.client.get(address, name=name)
        self.patients = PATIENT.findall(page.text) or self.patients

    def _send(self, address: str, told: dict[str, str], name: str) -> None:
        """Send a form; that the page it leads to is shown again is counted by itself."""
        form = told | {"csrfmiddlewaretoken": self.client.cookies.get("csrftoken", "")}
        with self.client.post(address, form, name=name, allow_redirects=False, catch_response=True) as answer:
            if answer.status_code != 302:
                answer.failure(f"{answer.status_code} instead of 302")

    def _next(self) -> int:
        self.turn += 31
        return self.turn
