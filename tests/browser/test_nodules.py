"""A reader's pages of a nodule in a real browser: accessible, in both languages, on a desk and on a phone."""

from __future__ import annotations

import pytest

from nodules_app.models import Match, Patient, User
from nodules_app.services import descriptions
from tests import factories
from tests.browser.conftest import Visit
from tests.browser.looking import EVERY_PAIR, SCREENS, faults

DESCRIBED = {
    "lobe": "RUL",
    "margin": "spiculated",
    "location": {"juxtapleural": True},
    "suspicious_features": ["spiculation", "lymphadenopathy"],
}


def described_patient(reader: User) -> Patient:
    patient = factories.followed_patient(nodules=2)
    descriptions.describe(nodule=patient.nodules.get(number=1), facts=DESCRIBED, by=reader)
    for exam in patient.studies.all():
        factories.keep_volume(exam.scans.get(), [(place, 9.0) for place in factories.PLACES[:2]])
    return patient


def pages(patient: Patient) -> dict[str, str]:
    nodule = patient.nodules.get(number=1)
    match = Match.objects.get(nodule=nodule, superseded_at=None)
    assert match.current_finding is not None
    finding = match.current_finding.code
    return {
        "patient": f"/patients/{patient.code}/",
        "describe": f"/nodules/{nodule.code}/describe",
        "not-the-same": f"/matches/{match.code}/not-the-same",
        "move": f"/findings/{finding}/move",
        "move-here": f"/findings/{finding}/move/here?slice=21&column=64&row=64",
    }


@pytest.mark.parametrize(("language", "screen", "theme"), EVERY_PAIR)
def test_what_a_reader_says_is_accessible_and_keeps_the_policy(
    visit: Visit, reader: User, language: str, screen: str, theme: str
) -> None:
    visitor = visit(language=language, theme=theme, viewport=SCREENS[screen], as_=reader)
    for name, path in pages(described_patient(reader)).items():
        visitor.see(path)
        assert faults(visitor) == [], name


def test_a_reader_without_scripts_describes_confirms_and_parts(visit: Visit, reader: User) -> None:
    patient = described_patient(reader)
    visitor = visit(java_script_enabled=False, as_=reader)
    page = visitor.see(f"/patients/{patient.code}/")
    page.get_by_role("link", name="Describe N1 anew").click()
    page.get_by_label("Margin").select_option("lobulated")
    page.get_by_label("Holds fat").check()
    page.get_by_role("button", name="Save the description").click()
    assert "Lobulated" in page.locator("#lead").inner_text()
    assert "Holds fat" in page.locator("#lead").inner_text()
    page.get_by_role("button", name="Same nodule").click()
    assert "confirmed by" in page.locator("#lead").inner_text()
    page.get_by_role("link", name="Not the same").click()
    page.get_by_label("It is another nodule.").check()
    page.get_by_role("button", name="Save this answer").click()
    assert patient.nodules.count() == 3
