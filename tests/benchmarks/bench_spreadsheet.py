"""How long a clinic's own list takes to check, to take over and to check again, and how much memory.

Run as ``python -m tests.benchmarks.bench_spreadsheet [LINES [PATIENTS]]`` (20,000 lines and a clinic of 20,000 patients
unless told). It starts a PostgreSQL of its own; every tenth line is of a patient who is followed already, and the
others are new people whose names are compared with everybody's. Everything a worker does is done in this process.
"""

from __future__ import annotations

import os
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, TypeVar

import psutil

from tests.benchmarks.bench_clinic import servers

if TYPE_CHECKING:
    from nodules_app.models import Spreadsheet, User

Answer = TypeVar("Answer")
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
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection

    from nodules_app.exchange.spreadsheets import as_csv, as_xlsx
    from nodules_app.models import Clinic, Membership, Patient, Role, User
    from nodules_app.services.pipeline.execute import execute

    print(f"a worker with {execute.__module__} loaded, and idle: {held_mb():.0f} MB")  # noqa: T201
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
    with TemporaryDirectory() as inbox:
        settings.INBOX_DIR = Path(inbox)
        for name, body in (("list.xlsx", as_xlsx(HEAD, rows, title="List")), ("list.csv", as_csv(HEAD, rows))):
            check(name, body, user, store=name == "list.csv")
        check("again.xlsx", as_xlsx(HEAD, rows, title="List"), user, store=False)


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


def check(name: str, body: bytes, user: User, *, store: bool) -> None:
    """Send, read, judge and, where told, take over one list; print what it took."""
    from django.core.files.uploadedfile import SimpleUploadedFile

    from nodules_app.exchange.spreadsheet_reading.headings import Field
    from nodules_app.selectors.spreadsheets import counts
    from nodules_app.services.spreadsheets import asking, receiving

    sent = timed(
        f"{name}: look at it",
        lambda: receiving.receive(file=SimpleUploadedFile(name, body), by=user),
    )
    head = sent.heads[0]
    columns = {column["index"]: Field(column["field"]) for column in head["columns"]}
    receiving.read_so(spreadsheet=sent, said=receiving.Said(head["sheet"], columns, issuer="BENCH"), by=user)
    timed(f"{name}: check", lambda: done(sent))
    print(", ".join(f"{many:,} {verdict}" for verdict, many in counts(sent).items() if many))  # noqa: T201
    if store:
        asking.store(spreadsheet=sent, by=user)
        timed(f"{name}: take over", lambda: done(sent))


def done(sent: Spreadsheet) -> None:
    """Do the latest run of a list, and see that it ended well."""
    from nodules_app.services.pipeline.execute import execute

    run = sent.batch.runs.order_by("-pk").first()
    if run is None:
        raise RuntimeError("nothing was asked for")
    execute(run.code)
    run.refresh_from_db()
    if run.state != "succeeded":
        raise RuntimeError(f"{run.kind} ended as {run.state}: {run.failure} {run.refusal}")


def held_mb() -> float:
    """Memory of this process now."""
    return float(psutil.Process().memory_info().rss) / 2**20


def timed(name: str, act: Callable[[], Answer]) -> Answer:
    from tests.benchmarks.cpu import backend, family_s

    answering, before_mb = backend(), held_mb()
    began, cpu_s, database_s = time.perf_counter(), time.process_time(), family_s(answering)
    answer = act()
    took_s, worked_s = time.perf_counter() - began, time.process_time() - cpu_s
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(  # noqa: T201
        f"{name}: {took_s:.1f} s (CPU: {worked_s:.1f} s of the process, {family_s(answering) - database_s:.1f} s of the"
        f" database), memory {before_mb:.0f} MB before, {peak_mb:.0f} MB at its peak"
    )
    return answer


if __name__ == "__main__":
    asked = [int(word) for word in sys.argv[1:]]
    with servers():
        main(*(asked or [20_000]), *([20_000] if len(asked) < 2 else []))
