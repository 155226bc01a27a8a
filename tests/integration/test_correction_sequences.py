"""Whatever a reader does in whatever order: undo brings back exactly what was, redo exactly what had been done.

And what was signed on the way stays as it was signed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_django import Settings

from inference.drawn import Stroke
from nodules_app.lifecycles import NoduleState, RunState
from nodules_app.models import Attenuation, Correction, Finding, Match, Nodule, Patient, Reading, Role, Scan, User
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import corrections, growths, readings
from nodules_app.services.corrections_follow import follow
from nodules_app.services.corrections_measure import strokes_of
from nodules_app.services.corrections_record import standing
from tests import factories

pytestmark = pytest.mark.django_db

AT: Final = (0.0, 0.0, 0.0)
ELSEWHERE: Final = (-20.0, 10.0, 10.0)
METHOD: Final = {"method": "star-35", "version": "star-pv 2"}
Act = Callable[[Patient, User], object]


@pytest.fixture
def patient(tmp_path: Path, settings: Settings) -> Patient:
    settings.CACHE_DIR = tmp_path / "cache"
    of = factories.patient()
    prior, current = factories.scan(of, factories.PRIOR_ON), factories.scan(of)
    factories.keep_volume(prior, [(AT, 9.0)], seed=1)
    factories.keep_volume(current, [(AT, 10.0), (ELSEWHERE, 7.0)], seed=2)
    pair = factories.comparison(prior, current)
    nodule = factories.nodule(of)
    found = [factories.finding(nodule, scan, AT) for scan in (prior, current)]
    for at, volume_mm3 in zip(found, (380.0, 520.0), strict=True):
        factories.measurement(at, volume_mm3, **METHOD)
    graded = growths.grade_of(pair)
    assert graded
    growths.store_growth(factories.match(pair, found[0], found[1]), pair, graded)
    follow(of, [nodule.pk], by=factories.member())
    return of


def first(of: Patient) -> Nodule:
    return of.nodules.get(number=1)


def scan_of(of: Patient) -> Scan:
    scan = readings.latest_scan(of)
    assert scan is not None
    return scan


def on_current(of: Patient) -> Finding:
    found = first(of).findings.filter(scan=scan_of(of), superseded_at__isnull=True, present=True).first()
    if found is None:
        raise Impossible
    return found


class Impossible(Exception):
    """The page would not offer this act now."""


def matched(of: Patient) -> Match:
    match = first(of).matches.filter(superseded_at__isnull=True).first()
    if match is None or None in (match.prior_finding_id, match.current_finding_id):
        raise Impossible
    if first(of).state != NoduleState.ACTIVE:
        raise Impossible
    return match


def in_state(of: Patient, state: NoduleState) -> Nodule:
    if first(of).state != state:
        raise Impossible
    return first(of)


ACTS: Final[dict[str, Act]] = {
    "add": lambda of, by: corrections.add_nodule(scan=scan_of(of), lps_mm=ELSEWHERE, by=by),
    "grow": lambda of, by: corrections.draw(finding=on_current(of), strokes=[Stroke("add", (5, 0, 0), 3)], by=by),
    "erase": lambda of, by: corrections.draw(finding=on_current(of), strokes=[Stroke("erase", (4, 0, 0), 2)], by=by),
    "smooth": lambda of, by: corrections.draw(finding=on_current(of), strokes=[Stroke("smooth")], by=by),
    "caliper": lambda of, by: corrections.lay_caliper(finding=on_current(of), long_mm=12, short_mm=9, by=by),
    "glass": lambda of, by: corrections.say_attenuation(
        finding=on_current(of), attenuation=Attenuation.GROUND_GLASS, by=by
    ),
    "refit": lambda of, by: corrections.refit(finding=on_current(of), lps_mm=(1, 1, 0), by=by),
    "describe": lambda of, by: corrections.describe(nodule=first(of), facts={"lobe": "LLL"}, by=by),
    "confirm": lambda of, by: corrections.confirm_match(match=matched(of), by=by),
    "part": lambda of, by: corrections.unlink_match(match=matched(of), follow_there=True, by=by),
    "nothing": lambda of, by: corrections.unlink_match(match=matched(of), follow_there=False, by=by),
    "reject": lambda of, by: corrections.reject_nodule(nodule=in_state(of, NoduleState.ACTIVE), by=by),
    "again": lambda of, by: corrections.follow_again(nodule=in_state(of, NoduleState.NOT_A_NODULE), by=by),
}


def shown(of: Patient) -> dict[str, Any]:
    """All that a page shows of the findings, what follows from them, the strokes, and what is in force beneath."""
    said = content_of(of, scan_of(of))
    beneath = standing(of)
    gone = {key for key, row in beneath["nodules"].items() if row["state"] == NoduleState.TAKEN_BACK}
    return {
        "said": said,
        "in force": beneath | {"nodules": {key: row for key, row in beneath["nodules"].items() if key not in gone}},
        "strokes": {one.pk: strokes_of(one) for one in Finding.objects.filter(nodule__patient=of)},
    }


def without_past(state: dict[str, Any]) -> dict[str, Any]:
    """Findings that an act made stay in the table, out of force: their strokes are no part of what stands."""
    kept = set(map(int, state["in force"]["findings"]))
    return state | {"strokes": {key: told for key, told in state["strokes"].items() if key in kept}}


@pytest.fixture
def reader() -> User:
    return factories.member(Role.RADIOLOGIST)


@contextmanager
def one_example() -> Iterator[None]:
    """Let the rows of an example go with it."""
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.savepoint_rollback(before)


def done(of: Patient, by: User, names: list[str]) -> list[dict[str, Any]]:
    """Do what can be done, and give what was shown before and after each act."""
    states = [without_past(shown(of))]
    for name in names:
        try:
            with transaction.atomic():
                ACTS[name](of, by)
        except Impossible:
            continue
        states.append(without_past(shown(of)))
    return states


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.sampled_from(sorted(ACTS)), min_size=1, max_size=5))
def test_undo_brings_back_exactly_what_was_and_redo_what_had_been_done(
    patient: Patient, reader: User, names: list[str]
) -> None:
    with one_example():
        states = done(patient, reader, names)
        for earlier in reversed(states[:-1]):
            corrections.undo(patient=patient, by=reader)
            assert without_past(shown(patient)) == earlier
        for later in states[1:]:
            corrections.redo(patient=patient, by=reader)
            assert without_past(shown(patient)) == later


@example(before=[], after=["smooth", "glass"])  # what is said of a drawn nodule leaves its strokes behind it
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.lists(st.sampled_from(sorted(ACTS)), max_size=2),
    after=st.lists(st.sampled_from(sorted(ACTS)), min_size=1, max_size=3),
)
def test_what_was_signed_never_changes(patient: Patient, reader: User, before: list[str], after: list[str]) -> None:
    with one_example():
        readings.begin(patient=patient, by=reader)
        done(patient, reader, before)
        patient.runs.update(state=RunState.SUCCEEDED, ended_at=timezone.now())  # the workers have done their part
        signed = signs(patient, reader)
        content, digest = signed.content, signed.content_sha256
        assert content is not None
        done(patient, reader, after)
        if Correction.objects.filter(reading__replaces=signed).exists():
            corrections.undo(patient=patient, by=reader)
        kept = Reading.objects.get(pk=signed.pk)
        assert (kept.content, kept.content_sha256) == (content, digest)
        assert digest == sha256_of(content)


def signs(of: Patient, by: User) -> Reading:
    reading = readings.open_reading(of)
    assert reading is not None
    return readings.sign(reading=reading, shown_sha256=sha256_of(content_of(of, reading.scan)), by=by)
