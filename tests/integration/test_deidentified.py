"""An export without the persons: nothing of the originals in any byte, and the numbers and intervals as they were."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pydicom
import pytest
from django.conf import settings as configured
from django.core.management import call_command
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse
from pytest_django import DjangoDbBlocker, Settings

from nodules_app.dicom.archive import Archive
from nodules_app.models import AuditEvent, Measurement, Patient, Role, Scan, User
from nodules_app.selectors.deidentified import signed_reading
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import corrections_measure, deidentified, readings
from nodules_app.services.deidentified import NobodyToExport, NoSuchProject, StillIdentifying
from tests import factories
from tests.exams import archived_exam
from tests.unit.dicom.signed import verdict

pytestmark = pytest.mark.django_db
PLACE, SIZE_MM = (0.0, 0.0, 0.0), 9.0
Files = dict[str, bytes]


@dataclass(frozen=True)
class World:
    """What two exports of one patient held, and what was known of the patient: all that is dear is made once."""

    files: Files
    burned: Files  # with burned-in text said of one image of the later exam
    originals: frozenset[str]
    voxels_hu: np.ndarray
    fourth_lps_mm: list[float]
    measured: Measurement


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: DjangoDbBlocker, tmp_path_factory: pytest.TempPathFactory) -> World:
    folder = tmp_path_factory.mktemp("world")
    own = override_settings(CACHE_DIR=folder / "cache", ARCHIVE_DIR=folder / "archive")
    with django_db_blocker.unblock(), own, transaction.atomic():
        patient = imaged()
        files = exported(patient, folder)
        scan = patient.readings.get().scan
        volume = corrections_measure.volume_of(scan)
        told = originals(patient)
        measured = Measurement.objects.get(finding__scan=scan)
        say_burned_in(scan, folder)
        made = World(
            files=files,
            burned=exported(patient, folder),
            originals=frozenset(told),
            voxels_hu=np.array(volume.array_hu),
            fourth_lps_mm=volume.lps_from_index((3, 0, 0)).tolist(),
            measured=measured,
        )
        transaction.set_rollback(True)
    return made


def imaged() -> Patient:
    """One nodule on two archived exams; the later one is signed, with words that name the person."""
    of = factories.patient(name="Zhuravlyova^Antonina", identifier="HOSP-884213", birth_date=date(1931, 2, 3))
    exams = [
        archived_exam(of, [(PLACE, SIZE_MM - 2)], factories.CURRENT_ON - timedelta(days=183), seed=1),
        archived_exam(of, [(PLACE, SIZE_MM)], seed=2),
    ]
    nodule = factories.nodule(of)
    found = [factories.finding(nodule, scan, PLACE) for scan in exams]
    rows = [row for finding in found if (row := corrections_measure.store_by_machine(finding)) is not None]
    factories.grown(factories.match(factories.comparison(*exams), *found), *rows)
    readings.exam_came(exams[1])
    sign(of)
    return of


def sign(of: Patient) -> None:
    reader = factories.member(Role.RADIOLOGIST)
    readings.begin(patient=of, by=reader)
    opened = readings.open_reading(of)
    assert opened is not None
    signed = readings.sign(reading=opened, shown_sha256=sha256_of(content_of(of, opened.scan)), by=reader)
    readings.addend(reading=signed, text="Zhuravlyova was told by telephone.", by=reader)


def say_burned_in(scan: Scan, folder: Path) -> None:
    archive = Archive(configured.ARCHIVE_DIR)
    last = scan.series.instances.order_by("index_z").last()
    assert last is not None
    read = pydicom.dcmread(archive.path_of(last.sha256))
    read.BurnedInAnnotation = "YES"
    read.save_as(folder / "burned.dcm")
    last.sha256 = archive.put(folder / "burned.dcm")
    last.save()


@pytest.fixture
def patient(tmp_path: Path, settings: Settings) -> Patient:
    """A signed patient whose images are not here: for what needs none."""
    settings.CACHE_DIR, settings.ARCHIVE_DIR = tmp_path / "cache", tmp_path / "archive"
    of = factories.followed_patient(name="Zhuravlyova^Antonina", identifier="HOSP-884213")
    scan = readings.latest_scan(of)
    assert scan is not None
    readings.exam_came(scan)
    sign(of)
    return of


def exported(patient: Patient, folder: Path, project: str = "trial-1", **asked: bool) -> Files:
    out = folder / f"{project}.zip"
    deidentified.export(patients=[patient], project=project, out=out, by=None, **asked)
    with zipfile.ZipFile(out) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def table(files: Files, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"tables/{name}.csv"].decode("utf-8-sig"))))


def originals(patient: Patient) -> set[str]:
    """Every value by which somebody could find the person again."""
    found = {"Zhuravlyova", "Antonina", patient.identifier, str(patient.code), "19310203", "1931-02-03"}
    for scan in Scan.objects.filter(study__patient=patient):
        study, series = scan.study, scan.series
        found |= {study.study_uid, series.series_uid, study.accession, series.frame_of_reference_uid}
        found |= {str(scan.code), str(study.code), str(series.code)}
        found |= set(series.instances.values_list("sop_instance_uid", flat=True))
        found |= set(series.instances.values_list("sha256", flat=True))
    found |= set(patient.nodules.values_list("tracking_uid", flat=True))
    found |= {str(reading.code) for reading in patient.readings.all()}
    found |= {user.last_name for user in User.objects.all()} | {user.username for user in User.objects.all()}
    return found - {""}


class TestNothingIsLeft:
    def test_no_value_of_the_originals_stands_in_any_byte_or_name(self, world: World) -> None:
        files = world.files
        assert len([name for name in files if name.startswith("images/")]) == 80
        assert {name.rsplit("/", 1)[1] for name in files if name.startswith("objects/")} == {"sr.dcm", "seg.dcm"}
        assert len(world.originals) > 170
        for name, data in files.items():
            for value in world.originals:
                assert value not in name
                assert value.encode() not in data, (name, value)
                assert value.encode("utf-16-le") not in data, (name, value)

    def test_each_image_says_what_was_done_and_a_validator_agrees(self, world: World, tmp_path: Path) -> None:
        name, data = next((name, data) for name, data in world.files.items() if name.startswith("images/"))
        read = pydicom.dcmread(io.BytesIO(data))
        assert (read.PatientIdentityRemoved, read.LongitudinalTemporalInformationModified) == ("YES", "MODIFIED")
        assert [item.CodeValue for item in read.DeidentificationMethodCodeSequence] == ["113100", "113107", "113108"]
        assert read.PatientAge == "090Y"
        assert not any(element.tag.is_private for element in read)
        for one in (name, *(one for one in world.files if one.startswith("objects/"))):
            assert verdict(world.files[one], tmp_path)[0] == [], one

    def test_an_exam_with_burned_in_text_is_left_out_and_named_by_its_pseudonym(self, world: World) -> None:
        files = world.burned
        assert not [name for name in files if "/exam-2/" in name]
        assert [name for name in files if "/exam-1/" in name]
        (left,) = json.loads(files["manifest.json"])["left_out"]
        assert (left["exam"], left["because"]) == (2, "burned_in_text")
        assert [row["images"] for row in table(files, "exams")] == ["yes", "no"]

    def test_a_value_that_slips_through_stops_the_whole_export(
        self, patient: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(deidentified, "ABOUT", f"Of {patient.identifier}.")
        with pytest.raises(StillIdentifying):
            exported(patient, tmp_path, with_images=False)
        assert not (tmp_path / "trial-1.zip").exists()


class TestItIsOfUse:
    def test_voxels_places_and_intervals_are_as_they_were(self, world: World) -> None:
        images = [pydicom.dcmread(io.BytesIO(data)) for name, data in sorted(world.files.items()) if "/exam-2/" in name]
        ct = [one for one in images if one.Modality == "CT"]
        shown = np.stack([one.pixel_array.astype(int) * int(one.RescaleSlope) for one in ct])
        assert np.array_equal(shown, world.voxels_hu)
        assert [float(value) for value in ct[3].ImagePositionPatient] == pytest.approx(world.fourth_lps_mm)
        days = [date.fromisoformat(row["exam_on"]) for row in table(world.files, "exams")]
        assert (days[1] - days[0]).days == 183
        assert days[1] < factories.CURRENT_ON - timedelta(days=364)
        assert ct[0].StudyDate == days[1].strftime("%Y%m%d")

    def test_tables_carry_sizes_errors_and_versions_and_join_with_the_objects(self, world: World) -> None:
        files = world.files
        (nodule,) = table(files, "nodules")
        segments = pydicom.dcmread(io.BytesIO(next(data for name, data in files.items() if name.endswith("seg.dcm"))))
        assert {one.TrackingUID for one in segments.SegmentSequence} == {nodule["tracking_uid"]}
        first, second = table(files, "measurements")
        assert float(second["volume_mm3"]) == world.measured.volume_mm3
        assert float(second["volume_sd_mm3"]) == world.measured.volume_sd_mm3
        assert second["method"] == f"{world.measured.method} {world.measured.version}"
        assert first["patient"] == nodule["patient"] == table(files, "growth")[0]["patient"]
        assert segments.StudyInstanceUID == table(files, "exams")[1]["study_uid"]
        manifest = json.loads(files["manifest.json"])
        assert set(manifest["versions"]) == {"measurement", "rules", "rules_sha256"}
        assert set(manifest["sha256"]) == set(files) - {"manifest.json"}

    def test_a_project_is_consistent_and_another_one_cannot_be_joined(self, patient: Patient, tmp_path: Path) -> None:
        once = exported(patient, tmp_path, with_images=False)
        again = exported(patient, tmp_path, with_images=False)
        other = exported(patient, tmp_path, "trial-2", with_images=False)
        assert once == again
        assert not [name for name in once if name.startswith(("images/", "objects/"))]
        mine, theirs = table(once, "nodules")[0], table(other, "nodules")[0]
        assert mine["patient"] != theirs["patient"]
        assert mine["tracking_uid"] != theirs["tracking_uid"]


def test_what_stands_signed_counts_until_its_correction_is_signed(patient: Patient) -> None:
    signed = patient.readings.get()
    assert signed_reading(signed.scan) == signed
    readings.begin(patient=patient, by=factories.member(Role.RADIOLOGIST))
    assert patient.readings.count() == 2
    assert signed_reading(signed.scan) == signed


def test_a_project_has_a_name_and_somebody_in_it(patient: Patient, tmp_path: Path) -> None:
    with pytest.raises(NoSuchProject):
        exported(patient, tmp_path, "Trial of Zhuravlyova")
    with pytest.raises(NobodyToExport):
        deidentified.export(patients=[], project="trial-1", out=tmp_path / "x.zip", by=None)


def test_only_who_manages_the_clinic_exports_and_it_is_written_down(patient: Patient) -> None:
    told = {"project": "trial-1", "agreed": "on"}
    address = reverse("deidentified-case", kwargs={"code": patient.code})
    for role, status in ((Role.MANAGER, 200), (Role.RADIOLOGIST, 403), (Role.AUDITOR, 403), (Role.ADMINISTRATOR, 404)):
        client = Client()
        client.force_login(factories.member(role))
        assert client.get(address).status_code == status
        answer = client.post(address, told)
        assert answer.status_code == status
        if role == Role.MANAGER:
            assert answer["Content-Type"] == "application/zip"
            assert zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))).testzip() is None
            assert client.post(address, {"project": "Anna B", "agreed": "on"}).status_code == 422
            assert client.post(address, {"project": "trial-1"}).status_code == 422
    assert AuditEvent.objects.filter(verb="patient.exported", patient=patient).count() == 1


def test_a_manager_exports_the_cohort_of_an_own_clinic(patient: Patient) -> None:
    elsewhere = factories.clinic(name="Elsewhere")
    client = Client()
    client.force_login(factories.member(Role.MANAGER))
    asked = {"project": "trial-1", "agreed": "on", "clinic": str(patient.clinic.code)}
    answer = client.post(reverse("deidentified"), asked)
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:
        assert "tables/nodules.csv" in packed.namelist()
    assert client.post(reverse("deidentified"), asked | {"clinic": str(elsewhere.code)}).status_code == 422
    assert client.post(reverse("deidentified"), asked | {"signed_since": "2999-01-01"}).status_code == 422


def test_the_command_exports_a_clinic(patient: Patient, tmp_path: Path) -> None:
    said = io.StringIO()
    out = tmp_path / "all.zip"
    call_command("export_deidentified", project="trial-1", out=out, tables_only=True, stdout=said)
    assert said.getvalue().startswith("1 patients")
    assert zipfile.is_zipfile(out)
