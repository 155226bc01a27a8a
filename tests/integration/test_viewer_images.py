"""The bytes that the viewer draws from: exact, compressed, tagged, authorised, made again when they were deleted."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pydicom
import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from imagecodecs import zstd_decode
from numpy.typing import NDArray

from nodules_app.charts import viewing as facts
from nodules_app.dicom.examination import read_files
from nodules_app.dicom.volumes import read_volume, save_volume
from nodules_app.lifecycles import RunState
from nodules_app.models import AuditEvent, Comparison, Role, Run, RunKind, Scan
from nodules_app.services.cache import grid_file, outline_file, volume_folder
from nodules_app.services.corrections_measure import store_by_machine
from nodules_app.services.pipeline.registering import keep_grid
from registration.volume import Volume
from tests import factories
from tests.data import research_data
from tests.integration.browsing import signed_in
from tests.maps import breathing

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


def slab_url(scan: Scan, first: int = 0, count: int = 1, digest: str = "") -> str:
    named = {"code": scan.code, "digest": digest or facts.digest(scan.series), "first": first, "count": count}
    return reverse("slab", kwargs=named)


def joined(body: bytes, shape: tuple[int, ...]) -> NDArray[np.int16]:
    """What the browser makes of the planes."""
    low, high = np.frombuffer(body, np.uint8).reshape(2, -1)
    return (low.astype(np.uint16) | (high.astype(np.uint16) << 8)).view(np.int16).reshape(shape)


@pytest.mark.parametrize(("coding", "decode"), [("zstd", zstd_decode), ("gzip", gzip.decompress)])
def test_the_slices_come_back_to_the_last_bit(coding: str, decode: object) -> None:
    scan = factories.scan(factories.patient())
    volume = factories.keep_volume(scan)
    answer = signed_in().get(slab_url(scan, 3, 5), headers={"accept-encoding": coding})
    assert answer.status_code == 200
    assert answer["Content-Encoding"] == coding
    assert "Accept-Encoding" in answer["Vary"]
    assert len(answer.content) < 0.8 * volume.array_hu[3:8].nbytes
    assert np.array_equal(joined(decode(answer.content), (5, 128, 128)), volume.array_hu[3:8])  # type: ignore[operator]


def test_extreme_values_survive() -> None:
    scan = factories.scan(factories.patient())
    array = np.random.default_rng(1).integers(-32768, 32768, (4, 7, 9)).astype(np.int16)
    save_volume(Volume(array, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3)), volume_folder(scan.series))
    answer = signed_in().get(slab_url(scan, 0, 4), headers={"accept-encoding": "zstd"})
    assert np.array_equal(joined(zstd_decode(answer.content), array.shape), array)


@pytest.mark.needs_data
def test_they_are_the_hounsfield_units_of_the_dicom_files() -> None:
    folder = research_data("lidc-0001/ct")
    files = sorted(folder.iterdir())[40:46]
    with read_files(files) as examination:
        (series,) = examination.series
        volume = read_volume(series)
    scan = factories.scan(factories.patient())
    save_volume(volume, volume_folder(scan.series))
    answer = signed_in().get(slab_url(scan, 0, len(files)), headers={"accept-encoding": "zstd"})
    served = joined(zstd_decode(answer.content), volume.shape_zyx)
    by_height = sorted((pydicom.dcmread(path) for path in files), key=lambda one: one.ImagePositionPatient[2])
    for dataset, slice_hu in zip(by_height, served, strict=True):
        stored = dataset.pixel_array * int(dataset.RescaleSlope) + int(dataset.RescaleIntercept)
        inside = stored > -1024  # the padding around the field is air to us
        assert np.array_equal(slice_hu[inside], stored[inside])
        assert inside.mean() > 0.7


def test_a_browser_keeps_them_for_ever_and_need_not_ask_twice() -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan)
    client = signed_in()
    first = client.get(slab_url(scan, 2), headers={"accept-encoding": "zstd"})
    assert first["Cache-Control"] == "private, max-age=31536000, immutable"
    again = client.get(slab_url(scan, 2), headers={"accept-encoding": "zstd", "if-none-match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    other = client.get(slab_url(scan, 3), headers={"accept-encoding": "zstd"})
    packed = client.get(slab_url(scan, 2), headers={"accept-encoding": "gzip"})
    assert len({first["ETag"], other["ETag"], packed["ETag"]}) == 3


def test_nobody_of_another_clinic_gets_a_slice_and_the_tag_opens_nothing() -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan)
    tag = signed_in().get(slab_url(scan))["ETag"]
    stranger = Client()
    stranger.force_login(factories.member(Role.RADIOLOGIST, at=factories.clinic(name="Elsewhere")))
    for headers in ({}, {"if-none-match": tag}):
        assert stranger.get(slab_url(scan), headers=headers).status_code == 404
    for name in ("outlines", "images-state"):
        assert stranger.get(reverse(name, kwargs={"code": scan.code})).status_code == 404
    assert Client().get(slab_url(scan)).status_code == 302


@pytest.mark.parametrize(("first", "count"), [(0, 0), (0, 33), (39, 2), (40, 1), (10**9, 1)])
def test_slices_that_do_not_exist_are_not_found(first: int, count: int) -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan)
    assert signed_in().get(slab_url(scan, first, count)).status_code == 404


def test_another_content_has_another_address() -> None:
    scan = factories.scan(factories.patient())
    other = factories.scan(factories.patient())
    factories.keep_volume(scan)
    assert signed_in().get(slab_url(scan, digest=facts.digest(other.series))).status_code == 404


def test_one_look_is_recorded_however_many_slices_come() -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan)
    client = signed_in()
    client.get(reverse("read", kwargs={"code": scan.study.patient.code}))
    for first in range(6):
        assert client.get(slab_url(scan, first)).status_code == 200
    assert AuditEvent.objects.filter(patient=scan.study.patient, verb="patient.seen").count() == 1


def compared() -> Comparison:
    patient = factories.patient()
    prior, current = factories.scan(patient, factories.PRIOR_ON), factories.scan(patient)
    pair = factories.comparison(prior, current)
    pair.registrations.create(
        method="test", version="1", residual_mm=0.3, inverse_error_mm=0.1, fold_fraction=0, map_file="none"
    )
    return pair


def test_the_map_comes_as_a_grid_and_only_to_who_sees_the_patient() -> None:
    pair = compared()
    prior = factories.keep_volume(pair.prior)
    address = reverse("displacements", kwargs={"code": pair.code})
    client = signed_in()
    assert client.get(address).status_code == 404
    grid_file(pair).parent.mkdir(parents=True, exist_ok=True)
    keep_grid(pair, breathing(prior))
    answer = client.get(address, headers={"accept-encoding": "gzip"})
    told = json.loads(gzip.decompress(answer.content).split(b"\n", 1)[0])
    assert np.allclose(told["matrix"], np.diag([1.01, 0.98, 1.03]))
    again = client.get(address, headers={"accept-encoding": "gzip", "if-none-match": answer["ETag"]})
    assert again.status_code == 304
    stranger = Client()
    stranger.force_login(factories.member(Role.RADIOLOGIST, at=factories.clinic(name="Elsewhere")))
    assert stranger.get(address).status_code == 404


def test_a_border_is_looked_for_once_and_stands_without_the_voxels() -> None:
    scan = factories.scan(factories.patient())
    factories.keep_volume(scan, [((0.0, 0.0, 0.0), 9.0)])
    row = store_by_machine(factories.finding(factories.nodule(scan.study.patient), scan))
    assert row
    client, address = signed_in(), reverse("outlines", kwargs={"code": scan.code})

    def border() -> dict[str, object]:
        (one,) = client.get(address).json()["outlines"]
        return one["border"]

    drawn = border()
    assert len(drawn) >= 4  # a ball of 9 mm on slices 2 mm apart
    for file in volume_folder(scan.series).iterdir():
        file.unlink()
    assert border() == drawn
    outline_file(row.code).write_text("{")  # half written: the machine lost its power
    assert list(border()) == [str(row.axial_index)]


def test_what_the_cache_lost_is_asked_for_once_and_told_on_the_way() -> None:
    pair = compared()
    client = signed_in()
    page = reverse("read", kwargs={"code": pair.patient.code})
    for _ in range(2):
        assert client.get(page).status_code == 200
    assert Run.objects.filter(kind=RunKind.SHOW, scan__isnull=False).count() == 2
    assert Run.objects.filter(kind=RunKind.SHOW, comparison=pair).count() == 1
    state = client.get(reverse("images-state", kwargs={"code": pair.prior.code})).json()
    assert (state["ready"], state["state"], state["scan"]["geometry"]) == (False, "queued", None)
    assert state["said"] == "Waiting for a worker."
    factories.keep_volume(pair.prior)
    state = client.get(reverse("images-state", kwargs={"code": pair.prior.code})).json()
    assert state["ready"]
    assert state["scan"]["geometry"]["shape_zyx"] == [40, 128, 128]


def test_work_that_failed_is_not_asked_for_behind_the_readers_back() -> None:
    pair = compared()
    factories.keep_volume(pair.current)
    factories.run(pair.patient, RunKind.SHOW, RunState.FAILED, scan=pair.prior)
    client = signed_in()
    client.get(reverse("read", kwargs={"code": pair.patient.code}))
    assert Run.objects.filter(kind=RunKind.SHOW, scan=pair.prior).count() == 1
    state = client.get(reverse("images-state", kwargs={"code": pair.prior.code})).json()
    assert "patient page says how to try again" in state["said"]


def test_a_patient_without_a_scan_is_told_so() -> None:
    answer = signed_in().get(reverse("read", kwargs={"code": factories.patient().code}))
    assert "No scan of this patient can be shown yet" in answer.content.decode()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (None, "No program has searched the latest exam"),
        ("running", "is being searched"),
        ("failed", "The search failed"),
        ("succeeded", "Searched; nothing is proposed."),
    ],
)
def test_an_empty_list_of_proposals_says_why_it_is_empty(state: str | None, said: str) -> None:
    patient = factories.followed_patient()
    if state:
        factories.run(patient, RunKind.PROPOSE, RunState(state))
    assert said in signed_in().get(reverse("read-nodules", kwargs={"code": patient.code})).content.decode()


@pytest.mark.parametrize("query", ["?prior=x", "?current=1", "?third=%00"])
def test_a_senseless_room_is_refused(query: str) -> None:
    address = reverse("read", kwargs={"code": factories.patient().code})
    assert signed_in().get(address + query).status_code == 400


def test_the_asked_for_scans_are_shown_and_the_latest_two_otherwise() -> None:
    patient = factories.followed_patient(exams=3)
    codes = [str(scan.code) for scan in Scan.objects.filter(study__patient=patient).order_by("study__acquired_on")]
    client = signed_in()
    address = reverse("read", kwargs={"code": patient.code})

    def shown(query: str) -> list[tuple[str, str]]:
        room = client.get(address + query).context["facts"]
        return [(scan["role"], scan["code"]) for scan in room["scans"]]

    assert shown("") == [("prior", codes[1]), ("current", codes[2])]
    assert shown(f"?prior={codes[0]}&current={codes[2]}") == [("prior", codes[0]), ("current", codes[2])]
    assert shown(f"?third={codes[0]}&prior={codes[1]}&current={codes[2]}") == [
        ("third", codes[0]),
        ("prior", codes[1]),
        ("current", codes[2]),
    ]


def test_every_module_of_the_viewer_is_fetched_at_once() -> None:
    page = signed_in().get(reverse("read", kwargs={"code": factories.patient().code})).content.decode()
    told = set(re.findall(r'rel="modulepreload" href="/static/js/viewer/([a-z-]+\.js)"', page))
    folder = Path(__file__).resolve().parents[2] / "static" / "js" / "viewer"
    assert told == {path.name for path in folder.glob("*.js")} - {"decode.js"}  # that one runs in a worker
