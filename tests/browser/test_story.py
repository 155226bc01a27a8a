"""A patient's story in a real browser, by the keyboard and by its table alone."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from nodules_app.models import Patient, User
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import SCREENS, faults
from tests.long_story import long_story

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


def line(page: Page, label: str) -> dict[str, Any]:
    drawn: list[dict[str, Any]] = page.evaluate("document.querySelector('[data-chart]').data")
    return next(trace for trace in drawn if trace.get("name") == label)


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
    assert line(page, "N2").get("error_y") is None, "what does not stand out stays behind, without its intervals"
    reach(page, "[data-others]")
    page.keyboard.press("Space")
    assert line(page, "N2")["visible"] is False
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
    page = visitor.see(f"/patients/{patient.code}/timeline")
    page.locator(".data-table summary").click()
    sides = page.evaluate("['yaxis', 'yaxis2'].map(name => document.querySelector('[data-chart]').layout[name].side)")
    assert sides == ["right", "right"], "what is now comes first, with the sizes and the names of the lanes beside it"
    assert faults(visitor) == []


def test_years_of_many_nodules_stay_readable_and_print_on_one_page(visit: Visit, reader: User) -> None:
    whose = long_story(by=reader, last_on=timezone.localdate(), exams=10, nodules=9)
    visitor = visit(as_=reader, theme="dark")
    page = visitor.see(f"/patients/{whose.code}/timeline")
    chosen = page.locator("[data-nodule]:checked").evaluate_all("boxes => boxes.map((box) => box.dataset.nodule)")
    assert 1 <= len(chosen) <= 6
    drawn = [line(page, f"N{number}") for number in range(1, 10)]
    assert {trace["name"] for trace in drawn if trace.get("error_y")} == set(chosen)
    assert faults(visitor) == []
    rows = page.locator("#everything tbody tr")
    expect(rows).to_have_count(40)
    page.get_by_role("link", name=re.compile("^Show all")).click()
    assert rows.count() > 60
    expect(rows.filter(has_text="ruleset R1").first).to_contain_text("edition")
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format="A4", prefer_css_page_size=True))) == 1
