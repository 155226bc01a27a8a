"""The sign-in page, the worklist and the import page in a real browser: accessible, and usable without script."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.utils import timezone
from playwright.sync_api import expect

from nodules_app.lifecycles import RunState
from nodules_app.models import ImportBatch, Patient, Run, RunKind, Scan, User
from nodules_app.services import safety_net
from tests.browser.conftest import NARROW, Visit
from tests.browser.looking import EVERY_PAIR, SCREENS, faults
from tests.clinic import delivered, followed, refused, series_of


@pytest.fixture
def clinic(transactional_db: None) -> None:
    """A morning's worklist with one of everything that the pages can show."""
    today = timezone.localdate()
    followed(42, due=(-100, -26), today=today)
    followed(117, due=(-5, 9), today=today)
    followed(230, due=None, today=today)
    patient = followed(305, due=(80, 110), today=today)
    delivered(patient)
    refused(patient)
    series_of(Scan.objects.filter(study__patient=patient)[0].study, "Thorax 2.0 B60")
    busy = followed(88, today=today)
    delivered(busy)
    running(busy, progress=62)
    safety_net.prove()


def running(patient: object, *, progress: int) -> Run:
    lease = timezone.now() + timedelta(minutes=5)
    return Run.objects.create(
        kind=RunKind.ASSESS, patient=patient, state=RunState.RUNNING, lease_until=lease, progress=progress
    )


@pytest.mark.parametrize(("language", "screen", "theme"), EVERY_PAIR)
@pytest.mark.usefixtures("clinic")
def test_every_page_is_accessible_and_keeps_the_policy(
    visit: Visit, reader: User, language: str, screen: str, theme: str
) -> None:
    visitor = visit(language=language, theme=theme, viewport=SCREENS[screen])
    visitor.see("/sign-in")
    assert faults(visitor) == []
    visitor.sign_in(reader)
    for path in ("/", "/?show=overdue", "/?q=nobody", "/import"):
        visitor.see(path)
        assert faults(visitor) == [], path
    for details in visitor.page.locator("details").all():
        details.locator("summary").click()
    visitor.page.locator("[popovertarget=me]").click()
    assert faults(visitor) == []


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.usefixtures("clinic")
def test_the_pages_of_a_patient_are_accessible(visit: Visit, reader: User, language: str, screen: str) -> None:
    visitor = visit(language=language, viewport=SCREENS[screen], as_=reader)
    patient = Patient.objects.get(identifier="SIM-000305")
    visitor.see(f"/patients/{patient.code}/")
    assert faults(visitor) == []
    visitor.see(f"/patients/{patient.code}/risk-factors")
    assert faults(visitor) == []


@pytest.mark.usefixtures("transactional_db")
def test_a_wrong_password_is_said_where_a_screen_reader_hears_it(visit: Visit) -> None:
    visitor = visit()
    page = visitor.see("/sign-in")
    page.fill("#id_username", "nobody")
    page.fill("#id_password", "wrong")
    page.press("#id_password", "Enter")
    summary = page.get_by_role("alert")
    expect(summary).to_contain_text("do not fit together")
    expect(summary).to_be_focused()
    assert faults(visitor) == []


def test_a_missing_page_is_accessible_too(visit: Visit, reader: User) -> None:
    visitor = visit(as_=reader)
    visitor.see("/nowhere")
    visitor.complaints.clear()  # the browser reports the 404 itself
    assert faults(visitor) == []


def test_the_keyboard_skips_the_bars_and_reaches_the_search(visit: Visit, reader: User) -> None:
    page = visit(as_=reader).see("/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("a/b")
    expect(page.locator("#q")).to_have_value("a/b")


def test_single_keys_can_be_switched_off_and_the_appearance_chosen(visit: Visit, reader: User) -> None:
    page = visit(as_=reader).see("/")
    page.locator("[popovertarget=me]").click()
    page.get_by_label("Dark, for the reading room").check()
    page.get_by_label("Single-key shortcuts").uncheck()
    page.get_by_role("button", name="Keep these settings").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.keyboard.press("/")
    expect(page.locator("#q")).not_to_be_focused()


def test_the_language_changes_and_the_page_stays(visit: Visit, reader: User) -> None:
    page = visit(as_=reader).see("/import")
    page.get_by_role("button", name="简体中文").click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-Hans")
    expect(page.get_by_role("heading", level=1)).to_have_text("导入")


def test_the_navigation_opens_on_a_phone(visit: Visit, reader: User) -> None:
    page = visit(as_=reader, viewport=NARROW).see("/")
    expect(page.locator("#side")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Import", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import")


@pytest.fixture
def inbox(settings: LazySettings, tmp_path: Path) -> Path:
    settings.INBOX_DIR = tmp_path / "inbox"
    return settings.INBOX_DIR


@pytest.mark.parametrize("script", [True, False])
def test_files_are_sent_with_and_without_script(visit: Visit, reader: User, inbox: Path, *, script: bool) -> None:
    page = visit(as_=reader, java_script_enabled=script).see("/import")
    page.set_input_files("#id_dicom", {"name": "one.dcm", "mimeType": "application/dicom", "buffer": b"x" * 200_000})
    page.get_by_role("button", name="Import the chosen files").click()
    page.wait_for_url("**/import#import-*")
    batch = ImportBatch.objects.get()
    assert Path(batch.path).read_bytes() == b"x" * 200_000
    expect(page.locator(f"#import-{batch.code}")).to_contain_text("one.dcm")


@pytest.mark.usefixtures("inbox")
def test_a_refused_upload_is_said_without_leaving_the_page(visit: Visit, reader: User) -> None:
    page = visit(as_=reader).see("/import")
    page.get_by_role("button", name="Import the chosen files").click()
    expect(page.get_by_role("alert")).to_contain_text("No file was chosen.")
    expect(page.get_by_role("button", name="Import the chosen files")).to_be_enabled()


def test_work_in_hand_is_shown_as_it_goes_on_and_then_left_alone(visit: Visit, reader: User) -> None:
    patient = followed(1)
    delivered(patient)
    run = running(patient, progress=10)
    page = visit(as_=reader).see("/import")
    region = page.locator("[data-refresh]")
    expect(region).to_contain_text("10 %")
    Run.objects.filter(pk=run.pk).update(progress=75)
    expect(region).to_contain_text("75 %")
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, ended_at=timezone.now(), lease_until=None)
    expect(region).not_to_have_attribute("data-running", "")
    expect(page.get_by_text("Done", exact=True)).to_be_visible()


def test_a_page_whose_server_is_silent_says_so(visit: Visit, reader: User) -> None:
    patient = followed(1)
    delivered(patient)
    running(patient, progress=10)
    page = visit(as_=reader).see("/import")
    note = page.get_by_text("The server does not answer just now.")
    expect(note).to_be_hidden()
    page.route("**/import/deliveries", lambda route: route.abort())
    expect(note).to_be_visible()
    page.unroute("**/import/deliveries")
    expect(note).to_be_hidden(timeout=15_000)
