"""Each clinic sees its own patients, walked over every address; and what the migration made of what was before."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from nodules_app.exchange.documents_text import Part, Written, as_json, said
from nodules_app.ladder.rungs import Channel
from nodules_app.lifecycles import FollowUpState, ReminderState
from nodules_app.models import (
    Clinic,
    ClinicalDocument,
    Connection,
    ContactPoint,
    FollowUp,
    FollowUpKind,
    ImportBatch,
    LetterBatch,
    Membership,
    Patient,
    PriorSearch,
    Reading,
    Reminder,
    Role,
    Run,
    RunKind,
    User,
)
from nodules_app.selectors.clinics import Act, acts_of, patients_of
from nodules_app.services import clinics, intake, members
from nodules_app.services.mdt import cases, meetings, outcomes
from nodules_app.urls import urlpatterns
from tests import factories

WITH_CODE = sorted({str(pattern.name) for pattern in urlpatterns if "<uuid:code>" in str(pattern.pattern)})
MORE: dict[str, dict[str, object]] = {
    "follow-up-act": {"name": "accept"},
    "close-hours": {"hours": 1},
    "list-take": {"number": 2},
    "end-role": {"membership": 1},
    "close-account": {"membership": 1},
    "new-link": {"membership": 1},
    "choose-password": {"token": "no-token"},
    "join-records": {"other": uuid4()},
    "tell-apart": {"other": uuid4()},
    "mdt-minutes": {"version": 1},
    "mdt-case-act": {"how": "withdraw"},
    "reading-act": {"act": "begin"},
    "document-act": {"act": "sign"},
    "document-pdf": {"version": 0},
    "document-picture": {"number": 1},
    "letter-template": {"kind": "patient_letter", "language": "en"},
    "export-outcomes": {"model": "brock_2b"},
    "errand-act": {"errand": uuid4(), "act": "again"},
    "read-anyway": {"line": uuid4()},
    "slab": {"digest": "0" * 16, "first": 0, "count": 1},
}
# Named by a clinic, a calendar or a saved view of one's own, not by a patient: their own tests hold them.
OF_NO_PATIENT = {
    "add-resource",
    "make-feed",
    "open-hours",
    "close-hours",
    "set-unavailable",
    "retire-resource",
    "revoke-feed",
    "ladder",
    "clinic-settings",
    "people",
    "open-account",
    "new-link",
    "choose-password",
    "end-role",
    "close-account",
    "remove-view",
    "mdt-plan",
    "letter-template",
    "letters-posted",
    "letter-not-posted",
    "bulk-undo",
    "come-back",
    "add-connection",
    "errand-act",
    "read-anyway",
    "risk-corrections",
    "export-outcomes",
    "sign-correction",
    "retire-correction",
    "list",
    "list-fragment",
    "list-columns",
    "list-check",
    "list-store",
    "list-discard",
    "list-take",
    "list-verdicts",
}
LISTS = ("worklist", "worklist-fragment", "imports", "imports-fragment", "reminders", "letters", "audit", "priors")


def everybody_at(clinic: Clinic) -> User:
    """Somebody with every role there is, in one clinic."""
    user = factories.member(Role.COORDINATOR, at=clinic)
    for role in Role:
        Membership.objects.get_or_create(user=user, clinic=clinic, role=role, ended_at=None)
    return user


def signed_in(user: User) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def filled(clinic: Clinic) -> tuple[Patient, list[UUID]]:
    """A patient of a clinic with a row of every kind that an address can name; gives all their codes."""
    patient = factories.followed_patient(clinic=clinic)
    patient = Patient.objects.get(pk=patient.pk)
    step = patient.follow_ups.filter(state=FollowUpState.PROPOSED).first() or patient.follow_ups.get()
    batch = ImportBatch.objects.create(clinic=clinic, source_name="118 files", path="/gone")
    patient.studies.update(imported_in=batch)
    failed = Run.objects.create(kind=RunKind.ASSESS, patient=patient, state="failed", failure="test")
    read = Run.objects.create(kind=RunKind.INTAKE, import_batch=batch, state="failed", failure="test")
    contact = ContactPoint.objects.create(patient=patient, kind="post", value="Home Street 2")
    letters = LetterBatch.objects.create(clinic=clinic, by=everybody_at(clinic))
    row = Reminder.objects.create(
        key=f"test:{patient.code}",
        clinic=clinic,
        patient=patient,
        follow_up=step,
        plan="test",
        rung="overdue_4",
        tier="H",
        recipient="lead",
        channel=Channel.TASK,
        planned_on=timezone.localdate(),
        state=ReminderState.DELIVERED,
    )
    opened = patient.emergency_accesses.create(
        user=factories.member(at=clinic), reason="Test", until=timezone.now() + timedelta(hours=1)
    )
    pacs = Connection.objects.create(
        clinic=clinic, name="PACS", kind="dimse", title=f"PACS{clinic.pk}", host="127.0.0.1", port=1, queries=True
    )
    refusal = {"code": "nothing_listens", "sentence": "Nothing listens.", "remedy": ""}
    sought = PriorSearch.objects.create(
        connection=pacs,
        study=patient.studies.latest("acquired_on"),
        state="given_up",
        give_up_at=timezone.now(),
        refusal=refusal,
    )
    rows: list[object] = [pacs, sought]
    rows += [patient, batch, failed, read, contact, letters, row, opened, *at_the_conference(patient), a_draft(patient)]
    for related in ("nodules", "follow_ups", "assessments", "runs", "studies"):
        rows += getattr(patient, related).all()
    for study in patient.studies.all():
        rows += [*study.scans.all(), *study.series.all()]
        for scan in study.scans.all():
            rows += scan.findings.all()
    for nodule in patient.nodules.all():
        rows += nodule.matches.all()
    return patient, [code for one in rows if isinstance(code := getattr(one, "code", None), UUID)]


def at_the_conference(patient: Patient) -> list[object]:
    """A meeting of the patient's clinic, the patient's case on its list, and an action."""
    chair, starts_at = everybody_at(patient.clinic), timezone.now() + timedelta(days=3)
    meeting = meetings.plan_meeting(
        clinic=patient.clinic, starts_at=starts_at, cut_off_at=starts_at, place="4", chair=chair, quorum=[], by=chair
    )
    case = cases.put_on(patient=patient, question="What now?", by=chair, meeting=meeting)
    due_on = timezone.localdate() + timedelta(days=9)
    outcomes.draft(case=case, kind="biopsy", by=chair, tasks=[outcomes.Task("Request it", chair, due_on)])
    return [meeting, case, case.actions.get()]


def a_draft(patient: Patient) -> ClinicalDocument:
    """A letter about the patient's exam that nobody has signed."""
    scan = patient.studies.latest("acquired_on").scans.get()
    text = Written("Letter", (), (Part("", (said("line-1", "Hello."),)),), ())
    return ClinicalDocument.objects.create(
        patient=patient,
        reading=Reading.objects.create(patient=patient, scan=scan),
        kind="patient_letter",
        language="en",
        content=as_json(text),
        written_by=everybody_at(patient.clinic),
    )


def asked(client: Client, name: str, code: UUID, method: str) -> int:
    """Ask, and undo what the answer did."""
    address = reverse(name, kwargs={"code": code} | MORE.get(name, {}))
    with transaction.atomic():
        status = getattr(client, method)(address).status_code
        transaction.set_rollback(True)
    return int(status)


@pytest.mark.django_db
class TestEachSeesItsOwn:
    @pytest.mark.parametrize("name", WITH_CODE)
    def test_another_clinics_patient_is_not_found_at_any_address(self, name: str) -> None:
        here, there = factories.clinic(name="Here"), factories.clinic(name="There")
        _, codes = filled(there)
        stranger, colleague = signed_in(everybody_at(here)), signed_in(everybody_at(there))
        for method in ("get", "post"):
            nothing = asked(stranger, name, uuid4(), method)  # what a code of nothing at all is answered
            assert nothing in (404, 405) or name in OF_NO_PATIENT
            for code in codes:
                assert asked(stranger, name, code, method) == nothing, (name, method)
        if name not in OF_NO_PATIENT | NOT_MADE_HERE:
            answers = (asked(colleague, name, code, method) for code in codes for method in ("get", "post"))
            is_found = any(status not in (404, 405) for status in answers)
            assert is_found, f"nobody finds anything at {name}: this test would not notice a leak"

    def test_no_list_names_another_clinics_patient(self) -> None:
        here, there = factories.clinic(name="Here"), factories.clinic(name="There")
        patient, _ = filled(there)
        stranger, colleague = signed_in(everybody_at(here)), signed_in(everybody_at(there))
        seen = set()
        for name in LISTS:
            for query in ("", f"?q={patient.identifier}", f"?number={patient.identifier}"):
                page = stranger.get(reverse(name) + query)
                if page.status_code == 400:
                    continue  # a list that does not know this question
                assert page.status_code == 200, (name, query)
                body = page.content.decode()
                without_question = body.replace(f'value="{patient.identifier}"', "").replace(
                    f"“{patient.identifier}”", ""
                )
                assert str(patient.code) not in body, name
                assert patient.identifier not in without_question or query, name
                if patient.identifier in colleague.get(reverse(name) + query).content.decode():
                    seen.add(name)
        assert {"worklist", "imports", "reminders"} <= seen

    def test_somebody_without_a_role_sees_nobody(self) -> None:
        patient = factories.patient()
        user = User.objects.create(username="nobody")
        assert not patients_of(user).exists()
        assert acts_of(user) == frozenset()
        assert signed_in(user).get(reverse("patient", kwargs={"code": patient.code})).status_code == 404

    def test_an_ended_role_is_no_role(self) -> None:
        user = factories.member(Role.PHYSICIAN)
        patient = factories.patient()
        assert patients_of(user).filter(pk=patient.pk).exists()
        members.end_role(membership=user.memberships.get(), by=factories.member(Role.ADMINISTRATOR))
        assert not patients_of(user).exists()

    def test_roles_are_of_one_clinic_each(self) -> None:
        here, there = factories.clinic(name="Here"), factories.clinic(name="There")
        user = factories.member(Role.PHYSICIAN, at=here)
        Membership.objects.create(user=user, clinic=there, role=Role.MANAGER)
        assert Act.DECIDE in acts_of(user, here)
        assert Act.DECIDE not in acts_of(user, there)
        patient = factories.followed_patient(clinic=there)
        step = patient.follow_ups.get(state=FollowUpState.PROPOSED)
        client = signed_in(user)
        assert client.get(reverse("patient", kwargs={"code": patient.code})).status_code == 200
        assert client.post(reverse("accept", kwargs={"code": step.code})).status_code == 403

    def test_a_role_is_given_once(self) -> None:
        user, clinic = factories.member(Role.PHYSICIAN), factories.clinic()
        members.give_role(user=user, clinic=clinic, role=Role.PHYSICIAN, by=None)
        assert user.memberships.count() == 1
        with pytest.raises(IntegrityError), transaction.atomic():
            Membership.objects.create(user=user, clinic=clinic, role=Role.PHYSICIAN)

    def test_a_delivery_belongs_to_the_senders_clinic_or_asks_which(self) -> None:
        here, there = factories.clinic(name="Here"), factories.clinic(name="There")
        user = factories.member(Role.COORDINATOR, at=here)
        assert clinics.clinic_of_delivery(by=user) == here
        Membership.objects.create(user=user, clinic=there, role=Role.COORDINATOR)
        with pytest.raises(clinics.ClinicNotNamed):
            clinics.clinic_of_delivery(by=user)
        assert clinics.clinic_of_delivery(by=user, named=there) == there
        with pytest.raises(clinics.NoClinicForYou):
            clinics.clinic_of_delivery(by=factories.member(Role.MANAGER, at=here))
        with pytest.raises(clinics.ClinicNotNamed):
            intake.receive_folder(source=intake.Path("somewhere"), by=None)


# Rows that this test does not make (a transfer, an appointment, a kept volume) or acts that need more than a code:
# that a colleague finds them is said by the tests of their own pages.
NOT_MADE_HERE = {
    "objects-download",
    "acknowledge-transfer",
    "take-back-transfer",
    "give-back",
    "crop",
    "document-picture",
    "follow-up-act",
    "join-records",
    "tell-apart",
    "part-records",
    "decide-held",
    "accept-candidate",
    "reject-candidate",
    "reopen-candidate",
    "slab",
    "displacements",
    "map-state",
    "mdt-minutes",  # of a meeting that has ended
}


@pytest.mark.django_db
def test_an_ended_membership_leaves_no_open_step_behind() -> None:
    owner = factories.member(Role.PHYSICIAN)
    step = factories.follow_up(factories.patient(), owner=owner, kind=FollowUpKind.CT)
    members.end_role(membership=owner.memberships.get(), by=factories.member(Role.ADMINISTRATOR))
    step.refresh_from_db()
    assert step.owner is None
    assert FollowUp.objects.filter(owner=owner).count() == 0
