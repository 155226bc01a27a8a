"""Learned models in service: who chooses, what a search does with one, and what is written down."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from inference.model_card import Task
from nodules_app.models import AuditEvent, ModelAnswer, ModelChoice, Role, Scan
from nodules_app.services import models
from nodules_app.services.pipeline.looking import Searched, search
from nodules_app.services.pipeline.proposing import keep
from registration.volume import Volume
from tests import factories
from tests.integration.browsing import signed_in, words
from tests.unit.inference.test_candidates import chest
from tests.unit.inference.test_registry import lay

pytestmark = pytest.mark.django_db
SETTINGS = {"least_score": 0.0, "offset": 0.0, "by_detector": 1.0, "by_network": 0.01}


@pytest.fixture
def own(tmp_path: Path, settings: LazySettings) -> Path:
    """A hospital's folder with one model; nobody has chosen it."""
    settings.MODELS_DIR = tmp_path
    lay(tmp_path, "0.own", settings=SETTINGS)
    return tmp_path


def use(version: str) -> ModelChoice:
    return models.choose(task=Task.CANDIDATES, version=version, by=None)


def searched(scan: Scan, *, shift_hu: int = 0) -> Searched:
    """Search a drawn block of lung with three nodules, laid into a body."""
    volume, lungs = chest(nodules=True)
    array = volume.array_hu.copy()
    array[:, 95:] = 40
    shown = Volume(array + np.int16(shift_hu), volume.spacing_zyx_mm, volume.origin_lps_mm, volume.direction)
    return search([(scan, shown, lungs)])


# ------------------------------------------------------------------ choosing


def test_a_hospitals_model_is_used_only_once_somebody_has_chosen_it(own: Path) -> None:
    before = models.in_use(Task.CANDIDATES).model
    assert before is None or not before.own
    use("0.own")
    now = models.in_use(Task.CANDIDATES).model
    assert now is not None
    assert now.own
    use("off")
    assert models.in_use(Task.CANDIDATES).model is None
    use("")
    assert models.in_use(Task.CANDIDATES).model == before
    assert ModelChoice.objects.count() == 3


def test_a_chosen_model_that_has_gone_is_done_without_and_said(own: Path) -> None:
    use("0.own")
    (own / "candidates-0.own.json").unlink()
    standing = models.in_use(Task.CANDIDATES)
    assert standing.model is None
    assert standing.refusal is not None
    found = searched(factories.scan(factories.patient()))
    assert found.network is None
    assert found.notes["model_refused"] == "no_such_model"
    assert found.found[0]
    assert "0.own" in words(signed_in().get(reverse("models")).content.decode())


def test_an_administrator_chooses_on_the_page_and_the_trail_says_so(own: Path) -> None:
    address = reverse("choose-model", kwargs={"task": "candidates"})
    assert signed_in(Role.RADIOLOGIST).post(address, {"version": "off"}).status_code == 403
    client = signed_in(Role.ADMINISTRATOR)
    assert client.post(address, {"version": "0.own"}).status_code == 302
    assert AuditEvent.objects.get(verb="model.chosen").facts == {"task": "candidates", "version": "0.own"}
    page = words(client.get(reverse("models")).content.decode())
    assert "version 0.own in use" in page
    assert "Trained on simulation" in page
    assert reverse("models") in client.get(reverse("connections")).content.decode()  # the way there, without a patient
    assert client.post(address, {"version": "none such"}).status_code == 302
    assert models.in_use(Task.CANDIDATES).pinned == "0.own"
    assert client.post(reverse("choose-model", kwargs={"task": "weather"}), {"version": ""}).status_code == 404


def test_the_command_lists_checks_and_pins(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("models", "candidates", "--use", "0.own", "--check")
    said = capsys.readouterr().out
    assert "* 0.own, the hospital's" in said
    assert "answers the check run" in said
    with pytest.raises(CommandError, match="no version"):
        call_command("models", "candidates", "--use", "7")


def test_a_choice_is_never_changed_only_followed_by_another(own: Path) -> None:
    row = use("0.own")
    with pytest.raises(IntegrityError), transaction.atomic():
        ModelChoice.objects.filter(pk=row.pk).update(version="off")


# ------------------------------------------------------------------ searching


def test_a_search_with_a_model_says_which_and_what_it_was_shown(own: Path) -> None:
    use("0.own")
    patient = factories.patient()
    scan = factories.scan(patient)
    with_model = searched(scan)
    assert with_model.network is not None
    assert with_model.version.endswith("+0.own")
    assert with_model.notes["model"] == "candidates-0.own"
    with transaction.atomic():
        keep(
            patient=patient,
            comparison=None,
            found=[(scan, one) for one in with_model.found[0]],
            version=with_model.version,
        )
        rows = list(scan.candidates.order_by("pk"))
        with_model.keep_answers(rows)
        with_model.keep_answers(rows)  # a run that is done twice
    answers = list(ModelAnswer.objects.order_by("pk"))
    assert len(answers) == len(rows) > 0
    assert {one.version for one in answers} == {"0.own"}
    assert {one.input_sha256 for one in answers} == {with_model.shown[scan.pk]}
    assert [one.score for one in searched(scan).found[0]] == [one.score for one in with_model.found[0]]


def test_a_scan_that_no_network_may_judge_is_searched_without(own: Path) -> None:
    use("0.own")
    wrong_scale = searched(factories.scan(factories.patient()), shift_hu=1024)
    assert wrong_scale.network is None
    assert wrong_scale.notes["model_refused"] == "image_not_for_networks"
    assert "+" not in wrong_scale.version
