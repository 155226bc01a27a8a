"""How quick the viewer is on a pair of 2 x 300 slices: first image, whole pair, scroll steps, memory, ten readers.

Run as ``python -m tests.benchmarks.bench_viewer``. It starts a PostgreSQL, the web process as ``make demo`` does
(gunicorn, 2 workers of 4 threads) and a headless Chromium without a GPU, all on this machine, and prints Markdown for
``docs/benchmarks.md``. A step is timed from the key to the end of its drawing, the wait for the next frame included.
"""

from __future__ import annotations

import os
import shutil
import socket
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from itertools import chain
from pathlib import Path
from typing import Final

import psutil
from playwright.sync_api import Page, sync_playwright

from tests.benchmarks.bench_clinic import servers

READERS: Final = 10
STEPS: Final = 120
STEP: Final = """async ([key, steps]) => {
    const times = [];
    for (let step = 0; step < steps; step += 1) {
        const began = performance.now();
        document.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
        await new Promise((drawn) => requestAnimationFrame(() => drawn()));
        times.push(performance.now() - began);
        await new Promise((next) => setTimeout(next, 5));
    }
    return times;
}"""


def main() -> None:
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nodules_app.settings")
    django.setup()
    from tests.benchmarks import viewer_clinic

    patient, reader = viewer_clinic.prepare()
    addresses, session = viewer_clinic.slab_addresses(patient, reader)
    with web() as base, sync_playwright() as playwright:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        context.add_cookies([{"name": "sessionid", "value": session, "url": base}])
        page = context.new_page()
        say("| what | figure |\n|---|---|")
        say(f"| load of the machine at the start | {os.getloadavg()[0]:.1f} |")
        for row in chain(opening(page, base, str(patient.code)), stepping(page)):
            say(f"| {row[0]} | {row[1]} |")
        say(f"| memory of the tab | {renderer_mb():.0f} MB |")
        browser.close()
        for row in ten_readers(base, addresses, session):
            say(f"| {row[0]} | {row[1]} |")


def opening(page: Page, base: str, patient: str) -> Iterator[tuple[str, str]]:
    """Click from the patient page, three times: the first with nothing in the browser's cache."""
    for attempt in ("first visit", "second visit", "third visit"):
        page.goto(f"{base}/patients/{patient}/")
        clicked = page.evaluate("() => Date.now()")
        page.get_by_role("link", name="Side by side").click()
        page.wait_for_selector("[data-room][data-complete-ms]", timeout=120_000)
        origin, told = page.evaluate(
            "() => [performance.timeOrigin, {...document.querySelector('[data-room]').dataset}]"
        )
        before_ms = origin - clicked
        yield f"first image, {attempt}", f"{before_ms + float(told['firstImageMs']):.0f} ms"
        yield f"2 x 300 slices, {attempt}", f"{(before_ms + float(told['completeMs'])) / 1000:.1f} s"
    yield "painter", str(told["painter"])


def stepping(page: Page) -> Iterator[tuple[str, str]]:
    """Scroll through single slices, slabs and planes."""
    modes = {
        "axial": [],
        "axial, MIP 10 mm": ["m"],
        "axial, mean 30 mm": ["m", *["]"] * 20],
        "axial, flicker": ["m", "t"],
        "axial, subtraction": ["t", "u"],
        "coronal": ["u", "8"],
        "sagittal": ["9"],
    }
    for name, keys in modes.items():
        for key in keys:
            page.keyboard.press(key)
        page.keyboard.press("n")
        page.wait_for_timeout(300)
        times = sorted(page.evaluate(STEP, ["ArrowDown", STEPS // 2]) + page.evaluate(STEP, ["ArrowUp", STEPS // 2]))
        p95 = times[round(0.95 * len(times)) - 1]
        yield f"scroll step, {name}: median, 95th percentile", f"{statistics.median(times):.0f}, {p95:.0f} ms"


def renderer_mb() -> float:
    """Resident memory of the largest renderer among our own children."""
    renderers = [
        child.memory_info().rss
        for child in psutil.Process().children(recursive=True)
        if any("--type=renderer" in word for word in child.cmdline())
    ]
    return max(renderers) / 2**20


def ten_readers(base: str, addresses: list[tuple[str, int]], session: str) -> Iterator[tuple[str, str]]:
    """Ten readers open the pair at the same moment, each with four requests under way, as the viewer has."""

    def fetch(path: str) -> tuple[bool, int, float]:
        headers = {"Cookie": f"sessionid={session}", "Accept-Encoding": "zstd"}
        began = time.perf_counter()
        try:
            with urllib.request.urlopen(urllib.request.Request(base + path, headers=headers), timeout=60) as answer:  # noqa: S310 our own server
                body = answer.read()
                return answer.status == HTTPStatus.OK, len(body), time.perf_counter() - began
        except OSError:
            return False, 0, time.perf_counter() - began

    began = time.perf_counter()
    with ThreadPoolExecutor(READERS * 4) as pool:
        told = list(pool.map(fetch, [path for path, _voxels in addresses for _reader in range(READERS)]))
    lasted_s = time.perf_counter() - began
    waits_s = sorted(wait for _ok, _size, wait in told)
    yield "ten readers: slices that failed", f"{sum(not ok for ok, _, _ in told)} of {len(told)} requests"
    yield (
        "ten readers: all ten pairs",
        f"{lasted_s:.0f} s, {sum(size for _, size, _ in told) / 2**20 / READERS:.0f} MB each",
    )
    yield "ten readers: one request, median and longest", f"{statistics.median(waits_s):.2f}, {waits_s[-1]:.2f} s"


@contextmanager
def web() -> Iterator[str]:
    """The pages, as ``make demo`` serves them."""
    from nodules_app.demo.product import children

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    var = Path(os.environ["NODULES_VAR"])
    (var / "log").mkdir(parents=True, exist_ok=True)
    pages = children(var, port)[0]
    pages.start(os.environ)
    base = f"http://127.0.0.1:{port}"
    try:
        wait_for(f"{base}/health/live")
        yield base
    finally:
        pages.ask_to_end()
        pages.end(time.monotonic() + 10)


def wait_for(address: str, limit_s: float = 60.0) -> None:
    deadline = time.monotonic() + limit_s
    while True:
        try:
            urllib.request.urlopen(address, timeout=5).close()  # noqa: S310 our own server
        except OSError:  # refused, or not answered while it still loads
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)
        else:
            return


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    with servers():
        main()
