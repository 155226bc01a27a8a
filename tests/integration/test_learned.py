"""What learned models said, on the pages: of the model in use alone, and never in place of the measured numbers."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.translation import gettext, override
from safetensors.torch import save

from inference.estimate import Z_95
from inference.fusing import JOINT_HELD, log_error
from inference.model_card import Task
from inference.networks.contracts import CONTRACTS
from inference.networks.phenotype import NodulePhenotype
from nodules_app.lifecycles import CandidateState, RunState
from nodules_app.models import (
    Candidate,
    ComparisonWord,
    Finding,
    Growth,
    Match,
    ModelAnswer,
    Patient,
    Role,
    Run,
    RunKind,
)
from nodules_app.selectors.drift import drift
from nodules_app.selectors.learned import counts, judged
from nodules_app.selectors.timeline import timeline
from nodules_app.services import learned, models
from nodules_app.services.pipeline.seeing_nodules import see_nodules
from tests import factories
from tests.integration.browsing import page_of, signed_in, words
from tests.unit.inference.test_registry import lay

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(tmp_path: Path, settings: LazySettings) -> str:
    """A hospital's growth model that is in use; its weights' digest."""
    settings.MODELS_DIR = tmp_path
    lay(tmp_path, "0.own", task=Task.GROWTH, settings={"error_factor": 1.0})
    models.choose(task=Task.GROWTH, version="0.own", by=None)
    model = models.in_use(Task.GROWTH).model
    assert model is not None
    return model.card.weights_sha256


def followed() -> tuple[Patient, Growth]:
    patient = factories.followed_patient(ratio=1.6)
    return patient, Growth.objects.get(match__nodule__patient=patient)


def answer(growth: Growth, weights: str, ratio: float, error: float = 0.05, shown: str = "b" * 64) -> ModelAnswer:
    grown = 0.8 if ratio > 1.25 else 0.1
    told = {"volume_ratio": ratio, "log_ratio_error": error, "grown_probability": grown}
    told |= {"stable_probability": 0.9 - grown, "shrunk_probability": 0.1, "disagree": ratio < 1.2}
    return ModelAnswer.objects.create(
        task=Task.GROWTH, version="0.own", weights_sha256=weights, input_sha256=shown, growth=growth, answer=told
    )


def said(patient: Patient) -> learned.GrowthSaid | None:
    changes = [change for nodule in timeline(patient).nodules for change in nodule.changes]
    return next(iter(learned.growth_said(changes, models.in_use(Task.GROWTH)).values()), None)


def test_the_two_ratios_are_weighed_and_their_disagreement_is_said(own: str) -> None:
    patient, growth = followed()
    answer(growth, own, 1.0, error=0.02)
    found = said(patient)
    assert found is not None
    assert found.disagree
    assert not found.sees_more
    assert found.course == "stable"
    measured_error = log_error(growth.volume_ratio_low, growth.volume_ratio_high)
    weight = measured_error**-2 / (measured_error**-2 + 0.02**-2)
    assert math.log(found.both_ratio) == pytest.approx(weight * math.log(growth.volume_ratio))
    page = words(signed_in(Role.RADIOLOGIST).get(reverse("patient", kwargs={"code": patient.code})).content.decode())
    assert "the model sees less growth than was measured" in page
    assert "version 0.own and its card" in page
    assert "the hospital's own; no recommendation is made from it" in page


def test_where_they_agree_no_alarm_is_raised_and_the_reading_shows_it_too(own: str) -> None:
    patient, growth = followed()
    answer(growth, own, growth.volume_ratio)
    client = signed_in(Role.RADIOLOGIST)
    for name in ("patient", "reading"):
        page = words(client.get(reverse(name, kwargs={"code": patient.code})).content.decode())
        assert "measured and learned together" in page
        assert "They disagree" not in page


def test_the_interval_of_both_is_shown_only_where_the_card_says_that_it_holds(own: str, tmp_path: Path) -> None:
    patient, growth = followed()
    answer(growth, own, growth.volume_ratio)
    found = said(patient)
    assert found is not None
    assert found.both_low_ratio is None
    for version, share in (("1.own", 0.90), ("2.own", 0.95)):
        lay(tmp_path, version, task=Task.GROWTH, settings={"error_factor": 1.0, JOINT_HELD: share})
    models.choose(task=Task.GROWTH, version="1.own", by=None)
    found = said(patient)
    assert found is not None
    assert found.both_low_ratio is None
    models.choose(task=Task.GROWTH, version="2.own", by=None)
    found = said(patient)
    assert found is not None
    measured_error = log_error(growth.volume_ratio_low, growth.volume_ratio_high)
    error = (measured_error**-2 + 0.05**-2) ** -0.5
    assert found.both_high_ratio == pytest.approx(growth.volume_ratio * math.exp(Z_95 * error))
    page = words(signed_in(Role.RADIOLOGIST).get(reverse("patient", kwargs={"code": patient.code})).content.decode())
    assert "measured and learned together +60 % (" in page
    other, growth = followed()
    answer(growth, own, 1.0, error=0.02)
    found = said(other)
    assert found is not None
    assert found.disagree
    assert found.both_low_ratio is None


def test_a_model_that_is_not_in_use_says_nothing(own: str) -> None:
    patient, growth = followed()
    answer(growth, "c" * 64, 1.0)
    assert said(patient) is None
    answer(growth, own, 1.0)
    assert said(patient) is not None
    models.choose(task=Task.GROWTH, version="off", by=None)
    assert said(patient) is None
    page = signed_in(Role.RADIOLOGIST).get(reverse("patient", kwargs={"code": patient.code})).content.decode()
    assert "data-learned" not in page


def test_a_corrected_outline_is_weighed_with_what_the_model_saw_before(own: str) -> None:
    patient, growth = followed()
    answer(growth, own, 1.0, error=0.02)
    corrected = factories.measurement(growth.current_measurement.finding, growth.prior_measurement.volume_mm3 or 0.0)
    match = Match.objects.get(pk=growth.match_id)
    factories.grown(match, growth.prior_measurement, corrected)
    found = said(patient)
    assert found is not None
    assert not found.disagree
    assert ModelAnswer.objects.count() == 1


# ------------------------------------------------------------------ where readers and a model differ


def confirmed(growth: Growth, word: ComparisonWord) -> None:
    reader = factories.member(Role.RADIOLOGIST, growth.match.nodule.patient.clinic)
    Match.objects.filter(pk=growth.match_id).update(word=word, confirmed_by=reader, confirmed_at=timezone.now())


def test_a_confirmed_word_is_held_against_the_models_and_stays_as_it_is(own: str) -> None:
    patient, growth = followed()
    answer(growth, own, 1.0)
    Match.objects.filter(pk=growth.match_id).update(confirmed_by=None, confirmed_at=None)
    clinics = [patient.clinic]
    assert list(judged(clinics)) == []  # nobody has confirmed it yet
    confirmed(growth, ComparisonWord.LARGER_MARKEDLY)
    (one,) = judged(clinics)
    assert (one.model_said, one.reader_said, one.differ) == ("stable", "grown", True)
    answer(growth, own, 1.6, shown="d" * 64)
    assert [(count.judged, count.differing) for count in counts(clinics)] == [(1, 0)]  # its latest answer counts, once
    assert Match.objects.get(pk=growth.match_id).word == ComparisonWord.LARGER_MARKEDLY
    assert list(judged([factories.clinic(name="Elsewhere")])) == []


@pytest.mark.parametrize(("score", "differ"), [(0.9, True), (0.2, False)])
def test_a_rejected_place_is_held_against_the_models_score(own: str, score: float, *, differ: bool) -> None:
    scan = factories.scan(factories.patient())
    reader = factories.member(Role.RADIOLOGIST, scan.study.patient.clinic)
    place = Candidate.objects.create(
        scan=scan,
        x_lps_mm=0,
        y_lps_mm=0,
        z_lps_mm=0,
        diameter_mm=6,
        score=score,
        version="t",
        state=CandidateState.REJECTED,
        decided_at=timezone.now(),
        decided_by=reader,
        reason="vessel",
    )
    ModelAnswer.objects.create(
        task=Task.CANDIDATES,
        version="1",
        weights_sha256=own,
        input_sha256="b" * 64,
        candidate=place,
        answer={"score": score},
    )
    (one,) = judged([scan.study.patient.clinic])
    assert one.differ is differ
    found = drift([scan.study.patient.clinic], today=timezone.localdate())
    share = next(row for row in found.shares if row.name == "unlike_candidates").months[-1]
    assert (share.part, share.whole) == (int(differ), 1)


def test_the_page_of_models_counts_what_readers_made_of_each_version(own: str) -> None:
    patient, growth = followed()
    answer(growth, own, 1.0)
    confirmed(growth, ComparisonWord.LARGER_MARKEDLY)
    client = Client()
    client.force_login(factories.member(Role.MANAGER, patient.clinic))
    page = words(client.get(reverse("models")).content.decode())
    assert "Readers judged 1 answer of version 0.own and differed in 1" in page
    drifted = words(client.get(reverse("drift")).content.decode())
    assert "Growth: a reader confirmed otherwise than the model" in drifted


def test_what_our_cards_say_is_said_in_chinese_and_a_hospitals_card_as_it_was_written(own: str) -> None:
    page = signed_in(language="zh-hans").get(reverse("models")).content.decode()
    with override("zh-hans"):
        for model in models.registry().models:
            for limit in model.card.limits:
                if model.own:
                    assert f'<span lang="en">{limit}</span>' in page
                else:
                    assert gettext(limit) != limit
                    assert escape(gettext(limit)) in page


# ------------------------------------------------------------------ what a nodule looks like

LOOKS = {"solid": 0.7, "part_solid": 0.2, "ground_glass": 0.1}
FEATURES = {"lobulation": 0.1, "spiculation": 0.9, "calcification": 0.02, "cavity": 0.01, "pleural_tag": 0.3}
SQUARE = [[10.0, 10.0], [14.0, 10.0], [14.0, 14.0], [10.0, 14.0]]


def looks(finding: Finding, weights: str) -> ModelAnswer:
    measured = finding.measurements.order_by("-pk").first()
    assert measured is not None
    region = {"slice_index": measured.axial_index, "outer_px": [SQUARE], "inner_px": [SQUARE]}
    region |= {"offset_mm": 4.2, "towards": "back", "heat_log_odds": 1.0}
    told = {f"{name}_probability": share for name, share in (LOOKS | FEATURES).items()}
    return ModelAnswer.objects.create(
        task=Task.PHENOTYPE,
        version="0.own",
        weights_sha256=weights,
        input_sha256="b" * 64,
        finding=finding,
        answer=told | {"regions": {"spiculation": region}},
    )


@pytest.fixture
def seeing(tmp_path: Path, settings: LazySettings) -> str:
    """A hospital's phenotype model that is in use; its weights' digest."""
    settings.MODELS_DIR = tmp_path
    lay(tmp_path, "0.own", task=Task.PHENOTYPE)
    models.choose(task=Task.PHENOTYPE, version="0.own", by=None)
    model = models.in_use(Task.PHENOTYPE).model
    assert model is not None
    return model.card.weights_sha256


def test_a_networks_words_stand_beside_what_was_measured_with_the_region_in_words(seeing: str) -> None:
    patient = factories.followed_patient()
    finding = Finding.objects.filter(nodule__patient=patient).latest("scan__study__acquired_on")
    looks(finding, seeing)
    page = words(page_of(patient))
    assert "As a learned model sees it" in page
    assert "solid 70 %" in page
    assert page.index("Spiculated") < page.index("Tag to the pleura") < page.index("Lobulated")  # the likeliest first
    assert "what speaks for it most lies 4 mm from its middle, towards the back" in page
    models.choose(task=Task.PHENOTYPE, version="off", by=None)
    assert "As a learned model sees it" not in page_of(patient)


def test_a_worker_is_asked_only_where_a_model_is_in_use(seeing: str) -> None:
    scan = factories.scan(factories.patient())
    learned.ask_for_looks(scan=scan, by=None)
    assert [run.queue for run in Run.objects.filter(kind=RunKind.SEE)] == ["gpu"]
    models.choose(task=Task.PHENOTYPE, version="off", by=None)
    learned.ask_for_looks(scan=factories.scan(factories.patient()), by=None)
    assert Run.objects.filter(kind=RunKind.SEE).count() == 1


def test_the_worker_asks_once_about_each_nodule_and_keeps_the_region_on_the_shown_slice(
    tmp_path: Path, settings: LazySettings
) -> None:
    settings.MODELS_DIR = tmp_path
    torch.manual_seed(2)
    content = save({name: one.contiguous() for name, one in NodulePhenotype().state_dict().items()})
    scale = {name: 0.0 if name.endswith("_offset") else 1.0 for name in CONTRACTS[Task.PHENOTYPE].settings}
    lay(tmp_path, "0.own", content, task=Task.PHENOTYPE, architecture="nodule-phenotype-1", settings=scale)
    models.choose(task=Task.PHENOTYPE, version="0.own", by=None)
    patient = factories.patient()
    scan = factories.scan(patient)
    finding = factories.finding(factories.nodule(patient), scan)
    factories.measurement(finding)
    volume = factories.keep_volume(scan, [((0.0, 0.0, 0.0), 8.0), ((22.0, 22.0, 0.0), 36.0)])  # a nodule, a wall
    run = factories.run(patient, RunKind.SEE, RunState.RUNNING, scan=scan)
    see_nodules(run)()
    row = ModelAnswer.objects.get(finding=finding)
    assert sum(row.answer[f"{name}_probability"] for name in LOOKS) == pytest.approx(1.0, abs=0.001)
    for region in row.answer["regions"].values():
        assert 0 <= region["slice_index"] < volume.shape_zyx[0]
        assert region["outer_px"]
    see_nodules(run)()
    assert ModelAnswer.objects.count() == 1
