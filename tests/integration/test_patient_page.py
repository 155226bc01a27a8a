"""The page of one patient: who may look and what it says, over HTTP against a real database."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from nodules_app.clinical.growth import classify_vdt
from nodules_app.lifecycles import FollowUpState, RunState
from nodules_app.models import (
    AuditEvent,
    Patient,
    Role,
    Run,
    RunKind,
)
from nodules_app.services import endings
from nodules_app.templatetags.recommendations import VDT_LIMITS_DAYS
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


# ------------------------------------------------------------------ who may look, and the record of it


def test_a_stranger_is_sent_to_the_sign_in_page() -> None:
    response = Client().get(reverse("patient", kwargs={"code": factories.patient().code}))
    assert response.status_code == 302
    assert response.headers["Location"].startswith(reverse("sign-in"))


def test_a_look_is_recorded_once_however_many_pictures_the_page_has() -> None:
    patient = factories.followed_patient(nodules=2)
    for scan in [study.scans.get() for study in patient.studies.all()]:
        factories.keep_volume(scan)
    client = signed_in()
    html = page_of(patient, client)
    pictures = set(re.findall(r'src="([^"]+crop\.png[^"]*)"', html))
    assert len(pictures) == 4
    for picture in pictures:
        assert client.get(picture.replace("&amp;", "&")).status_code == 200
    event = AuditEvent.objects.get(patient=patient, verb="patient.seen")
    assert (event.by.memberships.get().role, event.facts) == (Role.RADIOLOGIST, {"page": "overview"})


def test_an_unknown_patient_is_not_found() -> None:
    assert signed_in().get(reverse("patient", kwargs={"code": factories.uuid4()})).status_code == 404


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.MANAGER])
def test_who_may_not_decide_sees_no_button_and_is_refused(role: Role) -> None:
    patient = factories.followed_patient()
    client = signed_in(role)
    html = page_of(patient, client)
    step = patient.follow_ups.get(state=FollowUpState.PROPOSED)
    assert reverse("accept", kwargs={"code": step.code}) not in html
    assert client.post(reverse("accept", kwargs={"code": step.code})).status_code == 403
    assert patient.follow_ups.filter(state=FollowUpState.PROPOSED).exists()


def test_no_address_and_no_picture_carries_a_name_or_a_number() -> None:
    patient = factories.followed_patient(name="Seldom^Heard", identifier="SECRET-77")
    html = page_of(patient)
    for address in re.findall(r'(?:href|src|action)="([^"]*)"', html):
        assert "SECRET" not in address
        assert "Seldom" not in address


# ------------------------------------------------------------------ what the page says


def test_the_band_says_whose_page_this_is() -> None:
    patient = factories.followed_patient(name="Seldom^Heard", identifier="SIM-77", birth_date=date(1958, 3, 14))
    band = words(page_of(patient).split('class="identity"')[1].split("</section>")[0])
    assert "Seldom, Heard" in band
    assert "14-Mar-1958" in band
    assert "Male" in band
    assert "SIM-77" in band


def test_the_one_next_step_says_what_why_until_when_and_what_if_nobody_acts() -> None:
    said = words(page_of(factories.followed_patient()).split('class="next-step"')[1].split("</section>")[0])
    assert "CT between 18-May-2027 and 18-Aug-2027" in said
    assert "Fleischner 2017: “CT at 6-12 months" in said
    assert "BTS 2015: “Consider biopsy or yearly CT" in said
    assert "nobody has signed it" in said
    assert "Nobody owns this step yet" in said
    assert "overdue on 19-Aug-2027" in said
    assert "Sign this step" in said


def test_an_overdue_step_is_brick_and_says_how_late() -> None:
    patient = factories.patient()
    nodule = factories.nodule(patient, covered=False)
    factories.follow_up(patient, [nodule], overdue=True)
    html = page_of(patient)
    assert 'class="next-step" data-tone="critical"' in html
    assert "30 days late" in words(html)


def test_a_closure_is_shown_with_its_reason() -> None:
    patient = factories.patient()
    endings.withdraw(patient=patient, reason="Moved to another clinic.", on=date(2026, 1, 5), by=factories.member())
    said = words(page_of(patient))
    assert "Nothing is owed" in said
    assert "Moved to another clinic." in said


def test_every_number_of_a_nodule_stands_with_its_error() -> None:
    row = words(page_of(factories.followed_patient(ratio=1.6)).split('id="nodules"')[1].split("</section>")[0])
    assert "300 ± 53" in row
    assert "480 ± 85" in row
    assert "+60 %" in row
    assert "+25 % … +105 %" in row
    assert "VDT" in row
    assert "Markedly larger" in row
    assert "97 %" in row


def test_shrinking_is_a_word_and_never_a_negative_time() -> None:
    said = words(page_of(factories.followed_patient(ratio=0.5)))
    assert "shrinking" in said
    assert "VDT −" not in said


def test_a_change_within_the_error_is_not_called_growth() -> None:
    said = words(page_of(factories.followed_patient(ratio=1.05)))
    assert "Within the measurement error" in said


def test_what_could_not_be_measured_says_why() -> None:
    patient = factories.patient()
    scan = factories.scan(patient)
    nodule = factories.nodule(patient)
    factories.refused_measurement(factories.finding(nodule, scan), "It touches the <heart>.")
    html = page_of(patient)
    assert "It touches the &lt;heart&gt;." in html
    assert "Measure it by hand." in html


def test_each_guideline_stands_by_itself_with_its_rule_and_source() -> None:
    html = page_of(factories.followed_patient())
    cards = html.split('class="rec"')[1:]
    assert len(cards) == 3
    assert "Fleischner 2017" in cards[1] or "Fleischner 2017" in cards[0]
    assert "SOLID.SINGLE.6-8.HIGH" in html
    assert "18-May-2027 to 18-Aug-2027" in words(html)
    assert "reliability S" in html
    assert 'data-outcome="not-applicable"' in cards[2]


def test_a_row_that_rests_on_memory_says_so() -> None:
    patient = factories.followed_patient()
    factories.assessment(patient, factories.result("CHINA2024", "annual_ct_3y", "X", reliability="M, unverified"))
    assert "Rests on memory" in words(page_of(patient))


def test_branches_and_flips_say_how_sure_the_answer_is() -> None:
    patient = factories.followed_patient()
    factories.assessment(
        patient,
        factories.result(
            "BTS2015",
            "bts_biopsy_or_annual_ct",
            "FU.12M.GROWTH.400-600",
            stability="could_go_either_way",
            branches=[
                {"management": "bts_pet_ct", "rule_id": "X", "probability": "0.350000", "when": "VDT < 400"},
                {"management": "bts_discharge", "rule_id": "Y", "probability": "0.100000", "when": "VDT > 600"},
            ],
            flips=[
                {"field": "volume_mm3", "change": "+27", "management": "bts_pet_ct", "rule_id": "X"},
                {"field": "volume_mm3", "change": "-82", "management": "bts_discharge", "rule_id": "Y"},
            ],
        ),
        patient.nodules.get(),
    )
    html = page_of(patient)
    said = words(html)
    assert "Could go either way" in said
    assert re.search(r"55 % .{0,60}biopsy or yearly CT", said)
    assert "+27 mm³" in said
    assert 'class="meter"' in html


def test_a_growth_that_decided_is_drawn_against_the_classes_of_doubling_time() -> None:
    patient = factories.followed_patient()
    answer = factories.result("BTS2015", "bts_biopsy_or_annual_ct", "FU.12M.GROWTH.400-600")
    grown = {
        "nodule_id": "N1",
        "basis": "volume",
        "percent_change": "58.3333",
        "vdt_days": "552.0653",
        "vdt_ci95_days": ["357.5394", None],
        "vdt_class": "400_600",
    }
    factories.assessment(patient, answer, growth=[grown])
    html = page_of(patient)
    assert "Doubling time 552 d, 95 % interval 358 to unbounded; classes end at 400 and 600 days" in html
    assert "Doubling time since the first scan" in words(html)


def test_the_classes_on_the_meter_are_those_of_the_clinical_core() -> None:
    fast, slow = VDT_LIMITS_DAYS
    assert [classify_vdt(Decimal(days)) for days in (fast - 1, fast, slow, slow + 1)] == [
        "lt400",
        "400_600",
        "400_600",
        "gt600",
    ]


def test_the_figure_has_a_trace_a_nodule_with_hollow_priors_and_both_error_arms() -> None:
    html = page_of(factories.followed_patient(nodules=3, exams=3))
    figure = json.loads(re.search(r'id="volumes-figure" type="application/json">(.*?)</script>', html).group(1))
    assert [trace["name"] for trace in figure["data"]] == ["N1", "N2", "N3"]
    first = figure["data"][0]
    assert first["marker"]["symbol"] == ["circle-open", "circle-open", "circle"]
    assert figure["data"][1]["marker"]["symbol"][-1] == "square"
    assert all(arm > 0 for arm in first["error_y"]["array"] + first["error_y"]["arrayminus"])
    assert figure["layout"]["yaxis"]["type"] == "log"
    written = [note["text"] for note in figure["layout"]["annotations"]]
    assert any(text.startswith("N1 ") for text in written)
    assert "next CT" in written
    assert sum(text.startswith("VDT ") for text in written) == 6  # three nodules grew in two intervals


def test_the_curve_has_its_numbers_as_a_table() -> None:
    html = page_of(factories.followed_patient(exams=3))
    table = words(html.split('class="data-table"')[1].split("</details>")[0])
    assert "17-Nov-2025" in table
    assert "300 ± 53" in table


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (RunState.RUNNING, "Work in hand"),
        (RunState.REFUSED, "The lungs are cut off above. Send all slices."),
        (RunState.FAILED, "A fault of ours (MemoryError)"),
    ],
)
def test_work_that_is_running_refused_or_failed_says_so(state: RunState, said: str) -> None:
    patient = factories.patient()
    factories.scan(patient)
    factories.run(patient, RunKind.LUNGS, state)
    assert said in words(page_of(patient))


def test_an_empty_page_never_reads_as_no_nodule() -> None:
    patient = factories.patient()
    assert "No exam can be measured" in words(page_of(patient))
    factories.scan(patient)
    assert "neither says that there are none" in words(page_of(patient))
    factories.run(patient, RunKind.LUNGS, RunState.RUNNING)
    assert "does not mean that there is no nodule" in words(page_of(patient))


def test_the_progress_fragment_says_when_the_work_has_ended() -> None:
    patient = factories.patient()
    run = factories.run(patient, RunKind.LUNGS, RunState.RUNNING)
    client = signed_in()
    address = reverse("patient-progress", kwargs={"code": patient.code})
    assert "data-running" in client.get(address).content.decode()
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, lease_until=None)
    ended = client.get(address).content.decode()
    assert "data-running" not in ended
    assert "Show the results" in ended
    assert not AuditEvent.objects.filter(patient=patient).exists()


def test_the_page_carries_no_style_attribute_and_no_inline_code() -> None:
    html = page_of(factories.followed_patient(nodules=2))
    assert " style=" not in html
    assert not re.findall(r"<script(?![^>]*(?:src=|application/json))", html)
    assert not re.findall(r"\son[a-z]+=", html)


def test_queries_do_not_grow_with_nodules_exams_and_runs() -> None:
    def queries(patient: Patient) -> int:
        client = signed_in()
        page_of(patient, client)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            page_of(patient, client)
        return len(captured)

    few = factories.followed_patient(nodules=1, exams=2)
    many = factories.followed_patient(nodules=6, exams=5)
    for kind in RunKind:
        factories.run(many, kind)
    assert queries(few) == queries(many) <= 38


def test_the_risk_models_stand_beside_what_is_known() -> None:
    said = words(page_of(factories.followed_patient()).split('id="risk"')[1].split("</section>")[0])
    assert "Mayo 38 %" in said


def test_chinese_pages_say_the_management_in_chinese() -> None:
    patient = factories.followed_patient()
    html = page_of(patient, signed_in(language="zh-hans"))
    assert 'lang="zh-Hans"' in html
    assert "6-12个月复查CT" in html
    assert "2027-05-18" in words(html)
