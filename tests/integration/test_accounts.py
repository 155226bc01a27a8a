"""Accounts: opened by an administrator, a password that only its owner knows, and what a link opens."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from nodules_app.models import AuditEvent, Clinic, ContactAttempt, Membership, Role, User
from nodules_app.services import accounts, joining
from nodules_app.services.members import WorksElsewhere, give_role
from tests import factories
from tests.integration.browsing import words

CHOSEN = "three quiet green herons"
NEW = {
    "new-username": "n.ewcomer",
    "new-last_name": "Newcomer",
    "new-role": Role.COORDINATOR,
    "new-reason": "Begins on Monday.",
}


@pytest.fixture
def boss(db: None) -> User:
    return factories.member(Role.ADMINISTRATOR)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def opened(boss: User, **other: str) -> str:
    """Open an account and give the path of the link that the page shows."""
    address = reverse("open-account", kwargs={"code": Clinic.objects.get().code})
    page = client_of(boss).post(address, NEW | other).content.decode()
    found = re.search(r'value="http://testserver([^"]+)"', page)
    assert found, words(page)
    return found[1]


def test_somebody_new_chooses_a_password_and_works_here(boss: User) -> None:
    link = opened(boss)
    somebody = Client()
    assert "n.ewcomer" in words(somebody.get(link).content.decode())
    told = {"new_password1": CHOSEN, "new_password2": CHOSEN}
    assert somebody.post(link, told).status_code == 302
    signed_in = somebody.post(reverse("sign-in"), {"username": "n.ewcomer", "password": CHOSEN})
    assert signed_in.status_code == 302
    assert somebody.get(reverse("worklist")).status_code == 200
    assert Membership.objects.get(user__username="n.ewcomer").role == Role.COORDINATOR
    assert set(AuditEvent.objects.filter(verb__startswith="user.").values_list("verb", flat=True)) == {
        "user.opened",
        "user.link_made",
        "user.password_chosen",
    }


def test_a_link_opens_once_and_only_while_it_is_whole(boss: User) -> None:
    link = opened(boss)
    told = {"new_password1": CHOSEN, "new_password2": CHOSEN}
    assert Client().get(link[:-1] + ("0" if link[-1] != "0" else "1")).status_code == 404
    assert Client().post(link, told).status_code == 302
    assert (
        Client().post(link, {"new_password1": "another long one", "new_password2": "another long one"}).status_code
        == 404
    )
    assert User.objects.get(username="n.ewcomer").check_password(CHOSEN)


@pytest.mark.parametrize(
    ("first", "second"),
    [("short", "short"), (CHOSEN, "something else entirely"), ("1234567891011", "1234567891011")],
)
def test_a_weak_or_mistyped_password_is_not_taken(boss: User, first: str, second: str) -> None:
    link = opened(boss)
    assert Client().post(link, {"new_password1": first, "new_password2": second}).status_code == 422
    assert not User.objects.get(username="n.ewcomer").has_usable_password()


@pytest.mark.parametrize("told", [{"new-username": "N.EWCOMER"}, {"new-username": "a b"}, {"new-reason": ""}])
def test_what_does_not_fit_opens_nothing(boss: User, told: dict[str, str]) -> None:
    User.objects.create(username="n.ewcomer")
    address = reverse("open-account", kwargs={"code": Clinic.objects.get().code})
    assert client_of(boss).post(address, NEW | told).status_code == 422
    assert User.objects.count() == 2


@pytest.mark.parametrize("name", ["n.ewcomer", "N.Ewcomer"])
def test_of_two_who_open_one_name_at_one_moment_the_second_reads_why_not(boss: User, name: str) -> None:
    """Nobody looks beforehand whether a name is free: the database decides, as it does at one and the same moment."""
    User.objects.create(username="n.ewcomer")
    address = reverse("open-account", kwargs={"code": Clinic.objects.get().code})
    answer = client_of(boss).post(address, NEW | {"new-username": name})
    assert answer.status_code == 422
    assert f"Somebody signs in as {name} already." in words(answer.content.decode())
    assert not AuditEvent.objects.filter(verb="user.opened").exists()


def test_one_clinics_administrator_gets_no_link_to_another_clinic(boss: User) -> None:
    both = factories.member(Role.RADIOLOGIST)
    give_role(user=both, clinic=factories.clinic(name="Elsewhere"), role=Role.RADIOLOGIST, by=None)
    with pytest.raises(WorksElsewhere):
        accounts.password_link(user=both, by=boss)
    here = both.memberships.get(clinic=Clinic.objects.get(memberships__user=boss))
    address = reverse("new-link", kwargs={"code": here.clinic.code, "membership": here.pk})
    assert client_of(boss).post(address).status_code == 302
    assert not AuditEvent.objects.filter(verb="user.link_made").exists()


def test_who_forgot_the_password_gets_a_new_one_and_the_old_one_ends(boss: User) -> None:
    reader = factories.member(Role.RADIOLOGIST)
    reader.set_password("the forgotten one")
    reader.save()
    link = accounts.password_link(user=reader, by=boss)
    Client().post(link, {"new_password1": CHOSEN, "new_password2": CHOSEN})
    reader.refresh_from_db()
    assert reader.check_password(CHOSEN)


def test_one_changes_ones_own_password_and_stays_signed_in(boss: User) -> None:
    boss.set_password("the old pass phrase")
    boss.save()
    mine, elsewhere = client_of(boss), client_of(boss)
    told = {"old_password": "the old pass phrase", "new_password1": CHOSEN, "new_password2": CHOSEN}
    assert mine.post(reverse("change-password"), told | {"old_password": "wrong"}).status_code == 422
    assert mine.post(reverse("change-password"), told).status_code == 302
    assert mine.get(reverse("worklist")).status_code == 200
    assert elsewhere.get(reverse("worklist")).status_code == 302


def test_an_administrator_lays_down_the_rules(boss: User) -> None:
    clinic = Clinic.objects.get()
    address = reverse("clinic-settings", kwargs={"code": clinic.code})
    told = {
        "form": "policy",
        "guideline_incidental": "BTS2015",
        "guideline_screening": "LUNGRADS2022",
        "signing_roles": [Role.CHAIR],
        "readers_needed": "2",
    }
    assert client_of(boss).post(address, told | {"guideline_incidental": "NELSON"}).status_code == 422
    assert client_of(boss).post(address, told | {"signing_roles": []}).status_code == 422
    assert client_of(boss).post(address, told).status_code == 302
    clinic.refresh_from_db()
    assert (clinic.guideline_incidental, clinic.signing_roles, clinic.readers_needed) == ("BTS2015", [Role.CHAIR], 2)


@pytest.mark.django_db(transaction=True)
class TestJoinedMeanwhile:
    def test_an_act_on_a_record_that_was_joined_is_told_and_not_recorded(self) -> None:
        gone, kept = factories.patient(), factories.patient()
        nurse = factories.member(Role.COORDINATOR)
        joining.join(gone=gone, kept=kept, reason="One person.", by=nurse)
        told = {"channel": "call", "of": "patient", "outcome": "left_message", "note": "Answering machine."}
        answer = client_of(nurse).post(reverse("record-contact", kwargs={"code": gone.code}), told)
        assert answer.status_code == 409
        assert "Nothing of what you entered was recorded" in words(answer.content.decode())
        assert not ContactAttempt.objects.exists()

    def test_the_old_number_leads_to_the_new_one(self) -> None:
        gone, kept = factories.patient(), factories.patient()
        nurse = factories.member(Role.COORDINATOR)
        joining.join(gone=gone, kept=kept, reason="One person.", by=nurse)
        page = words(client_of(nurse).get(reverse("worklist"), {"q": gone.identifier}).content.decode())
        assert f"Joined with {kept.identifier}" in page
