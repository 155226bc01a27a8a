"""A step, the ways to end follow-up and the proof, as people see them: accessible, on a desk and on a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from nodules_app.lifecycles import FollowUpState
from nodules_app.models import FollowUp, Role, User
from nodules_app.services import arrivals, decisions, endings, follow_ups, safety_net
from tests import factories
from tests.browser.conftest import NARROW, WIDE, Visit
from tests.browser.looking import faults
from tests.clinic import member

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def physician(transactional_db: None) -> User:
    return member(Role.PHYSICIAN)


@pytest.fixture
def step(physician: User) -> FollowUp:
    """A signed step with a history, answered by an exam outside its window."""
    held = factories.followed_patient().follow_ups.get()
    decisions.accept(follow_up=held, by=physician)
    follow_ups.book(held, on=held.due_from, by=physician)
    follow_ups.miss(held, because="Bus strike.", by=physician)
    arrivals.received(factories.scan(held.patient, held.due_from - timedelta(days=60)).study)
    endings.ask_transfer(
        patient=held.patient, organisation="North Hospital", recipient="Dr N", on=held.created_at.date(), by=physician
    )
    safety_net.prove()
    held.refresh_from_db()
    return held


@pytest.mark.parametrize("screen", ["wide", "narrow"])
@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("zh-hans", "dark")])
def test_the_pages_of_a_step_are_accessible_and_keep_the_policy(
    visit: Visit, physician: User, step: FollowUp, language: str, theme: str, screen: str
) -> None:
    visitor = visit(language=language, theme=theme, as_=physician, viewport=WIDE if screen == "wide" else NARROW)
    code = step.patient.code
    paths = [f"/follow-ups/{step.code}/", f"/follow-ups/{step.code}/do/set-aside", "/safety-net"]
    paths += [f"/patients/{code}/{way}" for way in ("discharge", "decline", "death", "transfer")]
    for path in [*paths, f"/patients/{code}/"]:
        visitor.see(path)
        assert faults(visitor) == []


def test_a_step_is_signed_with_one_key_but_not_while_typing(visit: Visit, physician: User) -> None:
    proposed = factories.followed_patient().follow_ups.get()
    page = visit(as_=physician).see(f"/patients/{proposed.patient.code}/")
    page.keyboard.press("/")
    page.keyboard.type("a")
    proposed.refresh_from_db()
    assert proposed.state == FollowUpState.PROPOSED
    page.keyboard.press("Tab")
    page.keyboard.press("a")
    page.get_by_text("Signed. The step is planned").wait_for()
    proposed.refresh_from_db()
    assert (proposed.state, proposed.owner) == (FollowUpState.PLANNED, physician)


def test_a_clinician_signs_a_discharge_and_follows_again_without_scripts(
    visit: Visit, physician: User, step: FollowUp
) -> None:
    visitor = visit(as_=physician, java_script_enabled=False)
    page = visitor.see(f"/patients/{step.patient.code}/discharge")
    page.get_by_role("button", name="Sign the discharge").click()
    assert page.get_by_role("alert").inner_text().startswith("One thing to mend")
    page.get_by_label("Why").fill("Stable for two years.")
    page.get_by_role("button", name="Sign the discharge").click()
    assert page.get_by_text("Nothing is owed").is_visible()
    page.get_by_role("link", name="Follow again").click()
    page.get_by_label("Why").fill("The family asks for it.")
    page.get_by_role("button", name="Follow this patient again").click()
    assert page.get_by_text("Followed again.").is_visible()
