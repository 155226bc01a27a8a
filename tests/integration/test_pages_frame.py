"""The frame of every page, the sign-in page, the worklist and the import page, over HTTP against a real database."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.template.loader import render_to_string
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from nodules_app.lifecycles import FollowUpState, ReminderState, RunState
from nodules_app.models import (
    ImportBatch,
    Reminder,
    Role,
    Run,
    RunKind,
    Scan,
    Series,
)
from nodules_app.selectors.worklist.lists import Show
from nodules_app.selectors.worklist.page import EVERYBODY, worklist
from nodules_app.services import safety_net
from tests.clinic import PASSWORD, TODAY, delivered, followed, member, refused, series_of, signed_in, unreached

pytestmark = pytest.mark.django_db

PAGES = ("worklist", "imports")


# The way in


@pytest.mark.parametrize("name", [*PAGES, "worklist-fragment", "imports-fragment"])
def test_nobody_sees_a_page_without_signing_in(client: Client, name: str) -> None:
    answer = client.get(reverse(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("sign-in"))


def test_it_signs_in_and_goes_where_one_wanted_to(client: Client) -> None:
    user = member()
    answer = client.post(reverse("sign-in"), {"username": user.username, "password": PASSWORD, "next": "/import"})
    assert (answer.status_code, answer["Location"]) == (302, "/import")


def test_it_does_not_send_people_to_other_sites_after_signing_in(client: Client) -> None:
    sent = {"username": member().username, "password": PASSWORD, "next": "https://elsewhere.example/"}
    assert client.post(reverse("sign-in"), sent)["Location"] == reverse("worklist")


def test_it_does_not_say_which_of_name_and_password_was_wrong(client: Client) -> None:
    known, unknown = (
        client.post(reverse("sign-in"), {"username": name, "password": "wrong"}).content.decode()
        for name in (member().username, "nobody")
    )
    assert "do not fit together" in known
    assert "do not fit together" in unknown
    assert "SIM" not in known


def test_it_gives_the_demo_hint_in_a_demo_only(client: Client, settings: LazySettings) -> None:
    settings.DEMO = True
    assert "simulated clinic" in client.get(reverse("sign-in")).content.decode()
    settings.DEMO = False
    assert "simulated clinic" not in client.get(reverse("sign-in")).content.decode()


def test_it_signs_out_by_post_only() -> None:
    client = signed_in()
    assert client.get(reverse("sign-out")).status_code == 405
    client.post(reverse("sign-out"))
    assert client.get(reverse("worklist")).status_code == 302


# Language, appearance, policy


def test_it_changes_the_language_and_stays_on_the_page(client: Client) -> None:
    answer = client.post(reverse("set-language"), {"language": "zh-hans", "next": "/sign-in"})
    assert answer["Location"] == "/sign-in"
    page = client.get("/sign-in").content.decode()
    assert '<html lang="zh-Hans"' in page
    assert "结节门诊" in page


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_keeps_the_appearance_in_the_browser(theme: str) -> None:
    client = signed_in()
    client.post(reverse("preferences"), {"theme": theme, "next": "/"})
    page = client.get("/").content.decode()
    assert f'data-theme="{theme}"' in page
    assert 'data-keys="off"' in page


def test_it_follows_the_device_unless_somebody_chose() -> None:
    assert "data-theme" not in signed_in().get("/").content.decode()


def test_it_refuses_an_appearance_that_does_not_exist() -> None:
    assert signed_in().post(reverse("preferences"), {"theme": "pink"}).status_code == 400


def test_preferences_lead_to_no_other_site() -> None:
    answer = signed_in().post(reverse("preferences"), {"theme": "dark", "next": "//elsewhere.example/"})
    assert answer["Location"] == reverse("worklist")


@pytest.mark.parametrize("name", [*PAGES, "sign-in"])
def test_a_page_carries_a_strict_policy_and_keeps_it(name: str) -> None:
    followed(1)
    answer = (Client() if name == "sign-in" else signed_in()).get(reverse(name))
    policy = answer["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy
    page = answer.content.decode()
    assert not re.search(r"<[^>]+\s(?:style|on\w+)=", page)
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)(?![^>]*application/json)", page)
    assert "{#" not in page
    assert "{%" not in page


@pytest.mark.parametrize("name", PAGES)
def test_the_navigation_marks_where_one_is_and_leads_nowhere_dead(name: str) -> None:
    client = signed_in()
    page = client.get(reverse(name)).content.decode()
    side = page[page.index('<nav class="side"') : page.index("</nav>")]
    targets = re.findall(r'href="([^"]+)"', side)
    assert f'href="{reverse(name)}" aria-current="page"' in side
    assert all(client.get(target).status_code == 200 for target in targets)


def test_a_missing_page_is_said_in_our_frame() -> None:
    answer = signed_in().get("/nowhere")
    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()


def test_the_page_of_a_fault_needs_neither_request_nor_database() -> None:
    with CaptureQueriesContext(connection) as queries:
        page = render_to_string("errors/500.html")
    assert "Something broke on our side" in page
    assert not queries.captured_queries


def test_an_old_form_is_refused_in_our_words() -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.post(reverse("sign-in"), {"username": "a", "password": "b"})
    assert answer.status_code == 403
    assert "You may not see this" in answer.content.decode()


# The safety net's heartbeat


def test_the_heartbeat_says_when_the_proof_was_made() -> None:
    followed(1)
    safety_net.prove()
    page = signed_in().get("/").content.decode()
    assert "nobody lost" in page
    assert "1 active nodule has an open step." in page


def test_the_heartbeat_changes_its_words_when_the_proof_is_late() -> None:
    from django.core.cache import cache

    cache.set(safety_net.PROVED_AT, (timezone.now() - timedelta(hours=3), 1))
    page = signed_in().get("/").content.decode()
    assert 'data-state="late"' in page
    assert "The safety net has stopped." in page
    assert "nobody lost" not in page


# The worklist


def test_the_counts_tell_who_waits_for_what() -> None:
    followed(1, due=(-100, -26))
    followed(2, due=(-5, 9))
    followed(3, due=(80, 110), state=FollowUpState.PROPOSED)
    Run.objects.create(kind=RunKind.ASSESS, patient=followed(4, due=(80, 110)), state=RunState.QUEUED)
    refused(followed(5, due=(80, 110)))
    followed(6, due=(-5, 9), state=FollowUpState.NOT_ATTENDED)
    followed(7, due=(-5, 9), state=FollowUpState.PERFORMED)
    unreached(followed(8, due=(-5, 9), state=FollowUpState.LOST_SUSPECTED))
    found = worklist(user=member(), today=TODAY)
    assert found.counts.of == {
        Show.OVERDUE: 1,
        Show.MISSED: 1,
        Show.DECIDE: 1,
        Show.UNREACHED: 1,
        Show.REFUSED: 1,
        Show.NEW: 1,
        Show.BOOK: 1,
        Show.DUE: 3,
        Show.REPORT: 1,
        Show.RUNNING: 1,
    }
    assert found.counts.everybody == 8
    assert found.counts.worst_deadline == TODAY - timedelta(days=26)
    assert found.is_running


def test_the_most_harmful_delay_comes_first() -> None:
    for number, due in enumerate([(-5, 9), (-100, -3), (80, 110), (-100, -26)]):
        followed(number, due=due)
    everybody = worklist(user=member(), today=TODAY, show=EVERYBODY)
    assert [row.number for row in everybody.rows] == [f"SIM-00000{n}" for n in (3, 1, 0, 2)]
    assert [row.number for row in worklist(user=member(), today=TODAY).rows] == [f"SIM-00000{n}" for n in (3, 1, 0)]
    assert everybody.matching == 4


def test_nobody_is_overdue_once_the_scan_was_made() -> None:
    followed(1, due=(-100, -26), state=FollowUpState.PERFORMED)
    assert worklist(user=member(), today=TODAY).counts.of[Show.OVERDUE] == 0


@pytest.mark.parametrize(("days", "overdue"), [(-1, 1), (0, 0), (1, 0)])
def test_the_last_day_of_a_window_is_not_late(days: int, overdue: int) -> None:
    followed(1, due=(-10, days))
    assert worklist(user=member(), today=TODAY).counts.of[Show.OVERDUE] == overdue


def test_an_exam_that_nobody_has_read_is_new() -> None:
    followed(1, due=None)
    assert worklist(user=member(), today=TODAY).counts.of[Show.NEW] == 1


def test_a_refusal_leaves_the_list_when_the_work_was_done_after_all() -> None:
    patient = followed(1)
    refused(patient)
    assert worklist(user=member(), today=TODAY).counts.of[Show.REFUSED] == 1
    Run.objects.create(kind=RunKind.ASSESS, patient=patient, state=RunState.SUCCEEDED)
    assert worklist(user=member(), today=TODAY).counts.of[Show.REFUSED] == 0


@pytest.mark.parametrize(
    ("state", "stands"),
    [
        (ReminderState.FAILED, 1),
        (ReminderState.BOUNCED, 1),
        (ReminderState.UNCERTAIN, 1),
        (ReminderState.UNKNOWN, 1),
        (ReminderState.QUEUED, 0),
        (ReminderState.HANDED_OVER, 0),
    ],
)
def test_a_reminder_that_failed_stands_on_its_list_until_somebody_deals_with_it(
    state: ReminderState, stands: int
) -> None:
    unreached(followed(1, due=(80, 110)), state)
    assert worklist(user=member(), today=TODAY).counts.of[Show.UNREACHED] == stands
    if stands:
        Reminder.objects.update(state=ReminderState.ACKNOWLEDGED, acknowledged_by=member())
        assert worklist(user=member(), today=TODAY).counts.of[Show.UNREACHED] == 0


@pytest.mark.parametrize("show", list(Show))
def test_a_count_opens_exactly_its_patients(show: Show) -> None:
    followed(1, due=(-100, -26))
    followed(2, due=(-5, 9), state=FollowUpState.PROPOSED)
    refused(followed(3, due=(80, 110)))
    Run.objects.create(kind=RunKind.ASSESS, patient=followed(4, due=(80, 110)), state=RunState.QUEUED)
    followed(6, due=(-5, 9), state=FollowUpState.NOT_ATTENDED)
    followed(7, due=(-5, 9), state=FollowUpState.PERFORMED)
    unreached(followed(8, due=(-5, 9), state=FollowUpState.LOST_SUSPECTED))
    followed(9, due=(20, 60))
    found = worklist(user=member(), today=TODAY, show=show)
    assert len(found.rows) == found.matching == found.counts.of[show] > 0
    assert all(show in row.shows for row in found.rows)


@pytest.mark.parametrize(("text", "numbers"), [("0042", [42]), ("zhang", [7]), ("demo 42", [42]), ("nobody", [])])
def test_it_finds_patients_by_every_word_of_name_or_number(text: str, numbers: list[int]) -> None:
    followed(42)
    followed(7, name="Zhang^San")
    assert [row.number for row in worklist(user=member(), today=TODAY, text=text).rows] == [
        f"SIM-{n:06d}" for n in numbers
    ]


def test_a_row_says_size_change_window_and_lateness_in_words() -> None:
    today = timezone.localdate()
    followed(42, due=(-100, -26), today=today)
    page = signed_in().get("/").content.decode()
    for words in ("541 mm³", "Slightly larger", "26 days late", "CT at 3 months.", "Demo Patient 0042", "SIM-000042"):
        assert words in page


def test_the_number_of_queries_does_not_grow_with_the_rows() -> None:
    def queries() -> int:
        client = signed_in()
        client.get("/")
        with CaptureQueriesContext(connection) as caught:
            assert client.get("/").status_code == 200
        return len(caught)

    followed(1)
    few = queries()
    for number in range(2, 14):
        refused(followed(number, due=(-100, -number)))
    assert queries() == few


def test_an_address_that_asks_for_nonsense_is_refused() -> None:
    answer = signed_in().get("/?show=everything")
    assert answer.status_code == 400
    assert "This request cannot be read" in answer.content.decode()


def test_the_fragment_is_what_the_page_shows() -> None:
    followed(1)
    client = signed_in()
    squeezed = [" ".join(client.get(url).content.decode().split()) for url in ("/worklist/rows", "/")]
    fragment, page = (re.sub(r'(name="csrfmiddlewaretoken" value=)"\w+"', r"\1", one) for one in squeezed)
    assert fragment in page


def test_an_empty_list_says_why() -> None:
    client = signed_in()
    assert "No patient yet" in client.get("/").content.decode()
    followed(1, due=(80, 110))
    assert "Nothing is overdue" in client.get("/?show=overdue").content.decode()
    assert "No patient found" in client.get("/?q=nobody").content.decode()


# The import page


def upload(client: Client, *contents: bytes) -> object:
    files = [SimpleUploadedFile(f"{number}.dcm", content) for number, content in enumerate(contents)]
    return client.post(reverse("imports"), {"dicom": files})


@pytest.fixture
def inbox(settings: LazySettings, tmp_path: Path) -> Path:
    settings.INBOX_DIR = tmp_path / "inbox"
    return settings.INBOX_DIR


def test_an_upload_is_kept_and_asked_to_be_read(inbox: Path) -> None:
    answer = upload(signed_in(), b"first", b"second")
    batch = ImportBatch.objects.get()
    assert answer["Location"] == f"{reverse('imports')}#import-{batch.code}"
    assert [file.read_bytes() for file in sorted(Path(batch.path).iterdir())] == [b"first", b"second"]
    assert Run.objects.get().kind == RunKind.INTAKE


def test_sending_nothing_is_refused_with_a_remedy(inbox: Path) -> None:
    answer = signed_in().post(reverse("imports"), {})
    assert answer.status_code == 422
    assert "No file was chosen." in answer.content.decode()
    assert "Choose a folder, DICOM files or a zip archive." in answer.content.decode()
    assert not ImportBatch.objects.exists()


def test_sending_too_much_is_refused_in_the_reader_s_language(inbox: Path, settings: LazySettings) -> None:
    settings.UPLOAD_LIMIT_BYTES = 2**20
    client = signed_in()
    client.cookies[django_settings.LANGUAGE_COOKIE_NAME] = "zh-hans"
    answer = upload(client, b"x" * (3 * 2**20))
    assert answer.status_code == 422
    assert "文件共 3 MB；本门诊一次最多接收 1 MB。" in answer.content.decode()


def test_who_may_only_look_cannot_import(inbox: Path) -> None:
    manager = signed_in(Role.MANAGER)
    assert "data-upload" not in manager.get(reverse("imports")).content.decode()
    assert upload(manager, b"x").status_code == 403
    assert not ImportBatch.objects.exists()


def step_states(page: str) -> list[str]:
    stepper = page[page.index('<ol class="stepper"') : page.index("</ol>")]
    return re.findall(r'<li(?: data-state="(\w+)")?', stepper)


def test_the_steps_of_a_delivery_follow_its_runs() -> None:
    patient = followed(1)
    delivered(patient)
    for scan in Scan.objects.all():
        Run.objects.create(kind=RunKind.LUNGS, patient=patient, scan=scan, state=RunState.SUCCEEDED)
    pair = patient.comparisons.get()
    lease = timezone.now() + timedelta(minutes=1)
    Run.objects.create(
        kind=RunKind.REGISTER, patient=patient, comparison=pair, state=RunState.RUNNING, lease_until=lease, progress=62
    )
    page = signed_in().get(reverse("imports")).content.decode()
    assert step_states(page) == ["done", "done", "done", "running", "", "", "", ""]
    assert "62 %" in page
    assert "data-running" in page


def test_a_refused_step_says_what_is_wrong_and_what_to_do_and_can_be_tried_again() -> None:
    patient = followed(1)
    delivered(patient)
    run = refused(patient)
    client = signed_in()
    page = client.get(reverse("imports")).content.decode()
    assert "After slice 112 the table jumps 5.0 mm." in page
    assert "Send the whole series again from the archive." in page
    assert "data-running" not in page
    client.post(reverse("run-again", args=[run.code]))
    run.refresh_from_db()
    assert run.state == RunState.QUEUED
    assert "Somebody else has asked" in client.post(reverse("run-again", args=[run.code]), follow=True).content.decode()


def test_another_series_of_the_exam_can_be_measured() -> None:
    patient = followed(1)
    delivered(patient)
    scan = Scan.objects.filter(study__patient=patient).order_by("-study__acquired_on")[0]
    other = series_of(scan.study, "Thorax 2.0 B60")
    client = signed_in()
    assert "Thorax 2.0 B60" in client.get(reverse("imports")).content.decode()
    client.post(reverse("choose-series", args=[scan.code]), {"series": other.code})
    assert Scan.objects.get(study=scan.study, superseded_at__isnull=True).series == other


def test_a_series_of_another_exam_cannot_be_chosen() -> None:
    mine, another = followed(1), followed(2)
    scan = Scan.objects.filter(study__patient=mine)[0]
    foreign = Series.objects.filter(study__patient=another)[0]
    answer = signed_in().post(reverse("choose-series", args=[scan.code]), {"series": foreign.code})
    assert answer.status_code == 404
    assert Scan.objects.filter(superseded_at__isnull=False).count() == 0


def test_choosing_a_series_is_for_those_who_read() -> None:
    scan = Scan.objects.filter(study__patient=followed(1))[0]
    other = series_of(scan.study, "Thorax 2.0 B60")
    answer = signed_in(Role.COORDINATOR).post(reverse("choose-series", args=[scan.code]), {"series": other.code})
    assert answer.status_code == 403


def test_the_import_page_costs_the_same_for_many_deliveries() -> None:
    def queries() -> int:
        client = signed_in()
        client.get(reverse("imports"))
        with CaptureQueriesContext(connection) as caught:
            assert client.get(reverse("imports")).status_code == 200
        return len(caught)

    delivered(followed(1))
    few = queries()
    for number in range(2, 9):
        delivered(followed(number))
    assert queries() == few
