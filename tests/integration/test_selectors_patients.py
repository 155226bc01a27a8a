"""What the selectors of one patient read: the rows in force, in order, and who is uncovered."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from nodules_app.lifecycles import NoduleState
from nodules_app.models import ComparisonWord, FollowUpKind, Role
from nodules_app.selectors.patients import largest, patient_page
from nodules_app.selectors.safety_net import uncovered_nodules
from nodules_app.selectors.scans import scan_page
from nodules_app.selectors.timeline import timeline
from nodules_app.services.access import MAY, Act
from tests import factories

pytestmark = pytest.mark.django_db

TODAY = date(2026, 11, 23)


def test_exams_and_appearances_come_in_the_order_of_their_days() -> None:
    patient = factories.patient()
    later = factories.scan(patient, date(2026, 11, 18))
    earlier = factories.scan(patient, date(2025, 11, 18))
    without_day = factories.scan(patient, None)
    nodule = factories.nodule(patient)
    for scan in (later, earlier):
        factories.finding(nodule, scan)
    shown = timeline(patient)
    assert [scan.code for _exam, scan in shown.scans] == [earlier.code, later.code, without_day.code]
    assert [seen.scan for seen in shown.nodules[0].appearances] == [earlier.code, later.code]


def test_only_what_is_in_force_is_shown() -> None:
    patient = factories.patient()
    scan = factories.scan(patient)
    nodule = factories.nodule(patient)
    factories.finding(nodule, scan, (1.0, 1.0, 1.0), superseded_at=timezone.now())
    moved = factories.finding(nodule, scan, (2.0, 2.0, 2.0))
    factories.measurement(moved, 100.0)
    factories.measurement(moved, 120.0)
    (seen,) = timeline(patient).nodules[0].appearances
    assert seen.lps_mm == (2.0, 2.0, 2.0)
    assert seen.measured is not None
    assert seen.measured.volume_mm3 == 120.0


def test_a_superseded_scan_takes_its_findings_and_changes_along() -> None:
    patient = factories.followed_patient()
    first = patient.studies.order_by("acquired_on").first()
    assert first is not None
    first.scans.update(superseded_at=timezone.now())
    shown = timeline(patient)
    assert len(shown.scans) == 1
    assert len(shown.nodules[0].appearances) == 1
    assert shown.nodules[0].changes == ()
    assert shown.comparisons == ()


def test_a_match_without_growth_keeps_its_word_and_has_no_numbers() -> None:
    patient = factories.patient()
    prior, current = factories.scan(patient, date(2026, 5, 19)), factories.scan(patient)
    nodule = factories.nodule(patient)
    found = factories.finding(nodule, current)
    factories.match(factories.comparison(prior, current), None, found, ComparisonWord.NEW)
    (change,) = timeline(patient).nodules[0].changes
    assert (change.word, change.volume_ratio, change.vdt_days) == ("new", None, None)


def test_the_latest_answer_of_each_guideline_holds_the_most_urgent_first() -> None:
    patient = factories.patient()
    for guideline, management in (
        ("LUNGRADS2022", "not_applicable"),
        ("BTS2015", "no_routine_followup"),
        ("BTS2015", "bts_ct_3m"),
        ("FLEISCHNER2017", "growth_workup"),
    ):
        factories.assessment(patient, factories.result(guideline, management, "X"))
    answers = patient_page(patient, today=TODAY).answers
    assert [(answer.guideline, answer.result["management"]) for answer in answers] == [
        ("FLEISCHNER2017", "growth_workup"),
        ("BTS2015", "bts_ct_3m"),
        ("LUNGRADS2022", "not_applicable"),
    ]


def test_the_step_that_closes_first_comes_first() -> None:
    patient = factories.patient()
    late = factories.follow_up(patient, overdue=True, today=TODAY, kind=FollowUpKind.CT)
    factories.follow_up(patient, today=TODAY)
    steps = patient_page(patient, today=TODAY).owed
    assert steps[0].code == late.code
    assert [step.is_overdue(TODAY) for step in steps] == [True, False]
    assert not steps[0].is_overdue(steps[0].due_until)  # the last day still counts


def test_runs_that_name_only_a_scan_belong_to_its_patient() -> None:
    patient, other = factories.patient(), factories.patient()
    mine = factories.run(patient, patient=None, scan=factories.scan(patient))
    factories.run(other)
    assert [run.code for run in patient_page(patient, today=TODAY).runs] == [mine.code]


def test_the_largest_nodule_leads_until_a_guideline_says_otherwise() -> None:
    patient = factories.patient()
    scan = factories.scan(patient)
    small, large = factories.nodule(patient), factories.nodule(patient)
    factories.measurement(factories.finding(small, scan), 50.0)
    factories.measurement(factories.finding(large, scan, (9.0, 0.0, 0.0)), 500.0)
    assert largest(timeline(patient)) == "N2"
    assert patient_page(patient, today=TODAY).lead == "N2"
    factories.assessment(patient, factories.result("BTS2015", "bts_ct_3m", "X"), small)
    assert patient_page(patient, today=TODAY).lead == "N1"


def test_a_scan_page_names_its_nodules_and_the_other_scans() -> None:
    patient = factories.followed_patient(nodules=2, exams=2)
    scan = patient.studies.order_by("acquired_on").last().scans.get()
    page = scan_page(scan)
    assert [place.label for place in page.places] == ["N1", "N2"]
    assert [other.on for other in page.others] == sorted(other.on for other in page.others)
    assert page.others[-1].code == scan.code


def test_an_uncovered_nodule_is_named_and_a_covered_one_is_not() -> None:
    patient = factories.patient()
    factories.nodule(patient)
    assert uncovered_nodules() == ()
    lost = factories.nodule(patient, covered=False)  # the commit would refuse it; the check need not wait for that
    (found,) = uncovered_nodules()
    assert (found.patient, found.nodule, found.label) == (patient.code, lost.code, "N2")
    lost.state = NoduleState.NOT_A_NODULE
    lost.save()
    assert uncovered_nodules() == ()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def test_every_role_but_the_administrator_may_see_and_only_clinicians_decide() -> None:
    assert set(MAY) == set(Role)
    assert {role for role, acts in MAY.items() if Act.SEE not in acts} == {Role.ADMINISTRATOR}
    assert {role for role, acts in MAY.items() if Act.DECIDE in acts} == {Role.RADIOLOGIST, Role.PHYSICIAN, Role.CHAIR}


def test_the_age_is_that_of_the_day() -> None:
    patient = factories.patient(birth_date=date(1958, 11, 24))
    assert patient_page(patient, today=TODAY).identity.age_years == 67
    assert patient_page(patient, today=TODAY + timedelta(days=1)).identity.age_years == 68
