"""Being away: who answers meanwhile sees the patients, takes over what was taken, and gets the tasks."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from nodules_app.ladder.rungs import Recipient
from nodules_app.models import AuditEvent, Clinic, Membership, Role, User
from nodules_app.selectors.cover import absences, stands_for
from nodules_app.selectors.mine import my_patients
from nodules_app.services import cover, worklists
from nodules_app.services.reminders.staff import who_answers
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = date(2026, 11, 23)


def days(count: int) -> date:
    return TODAY + timedelta(days=count)


@pytest.fixture
def anna() -> User:
    return factories.member(Role.COORDINATOR)


@pytest.fixture
def ben(anna: User) -> User:
    return factories.member(Role.COORDINATOR)


def away(who: User, by_whom: User, first: int = 0, last: int = 7, **options: object) -> User:
    told = {"by": who, "today": TODAY} | options
    return cover.go_away(
        who=who,
        away_from=days(first),
        away_until=days(last),
        covered_by=by_whom,
        **told,  # type: ignore[arg-type]
    )


class TestWhatFollows:
    def test_the_colleague_answers_from_the_first_to_the_last_day(self, anna: User, ben: User) -> None:
        away(anna, ben, 2, 5)
        covers = {day: stands_for(ben, days(day)) for day in (1, 2, 5, 6)}
        assert covers == {1: [], 2: [anna], 5: [anna], 6: []}

    def test_patients_of_the_absent_stand_on_the_list_of_the_colleague(self, anna: User, ben: User) -> None:
        hers, his = factories.patient(), factories.patient()
        factories.follow_up(hers, owner=anna, overdue=True)
        factories.follow_up(his, owner=ben)
        away(anna, ben, 2, 5)
        before, during = (my_patients(ben, today=days(day)) for day in (1, 3))
        assert [(group.owner, [row.code for row in group.rows]) for group in before.groups] == [(ben, [his.code])]
        assert [(group.owner, [row.code for row in group.rows]) for group in during.groups] == [
            (ben, [his.code]),
            (anna, [hers.code]),
        ]

    def test_what_the_absent_had_taken_the_colleague_may_take_over_and_nobody_else(self, anna: User, ben: User) -> None:
        today = timezone.localdate()
        patient, other = factories.patient(), factories.member(Role.COORDINATOR)
        worklists.claim(patient=patient, by=anna)
        cover.go_away(who=anna, away_from=today, away_until=today, covered_by=ben, by=anna)
        with pytest.raises(worklists.ClaimedByAnother):
            worklists.claim(patient=patient, by=other)
        assert worklists.claim(patient=patient, by=ben).by == ben

    def test_the_ladders_tasks_go_to_the_colleague_on_these_days_only(self, anna: User, ben: User) -> None:
        step = factories.follow_up(factories.patient(), owner=anna)
        away(anna, ben, 2, 5)
        step.refresh_from_db()
        asked = {day: who_answers(step, Recipient.OWNER, Counter(), 25, days(day)) for day in (1, 2, 6)}
        assert asked == {1: anna, 2: ben, 6: anna}

    def test_back_earlier_everything_is_ones_own_again(self, anna: User, ben: User) -> None:
        away(anna, ben)
        cover.come_back(who=anna, by=anna)
        anna.refresh_from_db()
        assert (anna.away_from, anna.away_until, anna.covered_by) == (None, None, None)
        assert stands_for(ben, TODAY) == []
        told = AuditEvent.objects.filter(verb__startswith="absence.").order_by("pk")
        assert list(told.values_list("verb", flat=True)) == ["absence.recorded", "absence.ended"]


class TestRefusals:
    def test_a_colleague_without_the_same_part_cannot_cover(self, anna: User, ben: User) -> None:
        physician = factories.member(Role.PHYSICIAN)
        with pytest.raises(cover.CannotCover):
            away(physician, ben)
        assert away(ben, physician).covered_by == physician

    def test_a_colleague_must_work_in_every_clinic_of_the_absent(self, anna: User, ben: User) -> None:
        second = Clinic.objects.create(name="Second")
        Membership.objects.create(user=anna, clinic=second, role=Role.COORDINATOR)
        with pytest.raises(cover.CannotCover, match="Second"):
            away(anna, ben)

    @pytest.mark.parametrize(("first", "last"), [(0, 3), (5, 9), (7, 7), (-2, 20)])
    def test_who_is_away_on_one_of_these_days_cannot_cover(self, anna: User, ben: User, first: int, last: int) -> None:
        carla = factories.member(Role.COORDINATOR)
        away(ben, carla, first, max(last, 0))
        with pytest.raises(cover.CoverIsAway):
            away(anna, ben, 0, 7)

    def test_who_covers_others_finds_them_another_cover_first(self, anna: User, ben: User) -> None:
        away(anna, ben)
        with pytest.raises(cover.CoversOthers, match=str(anna)):
            away(ben, factories.member(Role.COORDINATOR), 3, 4)

    @pytest.mark.parametrize(("first", "last"), [(3, 2), (-9, -1)])
    def test_days_that_lie_wrong_are_refused(self, anna: User, ben: User, first: int, last: int) -> None:
        with pytest.raises(cover.AbsenceIsPast):
            away(anna, ben, first, last)

    def test_a_colleague_does_not_send_another_away_but_who_manages_the_clinic_does(
        self, anna: User, ben: User
    ) -> None:
        with pytest.raises(cover.NotYours):
            away(anna, ben, by=ben)
        assert away(anna, ben, by=factories.member(Role.MANAGER)).covered_by == ben
        with pytest.raises(cover.NotYours):
            cover.come_back(who=anna, by=ben)

    def test_the_database_refuses_days_in_the_wrong_order(self, anna: User) -> None:
        anna.away_from, anna.away_until = days(3), days(2)
        with pytest.raises(IntegrityError, match="user_absence_is_in_order"), transaction.atomic():
            anna.save()


class TestThePages:
    def test_an_absence_is_recorded_shown_and_ended(self, anna: User, ben: User) -> None:
        client, today = signed_in(Role.COORDINATOR), timezone.localdate()
        me = User.objects.order_by("-pk")[0]
        sent = {"who": me.code, "away_from": today, "away_until": today + timedelta(days=3), "covered_by": ben.code}
        answer = client.post(reverse("absences"), sent, follow=True)
        assert str(ben) in words(answer.content.decode())
        assert [one.who for one in absences(anna, today)] == [me]
        client.post(reverse("come-back", kwargs={"code": me.code}))
        assert absences(anna, today) == []

    @pytest.mark.parametrize("missing", ["away_from", "away_until", "covered_by"])
    def test_what_is_missing_is_asked(self, anna: User, ben: User, missing: str) -> None:
        client, today = signed_in(Role.COORDINATOR), timezone.localdate()
        me = User.objects.order_by("-pk")[0]
        sent = {"who": me.code, "away_from": today, "away_until": today, "covered_by": ben.code}
        del sent[missing]
        assert client.post(reverse("absences"), sent).status_code == 422

    def test_nobody_sends_a_colleague_away_by_a_forged_form(self, anna: User, ben: User) -> None:
        today = timezone.localdate()
        sent = {"who": anna.code, "away_from": today, "away_until": today, "covered_by": ben.code}
        assert signed_in(Role.COORDINATOR).post(reverse("absences"), sent).status_code == 422
        anna.refresh_from_db()
        assert anna.away_until is None

    def test_my_patients_names_the_colleague_whom_i_cover(self, anna: User) -> None:
        client = signed_in(Role.COORDINATOR)
        me, today = User.objects.order_by("-pk")[0], timezone.localdate()
        patient = factories.patient(name="Demo^Covered")
        factories.follow_up(patient, owner=anna)
        cover.go_away(who=anna, away_from=today, away_until=today, covered_by=me, by=anna)
        shown = words(client.get(reverse("my-patients")).content.decode())
        assert f"For {anna}, who is away" in shown
        assert "Covered" in shown

    def test_what_the_absent_holds_is_offered_to_the_cover_and_to_nobody_else(self, anna: User) -> None:
        patient, today = factories.patient(), timezone.localdate()
        factories.follow_up(patient, overdue=True)
        worklists.claim(patient=patient, by=anna)
        client, other = signed_in(Role.COORDINATOR), signed_in(Role.COORDINATOR)
        me = User.objects.order_by("-pk")[1]
        path = reverse("claim", kwargs={"code": patient.code})
        assert path not in client.get("/").content.decode()
        cover.go_away(who=anna, away_from=today, away_until=today, covered_by=me, by=anna)
        assert path in client.get("/").content.decode()
        assert path not in other.get("/").content.decode()

    def test_its_queries_do_not_grow_with_the_people(self, anna: User, ben: User) -> None:
        client, counted = signed_in(Role.MANAGER), []
        for _ in range(2):
            away(factories.member(Role.COORDINATOR), ben, 0, 400)
            with CaptureQueriesContext(connection) as queries:
                client.get(reverse("absences"))
            counted.append(len(queries))
        assert counted[0] == counted[1]
