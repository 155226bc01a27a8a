"""Roles given and taken with a reason, accounts closed, the last administrator protected, and a clinic's own days."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from nodules_app.models import AuditEvent, Clinic, FollowUpKind, Membership, Role, StepWindow, User
from nodules_app.services import members, policy
from tests import factories
from tests.integration.browsing import words
from tests.integration.test_two_at_once import at_once

WHY = "Works here since Monday."


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.django_db
class TestPeople:
    def test_a_role_is_given_with_a_reason_and_stands_on_the_page(self) -> None:
        boss, new = factories.member(Role.ADMINISTRATOR), User.objects.create(username="new", last_name="Newcomer")
        page, clinic = client_of(boss), Clinic.objects.get()
        address = reverse("people", kwargs={"code": clinic.code})
        told = {"username": "new", "role": Role.COORDINATOR, "reason": WHY}
        assert page.post(address, told).status_code == 302
        row = Membership.objects.get(user=new)
        assert (row.role, row.reason, row.given_by) == (Role.COORDINATOR, WHY, boss)
        assert AuditEvent.objects.filter(verb="membership.given", by=boss).count() == 1
        shown = words(page.get(address).content.decode())
        assert "Newcomer" in shown
        assert WHY in shown

    @pytest.mark.parametrize("told", [{"username": "nobody"}, {"reason": ""}, {"role": "king"}])
    def test_what_does_not_fit_is_said(self, told: dict[str, str]) -> None:
        boss = factories.member(Role.ADMINISTRATOR)
        whole = {"username": boss.username, "role": Role.MANAGER, "reason": WHY} | told
        answer = client_of(boss).post(reverse("people", kwargs={"code": Clinic.objects.get().code}), whole)
        assert answer.status_code == 422
        assert Membership.objects.count() == 1

    def test_a_role_is_taken_with_a_reason_and_the_row_stays(self) -> None:
        boss, reader = factories.member(Role.ADMINISTRATOR), factories.member(Role.RADIOLOGIST)
        held = reader.memberships.get()
        address = reverse("end-role", kwargs={"code": held.clinic.code, "membership": held.pk})
        assert client_of(boss).get(address).status_code == 200
        assert client_of(boss).post(address, {"reason": "Moved to another ward."}).status_code == 302
        held.refresh_from_db()
        assert (held.ended_by, held.ended_because) == (boss, "Moved to another ward.")
        assert held.ended_at
        assert client_of(boss).get(address).status_code == 404

    def test_the_last_administrator_stays(self) -> None:
        boss = factories.member(Role.ADMINISTRATOR)
        held = boss.memberships.get()
        code = {"code": held.clinic.code, "membership": held.pk}
        for name in ("end-role", "close-account"):
            answer = client_of(boss).post(reverse(name, kwargs=code), {"reason": WHY})
            assert answer.status_code == 422
            assert "last administrator" in answer.content.decode()
        boss.refresh_from_db()
        assert boss.is_active
        assert boss.memberships.filter(ended_at=None).exists()

    def test_a_closed_account_signs_in_no_more_and_gives_its_steps_to_the_team(self) -> None:
        boss, reader = factories.member(Role.ADMINISTRATOR), factories.member(Role.RADIOLOGIST)
        step = factories.follow_up(factories.patient(), owner=reader, kind=FollowUpKind.CT)
        held = reader.memberships.get()
        address = reverse("close-account", kwargs={"code": held.clinic.code, "membership": held.pk})
        assert client_of(boss).post(address, {"reason": "Left."}).status_code == 302
        reader.refresh_from_db()
        step.refresh_from_db()
        assert (reader.is_active, step.owner) == (False, None)

    def test_who_also_works_elsewhere_is_not_closed_from_here(self) -> None:
        boss, reader = factories.member(Role.ADMINISTRATOR), factories.member(Role.RADIOLOGIST)
        Membership.objects.create(user=reader, clinic=factories.clinic(name="South"), role=Role.RADIOLOGIST)
        with pytest.raises(members.WorksElsewhere):
            members.let_go(user=reader, by=boss, reason="Left.")
        reader.refresh_from_db()
        assert reader.is_active

    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.ADMINISTRATOR}))
    def test_only_an_administrator_opens_the_page(self, role: Role) -> None:
        who = factories.member(role)
        held = who.memberships.get()
        code = {"code": held.clinic.code}
        assert client_of(who).get(reverse("people", kwargs=code)).status_code == 404
        address = reverse("end-role", kwargs=code | {"membership": held.pk})
        assert client_of(who).post(address, {"reason": WHY}).status_code == 404

    def test_the_days_of_a_clinic_hold_for_what_begins_from_now_on(self) -> None:
        boss, patient = factories.member(Role.ADMINISTRATOR), factories.patient()
        clinic = Clinic.objects.get()
        address = reverse("clinic-settings", kwargs={"code": clinic.code})
        assert client_of(boss).post(address, {"form": "windows", "review": "3", "ct": ""}).status_code == 302
        assert policy.of(patient).within_days[FollowUpKind.REVIEW] == 3
        assert policy.of(patient).within_days[FollowUpKind.CT] == policy.WITHIN_DAYS[FollowUpKind.CT]
        assert AuditEvent.objects.filter(verb="clinic.windows_set").get().facts["review"] == "3"
        assert client_of(boss).post(address, {"form": "windows", "review": ""}).status_code == 302
        assert not StepWindow.objects.exists()
        assert client_of(boss).post(address, {"form": "windows", "review": "0"}).status_code == 422


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_take_each_others_role_at_one_moment() -> None:
    one, other = factories.member(Role.ADMINISTRATOR), factories.member(Role.ADMINISTRATOR)

    def take(whose: User, by: User) -> None:
        try:
            members.end_role(membership=whose.memberships.get(), by=by, reason=WHY)
        except members.LastAdministrator:
            return

    at_once(lambda: take(one, other), lambda: take(other, one))
    assert Membership.objects.filter(role=Role.ADMINISTRATOR, ended_at=None).count() == 1
