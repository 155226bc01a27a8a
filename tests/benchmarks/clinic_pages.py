"""The pages that the benchmark of a large clinic asks for."""

from __future__ import annotations

from collections.abc import Callable

from django.core.management import call_command
from django.db import connection, reset_queries
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from nodules_app.models import Clinic, MdtMeeting, Membership, Patient, Role, User
from nodules_app.selectors.worklist.lists import Show
from nodules_app.services import safety_net
from tests.benchmarks.clinic_of_years import Size, fill


def prepare(patients: int) -> Size:
    """Lay out the tables and fill them."""
    call_command("migrate", verbosity=0)
    clinic = Clinic.objects.create(name="A large clinic")
    user = User.objects.create(username="coordinator")
    for role in (Role.COORDINATOR, Role.RADIOLOGIST):
        Membership.objects.create(user=user, clinic=clinic, role=role)
    return fill(clinic.pk, user.pk, patients=patients)


def coordinators(number: int, password: str) -> None:
    """People who can sign in, as ``coordinator-1`` and so on."""
    clinic = Clinic.objects.order_by("pk")[0]
    for one in range(1, number + 1):
        user, made = User.objects.get_or_create(username=f"coordinator-{one}")
        if made:
            user.set_password(password)
            user.save()
            Membership.objects.create(user=user, clinic=clinic, role=Role.COORDINATOR)


def pages(patients: int) -> dict[str, Callable[[], int]]:
    """Each page by name, as a function that asks for it and gives the number of queries."""
    client = Client(headers={"host": "localhost"})
    client.force_login(User.objects.get(username="coordinator"))
    someone = Patient.objects.get(pk=patients // 2 - patients // 2 % 3 + 1)  # every third has a Chinese name
    held = MdtMeeting.objects.get(began_at__isnull=False, ended_at__isnull=True)
    family = someone.name.partition("^")[2]
    asked = {"worklist, to act on": reverse("worklist"), "worklist, everybody": "/?show=everybody"}
    asked |= {f"worklist, {show}": f"/?show={show}" for show in Show}
    asked |= {
        "worklist, everybody, page 1000": "/?show=everybody&page=1000",
        "search by number": f"/?q={someone.identifier}",
        "search by part of a name": f"/?q={family[2:]}",
        "search by a word that most have": "/?q=demo",
        "search by two letters": "/?q=zw",
        "search by two Chinese characters": "/?q=张伟",
        "search by pinyin": "/?q=zhangwei",
        "search by day of birth": f"/?q={someone.birth_date}",
        "search by accession number": f"/?q=A{5 * someone.pk}",
        "search with a typing error": f"/?q={family[:3]}{family[4]}{family[3]}{family[5:]}",
        "patient": reverse("patient", kwargs={"code": someone.code}),
        "timeline": reverse("timeline", kwargs={"code": someone.code}),
        "arrivals": reverse("arrivals"),
        "absences": reverse("absences"),
        "conference": reverse("mdt"),
        "conference, the list of a meeting": reverse("mdt-meeting", kwargs={"code": held.code}),
        "conference, next case": reverse("mdt-discuss", kwargs={"code": held.cases.order_by("order")[1].code}),
        "quality": reverse("quality"),
        "quality, to be shared": reverse("quality") + "?shared=1",
        "quality, the patients behind it": reverse("quality-patients", kwargs={"figure": "result_to_contact"}),
        "lists": reverse("lists"),
        "board": reverse("board"),
        "schedule": reverse("schedule"),
        "my patients": reverse("my-patients"),
        "reminders": reverse("reminders"),
        "safety net": reverse("safety-net"),
    }
    return {name: _getting(client, address) for name, address in asked.items()} | {"the proof": _proof}


def _getting(client: Client, address: str) -> Callable[[], int]:
    def get() -> int:
        reset_queries()  # the log ends at 9,000 statements and would then count none
        with CaptureQueriesContext(connection) as caught:
            answer = client.get(address)
        if answer.status_code != 200:
            raise RuntimeError(f"{address} answered {answer.status_code}")
        return len(caught)

    return get


def _proof() -> int:
    reset_queries()
    with CaptureQueriesContext(connection) as caught:
        safety_net.prove()
    return len(caught)
