"""The page “Who is who”: exams that wait, records to be joined, undoing, and exams filed anew."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from nodules_app.models import AuditEvent, HeldExam, ImportBatch, Patient, PatientMerge, Role, Run, RunKind, Scan
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db

WHY = "Identity card seen."


@pytest.fixture
def page() -> Client:
    return signed_in(Role.COORDINATOR)


@pytest.fixture
def two() -> tuple[Patient, Patient]:
    first = factories.followed_patient(name="Zhang^San", identifier="OLD-1")
    return first, factories.followed_patient(name="张^三", sounds="zhang san zhangsan zs", identifier="NEW-1")


def join(page: Client, two: tuple[Patient, Patient], **told: str) -> int:
    gone, kept = two
    address = reverse("join-records", kwargs={"code": gone.code, "other": kept.code})
    return page.post(address, {"kept": str(kept.code), "reason": WHY} | told).status_code


def test_two_records_are_proposed_compared_joined_and_parted(page: Client, two: tuple[Patient, Patient]) -> None:
    gone, kept = two
    shown = words(page.get(reverse("who-is-who")).content.decode())
    assert "the name sounds the same, the same day of birth" in shown
    compared = page.get(reverse("join-records", kwargs={"code": gone.code, "other": kept.code})).content.decode()
    assert "OLD-1" in compared
    assert "NEW-1" in compared
    assert join(page, two) == 302
    merge = PatientMerge.objects.get()
    assert (merge.gone, merge.kept, merge.reason) == (gone, kept, WHY)
    answer = page.get(reverse("patient", kwargs={"code": gone.code}), follow=True)
    assert answer.redirect_chain[-1][0] == reverse("patient", kwargs={"code": kept.code})
    assert page.post(reverse("part-records", kwargs={"code": merge.code}), {"reason": ""}).status_code == 422
    assert page.post(reverse("part-records", kwargs={"code": merge.code}), {"reason": "Two cards."}).status_code == 302
    assert gone.studies.count() == 2
    assert "Undone: Two cards." in words(page.get(reverse("who-is-who")).content.decode())


@pytest.mark.parametrize("told", [{"reason": ""}, {"kept": "somebody"}])
def test_an_incomplete_answer_joins_nothing(page: Client, two: tuple[Patient, Patient], told: dict[str, str]) -> None:
    assert join(page, two, **told) == 422
    assert not PatientMerge.objects.exists()


def test_somebody_was_quicker(page: Client, two: tuple[Patient, Patient]) -> None:
    assert join(page, two) == 302
    assert join(page, two) == 422


def test_two_persons_are_told_apart(page: Client, two: tuple[Patient, Patient]) -> None:
    address = reverse("tell-apart", kwargs={"code": two[0].code, "other": two[1].code})
    assert page.post(address).status_code == 302
    assert "No two records look like one person" in page.get(reverse("who-is-who")).content.decode()


def test_an_exam_is_filed_under_the_number_that_is_typed(page: Client, two: tuple[Patient, Patient]) -> None:
    study = Scan.objects.filter(study__patient=two[0]).order_by("-study__acquired_on")[0].study
    address = reverse("move-exam", kwargs={"code": study.code})
    assert page.get(address).status_code == 200
    assert page.post(address, {"number": "NOBODY", "reason": WHY}).status_code == 422
    factories.patient(identifier="NEW-1", issuer="ELSEWHERE")
    assert page.post(address, {"number": "NEW-1", "reason": WHY}).status_code == 422  # which of the two?
    assert page.post(address, {"number": "NEW-1", "issuer": "TEST", "reason": WHY}).status_code == 302
    assert two[1].studies.filter(pk=study.pk).exists()
    assert set(AuditEvent.objects.filter(verb__startswith="exam.moved").values_list("verb", flat=True)) == {
        "exam.moved_away",
        "exam.moved_here",
    }


def test_a_held_exam_waits_on_the_page_until_somebody_says_whose_it_is(page: Client) -> None:
    known = factories.patient(identifier="MADE-1")
    batch = ImportBatch.objects.create(clinic=known.clinic, source_name="1 file", path="/somewhere")
    held = HeldExam.objects.create(
        study_uid="1.2", batch=batch, patient=known, name="Other^One", birth_date=date(1971, 1, 1)
    )
    assert "Other, One" in page.get(reverse("who-is-who")).content.decode()
    address = reverse("decide-held", kwargs={"code": held.code})
    assert page.get(address).status_code == 200
    assert page.post(address, {"answer": "new", "reason": WHY}).status_code == 422
    assert page.post(address, {"answer": "new", "number": "MADE-1", "reason": WHY}).status_code == 422
    assert page.post(address, {"answer": "new", "number": "MADE-2", "reason": WHY}).status_code == 302
    held.refresh_from_db()
    assert held.belongs_to == Patient.objects.get(identifier="MADE-2")
    assert Run.objects.filter(kind=RunKind.INTAKE, import_batch=batch).exists()
    assert page.post(address, {"answer": "known", "reason": WHY}).status_code == 422


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_only_who_records_facts_of_patients_says_who_is_who(role: Role, two: tuple[Patient, Patient]) -> None:
    page = signed_in(role)
    assert page.get(reverse("who-is-who")).status_code == 403
    assert join(page, two) in (403, 404)
    assert not PatientMerge.objects.exists()


def test_a_record_of_another_clinic_is_not_found(page: Client, two: tuple[Patient, Patient]) -> None:
    elsewhere = factories.patient(clinic=factories.clinic(name="South"))
    assert join(page, (two[0], elsewhere)) == 404


def test_the_queries_of_the_page_do_not_grow_with_its_rows(
    page: Client, two: tuple[Patient, Patient], django_assert_max_num_queries: object
) -> None:
    for number in range(6):
        factories.patient(name="Zhang^San", identifier=f"MORE-{number}")
    with django_assert_max_num_queries(20):  # type: ignore[operator] # a fixture of pytest-django
        page.get(reverse("who-is-who"))
