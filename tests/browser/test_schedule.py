"""Booking in a real browser: by mouse on the week, by keyboard on the booking page, and everything accessible."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from nodules_app.lifecycles import FollowUpState
from nodules_app.models import Clinic, FollowUp, FollowUpKind, Resource, ResourceKind, Role, User
from nodules_app.services import resources, scheduling
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import EVERY_PAIR, SCREENS, faults
from tests.clinic import PASSWORD

ZONE = ZoneInfo("UTC")


def next_monday() -> date:
    today = date.today()  # noqa: DTZ011 the browser's day, on the same machine
    return today + timedelta(days=7 - today.weekday())


@pytest.fixture
def coordinator(transactional_db: None) -> User:
    user = factories.member(Role.COORDINATOR)
    factories.Membership.objects.create(user=user, clinic=factories.clinic(), role=Role.MANAGER)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def scanner(coordinator: User) -> Resource:
    made = resources.add_resource(clinic=factories.clinic(), name="CT 1", kind=ResourceKind.CT, by=coordinator)
    resources.open_on(
        resource=made, weekdays=[1, 2, 3, 4, 5], opens_at=time(8), closes_at=time(11), slot_minutes=30, by=coordinator
    )
    return made


def owed(clinic: Clinic) -> FollowUp:
    patient = factories.patient(clinic=clinic)
    answer = factories.assessment(
        patient,
        factories.result("FLEISCHNER2017", "fleischner_ct_3m", "SOLID.SINGLE.GT8"),
        exam_on=next_monday() - timedelta(days=88),
    )
    monday = next_monday()
    return factories.follow_up(
        patient,
        assessed=answer,
        kind=FollowUpKind.CT,
        state=FollowUpState.PLANNED,
        due_from=monday,
        target_on=monday + timedelta(days=2),
        due_until=monday + timedelta(days=9),
    )


@pytest.mark.parametrize(("language", "screen", "theme"), EVERY_PAIR)
def test_the_calendar_is_accessible_and_keeps_the_policy(
    visit: Visit, coordinator: User, scanner: Resource, language: str, screen: str, theme: str
) -> None:
    clinic = scanner.clinic
    step, other = owed(clinic), owed(clinic)
    starts_at = datetime.combine(next_monday(), time(8, 30), ZONE)
    scheduling.give_slot(follow_up=other, resource=scanner.code, starts_at=starts_at, by=coordinator)
    visitor = visit(language=language, theme=theme, viewport=SCREENS[screen], as_=coordinator)
    pages = {
        "book": f"/follow-ups/{step.code}/book",
        "move": f"/follow-ups/{other.code}/book",
        "week": f"/schedule?on={next_monday()}",
        "set-up": "/schedule/set-up",
    }
    for name, path in pages.items():
        visitor.see(path)
        assert faults(visitor) == [], name


def test_a_step_is_booked_with_the_keyboard_and_without_scripts(
    visit: Visit, coordinator: User, scanner: Resource
) -> None:
    step = owed(scanner.clinic)
    visitor = visit(java_script_enabled=False, as_=coordinator)
    page = visitor.see(f"/follow-ups/{step.code}/book")
    slot = page.get_by_role("button", name="08:00")
    slot.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/patients/{step.patient.code}/")
    step.refresh_from_db()
    assert (step.state, step.booked_on) == (FollowUpState.BOOKED, step.target_on)


def test_a_waiting_step_is_dragged_onto_a_slot_and_on_to_another(
    visit: Visit, coordinator: User, scanner: Resource
) -> None:
    step = owed(scanner.clinic)
    visitor = visit(as_=coordinator)
    page = visitor.see(f"/schedule?on={next_monday()}")
    page.locator(".to-book .card").drag_to(page.locator(".week-day").nth(1).locator("[data-slot]").first)
    page.wait_for_selector(".slot[data-booked]")
    step.refresh_from_db()
    assert step.booked_on == next_monday() + timedelta(days=1)
    page.locator(".slot[data-booked] a").drag_to(page.locator(".week-day").nth(3).locator("[data-slot]").nth(2))
    page.wait_for_selector(".week-day:nth-child(4) .slot[data-booked]")
    step.refresh_from_db()
    assert step.booked_on == next_monday() + timedelta(days=3)
    assert step.appointments.count() == 2
