"""The pages of reminders, letters, ladders, the audit trail and access in an emergency, as people use them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from nodules_app.ladder.rungs import DEFAULT, Channel
from nodules_app.lifecycles import FollowUpState, ReminderState
from nodules_app.models import (
    AuditEvent,
    Clinic,
    ClinicDay,
    ContactPoint,
    EmergencyAccess,
    FollowUp,
    FollowUpKind,
    LadderVersion,
    LetterBatch,
    Patient,
    Reminder,
    Role,
)
from nodules_app.services.channels import gateway
from nodules_app.services.reminders.sweep import sweep
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _open_at_all_hours() -> Iterator[None]:
    cache.clear()
    clinic = factories.clinic()
    Clinic.objects.filter(pk=clinic.pk).update(
        working_weekdays=[1, 2, 3, 4, 5, 6, 7],
        quiet_from="00:00",
        quiet_until="00:00",
        postal_address="Hospital Road 1\n12345 Town",
        reply_phone="555 0100",
    )
    yield
    cache.clear()


def owed(days: int, **fields: object) -> FollowUp:
    target = timezone.localdate() + timedelta(days=days)
    ordinary = {
        "kind": FollowUpKind.CT,
        "state": FollowUpState.PLANNED,
        "due_from": target,
        "target_on": target,
        "due_until": target + timedelta(days=14),
    }
    return factories.follow_up(factories.patient(), **(ordinary | fields))


def letter_owed() -> FollowUp:
    step = owed(3)
    ContactPoint.objects.create(patient=step.patient, kind="post", value="Home Street 2\n12345 Town")
    return step


def get(client: Client, name: str, **kwargs: object) -> str:
    answer = client.get(reverse(name, kwargs=kwargs or None))
    assert answer.status_code == 200, answer.content[:500]
    return words(answer.content.decode())


class TestTheDesk:
    def test_a_coordinator_answers_a_task_in_their_name(self) -> None:
        step = owed(-60)
        sweep(now=timezone.now())
        client = signed_in(Role.COORDINATOR)
        assert "Overdue: decide" in get(client, "reminders")
        task = step.reminders.get(rung="overdue_4", state=ReminderState.DELIVERED)
        page = client.get(reverse("reminder", kwargs={"code": task.code})).content.decode()
        assert "Answer in your name" in page
        told = {"act": "acknowledge", "outcome": "reached", "note": "Seen at another hospital"}
        answer = client.post(reverse("reminder", kwargs={"code": task.code}), told)
        assert answer.status_code == 302
        task.refresh_from_db()
        assert (task.state, task.note) == (ReminderState.ACKNOWLEDGED, "Seen at another hospital")
        again = client.post(reverse("reminder", kwargs={"code": task.code}), told, follow=True)
        assert "Somebody was quicker" in words(again.content.decode())

    def test_no_action_needs_a_reason_and_is_counted(self) -> None:
        step = owed(-60)
        sweep(now=timezone.now())
        client = signed_in(Role.COORDINATOR)
        task = step.reminders.get(rung="overdue_4", state=ReminderState.DELIVERED)
        address = reverse("reminder", kwargs={"code": task.code})
        assert client.post(address, {"act": "acknowledge", "outcome": "no_action"}).status_code == 422
        assert client.post(address, {"act": "acknowledge", "outcome": "no_action", "note": "Twin"}).status_code == 302
        assert "of these: no action needed Overdue: decide 1 1" in get(client, "reminders")

    def test_a_manager_sees_and_does_not_answer(self) -> None:
        step = owed(-60)
        sweep(now=timezone.now())
        client = signed_in(Role.MANAGER)
        task = step.reminders.get(rung="overdue_4", state=ReminderState.DELIVERED)
        assert "Answer in your name" not in get(client, "reminder", code=task.code)
        told = {"act": "acknowledge", "outcome": "done"}
        assert client.post(reverse("reminder", kwargs={"code": task.code}), told).status_code == 403

    @pytest.mark.parametrize("name", ["reminders", "letters", "audit"])
    def test_its_queries_do_not_grow(self, name: str) -> None:
        client = signed_in(Role.COORDINATOR if name != "audit" else Role.AUDITOR)
        letter_owed()
        sweep(now=timezone.now())
        get(client, name)
        with CaptureQueriesContext(connection) as few:
            get(client, name)
        for _ in range(8):
            owed(-60)
            letter_owed()
        sweep(now=timezone.now())
        with CaptureQueriesContext(connection) as many:
            get(client, name)
        assert len(many) == len(few)

    def test_a_silent_sweep_is_said_in_words(self) -> None:
        client = signed_in(Role.COORDINATOR)
        assert "Reminders have stopped." in get(client, "reminders")
        sweep(now=timezone.now())
        assert "Reminders have stopped." not in get(client, "reminders")


def test_one_page_says_why_a_patient_was_and_was_not_reminded() -> None:
    step = owed(20, state=FollowUpState.PROPOSED)
    sweep(now=timezone.now())
    page = get(signed_in(Role.COORDINATOR), "patient-reminders", code=step.patient.code)
    for said in ("nobody has signed the step", "Signed?", "Task, Owner of the step", "To do", "not known"):
        assert said in page
    assert AuditEvent.objects.filter(patient=step.patient, verb="patient.seen", facts__page="reminders").exists()


class TestLetters:
    def test_what_no_font_draws_waits_alone_and_each_look_is_written_down(self) -> None:
        steps = [letter_owed(), letter_owed()]
        sweep(now=timezone.now())
        Patient.objects.filter(pk=steps[0].patient_id).update(name="Demo^\u1780")
        client = signed_in(Role.COORDINATOR)
        answer = client.post(reverse("letters"), {"clinic": factories.clinic().code}, follow=True)
        assert answer["Content-Type"] == "application/pdf"
        held = steps[0].reminders.get(channel=Channel.LETTER, state=ReminderState.QUEUED)
        assert (held.batch, held.events.filter(step="held_back").count()) == (None, 1)
        page = get(client, "letters")
        assert "No font of this installation draws \u1780." in page
        assert "1 letter waits to be printed." in page
        looks = AuditEvent.objects.filter(verb="patient.seen", facts__page="letters")
        assert [look.patient for look in looks] == [steps[1].patient]
        client.post(reverse("letters"), {"clinic": factories.clinic().code})  # alone: refused, and no batch is left
        assert LetterBatch.objects.count() == 1
        assert "no font draws its letters" in get(client, "reminder", code=held.code)

    def test_a_batch_is_printed_and_can_be_printed_again(self) -> None:
        step = letter_owed()
        sweep(now=timezone.now())
        client = signed_in(Role.COORDINATOR)
        assert "1 letter waits to be printed." in get(client, "letters")
        printed = client.post(reverse("letters"), {"clinic": factories.clinic().code}, follow=True)
        assert printed["Content-Type"] == "application/pdf"
        assert printed.content.startswith(b"%PDF-")
        row = step.reminders.get(channel=Channel.LETTER, state=ReminderState.HANDED_OVER)
        assert "a CT of the chest" in row.text
        again = client.get(reverse("letters-pdf", kwargs={"code": row.batch.code}))
        assert again.status_code == 200
        assert client.post(reverse("letters"), {"clinic": factories.clinic().code}).status_code == 302
        assert step.reminders.filter(channel=Channel.LETTER).exclude(batch=None).count() == 1

    def test_rare_characters_need_a_font_and_the_page_says_so(self, settings: Settings) -> None:
        settings.LETTER_FONT = ""
        step = letter_owed()
        step.patient.contact_points.update(value="𠮷龘村")  # outside GB2312
        sweep(now=timezone.now())
        client = signed_in(Role.COORDINATOR)
        answer = client.post(reverse("letters"), {"clinic": factories.clinic().code}, follow=True)
        assert "NODULES_LETTER_FONT" in words(answer.content.decode())

    def test_a_returned_letter_ends_the_address(self) -> None:
        step = letter_owed()
        sweep(now=timezone.now())
        client = signed_in(Role.COORDINATOR)
        client.post(reverse("letters"), {"clinic": factories.clinic().code})
        row = step.reminders.get(channel=Channel.LETTER, state=ReminderState.HANDED_OVER)
        client.post(reverse("reminder", kwargs={"code": row.code}), {"act": "bounce", "note": "moved away"})
        row.refresh_from_db()
        assert (row.state, row.contact.failed_because) == (ReminderState.BOUNCED, "moved away")


class TestTheLadder:
    def told(self, **changes: object) -> dict[str, object]:
        fields: dict[str, object] = {"why": "A pilot", "task_cap": 25}
        for rung in DEFAULT:
            fields |= {f"{rung.code}-{tier}": days for tier, days in rung.offset_days.items()}
            fields[f"{rung.code}-answer"] = rung.answer_within_days
            to_patient = [order.way for order in rung.orders if order.to == "patient"]
            if to_patient:
                fields[f"{rung.code}-way"] = to_patient[0]
        return fields | changes

    def test_a_manager_tries_it_on_last_month_and_puts_it_in_force(self) -> None:
        clinic = factories.clinic()
        owed(3)
        client = signed_in(Role.MANAGER)
        address = reverse("ladder", kwargs={"code": clinic.code})
        tried = client.post(address, self.told(**{"reminder_1-H": -5, "try": ""}))
        assert tried.status_code == 200
        assert "As tried" in words(tried.content.decode())
        assert not LadderVersion.objects.exists()
        assert client.post(address, self.told(**{"reminder_1-H": -5, "activate": ""})).status_code == 302
        version = LadderVersion.objects.get()
        assert (version.number, version.why) == (1, "A pilot")
        assert "Version 1 is in force." in get(client, "ladder", code=clinic.code)

    def test_one_that_breaks_a_rule_is_refused_in_words(self) -> None:
        client = signed_in(Role.MANAGER)
        address = reverse("ladder", kwargs={"code": factories.clinic().code})
        answer = client.post(address, self.told(**{"overdue_2-way": "preferred", "activate": ""}))
        assert answer.status_code == 422
        assert "overdue patients get a letter or a call" in words(answer.content.decode())
        assert not LadderVersion.objects.exists()

    def test_a_coordinator_reads_it_only(self) -> None:
        client = signed_in(Role.COORDINATOR)
        address = reverse("ladder", kwargs={"code": factories.clinic().code})
        assert "Put it in force" not in words(client.get(address).content.decode())
        assert client.post(address, self.told(activate="")).status_code == 404


class TestContacts:
    def test_an_address_is_added_used_and_taken_out_of_use(self) -> None:
        patient = factories.patient()
        client = signed_in(Role.COORDINATOR)
        address = reverse("patient-contacts", kwargs={"code": patient.code})
        told = {"form": "contact", "of": "patient", "kind": "email", "value": "a@home.example", "consented": "yes"}
        assert client.post(address, told).status_code == 302
        point = patient.contact_points.get()
        assert (point.value, point.consented) == ("a@home.example", True)
        assert client.post(address, told | {"value": "no address"}).status_code == 422
        assert client.post(reverse("retire-contact", kwargs={"code": point.code})).status_code == 302
        point.refresh_from_db()
        assert point.retired_at is not None

    def test_a_wish_is_recorded(self) -> None:
        patient = factories.patient()
        client = signed_in(Role.COORDINATOR)
        told = {"form": "wish", "language": "zh-hans", "call_instead": "yes"}
        assert client.post(reverse("patient-contacts", kwargs={"code": patient.code}), told).status_code == 302
        assert patient.contact_preference.call_instead


class TestTheAuditTrail:
    def test_the_auditor_finds_who_did_what(self) -> None:
        patient = factories.patient()
        reader = factories.member(Role.RADIOLOGIST)
        client = Client()
        client.force_login(reader)
        client.get(reverse("patient", kwargs={"code": patient.code}))
        auditor = signed_in(Role.AUDITOR)
        asked = {"number": patient.identifier, "person": reader.username, "verb": "patient.seen"}
        found = words(auditor.get(reverse("audit"), asked).content.decode())
        assert patient.identifier in found
        assert reader.username in found
        nothing = words(auditor.get(reverse("audit"), asked | {"person": "somebody"}).content.decode())
        assert "No event fits" in nothing
        assert AuditEvent.objects.filter(verb="audit.searched").exists()

    def test_pages_follow_each_other_without_gap_or_repetition(self) -> None:
        patient = factories.patient()
        for number in range(250):
            AuditEvent.objects.create(verb="test.done", patient=patient, facts={"number": number})
        client, seen, query = signed_in(Role.AUDITOR), [], {"number": patient.identifier}
        while True:
            trail = client.get(reverse("audit"), query).context["trail"]
            seen += [event.pk for event in trail.events]
            if trail.older is None:
                break
            query["before"] = str(trail.older)
        assert len(seen) == len(set(seen)) == 250
        assert seen == sorted(seen, reverse=True)

    @pytest.mark.parametrize("role", [Role.COORDINATOR, Role.RADIOLOGIST, Role.MANAGER])
    def test_nobody_else_reads_it(self, role: Role) -> None:
        assert signed_in(role).get(reverse("audit")).status_code == 403


class TestEmergencies:
    def test_a_record_opens_for_reading_with_a_reason_and_the_auditor_sees_it(self) -> None:
        patient = factories.patient(clinic=factories.clinic(name="Elsewhere"))
        client = signed_in(Role.PHYSICIAN)
        page = reverse("patient", kwargs={"code": patient.code})
        assert client.get(page).status_code == 404
        told = {"number": patient.identifier, "born": patient.birth_date.isoformat(), "reason": "Haemoptysis"}
        assert client.post(reverse("emergency"), told | {"reason": ""}).status_code == 422
        assert client.post(reverse("emergency"), told).status_code == 302
        assert client.get(page).status_code == 200
        assert client.post(reverse("patient-contacts", kwargs={"code": patient.code})).status_code == 403
        auditor = Client()
        auditor.force_login(factories.member(Role.AUDITOR, at=patient.clinic))
        assert "Haemoptysis" in get(auditor, "audit")
        opened = EmergencyAccess.objects.get()
        auditor.post(reverse("review-emergency", kwargs={"code": opened.code}))
        opened.refresh_from_db()
        assert opened.reviewed_by is not None
        EmergencyAccess.objects.update(began_at=timezone.now() - timedelta(hours=5), until=timezone.now())
        assert client.get(page).status_code == 404

    def test_a_wrong_birth_date_opens_nothing_and_is_recorded(self) -> None:
        patient = factories.patient(clinic=factories.clinic(name="Elsewhere"))
        told = {"number": patient.identifier, "born": "1900-01-01", "reason": "Haemoptysis"}
        assert signed_in(Role.PHYSICIAN).post(reverse("emergency"), told).status_code == 422
        assert AuditEvent.objects.filter(verb="emergency.nobody_found").exists()
        assert not EmergencyAccess.objects.exists()


class TestReceipts:
    def send(self, settings: Settings, told: object, *, signed_by: str = "s3", age_s: int = 0) -> int:
        settings.GATEWAY_SECRET = "s3"
        body, stamp = json.dumps(told).encode(), str(int(time.time()) - age_s)
        settings.GATEWAY_SECRET = signed_by
        signed = gateway.signature(stamp, body)
        settings.GATEWAY_SECRET = "s3"
        headers = {"X-Nodules-Timestamp": stamp, "X-Nodules-Signature": signed}
        answer = Client(enforce_csrf_checks=True).post(
            reverse("receipts"), body, content_type="application/json", headers=headers
        )
        return answer.status_code

    def test_a_signed_receipt_is_heard_once_and_twice_changes_nothing(self, settings: Settings) -> None:
        step = letter_owed()
        sweep(now=timezone.now())
        row = step.reminders.get(channel=Channel.LETTER, state=ReminderState.QUEUED)
        Reminder.objects.filter(pk=row.pk).update(state=ReminderState.HANDED_OVER, channel=Channel.MESSAGE)
        told = {"key": row.key, "event": "delivered", "at": "2026-11-23T12:00:00Z"}
        assert self.send(settings, told) == 200
        assert self.send(settings, told) == 200
        row.refresh_from_db()
        assert row.state == ReminderState.DELIVERED
        assert row.events.get(step="deliver").facts == {"provider_time": "2026-11-23T12:00:00+00:00"}

    def test_what_is_not_signed_or_too_old_is_not_heard(self, settings: Settings) -> None:
        assert self.send(settings, {}, signed_by="another") == 403
        assert self.send(settings, {}, age_s=600) == 403
        assert self.send(settings, {"key": "x", "event": "exploded"}) == 400
        assert self.send(settings, ["x"]) == 400
        settings.GATEWAY_SECRET = ""
        assert Client().post(reverse("receipts"), b"{}", content_type="application/json").status_code == 403


class TestTheClinic:
    def test_the_administrator_sets_hours_and_days(self) -> None:
        client, clinic = signed_in(Role.ADMINISTRATOR), factories.clinic()
        address = reverse("clinic-settings", kwargs={"code": clinic.code})
        told = {
            "form": "clinic",
            "name": "Chest clinic",
            "time_zone": "Asia/Shanghai",
            "language": "zh-hans",
            "working_weekdays": "1,2,3,4,5",
            "quiet_from": "20:00",
            "quiet_until": "08:00",
            "proposals_on_request": "False",
        }
        assert client.post(address, told).status_code == 302
        clinic.refresh_from_db()
        assert (clinic.name, clinic.time_zone) == ("Chest clinic", "Asia/Shanghai")
        assert client.post(address, told | {"time_zone": "Mars/Olympus"}).status_code == 422
        next_year = timezone.localdate() + timedelta(days=60)
        day = {"form": "day", "on": next_year.isoformat(), "name": "Holiday", "is_working": "no"}
        assert client.post(address, day).status_code == 302
        marked = ClinicDay.objects.get()
        assert (marked.on, marked.is_working) == (next_year, False)
        assert "Holiday" in get(client, "clinic-settings", code=clinic.code)
        assert client.post(address, {"form": "day-gone", "day": marked.pk}).status_code == 302
        assert not ClinicDay.objects.exists()
        assert AuditEvent.objects.filter(verb="clinic.changed").exists()

    def test_nobody_else_finds_it(self) -> None:
        address = reverse("clinic-settings", kwargs={"code": factories.clinic().code})
        assert signed_in(Role.MANAGER).get(address).status_code == 404
