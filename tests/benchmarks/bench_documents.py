"""How quick a report and both letters are drawn as PDF/A, in both languages, and with letters of a large font.

Run as ``python -m tests.benchmarks.bench_documents [FONT]``; FONT is a font file such as an operator names for names
that the product's own fonts lack (without it that row is left out). It starts a PostgreSQL of its own and prints
Markdown for ``docs/benchmarks.md``. The first of each is what a process that has just started takes.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.benchmarks.bench_clinic import servers
from tests.benchmarks.bench_viewer import say

ROUNDS: Final = 7
RARE: Final = "欧阳^龘"  # outside GB2312
OTHER_RARE: Final = "欧阳^㸚"  # a name in a process that has drawn letters of the large font before


def main(font: Path | None) -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone

    from nodules_app.lifecycles import DocumentState, FollowUpState
    from nodules_app.models import Clinic, DocumentKind, Patient, Role
    from nodules_app.services import decisions, reports, reports_drawn
    from tests import factories
    from tests.integration.reported import read_and_sign

    call_command("migrate", verbosity=0)
    reader = factories.member(Role.RADIOLOGIST)
    patient = factories.followed_patient(nodules=2)
    Clinic.objects.update(reply_phone="555 0100", postal_address="1 Hill Road\nTown")
    read_and_sign(patient, reader)
    decisions.accept(follow_up=patient.follow_ups.get(state=FollowUpState.PROPOSED), by=reader)

    def drawing(kind: DocumentKind, language: str) -> Callable[[], bytes]:
        held = Patient.objects.get(pk=patient.pk)
        draft = reports.write(patient=held, kind=kind, language=language, by=reader)
        return lambda: reports_drawn.draw(draft, at=timezone.now())

    say(f"load of the machine at the start: {os.getloadavg()[0]:.1f}\n")
    say("| document | first s | median s | CPU s | kB |\n|---|---|---|---|---|")
    for kind in DocumentKind:
        for language in ("en", "zh-hans"):
            say(row(f"{kind.label}, {language}", drawing(kind, language)))
    if font is not None:
        settings.LETTER_FONT = str(font)
        for name in (RARE, OTHER_RARE):
            Patient.objects.filter(pk=patient.pk).update(name=name)
            for draft in patient.documents.filter(kind=DocumentKind.PATIENT_LETTER, state=DocumentState.DRAFT):
                reports.discard(document=draft, shown_version=draft.version, by=reader)
            label = f"letter with a letter of a font of {font.stat().st_size / 1e6:.0f} MB, {name.partition('^')[2]}"
            say(row(label, drawing(DocumentKind.PATIENT_LETTER, "zh-hans")))


def row(name: str, draw: Callable[[], bytes]) -> str:
    """Draw once and then again, and write one row."""
    began = time.perf_counter()
    drawn = draw()
    first_s, times_s, cpu_s = time.perf_counter() - began, [], time.process_time()
    for _ in range(ROUNDS):
        began = time.perf_counter()
        draw()
        times_s.append(time.perf_counter() - began)
    cpu_s = (time.process_time() - cpu_s) / ROUNDS
    return f"| {name} | {first_s:.2f} | {statistics.median(times_s):.2f} | {cpu_s:.2f} | {len(drawn) / 1000:.0f} |"


if __name__ == "__main__":
    with servers():
        main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
