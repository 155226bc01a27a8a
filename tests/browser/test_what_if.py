"""What if in a real browser: accessible, answered while one types, and by its button where there is no script."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from nodules_app.models import User
from tests.browser.conftest import Visit
from tests.browser.looking import EVERY_PAIR, SCREENS, faults
from tests.integration.test_replay import assessed_patient
from tests.integration.test_what_if import GROWING


@pytest.mark.parametrize(("language", "screen", "theme"), EVERY_PAIR)
def test_what_if_is_accessible_and_keeps_the_policy(
    visit: Visit, reader: User, language: str, screen: str, theme: str
) -> None:
    visitor = visit(language=language, theme=theme, viewport=SCREENS[screen], as_=reader)
    patient = assessed_patient()
    for path in (
        "/what-if",
        "/what-if/changes",
        f"/what-if?{urlencode(GROWING)}",
        f"/patients/{patient.code}/what-if?e1_volume_mm3=600",
    ):
        page = visitor.see(path)
        assert page.locator("[data-chart]:not([data-drawn])").count() == 0
        page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        assert faults(visitor) == [], path


def test_a_refused_number_is_said_where_a_screen_reader_hears_it(visit: Visit, reader: User) -> None:
    visitor = visit(as_=reader)
    page = visitor.see("/what-if?e1_long_axis_mm=6,5")
    visitor.complaints.clear()  # the browser reports the 422 itself
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_role("alert")).to_contain_text("Write digits with a decimal point")
    assert faults(visitor) == []


def test_the_answers_follow_what_one_types(visit: Visit, reader: User) -> None:
    visitor = visit(as_=reader)
    patient = assessed_patient()
    page = visitor.see(f"/patients/{patient.code}/what-if")
    bts = page.locator(".rec", has_text="BTS 2015")
    expect(bts).to_contain_text("Consider biopsy or yearly CT")
    page.fill("#id_e1_volume_mm3", "600")
    expect(bts).to_contain_text("Was: Consider biopsy or yearly CT")
    expect(bts).to_contain_text("Further diagnostic work-up now")
    expect(page.locator("[data-said]")).to_contain_text("1 answer changed.")
    expect(page.locator("#id_e1_volume_mm3")).to_be_focused()
    expect(page.locator("[data-chart][data-drawn]")).to_have_count(page.locator("[data-chart]").count())
    assert "e1_volume_mm3=600" in page.url
    page.reload()
    expect(bts).to_contain_text("Was: Consider biopsy or yearly CT")
    assert faults(visitor) == []


def test_it_answers_without_script(visit: Visit, reader: User) -> None:
    page = visit(as_=reader, java_script_enabled=False).see("/what-if")
    page.fill("#id_e1_volume_mm3", "120")
    page.get_by_role("button", name="Ask the guidelines").click()
    expect(page.locator(".rec", has_text="BTS 2015")).to_contain_text("CT at 3 months")
    page.get_by_text("Show as table").first.click()
    expect(page.locator("td", has_text="here").first).to_be_visible()  # what the drawing would show
