"""The drift page counts what stands in the tables, month by month, and says when something moved."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodules_app.lifecycles import CandidateState
from nodules_app.models import Candidate, Clinic, Patient, Role, Scan
from nodules_app.selectors.drift import MONTHS, drift
from tests import factories
from tests.integration.browsing import words

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 20)


def at(months_back: int) -> datetime:
    month = TODAY.replace(day=10)
    for _ in range(months_back):
        month = (month.replace(day=1) - timedelta(days=1)).replace(day=10)
    return datetime.combine(month, datetime.min.time(), timezone.get_default_timezone())


def candidates(scan: Scan, scores: list[float], months_back: int) -> None:
    """Proposals of one month: a third of them decided, every second of these rejected."""
    reader = factories.member(Role.RADIOLOGIST, scan.study.patient.clinic)
    for index, score in enumerate(scores):
        row = Candidate.objects.create(
            scan=scan, x_lps_mm=0, y_lps_mm=index, z_lps_mm=months_back, diameter_mm=6, score=score, version="t"
        )
        state = (CandidateState.REJECTED, CandidateState.ACCEPTED)[index % 2]
        decided: dict[str, object] = {"state": CandidateState.PROPOSED}
        if index % 3 == 0 and state is CandidateState.REJECTED:
            decided = {"state": state, "decided_at": at(months_back), "decided_by": reader, "reason": "vessel"}
        Candidate.objects.filter(pk=row.pk).update(created_at=at(months_back), **decided)


@pytest.fixture
def clinic() -> Clinic:
    clinic = factories.clinic()
    scan = factories.scan(factories.patient(clinic=clinic))
    rng = np.random.default_rng(4)
    for back in range(3, 9):
        candidates(scan, list(rng.uniform(0.2, 0.6, size=12)), back)
    candidates(scan, list(rng.uniform(0.6, 0.95, size=24)), 0)
    return clinic


def test_a_month_of_other_scores_is_said_to_have_moved(clinic: Clinic) -> None:
    found = drift([clinic], today=TODAY)
    scores = next(one for one in found.quantities if one.name == "candidate_score")
    assert len(scores.months) == MONTHS
    assert [month.count for month in scores.months][-1] == 24
    assert sum(month.count for month in scores.months) == 6 * 12 + 24
    assert [(name, on) for name, on, _ in found.alerts] == [("candidate_score", date(2026, 11, 1))]
    assert found.comparisons == 1  # nothing else has enough of anything


def test_shares_are_those_of_the_tables(clinic: Clinic) -> None:
    found = drift([clinic], today=TODAY)
    rejected = next(one for one in found.shares if one.name == "rejected")
    latest = rejected.months[-1]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FILTER (WHERE state = 'rejected'), count(*) FROM nodules_app_candidate "
            "WHERE decided_at >= '2026-11-01'"
        )
        assert (latest.part, latest.whole) == cursor.fetchone()


def test_refused_measurements_and_changed_numbers_are_counted() -> None:
    patient = factories.followed_patient()
    nodule = patient.nodules.get()
    factories.refused_measurement(
        factories.finding(nodule, factories.scan(patient, factories.CURRENT_ON + timedelta(9)))
    )
    found = drift([patient.clinic], today=timezone.localdate())
    refused = next(one for one in found.shares if one.name == "refused").months[-1]
    assert (refused.part, refused.whole) == (1, 3)


def test_another_clinic_is_not_counted(clinic: Clinic) -> None:
    found = drift([factories.clinic(name="Elsewhere")], today=TODAY)
    assert all(month.count == 0 for one in found.quantities for month in one.months)
    assert clinic.pk


def page(patient_of: Clinic, role: Role = Role.MANAGER) -> str:
    client = Client()
    client.force_login(factories.member(role, at=patient_of))
    answer = client.get(reverse("drift"))
    assert answer.status_code == 200
    return words(answer.content.decode())


def test_the_page_says_what_is_compared_and_what_is_too_few() -> None:
    patient: Patient = factories.followed_patient()
    text = page(patient.clinic)
    assert "Where people and the program disagree" in text
    assert "too few:" in text
    assert "Too little has been counted yet" in text
