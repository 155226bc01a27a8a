"""One open step a patient: what a newer answer replaces, what it leaves, and who waits for whom."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date, timedelta

import pytest
from django.db import connection, transaction

from nodules_app.lifecycles import OPEN_FOLLOW_UP, FollowUpState
from nodules_app.models import Assessment, FollowUp, FollowUpKind, Nodule, OverrideReason, Patient
from nodules_app.services import decisions, follow_ups, steps
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)

TARGET = date(2027, 3, 1)
WINDOW = (TARGET - timedelta(days=30), TARGET, TARGET + timedelta(days=30))


@pytest.fixture
def nodule() -> Nodule:
    return factories.nodule(factories.patient())


@pytest.fixture
def answer(nodule: Nodule) -> Assessment:
    told = factories.result("FLEISCHNER2017", "fleischner_ct_3_6m", "FLEISCHNER2017.SOLID.SINGLE.GT8")
    return factories.assessment(nodule.patient, told)


def propose(answer: Assessment, nodule: Nodule, *, unread: bool = False) -> FollowUp:
    proposed = follow_ups.propose(
        assessment=answer,
        kind=FollowUpKind.CT,
        window=WINDOW,
        nodules=[nodule],
        still_unread=[nodule] if unread else [],
    )
    assert proposed
    return proposed


def open_kinds(patient: Patient) -> list[str]:
    return list(FollowUp.objects.filter(patient=patient, state__in=OPEN_FOLLOW_UP).values_list("kind", flat=True))


def test_the_review_ends_when_the_rules_have_spoken(nodule: Nodule, answer: Assessment) -> None:
    assert open_kinds(nodule.patient) == ["review"]
    propose(answer, nodule)
    assert open_kinds(nodule.patient) == ["ct"]


def test_the_review_stays_beside_the_step_until_the_nodule_is_read(nodule: Nodule, answer: Assessment) -> None:
    step = propose(answer, nodule, unread=True)
    assert sorted(open_kinds(nodule.patient)) == ["ct", "review"]
    assert propose(answer, nodule) == step
    assert open_kinds(nodule.patient) == ["ct"]


def test_what_a_clinician_planned_otherwise_stands_while_the_answer_is_the_same(
    nodule: Nodule, answer: Assessment
) -> None:
    planned = decisions.override(
        follow_up=propose(answer, nodule),
        kind=FollowUpKind.WORKUP,
        management="clinician_choice",
        window=WINDOW,
        reason_code=OverrideReason.LOOKS_SUSPICIOUS,
        reason="Spiculated.",
        by=factories.member(),
    )
    assert propose(answer, nodule) == planned
    assert open_kinds(nodule.patient) == ["workup"]


def test_a_new_answer_replaces_what_was_planned_after_an_older_one(nodule: Nodule, answer: Assessment) -> None:
    decisions.accept(follow_up=propose(answer, nodule), by=factories.member())
    told = factories.result("FLEISCHNER2017", "fleischner_workup", "FLEISCHNER2017.GROWTH")
    newer = propose(factories.assessment(nodule.patient, told), nodule)
    assert newer.state == FollowUpState.PROPOSED
    assert open_kinds(nodule.patient) == ["ct"]


def test_a_signature_and_a_new_plan_never_wait_for_each_other(nodule: Nodule, answer: Assessment) -> None:
    """Both lock the patient first; in another order the database would end one of them as a deadlock."""
    step, clinician = propose(answer, nodule), factories.member()

    def sign() -> None:
        try:
            decisions.accept(follow_up=step, by=clinician)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as elsewhere:
        with transaction.atomic():
            held = Patient.objects.select_for_update().get(pk=nodule.patient_id)
            signing = elsewhere.submit(sign)
            assert not wait([signing], timeout=0.5).done  # it waits for the patient
            assert [one.pk for one in steps.open_of(held)] == [step.pk]
        signing.result(10)
    assert FollowUp.objects.get(pk=step.pk).state == FollowUpState.PLANNED
