"""A nodule's point that lies wrong is put right: press, look closely, say yes."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from nodules_app.lifecycles import RunState
from nodules_app.models import Finding, Match, Origin, Patient, Role, Run, RunKind
from nodules_app.services import nodules
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db


def marked() -> tuple[Patient, Finding]:
    """A patient whose nodule's later point lies 10 mm beside a ball of tissue."""
    patient = factories.followed_patient()
    finding = Finding.objects.filter(nodule__patient=patient).latest("scan__study__acquired_on")
    factories.keep_volume(finding.scan, [((10.0, 0.0, 0.0), 8.0)])
    return patient, finding


def is_in_force(finding: Finding) -> bool:
    return Finding.objects.filter(pk=finding.pk, superseded_at=None).exists()


def address(name: str, finding: Finding) -> str:
    return reverse(name, kwargs={"code": finding.code})


def test_a_point_moves_only_after_a_second_look() -> None:
    patient, finding = marked()
    client = signed_in()
    scan = client.get(reverse("scan", kwargs={"code": finding.scan.code})).content.decode()
    assert address("move-finding", finding) in scan
    page = client.get(address("move-finding", finding)).content.decode()
    assert "Press where N1 really is" in words(page)
    assert f'action="{address("move-finding-here", finding)}"' in page
    assert reverse("mark", kwargs={"code": finding.scan.code}) not in page
    told = {"slice": "21", "column": "78.57", "row": "64.29"}
    asked = client.get(address("move-finding-here", finding), told).content.decode()
    assert "Is N1 here?" in words(asked)
    assert is_in_force(finding)
    hidden = dict(re.findall(r'type="hidden" name="(slice|x|y)" value="([^"]+)"', asked))
    said = client.post(address("move-finding-here", finding), hidden, follow=True).content.decode()
    assert "The point of N1 is moved." in words(said)
    assert not is_in_force(finding)
    moved = Finding.objects.get(nodule=finding.nodule, scan=finding.scan, superseded_at=None)
    assert moved.lps_mm == pytest.approx((10.0, 0.0, 0.0), abs=0.01)
    assert moved.origin == Origin.PERSON
    assert not Match.objects.filter(nodule__patient=patient, superseded_at=None).exists()
    assert Run.objects.filter(kind=RunKind.MEASURE, scan=finding.scan, state=RunState.QUEUED).count() == 1


def test_another_slice_can_be_looked_at_before_pressing() -> None:
    _, finding = marked()
    html = signed_in().get(address("move-finding", finding), {"slice": "7", "window": "soft"}).content.decode()
    assert "Slice 7 of 40" in words(html)
    assert "window=soft" in html


def test_a_key_on_the_picture_moves_nothing() -> None:
    _, finding = marked()
    told = {"slice": "5", "width": "640", "x": "0", "y": "0"}
    response = signed_in().get(address("move-finding-here", finding), told)
    assert response.status_code == 422
    assert "type its column and row" in words(response.content.decode())
    assert "Press where N1 really is" in words(response.content.decode())


def test_a_point_beyond_the_scan_is_refused() -> None:
    _, finding = marked()
    response = signed_in().post(address("move-finding-here", finding), {"slice": "41", "x": "4", "y": "4"})
    assert response.status_code == 400
    assert is_in_force(finding)


def test_who_comes_second_is_told() -> None:
    _, finding = marked()
    nodules.move_point(finding=finding, lps_mm=(10.0, 0.0, 0.0), by=factories.member())
    with pytest.raises(nodules.PointReplaced):
        nodules.move_point(finding=finding, lps_mm=(0.0, 0.0, 0.0), by=factories.member())
    client = signed_in()
    for name in ("move-finding", "move-finding-here"):
        said = words(client.get(address(name, finding), follow=True).content.decode())
        assert "This point has been replaced meanwhile." in said


def test_only_readers_move_points() -> None:
    _, finding = marked()
    client = signed_in(Role.COORDINATOR)
    assert client.get(address("move-finding", finding)).status_code == 403
    assert client.post(address("move-finding-here", finding), {"slice": "2", "x": "4", "y": "4"}).status_code == 403
    scan = client.get(reverse("scan", kwargs={"code": finding.scan.code})).content.decode()
    assert address("move-finding", finding) not in scan
