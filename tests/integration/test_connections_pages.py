"""Setting connections up, trying them and looking at them, by those who may; and the commands of the operator."""

from __future__ import annotations

from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from nodules_app.forms.connections import ConnectionForm
from nodules_app.lifecycles import ErrandState
from nodules_app.models import AuditEvent, Clinic, Connection, Passed, PriorSearch, Role, User
from nodules_app.selectors import connections as selectors
from nodules_app.services.connections import Callers, networks_of, peer_of
from nodules_app.services.connections import test as try_out
from nodules_app.services.sealing import SealBroken
from tests import factories

pytestmark = pytest.mark.django_db
SECRET = "open sesame of the PACS"
DIMSE = {"name": "PACS", "kind": "dimse", "title": "ORTHANC", "host": "127.0.0.1", "port": "1", "priors": "3"}
WEB = {"name": "Web", "kind": "dicomweb", "url": "https://pacs.example/dicom-web/", "user": "us", "priors": "3"}
GET = {"retrieve_by": "get"}


@pytest.fixture
def clinic() -> Clinic:
    return factories.clinic(name="Here")


@pytest.fixture
def administrator(clinic: Clinic) -> User:
    return factories.member(Role.ADMINISTRATOR, at=clinic)


@pytest.fixture
def client(administrator: User) -> Client:
    made = Client()
    made.force_login(administrator)
    return made


def made(client: Client, clinic: Clinic, **told: str) -> Connection:
    answer = client.post(reverse("add-connection", kwargs={"code": clinic.code}), GET | told)
    assert answer.status_code == 302, answer.content.decode()
    return Connection.objects.latest("pk")


def test_a_connection_is_set_up_changed_and_retired_on_the_record(client: Client, clinic: Clinic) -> None:
    row = made(client, clinic, **DIMSE, receives="on", queries="on")
    page = {"code": row.code}
    assert client.get(reverse("connections")).status_code == 200
    assert client.get(reverse("connection", kwargs=page)).status_code == 200
    client.post(reverse("connection", kwargs=page), GET | DIMSE | {"host": "192.0.2.7", "receives": "on"})
    row.refresh_from_db()
    assert (row.host, row.queries) == ("192.0.2.7", False)
    assert [str(network) for network in networks_of(row)] == ["192.0.2.7/32"]
    client.post(reverse("retire-connection", kwargs=page))
    assert client.get(reverse("connection", kwargs=page)).status_code == 404
    verbs = AuditEvent.objects.filter(verb__startswith="connection.").order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["connection.set_up", "connection.changed", "connection.retired"]


def test_a_secret_goes_in_and_never_comes_out(client: Client, clinic: Clinic) -> None:
    row = made(client, clinic, **WEB, secret=SECRET, queries="on")
    assert SECRET not in row.secret
    assert peer_of(row).secret == SECRET
    page = reverse("connection", kwargs={"code": row.code})
    assert SECRET not in client.get(page).content.decode()
    assert SECRET not in client.post(page, WEB | GET | {"url": "nonsense", "secret": SECRET}).content.decode()
    client.post(page, WEB | GET)  # left empty: as it is
    row.refresh_from_db()
    assert peer_of(row).secret == SECRET
    assert row.secret not in client.get(page).content.decode()
    client.post(page, WEB | GET | {"forget_secret": "on"})
    row.refresh_from_db()
    assert row.secret == ""
    assert not any(SECRET in str(event.facts) for event in AuditEvent.objects.all())


def test_a_secret_is_never_stored_open(client: Client, clinic: Clinic) -> None:
    row = made(client, clinic, **WEB)
    with pytest.raises(IntegrityError, match="connection_secret_is_sealed"), transaction.atomic():
        Connection.objects.filter(pk=row.pk).update(secret=SECRET)


def test_the_key_of_secrets_changes_in_two_steps(client: Client, clinic: Clinic, settings: Settings) -> None:
    row = made(client, clinic, **WEB, secret=SECRET)
    settings.SECRETS_KEYS = ["the new key"]  # that of an installation which named none still reads
    said = StringIO()
    call_command("connections", "--seal-anew", stdout=said)
    assert said.getvalue() == "1 stored passwords are sealed with the newest key.\n"
    settings.SECRET_KEY = "another one"
    row.refresh_from_db()
    assert peer_of(row).secret == SECRET
    settings.SECRETS_KEYS = ["a key that never sealed it"]
    with pytest.raises(CommandError, match="cannot be read with the keys"):
        call_command("connections", "--seal-anew")
    assert isinstance(try_out(connection=row, by=None), SealBroken)
    row.refresh_from_db()
    assert row.test_refusal["code"] == "seal_broken"  # the page of the connection says it


def test_of_two_who_save_a_name_or_title_at_one_moment_the_second_reads_why_not(
    client: Client, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    made(client, clinic, **DIMSE, receives="on")
    monkeypatch.setattr(ConnectionForm, "_require_unique", lambda *_: None)  # it looked before the first had saved
    for told, field, why in (
        (DIMSE | {"title": "OTHER"}, "name", "This clinic has a connection called PACS already."),
        (DIMSE | {"name": "Other", "receives": "on"}, "title", "receives from the AE title ORTHANC already."),
    ):
        answer = client.post(reverse("add-connection", kwargs={"code": clinic.code}), GET | told)
        assert answer.status_code == 422
        assert why in str(answer.context["form"].errors[field])
    other = made(client, clinic, **DIMSE | {"name": "Other", "title": "OTHER"})
    answer = client.post(reverse("connection", kwargs={"code": other.code}), GET | DIMSE | {"title": "OTHER"})
    assert (answer.status_code, list(answer.context["form"].errors)) == (422, ["name"])
    assert Connection.objects.count() == 2


@pytest.mark.parametrize(
    ("told", "field"),
    [
        (DIMSE | {"title": ""}, "title"),
        (DIMSE | {"title": "longer than sixteen"}, "title"),
        (DIMSE | {"host": "", "queries": "on"}, "host"),
        (DIMSE | {"host": "http://pacs/"}, "host"),
        (DIMSE | {"port": "70000"}, "port"),
        (DIMSE | {"networks": "10.0.0.0/33 or so"}, "networks"),
        (DIMSE | {"host": "", "port": "", "receives": "on"}, "networks"),
        (DIMSE | {"queries": "on", "retrieve_by": "move"}, "receives"),
        (WEB | {"url": ""}, "url"),
        (WEB | {"url": "ftp://pacs.example"}, "url"),
        (WEB | {"url": "https://us:secret@pacs.example/dicom-web"}, "url"),
        (WEB | {"receives": "on"}, "receives"),
        (WEB | {"priors": "21"}, "priors"),
    ],
)
def test_what_cannot_work_is_said_at_its_field(
    client: Client, clinic: Clinic, told: dict[str, str], field: str
) -> None:
    answer = client.post(reverse("add-connection", kwargs={"code": clinic.code}), GET | told)
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not Connection.objects.exists()


def test_two_connections_neither_share_a_name_nor_a_title_that_calls_us(client: Client, clinic: Clinic) -> None:
    made(client, clinic, **DIMSE, receives="on")
    again = reverse("add-connection", kwargs={"code": clinic.code})
    assert client.post(again, GET | DIMSE | {"title": "OTHER"}).status_code == 422
    assert client.post(again, GET | DIMSE | {"name": "Other", "receives": "on"}).status_code == 422


def test_the_test_button_says_what_is_wrong(client: Client, clinic: Clinic) -> None:
    row = made(client, clinic, **DIMSE)
    page = client.post(reverse("test-connection", kwargs={"code": row.code}), follow=True).content.decode()
    assert "Nothing listens at 127.0.0.1, port 1." in page
    assert AuditEvent.objects.get(verb="connection.tested").facts["result"] == "nothing_listens"


def test_who_administers_another_clinic_or_none_finds_nothing(client: Client, clinic: Clinic) -> None:
    row = made(client, clinic, **DIMSE)
    for who, status in (
        (factories.member(Role.ADMINISTRATOR, at=factories.clinic(name="There")), 404),
        (factories.member(Role.RADIOLOGIST, at=clinic), 404),
    ):
        stranger = Client()
        stranger.force_login(who)
        assert stranger.get(reverse("connection", kwargs={"code": row.code})).status_code == status
        assert stranger.post(reverse("test-connection", kwargs={"code": row.code})).status_code == status
    assert stranger.get(reverse("connections")).status_code == 403


@pytest.fixture
def given_up(client: Client, clinic: Clinic) -> PriorSearch:
    row = made(client, clinic, **DIMSE, queries="on")
    scan = factories.scan(factories.patient(clinic=clinic, name="Lin^Xiaoming"))
    refusal = {"code": "nothing_listens", "sentence": "Nothing listens at all.", "remedy": "Check it."}
    return PriorSearch.objects.create(
        connection=row, study=scan.study, state=ErrandState.GIVEN_UP, give_up_at=timezone.now(), refusal=refusal
    )


def test_what_was_given_up_is_seen_without_a_name_and_tried_again_or_dropped(
    client: Client, given_up: PriorSearch
) -> None:
    page = reverse("connection", kwargs={"code": given_up.connection.code})
    body = client.get(page).content.decode()
    assert "Nothing listens at all." in body
    assert "Xiaoming" not in body
    act = {"code": given_up.connection.code, "errand": given_up.code}
    client.post(reverse("errand-act", kwargs=act | {"act": "again"}))
    given_up.refresh_from_db()
    assert given_up.state == ErrandState.QUEUED
    client.post(reverse("errand-act", kwargs=act | {"act": "drop"}))
    given_up.refresh_from_db()
    assert given_up.state == ErrandState.DROPPED
    assert (
        "changed meanwhile"
        in client.post(reverse("errand-act", kwargs=act | {"act": "again"}), follow=True).content.decode()
    )
    assert client.post(reverse("errand-act", kwargs=act | {"act": "explode"})).status_code == 404
    assert client.post(reverse("errand-act", kwargs=act | {"errand": uuid4(), "act": "drop"})).status_code == 404


def test_who_sees_the_patient_sees_whose_earlier_exams_did_not_come_and_asks_again(given_up: PriorSearch) -> None:
    nurse = Client()
    nurse.force_login(factories.member(Role.COORDINATOR, at=given_up.connection.clinic))
    body = nurse.get(reverse("priors")).content.decode()
    assert "Xiaoming" in body
    assert "Nothing listens at all." in body
    nurse.post(reverse("seek-again", kwargs={"code": given_up.code}))
    given_up.refresh_from_db()
    assert given_up.state == ErrandState.QUEUED
    assert AuditEvent.objects.filter(verb="priors.list_seen").exists()


def test_every_list_takes_the_same_number_of_queries_however_many_rows(
    client: Client, given_up: PriorSearch, django_assert_max_num_queries: object
) -> None:
    for number in range(5):
        Passed.objects.create(
            connection=given_up.connection, kind="received", began_at=timezone.now(), ended_at=timezone.now()
        )
        row = made(client, given_up.connection.clinic, **DIMSE | {"name": f"Another {number}"})
        PriorSearch.objects.create(connection=row, study=given_up.study, give_up_at=timezone.now())
    with django_assert_max_num_queries(8):  # type: ignore[operator] # pytest-django's fixture
        selectors.standings(selectors.in_use())


def test_callers_are_those_who_may_send(client: Client, clinic: Clinic) -> None:
    made(client, clinic, **DIMSE, receives="on")
    made(client, clinic, **DIMSE | {"name": "Asked only", "title": "OTHER"})
    known = Callers()
    assert known() == ()
    known.refresh()
    (caller,) = known()
    assert (caller.title, [str(network) for network in caller.networks]) == ("ORTHANC", ["127.0.0.1/32"])


def test_the_command_says_how_each_stands_and_ends_with_one_where_a_person_is_needed(given_up: PriorSearch) -> None:
    said = StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("connections", "--test", stdout=said)
    assert ended.value.code == 1
    assert "receiver: not running" in said.getvalue()
    assert "PACS (dimse, query): failing; 0 waiting, 1 given up" in said.getvalue()
    assert "Xiaoming" not in said.getvalue()
