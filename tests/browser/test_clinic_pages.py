"""The pages about a clinic and its people in a real browser: reminders, audit, settings, roles, who is who."""

from __future__ import annotations

import pytest
from django.urls import reverse

from nodules_app.models import HeldExam, ImportBatch, Membership, Patient, PatientMerge, Role, User
from nodules_app.services.reminders.sweep import sweep
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import SCREENS, faults
from tests.clinic import PASSWORD
from tests.integration.reminding import NOON, owed


def somebody(*roles: Role) -> User:
    user = factories.member(roles[0])
    for role in roles[1:]:
        Membership.objects.create(user=user, clinic=factories.clinic(), role=role)
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def boss(transactional_db: None) -> User:
    return somebody(Role.ADMINISTRATOR, Role.COORDINATOR)


@pytest.fixture
def two(boss: User) -> tuple[Patient, Patient]:
    """Two records of one person, and an exam that waits."""
    first = factories.followed_patient(name="Zhang^San", identifier="OLD-1")
    second = factories.followed_patient(name="张^三", sounds="zhang san zhangsan zs", identifier="NEW-1")
    batch = ImportBatch.objects.create(clinic=first.clinic, source_name="1 file", path="/somewhere")
    HeldExam.objects.create(study_uid="1.2", batch=batch, patient=first, name="Other^One")
    return first, second


@pytest.mark.parametrize(("theme", "language"), [("light", "en"), ("dark", "zh-hans")])
@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_is_accessible_and_fits_its_screen(
    visit: Visit, boss: User, two: tuple[Patient, Patient], screen: str, theme: str, language: str
) -> None:
    sweep(now=NOON)
    owed(-30)
    sweep(now=NOON)
    held = boss.memberships.get(role=Role.COORDINATOR)
    code = {"code": held.clinic.code}
    visitor = visit(viewport=SCREENS[screen], theme=theme, language=language, as_=boss)
    pages = (
        reverse("reminders"),
        reverse("audit"),
        reverse("clinic-settings", kwargs=code),
        reverse("people", kwargs=code),
        reverse("end-role", kwargs=code | {"membership": held.pk}),
        reverse("who-is-who"),
        reverse("decide-held", kwargs={"code": HeldExam.objects.get().code}),
        reverse("join-records", kwargs={"code": two[0].code, "other": two[1].code}),
        reverse("move-exam", kwargs={"code": two[0].studies.all()[0].code}),
    )
    for path in pages:
        visitor.see(path)
        assert not faults(visitor), path


def test_a_role_is_given_and_taken(visit: Visit, boss: User) -> None:
    new = User.objects.create(username="new.reader", last_name="Newcomer")
    page = visit(as_=boss).see(reverse("people", kwargs={"code": factories.clinic().code}))
    page.fill("[name=username]", "new.reader")
    page.select_option("[name=role]", Role.RADIOLOGIST)
    page.fill("[name=reason]", "Reads from Monday on.")
    page.get_by_role("button", name="Give the role").click()
    page.get_by_role("link", name="Take the role Radiologist from Newcomer").click()
    page.fill("[name=reason]", "Does not start after all.")
    page.get_by_role("button", name="Take the role").click()
    page.get_by_text("Does not start after all.").wait_for()
    assert not new.memberships.filter(ended_at=None).exists()


def test_the_audit_trail_is_searched(visit: Visit, boss: User) -> None:
    patient = factories.patient(identifier="SOUGHT-1")
    visitor = visit(as_=boss)
    visitor.see(reverse("patient", kwargs={"code": patient.code}))
    page = visitor.see(reverse("audit"))
    page.fill("[name=number]", "SOUGHT-1")
    page.get_by_role("button", name="Search").last.click()
    page.get_by_role("cell", name="patient.seen").wait_for()


def test_two_records_are_joined_and_parted_by_hand(visit: Visit, boss: User, two: tuple[Patient, Patient]) -> None:
    visitor = visit(as_=boss)
    page = visitor.see(reverse("who-is-who"))
    page.get_by_role("link", name="Compare and join").click()
    page.get_by_label("NEW-1").check()
    page.fill("[name=reason]", "One identity card.")
    page.get_by_role("button", name="Join the two records").click()
    page.wait_for_url(f"**{reverse('patient', kwargs={'code': two[1].code})}")
    assert PatientMerge.objects.get().kept == two[1]
    page = visitor.see(reverse("who-is-who"))
    page.get_by_role("link", name="Undo").click()
    page.fill("[name=reason]", "Two cards after all.")
    page.get_by_role("button", name="Part the records").click()
    page.get_by_text("Two cards after all.").wait_for()
    assert not visitor.complaints
