"""A conference of six cases in a real browser: from its list, case by case by keys, to the signed minutes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from nodules_app.lifecycles import MdtCaseState
from nodules_app.models import FollowUp, MdtCase, MdtMeeting, Role, User
from nodules_app.services.mdt import cases, meetings
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import faults
from tests.clinic import member

pytestmark = pytest.mark.django_db(transaction=True)
PROJECTOR = {"width": 1920, "height": 1080}
CASES = 6


@pytest.fixture
def chair(transactional_db: None) -> User:
    return member(Role.CHAIR)


@pytest.fixture
def meeting(chair: User) -> MdtMeeting:
    """Six patients on the list of a meeting that begins in a moment."""
    starts_at = timezone.now() + timedelta(hours=1)
    planned = meetings.plan_meeting(
        clinic=factories.clinic(),
        starts_at=starts_at,
        cut_off_at=starts_at,
        place="Room 4",
        chair=chair,
        quorum=[],
        by=chair,
    )
    for number in range(1, CASES + 1):
        nodule = factories.nodule(factories.patient(name=f"Case^{number}"))
        factories.measurement(factories.finding(nodule, factories.scan(nodule.patient)))
        cases.put_on(patient=nodule.patient, question=f"Question {number}?", by=chair, meeting=planned)
    return planned


def turn(page: Page, key: str) -> None:
    """Press a key that opens a page, and wait until the keys of that page are heard."""
    with page.expect_navigation():
        page.keyboard.press(key)


def test_six_cases_from_the_list_to_the_minutes(visit: Visit, chair: User, meeting: MdtMeeting) -> None:
    visitor = visit(as_=chair, viewport=PROJECTOR)
    page = visitor.see(f"/mdt/meetings/{meeting.code}/")
    expect(page.locator("#list tbody tr")).to_have_count(CASES)
    assert faults(visitor) == []
    turn(page, "m")
    expect(page.get_by_text(f"Case 1 of {CASES}")).to_be_visible()
    assert faults(visitor) == []
    for number in range(2, CASES + 1):  # through all of them by one key, and back
        turn(page, "n")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Question {number}?")
    for number in range(CASES - 1, 0, -1):
        turn(page, "p")
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Question {number}?")
    ct_on = timezone.localdate() + timedelta(days=90)
    for number in range(1, CASES + 1):
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Question {number}?")
        page.get_by_label("CT at a date", exact=True).check()
        page.get_by_label("CT on about").fill(ct_on.isoformat())
        page.get_by_role("button", name="Agreed, next case").click()
    expect(page.get_by_role("button", name="End the meeting")).to_be_visible()
    page.get_by_role("button", name="End the meeting").click()
    page.get_by_role("button", name="Sign the minutes").click()
    address = page.get_by_role("link", name="Minutes, version 1").get_attribute("href")
    minutes = visitor.context.request.get(f"{visitor.address}{address}")
    assert minutes.body().startswith(b"%PDF")
    assert set(MdtCase.objects.values_list("state", flat=True)) <= {MdtCaseState.ACTIONS_OPEN, MdtCaseState.COMPLETE}
    assert FollowUp.objects.filter(management="conference_ct", target_on=ct_on).count() == CASES
    visitor.see("/mdt")
    assert faults(visitor) == []


def test_keys_show_a_nodule_and_its_images_and_nothing_typed_is_lost_unasked(visit: Visit, chair: User) -> None:
    of = factories.followed_patient(nodules=2)
    starts_at = timezone.now() + timedelta(hours=1)
    planned = meetings.plan_meeting(
        clinic=of.clinic,
        starts_at=starts_at,
        cut_off_at=starts_at,
        place="Room 4",
        chair=chair,
        quorum=[],
        by=chair,
    )
    case = cases.put_on(patient=of, question="Which one?", by=chair, meeting=planned)
    page = visit(as_=chair, viewport=PROJECTOR).see(f"/mdt/cases/{case.code}/discuss")
    expect(page.locator("[data-nodule=N1]")).to_be_visible()
    page.keyboard.press("2")
    expect(page.locator("[data-nodule=N2]")).to_be_visible()
    expect(page.locator("[data-nodule=N1]")).to_be_hidden()
    expect(page.locator("[data-choose-nodule=N2]")).to_have_attribute("aria-current", "true")
    with page.expect_popup() as opened:
        page.keyboard.press("v")
    assert opened.value.url.endswith(f"/patients/{of.code}/read?nodule=N2")
    opened.value.close()
    words = page.get_by_label("In words")
    words.click()
    page.keyboard.type("Wait for the PET-CT.")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))
    page.get_by_role("link", name="The list").click(no_wait_after=True)
    expect(words).to_have_value("Wait for the PET-CT.")
    page.wait_for_timeout(500)
    assert asked == ["beforeunload"]
    expect(page.get_by_role("heading", level=1)).to_have_text("Which one?")
