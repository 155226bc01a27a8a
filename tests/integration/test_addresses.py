"""Every address of the product against strangers, forged forms, wrong hosts and odd parameters."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from nodules_app.models import Nodule, Role
from nodules_app.urls import urlpatterns
from tests import factories
from tests.integration.browsing import signed_in

pytestmark = pytest.mark.django_db

OPEN_TO_STRANGERS = {
    "sign-in",
    "set-language",
    "healthz",
    "health-live",
    "health-ready",
    "calendar-feed",
    "receipts",
} | {"choose-password"}
READ_ONLY = {"healthz", "health-live", "health-ready", "calendar-feed"}
PARTS = {"uuid": uuid4(), "int": 1, "slug": "none", "str": "none"}
NAMES = [str(pattern.name) for pattern in urlpatterns]
WITH_CODE = [str(pattern.name) for pattern in urlpatterns if "<uuid:code>" in str(pattern.pattern)]
ODD = [
    "abc",
    "",
    "-1",
    "0",
    "1e9",
    "1e400",
    "nan",
    "9" * 30,
    "9" * 5000,
    "a\0b",
    "\N{ARABIC-INDIC DIGIT ONE}",
    "' OR 1",
]


def address(name: str) -> str:
    """An address of nothing: every part that it names is made up."""
    (pattern,) = {str(one.pattern) for one in urlpatterns if one.name == name}
    parts = re.findall(r"<(\w+):(\w+)>", pattern)
    return reverse(name, kwargs={part: PARTS[kind] for kind, part in parts})


@pytest.mark.parametrize("name", sorted(set(NAMES) - OPEN_TO_STRANGERS))
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_is_sent_to_sign_in(name: str, method: str) -> None:
    answer = getattr(Client(), method)(address(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", sorted(set(NAMES) - READ_ONLY))
def test_a_form_of_another_site_is_refused(name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(factories.member(Role.RADIOLOGIST))
    answer = client.post(address(name), {"slice": "1", "x": "1", "y": "1"})
    assert answer.status_code == 403


@pytest.mark.parametrize("name", WITH_CODE)
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_code_of_nothing_is_not_found(name: str, method: str) -> None:
    assert getattr(signed_in(), method)(address(name)).status_code in (404, 405)


@pytest.mark.parametrize("path", ["/nowhere", "/?page=abc", "/patients/x/", "/static/nothing.css"])
def test_a_page_that_says_no_carries_the_strict_policy(path: str) -> None:
    answer = signed_in().get(path)
    assert answer.status_code in (400, 404)
    assert "default-src 'none'" in answer["Content-Security-Policy"]


def test_a_request_for_another_host_is_refused_in_our_words() -> None:
    answer = Client().get("/", headers={"host": "elsewhere.example"})
    assert answer.status_code == 400
    assert "This request cannot be read" in answer.content.decode()


class TestOddParameters:
    @pytest.fixture(autouse=True)
    def _own_cache(self, tmp_path: Path, settings: LazySettings) -> None:
        settings.CACHE_DIR = tmp_path / "cache"

    @pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:12])
    def test_they_are_answered_or_refused_and_nothing_breaks(self, odd: str) -> None:
        patient = factories.patient()
        scan = factories.scan(patient)
        finding = factories.finding(factories.nodule(patient), scan)
        factories.keep_volume(scan)
        code = {"code": scan.code}
        place = {"slice": "3", "x": "20", "y": "20", "mm": "40", "column": "20", "row": "20", "width": "640"}
        asked = {
            reverse("worklist"): ("show", "q", "page"),
            reverse("worklist-fragment"): ("page",),
            reverse("patient", kwargs={"code": patient.code}): ("nodule",),
            reverse("scan", kwargs=code): ("slice", "window", "nodule"),
            reverse("slice", kwargs=code): ("slice", "window"),
            reverse("place-crop", kwargs=code): ("slice", "x", "y", "mm"),
            reverse("crop", kwargs={"code": finding.code}): ("slice", "mm"),
            reverse("mark", kwargs=code): ("slice", "x", "column", "row", "width"),
        }
        client = signed_in()
        for path, names in asked.items():
            for name in names:
                answer = client.get(path, {one: place[one] for one in names if one in place} | {name: odd})
                assert answer.status_code in (200, 400, 422), (path, name)

    @pytest.mark.parametrize("beyond", [{"slice": "100000"}, {"x": "100000"}, {"y": "100000"}, {"x": "-1"}])
    def test_no_nodule_is_marked_beyond_the_scan(self, beyond: dict[str, str]) -> None:
        scan = factories.scan(factories.patient())
        factories.keep_volume(scan)
        answer = signed_in().post(
            reverse("mark", kwargs={"code": scan.code}), {"slice": "3", "x": "20", "y": "20"} | beyond
        )
        assert answer.status_code == 400
        assert not Nodule.objects.exists()

    def test_a_typed_column_beyond_the_slice_is_refused_on_the_page(self) -> None:
        scan = factories.scan(factories.patient())
        factories.keep_volume(scan)
        asked = {"slice": "3", "column": "100000", "row": "20"}
        assert signed_in().get(reverse("mark", kwargs={"code": scan.code}), asked).status_code == 422
