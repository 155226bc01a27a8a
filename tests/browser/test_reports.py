"""A report in a real browser: written, a sentence changed, signed and added to; every page of it accessible."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from django.conf import LazySettings
from playwright.sync_api import expect

from nodules_app.lifecycles import FollowUpState
from nodules_app.models import Clinic, Patient, SentenceEdit, SignedVersion, User
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import decisions, readings
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import SCREENS, faults


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def patient(reader: User) -> Patient:
    """Two nodules on two exams, read and signed, with the next CT signed."""
    of = factories.followed_patient(nodules=2, clinic=Clinic.objects.get())
    Clinic.objects.update(reply_phone="555 0100", postal_address="1 Hill Road\nTown")
    scan = readings.latest_scan(of)
    assert scan is not None
    readings.exam_came(scan)
    readings.sign(
        reading=readings.begin(patient=of, by=reader), shown_sha256=sha256_of(content_of(of, scan)), by=reader
    )
    decisions.accept(follow_up=of.follow_ups.get(state=FollowUpState.PROPOSED), by=reader)
    return of


def test_a_report_is_written_changed_signed_and_added_to(visit: Visit, reader: User, patient: Patient) -> None:
    visitor = visit(as_=reader)
    page = visitor.see(f"/patients/{patient.code}/reading")
    page.get_by_role("link", name="Write the report").click()
    assert faults(visitor) == []
    page.get_by_role("button", name="Radiology report: English").click()
    page.get_by_role("link", name="Edit: Next step").click()
    field = page.get_by_label("Sentence")
    expect(field).to_be_focused()
    assert faults(visitor) == []
    field.fill("CT of the chest in June 2027, as the patient wishes.")
    field.press("Control+Enter")
    expect(page.locator("#step")).to_contain_text("as the patient wishes")
    page.get_by_role("link", name="Edit: The two scans are comparable").click()
    page.get_by_role("button", name="Leave it out").click()
    assert list(SentenceEdit.objects.order_by("pk").values_list("key", flat=True)) == ["step", "grade"]
    page.get_by_role("link", name="Edit: CT of the chest in June 2027").click()
    page.get_by_label("Sentence").press("Escape")
    expect(page.get_by_label("Sentence")).to_have_count(0)
    page.get_by_role("button", name="Sign the report").click()
    expect(page.get_by_role("link", name="Edit")).to_have_count(0)
    page.get_by_label("Addendum").fill("Older images came in.")
    page.get_by_role("button", name="Sign the addendum").click()
    expect(page.locator(".sheet")).to_contain_text("Older images came in.")
    assert faults(visitor) == []
    for kept in SignedVersion.objects.order_by("number"):
        got = visitor.context.request.get(f"{visitor.address}/documents/{kept.document.code}/{kept.number}.pdf")
        assert hashlib.sha256(got.body()).hexdigest() == kept.sha256
    page.get_by_role("link", name="Timeline").click()
    expect(page.locator("#everything")).to_contain_text("Radiology report")


@pytest.mark.parametrize(("language", "theme", "screen"), [("en", "dark", "phone"), ("zh-hans", "light", "desktop")])
def test_the_pages_are_accessible_and_keep_the_policy(
    visit: Visit, reader: User, patient: Patient, language: str, theme: str, screen: str
) -> None:
    visitor = visit(as_=reader, language=language, theme=theme, viewport=SCREENS[screen])
    page = visitor.see(f"/patients/{patient.code}/documents")
    page.locator(f"button[name=language][value={language}]").nth(1).click()
    page.wait_for_selector(".sheet")
    assert faults(visitor) == []
    visitor.see(f"/clinics/{patient.clinic.code}/letter-templates/patient_letter/{language}")
    assert faults(visitor) == []
