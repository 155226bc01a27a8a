"""The board: bounded lanes, filters, moves that the life cycle knows and this person may make, and what it costs."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from nodules_app.lifecycles import FOLLOW_UP, FollowUpState
from nodules_app.models import FollowUp, FollowUpKind, Patient, Role, User
from nodules_app.selectors.board import CARDS, LANES, Filter, board, lane
from nodules_app.services import cover
from nodules_app.templatetags.board import MOVES, card_moves
from tests import factories
from tests.integration.browsing import signed_in, words

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = timezone.localdate()


def owing(state: FollowUpState = FollowUpState.PROPOSED, **fields: object) -> FollowUp:
    patient = factories.patient()
    answer = factories.assessment(patient, factories.result("BTS2015", "bts_ct_3m", "SOLID.VDT"))
    if state == FollowUpState.BOOKED:
        fields.setdefault("booked_on", TODAY + timedelta(days=160))
    if state == FollowUpState.REPORTED:
        fields.setdefault("exam", factories.scan(patient).study)
    return factories.follow_up(patient, assessed=answer, state=state, **fields)


def lanes_of(user: User, asked: Filter | None = None) -> dict[FollowUpState, list[object]]:
    return {one.state: [card.code for card in one.cards] for one in board(user, asked or Filter(), today=TODAY)}


class TestLanes:
    def test_every_open_step_stands_in_the_lane_of_its_state(self) -> None:
        steps = {state: owing(state) for state in LANES}
        assert lanes_of(factories.member()) == {state: [step.code] for state, step in steps.items()}

    def test_the_earliest_deadlines_are_shown_and_the_others_counted(self) -> None:
        steps = [owing(due_until=TODAY + timedelta(days=400 + days)) for days in range(CARDS + 3)]
        proposed = board(factories.member(), Filter(), today=TODAY)[0]
        assert [card.code for card in proposed.cards] == [step.code for step in steps[:CARDS]]
        assert (proposed.count, proposed.hidden, proposed.next_page) == (CARDS + 3, 3, 2)

    def test_one_lane_is_shown_to_its_end(self) -> None:
        for _ in range(CARDS + 1):
            owing()
        whole = lane(factories.member(), FollowUpState.PROPOSED, Filter(), today=TODAY)
        assert (len(whole.cards), whole.next_page) == (CARDS + 1, None)

    def test_another_clinics_steps_are_not_there(self) -> None:
        me = factories.member()
        patient: Patient = factories.patient(clinic=factories.clinic(name="Elsewhere"))
        factories.follow_up(patient)
        assert lanes_of(me)[FollowUpState.PROPOSED] == []

    def test_filters_leave_what_was_asked_for(self) -> None:
        me, colleague = factories.member(), factories.member()
        late, mine = owing(overdue=True), owing(owner=me)
        hers = owing(owner=colleague)
        review = factories.follow_up(factories.patient())
        cover.go_away(who=colleague, away_from=TODAY, away_until=TODAY, covered_by=me, by=colleague)
        proposed = FollowUpState.PROPOSED
        assert lanes_of(me, Filter(late=True))[proposed] == [late.code]
        assert set(lanes_of(me, Filter(mine=True))[proposed]) == {mine.code, hers.code}
        assert lanes_of(me, Filter(kind=FollowUpKind.REVIEW))[proposed] == [review.code]

    def test_its_queries_do_not_grow_with_its_cards(self) -> None:
        me = factories.member()
        counted = []
        for _ in range(2):
            for state in LANES:
                owing(state)
            with CaptureQueriesContext(connection) as queries:
                board(me, Filter(), today=TODAY)
            counted.append(len(queries))
        assert counted[0] == counted[1] <= 2 + len(LANES)


class TestMoves:
    @pytest.mark.parametrize("state", LANES)
    def test_a_card_offers_only_moves_that_the_life_cycle_knows(self, state: FollowUpState) -> None:
        owing(state)
        (card,) = next(one.cards for one in board(factories.member(), Filter(), today=TODAY) if one.state == state)
        known = {to for (before, _), to in FOLLOW_UP.items() if before == state}
        assert {move.to for move in card_moves(card)} <= known

    def test_every_move_has_a_step_of_the_life_cycle_behind_it(self) -> None:
        assert {move.step for move in MOVES} <= {step for _, step in FOLLOW_UP}

    def test_a_coordinator_books_but_does_not_sign(self) -> None:
        owing(), owing(FollowUpState.PLANNED)
        lanes = board(factories.member(Role.COORDINATOR), Filter(), today=TODAY)
        offered = {one.state: {move.to for card in one.cards for move in card_moves(card)} for one in lanes}
        assert offered[FollowUpState.PROPOSED] == set()
        assert FollowUpState.BOOKED in offered[FollowUpState.PLANNED]
        assert FollowUpState.DEFERRED not in offered[FollowUpState.PLANNED]

    def test_who_only_looks_moves_nothing(self) -> None:
        for state in LANES:
            owing(state)
        lanes = board(factories.member(Role.MANAGER), Filter(), today=TODAY)
        assert [move for one in lanes for card in one.cards for move in card_moves(card)] == []

    def test_a_review_is_not_signed_from_its_card(self) -> None:
        factories.follow_up(factories.patient())
        lanes = board(factories.member(), Filter(), today=TODAY)
        assert [move for card in lanes[0].cards for move in card_moves(card)] == []


class TestThePage:
    def test_a_step_is_signed_from_the_board_and_stays_there(self) -> None:
        step = owing()
        answer = signed_in().post(
            reverse("board-accept", kwargs={"code": step.code}), {"version": step.version, "next": "/board?late=late"}
        )
        assert answer["Location"] == "/board?late=late"
        step.refresh_from_db()
        assert step.state == FollowUpState.PLANNED

    def test_who_saw_an_older_version_is_told_who_was_quicker(self) -> None:
        step = owing()
        path = reverse("board-accept", kwargs={"code": step.code})
        client = signed_in()
        client.post(path, {"version": step.version})
        told = client.post(path, {"version": step.version}, follow=True).content.decode()
        assert "changed this step while you had it open" in words(told)

    @pytest.mark.parametrize("query", ["lane=nowhere", "page=0", "kind=x", "clinic=x", "whose=hers"])
    def test_an_odd_address_is_refused(self, query: str) -> None:
        assert signed_in().get(f"/board?{query}").status_code == 400

    def test_a_lane_leads_on_page_by_page_and_keeps_the_filter(self) -> None:
        for _ in range(CARDS + 1):
            owing(overdue=True)
        html = signed_in().get("/board?late=late").content.decode()
        (more,) = re.findall(r'href="(\?lane=[^"]*)"', html)
        assert more == "?lane=proposed&amp;late=late"
        assert html.count("data-card") == CARDS
        client: Client = signed_in()
        assert client.get("/board?lane=proposed&late=late").content.decode().count("data-card") == CARDS + 1
