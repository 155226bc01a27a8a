"""Exams that nobody waits for: a dated review where no step was open, a named answer where care had ended."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from nodules_app.lifecycles import FollowUpState
from nodules_app.models import (
    ExamAnswer,
    FollowUp,
    FollowUpKind,
    ImportBatch,
    Membership,
    Patient,
    Role,
    Scan,
    Study,
    User,
)
from nodules_app.selectors.arrivals import arrivals
from nodules_app.services import endings, nodules, scans, unread
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def physician() -> User:
    return factories.member(Role.PHYSICIAN)


@transaction.atomic
def came(patient: Patient) -> Study:
    """Take in an exam of today as the pipeline does."""
    study = Study.objects.create(patient=patient, study_uid=factories.uid(), acquired_on=timezone.localdate())
    scans.take_scan(study=study, series=factories.series(study), because=[], by=None)
    return study


def found(user: User) -> tuple[list[object], list[object]]:
    told = arrivals(user, now=timezone.now())
    return [one.exam for one in told.unread], [one.exam for one in told.late]


class TestADatedReview:
    def test_an_exam_without_a_nodule_owes_a_review_with_its_day(self, physician: User) -> None:
        patient = factories.patient()
        study = came(patient)
        review = patient.follow_ups.get()
        assert (review.kind, review.state) == (FollowUpKind.REVIEW, FollowUpState.PROPOSED)
        assert review.due_until == timezone.localdate() + timedelta(days=7)
        assert found(physician) == ([study.code], [])

    def test_a_second_exam_owes_no_second_review(self) -> None:
        patient = factories.patient()
        came(patient)
        came(patient)
        assert patient.follow_ups.count() == 1

    def test_an_open_step_is_enough(self) -> None:
        patient = factories.patient()
        factories.follow_up(patient, kind="ct", state=FollowUpState.PLANNED)
        came(patient)
        assert [step.kind for step in FollowUp.objects.all()] == ["ct"]

    def test_a_nodule_that_is_marked_joins_the_review_and_the_exam_leaves_the_list(self, physician: User) -> None:
        patient = factories.patient()
        came(patient)
        scan = Scan.objects.get()
        nodule = nodules.mark_nodule(scan=scan, lps_mm=(0, 0, 0), by=physician)
        assert list(patient.follow_ups.get().nodules.all()) == [nodule]
        assert found(physician) == ([], [])

    def test_a_recorded_end_ends_the_review_too(self, physician: User) -> None:
        patient = factories.patient()
        came(patient)
        endings.discharge(patient=patient, reason="No nodule.", by=physician)
        assert not patient.follow_ups.exclude(state=FollowUpState.CLOSED).exists()
        assert found(physician) == ([], [])

    def test_whoever_slipped_through_is_found_later_and_only_once(self) -> None:
        patients = [factories.patient() for _ in range(3)]
        for patient in patients[:2]:
            factories.scan(patient)
        factories.nodule(patients[1])
        assert (unread.owe_all(), unread.owe_all()) == (1, 0)
        assert patients[0].follow_ups.get().kind == FollowUpKind.REVIEW
        assert not patients[2].follow_ups.exists()


class TestAfterCareEnded:
    @pytest.fixture
    def left(self, physician: User) -> Patient:
        patient = factories.patient()
        factories.nodule(patient)
        endings.withdraw(patient=patient, reason="Moved away.", on=timezone.localdate(), by=physician)
        return patient

    def test_the_exam_waits_for_a_named_answer_and_nothing_is_owed_by_itself(
        self, left: Patient, physician: User
    ) -> None:
        study = came(left)
        assert found(physician) == ([], [study.code])
        assert not left.follow_ups.filter(state=FollowUpState.PROPOSED).exists()
        (waiting,) = arrivals(physician, now=timezone.now()).late
        assert waiting.because == "Moved away."
        assert waiting.due_until == timezone.localdate() + timedelta(days=7)

    def test_following_again_owes_a_reader(self, left: Patient, physician: User) -> None:
        study = came(left)
        unread.answer(study=study, follow_again=True, reason="Came back.", by=physician)
        assert left.follow_ups.filter(kind=FollowUpKind.REVIEW, state=FollowUpState.PROPOSED).count() == 1
        assert found(physician) == ([], [])

    def test_following_again_owes_a_reader_also_without_a_nodule(self, physician: User) -> None:
        patient = factories.patient()
        endings.withdraw(patient=patient, reason="Left.", on=timezone.localdate(), by=physician)
        study = came(patient)
        unread.answer(study=study, follow_again=True, reason="Came back.", by=physician)
        assert found(physician) == ([study.code], [])

    def test_that_nothing_is_to_be_done_needs_a_name_and_a_reason(self, left: Patient, physician: User) -> None:
        study = came(left)
        said = unread.answer(study=study, follow_again=False, reason="Made for another illness.", by=physician)
        assert (said.by, said.reason) == (physician, "Made for another illness.")
        assert found(physician) == ([], [])
        with pytest.raises(unread.ExamAnswered, match=str(physician)):
            unread.answer(study=study, follow_again=False, reason="Again.", by=physician)

    def test_the_database_keeps_an_answer_and_its_reason(self, left: Patient, physician: User) -> None:
        study = came(left)
        with pytest.raises(IntegrityError, match="exam_answer_has_a_reason"), transaction.atomic():
            ExamAnswer.objects.create(study=study, by=physician, reason="")
        said = unread.answer(study=study, follow_again=False, reason="Seen.", by=physician)
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            ExamAnswer.objects.filter(pk=said.pk).delete()

    def test_the_page_shows_it_asks_and_records(self, left: Patient) -> None:
        study, client = came(left), signed_in(Role.COORDINATOR)
        shown = client.get(reverse("arrivals")).content.decode()
        path = reverse("answer-exam", kwargs={"code": study.code})
        assert path in shown
        assert client.post(path, {"follow_again": "nothing"}).status_code == 422
        client.post(path, {"follow_again": "nothing", "reason": "Made for another illness."})
        assert ExamAnswer.objects.get().reason == "Made for another illness."
        assert "No exam came for somebody whose follow-up has ended." in words(
            client.get(reverse("arrivals")).content.decode()
        )

    def test_another_clinics_exams_are_not_shown(self, left: Patient) -> None:
        came(left)
        stranger = factories.member(Role.COORDINATOR, factories.clinic(name="Elsewhere"))
        assert found(stranger) == ([], [])


class TestTheClinicOfAnUpload:
    """Whoever works in several clinics says where new patients are followed; a known one stays where they are."""

    @pytest.fixture(autouse=True)
    def _inbox(self, settings: LazySettings, tmp_path: Path) -> None:
        settings.INBOX_DIR = tmp_path / "inbox"

    @staticmethod
    def sent(**more: object) -> dict[str, object]:
        return {"dicom": SimpleUploadedFile("one.dcm", b"x"), **more}

    def test_with_one_clinic_nothing_is_asked(self) -> None:
        client = signed_in(Role.COORDINATOR)
        assert 'name="clinic"' not in client.get(reverse("imports")).content.decode()
        client.post(reverse("imports"), self.sent())
        assert ImportBatch.objects.get().clinic == factories.clinic()

    def test_with_two_it_is_asked_and_kept(self) -> None:
        client = signed_in(Role.COORDINATOR)
        second = factories.clinic(name="Second")
        Membership.objects.create(user=User.objects.get(), clinic=second, role=Role.COORDINATOR)
        asked = client.post(reverse("imports"), self.sent())
        assert asked.status_code == 422
        assert "Choose the clinic: you work in several." in words(asked.content.decode())
        client.post(reverse("imports"), self.sent(clinic=str(second.code)))
        assert ImportBatch.objects.get().clinic == second

    def test_a_clinic_where_one_does_not_work_is_refused(self) -> None:
        client = signed_in(Role.COORDINATOR)
        second, third = factories.clinic(name="Second"), factories.clinic(name="Third")
        Membership.objects.create(user=User.objects.get(), clinic=second, role=Role.COORDINATOR)
        assert client.post(reverse("imports"), self.sent(clinic=str(third.code))).status_code == 422
        assert not ImportBatch.objects.exists()
