"""The risk page takes a probability apart, says what no published figure supports, and begins where a clinic is."""

from __future__ import annotations

from decimal import Decimal

import pytest

from nodules_app.models import Patient, Role
from nodules_app.services import recalibration
from tests import factories
from tests.integration.browsing import words
from tests.integration.test_outcomes import clinic_with, drawn
from tests.integration.test_replay import assessed_patient
from tests.integration.test_what_if import GROWING, of_patient, page

pytestmark = pytest.mark.django_db
KNOWN_PERSON = {
    "age": "68",
    "sex": "male",
    "lobe": "RUL",
    "margin": "smooth",
    "e1_long_axis_mm": "12",
    "e1_short_axis_mm": "9",
    "family_history_lung_cancer": "no",
    "emphysema": "no",
}
KNOWN = GROWING | {"family_history_lung_cancer": "no", "emphysema": "yes"}


def said(**asked: str) -> str:
    return words(page(KNOWN | asked).content.decode())


def test_pet_and_blood_move_the_answer_and_the_page_says_how_far_and_on_whose_word() -> None:
    before, after = said(), said(pet_uptake="intense", cea="negative")
    assert "Not told, so they moved nothing: PET-CT, CEA in the blood." in before
    assert "No calibrated combination with PET and blood exists" in before
    assert "No image model takes part" in before
    assert "PMC5895332" not in before
    assert "uptake above the blood pool · 2.35 – 4.71" in after
    assert "PMC5895332" in after
    assert "by the errors of the ratios" in after
    assert "By the limits of BTS" in after


def test_an_answer_that_is_none_of_the_list_is_refused() -> None:
    answer = page(KNOWN | {"cea": "perhaps"})
    assert answer.status_code == 422
    assert "Choose one of the answers." in answer.content.decode()


def test_blood_moves_no_guideline() -> None:
    patient = assessed_patient()
    cards = [words(of_patient(patient, **KNOWN_PERSON, **more)) for more in ({}, {"cea": "positive"})]
    guidelines = [page[page.index("What the guidelines say") : page.index("Probability of cancer")] for page in cards]
    assert guidelines[0] == guidelines[1]
    assert cards[0] != cards[1]


def test_a_clinics_own_correction_comes_before_pet_and_blood() -> None:
    clinic = clinic_with(drawn(120))
    patient = assessed_patient()
    Patient.objects.filter(pk=patient.pk).update(clinic=clinic)
    assert recalibration.corrector(clinic)("brock_2b", Decimal("0.08")) is None
    assert "Corrected here" not in of_patient(patient, **KNOWN_PERSON)
    physician = factories.member(Role.PHYSICIAN, clinic)
    row = recalibration.fit(clinic=clinic, model="brock_2b", way="logistic", by=physician)
    recalibration.sign(correction=row, by=physician)
    here = recalibration.corrector(clinic)("brock_2b", Decimal("0.08"))
    assert here is not None
    assert Decimal("0.1") < here < Decimal("0.35")  # 0.19 is what was put in; 120 nodules leave this much open
    assert recalibration.corrector(clinic)("mayo", Decimal("0.08")) is None
    told = words(of_patient(patient, **KNOWN_PERSON))
    assert "Corrected here by this clinic" in told
