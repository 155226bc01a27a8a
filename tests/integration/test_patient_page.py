"""The page of one patient, the slices of a scan and the two ways to decide, over HTTP against a real database."""

from __future__ import annotations

import io
import json
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image

from nodules_app.clinical.growth import classify_vdt
from nodules_app.forms.patients import YES_NO
from nodules_app.lifecycles import FollowUpState, RunState
from nodules_app.models import (
    AuditEvent,
    Closure,
    Decision,
    FollowUp,
    Nodule,
    Patient,
    RiskFactors,
    Role,
    Run,
    RunKind,
)
from nodules_app.templatetags.recommendations import VDT_LIMITS_DAYS
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: LazySettings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


def signed_in(role: Role = Role.RADIOLOGIST, language: str = "en") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(factories.member(role))
    return client


def page_of(patient: Patient, client: Client | None = None, query: str = "") -> str:
    response = (client or signed_in()).get(reverse("patient", kwargs={"code": patient.code}) + query)
    assert response.status_code == 200
    return response.content.decode()


def words(html: str) -> str:
    """The page as a reader sees it: no tags, single spaces."""
    without_scripts = re.sub(r"<script.*?</script>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", without_scripts))


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
    assert (event.by.role, event.facts) == (Role.RADIOLOGIST, {"page": "overview"})


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
    Closure.objects.create(patient=patient, reason="Moved to another clinic.", by=factories.member())
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
    assert "this page says nothing about whether there are some" in words(page_of(patient))
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
    assert queries(few) == queries(many) <= 28


def test_the_risk_models_stand_beside_what_is_known() -> None:
    said = words(page_of(factories.followed_patient()).split('id="risk"')[1].split("</section>")[0])
    assert "Mayo 38 %" in said


def test_chinese_pages_say_the_management_in_chinese() -> None:
    patient = factories.followed_patient()
    html = page_of(patient, signed_in(language="zh-hans"))
    assert 'lang="zh-Hans"' in html
    assert "6-12个月复查CT" in html
    assert "2027-05-18" in words(html)


# ------------------------------------------------------------------ deciding


def test_signing_plans_the_step_and_keeps_who_decided() -> None:
    patient = factories.followed_patient()
    step = patient.follow_ups.get()
    client = signed_in()
    response = client.post(reverse("accept", kwargs={"code": step.code}), follow=True)
    assert "Signed. The step is planned" in words(response.content.decode())
    step.refresh_from_db()
    assert (step.state, str(step.owner)[:6]) == (FollowUpState.PLANNED, "Reader")
    decision = Decision.objects.get()
    assert (decision.management, decision.overrides) == (step.management, False)
    assert "Signed by Reader" in words(response.content.decode())


def test_signing_twice_says_that_somebody_was_quicker() -> None:
    patient = factories.followed_patient()
    address = reverse("accept", kwargs={"code": patient.follow_ups.get().code})
    client = signed_in()
    client.post(address)
    response = client.post(address, follow=True)
    assert "Somebody was quicker" in words(response.content.decode())
    assert Decision.objects.count() == 1


def otherwise(**told: str) -> dict[str, str]:
    ordinary = {
        "kind": "ct",
        "management": "clinician_choice",
        "due_from": "2027-01-10",
        "due_until": "2027-01-20",
        "reason": "The patient is abroad until January.",
    }
    return ordinary | told


def test_choosing_otherwise_keeps_the_reason_and_closes_the_proposal() -> None:
    patient = factories.followed_patient()
    proposed = patient.follow_ups.get()
    client = signed_in()
    response = client.post(reverse("override", kwargs={"code": proposed.code}), otherwise(), follow=True)
    planned = FollowUp.objects.get(state=FollowUpState.PLANNED)
    assert (planned.due_from, planned.due_until) == (date(2027, 1, 10), date(2027, 1, 20))
    assert planned.target_on == date(2027, 1, 15)
    assert list(planned.nodules.all()) == list(patient.nodules.all())
    proposed.refresh_from_db()
    assert proposed.state == FollowUpState.CLOSED
    assert "The patient is abroad until January." in words(response.content.decode())


def test_days_are_written_and_read_so_that_no_day_can_be_a_month() -> None:
    patient = factories.followed_patient()
    step = patient.follow_ups.get()
    address = reverse("override", kwargs={"code": step.code})
    client = signed_in()
    assert 'value="18-May-2027"' in client.get(address).content.decode()
    assert 'value="2027-05-18"' in signed_in(language="zh-hans").get(address).content.decode()
    told = otherwise(due_from="10-Jan-2027", due_until="20-Jan-2027")
    assert client.post(address, told).status_code == 302


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"reason": ""}, "Say why; the reason is kept with the decision."),
        ({"due_until": "2027-01-01"}, "The last day lies before the first one."),
        ({"due_from": "2027-02-30"}, "Enter a valid date"),
        ({"due_from": "01/02/2027"}, "Enter a valid date"),  # nobody can tell the day from the month
    ],
)
def test_a_choice_without_reason_or_order_is_given_back(told: dict[str, str], said: str) -> None:
    patient = factories.followed_patient()
    response = signed_in().post(reverse("override", kwargs={"code": patient.follow_ups.get().code}), otherwise(**told))
    assert response.status_code == 422
    assert said in words(response.content.decode())
    assert not Decision.objects.exists()


# ------------------------------------------------------------------ risk factors


UNKNOWN = dict.fromkeys(YES_NO, "unknown") | {"setting": "incidental", "smoking": "unknown"}


def test_risk_factors_make_a_new_dated_row_and_ask_the_guidelines_again() -> None:
    patient = factories.patient()
    RiskFactors.objects.create(patient=patient, facts={"race": "white", "emphysema": True})
    client = signed_in(Role.COORDINATOR)
    told = UNKNOWN | {
        "setting": "screening",
        "smoking": "former",
        "pack_years": "３２.5",
        "quit_years": "6",
        "copd": "no",
    }
    response = client.post(reverse("risk-factors", kwargs={"code": patient.code}), told)
    assert response.status_code == 302
    first, second = RiskFactors.objects.order_by("pk")
    assert first.facts == {"race": "white", "emphysema": True}
    assert second.facts == {
        "race": "white",
        "smoking": {"status": "former", "pack_years": "32.5", "quit_years": "6"},
        "copd": False,
    }
    patient.refresh_from_db()
    assert patient.setting == "screening"
    assert Run.objects.filter(patient=patient, kind=RunKind.ASSESS, state=RunState.QUEUED).count() == 1


def test_the_form_begins_with_what_is_known() -> None:
    patient = factories.patient()
    RiskFactors.objects.create(patient=patient, facts={"smoking": {"status": "former", "pack_years": "32"}})
    html = signed_in().get(reverse("risk-factors", kwargs={"code": patient.code})).content.decode()
    assert '<option value="former" selected>' in html
    assert 'value="32"' in html


def test_pack_years_of_a_never_smoker_are_given_back() -> None:
    patient = factories.patient()
    told = UNKNOWN | {"smoking": "never", "pack_years": "10"}
    response = signed_in().post(reverse("risk-factors", kwargs={"code": patient.code}), told)
    assert response.status_code == 422
    assert "never smoked" in words(response.content.decode())


# ------------------------------------------------------------------ crops, slices, marking


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
    assert finding.by.role == Role.RADIOLOGIST
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


def test_what_a_reader_calls_no_nodule_leaves_the_curve_and_can_come_back() -> None:
    patient = factories.followed_patient(nodules=2)
    second = patient.nodules.get(number=2)
    client = signed_in()
    html = client.post(reverse("reject-nodule", kwargs={"code": second.code}), follow=True).content.decode()
    second.refresh_from_db()
    assert second.state == "not_a_nodule"
    figure = json.loads(re.search(r'id="volumes-figure" type="application/json">(.*?)</script>', html).group(1))
    assert [trace["name"] for trace in figure["data"]] == ["N1"]
    assert "not a nodule" in words(html)
    page = page_of(patient, client, "?nodule=N2")
    assert reverse("reopen-nodule", kwargs={"code": second.code}) in page
    client.post(reverse("reopen-nodule", kwargs={"code": second.code}))
    second.refresh_from_db()
    assert second.state == "active"
    assert second.follow_ups.filter(kind="review", state=FollowUpState.PROPOSED).exists()
    assert signed_in(Role.COORDINATOR).post(reverse("reject-nodule", kwargs={"code": second.code})).status_code == 403


def test_refused_work_can_be_asked_for_again_from_the_page() -> None:
    patient = factories.patient()
    run = factories.run(patient, RunKind.LUNGS, RunState.REFUSED, scan=factories.scan(patient))
    client = signed_in()
    address = reverse("run-again", kwargs={"code": run.code})
    assert address in page_of(patient, client)
    response = client.post(address, {"patient": "1"})
    assert response.headers["Location"] == reverse("patient", kwargs={"code": patient.code})
    run.refresh_from_db()
    assert run.state == RunState.QUEUED
