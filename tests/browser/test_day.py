"""The coordinator's day in a real browser: calls by keys, rows chosen and undone, cards moved, reminders, a cover.

Every page of it is looked at by axe in both languages, on a desk and on a phone, light and dark.
"""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Page, expect

from nodules_app.ladder.rungs import Channel, Recipient
from nodules_app.lifecycles import FollowUpState, ReminderState
from nodules_app.models import Claim, ContactAttempt, ContactPoint, FollowUp, Patient, Reminder, Role, User
from nodules_app.services import endings, scans
from nodules_app.services.reminders.dispatch import dispatch
from nodules_app.services.reminders.sweep import sweep
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import EVERY_PAIR, SCREENS, faults
from tests.clinic import member
from tests.providers import mail_server

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = timezone.localdate()


@pytest.fixture
def coordinator(transactional_db: None) -> User:
    return member(Role.COORDINATOR)


@pytest.fixture
def physician(transactional_db: None) -> User:
    return member(Role.PHYSICIAN)


def late(name: str, **fields: object) -> FollowUp:
    """A signed CT whose window closed a month ago."""
    patient = factories.patient(name=name)
    return factories.follow_up(
        patient, [], **({"overdue": True, "kind": "ct", "state": FollowUpState.PLANNED} | fields)
    )


def proposed(name: str) -> FollowUp:
    """A step that the rules ask for and nobody has signed."""
    patient = factories.patient(name=name)
    answer = factories.assessment(patient, factories.result("BTS2015", "bts_ct_3m", "SOLID.VDT"))
    return factories.follow_up(patient, assessed=answer)


def call_owed(step: FollowUp) -> Reminder:
    return Reminder.objects.create(
        key=factories.uid(),
        clinic=step.patient.clinic,
        patient=step.patient,
        follow_up=step,
        plan="x",
        rung="overdue_1",
        tier="H",
        recipient=Recipient.COORDINATORS,
        channel=Channel.TASK,
        planned_on=TODAY,
        state=ReminderState.DELIVERED,
        answer_by=timezone.now(),
    )


@transaction.atomic
def exam_came(patient: Patient) -> None:
    study = factories.scan(patient, TODAY).study
    study.scans.all().delete()
    scans.take_scan(study=study, series=study.series.get(), because=[], by=None)


@pytest.fixture
def morning(coordinator: User, physician: User) -> Patient:
    """One of everything that the pages of the day can show; the patient who leads the list."""
    step = late("Demo^Late")
    call_owed(step)
    ContactPoint.objects.create(patient=step.patient, kind="phone", value="555 0123")
    late("Demo^Owned", owner=coordinator)
    proposed("Demo^Proposed")
    late("Demo^Missed", state=FollowUpState.NOT_ATTENDED)
    exam_came(factories.patient(name="Demo^Unread"))
    left = factories.patient(name="Demo^Left")
    factories.nodule(left)
    endings.withdraw(patient=left, reason="Moved away.", on=TODAY, by=physician)
    exam_came(left)
    physician.away_from, physician.away_until = TODAY, TODAY + timedelta(days=4)
    physician.covered_by = member(Role.PHYSICIAN)
    physician.save()
    return step.patient


@pytest.mark.parametrize(("language", "screen", "theme"), EVERY_PAIR)
def test_the_pages_of_the_day_are_accessible_and_keep_the_policy(
    visit: Visit, coordinator: User, morning: Patient, language: str, screen: str, theme: str
) -> None:
    visitor = visit(language=language, theme=theme, viewport=SCREENS[screen], as_=coordinator)
    paths = ["/", "/board", "/board?lane=planned", "/mine", "/absences", "/arrivals", "/reminders/letters"]
    for path in [*paths, f"/patients/{morning.code}/contact", f"/patients/{morning.code}/"]:
        visitor.see(path)
        assert faults(visitor) == [], path
    visitor.see("/board")
    visitor.page.locator("details.card-moves summary").first.click()
    assert faults(visitor) == []


class TestARecordedCall:
    def test_it_takes_a_few_keys_from_the_list_and_answers_the_task(
        self, visit: Visit, coordinator: User, morning: Patient
    ) -> None:
        visitor = visit(as_=coordinator)
        page = visitor.see("/")
        began = timezone.now()
        page.keyboard.press("j")
        expect(page.locator("[data-row]").first.locator("a.who")).to_be_focused()
        page.keyboard.press("c")
        expect(page.locator("dialog")).to_be_visible()
        assert faults(visitor) == []
        page.keyboard.press("Space")  # the cursor stands on the first outcome: reached
        page.get_by_label("Note").fill("Comes on Monday.")
        page.get_by_role("button", name="Record this contact").click()
        page.get_by_text("1 task is answered by it.").wait_for()
        assert timezone.now() - began < timedelta(seconds=20)
        attempt = ContactAttempt.objects.get()
        assert (attempt.patient, attempt.by, attempt.outcome) == (morning, coordinator, "reached")
        assert Reminder.objects.get().state == ReminderState.ACKNOWLEDGED
        expect(page.locator("[data-row]").first).to_contain_text("Call: Reached")

    def test_on_the_patients_page_it_opens_by_a_key_and_closes_without_a_trace(
        self, visit: Visit, coordinator: User, morning: Patient
    ) -> None:
        page = visit(as_=coordinator).see(f"/patients/{morning.code}/")
        page.keyboard.press("c")
        expect(page.get_by_label("No answer")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("dialog")).to_have_count(0)
        assert not ContactAttempt.objects.exists()

    def test_without_scripts_the_same_form_is_a_page(self, visit: Visit, coordinator: User, morning: Patient) -> None:
        page = visit(as_=coordinator, java_script_enabled=False).see("/")
        page.get_by_role("link", name="Record a contact with Demo, Late").click()
        page.get_by_label("No answer").check()
        page.get_by_role("button", name="Record this contact").click()
        assert page.get_by_text("1 task stays open.").is_visible()


class TestManyRows:
    def test_rows_are_chosen_by_keys_taken_and_given_back_by_undoing(
        self, visit: Visit, coordinator: User, morning: Patient
    ) -> None:
        page = visit(as_=coordinator).see("/?show=overdue")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("Shift+X")
        expect(page.locator("[data-picked]")).to_have_text("3")
        page.locator("#bulk").get_by_role("button", name="Take").click()
        page.get_by_text("Can be undone until").wait_for()
        assert Claim.objects.filter(by=coordinator).count() == 3
        page.get_by_role("button", name="Undo").click()
        page.get_by_text("Undone for 3 patients.").wait_for()
        assert not Claim.objects.exists()

    def test_what_is_chosen_outlives_a_list_that_is_drawn_anew(
        self, visit: Visit, coordinator: User, morning: Patient
    ) -> None:
        page = visit(as_=coordinator).see("/")
        page.locator('[data-row] input[name="patient"]').first.check()
        page.evaluate(
            "() => { const list = document.querySelector('[data-refresh]'); list.innerHTML = list.innerHTML; }"
        )
        expect(page.locator('[data-row] input[name="patient"]').first).to_be_checked()
        expect(page.locator("[data-picked]")).to_have_text("1")


class TestTheBoard:
    def test_a_card_is_dragged_where_no_facts_are_needed(self, visit: Visit, physician: User) -> None:
        step = proposed("Demo^Card")
        page = visit(as_=physician).see("/board")
        drag(page, "planned")
        page.get_by_text("Signed. The step is planned").wait_for()
        step.refresh_from_db()
        assert (step.state, step.owner) == (FollowUpState.PLANNED, physician)
        expect(page.locator('[data-lane="planned"] .card')).to_have_count(1)

    def test_where_facts_are_needed_the_drop_asks_for_them(self, visit: Visit, physician: User) -> None:
        step = late("Demo^Card", state=FollowUpState.BOOKED, booked_on=TODAY)
        page = visit(as_=physician).see("/board")
        drag(page, "not_attended")
        page.wait_for_url(f"**/follow-ups/{step.code}/do/missed")
        step.refresh_from_db()
        assert step.state == FollowUpState.BOOKED

    def test_an_illegal_drop_does_nothing(self, visit: Visit, physician: User) -> None:
        step = proposed("Demo^Card")
        page = visit(as_=physician).see("/board")
        drag(page, "reported")
        page.wait_for_timeout(300)
        assert page.url.endswith("/board")
        step.refresh_from_db()
        assert step.state == FollowUpState.PROPOSED

    def test_the_menu_of_a_card_does_the_same_by_keyboard(self, visit: Visit, physician: User) -> None:
        step = proposed("Demo^Card")
        page = visit(as_=physician).see("/board")
        page.locator("details.card-moves summary").focus()
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.get_by_text("Signed. The step is planned").wait_for()
        step.refresh_from_db()
        assert step.state == FollowUpState.PLANNED


def drag(page: Page, lane: str) -> None:
    page.locator("[data-card]").first.drag_to(page.locator(f'[data-lane="{lane}"] header'))


def test_a_colleague_is_covered_from_the_word_to_the_list(visit: Visit, coordinator: User) -> None:
    colleague = member(Role.COORDINATOR)
    colleague.first_name, colleague.last_name = "Colleague", "B"
    colleague.save()
    late("Demo^Hers", owner=coordinator)
    page = visit(as_=coordinator).see("/absences")
    page.get_by_label("First day away").fill(TODAY.isoformat())
    page.get_by_label("Last day away").fill((TODAY + timedelta(days=3)).isoformat())
    page.get_by_label("Who covers").select_option(label="Colleague B")
    page.get_by_role("button", name="Record the absence").click()
    page.get_by_text("From the first day on the colleague answers.").wait_for()
    theirs = visit(as_=colleague).see("/mine")
    expect(theirs.get_by_role("heading", name="For Reader A, who is away")).to_be_visible()
    expect(theirs.get_by_role("link", name="Demo, Hers", exact=True)).to_be_visible()


def test_a_reminder_is_sent_and_confirmed_by_the_patient(
    visit: Visit, coordinator: User, settings: LazySettings
) -> None:
    clinic = coordinator.memberships.get().clinic
    clinic.working_weekdays, clinic.quiet_from, clinic.quiet_until = [1, 2, 3, 4, 5, 6, 7], time(0), time(0)
    clinic.save()
    patient = factories.patient(name="Demo^Reminded")
    ContactPoint.objects.create(patient=patient, kind="email", value="patient@home.example", consented=True)
    day = TODAY + timedelta(days=3)
    days = {"due_from": day, "target_on": day, "due_until": day + timedelta(days=14)}
    factories.follow_up(patient, [], kind="ct", state=FollowUpState.BOOKED, booked_on=day, **days)
    with mail_server() as mail:
        settings.SMTP = settings.SMTP | {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": mail.port}
        settings.MAIL_FROM = "desk@clinic.example"
        sweep(now=timezone.now())
        dispatch(now=timezone.now)
        assert [sent["To"] for sent in mail.mails] == ["patient@home.example"]
    page = visit(as_=coordinator).see("/reminders?show=sent")
    expect(page.get_by_role("cell", name="Handed over").first).to_be_visible()
    page.get_by_role("link", name="Open").click()
    page.get_by_role("heading", name="To the letter").wait_for()
    page.get_by_label("What came of it").select_option(label="Reached: will come on the day")
    page.get_by_role("button", name="Record the answer").click()
    page.get_by_text("Recorded in your name.").wait_for()
    row = Reminder.objects.get(channel=Channel.EMAIL)
    assert (row.state, row.acknowledged_by, row.outcome) == ("acknowledged", coordinator, "confirmed")


def test_a_result_is_acted_upon_from_the_list(visit: Visit, physician: User) -> None:
    step = proposed("Demo^Result")
    page = visit(as_=physician).see("/?show=new")
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url(f"**/patients/{step.patient.code}/")
    page.keyboard.press("a")
    page.get_by_text("Signed. The step is planned").wait_for()
    step.refresh_from_db()
    assert step.state == FollowUpState.PLANNED
