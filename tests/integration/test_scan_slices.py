"""Crops and slices as pictures, and marking a nodule by a press, over HTTP against a real database."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.urls import reverse
from PIL import Image

from nodules_app.models import (
    AuditEvent,
    Nodule,
    Role,
)
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


def test_the_crop_shows_the_nodule_where_its_outline_is_drawn() -> None:
    patient = factories.patient()
    scan = factories.scan(patient)
    place = (12.0, -9.0, 4.0)
    finding = factories.finding(factories.nodule(patient), scan, place)
    factories.measurement(finding, 900.0)
    factories.keep_volume(scan, [(place, 12.0)])
    client = signed_in()
    html = page_of(patient, client)
    address = re.search(r'src="([^"]+crop\.png[^"]*)"', html).group(1).replace("&amp;", "&")
    response = client.get(address)
    assert response.headers["Cache-Control"] == "private, max-age=31536000, immutable"
    grey = np.asarray(Image.open(io.BytesIO(response.content)), dtype=float)
    rows, columns = np.nonzero(grey > 140)
    centre = 100 * (np.array([columns.mean(), rows.mean()]) + 0.5) / grey.shape[0]
    points = re.search(r'class="outline" d="M([^"Z]+)Z', html).group(1).split()
    drawn = np.array([[float(value) for value in point.split(",")] for point in points])[:-1].mean(axis=0)
    assert np.abs(centre - drawn).max() < 0.6  # of 100, on 50 mm: a third of a millimetre
    assert np.abs(drawn - 50).max() < 0.5


def test_a_crop_at_the_edge_is_filled_with_air() -> None:
    patient = factories.patient()
    scan = factories.scan(patient)
    finding = factories.finding(factories.nodule(patient), scan, factories.ORIGIN_LPS_MM)
    factories.keep_volume(scan)
    response = signed_in().get(reverse("crop", kwargs={"code": finding.code}), {"mm": "40"})
    grey = np.asarray(Image.open(io.BytesIO(response.content)))
    assert grey.shape == (352, 352)
    assert len(np.unique(grey[:150, :150])) == 1  # beyond the corner
    assert len(np.unique(grey[200:, 200:])) > 10


@pytest.mark.parametrize("query", ["?mm=0", "?mm=abc", "?slice=-1", "?mm=1e9"])
def test_a_senseless_crop_is_refused(query: str) -> None:
    patient = factories.patient()
    finding = factories.finding(factories.nodule(patient), factories.scan(patient))
    assert signed_in().get(reverse("crop", kwargs={"code": finding.code}) + query).status_code == 400


def test_a_picture_that_is_not_kept_is_said_in_words() -> None:
    patient = factories.followed_patient()
    html = page_of(patient)
    assert "crop.png" not in html
    assert "The picture is not kept at present" in words(html)
    scan = patient.studies.first().scans.get()
    assert "The slices are not there yet" in words(
        signed_in().get(reverse("scan", kwargs={"code": scan.code})).content.decode()
    )


def test_a_slice_shows_its_nodules_and_leads_to_its_neighbours() -> None:
    patient = factories.patient()
    scan = factories.scan(patient)
    finding = factories.finding(factories.nodule(patient), scan, (0.0, 0.0, 0.0))
    factories.measurement(finding, 500.0)
    factories.keep_volume(scan)
    client = signed_in()
    address = reverse("scan", kwargs={"code": scan.code})
    html = client.get(address).content.decode()
    assert "Slice 21 of 40" in words(html)  # z = 0 is array index 20
    assert 'class="ring"' in html
    assert {int(step) for step in re.findall(r'data-step="(-?\d+)"', html)} == {-10, -1, 1, 10}
    first = client.get(address, {"slice": 1}).content.decode()
    assert 'class="ring"' not in first
    assert {int(step) for step in re.findall(r'data-step="(-?\d+)"', first)} == {1, 10}
    assert "Slice 40 of 40" in words(client.get(address, {"slice": 999}).content.decode())
    assert client.get(address, {"slice": "x"}).status_code == 400
    assert AuditEvent.objects.filter(patient=patient, verb="patient.seen").count() == 3


@pytest.mark.parametrize(("window", "grey_of_lung"), [("lung", 82), ("soft", 0), ("bone", 0)])
def test_the_presets_are_those_of_chest_reading(window: str, grey_of_lung: int) -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan)
    picture = signed_in().get(reverse("slice", kwargs={"code": scan.code}), {"slice": 5, "window": window})
    grey = np.asarray(Image.open(io.BytesIO(picture.content)))
    assert grey.shape == (128, 128)
    assert abs(float(np.median(grey)) - grey_of_lung) <= 2


def test_a_press_becomes_a_nodule_only_after_a_second_look() -> None:
    patient = factories.patient()
    scan = factories.scan(patient)
    factories.keep_volume(scan)
    client = signed_in()
    address = reverse("mark", kwargs={"code": scan.code})
    asked = client.get(address, {"slice": "21", "width": "640", "x": "320", "y": "160"})
    html = asked.content.decode()
    assert asked.status_code == 200
    assert not Nodule.objects.exists()
    hidden = dict(re.findall(r'type="hidden" name="(slice|x|y)" value="([^"]+)"', html))
    assert hidden == {"slice": "21", "x": "63.5", "y": "31.5"}
    crop = re.search(r'src="([^"]+crop\.png[^"]*)"', html).group(1).replace("&amp;", "&")
    assert client.get(crop).status_code == 200
    answer = client.post(address, hidden, follow=True)
    nodule = Nodule.objects.get()
    finding = nodule.findings.get()
    assert finding.lps_mm == pytest.approx((-45 + 63.5 * 0.7, -45 + 31.5 * 0.7, 0.0))
    assert finding.by.memberships.get().role == Role.RADIOLOGIST
    assert nodule.follow_ups.get().kind == "review"
    assert "N1 is marked and owed a review" in words(answer.content.decode())


def test_the_place_of_a_press_does_not_depend_on_the_drawn_size() -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan)
    address = reverse("mark", kwargs={"code": scan.code})
    client = signed_in()
    places = set()
    for width in (320, 640, 1280):
        told = {"slice": "5", "width": width, "x": width * 0.3, "y": width * 0.6}
        html = client.get(address, told).content.decode()
        places.add(tuple(re.findall(r'name="[xy]" value="([^"]+)"', html)))
    assert len(places) == 1


def test_a_key_on_the_picture_is_no_place_but_a_typed_one_is() -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan)
    address = reverse("mark", kwargs={"code": scan.code})
    client = signed_in()
    by_key = client.get(address, {"slice": "5", "width": "640", "x": "0", "y": "0"})
    assert by_key.status_code == 422
    assert "type its column and row" in words(by_key.content.decode())
    typed = client.get(address, {"slice": "5", "column": "40", "row": "50"}).content.decode()
    assert 'name="x" value="40.0"' in typed


def test_a_coordinator_may_look_but_not_mark() -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan)
    client = signed_in(Role.COORDINATOR)
    html = client.get(reverse("scan", kwargs={"code": scan.code})).content.decode()
    assert 'type="image"' not in html
    told = {"slice": "5", "x": "40", "y": "50"}
    assert client.post(reverse("mark", kwargs={"code": scan.code}), told).status_code == 403
    assert not Nodule.objects.exists()
