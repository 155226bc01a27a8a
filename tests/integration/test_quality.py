"""The figures of a clinic, counted again by hand and by an independent statement in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import astuple, replace
from datetime import date, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import formats, timezone
from kombu.exceptions import OperationalError
from openpyxl import load_workbook

from nodules_app.celery_app import app
from nodules_app.charts.quality import wilson_95
from nodules_app.lifecycles import FollowUpState
from nodules_app.models import (
    Assessment,
    AuditEvent,
    Clinic,
    Evidence,
    FollowUp,
    FollowUpKind,
    MdtCase,
    MdtMeeting,
    Nodule,
    OverrideReason,
    Patient,
    Role,
)
from nodules_app.selectors.quality import behind, quality
from nodules_app.selectors.quality.asking import Question
from nodules_app.selectors.quality.values import Quality, Share
from nodules_app.services import decisions, endings, follow_ups, quality_figures
from nodules_app.services.mdt import cases, meetings
from nodules_app.tasks import desk
from nodules_app.templatetags.quality import sections, tables, to_do
from tests import factories
from tests.benchmarks import clinic_of_years
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
    assert found.steps.on_time == Share(2, 4)
    assert found.steps.within_30_days == Share(2, 4)
    assert dict(found.overdue)[30] == 1


@pytest.mark.usefixtures("a_year")
def test_another_clinic_has_its_own_figures() -> None:
    elsewhere = factories.clinic(name="Elsewhere")
    a_due_ct(10, clinic=elsewhere)
    assert counted(elsewhere).steps.on_time == Share(0, 1)
    assert counted().steps.on_time == Share(2, 4)


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
    assert found.decided.concordance == Share(1, 2)
    assert found.decided.overrides == ((OverrideReason.WISH, 1),)


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
    assert "2 / 4" not in shared
    assert "fewer than 5" in shared
    assert "Is anybody lost? no" in shared
    exported = client.get(reverse("quality-export", kwargs={"form": "csv"}), {"shared": "1"}).content.decode()
    for of_a_day in ("Overdue now", "Suspected lost"):
        assert of_a_day in own
        assert of_a_day not in shared
        assert of_a_day not in exported
    grave = replace(counted(), lost=Share(20, 90), suspected_lost=40)
    tiles = {tile.code: tile for tile in sections(grave, shared=True)[0].every}
    assert (tiles["lost"].value, "suspected" in tiles) == ("yes", False)
    assert not re.search("20|90", tiles["lost"].under.replace(formats.date_format(today(), "DATE_FORMAT"), ""))
    assert "The patients behind it" in own
    assert "The patients behind it" not in shared


@pytest.mark.usefixtures("a_year")
def test_the_export_says_what_each_figure_means() -> None:
    answer = signed_in(Role.MANAGER).get(reverse("quality-export", kwargs={"form": "xlsx"}))
    sheet = load_workbook(BytesIO(answer.content)).active
    assert sheet is not None
    cells = [cell for row in sheet.iter_rows(values_only=True) for cell in row if isinstance(cell, str)]
    assert any("CTs made by the last day of their window" in cell for cell in cells)
    assert any(cell.startswith("50 % (2 of 4") for cell in cells)
    assert any("Not counted here, since the records do not hold it" in cell for cell in cells)
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
    assert counted().steps.on_time == Share(0, 1)
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
    assert counted().steps.on_time == Share(0, 0)


@pytest.fixture
def one_of_a_large_clinic(monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A clinic whose figures are worth keeping."""
    monkeypatch.setattr(quality_figures, "WORTH_KEEPING_S", -1.0)
    return factories.followed_patient()


def kept_figures(clinic: Clinic) -> quality_figures.Counted:
    return quality_figures.figures([clinic], quality_figures.Period())


def test_what_is_counted_at_once_is_never_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_figures, "WORTH_KEEPING_S", 3600.0)
    patient = factories.followed_patient()
    assert kept_figures(patient.clinic).figures.lost.whole == 1
    factories.followed_patient(clinic=patient.clinic)
    assert kept_figures(patient.clinic).figures.lost.whole == 2


def test_what_was_counted_slowly_once_is_not_shown_when_counts_are_quick(
    one_of_a_large_clinic: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = one_of_a_large_clinic.clinic
    assert kept_figures(clinic).figures.lost.whole == 1
    factories.followed_patient(clinic=clinic)
    monkeypatch.setattr(quality_figures, "WORTH_KEEPING_S", 3600.0)
    desk.count_quality([clinic.pk], "12", False)
    assert kept_figures(clinic).figures.lost.whole == 2
    factories.followed_patient(clinic=clinic)
    assert kept_figures(clinic).figures.lost.whole == 3


def test_what_takes_long_is_kept_with_its_time_and_counted_again_by_a_worker(
    one_of_a_large_clinic: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = one_of_a_large_clinic.clinic
    first = kept_figures(clinic)
    factories.followed_patient(clinic=clinic)
    assert kept_figures(clinic) == first
    told: list[tuple[str, list[object]]] = []
    monkeypatch.setattr(app, "send_task", lambda name, *, args, **_how: told.append((name, args)))
    monkeypatch.setattr(quality_figures, "COUNTED_AGAIN_AFTER", timedelta(microseconds=1))
    assert kept_figures(clinic) == first, "nobody waits"
    ((name, arguments),) = told
    assert name == desk.count_quality.name
    desk.count_quality(*arguments)
    assert kept_figures(clinic).figures.lost.whole == 2
    assert kept_figures(clinic).at > first.at


def test_an_unreachable_queue_leaves_the_figures_with_their_time(
    one_of_a_large_clinic: Patient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def nobody_there(*_what: object, **_how: object) -> None:
        raise OperationalError

    first = kept_figures(one_of_a_large_clinic.clinic)
    monkeypatch.setattr(app, "send_task", nobody_there)
    monkeypatch.setattr(quality_figures, "COUNTED_AGAIN_AFTER", timedelta(0))
    assert kept_figures(one_of_a_large_clinic.clinic) == first
    assert "not counted again" in caplog.text


@pytest.mark.usefixtures("one_of_a_large_clinic")
def test_the_figures_of_the_day_are_counted_before_anybody_asks(
    monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    quality_figures.count_ahead()
    client = signed_in(Role.MANAGER)
    client.get(reverse("quality"))
    with django_assert_max_num_queries(12):
        client.get(reverse("quality"))


def test_figures_of_another_day_are_shown_with_their_days_while_a_worker_counts_again(
    one_of_a_large_clinic: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    clinic = one_of_a_large_clinic.clinic
    first = kept_figures(clinic)
    told: list[list[object]] = []
    monkeypatch.setattr(app, "send_task", lambda _name, *, args, **_how: told.append(args))
    tomorrow = timezone.now() + days(1)
    monkeypatch.setattr(timezone, "now", lambda: tomorrow)
    assert kept_figures(clinic) == first, "nobody waits for the figures of a new day"
    assert told == [[[clinic.pk], "12", False]]
    page = words(signed_in(Role.MANAGER).get(reverse("quality")).content.decode())
    assert f"{first.figures.last.day:02d}" in page


def test_what_is_shared_covers_whole_months() -> None:
    whole = quality_figures.Period("3", whole=True)
    assert whole.days(date(2026, 3, 31)) == (date(2025, 12, 1), date(2026, 2, 28))
    assert whole.days(date(2026, 3, 1)) == whole.days(date(2026, 3, 31)), "neighbouring days give the same figures"
    assert quality_figures.Period("12", whole=True).days(date(2024, 3, 5)) == (date(2023, 3, 1), date(2024, 2, 29))


def test_the_patients_behind_a_figure_are_its_own_and_the_look_is_recorded() -> None:
    nodule, _step = a_due_ct(20)
    other, on_time = a_due_ct(100)
    examined(other, on_time, on_time.due_until - days(3))
    client = signed_in(Role.MANAGER)
    page = words(client.get(reverse("quality-patients", kwargs={"figure": "on_time"})).content.decode())
    assert nodule.patient.identifier in page
    assert other.patient.identifier not in page
    assert AuditEvent.objects.get(verb="figures.patients_seen").facts == {"figure": "on_time"}
    assert client.get(reverse("quality-patients", kwargs={"figure": "nothing"})).status_code == 404


def test_a_case_that_its_meeting_lost_was_not_complete_when_the_list_closed() -> None:
    clinic, coordinator = factories.clinic(), factories.member(Role.COORDINATOR)
    held = meetings.plan_meeting(
        clinic=clinic,
        starts_at=timezone.now() + days(2),
        cut_off_at=timezone.now() + days(1),
        place="Room 4",
        chair=factories.member(Role.CHAIR),
        quorum=["radiology"],
        by=coordinator,
    )

    def on_the_list() -> MdtCase:
        patient = factories.followed_patient(clinic=clinic)
        return cases.put_on(patient=patient, question="Biopsy now?", by=coordinator, meeting=held)

    complete, sent_back, withdrawn = (on_the_list() for _ in range(3))
    cases.prepare(case=complete, facts={"performance_status": 1, "presenter": coordinator}, by=coordinator)
    cases.withdraw(case=withdrawn, because="Moved away.", by=coordinator)
    MdtMeeting.objects.update(cut_off_at=timezone.now(), starts_at=timezone.now())
    assert meetings.close_lists() == 1
    late = on_the_list()
    meetings.begin(meeting=held, by=coordinator)
    meetings.end(meeting=held, by=coordinator)
    assert set(MdtCase.objects.values_list("meeting", flat=True)) == {None}, "no case names the meeting any more"
    assert counted().conference.complete_at_cut_off == Share(1, 3)
    question = Question((clinic,), today() - days(1), today(), today())
    numbers = {row.number for row in behind.behind("mdt_cut_off", question).patients}
    assert numbers == {sent_back.patient.identifier, late.patient.identifier}


def statements() -> dict[str, str]:
    """The statements of the file beside this one, by the figure that each counts."""
    parts = re.split(
        r"^-- name: (\w+)$", Path(__file__).with_name("quality_figures.sql").read_text("utf-8"), flags=re.MULTILINE
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def as_rows(found: Quality) -> dict[str, list[tuple[object, ...]]]:
    """The figures as their statements give them."""
    steps, times, decided, meetings = found.steps, found.times, found.decided, found.conference
    shares = {
        "lost": found.lost,
        "on_time": steps.on_time,
        "within_30_days": steps.within_30_days,
        "concordance": decided.concordance,
        "borderline": decided.borderline,
        "mdt_within_24_h": meetings.within_24_h,
        "mdt_complete_at_cut_off": meetings.complete_at_cut_off,
        "mdt_actions_on_time": meetings.actions_on_time,
        "malignant": found.tissue.malignant,
        "benign_resections": found.tissue.benign_resections,
        "measured_by_volume": found.measured_by_volume,
        "good_pairs": found.good_pairs,
    }
    spreads = {
        "scan_to_result": times.scan_to_result,
        "scan_to_contact": times.scan_to_contact,
        "result_to_decision": times.result_to_decision,
        "mdt_wait": meetings.wait,
        "mdt_to_meeting": meetings.to_meeting,
        "mdt_to_outcome": meetings.to_outcome,
        "mdt_to_done": meetings.to_done,
        "task_to_answer": found.told.answered,
    }
    rows: dict[str, list[tuple[object, ...]]] = {name: [astuple(share)] for name, share in shares.items()}
    rows |= {f"days_{name}": [astuple(spread)] for name, spread in spreads.items()}
    rows["days_result_to_contact"] = [(*astuple(times.result_to_contact), times.not_contacted)]
    rows |= {name: [(getattr(found, name),)] for name in ("suspected_lost", "suspected_long", "actions_overdue")}
    rows |= {"excused": [(steps.excused,)], "overdue": list(found.overdue), "reminders": list(found.told.by_state)}
    rows |= {"overrides": list(decided.overrides), "managements": list(decided.managements)}
    for name in ("by_kind", "by_sex", "by_age", "by_tier", "by_clinic"):
        rows[name] = [(group, share.part, share.whole) for group, share in getattr(steps, name)]
    rows["months"] = [(f"{one.starts_on:%Y-%m}", one.on_time.part, one.on_time.whole) for one in steps.months]
    rows["outcomes"] = list(found.told.by_outcome)
    rows["brought_back"] = [(rung, channel, *astuple(share)) for rung, channel, share in found.told.brought_back]
    return rows


def listed(found: Quality) -> dict[str, int]:
    """How many rows must stand behind each figure."""
    not_kept = {
        "on_time": found.steps.on_time,
        "within_30": found.steps.within_30_days,
        "concordance": found.decided.concordance,
        "mdt_24": found.conference.within_24_h,
        "mdt_cut_off": found.conference.complete_at_cut_off,
        "mdt_actions": found.conference.actions_on_time,
    }
    return {figure: share.rest for figure, share in not_kept.items()} | {
        "lost": found.lost.part,
        "suspected": found.suspected_lost,
        "overdue": sum(count for _upper, count in found.overdue),
        "actions_overdue": found.actions_overdue,
        "result_to_contact": found.times.not_contacted,
        "borderline": found.decided.borderline.part,
    }


def cases_leave_their_lists() -> None:
    """Of every five cases one is sent back at the closing, one by hand before it, and one is withdrawn before it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO nodules_app_mdtchange
                (case_id, version, at, step, from_state, to_state, why, meeting_id, by_id)
            SELECT h.case_id, 2, m.cut_off_at + x.after, x.step, 'listed', 'returned', '', m.id,
                CASE WHEN x.place > 0 THEN m.chair_id END
            FROM nodules_app_mdtchange h JOIN nodules_app_mdtmeeting m ON m.id = h.meeting_id
            JOIN (VALUES (0, 'return', interval '1 minute'), (1, 'return', interval '-1 minute'),
                (2, 'withdraw', interval '-1 minute')) x (place, step, after) ON x.place = h.case_id / 40 % 5
            """
        )


def test_every_figure_is_counted_the_same_by_an_independent_statement_and_lists_its_patients(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clinic, member = factories.clinic(), factories.member(Role.RADIOLOGIST)
    clinic_of_years.fill(clinic.pk, member.pk, patients=900)
    cases_leave_their_lists()
    first = today() - days(364)
    found = quality([clinic], first=first, last=today(), today=today())
    counted_here = as_rows(found)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, true)", [settings.TIME_ZONE])
        for name, statement in statements().items():
            cursor.execute(statement, {"clinic": clinic.pk, "first": first, "last": today()})
            rows = [tuple(float(cell) if isinstance(cell, Decimal) else cell for cell in row) for row in cursor]
            assert any(cell for row in rows for cell in row), f"{name}: the clinic has nothing to count"
            ours = counted_here.pop(name)
            assert [pytest.approx(row) for row in rows] == ours if name.startswith("days") else rows == ours, name
    assert not counted_here, "figures that no statement counts"
    monkeypatch.setattr(behind, "SHOWN", 10_000)
    question = Question((clinic,), first, today(), today())
    rows_behind = {figure: len(behind.behind(figure, question).patients) for figure in behind.WAYS}
    assert rows_behind == listed(found)
    assert {one.code: one.count for one in to_do(found)}.items() <= rows_behind.items()
    assert 0 < found.actions_overdue < found.conference.actions_on_time.rest, "what was done late needs nobody any more"
    shared = [row for table in tables(found, shared=True) for row in table.rows]
    assert all(number is None or number % 5 == 0 for row in shared for number in (row.part, row.whole))
    assert any(row.part is None for row in shared), "among 900 patients some group is small"
    own = [table for table in tables(found, shared=False) if table.code != "overdue"]  # of today: is never shared
    alone = [(row.name, row.part, row.whole) for table in own for row in table.rows]
    for row, (name, part, whole) in zip(shared, alone, strict=True):
        assert row.name == name
        sides = [part or 0] if whole is None else [part or 0, whole - (part or 0)]
        assert row.part is None or not any(0 < side < 5 for side in sides), name
