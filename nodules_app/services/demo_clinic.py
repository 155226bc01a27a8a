"""A clinic to look at: one person of each role, and a patient whose scans go the way of all scans."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from time import sleep
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from nodules_app.lifecycles import RunState
from nodules_app.models import (
    Clinic,
    Discipline,
    ImportBatch,
    MdtMeeting,
    Patient,
    Resource,
    ResourceKind,
    Role,
    Run,
    RunKind,
    Scan,
    User,
)
from nodules_app.services import clinics, descriptions, intake, members, nodules, patients, resources, safety_net
from nodules_app.services.mdt import meetings
from nodules_app.services.pipeline.execute import execute
from nodules_app.services.reminders.sweep import sweep

PASSWORD: Final = "nodules-demo-2026"  # noqa: S105 printed on the demo's sign-in page; the demo holds no real patient
PEOPLE: Final[Mapping[str, tuple[str, Role]]] = {
    "coordinator": ("Coordinator A", Role.COORDINATOR),
    "radiologist": ("Radiologist B", Role.RADIOLOGIST),
    "physician": ("Physician C", Role.PHYSICIAN),
    "chair": ("MDT chair D", Role.CHAIR),
    "manager": ("Manager E", Role.MANAGER),
    "auditor": ("Auditor F", Role.AUDITOR),
    "administrator": ("Administrator G", Role.ADMINISTRATOR),
}
AT_THE_TABLE: Final[Mapping[str, Discipline]] = {
    "chair": Discipline.CHEST,
    "radiologist": Discipline.RADIOLOGY,
    "coordinator": Discipline.COORDINATION,
}
SIMULATED_RISK: Final[Mapping[str, object]] = {
    "smoking": {"status": "former", "pack_years": 32, "quit_years": 6},
    "emphysema": True,
    "family_history_lung_cancer": False,
    "known_cancer": False,
    "immunosuppressed": False,
}
LOBES: Final[Mapping[str, str]] = {
    "right upper lobe": "RUL",
    "right middle lobe": "RML",
    "right lower lobe": "RLL",
    "left upper lobe": "LUL",
    "left lower lobe": "LLL",
}
REPLY_PHONE: Final = "+1 555 010 0100"  # of the numbers kept for fiction
POSTAL_ADDRESS: Final = "Nodule clinic (simulated)\n1 Example Street"
WORKING_DAYS: Final = (1, 2, 3, 4, 5)  # ISO: 1 is Monday
TRUTH_FILE: Final = "truth.json"
WAIT_S: Final = 0.2
CAME_TO_NOTHING: Final = (RunState.REFUSED, RunState.FAILED)


@dataclass(frozen=True, slots=True)
class SignIn:
    """What to type on the sign-in page."""

    username: str
    password: str
    role: str


@dataclass(frozen=True, slots=True)
class Known:
    """A nodule of a truth file: on which scan it is first seen, where, and what a reader would say of it."""

    on_prior: bool
    lps_mm: tuple[float, float, float]
    facts: Mapping[str, object]


def prepare_demo_clinic(data: Path) -> tuple[SignIn, ...]:
    """Make the people, import the scans under ``data`` and mark the nodules that its truth file names.

    Doing it again changes nothing: people are known by their names, scans by their UIDs, points by their place.
    The imaging is left to the workers.
    """
    clinic = clinics.first_clinic()
    sign_ins = tuple(_person(username, *who, clinic) for username, who in PEOPLE.items())
    _plan_conference(clinic)
    _open_scanner(clinic)
    _say_whom_to_call(clinic)
    batch = _delivery(data) or intake.receive_folder(source=data, by=None)
    run = intake.latest_run(batch)
    if run is not None:
        _read_or_wait(run)
    for truth in sorted(data.rglob(TRUTH_FILE)):
        _mark_known_nodules(json.loads(truth.read_text("utf-8")), batch)
    safety_net.prove()
    sweep(now=timezone.now())
    return sign_ins


def _read_or_wait(run: Run) -> None:
    """Read the files; where a worker was quicker, wait for it, and take over should it die."""
    execute(run.code)
    while Run.objects.filter(pk=run.pk, state=RunState.RUNNING).exists():
        sleep(WAIT_S)
        execute(run.code)


def _delivery(data: Path) -> ImportBatch | None:
    """The earlier delivery of ``data``, unless nothing came of it: somebody may have mended the folder."""
    earlier = ImportBatch.objects.filter(path=str(data.resolve()))
    return earlier.exclude(runs__state__in=CAME_TO_NOTHING).order_by("-pk").first()


def why_nothing_came(data: Path) -> str:
    """Why the scans under ``data`` could not be imported, for the terminal; nothing when they could."""
    runs = Run.objects.filter(import_batch__path=str(data.resolve()), kind=RunKind.INTAKE)
    latest = runs.order_by("-pk").first()
    if latest is None or latest.state not in CAME_TO_NOTHING:
        return ""
    if latest.refusal:
        return f"{latest.refusal['sentence']} {latest.refusal['remedy']}"
    return f"The reading failed ({latest.failure}); the log says more of run {latest.code}."


def _person(username: str, name: str, role: Role, clinic: Clinic) -> SignIn:
    first, _, last = name.rpartition(" ")
    user, made = User.objects.get_or_create(username=username, defaults={"first_name": first, "last_name": last})
    if made:
        user.set_password(PASSWORD)
        user.save(update_fields=["password"])
    members.give_role(user=user, clinic=clinic, role=role, by=None)
    return SignIn(username, PASSWORD, role.label.__str__())


def _plan_conference(clinic: Clinic) -> None:
    """Plan the conference of the coming week, with the people of the demo at the table."""
    if MdtMeeting.objects.filter(clinic=clinic).exists():
        return
    people = {user.username: user for user in User.objects.filter(username__in=PEOPLE)}
    in_a_week = timezone.localdate() + timedelta(days=7)
    starts_at = datetime.combine(in_a_week, time(13, 30), tzinfo=ZoneInfo(clinic.time_zone))
    meeting = meetings.plan_meeting(
        clinic=clinic,
        starts_at=starts_at,
        cut_off_at=starts_at - timedelta(days=1),
        place="Seminar room",
        chair=people["chair"],
        quorum=[Discipline.RADIOLOGY, Discipline.CHEST],
        by=people["coordinator"],
    )
    for username, discipline in AT_THE_TABLE.items():
        meetings.invite(meeting=meeting, discipline=discipline, user=people[username], by=people["coordinator"])


def _open_scanner(clinic: Clinic) -> None:
    """Give the clinic a CT scanner with hours, so that a step can be booked."""
    if Resource.objects.filter(clinic=clinic).exists():
        return
    by = User.objects.get(username="manager")
    scanner = resources.add_resource(clinic=clinic, name="CT 1", kind=ResourceKind.CT, by=by)
    resources.open_on(
        resource=scanner, weekdays=WORKING_DAYS, opens_at=time(8), closes_at=time(16), slot_minutes=30, by=by
    )


def _say_whom_to_call(clinic: Clinic) -> None:
    """Give the clinic what every letter of it names."""
    if clinic.reply_phone:
        return
    clinic.reply_phone, clinic.postal_address = REPLY_PHONE, POSTAL_ADDRESS
    by = User.objects.get(username="administrator")
    clinics.change_clinic(clinic=clinic, changed=["reply_phone", "postal_address"], by=by)


@transaction.atomic
def _mark_known_nodules(truth: Mapping[str, object], batch: ImportBatch) -> None:
    """Enter the truth's points as the demo radiologist would: on the scan where each nodule is first seen."""
    reader = User.objects.get(username="radiologist")
    for patient in Patient.objects.filter(studies__imported_in=batch).distinct():
        scans = list(Scan.objects.filter(study__patient=patient, superseded_at=None).order_by("study__acquired_on"))
        if len(scans) < 2 or patient.nodules.filter(findings__by=reader).exists():
            continue
        for known in _known(truth):
            scan = scans[0] if known.on_prior else scans[-1]
            nodule = nodules.mark_nodule(scan=scan, lps_mm=known.lps_mm, by=reader)
            if known.facts and not nodule.descriptions.exists():
                descriptions.describe(nodule=nodule, facts=known.facts, by=reader)
        if truth.get("simulated") and not patient.risk_factors.exists():
            patients.record_risk_factors(patient=patient, facts=SIMULATED_RISK, by=reader)


def _known(truth: Mapping[str, object]) -> Iterator[Known]:
    listed = truth.get("nodules")
    if not isinstance(listed, list):
        return
    for nodule in listed:
        on_prior = nodule.get("prior_lps_mm")
        point = on_prior or nodule.get("current_lps_mm")
        if point:
            x, y, z = (float(value) for value in point)
            yield Known(on_prior=bool(on_prior), lps_mm=(x, y, z), facts=_facts(nodule))


def _facts(nodule: Mapping[str, object]) -> dict[str, object]:
    """Say of a nodule what its truth names in words: the lobe, the margin, and whether it stands on the pleura."""
    facts: dict[str, object] = {}
    if lobe := LOBES.get(str(nodule.get("lobe"))):
        facts["lobe"] = lobe
    if margin := nodule.get("margin"):
        facts["margin"] = margin
    if nodule.get("placement") == "pleura":
        facts["location"] = {"juxtapleural": True}
    return facts
