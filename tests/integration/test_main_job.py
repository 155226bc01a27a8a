"""Two CTs in, growth and a next step out: every run of the main job, on a simulated patient whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import dist
from pathlib import Path
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from pytest_django import Settings

from inference.model_card import Task
from nodules_app.lifecycles import OPEN_FOLLOW_UP, OPEN_RUN, FollowUpState, RunState
from nodules_app.models import (
    Comparison,
    Finding,
    FollowUp,
    FollowUpKind,
    Growth,
    ImportBatch,
    Instance,
    Match,
    Measurement,
    Nodule,
    Patient,
    Run,
    RunKind,
    Scan,
    User,
)
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import decisions, demo_clinic, intake, models, nodules, readings, runs, safety_net, scans
from nodules_app.services.demo_clinic import prepare_demo_clinic
from nodules_app.services.pipeline import matching
from tests import kept
from tests.integration.conftest import work
from tests.unit.dicom.made import stack, write

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def exams(simulated_patient: Path) -> Path:
    return simulated_patient


@pytest.fixture(autouse=True)
def storage(tmp_path: Path) -> Iterator[None]:
    with kept.files_under(tmp_path):
        yield


def truth_of(exams: Path) -> list[dict[str, object]]:
    return json.loads((exams / "truth.json").read_text("utf-8"))["nodules"]


def every_step_ran_and_ended() -> None:
    of_others = {RunKind.SHOW, RunKind.CHECK_LIST, RunKind.STORE_LIST}
    if models.in_use(Task.PHENOTYPE).model is None:
        of_others.add(RunKind.SEE)
    assert set(Run.objects.values_list("kind", flat=True)) == set(RunKind.values) - of_others
    assert not Run.objects.exclude(state=RunState.SUCCEEDED).exists()
    assert all(run.versions for run in Run.objects.exclude(kind=RunKind.ASSESS))


def nodules_are_found_again_where_they_are(truth: list[dict[str, object]]) -> None:
    comparison = Comparison.objects.get()
    on_both = [true for true in truth if true["prior_lps_mm"] and true["current_lps_mm"]]
    assert on_both
    for true in on_both:
        (found,) = (
            match.current_finding
            for match in Match.objects.filter(comparison=comparison, prior_finding__present=True)
            if match.prior_finding and dist(match.prior_finding.lps_mm, true["prior_lps_mm"]) < 1
        )
        assert found is not None
        assert found.present
        assert dist(found.lps_mm, true["current_lps_mm"]) < 2.5


def words_fit_the_truth(truth: list[dict[str, object]]) -> None:
    words = list(Match.objects.values_list("word", flat=True))
    appeared = [true for true in truth if not true["prior_lps_mm"]]
    vanished = [true for true in truth if not true["current_lps_mm"]]
    assert words.count("new") == len(appeared) > 0
    assert words.count("resolved") == len(vanished) > 0


def there_is_one_next_step_and_nobody_is_lost() -> None:
    step = FollowUp.objects.get(state__in=OPEN_FOLLOW_UP, kind__in=[FollowUpKind.CT, FollowUpKind.WORKUP])
    assert step.state == FollowUpState.PROPOSED
    assert step.rule_id
    assert step.due_from <= step.target_on <= step.due_until
    assert safety_net.prove().covered.active_nodules == Nodule.objects.filter(state="active").count() > 0


class TestTheMainJob:
    @pytest.fixture
    def patient(self, main_job: kept.Moment, tmp_path: Path) -> Patient:
        main_job.bring_back(tmp_path)
        return Patient.objects.get()

    def test_two_exams_in_growth_and_one_next_step_out(self, patient: Patient, exams: Path) -> None:
        every_step_ran_and_ended()
        nodules_are_found_again_where_they_are(truth_of(exams))
        words_fit_the_truth(truth_of(exams))
        there_is_one_next_step_and_nobody_is_lost()

    def test_doing_it_again_changes_nothing(self, patient: Patient, exams: Path) -> None:
        counted = (Instance, Scan, Comparison, Nodule, Finding, Measurement, Match, Growth, FollowUp)
        before = [model.objects.count() for model in counted]
        intake.receive_folder(source=exams, by=None)
        prepare_demo_clinic(exams)
        work()
        for comparison in Comparison.objects.all():
            for kind in (RunKind.REGISTER, RunKind.MATCH, RunKind.MEASURE, RunKind.GROWTH):
                Run.objects.create(kind=kind, patient=patient, comparison=comparison)
        work()
        assert [model.objects.count() for model in counted] == before
        assert ImportBatch.objects.order_by("-pk").first().instances_new == 0

    def test_the_cache_may_be_emptied_at_any_time(self, patient: Patient, settings: Settings) -> None:
        settings.CACHE_DIR = settings.CACHE_DIR.with_name("another")
        reader = User.objects.get(username="radiologist")
        finding = Finding.objects.filter(present=True, origin="person").first()
        nodules.move_point(finding=finding, lps_mm=finding.lps_mm, by=reader)
        work()
        assert Measurement.objects.filter(finding__superseded_at=None, finding__nodule=finding.nodule).exists()

    def test_what_was_found_from_a_point_that_moved_meanwhile_is_void(self, patient: Patient) -> None:
        reader = User.objects.get(username="radiologist")
        finding = Finding.objects.filter(present=True, origin="person").first()
        moved = nodules.move_point(finding=finding, lps_mm=finding.lps_mm, by=reader)
        run = Run.objects.get(kind=RunKind.MATCH, state=RunState.QUEUED)
        store = matching.find_again(run)  # the long work; its result is not stored yet
        again = nodules.move_point(finding=moved, lps_mm=finding.lps_mm, by=reader)
        with transaction.atomic():
            store()
        in_force = Match.objects.filter(nodule=finding.nodule, superseded_at=None)
        assert not in_force.exists()
        work()
        assert again in (in_force.get().prior_finding, in_force.get().current_finding)

    def test_a_signed_step_stands_until_the_rules_say_otherwise(self, patient: Patient) -> None:
        physician = User.objects.get(username="physician")
        step = FollowUp.objects.get(state=FollowUpState.PROPOSED, kind__in=[FollowUpKind.CT, FollowUpKind.WORKUP])
        with pytest.raises(readings.NotYetSigned):
            decisions.accept(follow_up=step, by=physician)
        reading = readings.begin(patient=patient, by=physician)
        shown = sha256_of(content_of(patient, reading.scan))
        readings.sign(reading=reading, shown_sha256=shown, by=physician)
        decisions.accept(follow_up=step, by=physician)
        Run.objects.create(kind=RunKind.ASSESS, patient=patient)
        work()
        step.refresh_from_db()
        assert step.state == FollowUpState.PLANNED
        assert FollowUp.objects.filter(state__in=OPEN_FOLLOW_UP).exclude(kind=FollowUpKind.REVIEW).get() == step


class TestRefusals:
    def test_a_nodule_in_air_is_refused_and_stays_owed(self, exams: Path) -> None:
        prepare_demo_clinic(exams / "prior")
        work()
        scan = Scan.objects.select_related("study__patient", "series").get()
        reader = User.objects.get(username="radiologist")
        nodules.mark_nodule(scan=scan, lps_mm=(0.0, -500.0, 0.0), by=reader)
        work()
        refused = Measurement.objects.get(refusal__isnull=False)
        assert refused.refusal["sentence"]
        assert refused.refusal["remedy"]
        assert FollowUp.objects.get(state__in=OPEN_FOLLOW_UP).kind == FollowUpKind.REVIEW
        assert safety_net.prove().covered.active_nodules == 1

    def test_an_upload_that_holds_nothing_is_refused_in_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "letter.txt").write_text("no DICOM", "utf-8")
        batch = intake.receive_folder(source=tmp_path, by=None)
        work()
        run = intake.latest_run(batch)
        assert run is not None
        assert run.state == RunState.REFUSED
        assert "DICOM" in run.refusal["sentence"]
        assert not Patient.objects.exists()
        assert not Run.objects.filter(state__in=OPEN_RUN).exists()

    def test_a_demo_says_what_was_not_imported_and_takes_it_once_it_is_mended(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        data = tmp_path / "data"
        data.mkdir()
        (data / "letter.txt").write_text("no DICOM", "utf-8")
        call_command("prepare_demo", str(data))
        assert "was not imported: No DICOM file" in capsys.readouterr().out
        write(data, stack(5))
        call_command("prepare_demo", str(data))
        assert "was not imported" not in capsys.readouterr().out
        assert Scan.objects.count() == 1

    def test_a_demo_takes_over_from_a_worker_that_was_quicker_and_died(
        self, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def somebody_is_quicker(code: UUID) -> None:
            monkeypatch.undo()
            assert runs.claim(code)

        write(tmp_path / "data", stack(5))
        settings.RUN_LEASE_S = 0.5
        monkeypatch.setattr(demo_clinic, "execute", somebody_is_quicker)
        prepare_demo_clinic(tmp_path / "data")
        assert Run.objects.get(kind=RunKind.INTAKE).state == RunState.SUCCEEDED
        assert Scan.objects.count() == 1

    def test_importing_ends_with_the_fault_and_waits_for_no_worker(self, tmp_path: Path, settings: Settings) -> None:
        write(tmp_path / "data", stack(5))
        settings.ARCHIVE_DIR.write_text("not a folder", "utf-8")
        with pytest.raises(CommandError, match=r"ended as queued \w+Error; see the log of run"):
            call_command("import_dicom", str(tmp_path / "data"))

    def test_one_scan_alone_is_measured_and_assessed(self, exams: Path) -> None:
        prepare_demo_clinic(exams / "prior")
        work()
        scan = Scan.objects.select_related("study__patient", "series").get()
        (point,) = [n["prior_lps_mm"] for n in truth_of(exams) if n["prior_lps_mm"]][:1]
        nodules.mark_nodule(scan=scan, lps_mm=tuple(point), by=User.objects.get(username="radiologist"))
        work()
        measured = Measurement.objects.get()
        assert measured.volume_mm3 > 0
        assert measured.features["largest_long_mm"] >= measured.features["largest_short_mm"] > 0
        assert isinstance(measured.features["pleura_mm"], list)  # the lungs of this scan were found
        assert FollowUp.objects.filter(state__in=OPEN_FOLLOW_UP).get().rule_id

    def test_scans_in_order_leaves_out_what_has_no_day(self, exams: Path) -> None:
        prepare_demo_clinic(exams)
        patient = Patient.objects.get()
        assert len(scans.scans_in_order(patient)) == 2
        Scan.objects.order_by("pk").first().study.__class__.objects.update(acquired_on=None)
        assert scans.scans_in_order(patient) == []
