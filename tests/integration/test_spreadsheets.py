"""A clinic's own list, from the upload to patients with an open step, and the same list again."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from nodules_app.exchange.spreadsheet_reading.headings import Field
from nodules_app.lifecycles import OPEN_FOLLOW_UP, FollowUpState, NoduleState, RunState
from nodules_app.models import (
    AuditEvent,
    ContactPoint,
    FollowUp,
    FollowUpChange,
    FollowUpKind,
    ListEntry,
    Nodule,
    Patient,
    Role,
    Run,
    RunKind,
    Spreadsheet,
    SpreadsheetColumns,
    User,
)
from nodules_app.selectors import spreadsheets as selectors
from nodules_app.selectors.safety_net import uncovered_nodules
from nodules_app.services import joining, runs
from nodules_app.services.pipeline.execute import execute
from nodules_app.services.spreadsheets import asking, receiving, sentences, storing
from tests import factories

pytestmark = pytest.mark.django_db

HEAD = "MRN Name Born Sex Mobile Nodule Lobe Size|mm Attenuation Measured|on Last|CT Next|step Due Owner Notes"
HEADINGS = [heading.replace("|", " ") for heading in HEAD.split()]
TODAY = timezone.localdate()
IN_A_YEAR = TODAY + timedelta(days=365)


def row(number: str, **said: str) -> list[str]:
    ordinary = {
        "name": f"Example^Patient {number}",
        "born": f"{1940 + int(number) % 40}-02-03",
        "sex": "F",
        "nodule": "1",
        "lobe": "RUL",
        "size": "7,2",
        "attenuation": "solid",
        "measured": "3 Apr 25",
        "step": "CT",
        "due": IN_A_YEAR.isoformat(),
    } | said
    names = "name born sex mobile nodule lobe size attenuation measured last step due owner notes"
    return [number, *(ordinary.get(name, "") for name in names.split())]


def as_file(rows: Sequence[Sequence[str]], name: str = "list.csv") -> SimpleUploadedFile:
    out = StringIO()
    csv.writer(out).writerows([HEADINGS, *rows])
    return SimpleUploadedFile(name, out.getvalue().encode())


@pytest.fixture(autouse=True)
def inbox(settings: Settings, tmp_path: Path) -> Path:
    settings.INBOX_DIR = tmp_path / "inbox"
    return tmp_path / "inbox"


@pytest.fixture
def by() -> User:
    return factories.member(Role.COORDINATOR)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def work(spreadsheet: Spreadsheet) -> Run:
    run = spreadsheet.batch.runs.order_by("-pk").first()
    assert run is not None
    execute(run.code)
    run.refresh_from_db()
    return run


def checked(rows: Sequence[Sequence[str]], by: User) -> Spreadsheet:
    sent = receiving.receive(file=as_file(rows), by=by)
    head = sent.heads[0]
    columns = {column["index"]: Field(column["field"]) for column in head["columns"] if column["field"] is not None}
    receiving.read_so(spreadsheet=sent, said=receiving.Said(head["sheet"], columns, issuer="TEST"), by=by)
    assert work(sent).state == RunState.SUCCEEDED
    sent.refresh_from_db()
    return sent


def stored(rows: Sequence[Sequence[str]], by: User) -> Spreadsheet:
    sent = checked(rows, by)
    asking.store(spreadsheet=sent, by=by)
    run = work(sent)
    assert run.state == RunState.SUCCEEDED, (run.failure, run.refusal)
    sent.refresh_from_db()
    return sent


def verdicts(sent: Spreadsheet) -> list[str]:
    return list(sent.lines.order_by("number").values_list("verdict", flat=True))


def codes(sent: Spreadsheet, number: int) -> list[str]:
    return [told["code"] for told in sent.lines.get(number=number).told]


class TestTakingOver:
    def test_a_list_becomes_patients_with_nodules_and_one_step_each(self, by: User) -> None:
        sent = stored(
            [
                row("0071", mobile="+1 555 010 0071", notes="told by phone"),
                row("0071", nodule="2", lobe="LLL", size="6 x 5", attenuation="GGN"),
                row("0072", step="PET-CT", due="Mar 2027", owner=by.username),
                row("0073", step="", due=""),
                row("0074", step="discharged", due=""),
            ],
            by,
        )
        first = Patient.objects.get(identifier="0071")
        assert (first.issuer, first.name, first.birth_date, first.sex) == (
            "TEST",
            "Example^Patient 0071",
            date(1971, 2, 3),
            "female",
        )
        assert [nodule.label for nodule in first.nodules.order_by("number")] == ["N1", "N2"]
        step = first.follow_ups.get()
        assert (step.kind, step.state, step.target_on, step.due_until) == ("ct", "proposed", IN_A_YEAR, IN_A_YEAR)
        assert step.nodules.count() == 2
        assert FollowUpChange.objects.get(follow_up=step).by == by
        assert ContactPoint.objects.get(patient=first).value == "+1 555 010 0071"
        entry = ListEntry.objects.get(patient=first, line=2)
        assert (entry.size_mm, entry.size_sd_mm, entry.lobe) == (7.2, 0.665, "RUL")
        assert (entry.seen_on, entry.note) == (date(2025, 4, 3), "told by phone")
        second = Patient.objects.get(identifier="0072").follow_ups.get()
        assert (second.kind, second.owner) == ("workup", by)
        assert (second.due_from, second.due_until) == (date(2027, 3, 1), date(2027, 3, 31))
        assert Patient.objects.get(identifier="0073").follow_ups.get().kind == FollowUpKind.REVIEW
        ended = Patient.objects.get(identifier="0074")
        assert ended.follow_ups.get().kind == FollowUpKind.DISCHARGE  # a clinician decides; no list discharges anybody
        assert ended.nodules.get().state == NoduleState.ACTIVE
        taken = AuditEvent.objects.filter(verb="patient.taken_from_list")
        assert taken.count() == 4
        assert taken.get(patient=first).facts["spreadsheet"] == str(sent.code)

    def test_the_file_is_kept_until_it_is_not_needed(
        self, by: User, inbox: Path, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        sent = checked([row("0071")], by)
        assert Path(sent.batch.path).read_bytes().startswith(b"MRN,Name")
        asking.store(spreadsheet=sent, by=by)
        with django_capture_on_commit_callbacks(execute=True):
            work(sent)
        assert not list(inbox.iterdir())

    def test_whoever_may_sign_signs_the_steps_by_storing(self) -> None:
        stored([row("0071"), row("0072", step="discharged")], factories.member(Role.PHYSICIAN))
        states = dict(FollowUp.objects.values_list("patient__identifier", "state"))
        assert states == {"0071": FollowUpState.PLANNED, "0072": FollowUpState.PROPOSED}

    def test_the_same_list_again_changes_nothing(self, by: User) -> None:
        rows = [
            row("0071"),
            row("0071", nodule="2", lobe="LLL"),
            row("0072", step="PET-CT"),
            row("0073", step="", due=""),
        ]
        stored(rows, by)
        before = everything()
        again = stored(rows, by)
        assert verdicts(again) == ["unchanged"] * 4
        assert everything() == before

    def test_a_step_that_nobody_touched_follows_the_list_and_an_arranged_one_stays(self, by: User) -> None:
        stored([row("0071"), row("0072")], by)
        arranged = Patient.objects.get(identifier="0072").follow_ups.get()
        FollowUp.objects.filter(pk=arranged.pk).update(management="")  # a step of the product's own
        later = (IN_A_YEAR + timedelta(days=30)).isoformat()
        sent = stored(
            [row("0071", due=later), row("0072", due=later), row("0072", nodule="2", lobe="LLL", due=later)], by
        )
        assert verdicts(sent) == ["changed"] * 3
        opened = FollowUp.objects.filter(state__in=OPEN_FOLLOW_UP)
        moved = opened.get(patient__identifier="0071")
        assert moved.due_until.isoformat() == later
        assert moved.succeeds is not None
        assert moved.nodules.count() == 1
        kept = opened.filter(patient__identifier="0072")
        assert kept.get(kind=FollowUpKind.CT).due_until == IN_A_YEAR
        assert kept.get(kind=FollowUpKind.REVIEW).nodules.get().label == "N2"  # the new nodule is owed a look

    def test_a_blank_is_filled_and_what_is_known_stays(self, by: User) -> None:
        known = factories.patient(identifier="0071", issuer="TEST", name="Example^Patient 0071", birth_date=None)
        ContactPoint.objects.create(patient=known, kind="mobile", value="+1 555", retired_at=timezone.now(), by=by)
        sent = stored([row("0071", born="1971-02-03", sex="M", mobile="+1 555")], by)
        assert verdicts(sent) == ["changed"]
        known.refresh_from_db()
        assert known.birth_date == date(1971, 2, 3)
        assert known.contact_points.count() == 1  # an address that was struck here is not brought back

    def test_nodules_from_images_are_not_doubled(self, by: User) -> None:
        known = factories.followed_patient()
        nodules = known.nodules.count()
        sent = stored([row(known.identifier[-4:], name=known.name, born="1958-03-14", sex="M")], by)
        assert "line_nodules_followed" not in codes(sent, 2)  # another number: another person
        Patient.objects.filter(pk=known.pk).update(issuer="TEST")
        line = row("1", name=known.name, born="1958-03-14", sex="M")
        line[0] = known.identifier
        sent = stored([line], by)
        assert "line_nodules_followed" in codes(sent, 2)
        assert known.nodules.count() == nodules
        assert ListEntry.objects.get(patient=known).nodule is None

    def test_entries_move_with_a_joined_record(self, by: User) -> None:
        stored([row("0071"), row("0075", name="Other^Person", born="1950-01-01")], by)
        gone, kept = Patient.objects.get(identifier="0075"), Patient.objects.get(identifier="0071")
        joining.join(gone=gone, kept=kept, reason="a card", by=by)
        assert ListEntry.objects.filter(patient=kept).count() == 2
        again = checked([row("0075", name="Other^Person", born="1950-01-01")], by)
        assert again.lines.get().known == kept

    def test_an_entry_is_recorded_once(self, by: User) -> None:
        stored([row("0071")], by)
        with pytest.raises(IntegrityError), transaction.atomic():
            ListEntry.objects.update(note="another")


def everything() -> list[object]:
    """Every row that taking over may write, but the record that somebody took over a list."""
    models = (Patient, Nodule, FollowUp, FollowUpChange, ContactPoint, ListEntry)
    rows: list[object] = [list(model.objects.order_by("pk").values()) for model in models]
    return [*rows, AuditEvent.objects.filter(patient__isnull=False).count()]


class TestVerdicts:
    def test_repeated_contradicting_and_refused_lines(self, by: User) -> None:
        sent = checked(
            [
                row("0071"),
                row("0071"),
                row("0072"),
                row("0072", size="9"),
                row("0073"),
                row("0073", nodule="2", size="9.0 cm"),
                row("0074", born="1970-02-31"),
                row("0075", nodule="1"),
                row("0075", nodule="2", sex="M"),
                [*row("0076"), "slipped"],
            ],
            by,
        )
        expected = ["new", "repeated", *["refused"] * 8]
        assert verdicts(sent) == expected
        assert codes(sent, 3) == ["line_said_twice"]
        assert codes(sent, 4) == ["line_said_differently"]
        assert codes(sent, 6) == ["line_of_refused_patient"]  # whole or not at all
        assert codes(sent, 7) == ["cell_size_out_of_range"]
        assert codes(sent, 8) == ["cell_no_such_day"]
        assert codes(sent, 9) == ["lines_contradict"]
        assert codes(sent, 11) == ["line_beside_headings"]
        assert selectors.counts(sent) == {
            "new": 1,
            "changed": 0,
            "unchanged": 0,
            "repeated": 1,
            "held": 0,
            "refused": 8,
        }

    def test_another_day_of_birth_is_held_until_a_person_takes_the_line(self, by: User) -> None:
        factories.patient(identifier="0071", issuer="TEST", name="Example^Patient 0071", birth_date=date(1950, 1, 1))
        sent = checked([row("0071"), row("0072")], by)
        assert verdicts(sent) == ["held", "new"]
        assert codes(sent, 2) == ["line_person_differs"]
        asking.take(spreadsheet=sent, number=2, by=by)
        assert work(sent).state == RunState.SUCCEEDED
        assert verdicts(sent) == ["changed", "new"]
        asking.store(spreadsheet=sent, by=by)
        work(sent)
        assert Patient.objects.get(identifier="0071").birth_date == date(1950, 1, 1)

    def test_somebody_who_looks_like_a_patient_or_like_another_line_is_held(self, by: User) -> None:
        factories.patient(
            identifier="9", issuer="TEST", name="Patient^Example Long", birth_date=date(1971, 2, 3), sex="female"
        )
        sent = checked(
            [
                row("0071", name="Patient^Exampel Long"),
                row("0072", name="Same^Name", born="1960-01-01"),
                row("0073", name="same name", born="1960-01-01"),
            ],
            by,
        )
        assert verdicts(sent) == ["held", "held", "held"]
        assert [codes(sent, number)[0] for number in (2, 3, 4)] == [
            "line_looks_like",
            "line_looks_like_line",
            "line_looks_like_line",
        ]

    def test_patients_of_another_clinic_and_those_whose_care_has_ended(self, by: User) -> None:
        factories.patient(identifier="0071", issuer="TEST", clinic=factories.clinic(name="There"))
        sent = checked([row("0071", name="Demo^Patient", born="")], by)
        assert codes(sent, 2) == ["line_of_another_clinic"]
        assert sent.lines.get().known is None

    def test_notices_say_what_is_not_taken_as_written(self, by: User) -> None:
        sent = checked(
            [
                row("0071", owner="Nobody Here"),
                row("0072", step="discharged"),
                row("0073", step="", due=""),
                row("0074", due=""),
                row("0075", nodule="", lobe="", size="", attenuation="", measured="", step="", due=""),
            ],
            by,
        )
        assert [codes(sent, number) for number in range(2, 7)] == [
            ["line_owner_unknown"],
            ["line_discharge_asked"],
            ["line_no_step_said"],
            ["line_no_due_said"],
            ["line_nothing_followed"],
        ]

    def test_queries_do_not_grow_with_the_lines(self, by: User, django_assert_max_num_queries: object) -> None:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        def asked(lines: int) -> int:
            rows = [row(str(1000 + number), name=f"Person^{chr(65 + number)}{number}x") for number in range(lines)]
            with CaptureQueriesContext(connection) as queries:
                stored(rows, by)
            return len(queries)

        few = asked(3)
        Patient.objects.filter(identifier__startswith="1").update(issuer="OTHER")
        assert asked(25) <= few + 2


class TestNothingHalf:
    def test_what_changed_since_the_page_showed_it_is_not_stored(self, by: User) -> None:
        sent = checked([row("0071"), row("0072")], by)
        factories.patient(identifier="0072", issuer="TEST", name="Another^One", birth_date=date(1950, 1, 1))
        asking.store(spreadsheet=sent, by=by)
        run = work(sent)
        assert run.refusal is not None
        assert (run.state, run.refusal["code"]) == (RunState.REFUSED, "list_not_as_checked")
        assert not Patient.objects.filter(identifier="0071").exists()
        assert Path(sent.batch.path).exists()
        asking.check_again(spreadsheet=sent, by=by)
        work(sent)
        assert verdicts(sent) == ["new", "held"]

    def test_a_fault_in_the_middle_leaves_nothing(self, by: User, monkeypatch: pytest.MonkeyPatch) -> None:
        sent = checked([row("0071"), row("0072")], by)
        run = runs.request(RunKind.STORE_LIST, by=by, import_batch=sent.batch)
        monkeypatch.setattr(ContactPoint.objects, "bulk_create", _fall)
        with pytest.raises(MemoryError), transaction.atomic():
            storing.store(run)()
        assert not Patient.objects.filter(issuer="TEST").exists()

    def test_a_list_is_stored_once_and_not_after_it_was_laid_aside(self, by: User) -> None:
        sent = stored([row("0071")], by)
        for act in (asking.store, asking.check_again, receiving.discard):
            with pytest.raises(sentences.AlreadyStored):
                act(spreadsheet=sent, by=by)
        aside = checked([row("0072")], by)
        receiving.discard(spreadsheet=aside, by=by)
        assert not aside.lines.exists()
        with pytest.raises(sentences.AlreadyStored):
            asking.store(spreadsheet=aside, by=by)


def _fall(*_rows: object, **_options: object) -> Iterator[object]:
    raise MemoryError


class TestPages:
    def test_from_the_upload_to_the_patients(self, by: User) -> None:
        client = signed_in(by)
        page = client.post(reverse("lists"), {"file": as_file([row("0071"), row("0072", born="31-Feb-1970")])})
        sent = Spreadsheet.objects.get()
        here = reverse("list", kwargs={"code": sent.code})
        assert page.headers["Location"] == here
        page = client.get(here, follow=True)
        assert "What do the columns say?" in page.content.decode()
        form = page.context["form"]
        answer = {name: form[name].value() or "" for name in form.fields} | {
            "sheet": "",
            "issuer": "TEST",
            "unit": "mm",
        }
        bad = client.post(reverse("list-columns", kwargs={"code": sent.code}), answer | {"column-0": ""})
        assert bad.status_code == 422
        client.post(reverse("list-columns", kwargs={"code": sent.code}), answer)
        work(sent)
        body = client.get(here).content.decode()
        assert "there is no day “31-Feb-1970”" in body
        assert "Take over 1 line of 2" in body
        assert "0072" not in client.get(f"{here}?verdict=new").content.decode()
        file = client.get(reverse("list-verdicts", kwargs={"code": sent.code}))
        sheet = load_workbook(BytesIO(file.content)).active
        assert sheet is not None
        assert [cell.value for cell in sheet[3]][:4] == [3, "0072", "Example^Patient 0072", "To be mended"]
        client.post(reverse("list-store", kwargs={"code": sent.code}))
        work(sent)
        assert "Taken over by" in client.get(here).content.decode()
        assert SpreadsheetColumns.objects.get().columns["0"] == "identifier"
        patient = Patient.objects.get(identifier="0071")
        told = client.get(reverse("patient", kwargs={"code": patient.code})).content.decode()
        assert "From the clinic's own list" in told or "From the clinic&#x27;s own list" in told
        assert not uncovered_nodules()

    def test_another_clinic_finds_nothing_and_an_auditor_may_not(self, by: User) -> None:
        sent = checked([row("0071")], by)
        names = ("list", "list-fragment", "list-columns", "list-verdicts")
        stranger = signed_in(factories.member(Role.COORDINATOR, at=factories.clinic(name="There")))
        for name in names:
            assert stranger.get(reverse(name, kwargs={"code": sent.code})).status_code == 404
        for name in ("list-store", "list-check", "list-discard"):
            assert stranger.post(reverse(name, kwargs={"code": sent.code})).status_code == 404
        assert stranger.post(reverse("list-take", kwargs={"code": sent.code, "number": 2})).status_code == 404
        assert str(sent.code) not in stranger.get(reverse("lists")).content.decode()
        assert signed_in(factories.member(Role.AUDITOR)).get(reverse("lists")).status_code == 403

    @pytest.mark.parametrize("language", ["en", "zh"])
    @pytest.mark.parametrize("form", ["xlsx", "csv"])
    def test_the_example_reads_back_without_a_line_to_mend(self, by: User, language: str, form: str) -> None:
        client = signed_in(by)
        body = client.get(reverse("list-template", kwargs={"language": language, "form": form})).content
        sent = receiving.receive(file=SimpleUploadedFile(f"example.{form}", body), by=by)
        head = sent.heads[0]
        columns = {column["index"]: Field(column["field"]) for column in head["columns"]}
        receiving.read_so(spreadsheet=sent, said=receiving.Said(head["sheet"], columns), by=by)
        work(sent)
        assert verdicts(sent) == ["new"] * 3

    def test_a_file_that_is_no_list_is_refused_in_words(self, by: User, inbox: Path) -> None:
        ole = bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600
        page = signed_in(by).post(reverse("lists"), {"file": SimpleUploadedFile("old.xls", ole)})
        assert page.status_code == 422
        assert "Excel format before 2007" in page.content.decode()
        assert not list(inbox.iterdir())
