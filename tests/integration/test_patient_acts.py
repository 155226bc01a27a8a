"""What people do on the page of a patient: sign, choose otherwise, record risk, reject and follow again, try again."""

from __future__ import annotations

import json
import re
from datetime import date

import pytest
from django.urls import reverse

from nodules_app.forms.patients import YES_NO
from nodules_app.lifecycles import FollowUpState, RunState
from nodules_app.models import (
    Decision,
    FollowUp,
    RiskFactors,
    Role,
    Run,
    RunKind,
)
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

pytestmark = pytest.mark.django_db


# ------------------------------------------------------------------ deciding


def test_signing_plans_the_step_and_keeps_who_decided() -> None:
    patient = factories.followed_patient()
    step = patient.follow_ups.get()
    client = signed_in()
    response = client.post(reverse("accept", kwargs={"code": step.code}), follow=True)
    assert "Signed. The step is planned" in words(response.content.decode())
    step.refresh_from_db()
    assert (step.state, str(step.owner)[:6]) == (FollowUpState.PLANNED, "Reader")
    decision = Decision.objects.get()
    assert (decision.management, decision.overrides) == (step.management, False)
    assert "Signed by Reader" in words(response.content.decode())


def test_signing_twice_says_that_somebody_was_quicker() -> None:
    patient = factories.followed_patient()
    address = reverse("accept", kwargs={"code": patient.follow_ups.get().code})
    client = signed_in()
    client.post(address)
    response = client.post(address, follow=True)
    assert "Somebody was quicker" in words(response.content.decode())
    assert Decision.objects.count() == 1


def otherwise(**told: str) -> dict[str, str]:
    ordinary = {
        "kind": "ct",
        "management": "clinician_choice",
        "due_from": "2027-01-10",
        "due_until": "2027-01-20",
        "reason_code": "wish",
        "reason": "The patient is abroad until January.",
        "version": "1",
    }
    return ordinary | told


def test_choosing_otherwise_keeps_the_reason_and_closes_the_proposal() -> None:
    patient = factories.followed_patient()
    proposed = patient.follow_ups.get()
    client = signed_in()
    response = client.post(reverse("override", kwargs={"code": proposed.code}), otherwise(), follow=True)
    planned = FollowUp.objects.get(state=FollowUpState.PLANNED)
    assert (planned.due_from, planned.due_until) == (date(2027, 1, 10), date(2027, 1, 20))
    assert planned.target_on == date(2027, 1, 15)
    assert list(planned.nodules.all()) == list(patient.nodules.all())
    proposed.refresh_from_db()
    assert proposed.state == FollowUpState.SUPERSEDED
    assert proposed.evidence.newer == planned
    assert "The patient is abroad until January." in words(response.content.decode())


def test_days_are_written_and_read_so_that_no_day_can_be_a_month() -> None:
    patient = factories.followed_patient()
    step = patient.follow_ups.get()
    address = reverse("override", kwargs={"code": step.code})
    client = signed_in()
    assert 'value="18-May-2027"' in client.get(address).content.decode()
    assert 'value="2027-05-18"' in signed_in(language="zh-hans").get(address).content.decode()
    told = otherwise(due_from="10-Jan-2027", due_until="20-Jan-2027")
    assert client.post(address, told).status_code == 302


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"reason": ""}, "Say why; the reason is kept with the decision."),
        ({"due_until": "2027-01-01"}, "The last day lies before the first one."),
        ({"due_from": "2027-02-30"}, "Enter a valid date"),
        ({"due_from": "01/02/2027"}, "Enter a valid date"),  # nobody can tell the day from the month
    ],
)
def test_a_choice_without_reason_or_order_is_given_back(told: dict[str, str], said: str) -> None:
    patient = factories.followed_patient()
    response = signed_in().post(reverse("override", kwargs={"code": patient.follow_ups.get().code}), otherwise(**told))
    assert response.status_code == 422
    assert said in words(response.content.decode())
    assert not Decision.objects.exists()


# ------------------------------------------------------------------ risk factors


UNKNOWN = dict.fromkeys(YES_NO, "unknown") | {"setting": "incidental", "smoking": "unknown"}


def test_risk_factors_make_a_new_dated_row_and_ask_the_guidelines_again() -> None:
    patient = factories.patient()
    RiskFactors.objects.create(patient=patient, facts={"race": "white", "emphysema": True})
    client = signed_in(Role.COORDINATOR)
    told = UNKNOWN | {
        "setting": "screening",
        "smoking": "former",
        "pack_years": "３２.5",
        "quit_years": "6",
        "copd": "no",
    }
    response = client.post(reverse("risk-factors", kwargs={"code": patient.code}), told)
    assert response.status_code == 302
    first, second = RiskFactors.objects.order_by("pk")
    assert first.facts == {"race": "white", "emphysema": True}
    assert second.facts == {
        "race": "white",
        "smoking": {"status": "former", "pack_years": "32.5", "quit_years": "6"},
        "copd": False,
    }
    patient.refresh_from_db()
    assert patient.setting == "screening"
    assert Run.objects.filter(patient=patient, kind=RunKind.ASSESS, state=RunState.QUEUED).count() == 1


def test_the_form_begins_with_what_is_known() -> None:
    patient = factories.patient()
    RiskFactors.objects.create(patient=patient, facts={"smoking": {"status": "former", "pack_years": "32"}})
    html = signed_in().get(reverse("risk-factors", kwargs={"code": patient.code})).content.decode()
    assert '<option value="former" selected>' in html
    assert 'value="32"' in html


def test_pack_years_of_a_never_smoker_are_given_back() -> None:
    patient = factories.patient()
    told = UNKNOWN | {"smoking": "never", "pack_years": "10"}
    response = signed_in().post(reverse("risk-factors", kwargs={"code": patient.code}), told)
    assert response.status_code == 422
    assert "never smoked" in words(response.content.decode())


# ------------------------------------------------------------------ nodules and work


def test_what_a_reader_calls_no_nodule_leaves_the_curve_and_can_come_back() -> None:
    patient = factories.followed_patient(nodules=2)
    second = patient.nodules.get(number=2)
    client = signed_in()
    html = client.post(reverse("reject-nodule", kwargs={"code": second.code}), follow=True).content.decode()
    second.refresh_from_db()
    assert second.state == "not_a_nodule"
    figure = json.loads(re.search(r'id="volumes-figure" type="application/json">(.*?)</script>', html).group(1))
    assert [trace["name"] for trace in figure["data"]] == ["N1"]
    assert "not a nodule" in words(html)
    page = page_of(patient, client, "?nodule=N2")
    assert reverse("reopen-nodule", kwargs={"code": second.code}) in page
    client.post(reverse("reopen-nodule", kwargs={"code": second.code}))
    second.refresh_from_db()
    assert second.state == "active"
    assert second.follow_ups.filter(kind="review", state=FollowUpState.PROPOSED).exists()
    assert signed_in(Role.COORDINATOR).post(reverse("reject-nodule", kwargs={"code": second.code})).status_code == 403


def test_refused_work_can_be_asked_for_again_from_the_page() -> None:
    patient = factories.patient()
    run = factories.run(patient, RunKind.LUNGS, RunState.REFUSED, scan=factories.scan(patient))
    client = signed_in()
    address = reverse("run-again", kwargs={"code": run.code})
    assert address in page_of(patient, client)
    response = client.post(address, {"patient": "1"})
    assert response.headers["Location"] == reverse("patient", kwargs={"code": patient.code})
    run.refresh_from_db()
    assert run.state == RunState.QUEUED
