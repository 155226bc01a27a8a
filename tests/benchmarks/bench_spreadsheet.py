"""How long a clinic's own list takes to check, to take over and to check again, and how much memory.

Run as ``python -m tests.benchmarks.bench_spreadsheet [LINES [PATIENTS]]`` (20,000 lines and a clinic of 20,000 patients
unless told). It starts servers of its own and the worker of the desk as the demo has it; every tenth line is of a
patient who is followed already, and the others are new people whose names are compared with everybody's. Memory is that
of the worker's processes alone: the largest of them, and all of them with each shared page counted once.
"""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psutil

from tests.benchmarks.bench_clinic import servers

if TYPE_CHECKING:
    from nodules_app.demo.children import Child
    from nodules_app.models import Spreadsheet, User

HEAD: Final = (
    "MRN",
    "Name",
    "Born",
    "Sex",
    "Mobile",
    "Nodule",
    "Lobe",
    "Size (mm)",
    "Attenuation",
    "Last CT",
    "Next step",
    "Due",
    "Owner",
    "Notes",
)
LOBES: Final = ("RUL", "right middle lobe", "RLL", "LUL", "左下叶", "Lingula")
DENSITIES: Final = ("solid", "part-solid", "GGN")
SYLLABLES: Final = tuple(consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeio")
KNOWN_EVERY: Final = 10
FIRST_BIRTH: Final = date(1935, 1, 1)


def main(lines: int, patients: int) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from django.core.management import call_command
    from django.db import connection

    from nodules_app.demo.product import desk
    from nodules_app.exchange.spreadsheets import as_csv, as_xlsx
    from nodules_app.models import Clinic, Membership, Patient, Role, User

    call_command("migrate", verbosity=0)
    clinic = Clinic.objects.create(name="Clinic")
    user = User.objects.create(username="coordinator")
    Membership.objects.create(user=user, clinic=clinic, role=Role.COORDINATOR)
    people = list(simulated(patients + lines))
    Patient.objects.bulk_create(
        [
            Patient(clinic=clinic, issuer="BENCH", identifier=number, name=name, birth_date=born, sex=sex)
            for number, name, born, sex in people[:patients]
        ],
        batch_size=2000,
    )
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    rows = [row_of(people[place], place) for place in places(lines, patients)]
    var = Path(os.environ["NODULES_VAR"])
    (var / "log").mkdir(parents=True)
    worker = desk(var, 0)
    worker.start(dict(os.environ))
    try:
        watch = Watch(worker)
        for name, body in (("list.xlsx", as_xlsx(HEAD, rows, title="List")), ("list.csv", as_csv(HEAD, rows))):
            check(name, body, user, watch, store=name == "list.csv")
        check("again.xlsx", as_xlsx(HEAD, rows, title="List"), user, watch, store=False)
    finally:
        worker.ask_to_end()
        worker.end(time.monotonic() + 20)


def simulated(number: int) -> Iterator[tuple[str, str, date, str]]:
    """People of nobody's: a number, a name of syllables, a day of birth, a sex."""
    chance = random.Random(20261121)
    for place in range(number):
        family, given = ("".join(chance.choices(SYLLABLES, k=3)).title() for _ in range(2))
        born = FIRST_BIRTH + timedelta(days=chance.randrange(18_000))
        yield f"{place:07d}", f"{family}^{given}", born, chance.choice(("female", "male"))


def places(lines: int, patients: int) -> list[int]:
    return [place % patients if place % KNOWN_EVERY == 0 else patients + place for place in range(lines)]


def row_of(person: tuple[str, str, date, str], place: int) -> list[str]:
    number, name, born, sex = person
    due = date(2027, 1, 1) + timedelta(days=place % 300)
    seen = date(2026, 1, 1) + timedelta(days=place % 300)
    return [
        number,
        name,
        f"{born:%d/%m/%Y}",
        sex,
        f"1555{place:07d}",
        "1",
        LOBES[place % len(LOBES)],
        f"{4 + place % 90 / 10:.1f}".replace(".", ","),
        DENSITIES[place % len(DENSITIES)],
        seen.isoformat(),
        "CT chest",
        f"{due:%d/%m/%Y}",
        "",
        "simulated",
    ]


def check(name: str, body: bytes, user: User, watch: Watch, *, store: bool) -> None:
    """Send, read, judge and, where told, take over one list; print what it took."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from nodules_app.exchange.spreadsheet_reading.headings import Field
    from nodules_app.selectors.spreadsheets import counts
    from nodules_app.services.spreadsheets import asking, receiving

    began = time.perf_counter()
    sent = receiving.receive(file=SimpleUploadedFile(name, body), by=user)
    print(f"{name}: looked at in {time.perf_counter() - began:.1f} s")  # noqa: T201
    head = sent.heads[0]
    columns = {column["index"]: Field(column["field"]) for column in head["columns"]}
    said = receiving.Said(head["sheet"], columns, issuer="BENCH")
    watch.timed(f"{name}: check", sent, lambda: receiving.read_so(spreadsheet=sent, said=said, by=user))
    print(", ".join(f"{many:,} {verdict}" for verdict, many in counts(sent).items() if many))  # noqa: T201
    if store:
        watch.timed(f"{name}: take over", sent, lambda: asking.store(spreadsheet=sent, by=user))


class Watch:
    """Looks at the worker's processes ten times a second."""

    def __init__(self, worker: Child) -> None:
        until(lambda: worker.log.read_text().count(" ready.") == 1)
        if worker.process is None:
            raise RuntimeError("the worker has not started")
        self.main = psutil.Process(worker.process.pid)
        self.largest_mb, self.together_mb = self._held()
        print(f"idle: {self.largest_mb:.0f} MB the largest process, {self.together_mb:.0f} MB together")  # noqa: T201

    def _held(self) -> tuple[float, float]:
        """Give the peak so far of the largest process, and what all hold now."""
        peaks_mb, together_mb = [0.0], 0.0
        for one in (self.main, *self.main.children()):
            with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
                status = Path(f"/proc/{one.pid}/status").read_text().splitlines()
                peaks_mb += [int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")]
                together_mb += one.memory_full_info().pss / 2**20
        return max(peaks_mb), together_mb

    def timed(self, name: str, sent: Spreadsheet, ask: Callable[[], object]) -> None:
        """Ask for a run, wait for its end and see that it ended well; print what it took."""
        from tests.benchmarks.cpu import backend, family_s

        database = backend().parent()
        if database is None:
            raise RuntimeError("the database has no process")
        self.largest_mb = self.together_mb = 0.0
        worker_s, database_s = family_s(self.main), family_s(database)
        began, ended = time.perf_counter(), threading.Event()
        looking = threading.Thread(target=self._look, args=[ended])
        looking.start()
        ask()
        run = sent.batch.runs.latest("pk")
        until(lambda: type(run).objects.get(pk=run.pk).state not in ("queued", "running"))
        took_s = time.perf_counter() - began
        worker_s, database_s = family_s(self.main) - worker_s, family_s(database) - database_s
        ended.set()
        looking.join()
        run.refresh_from_db()
        if run.state != "succeeded":
            raise RuntimeError(f"{run.kind} ended as {run.state}: {run.failure} {run.refusal}")
        print(  # noqa: T201
            f"{name}: {took_s:.1f} s (CPU: {worker_s:.1f} s of the worker, {database_s:.1f} s of the database), peak"
            f" {self.largest_mb:.0f} MB the largest process, {self.together_mb:.0f} MB together"
        )

    def _look(self, ended: threading.Event) -> None:
        while not ended.wait(0.1):
            largest_mb, together_mb = self._held()
            self.largest_mb, self.together_mb = max(self.largest_mb, largest_mb), max(self.together_mb, together_mb)


def until(holds: Callable[[], bool]) -> None:
    """Wait, at most ten minutes."""
    give_up_s = time.monotonic() + 600
    while not holds():
        if time.monotonic() > give_up_s:
            raise RuntimeError("ten minutes, and no end")
        time.sleep(0.1)


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:]]
    with servers():
        main(*(asked or [20_000]), *([20_000] if len(asked) < 2 else []))
