"""The figures of a clinic, counted again by hand and by an independent statement in SQL."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from nodules_app.charts.quality import wilson_95
from nodules_app.lifecycles import FollowUpState
from nodules_app.models import Assessment, Clinic, Evidence, FollowUp, FollowUpKind, Nodule, OverrideReason, Role
from nodules_app.selectors import quality_lately as lately
from nodules_app.selectors.quality import Quality, Share, quality
from nodules_app.services import decisions, endings, follow_ups
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)

ASKED_ON = date(2025, 1, 10)


def today() -> date:
    return timezone.localdate()


def days(number: int) -> timedelta:
    return timedelta(days=number)


def a_due_ct(late_days: int, *, clinic: Clinic | None = None) -> tuple[Nodule, FollowUp]:
    """A signed CT whose window ended so many days ago."""
    nodule = factories.nodule(factories.patient(**({"clinic": clinic} if clinic else {})))
    answer = factories.assessment(
        nodule.patient, factories.result("FLEISCHNER2017", "ct_6_12m_then_18_24m", "X"), exam_on=ASKED_ON
    )
    until = today() - days(late_days)
    window = (until - days(30), until - days(15), until)
    step = follow_ups.propose(assessment=answer, kind=FollowUpKind.CT, window=window, nodules=[nodule])
    assert step
    at = nodule.patient.clinic
    return nodule, decisions.accept(follow_up=step, by=factories.member(Role.PHYSICIAN, at))


def examined(nodule: Nodule, step: FollowUp, on: date) -> None:
    """The exam comes, and the guidelines answer it."""
    factories.scan(nodule.patient, on)
    answer = factories.assessment(nodule.patient, factories.result("FLEISCHNER2017", "ct_18_24m", "Y"), exam_on=on)
    window = (on + days(300), on + days(330), on + days(360))
    follow_ups.propose(assessment=answer, kind=FollowUpKind.CT, window=window, nodules=[nodule])
    step.refresh_from_db()
    assert step.state == FollowUpState.CLOSED


def counted(*clinics: Clinic) -> Quality:
    return quality(clinics or (factories.clinic(),), first=today() - days(364), last=today(), today=today())


@pytest.fixture
def a_year() -> None:
    """Two CTs in time, one late by forty days, one still missing, one of a patient who died, one handed on."""
    for _ in range(2):
        nodule, step = a_due_ct(100)
        examined(nodule, step, step.due_until - days(3))
    nodule, step = a_due_ct(100)
    examined(nodule, step, step.due_until + days(40))
    a_due_ct(20)
    died, _step = a_due_ct(50)
    endings.record_death(
        patient=died.patient, on=today(), source="Register", second_source="Family", by=factories.member(Role.PHYSICIAN)
    )


@pytest.mark.usefixtures("a_year")
def test_on_time_counts_who_could_have_come() -> None:
    found = counted()
    assert found.on_time == Share(2, 4)
    assert found.within_30_days == Share(2, 4)
    assert dict(found.overdue)[30] == 1


@pytest.mark.usefixtures("a_year")
def test_an_independent_statement_counts_the_same() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FILTER (WHERE s.acquired_on <= f.due_until), count(*)
            FROM nodules_app_followup f
            JOIN nodules_app_patient p ON p.id = f.patient_id
            LEFT JOIN nodules_app_study s ON s.id = f.exam_id
            LEFT JOIN nodules_app_evidence e ON e.id = f.evidence_id
            WHERE f.kind = 'ct' AND f.state <> 'proposed' AND p.clinic_id = %s
              AND f.due_until BETWEEN %s AND %s
              AND coalesce(e.kind, '') NOT IN
                  ('deceased', 'transferred', 'superseded', 'nothing_left', 'entered_in_error')
            """,
            [factories.clinic().pk, today() - days(364), today()],
        )
        assert counted().on_time == Share(*cursor.fetchone())


@pytest.mark.usefixtures("a_year")
def test_another_clinic_has_its_own_figures() -> None:
    elsewhere = factories.clinic(name="Elsewhere")
    a_due_ct(10, clinic=elsewhere)
    assert counted(elsewhere).on_time == Share(0, 1)
    assert counted().on_time == Share(2, 4)


def test_decisions_against_the_guideline_are_counted_by_reason() -> None:
    _nodule, step = a_due_ct(10)
    decisions.override(
        follow_up=step,
        kind=FollowUpKind.CT,
        management="clinician_choice",
        window=(today(), today() + days(5), today() + days(9)),
        reason_code=OverrideReason.WISH,
        reason="Wishes it earlier.",
        by=factories.member(Role.PHYSICIAN),
    )
    found = counted()
    assert found.concordance == Share(1, 2)
    assert found.overrides == ((OverrideReason.WISH, 1),)


def test_an_empty_clinic_has_a_page() -> None:
    factories.clinic()
    page = words(signed_in(Role.MANAGER).get(reverse("quality")).content.decode())
    assert "nothing in this period" in page
    assert not Assessment.objects.exists()


@pytest.mark.usefixtures("a_year")
def test_a_shared_view_hides_small_groups() -> None:
    client = signed_in(Role.MANAGER)
    own = words(client.get(reverse("quality")).content.decode())
    shared = words(client.get(reverse("quality"), {"shared": "1"}).content.decode())
    assert "2 of 4" in own
    assert "2 of 4" not in shared
    assert "fewer than 5" in shared


@pytest.mark.usefixtures("a_year")
def test_the_export_says_what_each_figure_means() -> None:
    answer = signed_in(Role.MANAGER).get(reverse("quality-export", kwargs={"form": "xlsx"}))
    sheet = load_workbook(BytesIO(answer.content)).active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows(values_only=True) for cell in row if isinstance(cell, str)]
    assert any("CTs made by the last day of their window" in cell for cell in cells)
    assert "50 %" in cells
    assert signed_in(Role.MANAGER).get(reverse("quality-export", kwargs={"form": "exe"})).status_code == 404


def test_figures_of_a_clinic_of_somebody_else_are_not_found() -> None:
    client = signed_in(Role.MANAGER)
    elsewhere = factories.clinic(name="Elsewhere")
    assert client.get(reverse("quality"), {"clinic": str(elsewhere.code)}).status_code == 404


def test_the_interval_of_a_share_is_wilsons() -> None:
    low, high = wilson_95(8, 10)  # Newcombe 1998, table: 0.490 to 0.943
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson_95(0, 5)[0] == 0.0
    assert wilson_95(5, 5)[1] == 1.0


def test_a_step_that_was_replaced_is_nobodys_fault() -> None:
    _nodule, step = a_due_ct(10)
    assert counted().on_time == Share(0, 1)
    decisions.override(
        follow_up=step,
        kind=FollowUpKind.CT,
        management="clinician_choice",
        window=(today(), today() + days(5), today() + days(9)),
        reason_code=OverrideReason.WISH,
        reason="Later.",
        by=factories.member(Role.PHYSICIAN),
    )
    assert set(Evidence.objects.values_list("kind", flat=True)) == {"superseded"}
    assert counted().on_time == Share(0, 0)


@pytest.mark.parametrize(("worth_keeping_s", "followed"), [(-1.0, 1), (60.0, 2)])
def test_what_took_long_to_count_is_kept_a_while_and_says_since_when(
    monkeypatch: pytest.MonkeyPatch, worth_keeping_s: float, followed: int
) -> None:
    monkeypatch.setattr(lately, "WORTH_KEEPING_S", worth_keeping_s)
    patient = factories.followed_patient()
    asked = {"first": ASKED_ON, "last": today(), "today": today()}
    first = lately.quality_lately([patient.clinic], **asked)
    factories.followed_patient(clinic=patient.clinic)
    second = lately.quality_lately([patient.clinic], **asked)
    assert (first.figures.lost.whole, second.figures.lost.whole) == (1, followed)
    assert (second.at == first.at) == (followed == 1)
