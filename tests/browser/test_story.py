"""A patient's story in a real browser, by the keyboard and by its table alone."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import Page, expect

from nodules_app.models import Patient, User
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import SCREENS, faults

pytestmark = pytest.mark.django_db(transaction=True)
DAYS = (date(2025, 5, 2), date(2025, 11, 1), date(2026, 5, 3))
VOLUMES_MM3 = (200.0, 300.0, 450.0)


@pytest.fixture
def patient(transactional_db: None) -> Patient:
    """Two nodules on three scans: one grows, one does not."""
    whose = factories.patient()
    scans = [factories.scan(whose, on) for on in DAYS]
    for number in range(2):
        nodule = factories.nodule(whose)
        for scan, volume_mm3 in zip(scans, VOLUMES_MM3, strict=True):
            seen = factories.finding(nodule, scan, (10.0 * number, 0.0, 0.0))
            factories.measurement(seen, volume_mm3 if number == 0 else 80.0)
    return whose


def reach(page: Page, selector: str) -> None:
    """Go to a control with the tabulator alone."""
    for _ in range(120):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"no key leads to {selector}")


def test_the_story_is_told_by_keys_and_by_its_table(visit: Visit, reader: User, patient: Patient) -> None:
    visitor = visit(as_=reader)
    page = visitor.see(f"/patients/{patient.code}/timeline")
    expect(page.locator(".page-head p")).to_contain_text("3 exams in 12 months")
    assert faults(visitor) == []
    reach(page, "[data-period-days='365']")
    page.keyboard.press("Enter")
    expect(page.locator("[data-period-days='365']")).to_have_attribute("aria-pressed", "true")
    reach(page, "[data-nodule='N2']")
    page.keyboard.press("Space")
    assert (
        page.evaluate("document.querySelector('[data-chart]').data.filter((t) => t.name === 'N2')[0].visible") is False
    )
    reach(page, ".data-table summary")
    page.keyboard.press("Enter")
    told = page.locator(".data-table tbody").inner_text()
    for volume_mm3 in VOLUMES_MM3:
        assert f"{volume_mm3:.0f}" in told
    reach(page, "#from")
    page.keyboard.press("Home")
    reach(page, "#to")
    page.keyboard.press("Home")  # the latest stands first there
    reach(page, "#between button")
    page.keyboard.press("Enter")
    expect(page.locator("#between [role=status]")).to_contain_text("313")  # days: 366 over log2(450/200)
    assert faults(visitor) == []


def test_the_story_fits_a_phone_in_the_dark(visit: Visit, reader: User, patient: Patient) -> None:
    visitor = visit(language="zh-hans", theme="dark", viewport=SCREENS["phone"], as_=reader)
    visitor.see(f"/patients/{patient.code}/timeline").locator(".data-table summary").click()
    assert faults(visitor) == []
