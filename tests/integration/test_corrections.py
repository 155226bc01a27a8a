"""What a reader corrects: each act is measured and followed at once, shown, undone and done again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import DatabaseError
from pytest_django import Settings

from inference.calipers import READER_SD_MM
from inference.drawn import Stroke
from inference.estimate import Estimate
from nodules_app.lifecycles import NoduleState
from nodules_app.models import (
    Attenuation,
    Comparison,
    Correction,
    CorrectionKind,
    Finding,
    Growth,
    Measurement,
    Patient,
    Role,
    User,
)
from nodules_app.selectors.reading_content import content_of
from nodules_app.services import corrections, growths, matches, readings
from nodules_app.services.assessments import in_force
from nodules_app.services.corrections_measure import outline_in_force, strokes_of
from nodules_app.services.measured import CALIPER_NAME, DRAWN_NAME
from tests import factories

pytestmark = pytest.mark.django_db

AT = (0.0, 0.0, 0.0)
ELSEWHERE = (-20.0, 10.0, 10.0)
METHOD = {"method": "star-35", "version": "star-pv 2"}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, settings: Settings) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


@pytest.fixture
def reader() -> User:
    return factories.member(Role.RADIOLOGIST)


@pytest.fixture
def patient() -> Patient:
    """One nodule of 9 mm, 10 mm on the current scan, and another ball on the current scan that nobody has marked."""
    of = factories.patient()
    prior = factories.scan(of, factories.PRIOR_ON)
    current = factories.scan(of)
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
    return of


def current_finding(of: Patient) -> Finding:
    pair = Comparison.objects.get(patient=of)
    return Finding.objects.get(nodule__patient=of, nodule__number=1, scan=pair.current, superseded_at__isnull=True)


def shown(of: Patient) -> dict[str, Any]:
    scan = readings.latest_scan(of)
    assert scan is not None
    said = content_of(of, scan)
    return {key: said[key] for key in ("nodules", "answers", "step")}


def volume(at: Finding) -> Estimate:
    row = in_force(at)
    assert row
    assert row.volume_mm3
    assert row.volume_sd_mm3
    return Estimate(row.volume_mm3, row.volume_sd_mm3)


def test_a_click_adds_a_nodule_that_is_measured_at_once(patient: Patient, reader: User) -> None:
    pair = Comparison.objects.get(patient=patient)
    done = corrections.add_nodule(scan=pair.current, lps_mm=ELSEWHERE, by=reader)
    assert done.measurement is not None
    assert done.measurement.volume_mm3 == pytest.approx(180, rel=0.15)
    assert done.nodule is not None
    assert done.effect["nodules"][0]["label"] == "N2"
    assert done.effect["nodules"][0]["before"] is None
    assert [row["guideline"] for row in done.effect["answers"]]


def test_an_added_nodule_is_taken_back_and_brought_back(patient: Patient, reader: User) -> None:
    before = shown(patient)
    pair = Comparison.objects.get(patient=patient)
    done = corrections.add_nodule(scan=pair.current, lps_mm=ELSEWHERE, by=reader)
    with_it = shown(patient)
    corrections.undo(patient=patient, by=reader)
    assert done.nodule is not None
    done.nodule.refresh_from_db()
    assert done.nodule.state == NoduleState.TAKEN_BACK
    assert shown(patient)["nodules"] == before["nodules"]
    corrections.redo(patient=patient, by=reader)
    assert shown(patient)["nodules"] == with_it["nodules"]
    with pytest.raises(corrections.NothingToUndo):
        corrections.redo(patient=patient, by=reader)


def test_a_stroke_makes_the_nodule_larger_and_its_error_a_persons(patient: Patient, reader: User) -> None:
    at = current_finding(patient)
    before = volume(at)
    done = corrections.draw(finding=at, strokes=[Stroke("add", (5.0, 0.0, 0.0), 3.0)], by=reader)
    after = volume(at)
    assert after.value > before.value + 20
    assert after.relative_error > before.relative_error
    row = in_force(at)
    assert row
    assert (row.method, row.by) == (DRAWN_NAME, reader)
    (change,) = done.effect["nodules"]
    assert change["after"]["change"]["vdt_days"] < change["before"]["change"]["vdt_days"]


def test_guidelines_see_the_growth_of_a_nodule_that_was_drawn_on_one_exam_alone(patient: Patient, reader: User) -> None:
    corrections.draw(finding=current_finding(patient), strokes=[Stroke("smooth")], by=reader)
    asked = patient.assessments.latest("pk").inputs["nodules"][0]["measurements"]
    assert asked[0]["method"] == asked[1]["method"]
    assert patient.assessments.latest("pk").answer["growth"][0]["vdt_days"] is not None


def test_an_erased_stroke_gives_back_what_was_added_only_by_undo(patient: Patient, reader: User) -> None:
    at = current_finding(patient)
    before = shown(patient)
    corrections.draw(finding=at, strokes=[Stroke("add", (5.0, 0.0, 0.0), 3.0)], by=reader)
    corrections.draw(finding=at, strokes=[Stroke("erase", (5.0, 0.0, 0.0), 3.0)], by=reader)
    assert len(strokes_of(at)) == 2
    corrections.undo(patient=patient, by=reader)
    assert len(strokes_of(at)) == 1
    corrections.undo(patient=patient, by=reader)
    assert strokes_of(at) == ()
    assert shown(patient)["nodules"] == before["nodules"]
    assert Measurement.objects.filter(finding=at).count() == 5


def test_the_outline_in_force_follows_the_strokes(patient: Patient, reader: User) -> None:
    at = current_finding(patient)
    machine = outline_in_force(at)
    corrections.draw(finding=at, strokes=[Stroke("add", (5.0, 0.0, 0.0), 3.0)], by=reader)
    drawn = outline_in_force(at)
    assert machine is not None
    assert drawn is not None
    assert drawn.inside.sum() > machine.inside.sum()


def test_a_caliper_replaces_the_numbers_and_is_no_volumetry(patient: Patient, reader: User) -> None:
    at = current_finding(patient)
    corrections.lay_caliper(finding=at, long_mm=12.0, short_mm=10.0, by=reader)
    row = in_force(at)
    assert row is not None
    assert (row.method, row.mean_diameter_mm) == (CALIPER_NAME, 11.0)
    assert row.mean_diameter_sd_mm == pytest.approx(READER_SD_MM, rel=0.1)
    told = patient.assessments.latest("pk").inputs["nodules"][0]["measurements"][-1]
    assert "volume_mm3" not in told
    assert told["long_axis_mm"] == "12.0"


def test_numbers_of_two_methods_are_not_compared(patient: Patient, reader: User) -> None:
    corrections.lay_caliper(finding=current_finding(patient), long_mm=12.0, short_mm=10.0, by=reader)
    assert shown(patient)["nodules"][0]["change"]["word"] == "present"


def test_another_density_makes_the_growth_less_sure(patient: Patient, reader: User) -> None:
    at = current_finding(patient)
    width = interval(patient)
    corrections.say_attenuation(finding=at, attenuation=Attenuation.GROUND_GLASS, by=reader)
    assert interval(patient) > width
    corrections.undo(patient=patient, by=reader)
    assert interval(patient) == pytest.approx(width)


def interval(of: Patient) -> float:
    grown = Growth.objects.filter(match__nodule__patient=of).latest("pk")
    return grown.volume_ratio_high - grown.volume_ratio_low


def test_a_refit_keeps_who_it_is_on_the_prior(patient: Patient, reader: User) -> None:
    at = current_finding(patient)
    before = shown(patient)
    corrections.refit(finding=at, lps_mm=(1.0, 1.0, 0.0), by=reader)
    assert shown(patient)["nodules"][0]["change"]["word"]
    assert current_finding(patient).lps_mm == (1.0, 1.0, 0.0)
    corrections.undo(patient=patient, by=reader)
    assert current_finding(patient) == at
    assert shown(patient)["nodules"] == before["nodules"]


def test_a_match_is_parted_and_joined_again_by_undo(patient: Patient, reader: User) -> None:
    before = shown(patient)
    match = patient.comparisons.get().matches.get()
    corrections.unlink_match(match=match, follow_there=True, by=reader)
    assert patient.nodules.filter(state=NoduleState.ACTIVE).count() == 2
    corrections.undo(patient=patient, by=reader)
    assert patient.nodules.filter(state=NoduleState.ACTIVE).count() == 1
    assert shown(patient)["nodules"] == before["nodules"]


def test_a_nodule_called_none_is_followed_again_by_undo(patient: Patient, reader: User) -> None:
    before = shown(patient)
    nodule = patient.nodules.get()
    corrections.reject_nodule(nodule=nodule, by=reader)
    assert shown(patient)["nodules"][0]["state"] == "not_a_nodule"
    corrections.undo(patient=patient, by=reader)
    assert shown(patient)["nodules"] == before["nodules"]


def test_nobody_undoes_what_a_colleague_said_since(patient: Patient, reader: User) -> None:
    corrections.lay_caliper(finding=current_finding(patient), long_mm=12.0, short_mm=10.0, by=reader)
    other = factories.member(Role.CHAIR)
    matches.confirm(match=patient.comparisons.get().matches.get(), by=other)
    with pytest.raises(corrections.ChangedByAnother):
        corrections.undo(patient=patient, by=reader)


def test_strokes_wider_than_a_nodule_are_refused(patient: Patient, reader: User) -> None:
    with pytest.raises(corrections.StrokeTooLarge):
        corrections.draw(finding=current_finding(patient), strokes=[Stroke("add", AT, 400.0)], by=reader)
    assert not Correction.objects.exists()


def test_what_was_kept_is_never_changed(patient: Patient, reader: User) -> None:
    done = corrections.reject_nodule(nodule=patient.nodules.get(), by=reader)
    assert (done.kind, done.by) == (CorrectionKind.REJECT, reader)
    with pytest.raises(DatabaseError, match="append-only"):
        Correction.objects.filter(pk=done.pk).update(kind=CorrectionKind.ADD)
