"""The list that the clinic of the demo brings: simulated people without images, so that its pages have something to do.

It goes the way of every list: sent, its columns said, checked, taken over by somebody who may sign.
"""

from __future__ import annotations

from datetime import date, timedelta
from time import sleep
from typing import Final, NamedTuple

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from nodules_app.exchange.spreadsheet_reading.headings import Field
from nodules_app.exchange.spreadsheets import as_csv
from nodules_app.lifecycles import RunState
from nodules_app.models import Clinic, MdtMeeting, Patient, Run, RunKind, Spreadsheet, User
from nodules_app.services import safety_net
from nodules_app.services.mdt import cases
from nodules_app.services.reminders.sweep import sweep
from nodules_app.services.spreadsheets import asking, receiving, running
from nodules_app.services.spreadsheets.receiving import Said

LIST: Final = "simulated-list.csv"
HEADINGS: Final = (
    "Number", "Name", "Date of birth", "Sex", "Nodule", "Lobe", "Size (mm)", "Attenuation", "Measured on", "Last CT",
    "Next step", "Due", "Notes",
)  # fmt: skip
FIRST_NUMBER: Final = 2  # the patient with images is the first
WAIT_S: Final = 0.2


class Person(NamedTuple):
    """One line: a person with one nodule, when the last CT was, and what is due in how many days (below 0: since)."""

    born: int
    sex: str
    lobe: str
    size_mm: str
    attenuation: str
    last_ct_days_ago: int
    step: str
    due_in_days: int
    question: str = ""  # for the conference


PEOPLE: Final = (
    Person(1949, "F", "LUL", "11.5", "solid", 21, "PET-CT", -6, "PET-CT positive, FEV1 45 %: which way to tissue?"),
    Person(1957, "M", "RUL", "9.1", "part-solid", 118, "CT", -12, "Solid part 6 mm at three months: resection?"),
    Person(1962, "F", "RLL", "6.4", "solid", 402, "CT", -37),
    Person(1951, "M", "LLL", "7.2", "solid", 395, "CT", -31),
    Person(1968, "F", "RML", "5.8", "solid", 460, "CT", -95),
    Person(1944, "M", "RUL", "14", "solid", 12, "biopsy", 2, "Too frail for surgery: ablation without histology?"),
    Person(1959, "F", "LUL", "8.3", "solid", 88, "CT", 3),
    Person(1955, "M", "RLL", "6.9", "solid", 181, "CT", 5),
    Person(1970, "F", "RUL", "7.5", "ground glass", 190, "CT", 8),
    Person(1963, "M", "LLL", "6.2", "solid", 365, "CT", 11),
    Person(1948, "F", "RML", "10.2", "solid", 92, "CT", 14, "Unchanged at three months, 10 mm: CT or PET-CT?"),
    Person(1966, "M", "RUL", "6.6", "solid", 170, "CT", 19),
    Person(1953, "F", "LUL", "8.8", "part-solid", 80, "CT", 24),
    Person(1971, "M", "RLL", "5.5", "solid", 330, "CT", 33),
    Person(1960, "F", "RUL", "7.0", "solid", 320, "CT", 41),
    Person(1946, "M", "LUL", "9.7", "solid", 30, "CT", 60),
    Person(1958, "F", "RLL", "6.1", "ground glass", 210, "CT", 150),
    Person(1964, "M", "RML", "7.8", "solid", 95, "CT", 88),
    Person(1952, "F", "LLL", "6.7", "solid", 140, "CT", 210),
    Person(1969, "M", "RUL", "5.9", "solid", 60, "CT", 300),
    Person(1950, "F", "LUL", "8.0", "ground glass", 700, "CT", 30),
    Person(1961, "M", "RLL", "6.3", "solid", 735, "discharge", 9),
    Person(1956, "F", "RUL", "5.2", "solid", 720, "discharge", 16),
    Person(1947, "M", "LLL", "12.4", "solid", 9, "CT", 21, "New at 12 mm, infection treated: wait or go on?"),
)


def bring_demo_list(clinic: Clinic) -> None:
    """Send the list, take it over, and put some of its people before the conference; again changes nothing."""
    if Spreadsheet.objects.filter(batch__clinic=clinic).exists():
        return
    by = User.objects.get(username="physician")
    today = timezone.localdate()
    rows = [_row(number, one, today) for number, one in enumerate(PEOPLE, start=FIRST_NUMBER)]
    file = SimpleUploadedFile(LIST, as_csv(HEADINGS, rows))
    sent = receiving.receive(file=file, by=by, clinic=clinic)
    head = sent.heads[0]
    columns = {column["index"]: Field(column["field"]) for column in head["columns"] if column["field"]}
    receiving.read_so(spreadsheet=sent, said=Said(head["sheet"], columns, issuer=receiving.usual_issuer(clinic)), by=by)
    _do(sent, RunKind.CHECK_LIST)
    asking.store(spreadsheet=sent, by=by)
    _do(sent, RunKind.STORE_LIST)
    _put_before_the_conference(clinic, by)
    safety_net.prove()
    sweep(now=timezone.now())


def _row(number: int, one: Person, today: date) -> tuple[str, ...]:
    last_ct = (today - timedelta(days=one.last_ct_days_ago)).isoformat()
    due = (today + timedelta(days=one.due_in_days)).isoformat()
    born = date(one.born, 1 + number % 12, 1 + number).isoformat()
    name = f"Simulated^Patient {number}"
    return (
        _number(number), name, born, one.sex, "1", one.lobe, one.size_mm, one.attenuation, last_ct, last_ct,
        one.step, due, "simulated",
    )  # fmt: skip


def _do(sent: Spreadsheet, kind: RunKind) -> None:
    """Do the run that was asked for; where the worker was quicker, wait for it."""
    run = Run.objects.filter(import_batch=sent.batch, kind=kind).latest("pk")
    running.execute(run.code)
    while Run.objects.filter(pk=run.pk, state=RunState.RUNNING).exists():
        sleep(WAIT_S)
        running.execute(run.code)


def _put_before_the_conference(clinic: Clinic, by: User) -> None:
    meeting = MdtMeeting.objects.filter(clinic=clinic, began_at__isnull=True, cancelled_at__isnull=True).first()
    for number, one in enumerate(PEOPLE, start=FIRST_NUMBER):
        if one.question:
            patient = Patient.objects.get(clinic=clinic, identifier=_number(number))
            case = cases.put_on(patient=patient, question=one.question, by=by, meeting=meeting)
            cases.prepare(case=case, facts={"presenter": by, "performance_status": 1}, by=by)


def _number(number: int) -> str:
    return f"SIM-{number:04}"
