"""The pages of a step, of each way to end follow-up, and of the proof that nobody is lost."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from nodules_app.lifecycles import EvidenceKind, FollowUpState
from nodules_app.models import Closure, FollowUp, FollowUpKind, Nodule, Patient, Role, Transfer
from nodules_app.selectors.safety_net import LAST_PROOF, PROVED_AT
from nodules_app.services import arrivals, decisions, endings, follow_ups
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = date.today().isoformat()  # noqa: DTZ011 the day that the pages call today is the machine's


@pytest.fixture
def step() -> FollowUp:
    return factories.followed_patient().follow_ups.get()


def page_of(step: FollowUp, client: Client) -> str:
    return words(client.get(reverse("follow-up", kwargs={"code": step.code})).content.decode())


def act(client: Client, step: FollowUp, name: str, **told: object) -> int:
    step.refresh_from_db()
    address = reverse("follow-up-act", kwargs={"code": step.code, "name": name})
    assert client.get(address).status_code in (200, 302)
    return client.post(address, {"version": step.version} | told).status_code


# ------------------------------------------------------------------ a step


def test_the_page_tells_who_did_what_and_why(step: FollowUp) -> None:
    physician = factories.member(Role.PHYSICIAN)
    decisions.accept(follow_up=step, by=physician)
    follow_ups.suspect_lost(step, because="Five calls, no answer.", by=physician)
    said = page_of(step, signed_in())
    assert "No answer to any reminder; a clinician must decide" in said
    assert "Suspected lost" in said
    assert "Five calls, no answer." in said
    assert str(physician) in said


def test_the_daily_acts(step: FollowUp) -> None:
    coordinator, clinician = signed_in(Role.COORDINATOR), signed_in(Role.PHYSICIAN)
    clinician.post(reverse("accept", kwargs={"code": step.code}), {"version": step.version})
    inside = step.due_from.isoformat()
    assert act(coordinator, step, "book", on=inside, why_outside_window="") == 302
    assert act(coordinator, step, "missed", because="Bus strike.") == 302
    assert act(coordinator, step, "book", on=inside, why_outside_window="") == 302
    assert act(coordinator, step, "give-back", because="Works that day.") == 302
    later = {"due_from": "2028-01-10", "due_until": "2028-02-10"}
    assert act(clinician, step, "put-off", because="Pregnant.", **later) == 302
    step.refresh_from_db()
    assert (step.state, step.due_from) == (FollowUpState.DEFERRED, date(2028, 1, 10))
    assert act(coordinator, step, "lost", because="Moved?") == 302
    assert act(coordinator, step, "found", because="New number.") == 302
    study = factories.scan(step.patient, date(2028, 1, 12)).study
    arrivals.received(study)
    assert "An exam of 12-Jan-2028 counts for this step." in page_of(step, clinician)
    assert act(clinician, step, "set-aside", because="Only the neck.") == 302
    assert act(clinician, step, "sign-off", because="Read elsewhere.") == 302
    assert "signed reason" in (said := page_of(step, clinician))
    assert "Read elsewhere." in said
    assert list(step.changes.order_by("version").values_list("step", flat=True)) == [
        "accept",
        "book",
        "miss",
        "book",
        "unbook",
        "defer",
        "suspect_lost",
        "find",
        "perform",
        "set_aside",
        "close",
    ]


def test_a_day_outside_the_window_is_asked_back_with_the_rule(step: FollowUp) -> None:
    decisions.accept(follow_up=step, by=factories.member())
    client = signed_in(Role.COORDINATOR)
    outside = (step.due_until + timedelta(days=3)).isoformat()
    address = reverse("follow-up-act", kwargs={"code": step.code, "name": "book"})
    response = client.post(address, {"on": outside, "why_outside_window": "", "version": 2})
    assert response.status_code == 422
    assert step.rule_id in response.content.decode()
    assert act(client, step, "book", on=outside, why_outside_window="No slot before.") == 302
    assert step.changes.latest("version").why == "No slot before."


def test_a_coordinator_signs_nothing_off(step: FollowUp) -> None:
    for name in ("sign-off", "error", "put-off", "set-aside"):
        address = reverse("follow-up-act", kwargs={"code": step.code, "name": name})
        assert signed_in(Role.COORDINATOR).get(address).status_code == 403


def test_an_act_that_does_not_exist_is_not_found(step: FollowUp) -> None:
    assert signed_in().get(reverse("follow-up-act", kwargs={"code": step.code, "name": "x"})).status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_history(step: FollowUp) -> None:
    client = signed_in()
    page_of(step, client)

    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            page_of(step, client)
        return len(made)

    physician = factories.member(Role.PHYSICIAN)
    decisions.accept(follow_up=step, by=physician)
    few = queries()
    for _ in range(5):
        follow_ups.book(step, on=step.due_from, by=physician)
        follow_ups.unbook(step, because="Again.", by=physician)
    assert queries() == few


# ------------------------------------------------------------------ the end of care

WAYS = {
    "discharge": {"reason": "Stable for two years."},
    "decline": {"reason": "No time.", "explained": "It may grow.", "letter_on": TODAY, "offer_again_on": ""},
    "withdraw": {"reason": "Does not want it.", "on": TODAY},
    "death": {"on": TODAY, "source": "Family", "second_source": ""},
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_asks_for_its_evidence_and_shows_it(step: FollowUp, way: str) -> None:
    patient, client = step.patient, signed_in(Role.PHYSICIAN)
    address = reverse(way, kwargs={"code": patient.code})
    assert client.get(address).status_code == 200
    for missing in (name for name, told in WAYS[way].items() if told):
        assert client.post(address, WAYS[way] | {missing: ""}).status_code == 422
    assert not Closure.objects.exists()
    said = words(client.post(address, WAYS[way], follow=True).content.decode())
    assert "Nothing is owed" in said
    assert "Recorded by" in said
    again = reverse("follow-again", kwargs={"code": patient.code})
    assert client.post(again, {"reason": "Came back."}).status_code == 302
    assert not Closure.objects.filter(ended_at__isnull=True).exists()


def test_a_day_that_has_not_come_is_no_evidence(step: FollowUp) -> None:
    tomorrow = (timezone.localdate() + timedelta(days=1)).isoformat()
    address = reverse("death", kwargs={"code": step.patient.code})
    response = signed_in(Role.PHYSICIAN).post(address, WAYS["death"] | {"on": tomorrow})
    assert "This day lies in the future." in words(response.content.decode())


def test_a_coordinator_names_a_second_source_and_never_discharges(step: FollowUp) -> None:
    client = signed_in(Role.COORDINATOR)
    code = {"code": step.patient.code}
    assert client.post(reverse("discharge", kwargs=code), WAYS["discharge"]).status_code == 403
    alone = client.post(reverse("death", kwargs=code), WAYS["death"])
    assert "Name a second source, or ask a clinician to record it." in words(alone.content.decode())
    assert client.post(reverse("death", kwargs=code), WAYS["death"] | {"second_source": "Register"}).status_code == 302
    assert Closure.objects.filter(evidence__kind=EvidenceKind.DECEASED).exists()


def test_handing_over_stays_ours_until_a_named_person_answers(step: FollowUp) -> None:
    patient, client = step.patient, signed_in(Role.COORDINATOR)
    told = {"organisation": "North", "recipient": "Dr N", "on": TODAY}
    said = words(client.post(reverse("transfer", kwargs={"code": patient.code}), told, follow=True).content.decode())
    assert "Until somebody there acknowledges, every step stays ours." in said
    asked = Transfer.objects.get()
    client.post(reverse("take-back-transfer", kwargs={"code": asked.code}))
    client.post(reverse("transfer", kwargs={"code": patient.code}), told)
    asked = Transfer.objects.get(taken_back_at=None)
    page = reverse("acknowledge-transfer", kwargs={"code": asked.code})
    assert client.post(page, {"acknowledged_by": "", "on": TODAY}).status_code == 422
    said = words(client.post(page, {"acknowledged_by": "Dr N", "on": TODAY}, follow=True).content.decode())
    assert "Handed over and acknowledged" in said
    late = client.post(page, {"acknowledged_by": "Dr N", "on": TODAY}, follow=True)
    assert "follow-up has ended already" in words(late.content.decode())


def test_signing_a_discharge_asks_for_the_reason_first() -> None:
    patient = factories.nodule(factories.patient()).patient
    told = factories.result("FLEISCHNER2017", "no_routine_followup", "X")
    day = timezone.localdate()
    proposed = follow_ups.propose(
        assessment=factories.assessment(patient, told),
        kind=FollowUpKind.DISCHARGE,
        window=(day, day, day),
        nodules=list(patient.nodules.all()),
    )
    assert proposed
    response = signed_in(Role.PHYSICIAN).post(reverse("accept", kwargs={"code": proposed.code}), {"version": "1"})
    assert response["Location"] == reverse("discharge", kwargs={"code": patient.code})


# ------------------------------------------------------------------ the proof


def lose_somebody(patient: Patient) -> Nodule:
    """Leave a nodule without a step, with the guard of the database switched off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE nodules_app_nodule DISABLE TRIGGER nobody_is_lost_by_nodule")
        try:
            return factories.nodule(patient, covered=False)
        finally:
            cursor.execute("ALTER TABLE nodules_app_nodule ENABLE TRIGGER nobody_is_lost_by_nodule")


@pytest.fixture(autouse=True)
def _nothing_proved() -> None:
    cache.delete_many([LAST_PROOF, PROVED_AT])


def test_the_page_says_when_the_proof_was_made_and_what_it_found(step: FollowUp) -> None:
    client, page = signed_in(), reverse("safety-net")
    assert "No proof has been made yet" in words(client.get(page).content.decode())
    said = words(client.post(reverse("prove"), follow=True).content.decode())
    assert "The database was asked just now: nobody is lost." in said
    assert "Nobody is lost" in said
    assert "With an open step 1" in said


def test_who_is_lost_is_listed_with_a_link_and_the_command_fails(step: FollowUp) -> None:
    patient = factories.patient()
    nodule = lose_somebody(patient)
    with pytest.raises(CommandError, match=f"patient {patient.code}  N1  nodule {nodule.code}") as failed:
        call_command("prove")
    assert failed.value.returncode == 1
    page = signed_in().get(reverse("safety-net")).content.decode()
    assert "1 nodule is lost" in words(page)
    assert reverse("patient", kwargs={"code": patient.code}) in page
    said = words(signed_in().post(reverse("prove"), follow=True).content.decode())
    assert "Somebody is lost." in said


def test_the_command_tells_the_counts_when_all_is_well(step: FollowUp, capsys: pytest.CaptureFixture[str]) -> None:
    endings.withdraw(
        patient=factories.nodule(factories.patient()).patient, reason="x", on=date(2026, 1, 1), by=factories.member()
    )
    call_command("prove")
    assert "2 active nodules" in (told := capsys.readouterr().out)
    assert "(1 with a step, 1 with a closure)" in told
