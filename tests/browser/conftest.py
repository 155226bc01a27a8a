"""A real browser in front of a real server; skipped with the reason where no Chromium is installed."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from nodules_app.models import User
from tests.clinic import PASSWORD, member

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE = {"width": 1440, "height": 900}
NARROW = {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = os.environ.get("NODULES_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium on this machine (install one, or set NODULES_CHROMIUM to its path)")
    # Playwright's own event loop runs in this thread; the tests still speak to the database from it, one at a time.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        expect.set_options(timeout=15_000)  # a machine that is busy with other tests is slow, not wrong
        started = playwright.chromium.launch(executable_path=program, args=sandbox)
        yield started
        started.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visitor:
    """Somebody in front of a screen; every complaint of the browser is kept."""

    context: BrowserContext
    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def see(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def sign_in(self, user: User) -> Page:
        page = self.see("/sign-in")
        page.fill("#id_username", user.username)
        page.fill("#id_password", PASSWORD)
        page.press("#id_password", "Enter")
        page.wait_for_selector(".side", state="attached")
        return page

    def admit(self, user: User) -> None:
        """Begin as somebody who has signed in: the form itself is tried where it is the subject."""
        client = Client()
        client.force_login(user)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        self.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": self.address}])

    def listen(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)


Visit = Callable[..., Visitor]


@pytest.fixture
def visit(browser: Browser, live_server: LiveServer) -> Iterator[Visit]:
    """Open a fresh browser window: ``visit(viewport=…, language=…, theme=…, java_script_enabled=…, as_=user)``."""
    contexts: list[BrowserContext] = []

    def open_window(
        *, language: str = "en", theme: str = "light", as_: User | None = None, **options: object
    ) -> Visitor:
        context = browser.new_context(**{"viewport": WIDE, "reduced_motion": "reduce"} | options)
        contexts.append(context)
        cookies = {"django_language": language, "theme": theme}
        context.add_cookies([{"name": n, "value": v, "url": live_server.url} for n, v in cookies.items()])
        visitor = Visitor(context, context.new_page(), live_server.url)
        visitor.page.on("console", visitor.listen)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        visitor.page.set_default_timeout(30_000)
        if as_ is not None:
            visitor.admit(as_)
        return visitor

    yield open_window
    for context in contexts:
        context.close()
    wait_for_the_server()


def wait_for_the_server() -> None:
    """Let the server end what a closed window asked for, or emptying the tables meets its transaction."""
    busy = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    for _ in range(100):
        with connection.cursor() as cursor:
            cursor.execute(f"{busy} AND state IN ('active', 'idle in transaction') AND backend_type = 'client backend'")
            if cursor.fetchone() == (0,):
                return
        time.sleep(0.1)


@pytest.fixture
def reader(transactional_db: None) -> User:
    return member()
