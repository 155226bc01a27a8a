"""The pages of the conference: a meeting run from its list to its minutes by pressing what is on the page."""

from __future__ import annotations

import io
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import formats, timezone
from pypdf import PdfReader

from nodules_app.clinical.conference import ConferenceReason
from nodules_app.models import AuditEvent, MdtAction, MdtCase, MdtMeeting, Patient, Role, User
from nodules_app.services import follow_ups
from nodules_app.services.mdt import cases, meetings
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def patient() -> Patient:
    nodule = factories.nodule(factories.patient())
    first = factories.finding(nodule, factories.scan(nodule.patient))
    factories.measurement(first)
    answer = factories.assessment(nodule.patient, factories.result("FLEISCHNER2017", "ct_6_12m_then_18_24m", "X"))
    today = timezone.localdate()
    window = (today, today + timedelta(days=15), today + timedelta(days=30))
    follow_ups.propose(assessment=answer, kind="ct", window=window, nodules=[nodule])
    return nodule.patient


def as_user(user: User) -> Client:
    client = Client(headers={"accept-language": "en"})
    client.force_login(user)
    return client


def date_words(days: int) -> str:
    return formats.date_format(timezone.localdate() + timedelta(days=days), "Y-m-d")


def pages_of(pdf: bytes) -> list[str]:
    """Read the text of each page; the reader gives both bytes of a glyph, the first of them empty."""
    return [" ".join(page.extract_text().replace("\0", "").split()) for page in PdfReader(io.BytesIO(pdf)).pages]


def a_meeting() -> MdtMeeting:
    chair = factories.member(Role.CHAIR)
    starts_at = timezone.now() + timedelta(days=7)
    return meetings.plan_meeting(
        clinic=factories.clinic(),
        starts_at=starts_at,
        cut_off_at=starts_at,
        place="Room 4",
        chair=chair,
        quorum=[],
        by=chair,
    )


def test_a_meeting_from_the_plan_to_the_signed_minutes(patient: Patient) -> None:
    chair = factories.member(Role.CHAIR)
    client = as_user(chair)
    clinic = factories.clinic()
    answer = client.post(
        reverse("mdt-plan", kwargs={"code": clinic.code}),
        {"on": date_words(7), "at": "13:30", "closes_on": date_words(5), "place": "Room 4", "chair": chair.pk},
    )
    meeting = MdtMeeting.objects.get()
    assert answer["Location"] == reverse("mdt-meeting", kwargs={"code": meeting.code})
    client.post(
        reverse("mdt-put-on", kwargs={"code": patient.code}), {"question": "Biopsy?", "meeting": str(meeting.code)}
    )
    case = MdtCase.objects.get()
    shown = client.get(reverse("mdt-meeting", kwargs={"code": meeting.code})).content.decode()
    assert "Biopsy?" in shown
    begun = client.post(reverse("mdt-begin", kwargs={"code": meeting.code}))
    assert begun["Location"] == reverse("mdt-discuss", kwargs={"code": case.code})
    case.refresh_from_db()
    screen = client.get(begun["Location"]).content.decode()
    assert "Biopsy?" in screen
    agreed = client.post(
        begun["Location"],
        {"version": case.version, "kind": "biopsy", "what_1": "Request it", "owner_1": chair.pk, "agreed": "1"},
    )
    assert agreed["Location"] == reverse("mdt-meeting", kwargs={"code": meeting.code})
    client.post(reverse("mdt-end", kwargs={"code": meeting.code}))
    client.post(reverse("mdt-sign", kwargs={"code": meeting.code}))
    pdf = client.get(reverse("mdt-minutes", kwargs={"code": meeting.code, "version": 1}))
    assert pdf.content.startswith(b"%PDF")
    assert AuditEvent.objects.filter(verb="patient.seen", patient=patient, facts__page="minutes").exists()
    action = MdtAction.objects.get()
    assert action.what in client.get(reverse("mdt")).content.decode()
    client.post(reverse("mdt-action-done", kwargs={"code": action.code}), {"result": "Adenocarcinoma."})
    assert action.what not in client.get(reverse("mdt")).content.decode()


def test_the_screen_of_a_case_shows_images_the_curve_and_the_risk() -> None:
    of = factories.followed_patient(ratio=2.0)
    meeting = a_meeting()
    case = cases.put_on(patient=of, question="What now?", by=meeting.chair, meeting=meeting)
    factories.assessment(of, factories.result("FLEISCHNER2017", "ct_18_24m", "Y"))
    page = as_user(meeting.chair).get(reverse("mdt-discuss", kwargs={"code": case.code})).content.decode()
    assert 'data-chart="volumes-figure"' in page
    shown = words(page)
    assert "Volume doubling time" in shown
    assert "Probability of cancer, N1 38 % Mayo" in shown


def test_any_nodule_of_a_case_is_one_key_away() -> None:
    of = factories.followed_patient(nodules=3)
    meeting = a_meeting()
    case = cases.put_on(patient=of, question="What now?", by=meeting.chair, meeting=meeting)
    url = reverse("mdt-discuss", kwargs={"code": case.code})
    page = as_user(meeting.chair).get(f"{url}?nodule=N2").content.decode()
    assert [page.count(f'data-press-key="{key}"') for key in "1234"] == [1, 1, 1, 0]
    assert re.findall(r'data-nodule="(N\d)"( hidden)?', page) == [("N1", " hidden"), ("N2", ""), ("N3", " hidden")]
    assert reverse("read", kwargs={"code": of.code}) + "?nodule=N2" in page


def test_the_size_of_the_prior_is_never_shown_as_the_current_one() -> None:
    of = factories.followed_patient(exams=1)
    factories.scan(of, factories.CURRENT_ON + timedelta(days=200))
    meeting = a_meeting()
    case = cases.put_on(patient=of, question="What now?", by=meeting.chair, meeting=meeting)
    page = words(as_user(meeting.chair).get(reverse("mdt-discuss", kwargs={"code": case.code})).content.decode())
    measured_on = formats.date_format(factories.CURRENT_ON, "DATE_FORMAT")
    assert f"Volume on {measured_on} 300 mm³" in page
    assert "Volume 300 mm³" not in page


def test_a_case_that_waits_for_a_list_can_be_prepared() -> None:
    of = factories.followed_patient()
    chair = factories.member(Role.CHAIR)
    case = cases.put_on(patient=of, question="What now?", by=chair)
    url = reverse("mdt-case", kwargs={"code": case.code})
    client = as_user(chair)
    assert "What the conference needs to know" in client.get(url).content.decode()
    told = {"version": case.version, "question": "Biopsy?", "performance_status": "1", "pathology": "ready"}
    assert client.post(url, told).status_code == 302
    case.refresh_from_db()
    assert (case.state, case.question, case.performance_status) == ("submitted", "Biopsy?", 1)


def test_the_question_of_a_rule_stays_in_every_language(patient: Patient) -> None:
    case = cases.put_on_by_rule(patient=patient, reasons=[ConferenceReason.FAST_GROWTH], exam_on=timezone.localdate())
    assert case is not None
    url = reverse("mdt-case", kwargs={"code": case.code})
    client = as_user(factories.member(Role.CHAIR))
    client.cookies["django_language"] = "zh-hans"
    asked = client.get(url).context["form"]["question"].value()
    assert asked == "结节倍增时间不足 400 天。下一步如何处理？"
    client.post(url, {"version": case.version, "question": asked, "performance_status": "1", "pathology": "ready"})
    case.refresh_from_db()
    assert (case.performance_status, case.question) == (1, "A nodule doubles in under 400 days. What shall be done?")


def test_the_pack_has_the_list_and_a_page_for_each_case() -> None:
    meeting = a_meeting()
    people = [factories.followed_patient(nodules=2), factories.nodule(factories.patient()).patient]
    for one in people:
        cases.put_on(patient=one, question="What now?", by=meeting.chair, meeting=meeting)
    client = as_user(meeting.chair)
    url = reverse("mdt-pack", kwargs={"code": meeting.code})
    assert url in client.get(reverse("mdt-meeting", kwargs={"code": meeting.code})).content.decode()
    answer = client.get(url)
    assert answer.headers["Content-Type"] == "application/pdf"
    first, *cases_told = pages_of(answer.content)
    assert "Room 4" in first
    assert len(cases_told) == len(people)
    assert all("Question: What now?" in told for told in cases_told)
    assert "Markedly larger, +60 %" in cases_told[0]
    seen = AuditEvent.objects.filter(verb="patient.seen", facts__page="pack")
    assert {event.patient_id for event in seen} == {one.pk for one in people}


def test_a_pack_names_the_nodules_that_its_curve_leaves_out() -> None:
    meeting = a_meeting()
    of = factories.followed_patient(nodules=9)
    cases.put_on(patient=of, question="What now?", by=meeting.chair, meeting=meeting)
    answer = as_user(meeting.chair).get(reverse("mdt-pack", kwargs={"code": meeting.code}))
    assert "Not drawn, and in the table above: N8, N9" in " ".join(pages_of(answer.content))


def test_an_empty_pack_says_so() -> None:
    meeting = a_meeting()
    answer = as_user(meeting.chair).get(reverse("mdt-pack", kwargs={"code": meeting.code}))
    (page,) = pages_of(answer.content)
    assert "The list is empty." in page


def test_a_draft_is_read_back_before_it_counts(patient: Patient) -> None:
    meeting = a_meeting()
    case = cases.put_on(patient=patient, question="What now?", by=meeting.chair, meeting=meeting)
    client = as_user(meeting.chair)
    url = reverse("mdt-discuss", kwargs={"code": case.code})
    client.post(url, {"version": case.version, "kind": "ct", "ct_on": date_words(90)})
    shown = client.get(url).content.decode()
    assert "The follow-up stays open until the result is seen." in shown
    assert "conference_ct" not in patient.follow_ups.values_list("management", flat=True)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, "Choose an outcome."),
        ({"kind": "ct"}, "Give the day of the CT."),
        ({"kind": "discharge"}, "Say in words what was decided, and why."),
        ({"kind": "biopsy"}, "This outcome needs somebody who acts on it, and a day."),
        ({"kind": "biopsy", "what_1": "Request"}, "Say who does this."),
        ({"kind": "discharge", "says": "Benign.", "due_1": "2030-01-01"}, "Say what is to be done, or leave"),
        ({"kind": "nonsense"}, "Select a valid choice"),
    ],
)
def test_what_is_missing_is_said_and_nothing_is_kept(patient: Patient, told: dict[str, str], expected: str) -> None:
    meeting = a_meeting()
    case = cases.put_on(patient=patient, question="What now?", by=meeting.chair, meeting=meeting)
    answer = as_user(meeting.chair).post(
        reverse("mdt-discuss", kwargs={"code": case.code}), {"version": case.version, "agreed": "1"} | told
    )
    assert answer.status_code == 422
    assert expected in answer.content.decode()
    case.refresh_from_db()
    assert case.state == "listed"


def test_what_was_typed_stays_when_somebody_was_quicker(patient: Patient) -> None:
    meeting = a_meeting()
    case = cases.put_on(patient=patient, question="What now?", by=meeting.chair, meeting=meeting)
    cases.put_before(case=case, by=meeting.chair)
    client = as_user(meeting.chair)
    told = {"version": case.version, "kind": "other", "says": "Wait for the microbiology.", "what_1": "Phone"}
    told["owner_1"] = str(meeting.chair.pk)
    cases.prepare(case=case, facts={"fitness": "FEV1 45 %"}, by=factories.member(Role.COORDINATOR))
    url = reverse("mdt-discuss", kwargs={"code": case.code})
    answer = client.post(url, told)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Wait for the microbiology." in page
    assert " data-unsaved" in page
    case.refresh_from_db()
    assert case.state == "listed"
    again = told | {"version": answer.context["form"]["version"].value()}
    assert client.post(url, again).status_code == 302
    case.refresh_from_db()
    assert case.state == "outcome_draft"


def test_another_place_on_the_list_stops_no_outcome(patient: Patient) -> None:
    meeting = a_meeting()
    cases.put_on(patient=patient, question="What now?", by=meeting.chair, meeting=meeting)
    second = factories.nodule(factories.patient()).patient
    case = cases.put_on(patient=second, question="And now?", by=meeting.chair, meeting=meeting)
    cases.put_before(case=case, by=factories.member(Role.COORDINATOR))
    told = {"version": case.version, "kind": "ct", "ct_on": date_words(90)}
    answer = as_user(meeting.chair).post(reverse("mdt-discuss", kwargs={"code": case.code}), told)
    assert answer.status_code == 302


def test_a_coordinator_writes_down_and_only_a_clinician_confirms(patient: Patient) -> None:
    meeting = a_meeting()
    case = cases.put_on(patient=patient, question="What now?", by=meeting.chair, meeting=meeting)
    client = signed_in(Role.COORDINATOR)
    told = {"version": case.version, "kind": "ct", "ct_on": date_words(90), "agreed": "1"}
    client.post(reverse("mdt-discuss", kwargs={"code": case.code}), told)
    case.refresh_from_db()
    assert case.state == "outcome_draft"  # what was typed is kept, and plans nothing
    assert not patient.follow_ups.filter(management="conference_ct").exists()
    assert "Agreed, next case" not in client.get(reverse("mdt-discuss", kwargs={"code": case.code})).content.decode()


def test_the_list_page_asks_the_same_however_long_it_is(patient: Patient) -> None:
    meeting = a_meeting()
    client = as_user(meeting.chair)
    url = reverse("mdt-meeting", kwargs={"code": meeting.code})

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get(url)
        return len(asked)

    def put_on(one: Patient) -> None:
        cases.put_on(patient=one, question="What now?", by=meeting.chair, meeting=meeting)

    put_on(patient)
    put_on(factories.nodule(factories.patient()).patient)  # never measured
    few = queries()
    for _ in range(5):
        put_on(factories.nodule(factories.patient()).patient)
    assert queries() == few


def test_a_meeting_of_another_clinic_is_not_found() -> None:
    meeting = a_meeting()
    elsewhere = factories.member(Role.CHAIR, factories.clinic(name="Elsewhere"))
    assert as_user(elsewhere).get(reverse("mdt-meeting", kwargs={"code": meeting.code})).status_code == 404
