"""How long a reader waits after a correction, on a pair of 2 x 300 slices with a nodule that is followed.

Run as ``python -m tests.benchmarks.bench_corrections``. It starts a PostgreSQL of its own and prints Markdown for
``docs/benchmarks.md``. Each act is sent as the viewer sends it and taken back again, some times over; told are the time
until the panel with the new numbers is there, the CPU time in it (page process and database), and the time until the
page has also fetched the list of nodules and the outlines anew. Wanted: a nodule added in under 1 s, everything that
follows from a correction within 2 s.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse

from tests.benchmarks.bench_clinic import servers

if TYPE_CHECKING:
    from django.test import Client

    from nodules_app.models import Patient, User

ROUNDS: Final = 5
Fields = dict[str, Any]


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from tests.benchmarks import viewer_clinic

    patient, reader = viewer_clinic.prepare()
    _follow(patient, reader)
    say(f"load of the machine at the start: {os.getloadavg()[0]:.1f}\n")
    say("| act | panel s: first, median, longest | CPU s: page + database | with list and outlines s |")
    say("|---|---|---|---|")
    client = _client(reader)
    client.get(reverse("read", args=[patient.code]))  # a correction is made on a page that was opened
    for name, (act, fields) in _acts(patient).items():
        say(_row(client, patient, name, act, fields))


def _follow(patient: Patient, reader: User) -> None:
    """Measure the nodule on both scans and compute what follows, as the workers do after an import."""
    from nodules_app.models import Finding
    from nodules_app.services import growths, readings
    from nodules_app.services.corrections_follow import follow
    from nodules_app.services.corrections_measure import store_by_machine
    from tests import factories

    pair = patient.comparisons.get()
    found = list(Finding.objects.filter(nodule__patient=patient).select_related("scan__series").order_by("scan"))
    for one in found:
        store_by_machine(one)
    factories.match(pair, *found)
    graded = growths.grade_of(pair)
    if graded is None:
        raise ValueError("the pair is not graded")
    follow(patient, [found[0].nodule_id], by=reader)
    readings.exam_came(pair.current)


def _acts(patient: Patient) -> dict[str, tuple[str, Callable[[], Fields]]]:
    from nodules_app.models import Match
    from tests.benchmarks.viewer_clinic import MARKED_LPS_MM, MISSED_LPS_MM

    pair = patient.comparisons.get()
    x_mm, y_mm, z_mm = MARKED_LPS_MM

    def place(at: tuple[float, float, float]) -> Fields:
        return dict(zip(("x_mm", "y_mm", "z_mm"), at, strict=True))

    def current() -> str:
        return str(pair.current.findings.get(nodule__number=1, superseded_at__isnull=True).code)

    def stroke() -> Fields:
        told = {"kind": "add", "centre_lps_mm": (x_mm + 5, y_mm, z_mm), "radius_mm": 3.0}
        return {"finding": current(), "strokes": json.dumps([told])}

    def match() -> str:
        return str(Match.objects.get(nodule__number=1, nodule__patient=patient, superseded_at__isnull=True).code)

    return {
        "add a nodule by one click": ("add", lambda: {"scan": str(pair.current.code)} | place(MISSED_LPS_MM)),
        "a stroke of the brush": ("strokes", stroke),
        "outline anew from another point": ("refit", lambda: {"finding": current()} | place((x_mm + 1, y_mm, z_mm))),
        "smooth the outline": ("smooth", lambda: {"finding": current()}),
        "a caliper": ("caliper", lambda: {"finding": current(), "long_mm": "12", "short_mm": "9"}),
        "another attenuation": ("attenuation", lambda: {"finding": current(), "attenuation": "ground_glass"}),
        "the same nodule": ("confirm", lambda: {"match": match()}),
        "part the match": ("part", lambda: {"match": match(), "answer": "another"}),
        "no nodule": ("reject", lambda: {"nodule": str(patient.nodules.get(number=1).code)}),
    }


def _row(client: Client, patient: Patient, name: str, act: str, fields: Callable[[], Fields]) -> str:
    import psutil

    from tests.benchmarks.cpu import backend

    database = backend()
    panels_s, wholes_s, page_s, database_s = [], [], [], []
    for _ in range(ROUNDS):
        told = fields()
        began, cpu_s, base_s = time.perf_counter(), time.process_time(), sum(database.cpu_times()[:2])
        _post(client, patient, act, told)
        panels_s.append(time.perf_counter() - began)
        page_s.append(time.process_time() - cpu_s)
        database_s.append(sum(psutil.Process(database.pid).cpu_times()[:2]) - base_s)
        for address in _fetched(patient):
            client.get(address)
        wholes_s.append(time.perf_counter() - began)
        _post(client, patient, "undo", {})
    panel = f"{panels_s[0]:.2f}, {statistics.median(panels_s):.2f}, {max(panels_s):.2f}"
    cpu = f"{statistics.median(page_s):.2f} + {statistics.median(database_s):.2f}"
    return f"| {name} | {panel} | {cpu} | {statistics.median(wholes_s):.2f} |"


def _fetched(patient: Patient) -> list[str]:
    """What the page asks for once an act is answered."""
    pair = patient.comparisons.get()
    outlines = [reverse("outlines", args=[scan.code]) for scan in (pair.prior, pair.current)]
    return [reverse("read-nodules", args=[patient.code]), *outlines]


def _post(client: Client, patient: Patient, act: str, fields: Fields) -> None:
    answer = client.post(reverse("reading-act", args=[patient.code, act]), fields, headers={"x-panel": "1"})
    if answer.status_code != HTTPStatus.OK:
        raise RuntimeError(f"{act}: {answer.status_code} {answer.content.decode()[:500]}")


def _client(reader: User) -> Client:
    from django.test import Client

    client = Client(headers={"host": "localhost"})
    client.force_login(reader)
    return client


def say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


if __name__ == "__main__":
    with servers():
        main()
