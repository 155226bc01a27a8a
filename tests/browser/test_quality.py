"""The figures of a clinic in a real browser: accessible, and small groups hidden where they are shared."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from nodules_app.lifecycles import FollowUpState
from nodules_app.models import Role, User
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import SCREENS, faults
from tests.clinic import member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def manager(transactional_db: None) -> User:
    """A manager of a clinic where three CTs are late."""
    today = timezone.localdate()
    for number in range(3):
        nodule = factories.nodule(factories.patient())
        until = today - timedelta(days=40 + number)
        factories.follow_up(
            nodule.patient,
            [nodule],
            kind="ct",
            state=FollowUpState.PLANNED,
            due_from=until - timedelta(days=30),
            target_on=until - timedelta(days=15),
            due_until=until,
        )
    return member(Role.MANAGER)


@pytest.mark.parametrize(("language", "screen", "theme"), [("en", "desktop", "light"), ("zh-hans", "phone", "dark")])
def test_the_figures_are_accessible(visit: Visit, manager: User, language: str, screen: str, theme: str) -> None:
    visitor = visit(language=language, theme=theme, viewport=SCREENS[screen], as_=manager)
    page = visitor.see("/quality")
    for details in page.locator("details.data-table summary").all():
        details.click()
    assert faults(visitor) == []
    visitor.see("/quality/patients/overdue")
    assert faults(visitor) == []


def test_a_shared_view_hides_the_small_group_that_one_s_own_shows(visit: Visit, manager: User) -> None:
    page = visit(as_=manager).see("/quality?months=6")
    tile = page.locator(".kpi", has_text="on time").first
    expect(tile).to_contain_text("3")
    page.locator("[name=shared]").focus()
    page.keyboard.press("Space")
    page.get_by_role("button", name="Show", exact=True).press("Enter")
    expect(page.locator(".page-head p").first).to_contain_text("Groups below 5 are not shown")
    with page.expect_download() as told:
        page.get_by_role("link", name="Export", exact=True).click()
    assert told.value.suggested_filename.endswith("-shared.xlsx")


def test_what_must_be_done_leads_to_the_patients_and_back(visit: Visit, manager: User) -> None:
    page = visit(as_=manager).see("/quality?months=6")
    page.get_by_role("link", name="3 steps are overdue").press("Enter")
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_role("link", name="Back to the figures").press("Enter")
    expect(page.locator("#months")).to_have_value("6")
