"""What if: the answers of a typed or a real case, the ladders along its sizes, and what bad input is told."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodules_app.clinical.assess import assess
from nodules_app.clinical.case import Case
from nodules_app.clinical.codec import case_from_json
from nodules_app.forms import what_if_case as cases
from nodules_app.models import Assessment, AuditEvent, Patient, Role, Scan
from nodules_app.services.ladders import GUIDELINES, Ladder
from nodules_app.services.what_if import ask
from tests import factories
from tests.integration.browsing import signed_in, words
from tests.integration.test_replay import assessed_patient, store

pytestmark = pytest.mark.django_db

GROWING: dict[str, str] = {
    "e0_on": "2025-11-17",
    "e0_volume_mm3": "301",
    "e1_on": "2026-11-18",
    "e1_volume_mm3": "541",
    "e1_volume_sd_mm3": "50",
    "e1_long_axis_mm": "10.4",
    "e1_short_axis_mm": "9.8",
    "age": "68",
    "sex": "male",
    "smoking": "current",
    "lobe": "RUL",
    "margin": "spiculated",
}


def page(query: Mapping[str, str], client: Client | None = None, name: str = "what-if") -> HttpResponse:
    answer = (client or signed_in()).get(reverse(name), dict(query))
    assert isinstance(answer, HttpResponse)
    return answer


def of_patient(patient: Patient, client: Client | None = None, name: str = "patient-what-if", **query: str) -> str:
    answer = (client or signed_in()).get(reverse(name, kwargs={"code": patient.code}), query)
    assert answer.status_code == 200
    return answer.content.decode()


def built(**answers: str) -> Case:
    """Build the case that the form builds from nothing and these answers."""
    case = cases.changed(cases.from_nothing(date(2026, 11, 21)), "N1", answers)
    return case_from_json(json.dumps(case))


def ladder(case: Case, quantity: str) -> Ladder:
    return next(one for one in ask(case, "N1").ladders if one.quantity == quantity)


def cards(html: str) -> dict[str, str]:
    """The words of each guideline's card."""
    articles = re.findall(r'<article class="rec".*?</article>', html, re.DOTALL)
    told = {}
    for article in articles:
        heading = re.search(r"<h3>(.*?)</h3>", article)
        assert heading
        told[heading[1]] = words(article)
    return told


# ------------------------------------------------------------------ the ladder says what the core says


def test_the_boundaries_of_growth_are_where_the_published_doubling_times_are() -> None:
    """From 301 mm3 over 366 days: 25 % is 376.25; a VDT of 600 and of 400 days are 459.4 and 567.5 mm3."""
    strips = {strip.guideline: strip for strip in ladder(built(**GROWING), "volume_mm3").strips}
    zones = [(zone.low, zone.management) for zone in strips["BTS2015"].zones]
    assert zones == [
        (None, "bts_discharge"),
        (Decimal(377), "bts_discharge_or_annual_ct"),
        (Decimal(460), "bts_biopsy_or_annual_ct"),
        (Decimal(568), "bts_workup"),
    ]
    assert strips["FLEISCHNER2017"].zones[1].low == Decimal(377)


@pytest.mark.parametrize("quantity", ["volume_mm3", "mean_diameter_mm"])
def test_on_both_sides_of_every_boundary_the_core_gives_the_zone_s_answer(quantity: str) -> None:
    case = built(**GROWING)
    told = ladder(case, quantity)
    step = Decimal(1) if quantity == "volume_mm3" else Decimal("0.1")
    checked = 0
    for strip in told.strips:
        for below, zone in zip(strip.zones, strip.zones[1:], strict=False):
            assert zone.low is not None
            assert answer(case, strip.guideline, quantity, zone.low) == zone.management != below.management
            assert answer(case, strip.guideline, quantity, zone.low - step) == below.management
            assert strip.here(zone.low) is zone
            assert strip.here(zone.low - step) is below
            checked += 1
    assert checked >= 4


def answer(case: Case, guideline: str, quantity: str, size: Decimal) -> str:
    """Ask the core itself about the case with another size of its nodule."""
    (nodule,) = case.nodules
    now = nodule.measurements[-1]
    if quantity == "volume_mm3":
        now = replace(now, volume_mm3=size)
    else:
        now = replace(now, long_axis_mm=size, short_axis_mm=size)
    changed = replace(nodule, measurements=(*nodule.measurements[:-1], now))
    (result,) = assess(replace(case, nodules=(changed,), guidelines=(guideline,))).results
    return result.management


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first_mm3=st.integers(20, 900),
    volume_mm3=st.integers(20, 2_500),
    tenths_mm=st.integers(30, 320),
    setting=st.sampled_from(["incidental", "screening"]),
    attenuation=st.sampled_from(["solid", "part_solid", "ground_glass"]),
    first_on=st.dates(date(2023, 1, 1), date(2026, 9, 1)),
)
def test_wherever_one_stands_on_a_ladder_it_says_what_the_core_says(
    first_mm3: int, volume_mm3: int, tenths_mm: int, setting: str, attenuation: str, first_on: date
) -> None:
    """No boundary is missing: a size of any case lies in the zone of its own answer."""
    size_mm = str(Decimal(tenths_mm) / 10)
    sizes = {"e1_volume_mm3": str(volume_mm3), "e1_long_axis_mm": size_mm, "e1_short_axis_mm": size_mm}
    earlier = {"e0_on": first_on.isoformat(), "e0_volume_mm3": str(first_mm3)}
    case = built(**sizes, **earlier, setting=setting, attenuation=attenuation, age="60", smoking="former")
    told = ask(case, "N1")
    said = {one.guideline: one.result["management"] for one in told.answers}
    for one in told.ladders:
        for strip in one.strips:
            assert strip.here(one.size).management == said[strip.guideline], (one.quantity, strip)
            assert [zone.high for zone in strip.zones[:-1]] == [zone.low for zone in strip.zones[1:]]


def test_the_nearest_boundary_is_the_flip_of_the_answer() -> None:
    case = built(**GROWING)
    said = next(one for one in ask(case, "N1").answers if one.guideline == "BTS2015")
    strip = next(one for one in ladder(case, "volume_mm3").strips if one.guideline == "BTS2015")
    larger = next(flip for flip in said.result["flips"] if flip["change"].startswith("+"))
    here = strip.here(Decimal(541))
    assert here.management == said.result["management"]
    assert here.high == 541 + Decimal(larger["change"])


def test_a_guideline_that_reads_the_largest_diameter_has_a_ladder_of_it() -> None:
    case = built(e1_long_axis_mm="9.0", e1_short_axis_mm="5.0", age="60", smoking="never")
    told = {one.quantity: {strip.guideline for strip in one.strips} for one in ask(case, "N1").ladders}
    assert "BTS2015" in told["long_axis_mm"]
    assert "FLEISCHNER2017" in told["mean_diameter_mm"]
    strip = next(one for one in ladder(case, "long_axis_mm").strips if one.guideline == "BTS2015")
    assert Decimal("5.0") in {zone.low for zone in strip.zones}  # BTS 2015: below 5 mm no follow-up


def test_a_part_solid_nodule_has_a_ladder_of_its_solid_part() -> None:
    case = built(attenuation="part_solid", e1_long_axis_mm="12", e1_short_axis_mm="10", e1_solid_mean_mm="4")
    strips = {strip.guideline for strip in ladder(case, "solid_mean_mm").strips}
    assert "FLEISCHNER2017" in strips
    errors = built(attenuation="part_solid", e1_long_axis_mm="12", e1_solid_mean_mm="4", e1_solid_sd_mm="0.5")
    assert ladder(errors, "solid_mean_mm").interval_95 == (Decimal("3.02"), Decimal("4.98"))


def test_the_interval_counts_the_boundaries_inside_it() -> None:
    told = ladder(built(**GROWING), "volume_mm3")
    assert told.interval_95 == (Decimal(443), Decimal(639))
    crossed = {strip.guideline: strip.boundaries(*told.interval_95) for strip in told.strips}
    assert crossed == {"FLEISCHNER2017": 0, "BTS2015": 2}
    without = ladder(built(**(GROWING | {"e1_volume_sd_mm3": ""})), "volume_mm3")
    assert without.interval_95 is None


# ------------------------------------------------------------------ from nothing


def test_every_guideline_with_tables_answers_side_by_side() -> None:
    html = page(GROWING).content.decode()
    told = cards(html)
    assert len(told) == len(GUIDELINES) == 7
    assert "Consider biopsy or yearly CT" in told["BTS 2015"]
    assert "BTS2015.FU.12M.GROWTH.400-600" in told["BTS 2015"]
    assert "Could go either way" in told["BTS 2015"]
    assert "Rests on memory" in told["China 2024"]
    assert "Not applicable" in told["Lung-RADS v2022"]
    assert list(told)[-1] != "BTS 2015"  # what does not apply stands last


def test_the_drawing_has_the_numbers_of_the_table() -> None:
    html = page(GROWING).content.decode()
    found = re.search(r'<script id="ladder-0-figure"[^>]*>(.*?)</script>', html, re.DOTALL)
    assert found
    figure = json.loads(found[1])
    limits = {note["text"] for note in figure["layout"]["annotations"] if note["name"] == "limit"}
    assert {"377", "460", "568"} <= limits
    assert figure["data"][-1]["error_x"]["array"] == [98.0]
    shown = words(html)
    assert "460–567 mm³ here Consider biopsy or yearly CT" in shown
    assert "2 boundaries of BTS 2015" in shown


def test_risk_models_say_whether_they_fit_and_why_not() -> None:
    shown = words(page(GROWING | {"emphysema": "no", "family_history_lung_cancer": "no"}).content.decode())
    assert re.search(
        r"Brock 2b 1\d % outside the people it was made for: made for screening; made for the first", shown
    )
    assert re.search(r"Mayo \d\d % fits", shown)
    assert "Needs: PET uptake" in shown


def test_an_empty_form_asks_for_a_size_and_answers_nothing() -> None:
    answer = page({})
    assert answer.status_code == 200
    assert "Give a volume or a long axis" in words(answer.content.decode())
    assert 'class="rec"' not in answer.content.decode()


def test_an_earlier_exam_without_sizes_means_that_the_nodule_is_new() -> None:
    case = built(e0_on="2025-11-17", e1_volume_mm3="250", setting="screening")
    assert [exam.kind for exam in case.exams] == ["baseline", "annual"]
    assert [measurement.date for measurement in case.nodules[0].measurements] == [date(2026, 11, 21)]
    soon = built(e0_on="2026-08-17", e0_volume_mm3="240", e1_volume_mm3="250", setting="screening")
    assert [exam.kind for exam in soon.exams] == ["baseline", "interval"]


def test_full_width_digits_are_digits() -> None:
    assert "CT" in words(page({"e1_volume_mm3": "１２０"}).content.decode())


# ------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ("asked", "field", "said"),
    [
        ({"e1_long_axis_mm": "6,5"}, "e1_long_axis_mm", "N1: Long axis is not a number: 6,5."),
        ({"e1_volume_mm3": "0"}, "e1_volume_mm3", "N1: Volume cannot be 0; it must be larger than 0."),
        ({"e0_on": "2023-02-29", "e1_volume_mm3": "90"}, "e0_on", "Earlier exam: Date 2023-02-29 is not a date"),
        ({"e1_on": "", "e1_volume_mm3": "90"}, "e1_on", "Date is missing or empty"),
        ({"e0_volume_mm3": "90"}, "e0_on", "Earlier exam: Date is missing or empty"),
        ({"e1_long_axis_mm": "5", "e1_short_axis_mm": "7"}, "e1_short_axis_mm", "Short axis 7 is larger than Long"),
        ({"lobe": "middle", "e1_volume_mm3": "90"}, "lobe", "Lobe has no value middle"),
        ({"age": "-3", "e1_volume_mm3": "90"}, "age", "Person: Age cannot be -3"),
        ({"nodule_count": "1.5", "e1_volume_mm3": "90"}, "nodule_count", "Case: Number of nodules cannot be 1.5"),
        ({"e1_volume_mm3": "90", "e1_volume_sd_mm3": "x"}, "e1_volume_sd_mm3", "Volume is not a number: x"),
        ({"emphysema": "maybe", "e1_volume_mm3": "90"}, "emphysema", "Emphysema has no value maybe"),
    ],
)
def test_what_cannot_be_true_is_said_once_at_its_question(asked: dict[str, str], field: str, said: str) -> None:
    answer = page(asked)
    html = answer.content.decode()
    assert answer.status_code == 422
    summary = re.search(r'<div class="error-summary".*?</div>', html, re.DOTALL)
    assert summary
    assert summary[0].count("<li>") == 1
    assert f'href="#id_{field}"' in summary[0]
    assert said in words(summary[0])
    assert 'class="rec"' not in html


def test_the_no_is_said_in_chinese_too() -> None:
    shown = words(page({"e1_long_axis_mm": "6,5"}, signed_in(language="zh-hans")).content.decode())
    assert "N1：长径 不是数字：6,5。" in shown


def test_what_somebody_wrote_is_shown_as_text_and_never_as_mark_up() -> None:
    html = page({"e1_volume_mm3": "<script>alert(1)</script>", "nodule": "<b>"}).content.decode()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


# ------------------------------------------------------------------ from a patient's real numbers


def test_an_untouched_form_asks_exactly_what_was_measured() -> None:
    patient = assessed_patient()
    stored = Assessment.objects.filter(patient=patient).latest("pk")
    start = copy.deepcopy(stored.inputs)
    assert cases.changed(start, "N1", {}) == stored.inputs == start
    html = of_patient(patient)
    assert "Was:" not in words(html)
    assert "data-changed" not in html
    said = next(row for row in Assessment.objects.filter(patient=patient) if row.guideline == "BTS2015")
    assert said.rule_id in cards(html)["BTS 2015"]


def test_a_changed_size_is_marked_and_so_is_the_answer_that_changed() -> None:
    patient = assessed_patient()
    html = of_patient(patient, e1_volume_mm3="600")
    told = cards(html)
    assert "Changed" in told["BTS 2015"]
    assert "Was: Consider biopsy or yearly CT" in told["BTS 2015"]
    assert "Changed" not in told["Fleischner 2017"]
    shown = words(html)
    assert "before: 541" in shown
    assert "1 changed" in shown
    assert "measured 541 mm\\u00b3" in html  # in the drawing
    assert Assessment.objects.filter(patient=patient).count() == 3  # nothing was saved


def test_the_stored_answers_are_asked_again_beside_it() -> None:
    shown = words(of_patient(assessed_patient()))
    assert shown.count("Identical") == 3


def test_the_look_is_recorded_with_the_page_and_not_with_every_letter() -> None:
    patient = assessed_patient()
    client = signed_in()
    of_patient(patient, client)
    seen = AuditEvent.objects.filter(patient=patient, verb="patient.seen").count()
    of_patient(patient, client, "patient-what-if-answers", e1_volume_mm3="600")
    assert seen == 1
    assert AuditEvent.objects.filter(patient=patient, verb="patient.seen").count() == 1


def test_the_fragment_is_what_the_page_shows() -> None:
    patient = assessed_patient()
    fragment = of_patient(patient, name="patient-what-if-answers", e1_volume_mm3="600")
    assert cards(fragment) == cards(of_patient(patient, e1_volume_mm3="600"))
    assert 'data-summary="' in fragment
    assert "1 answer changed." in fragment


def test_another_nodule_can_be_chosen_and_an_unknown_one_is_not() -> None:
    patient = assessed_patient()
    exam = Scan.objects.filter(study__patient=patient).latest("study__acquired_on")
    with transaction.atomic():  # until the open review covers it too, it would be lost
        second = factories.nodule(patient, covered=False)
        patient.follow_ups.get().nodules.add(second)
    factories.measurement(factories.finding(second, exam, (30.0, 0.0, 0.0)), 90.0)
    store(patient)
    html = of_patient(patient, nodule="N2")
    assert 'name="nodule" value="N2"' in html
    assert 'name="e1_volume_mm3" value="90"' in html
    assert 'name="nodule" value="N1"' in of_patient(patient, nodule="N9")


def test_a_patient_whom_no_guideline_was_asked_about_says_so() -> None:
    patient = factories.patient()
    assert "No guideline was asked about this patient yet" in words(of_patient(patient))
    assert of_patient(patient, name="patient-what-if-answers")


# ------------------------------------------------------------------ the case that is built


REAL: dict[str, Any] = {
    "id": "1",
    "setting": "screening",
    "patient": {"birth_date": "1958-03-14", "smoking": {"status": "former", "quit_years": "5"}},
    "exams": [{"date": "2025-11-17", "kind": "baseline"}, {"date": "2026-11-18", "kind": "annual"}],
    "nodules": [
        {
            "id": "N1",
            "attenuation": "solid",
            "measurements": [
                {"date": "2025-11-17", "volume_mm3": "300", "attenuation": "solid"},
                {
                    "date": "2026-11-18",
                    "volume_mm3": "541",
                    "long_axis_mm": "10.4",
                    "short_axis_mm": "9.8",
                    "mean_diameter_mm": "10.1",
                    "attenuation": "solid",
                    "sd": {"volume_mm3": "50"},
                },
            ],
        },
        {"id": "N2", "attenuation": "solid", "measurements": [{"date": "2026-11-18", "resolved": True}]},
    ],
}


def test_what_the_form_shows_is_what_the_case_says() -> None:
    told = cases.as_told(REAL, "N1")
    assert (told["e1_volume_mm3"], told["e1_volume_sd_mm3"], told["e0_long_axis_mm"]) == ("541", "50", "")
    assert (told["age"], told["smoking"], told["quit_years"], told["size_basis"]) == ("68", "former", "5", "auto")
    assert "e1_mean_diameter_mm" not in told  # both axes are there: the mean plays no part


def test_an_exam_moves_with_everything_that_was_measured_on_it() -> None:
    moved = cases.changed(REAL, "N1", {"e1_on": "2027-01-05"})
    assert moved["exams"][1]["date"] == "2027-01-05"
    assert [one["measurements"][-1]["date"] for one in moved["nodules"]] == ["2027-01-05"] * 2
    case_from_json(json.dumps(moved))


def test_an_age_takes_the_place_of_the_birth_date_and_an_empty_answer_takes_the_fact_away() -> None:
    changed = cases.changed(REAL, "N1", {"age": "50", "quit_years": ""})
    assert changed["patient"] == {"smoking": {"status": "former"}, "age": "50"}


def test_new_axes_make_the_old_mean_void() -> None:
    entry = cases.changed(REAL, "N1", {"e1_long_axis_mm": "12"})["nodules"][0]["measurements"][1]
    assert "mean_diameter_mm" not in entry
    assert entry["long_axis_mm"] == "12"


def test_a_size_of_a_resolved_nodule_makes_it_present_and_a_density_is_that_of_the_current_exam() -> None:
    changed = cases.changed(REAL, "N2", {"e1_volume_mm3": "80", "attenuation": "ground_glass"})
    assert changed["nodules"][1]["measurements"] == [{"date": "2026-11-18", "volume_mm3": "80"}]
    denser = cases.changed(REAL, "N1", {"attenuation": "ground_glass"})["nodules"][0]
    assert [entry["attenuation"] for entry in denser["measurements"]] == ["solid", "ground_glass"]


def test_flags_of_person_and_place_are_written_as_the_contract_has_them() -> None:
    changed = cases.changed(REAL, "N1", {"emphysema": "yes", "copd": "no", "perifissural": "yes"})
    assert changed["patient"]["emphysema"] is True
    assert changed["patient"]["copd"] is False
    assert changed["nodules"][0]["location"] == {"perifissural": True}
    assert cases.changed(changed, "N1", {"emphysema": ""})["patient"].get("emphysema") is None


# ------------------------------------------------------------------ who may, and how it is sent


@pytest.mark.parametrize("name", ["what-if", "what-if-answers"])
def test_a_stranger_is_sent_to_the_sign_in_page(name: str) -> None:
    assert page({}, Client(), name).headers["Location"].startswith(reverse("sign-in"))


@pytest.mark.parametrize("name", ["patient-what-if", "patient-what-if-answers"])
def test_a_stranger_sees_no_patient_s_numbers(name: str) -> None:
    answer = Client().get(reverse(name, kwargs={"code": assessed_patient().code}))
    assert answer.headers["Location"].startswith(reverse("sign-in"))


def test_a_manager_may_look_and_nobody_may_write_by_it() -> None:
    patient = assessed_patient()
    assert of_patient(patient, signed_in(Role.MANAGER))
    assert signed_in().post(reverse("what-if")).status_code == 405


def test_the_page_keeps_the_strict_policy() -> None:
    html = page(GROWING).content.decode()
    assert not re.search(r"\sstyle=", html)
    assert not re.search(r"\son\w+=", html)
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)(?![^>]*application/json)", html)
    assert "{#" not in html
    assert 'aria-current="page"' in html[html.index('<nav class="side"') :]


def test_the_patient_s_page_leads_here() -> None:
    patient = assessed_patient()
    html = signed_in().get(reverse("patient", kwargs={"code": patient.code})).content.decode()
    assert html.count(reverse("patient-what-if", kwargs={"code": patient.code})) == 2
