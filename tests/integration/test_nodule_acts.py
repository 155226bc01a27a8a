"""Joining, parting and resecting nodules from the patient's page: what changes is said first, and can be taken back."""

from __future__ import annotations

import pytest
from django.urls import reverse

from nodules_app.lifecycles import FollowUpState, NoduleState
from nodules_app.models import AuditEvent, Match, Nodule, Patient, Role, Run, RunKind
from nodules_app.services import nodules
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def patient() -> Patient:
    """Two nodules seen on one exam."""
    made = factories.patient()
    scan = factories.scan(made)
    for place in ((0.0, 0.0, 0.0), (20.0, 0.0, 0.0)):
        factories.finding(factories.nodule(made), scan, place)
    return made


def address(name: str, nodule: Nodule) -> str:
    return reverse(name, kwargs={"code": nodule.code})


def test_two_are_joined_and_parted_again(patient: Patient) -> None:
    first, second = patient.nodules.order_by("number")
    client = signed_in()
    assert address("join-nodule", second) in page_of(patient, client, "?nodule=N2")
    shown = words(client.get(address("join-nodule", second)).content.decode())
    assert "N2 was seen on 1 exam." in shown
    client.post(address("join-nodule", second), {"into": str(first.code)})
    second.refresh_from_db()
    assert (second.state, second.merged_into) == (NoduleState.MERGED, first)
    assert address("part-nodule", second) in page_of(patient, client, "?nodule=N2")
    client.post(address("part-nodule", second))
    second.refresh_from_db()
    assert (second.state, second.merged_into) == (NoduleState.ACTIVE, None)


def test_what_is_to_be_joined_must_be_chosen_among_the_others_of_the_patient(patient: Patient) -> None:
    first, second = patient.nodules.order_by("number")
    stranger = factories.nodule(factories.patient())
    for wrong in ("", str(stranger.code), str(second.code)):
        assert signed_in().post(address("join-nodule", second), {"into": wrong}).status_code == 422
    assert first.merged.count() == 0


def test_a_resection_ends_what_covers_nothing_else_and_can_be_taken_back() -> None:
    patient = factories.patient()
    nodule = factories.nodule(patient)
    (step,) = patient.follow_ups.all()
    client = signed_in()
    assert "Ends, since it covers nothing else that is followed" in words(
        client.get(address("resect-nodule", nodule)).content.decode()
    )
    client.post(address("resect-nodule", nodule))
    nodule.refresh_from_db()
    step.refresh_from_db()
    assert (nodule.state, step.state) == (NoduleState.RESECTED, FollowUpState.CANCELLED)
    assert address("unresect-nodule", nodule) in page_of(patient, client)
    client.post(address("unresect-nodule", nodule))
    nodule.refresh_from_db()
    assert nodule.state == NoduleState.ACTIVE
    assert nodule.follow_ups.filter(state=FollowUpState.PROPOSED).count() == 1
    told = AuditEvent.objects.filter(verb__in=["nodule.resect", "nodule.unresect"]).order_by("pk")
    assert list(told.values_list("verb", flat=True)) == ["nodule.resect", "nodule.unresect"]


def test_a_step_that_covers_others_goes_on(patient: Patient) -> None:
    first, _ = patient.nodules.order_by("number")
    client = signed_in()
    assert "Goes on for the other nodules" in words(client.get(address("resect-nodule", first)).content.decode())
    client.post(address("resect-nodule", first))
    assert patient.follow_ups.get().state == FollowUpState.PROPOSED


def test_the_word_of_a_resection_goes_with_it() -> None:
    patient, reader = factories.patient(), factories.member()
    prior, current = factories.scan(patient, factories.PRIOR_ON), factories.scan(patient)
    nodule = factories.nodule(patient)
    pair = factories.comparison(prior, current)
    match = factories.match(pair, factories.finding(nodule, prior), factories.finding(nodule, current))
    nodules.resect(nodule=nodule, by=reader)
    assert Match.objects.get(pk=match.pk).word == "resected"
    nodules.unresect(nodule=nodule, by=reader)
    assert Match.objects.get(pk=match.pk).word == ""
    assert Run.objects.filter(kind=RunKind.MEASURE, comparison=pair).exists()


@pytest.mark.parametrize("name", ["part-nodule", "unresect-nodule"])
def test_what_does_not_fit_the_state_leads_back_with_a_word(patient: Patient, name: str) -> None:
    nodule = patient.nodules.order_by("number")[0]
    told = signed_in().get(address(name, nodule), follow=True).content.decode()
    assert "Somebody was quicker" in words(told)


@pytest.mark.parametrize("name", ["join-nodule", "part-nodule", "resect-nodule", "unresect-nodule"])
def test_who_does_not_read_changes_no_nodule(patient: Patient, name: str) -> None:
    nodule = patient.nodules.order_by("number")[0]
    assert signed_in(Role.COORDINATOR).post(address(name, nodule)).status_code == 403
    assert address(name, nodule) not in page_of(patient, signed_in(Role.COORDINATOR))
