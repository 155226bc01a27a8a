"""Working a list: finding somebody, taking a patient, keeping a view, taking the list along."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from io import BytesIO

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from nodules_app.exchange.spreadsheets import as_csv
from nodules_app.models import AuditEvent, Claim, Clinic, Patient, Role, SavedView, Study, User
from nodules_app.selectors.worklist import page
from nodules_app.selectors.worklist.finding import day_in, find, find_similar
from nodules_app.selectors.worklist.page import worklist
from nodules_app.services import worklists
from nodules_app.services.names import sounds_of
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = date(2026, 11, 18)


def explained(patients: QuerySet[Patient]) -> str:
    """How the database would look for them if it could not read the whole table."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off")
        try:
            return patients.explain()
        finally:
            cursor.execute("RESET enable_seqscan")


def found(text: str) -> list[str]:
    user = factories.member()
    return [row.name for row in worklist(user=user, today=TODAY, text=text).rows]


@pytest.fixture
def people() -> None:
    named = ("Demo^Wilhelmina", "Demo^Peter", "张^三丰", "王^小明")
    for number, name in enumerate(named):
        factories.patient(name=name, sounds=sounds_of(name), birth_date=date(1950 + number, 3, 14))


@pytest.mark.usefixtures("people")
class TestFinding:
    @pytest.mark.parametrize(
        "text", ["张", "三丰", "张三丰", "张^三", "三 张", "zhang", "sanfeng", "san feng", "zs", "zsf", "ZHANG", "f"]
    )
    def test_a_chinese_name_is_found_by_its_characters_and_its_sound(self, text: str) -> None:
        assert found(text) == ["张^三丰"]

    @pytest.mark.parametrize("text", ["1951-03-14", "14.03.1951", "14/03/1951", "14-Mar-1951", "1951年03月14日"])
    def test_a_day_of_birth_is_found_however_it_is_typed(self, text: str) -> None:
        assert found(text) == ["Demo^Peter"]

    def test_day_of_birth_and_name_together(self) -> None:
        assert found("demo 1950-03-14") == ["Demo^Wilhelmina"]
        assert found("peter 1950-03-14") == []

    @pytest.mark.parametrize("text", ["Wilhemina", "Wilhelmnia", "Wihelmina"])
    def test_a_typing_error_offers_the_names_that_come_near(self, text: str) -> None:
        shown = worklist(user=factories.member(), today=TODAY, text=text)
        assert shown.only_similar
        assert [row.name for row in shown.rows] == ["Demo^Wilhelmina"]

    def test_what_resembles_nobody_finds_nobody(self) -> None:
        assert found("Qqqqqqq") == []

    def test_another_clinics_patient_is_not_found(self) -> None:
        factories.patient(name="Demo^Elsewhere", clinic=Clinic.objects.create(name="Elsewhere"))
        assert found("elsewhere") == []

    @pytest.mark.parametrize(
        ("text", "index"),
        [
            ("wilhelm", "patient_is_searched_by_word"),
            ("zs", "patient_is_searched_by_word"),
            ("w", "patient_is_searched_by_word"),
            ("三", "patient_is_searched_in_han"),
            ("张三", "patient_is_searched_in_han"),
            ("1951-03-14", "patient_by_day_of_birth"),
        ],
    )
    def test_an_index_serves_every_way_to_search(self, text: str, index: str) -> None:
        assert index in explained(find(Patient.objects.all(), text))

    def test_an_index_serves_the_search_for_what_comes_near(self) -> None:
        assert "patient_is_searched_by_word" in explained(find_similar(Patient.objects.all(), "Wilhemina"))

    def test_an_accession_number_finds_the_patient_beside_a_name_that_reads_like_it(self) -> None:
        study = factories.scan(Patient.objects.get(name="Demo^Peter"), TODAY).study
        Study.objects.filter(pk=study.pk).update(accession="minA1")
        factories.patient(name="Demo^Mina1")
        assert found("minA1") == ["Demo^Mina1", "Demo^Peter"]
        assert found("minA1 1951-03-14") == ["Demo^Peter"]

    def test_a_search_that_hundreds_match_counts_no_further_than_it_shows(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(page, "MOST_FOUND", 1)
        shown = worklist(user=factories.member(), today=TODAY, text="demo")
        assert (shown.matching, shown.more_match) == (1, True)
        assert not worklist(user=factories.member(), today=TODAY, text="peter").more_match


@pytest.mark.parametrize(
    ("name", "said"),
    [("张^三丰", "zhang san feng zhangsanfeng zsf"), ("Demo^Peter", ""), ("Zhang^San=张^三", "zhang san zhangsan zs")],
)
def test_the_sound_of_a_name(name: str, said: str) -> None:
    assert sounds_of(name) == said


@pytest.mark.parametrize("typed", ["31.02.1951", "1951", "", "14.3", "x"])
def test_what_is_no_day_is_no_day(typed: str) -> None:
    assert day_in(typed) is None


class TestTaking:
    def test_a_colleague_sees_who_has_the_patient_and_cannot_take_it(self) -> None:
        patient, first, second = factories.patient(), factories.member(), factories.member()
        worklists.claim(patient=patient, by=first)
        with pytest.raises(worklists.ClaimedByAnother, match=str(first)):
            worklists.claim(patient=patient, by=second)
        worklists.release(patient=patient, by=second)
        assert Claim.objects.get().by == first

    def test_after_half_an_hour_the_patient_is_free_by_itself(self) -> None:
        patient, first, second = factories.patient(), factories.member(), factories.member()
        worklists.claim(patient=patient, by=first, now=timezone.now() - timedelta(minutes=31))
        assert worklists.claim(patient=patient, by=second).by == second

    def test_of_two_at_once_one_has_it(self) -> None:
        patient, people = factories.patient(), [factories.member() for _ in range(5)]

        def take(by: User) -> bool:
            try:
                worklists.claim(patient=patient, by=by)
            except worklists.ClaimedByAnother:
                return False
            else:
                return True
            finally:
                connection.close()

        with ThreadPoolExecutor(5) as pool:
            assert sum(pool.map(take, people)) == 1

    def test_the_page_takes_gives_back_and_names_the_other(self) -> None:
        patient = factories.patient()
        factories.nodule(patient)
        mine, other = signed_in(Role.COORDINATOR), signed_in(Role.COORDINATOR)
        mine.post(reverse("claim", kwargs={"code": patient.code}))
        assert "Give back" in words(mine.get("/").content.decode())
        assert " until " in words(other.get("/").content.decode())
        told = words(other.post(reverse("claim", kwargs={"code": patient.code}), follow=True).content.decode())
        assert "is at work on this patient until" in told
        mine.post(reverse("release", kwargs={"code": patient.code}))
        assert not Claim.objects.exists()


class TestViews:
    def test_a_view_is_kept_shown_and_removed_by_its_owner_only(self) -> None:
        mine, other = signed_in(), signed_in()
        mine.post(reverse("save-view"), {"name": "Late ones", "show": "overdue"})
        view = SavedView.objects.get()
        assert view.query == "show=overdue"
        assert "Late ones" in mine.get("/").content.decode()
        assert "Late ones" not in other.get("/").content.decode()
        other.post(reverse("remove-view", kwargs={"code": view.code}))
        assert SavedView.objects.exists()
        mine.post(reverse("remove-view", kwargs={"code": view.code}))
        assert not SavedView.objects.exists()

    def test_a_second_one_of_that_name_is_refused(self) -> None:
        client = signed_in()
        for _ in range(2):
            answer = client.post(reverse("save-view"), {"name": "Late", "show": "overdue"}, follow=True)
        assert "You have a view called Late already." in words(answer.content.decode())


class TestTakingAlong:
    def test_the_spreadsheet_has_the_rows_of_the_list_and_is_recorded(self) -> None:
        late = factories.patient(name="=cmd^Demo")
        factories.follow_up(late, overdue=True)
        factories.follow_up(factories.patient())
        client = signed_in(Role.COORDINATOR)
        answer = client.get(reverse("worklist-export", kwargs={"form": "xlsx"}) + "?show=overdue")
        sheet = load_workbook(BytesIO(answer.content)).active
        assert sheet is not None
        rows = list(sheet.iter_rows(values_only=True))
        assert rows[0][:2] == ("Name", "Number")
        assert [row[1] for row in rows[1:]] == [late.identifier]
        event = AuditEvent.objects.get(verb="worklist.exported")
        assert event.facts["patients"] == "1"
        text = client.get(reverse("worklist-export", kwargs={"form": "csv"}) + "?show=overdue").content.decode(
            "utf-8-sig"
        )
        assert late.identifier in text
        assert len(text.splitlines()) == 2

    def test_who_only_looks_takes_no_list_along(self) -> None:
        assert signed_in(Role.MANAGER).get(reverse("worklist-export", kwargs={"form": "csv"})).status_code == 403

    @pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@x"])
    def test_a_cell_is_never_a_formula(self, cell: str) -> None:
        assert f"'{cell}" in as_csv(["a"], [[cell]]).decode("utf-8-sig")
