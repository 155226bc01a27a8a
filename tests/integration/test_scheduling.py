"""Slots: what a calendar offers, who gets one, and that two people never get the same."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, time, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from icalendar import Calendar

from nodules_app.lifecycles import AppointmentState, FollowUpState, NoSuchStep
from nodules_app.models import (
    Appointment,
    Clinic,
    ClinicDay,
    FollowUp,
    FollowUpKind,
    OpeningHours,
    Resource,
    ResourceKind,
    Role,
    User,
)
from nodules_app.selectors import scheduling as calendar
from nodules_app.services import calendar_feeds, resources, scheduling, steps
from nodules_app.services.follow_ups import OutsideWindow
from registration.errors import Refused
from tests import factories
from tests.integration.browsing import words

pytestmark = pytest.mark.django_db(transaction=True)
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2027, 3, 22)  # the week before the clocks change in Europe


@pytest.fixture
def clinic() -> Clinic:
    return Clinic.objects.create(name="Lung clinic", time_zone="Europe/Berlin")


@pytest.fixture
def by(clinic: Clinic) -> User:
    return factories.member(Role.COORDINATOR, clinic)


@pytest.fixture
def scanner(clinic: Clinic, by: User) -> Resource:
    made = resources.add_resource(clinic=clinic, name="CT 1", kind=ResourceKind.CT, by=by)
    resources.open_on(
        resource=made, weekdays=[1, 2, 3, 4, 5, 7], opens_at=time(8), closes_at=time(10), slot_minutes=30, by=by
    )
    return made


def step(clinic: Clinic, state: FollowUpState = FollowUpState.PLANNED, **fields: object) -> FollowUp:
    ordinary = {
        "kind": FollowUpKind.CT,
        "due_from": MONDAY,
        "target_on": MONDAY + timedelta(days=3),
        "due_until": MONDAY + timedelta(days=11),
        "rule_id": "FLEISCHNER2017.SOLID.SINGLE.GT8",
    }
    patient = factories.patient(clinic=clinic)
    return factories.follow_up(patient, state=state, **(ordinary | fields))


def at(on: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(on, time(hour, minute), BERLIN)


def starts(clinic: Clinic, on: date) -> list[str]:
    (day,) = calendar.days(clinic, ResourceKind.CT, on, on)
    return [f"{slot.starts_at.astimezone(BERLIN):%H:%M}" for slot in day.slots]


class TestTheCalendar:
    def test_hours_are_cut_into_slots_of_the_clinics_clock(self, clinic: Clinic, scanner: Resource) -> None:
        assert starts(clinic, MONDAY) == ["08:00", "08:30", "09:00", "09:30"]

    def test_a_clock_change_moves_no_slot(self, clinic: Clinic, scanner: Resource) -> None:
        clinic.working_weekdays = [1, 2, 3, 4, 5, 6, 7]
        sunday = date(2027, 3, 28)  # 02:00 becomes 03:00
        assert starts(clinic, sunday) == starts(clinic, MONDAY)
        (day,) = calendar.days(clinic, ResourceKind.CT, sunday, sunday)
        assert day.slots[0].starts_at == datetime(2027, 3, 28, 6, tzinfo=UTC)

    def test_a_night_shift_over_the_change_loses_no_minute(self, clinic: Clinic, by: User) -> None:
        clinic.working_weekdays = [7]
        night = resources.add_resource(clinic=clinic, name="CT 2", kind=ResourceKind.CT, by=by)
        resources.open_on(resource=night, weekdays=[7], opens_at=time(1), closes_at=time(5), slot_minutes=60, by=by)
        assert starts(clinic, date(2027, 3, 28)) == ["01:00", "03:00", "04:00"]
        assert len(starts(clinic, date(2026, 10, 25))) == 5  # 02:00 comes twice

    def test_holidays_and_weekends_have_no_slots(self, clinic: Clinic, scanner: Resource) -> None:
        ClinicDay.objects.create(clinic=clinic, on=MONDAY, is_working=False, name="Founders' day")
        monday, sunday = MONDAY, MONDAY + timedelta(days=6)
        shown = calendar.days(clinic, ResourceKind.CT, monday, sunday)
        assert (shown[0].is_open, shown[0].closed_because, shown[0].slots) == (False, "Founders' day", ())
        assert shown[6].slots == ()

    def test_somebody_booked_before_a_day_was_closed_is_still_seen(
        self, clinic: Clinic, scanner: Resource, by: User
    ) -> None:
        scheduling.give_slot(follow_up=step(clinic), resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        ClinicDay.objects.create(clinic=clinic, on=MONDAY, is_working=False, name="Strike")
        (day,) = calendar.days(clinic, ResourceKind.CT, MONDAY, MONDAY)
        assert [slot.booked is not None for slot in day.slots] == [True]

    def test_somebody_booked_before_the_hours_changed_hides_the_slots_that_the_new_hours_lay_there(
        self, clinic: Clinic, scanner: Resource, by: User
    ) -> None:
        scheduling.give_slot(follow_up=step(clinic), resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        OpeningHours.objects.all().delete()
        resources.open_on(
            resource=scanner, weekdays=[1], opens_at=time(8, 15), closes_at=time(9), slot_minutes=15, by=by
        )
        assert starts(clinic, MONDAY) == ["08:00", "08:30", "08:45"]

    def test_a_stretch_that_is_not_ours_is_no_free_slot(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        resources.set_unavailable(
            resource=scanner, starts_at=at(MONDAY, 8, 10), ends_at=at(MONDAY, 9), reason="Service", by=by
        )
        (day,) = calendar.days(clinic, ResourceKind.CT, MONDAY, MONDAY)
        assert [slot.unavailable for slot in day.slots] == ["Service", "Service", "", ""]
        assert len(day.free) == 2

    def test_the_number_of_queries_does_not_grow_with_days_or_resources(
        self, clinic: Clinic, scanner: Resource, by: User, django_assert_num_queries: object
    ) -> None:
        for number in range(2, 6):
            more = resources.add_resource(clinic=clinic, name=f"CT {number}", kind=ResourceKind.CT, by=by)
            resources.open_on(
                resource=more, weekdays=[1, 2], opens_at=time(8), closes_at=time(16), slot_minutes=20, by=by
            )
        with django_assert_num_queries(5):  # type: ignore[operator]
            calendar.days(clinic, ResourceKind.CT, MONDAY, MONDAY + timedelta(days=27))

    def test_hours_that_overlap_are_refused_as_a_whole(self, scanner: Resource, by: User) -> None:
        with pytest.raises(resources.HoursOverlap):
            resources.open_on(
                resource=scanner, weekdays=[6, 1], opens_at=time(9, 30), closes_at=time(11), slot_minutes=30, by=by
            )
        assert not OpeningHours.objects.filter(weekday=6).exists()


class TestASlot:
    def test_booking_moves_the_step_and_shows_on_the_calendar(
        self, clinic: Clinic, scanner: Resource, by: User
    ) -> None:
        owed = step(clinic)
        given = scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=at(MONDAY, 9), by=by)
        owed.refresh_from_db()
        assert (owed.state, owed.booked_on) == (FollowUpState.BOOKED, MONDAY)
        slot = calendar.slot_at(clinic, ResourceKind.CT, scanner.code, at(MONDAY, 9))
        assert slot is not None
        assert slot.booked is not None
        assert slot.booked.code == given.code

    def test_another_slot_frees_the_first_and_points_back(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        owed = step(clinic)
        first = scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=at(MONDAY, 9), by=by)
        tuesday = MONDAY + timedelta(days=1)
        second = scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=at(tuesday, 8), by=by)
        first.refresh_from_db()
        assert (first.state, second.succeeds) == (AppointmentState.MOVED, first)
        other = scheduling.give_slot(follow_up=step(clinic), resource=scanner.code, starts_at=at(MONDAY, 9), by=by)
        assert other.state == AppointmentState.BOOKED

    def test_a_slot_that_is_taken_leaves_the_step_with_the_one_it_has(
        self, clinic: Clinic, scanner: Resource, by: User
    ) -> None:
        scheduling.give_slot(follow_up=step(clinic), resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        owed = step(clinic)
        had = scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=at(MONDAY, 9), by=by)
        with pytest.raises(scheduling.SlotTaken, match="2027-03-22 08:00"):
            scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        had.refresh_from_db()
        assert had.state == AppointmentState.BOOKED

    @pytest.mark.parametrize(("on", "hour"), [(MONDAY, 11), (MONDAY + timedelta(days=5), 8), (date(2026, 1, 5), 8)])
    def test_what_is_no_slot_is_said(self, clinic: Clinic, scanner: Resource, by: User, on: date, hour: int) -> None:
        with pytest.raises(scheduling.NoSuchSlot):
            scheduling.give_slot(follow_up=step(clinic), resource=scanner.code, starts_at=at(on, hour), by=by)

    def test_another_clinics_scanner_is_no_slot(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        elsewhere = step(Clinic.objects.create(name="Elsewhere"))
        with pytest.raises(scheduling.NoSuchSlot):
            scheduling.give_slot(follow_up=elsewhere, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)

    def test_a_day_outside_the_window_names_the_rule_and_needs_a_reason(
        self, clinic: Clinic, scanner: Resource, by: User
    ) -> None:
        owed = step(clinic, due_from=MONDAY + timedelta(days=1))
        with pytest.raises(OutsideWindow, match=r"2027-03-23 to .* FLEISCHNER2017\.SOLID\.SINGLE\.GT8"):
            scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        assert not Appointment.objects.exists()
        given = scheduling.give_slot(
            follow_up=owed, resource=scanner.code, starts_at=at(MONDAY, 8), by=by, why_outside_window="Travels after."
        )
        assert given.why_outside_window == "Travels after."

    def test_a_step_that_nobody_signed_gets_no_slot(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        with pytest.raises(NoSuchStep):
            scheduling.give_slot(
                follow_up=step(clinic, FollowUpState.PROPOSED), resource=scanner.code, starts_at=at(MONDAY, 8), by=by
            )
        assert not Appointment.objects.exists()

    def test_nobody_has_to_come_for_a_review(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        with pytest.raises(scheduling.NothingToBook):
            scheduling.give_slot(
                follow_up=step(clinic, kind=FollowUpKind.REVIEW), resource=scanner.code, starts_at=at(MONDAY, 8), by=by
            )

    @pytest.mark.parametrize(
        ("act", "ends", "owed"),
        [
            (scheduling.cancel, AppointmentState.CANCELLED, FollowUpState.PLANNED),
            (scheduling.miss, AppointmentState.MISSED, FollowUpState.NOT_ATTENDED),
        ],
    )
    def test_a_slot_given_back_is_free_and_the_step_is_owed(
        self, clinic: Clinic, scanner: Resource, by: User, act: object, ends: str, owed: str
    ) -> None:
        booked = step(clinic)
        given = scheduling.give_slot(follow_up=booked, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        act(appointment=given, because="Ill.", by=by)  # type: ignore[operator]
        given.refresh_from_db()
        booked.refresh_from_db()
        assert (given.state, given.ended_because, booked.state, booked.booked_on) == (ends, "Ill.", owed, None)
        slot = calendar.slot_at(clinic, ResourceKind.CT, scanner.code, at(MONDAY, 8))
        assert slot is not None
        assert slot.is_free
        with pytest.raises(NoSuchStep):
            act(appointment=given, because="Again.", by=by)  # type: ignore[operator]

    @pytest.mark.parametrize(("days_later", "ends"), [(0, AppointmentState.ATTENDED), (-2, AppointmentState.CANCELLED)])
    def test_the_exam_uses_the_slot_of_its_day_and_frees_any_other(
        self, clinic: Clinic, scanner: Resource, by: User, days_later: int, ends: str
    ) -> None:
        booked = step(clinic)
        given = scheduling.give_slot(follow_up=booked, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        exam = factories.scan(booked.patient, MONDAY + timedelta(days=days_later)).study
        with transaction.atomic():
            steps.move(steps.hold(booked), "perform", by=None, exam=exam)
        given.refresh_from_db()
        assert given.state == ends

    def test_a_step_that_ends_takes_its_slot_with_it(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        booked = step(clinic)
        given = scheduling.give_slot(follow_up=booked, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        with transaction.atomic():
            steps.move(steps.hold(booked), "suspect_lost", by=None, why="Every reminder failed.", booked_on=None)
        given.refresh_from_db()
        assert (given.state, given.ended_because) == (AppointmentState.CANCELLED, "Every reminder failed.")

    def test_of_two_who_want_one_slot_at_once_one_gets_it(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        owed = [step(clinic) for _ in range(6)]

        def want(one: FollowUp) -> str:
            try:
                scheduling.give_slot(follow_up=one, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
            except Refused as refused:
                return refused.code
            else:
                return "given"
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            said = sorted(pool.map(want, owed))
        assert said == ["given", *["slot_taken"] * 5]

    def test_the_database_itself_refuses_a_second_patient_at_one_time(
        self, clinic: Clinic, scanner: Resource, by: User
    ) -> None:
        def put(minute: int) -> None:
            during = (at(MONDAY, 8, minute), at(MONDAY, 8, minute) + timedelta(minutes=30))
            Appointment.objects.create(follow_up=step(clinic), resource=scanner, during=during, by=by)

        put(0)
        with pytest.raises(IntegrityError, match="appointment_has_its_slot_alone"), transaction.atomic():
            put(15)
        put(30)  # the end of one is the beginning of the next

    def test_a_scanner_with_bookings_ahead_is_not_taken_away(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        scheduling.give_slot(follow_up=step(clinic), resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        with pytest.raises(resources.StillBooked):
            resources.retire_resource(resource=scanner, by=by)
        with pytest.raises(resources.StillBooked):
            resources.set_unavailable(
                resource=scanner, starts_at=at(MONDAY, 8), ends_at=at(MONDAY, 9), reason="Service", by=by
            )


class TestPages:
    @pytest.fixture
    def client(self, by: User) -> Client:
        client = Client()
        client.force_login(by)
        return client

    def book(self, client: Client, owed: FollowUp, resource: UUID, starts_at: datetime, why: str = "") -> object:
        address = reverse("book", kwargs={"code": owed.code})
        return client.post(
            address, {"slot": f"{resource}@{starts_at.astimezone(UTC).isoformat()}", "why_outside_window": why}
        )

    def test_a_slot_is_chosen_and_booked(self, clinic: Clinic, scanner: Resource, client: Client) -> None:
        owed = step(clinic)
        page = words(client.get(reverse("book", kwargs={"code": owed.code})).content.decode())
        assert "4 of 4 free" in page
        assert "target" in page
        self.book(client, owed, scanner.code, at(MONDAY, 8))
        owed.refresh_from_db()
        assert owed.state == FollowUpState.BOOKED
        again = words(client.get(reverse("book", kwargs={"code": owed.code})).content.decode())
        assert "Move the appointment" in again
        assert "Give the slot back" in again

    def test_a_day_outside_the_window_is_asked_back_with_the_slot_kept(
        self, clinic: Clinic, scanner: Resource, client: Client
    ) -> None:
        owed = step(clinic, due_from=MONDAY + timedelta(days=1))
        response = self.book(client, owed, scanner.code, at(MONDAY, 8))
        assert response.status_code == 422  # type: ignore[attr-defined]
        page = response.content.decode()  # type: ignore[attr-defined]
        assert "Why this day is right" in page
        assert f"{scanner.code}@" in page
        self.book(client, owed, scanner.code, at(MONDAY, 8), why="Travels after.")
        assert Appointment.objects.get().why_outside_window == "Travels after."

    def test_what_is_no_slot_at_all_changes_nothing(self, clinic: Clinic, scanner: Resource, client: Client) -> None:
        owed = step(clinic)
        for nonsense in ("", "@", f"{scanner.code}@soon", f"{scanner.code}@2027-03-22T08:00:00", "x@2027-03-22"):
            assert client.post(reverse("book", kwargs={"code": owed.code}), {"slot": nonsense}).status_code == 200
        assert not Appointment.objects.exists()

    def test_the_week_shows_who_waits_and_who_is_booked(
        self, clinic: Clinic, scanner: Resource, by: User, client: Client
    ) -> None:
        waiting, booked = step(clinic), step(clinic)
        scheduling.give_slot(follow_up=booked, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        page = client.get(reverse("schedule") + f"?on={MONDAY}").content.decode()
        assert waiting.patient.identifier in page
        assert "1 step to book" in words(page)
        assert reverse("book", kwargs={"code": booked.code}) in page

    def test_another_clinics_step_is_not_found(self, scanner: Resource, client: Client) -> None:
        elsewhere = step(Clinic.objects.create(name="Elsewhere"))
        assert client.get(reverse("book", kwargs={"code": elsewhere.code})).status_code == 404

    def test_only_who_manages_sets_the_calendar_up(self, clinic: Clinic, client: Client) -> None:
        assert client.get(reverse("schedule-setup")).status_code == 403
        manager = Client()
        manager.force_login(factories.member(Role.MANAGER, clinic))
        manager.post(reverse("add-resource", kwargs={"code": clinic.code}), {"name": "CT 9", "kind": "ct"})
        made = Resource.objects.get()
        hours = {"weekdays": ["1", "2"], "opens_at": "08:00", "closes_at": "12:00", "slot_minutes": "20"}
        manager.post(reverse("open-hours", kwargs={"code": made.code}), hours)
        typed = {"starts_at": "2027-03-22T08:00", "ends_at": "2027-03-22T09:00", "reason": "Service"}
        manager.post(reverse("set-unavailable", kwargs={"code": made.code}), typed)
        assert made.unavailabilities.get().during.lower == at(MONDAY, 8)
        (day,) = calendar.days(clinic, ResourceKind.CT, MONDAY, MONDAY)
        assert (len(day.slots), len(day.free)) == (12, 9)
        page = words(manager.get(reverse("schedule-setup")).content.decode())
        assert "Monday 08:00–12:00" in page


class TestTheFeed:
    def test_it_says_when_and_where_and_never_who(self, clinic: Clinic, scanner: Resource, by: User) -> None:
        owed = step(clinic)
        scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=at(MONDAY, 8), by=by)
        feed, token = calendar_feeds.make_feed(clinic=clinic, label="Front desk", by=by)
        response = Client().get(reverse("calendar-feed", kwargs={"token": token}))
        assert response["Content-Type"].startswith("text/calendar")
        text = response.content.decode()
        for secret in (owed.patient.name, owed.patient.identifier, "FLEISCHNER", "nodule."):
            assert secret not in text
        (event,) = Calendar.from_ical(text).walk("VEVENT")
        assert event.decoded("dtstart") == at(MONDAY, 8)
        assert (str(event["summary"]), str(event["location"])) == ("CT", "CT 1")
        calendar_feeds.revoke_feed(feed=feed, by=by)
        assert Client().get(reverse("calendar-feed", kwargs={"token": token})).status_code == 404
        assert Client().get(reverse("calendar-feed", kwargs={"token": "guess"})).status_code == 404

    def test_an_appointment_that_moved_is_cancelled_under_its_own_uid(
        self, clinic: Clinic, scanner: Resource, by: User
    ) -> None:
        owed = step(clinic)
        for hour in (8, 9):
            scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=at(MONDAY, hour), by=by)
        _feed, token = calendar_feeds.make_feed(clinic=clinic, label="Front desk", by=by)
        text = Client().get(reverse("calendar-feed", kwargs={"token": token})).content
        events = Calendar.from_ical(text).walk("VEVENT")
        assert sorted(str(event["status"]) for event in events) == ["CANCELLED", "CONFIRMED"]
        assert len({str(event["uid"]) for event in events}) == 2

    def test_the_token_is_kept_by_nobody(self, clinic: Clinic, by: User) -> None:
        feed, token = calendar_feeds.make_feed(clinic=clinic, label="Front desk", by=by)
        assert token not in str(vars(feed))


def test_days_are_counted_in_the_clinics_zone() -> None:
    """At 23:30 UTC it is tomorrow in Shanghai: the booking lies on tomorrow's date."""
    clinic = Clinic.objects.create(name="East", time_zone="Asia/Shanghai")
    by = factories.member(Role.COORDINATOR, clinic)
    scanner = resources.add_resource(clinic=clinic, name="CT 1", kind=ResourceKind.CT, by=by)
    resources.open_on(resource=scanner, weekdays=[1], opens_at=time(7), closes_at=time(8), slot_minutes=30, by=by)
    starts_at = datetime.combine(MONDAY, time(7, 30), ZoneInfo("Asia/Shanghai"))
    owed = step(clinic)
    scheduling.give_slot(follow_up=owed, resource=scanner.code, starts_at=starts_at, by=by)
    owed.refresh_from_db()
    assert starts_at.astimezone(UTC).date() < MONDAY
    assert owed.booked_on == MONDAY
    assert timezone.is_aware(owed.appointments.get().during.lower)
