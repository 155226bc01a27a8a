"""Proposed nodules in a real browser: decided by keys alone, accessible on a desk and on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import transaction

from inference.candidates import Candidate as Found
from nodules_app.lifecycles import CandidateState
from nodules_app.models import Candidate, Patient, RunKind, User
from nodules_app.services.pipeline.proposing import keep
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import SCREENS, faults

PLACES = ((10.0, 5.0, 0.0), (-15.0, -10.0, 12.0), (20.0, -20.0, -10.0))


@pytest.fixture
def proposed_to(transactional_db: None) -> Callable[[], Patient]:
    """Make a patient of two exams with three proposals: one new, one grown, one on both."""

    def make() -> Patient:
        patient = factories.followed_patient()
        pair = patient.comparisons.get()
        for scan in (pair.prior, pair.current):
            factories.keep_volume(scan, [(place, 6.0) for place in PLACES])
        changes = zip(PLACES, ("new", "grown", "same"), (None, 5.0, 6.0), strict=True)
        found = [
            Found(place, 6.5, 700.0, 0.8, change, there_lps_mm=place, there_diameter_mm=size)  # type: ignore[arg-type]
            for place, change, size in changes
        ]
        with transaction.atomic():
            keep(patient=patient, comparison=pair, found=[(pair.current, one) for one in found])
        factories.run(patient, RunKind.PROPOSE)
        return patient

    return make


@pytest.mark.parametrize(("language", "screen", "theme"), [("en", "desktop", "light"), ("zh-hans", "phone", "dark")])
def test_proposals_are_accessible_and_keep_the_policy(
    visit: Visit, reader: User, proposed_to: Callable[[], Patient], language: str, screen: str, theme: str
) -> None:
    visitor = visit(language=language, theme=theme, viewport=SCREENS[screen], as_=reader)
    page = visitor.see(f"/patients/{proposed_to().code}/#proposals")
    assert page.locator("[data-proposal]").count() == 3
    assert faults(visitor) == []


def test_a_reader_decides_by_keys_alone(visit: Visit, reader: User, proposed_to: Callable[[], Patient]) -> None:
    patient = proposed_to()
    visitor = visit(as_=reader)
    page = visitor.see(f"/patients/{patient.code}/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.locator("[data-proposal][aria-current]").count() == 1
    page.keyboard.press("x")
    with page.expect_navigation():
        page.keyboard.press("1")
    rejected = Candidate.objects.get(state=CandidateState.REJECTED)
    assert (rejected.change, rejected.reason) == ("grown", "vessel")
    page.keyboard.press("j")
    with page.expect_navigation():
        page.keyboard.press("y")
    assert Candidate.objects.get(state=CandidateState.ACCEPTED).change == "new"
    assert patient.nodules.count() == 2
