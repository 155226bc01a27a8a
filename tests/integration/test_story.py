"""A patient's whole story on one page: every lane, the change between any two exams, and the same for few and many."""

from __future__ import annotations

import json
import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from psycopg2.extras import DateTimeTZRange

from nodules_app.models import (
    Appointment,
    Assessment,
    Decision,
    DecisionTakenBack,
    FollowUpKind,
    MdtCase,
    OutcomeKind,
    Patient,
    Resource,
    ResourceKind,
    Role,
    User,
)
from nodules_app.services import endings, follow_ups
from nodules_app.services.mdt import cases, outcomes
from nodules_app.services.mdt.meetings import plan_meeting
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)

FIRST, SECOND, THIRD = date(2025, 5, 2), date(2025, 11, 1), date(2026, 5, 3)


@pytest.fixture
def patient() -> Patient:
    """Three scans that nobody compared, with a nodule that doubles, one missed appointment, one answer."""
    nodule = factories.nodule(factories.patient())
    for on, volume_mm3 in ((FIRST, 200.0), (SECOND, 300.0), (THIRD, 450.0)):
        seen = factories.finding(nodule, factories.scan(nodule.patient, on))
        factories.measurement(seen, volume_mm3)
    answer = factories.assessment(
        nodule.patient, factories.result("FLEISCHNER2017", "ct_6_12m_then_18_24m", "X"), exam_on=THIRD
    )
    today = timezone.localdate()
    window = (today - timedelta(days=60), today - timedelta(days=45), today - timedelta(days=30))
    step = follow_ups.propose(assessment=answer, kind=FollowUpKind.CT, window=window, nodules=[nodule])
    assert step
    physician = factories.member(Role.PHYSICIAN)
    follow_ups.accept(follow_up=step, by=physician)
    follow_ups.book(step, on=window[1], by=physician)
    follow_ups.miss(step, by=physician, because="Did not come; the telephone was off.")
    return nodule.patient


def shown(patient: Patient, query: str = "") -> str:
    answer = signed_in().get(reverse("timeline", kwargs={"code": patient.code}) + query)
    assert answer.status_code == 200
    return answer.content.decode()


def figure(html: str) -> dict[str, Any]:
    found = re.search(r'<script id="story-figure" type="application/json">(.*?)</script>', html, re.DOTALL)
    assert found
    drawn: dict[str, Any] = json.loads(found.group(1))
    return drawn


def test_the_first_line_tells_the_story(patient: Patient) -> None:
    assert "3 exams in 12 months · 1 missed · 1 step open" in words(shown(patient))


def test_each_exam_volume_and_missed_day_is_drawn(patient: Patient) -> None:
    drawn = figure(shown(patient))
    curve = next(trace for trace in drawn["data"] if trace.get("name") == "N1")
    assert curve["x"] == [FIRST.isoformat(), SECOND.isoformat(), THIRD.isoformat()]
    assert curve["y"] == [200.0, 300.0, 450.0]
    told = [text for trace in drawn["data"] for text in trace.get("hovertext", [])]
    assert any("Did not come" in text and "the telephone was off" in text for text in told)
    assert any("30 days late" in text for text in told)


def test_what_people_wrote_is_no_markup(patient: Patient) -> None:
    endings.discharge(patient=patient, reason="<b>stable</b> & small", by=factories.member(Role.PHYSICIAN))
    told = [text for trace in figure(shown(patient))["data"] for text in trace.get("hovertext", [])]
    assert any("&lt;b&gt;stable&lt;/b&gt; &amp; small" in text for text in told)


def test_diameters_are_drawn_when_asked_for(patient: Patient) -> None:
    drawn = figure(shown(patient, "?measure=diameter"))
    curve = next(trace for trace in drawn["data"] if trace.get("name") == "N1")
    assert curve["y"] == pytest.approx([(6 * volume / 3.14159265) ** (1 / 3) for volume in (200, 300, 450)], abs=0.06)


def test_the_chosen_change_is_written_into_the_drawing(patient: Patient) -> None:
    told = figure(shown(patient, f"?nodule=N1&from={FIRST}&to={THIRD}"))["layout"]["annotations"]
    (segment,) = [note for note in told if note.get("name") == "segment"]
    assert segment["nodule"] == "N1"
    assert segment["text"].startswith("VDT 313 d (")


def test_each_item_names_what_produced_it(patient: Patient) -> None:
    table = words(shown(patient).split('id="everything"')[1])
    assert "Fleischner 2017, edition 2017, ruleset R1, rule FLEISCHNER2017.X" in table
    assert "Measured by star-35 1" in table


def first_screen(patient: Patient) -> str:
    return words(shown(patient).split('class="story-now"')[1].split('id="axis-title"')[0])


def test_the_first_screen_says_how_it_stands_what_changed_and_what_is_next(patient: Patient) -> None:
    told = first_screen(patient)
    assert "1 nodule · largest N1 450 mm³" in told
    assert "1 not compared N1" in told
    assert "30 days late" in told


def test_slow_growth_is_told_where_every_pair_was_compared() -> None:
    nodule = factories.nodule(factories.patient())
    found = [factories.finding(nodule, factories.scan(nodule.patient, on)) for on in (FIRST, SECOND, THIRD)]
    measured = [
        factories.measurement(seen, volume_mm3) for seen, volume_mm3 in zip(found, (200, 236, 280), strict=True)
    ]
    for step, (prior, current) in enumerate(pairwise(found)):
        pair = factories.match(factories.comparison(prior.scan, current.scan), prior, current)
        assert not factories.grown(pair, measured[step], measured[step + 1]).significant
    assert "1 grown since first measured N1 +40 % in 366 days" in first_screen(nodule.patient)
    between = words(shown(nodule.patient, f"?nodule=N1&from={FIRST}&to={THIRD}"))
    assert "+40 %" in between
    assert "were not compared with each other" not in between


def asked() -> Assessment:
    """Let a patient with one exam have a proposed answer to it."""
    nodule = factories.nodule(factories.patient())
    factories.measurement(factories.finding(nodule, factories.scan(nodule.patient, FIRST)))
    answer = factories.result("FLEISCHNER2017", "ct_6_12m_then_18_24m", "X")
    return factories.assessment(nodule.patient, answer, exam_on=FIRST)


def signed(answer: Assessment) -> Decision:
    by = factories.member(Role.PHYSICIAN)
    return Decision.objects.create(assessment=answer, management=answer.management, by=by)


@pytest.mark.parametrize("was_signed", [True, False])
def test_what_was_said_of_an_earlier_exam_is_no_answer_to_the_latest(was_signed: bool) -> None:
    answer = asked()
    if was_signed:
        signed(answer)
    factories.scan(answer.patient, timezone.localdate() + timedelta(days=1))
    told = first_screen(answer.patient)
    assert "Nobody has signed it yet" not in told
    assert ("Nothing has been signed since the latest exam" in told) is was_signed
    assert ("Nothing has been signed yet" in told) is not was_signed


def test_a_signature_that_was_taken_back_heads_nothing_and_stays_in_the_table() -> None:
    answer = asked()
    assert "Nobody has signed it yet" in first_screen(answer.patient)
    decision = signed(answer)
    assert "Signed: " in first_screen(answer.patient)
    DecisionTakenBack.objects.create(decision=decision, by=decision.by)
    html = shown(answer.patient)
    assert "Nobody has signed it yet" in first_screen(answer.patient)
    assert "Signed and taken back: " in words(html.split('id="everything"')[1])
    assert any("Signed and taken back" in text for trace in figure(html)["data"] for text in trace.get("hovertext", []))


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (FIRST, THIRD, "313 days"),  # 366 days over log2(450/200)
        (SECOND, THIRD, "+50 %"),
        (THIRD, FIRST, "the first day is not before the second"),
        (FIRST, date(2020, 1, 1), "was not measured on both days"),
    ],
)
def test_the_change_between_any_two_exams(patient: Patient, start: date, stop: date, expected: str) -> None:
    page = words(shown(patient, f"?nodule=N1&from={start}&to={stop}"))
    assert expected in page
    assert ("were not compared with each other" in page) is (start < stop and stop == THIRD)  # none ever was


def test_a_booked_slot_stands_on_its_day(patient: Patient) -> None:
    step = patient.follow_ups.get(evidence__isnull=True)
    starts_at = timezone.now() + timedelta(days=20)
    slot = DateTimeTZRange(starts_at, starts_at + timedelta(minutes=20))
    scanner = Resource.objects.create(clinic=patient.clinic, name="CT 1", kind=ResourceKind.CT)
    Appointment.objects.create(follow_up=step, resource=scanner, during=slot, by=factories.member())
    drawn = [text for trace in figure(shown(patient))["data"] for text in trace.get("hovertext", [])]
    assert any("Booked: CT 1" in text for text in drawn)


def on_the_list(patient: Patient, chair: User) -> MdtCase:
    starts_at = timezone.now() + timedelta(days=3)
    meeting = plan_meeting(
        clinic=patient.clinic, starts_at=starts_at, cut_off_at=starts_at, place="4", chair=chair, quorum=[], by=chair
    )
    return cases.put_on(patient=patient, question="Biopsy now?", by=chair, meeting=meeting)


def test_the_conference_stands_on_the_axis(patient: Patient) -> None:
    chair = factories.member(Role.CHAIR)
    case = on_the_list(patient, chair)
    assert "On the list: Biopsy now?" in words(shown(patient))
    outcomes.draft(case=case, kind=OutcomeKind.CT, by=chair, ct_on=timezone.localdate() + timedelta(days=90))
    outcomes.confirm(case=case, by=chair)
    assert "Decided: CT at a date" in words(shown(patient))


def test_one_kind_of_event_can_be_read_alone(patient: Patient) -> None:
    table = words(shown(patient, "?show=decided").split('id="everything"')[1])
    assert "Fleischner 2017" in table
    assert "Did not come" not in table


def test_a_patient_without_nodule_or_scan_has_a_page_too() -> None:
    assert "0 exams · nothing open" in words(shown(factories.patient()))


def test_a_page_without_a_dated_scan_tells_what_was_decided() -> None:
    undated = factories.patient()
    seen = factories.scan(undated)
    factories.measurement(factories.finding(factories.nodule(undated), seen))
    type(seen.study).objects.update(acquired_on=None)
    assert "largest N1 400 mm³" in first_screen(undated)
    chair = factories.member(Role.CHAIR)
    case = on_the_list(undated, chair)
    outcomes.draft(case=case, kind=OutcomeKind.DISCHARGE, says="Stable.", by=chair)
    outcomes.confirm(case=case, by=chair)
    told = first_screen(undated)
    assert "Decided: " in told
    assert "Nothing has been signed" not in told


def test_the_page_asks_the_same_for_a_long_story(patient: Patient) -> None:
    def asked() -> int:
        client = signed_in()
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("timeline", kwargs={"code": patient.code}))
        return len(queries)

    few = asked()
    for number in range(6):
        factories.scan(patient, date(2024, 1 + number, 1))
        factories.nodule(patient)
    assert asked() == few
