"""How quick the timeline of a long story is: 20 exams and 15 nodules over eight years, on the server and in a browser.

Run as ``python -m tests.benchmarks.bench_story``. It starts a PostgreSQL, writes the patient (``tests.long_story``),
asks the page through Django's client, then serves it as ``make demo`` does and opens it in a headless Chromium, and
prints Markdown for ``docs/benchmarks.md``. Drawn is the last ``plotly_afterplot`` after the navigation began; cold is a
browser that has never been here, warm one that has.
"""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from playwright.sync_api import Browser, BrowserType, sync_playwright

from tests.benchmarks.bench_clinic import servers
from tests.benchmarks.bench_viewer import say, web

ROUNDS: Final = 15
VISITS: Final = 5
WARMING: Final = 5
SETTLED_MS: Final = 1000  # after the load nothing is drawn any more
# Told to the page before its own scripts: when each drawing ended, since the navigation began.
LISTEN: Final = """
window.drawnAtMs = [];
document.addEventListener("DOMContentLoaded", () => {
    const plot = document.querySelector("[data-chart]");
    const note = () => window.drawnAtMs.push(performance.now());
    if (plot.hasAttribute("data-drawn")) note();
    plot.on("plotly_afterplot", note);
});
"""


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from django.core.management import call_command
    from django.test import Client
    from django.urls import reverse
    from django.utils import timezone

    from nodules_app.models import Role
    from tests import factories
    from tests.long_story import long_story

    call_command("migrate", verbosity=0)
    reader = factories.member(Role.RADIOLOGIST)
    patients = {
        "20 exams, 15 nodules": long_story(by=reader, last_on=timezone.localdate()),
        "2 exams, 2 nodules": factories.followed_patient(nodules=2),
    }
    client = Client(headers={"host": "localhost"})
    client.force_login(reader)
    say(f"load of the machine at the start: {os.getloadavg()[0]:.1f}\n")
    say("| timeline of | measure | median | longest |\n|---|---|---|---|")
    for name, patient in patients.items():
        path = reverse("timeline", kwargs={"code": patient.code})
        report(name, "server", served(partial(client.get, path)))
        with web() as base, sync_playwright() as playwright:
            for kind, times in drawn(playwright.chromium, base, path, client.cookies["sessionid"].value):
                report(name, kind, times)


def report(name: str, measure: str, times_ms: Sequence[float]) -> None:
    say(f"| {name} | {measure} | {statistics.median(times_ms):.0f} ms | {max(times_ms):.0f} ms |")


def served(ask: Callable[[], object]) -> list[float]:
    """Ask once cold, which is not told, and then warm."""
    ask()
    times_ms = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        ask()
        times_ms.append(1000 * (time.perf_counter() - began))
    return times_ms


def drawn(chromium: BrowserType, base: str, path: str, session: str) -> Iterator[tuple[str, Sequence[float]]]:
    """Open the page in browsers that have never been here, and in one that has."""
    browser = chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
    visit(browser, base, path, session, again=WARMING)  # each process of the server draws its first page
    cold = [visit(browser, base, path, session)[0] for _ in range(VISITS)]
    warm = visit(browser, base, path, session, again=VISITS)[1:]
    browser.close()
    for kind, visits in (("cold", cold), ("warm", warm)):
        answered_ms, drawn_ms = zip(*visits, strict=True)
        yield f"{kind} browser: until the page came", answered_ms
        yield f"{kind} browser: until drawn", drawn_ms


def visit(browser: Browser, base: str, path: str, session: str, again: int = 0) -> list[tuple[float, float]]:
    """Open the page in a new profile, once and then so many times again.

    Gives the milliseconds from the beginning of the navigation until the page had come and until its last drawing.
    """
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": "sessionid", "value": session, "url": base}])
    context.add_init_script(LISTEN)
    page = context.new_page()
    times_ms = []
    for _ in range(1 + again):
        page.goto(base + path)
        page.wait_for_timeout(SETTLED_MS)
        came_ms = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
        times_ms.append((came_ms, max(page.evaluate("window.drawnAtMs"))))
    context.close()
    return times_ms


if __name__ == "__main__":
    with servers():
        main()
