"""Where a nodule is going: on the patient's page, in the timeline, beside the slots; never in a guideline's answer."""

from __future__ import annotations

import json
import math
import re
from datetime import date, timedelta

import pytest
from django.urls import reverse

from inference.estimate import Estimate
from inference.forecast import History, Seen, forecast
from nodules_app.models import Assessment, FollowUp, Patient, Role
from nodules_app.selectors.timeline import timeline
from nodules_app.services.forecast import forecasts, step_too_early
from tests import factories
from tests.integration.browsing import page_of, signed_in, words

pytestmark = pytest.mark.django_db


def test_the_forecast_is_that_of_the_core_over_every_scan_of_one_scale() -> None:
    patient = factories.followed_patient(exams=3)
    nodule = patient.nodules.get()
    extra = factories.scan(patient, factories.CURRENT_ON - timedelta(days=800))
    factories.measurement(factories.finding(nodule, extra), 90.0, method="caliper")  # on another scale
    shown = forecasts(timeline(patient))[nodule.label]
    days = [factories.CURRENT_ON - timedelta(days=183 * back) for back in (2, 1, 0)]
    volumes = [300.0, 480.0, 768.0]
    scans = (Seen(on.toordinal(), Estimate(volume, 0.09 * volume)) for on, volume in zip(days, volumes, strict=True))
    expected = forecast(History(tuple(scans), "solid"))
    until = factories.CURRENT_ON + timedelta(days=200)
    assert shown.scans == 3
    assert shown.expected_mm3(until).median_mm3 == pytest.approx(expected.volume_mm3(until.toordinal(), 0.5))


def test_a_scan_that_may_not_be_compared_is_left_out() -> None:
    patient = factories.followed_patient()
    patient.comparisons.update(grade="D")
    (shown,) = forecasts(timeline(patient)).values()
    assert shown.scans == 1


def test_scans_of_two_protocols_share_no_error() -> None:
    patient = factories.followed_patient()
    sure = forecasts(timeline(patient))["N1"]
    patient.comparisons.update(extra_relative_error=0.2)
    unsure = forecasts(timeline(patient))["N1"]
    assert unsure.course.history.protocol_relative_error == pytest.approx(0.2 / math.sqrt(2))
    assert unsure.course.probability_of("growing") < sure.course.probability_of("growing")


def test_a_nodule_that_the_latest_scan_does_not_measure_has_no_forecast() -> None:
    patient = factories.followed_patient()
    latest = factories.scan(patient, factories.CURRENT_ON + timedelta(days=90))
    factories.refused_measurement(factories.finding(patient.nodules.get(), latest))
    assert forecasts(timeline(patient)) == {}


def test_a_part_solid_nodule_has_a_course_of_its_solid_part_too() -> None:
    nodule = factories.nodule(factories.patient())
    seen = factories.finding(nodule, factories.scan(nodule.patient))
    factories.measurement(seen, 800.0, attenuation="part_solid", solid_mean_diameter_mm=5.0)
    shown = forecasts(timeline(nodule.patient))["N1"]
    kinds = [one.kind for one in shown.passings([factories.CURRENT_ON + timedelta(days=365)])]
    assert kinds.count("solid_part") == 2


def test_the_page_says_what_a_ct_could_tell_beside_the_plan_and_in_the_row() -> None:
    patient = factories.followed_patient(ratio=1.05)
    text = words(page_of(patient))
    assert "What a CT on 18-Jun-2027 could tell" in text
    assert "The guideline's window stands." in text
    assert text.count("tell growth from noise") >= 3  # beside the plan, in the row, beside the curve
    assert "Limits that it may pass" in text
    assert "doubling in less than 400 days" in text
    assert "a quarter larger than on the last CT" in text


def test_chinese_readers_are_told_in_chinese() -> None:
    patient = factories.followed_patient(ratio=1.05)
    client = signed_in()
    client.cookies["django_language"] = "zh-hans"
    html = client.get(reverse("patient", kwargs={"code": patient.code})).content.decode()
    assert "could not tell growth" not in html
    assert "预测" in html


def test_the_timeline_draws_the_band_of_the_forecast() -> None:
    patient = factories.followed_patient()
    html = signed_in().get(reverse("timeline", kwargs={"code": patient.code})).content.decode()
    found = re.search(r'<script id="story-figure" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    (line,) = [one for one in json.loads(found[1])["data"] if one.get("line", {}).get("dash") == "dot"]
    assert line["x"][0] == factories.CURRENT_ON.isoformat()
    assert line["x"][-1] == "2027-08-18"  # the end of the window that is owed
    low, high = map(float, line["customdata"][-1].split("–"))
    assert low < line["y"][-1] < high


def planned(ratio: float) -> tuple[Patient, FollowUp]:
    patient = factories.followed_patient(ratio=ratio)
    return patient, patient.follow_ups.get(target_on=date(2027, 6, 18))


def test_a_slot_before_growth_could_show_is_told_of_and_given_all_the_same() -> None:
    patient, step = planned(1.0)
    could = forecasts(timeline(patient))["N1"].could_tell_on
    assert could
    assert [one.label for one in step_too_early(step, could - timedelta(days=1))] == ["N1"]
    assert step_too_early(step, could) == ()


def test_the_booking_page_says_so() -> None:
    _patient, step = planned(1.0)
    answer = signed_in(Role.COORDINATOR).get(reverse("book", kwargs={"code": step.code}))
    assert answer.status_code == 200
    assert answer.context["too_early"] == ()  # no calendar is set up, so no day is chosen


def test_looking_at_a_forecast_changes_no_answer() -> None:
    patient = factories.followed_patient(ratio=1.05)
    before = list(Assessment.objects.order_by("pk").values_list("answer", flat=True))
    page_of(patient)
    assert list(Assessment.objects.order_by("pk").values_list("answer", flat=True)) == before
