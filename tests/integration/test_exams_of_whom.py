"""Exams under the wrong name: moved to the right person with what was seen on them, or held before they come in."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import IntegrityError, transaction
from django.utils import timezone

from nodules_app.lifecycles import FollowUpState, NoduleState, ReadingState, RunState
from nodules_app.models import (
    ExamMove,
    Finding,
    FollowUpKind,
    HeldExam,
    Patient,
    Reading,
    Role,
    Run,
    RunKind,
    Scan,
    Study,
    User,
)
from nodules_app.services import arrivals, decisions, identity, intake, joining, moved_exams
from nodules_app.services.pipeline.execute import execute
from tests import factories
from tests.integration.test_identity import is_sound
from tests.unit.dicom.made import stack, write

pytestmark = pytest.mark.django_db(transaction=True)

WHY = "Wrist band and request agree."


@pytest.fixture
def by() -> User:
    return factories.member(Role.PHYSICIAN)


@pytest.fixture
def origin() -> Patient:
    """Two nodules on three exams, and a third nodule on the last exam alone: that exam is another person's."""
    patient = factories.followed_patient(nodules=2, exams=3)
    only_there = factories.nodule(patient)
    factories.finding(only_there, last_scan(patient), (25.0, 25.0, 25.0))
    return patient


@pytest.fixture
def goal() -> Patient:
    return factories.followed_patient(nodules=1)


def last_scan(patient: Patient) -> Scan:
    return Scan.objects.filter(study__patient=patient, superseded_at=None).order_by("-study__acquired_on")[0]


def test_an_exam_goes_with_what_it_alone_shows(origin: Patient, goal: Patient, by: User) -> None:
    scan, only_there = last_scan(origin), origin.nodules.get(number=3)
    moved_exams.move_exam(study=scan.study, goal=goal, reason=WHY, by=by)
    is_sound()
    only_there.refresh_from_db()
    assert (only_there.patient, only_there.state) == (goal, NoduleState.ACTIVE)
    assert origin.nodules.count() == 2
    here = Finding.objects.filter(scan__study_id=scan.study_id, superseded_at=None)
    assert {finding.nodule.patient_id for finding in here} == {goal.pk}
    assert here.count() == 3  # the two places that the other person's nodules were seen at are this person's now
    review = goal.follow_ups.get(kind=FollowUpKind.REVIEW, closed_at=None)
    assert {finding.nodule for finding in here} <= set(review.nodules.all())


def test_the_exams_that_are_left_are_compared_with_each_other(origin: Patient, goal: Patient, by: User) -> None:
    middle = Scan.objects.filter(study__patient=origin).order_by("study__acquired_on")[1]
    moved_exams.move_exam(study=middle.study, goal=goal, reason=WHY, by=by)
    asked = Run.objects.filter(kind=RunKind.REGISTER, state=RunState.QUEUED, patient=origin)
    assert [run.comparison.interval_days for run in asked if run.comparison] == [366]
    assert Run.objects.filter(kind=RunKind.LUNGS, state=RunState.QUEUED, scan__study=middle.study).exists()
    for one in (origin, goal):
        assert Run.objects.filter(kind=RunKind.ASSESS, state=RunState.QUEUED, patient=one).exists()


def test_what_the_exam_had_answered_is_asked_again(origin: Patient, goal: Patient, by: User) -> None:
    step = decisions.accept(follow_up=origin.follow_ups.get(kind=FollowUpKind.CT), by=by)
    exam = factories.scan(origin, factories.CURRENT_ON + timedelta(days=200)).study
    arrivals.received(exam)
    step.refresh_from_db()
    assert step.state == FollowUpState.PERFORMED
    moved_exams.move_exam(study=exam, goal=goal, reason=WHY, by=by)
    step.refresh_from_db()
    assert (step.state, step.exam) == (FollowUpState.PLANNED, None)
    assert goal.follow_ups.get(kind=FollowUpKind.CT).exam == exam
    is_sound()


def test_an_exam_moved_back_is_where_it_was(origin: Patient, goal: Patient, by: User) -> None:
    study = last_scan(origin).study
    moved_exams.move_exam(study=study, goal=goal, reason=WHY, by=by)
    moved_exams.move_exam(study=Study.objects.get(pk=study.pk), goal=origin, reason="It was right.", by=by)
    is_sound()
    assert Study.objects.get(pk=study.pk).patient == origin
    assert goal.nodules.count() == 1
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        ExamMove.objects.update(reason="Never.")


def test_an_open_reading_of_the_exam_is_covered_and_a_signed_one_stays(
    origin: Patient, goal: Patient, by: User
) -> None:
    scan = last_scan(origin)
    began = {"reader": by, "began_at": timezone.now()}
    reading = Reading.objects.create(patient=origin, scan=scan, state=ReadingState.DRAFT, **began)
    moved_exams.move_exam(study=scan.study, goal=goal, reason=WHY, by=by)
    reading.refresh_from_db()
    assert (reading.state, reading.patient) == (ReadingState.COVERED, origin)


def test_somebody_was_quicker(origin: Patient, goal: Patient, by: User) -> None:
    stale = last_scan(origin).study
    assert stale.patient == origin
    moved_exams.move_exam(study=Study.objects.get(pk=stale.pk), goal=goal, reason=WHY, by=by)
    with pytest.raises(moved_exams.ExamMovedMeanwhile):
        moved_exams.move_exam(study=stale, goal=factories.patient(), reason=WHY, by=by)


# ---------------------------------------------------------------- two persons with one number


@pytest.fixture
def storage(settings: LazySettings, tmp_path: Path) -> None:
    settings.ARCHIVE_DIR = tmp_path / "archive"
    settings.CACHE_DIR = tmp_path / "cache"
    settings.INBOX_DIR = tmp_path / "inbox"


def deliver(folder: Path, study: str, **elements: object) -> Run:
    """Send one exam of the number MADE-1 and let a worker read it."""
    told = {"StudyInstanceUID": f"2.25.{study}", "SeriesInstanceUID": f"2.25.{study}1"} | elements
    slices = stack(6, **told)
    for number, one in enumerate(slices):
        one.SOPInstanceUID = f"2.25.{study}2{number}"
    write(folder / study, slices)
    run = intake.latest_run(intake.receive_folder(source=folder / study, by=None))
    assert run
    execute(run.code)
    run.refresh_from_db()
    return run


@pytest.mark.usefixtures("storage")
class TestHeld:
    def held(self, tmp_path: Path, **elements: object) -> HeldExam:
        deliver(tmp_path, "1001")
        run = deliver(tmp_path, "1002", **({"PatientBirthDate": "19710101"} | elements))
        assert run.state == RunState.SUCCEEDED
        return HeldExam.objects.get()

    def test_an_exam_that_contradicts_the_person_waits(self, tmp_path: Path) -> None:
        held = self.held(tmp_path, PatientName="Other^One")
        assert (held.name, held.patient) == ("Other^One", Patient.objects.get())
        assert Study.objects.count() == 1
        (notice,) = held.batch.__class__.objects.get(pk=held.batch_id).notices
        assert notice["code"] == "person_in_doubt"
        assert "Other" not in str(notice)  # a notice names nobody

    def test_sent_again_it_waits_once(self, tmp_path: Path) -> None:
        first = self.held(tmp_path)
        deliver(tmp_path / "again", "1002", PatientBirthDate="19710101")
        (held,) = HeldExam.objects.all()
        assert held.pk == first.pk
        assert held.batch_id != first.batch_id

    def test_the_same_person_after_all(self, tmp_path: Path, by: User) -> None:
        held = self.held(tmp_path)
        patient = Patient.objects.get()
        identity.belongs_to(held=held, patient=patient, reason=WHY, by=by)
        self.read_again()
        assert patient.studies.count() == 2
        with pytest.raises(identity.AlreadyDecided):
            identity.belongs_to(held=held, patient=patient, reason=WHY, by=by)

    def test_another_person_gets_a_number_of_their_own(self, tmp_path: Path, by: User) -> None:
        held = self.held(tmp_path, PatientName="Other^One")
        with pytest.raises(identity.NumberTaken):
            identity.belongs_to_somebody_new(held=held, number="MADE-1", reason=WHY, by=by)
        identity.belongs_to_somebody_new(held=held, number="MADE-2", reason=WHY, by=by)
        self.read_again()
        other = Patient.objects.get(identifier="MADE-2")
        assert (other.name, other.studies.count()) == ("Other^One", 1)
        assert Patient.objects.get(identifier="MADE-1").studies.count() == 1

    def test_an_exam_of_a_joined_record_goes_where_the_person_is_followed(self, tmp_path: Path, by: User) -> None:
        deliver(tmp_path, "1001")
        known, kept = Patient.objects.get(), factories.patient()
        joining.join(gone=known, kept=kept, reason=WHY, by=by)
        deliver(tmp_path, "1003", AcquisitionDate="20210115", StudyDate="20210115")
        assert kept.studies.count() == 2

    def test_what_is_only_written_another_way_does_not_wait(self, tmp_path: Path) -> None:
        deliver(tmp_path, "1001")
        deliver(tmp_path, "1002", PatientName="MADE^UP^", PatientSex="")
        assert Patient.objects.get().studies.count() == 2
        assert not HeldExam.objects.exists()

    def read_again(self) -> None:
        run = Run.objects.filter(kind=RunKind.INTAKE).order_by("-pk")[0]
        execute(run.code)
        run.refresh_from_db()
        assert run.state == RunState.SUCCEEDED
