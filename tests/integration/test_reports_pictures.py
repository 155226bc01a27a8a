"""The pictures of a report: drawn when it is written, carried by every version, never changed."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from PIL import Image
from pytest_django import Settings

from nodules_app.dicom.volumes import save_volume
from nodules_app.models import Patient, Role, Scan, User
from nodules_app.services import reports
from nodules_app.services.cache import volume_folder
from registration.volume import Volume
from tests import factories
from tests.integration.reported import read_and_sign, refused_by_the_database, sign, write
from tests.pdf_a import faults

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: Settings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def reader() -> User:
    return factories.member(Role.RADIOLOGIST)


@pytest.fixture
def patient(reader: User) -> Patient:
    of = factories.followed_patient(nodules=2)
    read_and_sign(of, reader)
    return of


def keep_volumes(of: Patient) -> None:
    """The images of all exams as they are kept for reading: noise of their own around something bright."""
    for seed, scan in enumerate(Scan.objects.filter(study__patient=of).select_related("series")):
        array_hu = np.random.default_rng(seed).normal(-850, 40, (40, 64, 64)).astype(np.int16)
        array_hu[10:30, 20:44, 20:44] = 40
        save_volume(Volume(array_hu, (2.0, 2.0, 2.0), (-64.0, -64.0, -40.0), np.eye(3)), volume_folder(scan.series))


def test_a_report_carries_each_nodule_on_both_exams(patient: Patient, reader: User) -> None:
    keep_volumes(patient)
    document = write(patient, reader)
    pictures = list(document.pictures.order_by("number"))
    assert [(one.side, one.words.split(" · ")[0]) for one in pictures] == [
        ("prior", "N1"),
        ("current", "N1"),
        ("prior", "N2"),
        ("current", "N2"),
    ]
    for one in pictures:
        assert Image.open(io.BytesIO(bytes(one.png))).size == (264, 264)
    current = patient.readings.get().content["nodules"][0]["current"]
    assert pictures[1].words.endswith(f"18-Nov-2026\n{current['volume_mm3']:.0f} mm³")
    client = Client()
    client.force_login(reader)
    first = {"code": document.code, "number": 1}
    assert client.get(reverse("document-picture", kwargs=first)).content == bytes(pictures[0].png)
    pdf = bytes(sign(document, reader).pdf)
    assert pdf.count(b"/Subtype /Image") == len(pictures)
    assert faults(pdf) == []


def test_what_was_drawn_is_what_an_addendum_carries(patient: Patient, reader: User) -> None:
    keep_volumes(patient)
    document = write(patient, reader)
    sign(document, reader)
    shutil.rmtree(settings.CACHE_DIR)
    added = reports.addend(document=document, words="Seen again.", by=reader)
    assert bytes(added.pdf).count(b"/Subtype /Image") == document.pictures.count()
    refused_by_the_database("UPDATE nodules_app_documentpicture SET png = NULL")


def test_images_that_are_not_at_hand_are_named(patient: Patient, reader: User) -> None:
    document = write(patient, reader, language="zh-hans")
    assert all(one.png is None and "撰写时无法取得图像" in one.words for one in document.pictures.all())
    assert b"/Subtype /Image" not in bytes(sign(document, reader).pdf)
