"""What a reader says of a nodule: each word reaches the guidelines, and nothing that was said is ever lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import translation

from nodules_app.clinical.errors import NotUnderstood
from nodules_app.forms.nodules import DescriptionForm, as_asked, told_description
from nodules_app.lifecycles import RunState
from nodules_app.models import AuditEvent, Nodule, NoduleDescription, Patient, RiskFactors, Role, Run, RunKind
from nodules_app.services import assessments, descriptions
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

CHOSEN = [
    (name, str(value))
    for name, field in DescriptionForm.base_fields.items()
    for value, _label in field.choices  # type: ignore[attr-defined]  # every question of this form offers choices
    if value
]
FULL = {
    "lobe": "lingula",
    "margin": "spiculated",
    "shape": "lentiform",
    "calcification": "none",
    "airway": "subsegmental",
    "pet_uptake": "moderate",
    "workup": "benign",
    "places": ["perifissural", "juxtapleural", "airway_secretions"],
    "contents": ["fat", "bubbly"],
    "suspicious_features": ["spiculation", "other"],
}


def filled(**told: object) -> DescriptionForm:
    form = DescriptionForm(told)
    assert form.is_valid(), form.errors
    return form


def address(nodule: Nodule) -> str:
    return reverse("describe-nodule", kwargs={"code": nodule.code})


# ------------------------------------------------------------------ words


@pytest.mark.parametrize(("name", "value"), CHOSEN)
def test_every_word_that_the_form_offers_is_accepted_by_the_guidelines(name: str, value: str) -> None:
    needs = {"airway": "subsegmental"} if value == "airway_secretions" else {}
    several = name in ("places", "contents", "suspicious_features")
    facts = filled(**needs, **{name: [value] if several else value}).facts({})
    assert value in json.dumps(facts)
    descriptions.check(facts)


def test_the_form_offers_every_question_of_the_contract_and_no_other_word_passes() -> None:
    assert len(CHOSEN) == 6 + 4 + 5 + 7 + 2 + 4 + 2 + 3 + 2 + 6
    with pytest.raises(NotUnderstood, match="margin"):
        descriptions.check({"margin": "hairy"})
    assert not DescriptionForm({"margin": "hairy"}).is_valid()


def test_what_is_kept_is_asked_again_as_it_was_told() -> None:
    facts = filled(**FULL).facts({})
    assert as_asked(facts) == FULL
    assert filled(**as_asked(facts)).facts({}) == facts


def test_what_the_form_does_not_ask_stays_and_what_was_taken_back_goes() -> None:
    earlier = {"cyst": {"wall": "thin"}, "margin": "smooth", "fat": True, "location": {"juxtapleural": True}}
    assert filled(lobe="RUL").facts(earlier) == {"cyst": {"wall": "thin"}, "lobe": "RUL"}


def test_secretions_without_an_airway_are_given_back() -> None:
    form = DescriptionForm({"places": ["airway_secretions"]})
    assert not form.is_valid()
    assert "Secretions lie in an airway" in str(form.errors["airway"])


def test_every_answer_has_a_chinese_word() -> None:
    facts = filled(**FULL).facts({})
    with translation.override("zh-hans"):
        shown = [(str(label), [str(answer) for answer in answers]) for label, answers in told_description(facts)]
    told = "".join(label + "".join(answers) for label, answers in shown).replace("CT", "").replace("PET", "")
    assert len(shown) == len(FULL)
    assert not any(letter.isascii() and letter.isalpha() for letter in told), shown


# ------------------------------------------------------------------ rows and acts


@pytest.mark.django_db
def test_describing_makes_a_new_row_asks_the_guidelines_and_leaves_a_trace() -> None:
    patient = factories.followed_patient()
    nodule = patient.nodules.get()
    client = signed_in()
    response = client.post(address(nodule), FULL, follow=True)
    assert "N1 is described" in words(response.content.decode())
    first, second = nodule.descriptions.order_by("pk")
    assert first.facts == {"lobe": "RUL"}
    assert second.facts == filled(**FULL).facts({})
    assert second.by is not None
    assert Run.objects.filter(kind=RunKind.ASSESS, patient=patient, state=RunState.QUEUED).count() == 1
    assert AuditEvent.objects.filter(verb="nodule.described", patient=patient, by=second.by).count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "act", ["UPDATE nodules_app_noduledescription SET facts = '{}'", "DELETE FROM nodules_app_noduledescription"]
)
def test_the_database_keeps_every_description(act: str) -> None:
    factories.followed_patient()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(act)


@pytest.mark.django_db
def test_the_case_of_the_guidelines_holds_the_latest_description_and_the_risk_models_answer() -> None:
    patient = factories.followed_patient()
    reader = factories.member()
    RiskFactors.objects.create(
        patient=patient, facts={"smoking": {"status": "former", "pack_years": 30, "quit_years": 5}}
    )
    nodule = patient.nodules.get()
    before = assessments.answer_case(told_case(patient))
    descriptions.describe(nodule=nodule, facts={"lobe": "RUL", "margin": "smooth"}, by=reader)
    smooth = assessments.answer_case(told_case(patient))
    descriptions.describe(nodule=nodule, facts={"lobe": "LLL", "margin": "spiculated"}, by=reader)
    case = told_case(patient)
    (told,) = case["nodules"]
    assert (told["id"], told["lobe"], told["margin"]) == ("N1", "LLL", "spiculated")
    spiculated = assessments.answer_case(case)
    assert mayo(before) is None
    assert mayo(smooth) is not None
    assert mayo(smooth) != mayo(spiculated)


def told_case(patient: Patient) -> dict[str, Any]:
    case = assessments.case_of(patient)
    assert case is not None
    return case


def mayo(answer: dict[str, Any]) -> str | None:
    told = answer["risk"].get("mayo")
    return str(told["probability"]) if told else None


@pytest.mark.django_db
def test_words_never_stand_in_for_what_was_measured() -> None:
    patient = factories.followed_patient()
    facts = {"lobe": "RML", "attenuation": "ground_glass", "measurements": [], "id": "X"}
    row = descriptions.describe(nodule=patient.nodules.get(), facts=facts, by=factories.member())
    assert row.facts == {"lobe": "RML"}
    (told,) = told_case(patient)["nodules"]
    assert told["attenuation"] == "solid"
    assert len(told["measurements"]) == 2


@pytest.mark.django_db
def test_the_sizes_carry_the_error_of_both_volume_and_diameter() -> None:
    (told,) = told_case(factories.followed_patient())["nodules"]
    assert told["measurements"][0]["sd"] == {"volume_mm3": "27.0", "mean_diameter_mm": "0.30"}


# ------------------------------------------------------------------ pages


@pytest.mark.django_db
def test_the_patient_page_shows_the_description_with_who_and_when() -> None:
    patient = factories.followed_patient()
    nodule = patient.nodules.get()
    reader = factories.member()
    descriptions.describe(nodule=nodule, facts={"lobe": "LUL", "margin": "lobulated"}, by=reader)
    html = page_of(patient)
    lead = words(html.split('id="lead"')[1].split("</section>")[0])
    assert "N1, LUL" in lead
    assert "Margin Lobulated" in lead
    assert f"by {reader}." in lead
    assert address(nodule) in html


@pytest.mark.django_db
def test_an_undescribed_nodule_says_what_is_missing() -> None:
    patient = factories.followed_patient()
    nodule = factories.nodule(patient, lobe="")
    assert not NoduleDescription.objects.filter(nodule=nodule).exists()
    assert "Nobody has described it yet" in words(page_of(patient, query=f"?nodule={nodule.label}"))


@pytest.mark.django_db
def test_the_form_begins_with_what_is_known_and_keeps_what_was_typed_when_given_back() -> None:
    nodule = factories.followed_patient().nodules.get()
    client = signed_in()
    assert '<option value="RUL" selected>' in client.get(address(nodule)).content.decode()
    response = client.post(address(nodule), {"lobe": "RML", "places": ["airway_secretions"]})
    assert response.status_code == 422
    html = response.content.decode()
    assert '<option value="RML" selected>' in html
    assert "Secretions lie in an airway" in words(html)
    assert nodule.descriptions.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MANAGER])
def test_only_readers_describe(role: Role) -> None:
    patient = factories.followed_patient()
    client: Client = signed_in(role)
    assert client.post(address(patient.nodules.get()), {"lobe": "RML"}).status_code == 403
    assert address(patient.nodules.get()) not in page_of(patient, client)
