"""A reading that was signed leaves as DICOM: made once, kept, gated, and the same in a real archive of others."""

from __future__ import annotations

import io
import subprocess
import zipfile
from datetime import timedelta
from pathlib import Path

import highdicom as hd
import pydicom
import pytest
from django.core.management import call_command
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from nodules_app.dicom import codes
from nodules_app.models import (
    AuditEvent,
    ComparisonWord,
    DocumentKind,
    MadeObject,
    Measurement,
    ObjectKind,
    Patient,
    Reading,
    Role,
    User,
)
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import corrections_measure, objects, objects_report, readings, reports
from tests import factories
from tests.exams import archived_exam
from tests.peers import orthanc, program
from tests.unit.dicom.signed import verdict

pytestmark = pytest.mark.django_db
PLACES = (((0.0, 0.0, 0.0), 9.0), ((-20.0, 10.0, 10.0), 7.0))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, settings: Settings) -> None:
    settings.CACHE_DIR, settings.ARCHIVE_DIR = tmp_path / "cache", tmp_path / "archive"


@pytest.fixture
def reader() -> User:
    return factories.member(Role.RADIOLOGIST)


@pytest.fixture
def patient() -> Patient:
    """Two nodules on two archived exams, measured by the product itself; the first has grown."""
    with transaction.atomic():
        of = factories.patient()
        prior = factories.scan(of, factories.CURRENT_ON - timedelta(days=183))
        factories.keep_volume(prior, [(PLACES[0][0], 7.0), PLACES[1]], seed=1)
        current = archived_exam(of, PLACES, seed=2)
        pair = factories.comparison(prior, current)
        for (place, _), word in zip(PLACES, (ComparisonWord.LARGER_MARKEDLY, ComparisonWord.UNCHANGED), strict=True):
            nodule = factories.nodule(of)
            found = [factories.finding(nodule, scan, place) for scan in (prior, current)]
            rows = [corrections_measure.store_by_machine(finding) for finding in found]
            assert all(row is not None and row.refusal is None for row in rows)
            factories.grown(factories.match(pair, *found, word), *[row for row in rows if row])
        readings.exam_came(current)
    return of


def sign(of: Patient, by: User) -> Reading:
    readings.begin(patient=of, by=by)
    opened = readings.open_reading(of)
    assert opened is not None
    return readings.sign(reading=opened, shown_sha256=sha256_of(content_of(of, opened.scan)), by=by)


def by_kind(made: tuple[objects.KeptObject, ...]) -> dict[str, pydicom.Dataset]:
    return {one.row.kind: pydicom.dcmread(one.path) for one in made}


def numbers(report: pydicom.Dataset) -> dict[str, dict[str, tuple[float, str]]]:
    """By tracking UID and code, as a library of others reads them."""
    content = hd.sr.Comprehensive3DSR.from_dataset(report).content
    return {
        str(group.tracking_uid): {one.name.value: (one.value, one.unit.value) for one in group.get_measurements()}
        for group in content.get_volumetric_roi_measurement_groups()
    }


def expected(of: Patient, reading: Reading) -> dict[str, float]:
    assert reading.content
    tracking = {nodule.label: nodule.tracking_uid for nodule in of.nodules.all()}
    return {tracking[told["label"]]: told["current"]["volume_mm3"] for told in reading.content["nodules"]}


def test_nothing_leaves_before_the_signature(patient: Patient, reader: User) -> None:
    readings.begin(patient=patient, by=reader)
    opened = readings.open_reading(patient)
    assert opened is not None
    with pytest.raises(objects.NothingSigned):
        objects.objects_of(opened)
    assert not MadeObject.objects.exists()


def test_what_was_signed_is_told_once_and_kept(patient: Patient, reader: User, tmp_path: Path) -> None:
    reading = sign(patient, reader)
    made = objects.objects_of(reading, by=reader)
    kinds = by_kind(made)
    assert set(kinds) == {"sr", "seg", "kos"}
    for one in made:
        errors, _ = verdict(one.path.read_bytes(), tmp_path)
        assert errors == [], one.row.kind
    found = numbers(kinds["sr"])
    volume = codes.QUANTITIES["volume_mm3"].value
    assert {uid: group[volume] for uid, group in found.items()} == {
        uid: (value, "mm3") for uid, value in expected(patient, reading).items()
    }
    assert {one.TrackingUID for one in kinds["seg"].SegmentSequence} == set(found)
    grown = found[patient.nodules.get(number=1).tracking_uid]
    assert grown[codes.QUANTITIES["volume_change_percent"].value][0] > 50
    assert grown[codes.QUANTITIES["interval_days"].value] == (183, "d")
    assert str(kinds["sr"].VerifyingObserverSequence[0].VerifyingObserverName) == f"{reader.last_name}^Reader"
    again = objects.objects_of(reading)
    assert [one.row.pk for one in again] == [one.row.pk for one in made]
    with pytest.raises(DatabaseError), transaction.atomic():
        MadeObject.objects.update(sha256="0" * 64)


def test_an_addendum_makes_a_newer_report_and_nothing_else(patient: Patient, reader: User) -> None:
    reading = sign(patient, reader)
    first = by_kind(objects.objects_of(reading))
    readings.addend(reading=reading, text="Compared with an exam from elsewhere.", by=reader)
    second = by_kind(objects.objects_of(Reading.objects.get(pk=reading.pk)))
    assert second["seg"].SOPInstanceUID == first["seg"].SOPInstanceUID
    assert second["sr"].SOPInstanceUID != first["sr"].SOPInstanceUID
    before = second["sr"].PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert before.ReferencedSOPInstanceUID == first["sr"].SOPInstanceUID
    assert numbers(second["sr"]) == numbers(first["sr"])


def test_a_signed_report_goes_along_byte_for_byte_and_a_letter_does_not(patient: Patient, reader: User) -> None:
    clinic = patient.clinic
    clinic.reply_phone, clinic.postal_address = "555 0100", "1 Hill Road"
    clinic.save()
    reading = sign(patient, reader)
    assert "pdf" not in by_kind(objects.objects_of(reading))
    for kind in (DocumentKind.REPORT, DocumentKind.PATIENT_LETTER):
        written = reports.write(patient=patient, kind=kind, language="en", by=reader)
        version = reports.sign(document=written, shown_version=written.version, by=reader)
        if kind == DocumentKind.REPORT:
            pdf = bytes(version.pdf)
    (wrapped,) = [one for one in objects.objects_of(reading) if one.row.kind == ObjectKind.DOCUMENT]
    read = pydicom.dcmread(wrapped.path)
    assert read.EncapsulatedDocument[: read.EncapsulatedDocumentLength] == pdf
    assert read.StudyInstanceUID == reading.scan.study.study_uid


def test_a_correction_is_another_report_and_the_signed_one_stays(patient: Patient, reader: User) -> None:
    reading = sign(patient, reader)
    finding = patient.nodules.get(number=2).findings.get(scan=reading.scan)
    readings.begin(patient=patient, by=reader)
    corrections_measure.store_caliper(finding, 8.0, 6.0, by=reader)
    old = by_kind(objects.objects_of(reading))  # made after the correction, of what stood when it was signed
    newer = sign(patient, reader)
    new = by_kind(objects.objects_of(newer))
    uid = finding.nodule.tracking_uid
    assert set(numbers(old["sr"])) == {uid, patient.nodules.get(number=1).tracking_uid}
    assert uid not in numbers(new["sr"])  # a caliper has no outline
    named = new["sr"].PredecessorDocumentsSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence[0]
    assert named.ReferencedSOPInstanceUID == old["sr"].SOPInstanceUID
    assert new["sr"].SOPInstanceUID != old["sr"].SOPInstanceUID


def test_rows_that_are_not_what_was_signed_are_refused(patient: Patient, reader: User) -> None:
    reading = sign(patient, reader)
    measured = Measurement.objects.filter(finding__scan=reading.scan).first()
    assert measured is not None
    other = factories.measurement(measured.finding, 9999.0)
    Reading.objects.filter(pk=reading.pk).update(state="signed")
    held = Reading.objects.get(pk=reading.pk)
    held.signed_at = other.created_at + timedelta(seconds=1)  # as if that row had stood
    source = objects_report.Source(
        reading.scan, objects.archived_series(reading.scan.series), objects.volume_of(reading.scan.series)
    )
    with pytest.raises(objects_report.NotWhatWasSigned):
        objects_report.report_of(held, source)


def test_a_page_hands_them_out_and_writes_down_to_whom(patient: Patient, reader: User, client: Client) -> None:
    reading = sign(patient, reader)
    client.force_login(reader)
    page = client.get(reverse("objects", kwargs={"code": patient.code}))
    assert page.status_code == 200
    address = reverse("objects-download", kwargs={"code": reading.code})
    assert address in page.content.decode()
    answer = client.post(address)
    assert answer["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        assert sorted(packed.namelist()) == ["kos-0.dcm", "seg-0.dcm", "sr-0.dcm"]
    assert AuditEvent.objects.filter(verb="object.taken", patient=patient, by=reader).count() == 1
    stranger = Client()
    stranger.force_login(factories.member(Role.RADIOLOGIST, at=factories.clinic(name="Elsewhere")))
    assert stranger.post(address).status_code == 404


def test_a_command_writes_them_as_files(patient: Patient, reader: User, tmp_path: Path) -> None:
    reading = sign(patient, reader)
    call_command("export_objects", out=tmp_path / "out", stdout=io.StringIO())
    files = sorted(path.name for path in (tmp_path / "out" / str(reading.code)).iterdir())
    assert files == ["kos-0.dcm", "seg-0.dcm", "sr-0.dcm"]


def test_a_real_archive_keeps_them_and_gives_them_back(patient: Patient, reader: User, tmp_path: Path) -> None:
    made = objects.objects_of(sign(patient, reader))
    storescu = program("storescu", "dcmtk")
    with orthanc(tmp_path / "orthanc") as peer:
        files = [str(one.path) for one in made]
        command = [storescu, "-R", "-aec", peer.title, "127.0.0.1", str(peer.dicom_port), *files]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        assert peer.sop_uids() == {one.row.sop_instance_uid for one in made}
        back = [pydicom.dcmread(io.BytesIO(peer.file(name))) for name in peer.instances()]
    sent = by_kind(made)
    (report,) = [one for one in back if one.Modality == "SR"]
    assert numbers(report) == numbers(sent["sr"])
    (segments,) = [one for one in back if one.Modality == "SEG"]
    assert segments.PixelData == sent["seg"].PixelData
    assert {one.row.kind for one in made} == {ObjectKind.REPORT, ObjectKind.SEGMENTATION, ObjectKind.KEY_IMAGES}
