"""On a simulated patient whose truth is known: what a re-link computes again, and what is proposed unasked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from math import dist
from pathlib import Path

import pytest

from nodules_app.clinical.rounding import as_reported
from nodules_app.lifecycles import OPEN_FOLLOW_UP, CandidateState, RunState
from nodules_app.models import (
    Assessment,
    Candidate,
    Finding,
    FollowUp,
    FollowUpKind,
    Growth,
    Match,
    Measurement,
    Nodule,
    Patient,
    Run,
    RunKind,
    User,
)
from nodules_app.selectors.candidates import proposals_of
from nodules_app.services import candidates, intake, matches, safety_net
from nodules_app.services.assessments import in_force
from tests import kept
from tests.integration.conftest import work as work_off

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def storage(tmp_path: Path) -> Iterator[None]:
    with kept.files_under(tmp_path):
        yield


def work() -> None:
    """Do every run that waits; here none has a reason to refuse."""
    work_off()
    assert not Run.objects.exclude(state=RunState.SUCCEEDED).exists()


def measured_on_both() -> list[Match]:
    """Matches whose nodule has a volume on both scans."""
    both = Match.objects.filter(superseded_at=None, prior_finding__present=True, current_finding__present=True)
    rows = both.select_related("nodule", "comparison", "prior_finding", "current_finding").order_by("nodule__number")
    return [row for row in rows if volume(row.prior_finding) and volume(row.current_finding)]


def volume(finding: Finding | None) -> float | None:
    assert finding is not None
    row: Measurement | None = in_force(finding)
    return row.volume_mm3 if row else None


def told_volumes(label: str) -> set[tuple[str, ...]]:
    """The volumes of a nodule in what each guideline was asked last."""
    latest = Assessment.objects.order_by("guideline", "-pk").distinct("guideline")
    told = (one for row in latest for one in row.inputs["nodules"] if one["id"] == label)
    return {tuple(str(size.get("volume_mm3")) for size in one["measurements"]) for one in told}


def test_a_relink_computes_growth_answers_and_plan_again(main_job: kept.Moment, tmp_path: Path) -> None:
    main_job.bring_back(tmp_path)
    first, second = measured_on_both()[:2]
    assert second.current_finding is not None
    before = set(Assessment.objects.values_list("pk", flat=True))
    last_step = FollowUp.objects.exclude(kind=FollowUpKind.REVIEW).order_by("-pk").first()
    assert last_step is not None
    joined = matches.relink(match=first, finding=second.current_finding, by=User.objects.get(username="radiologist"))
    work()

    linked = Match.objects.get(nodule=first.nodule, superseded_at=None)
    assert linked.pk == joined.pk
    assert linked.current_finding is not None
    assert linked.current_finding.lps_mm == second.current_finding.lps_mm
    sizes = volume(linked.prior_finding), volume(linked.current_finding)
    assert all(sizes)
    grown = Growth.objects.get(match=linked)
    assert grown.volume_ratio == pytest.approx(sizes[1] / sizes[0], rel=0.02)  # type: ignore[operator]
    assert linked.word  # said from the new sizes
    left = Match.objects.get(nodule=second.nodule, superseded_at=None)
    assert (left.current_finding, left.growths.count()) == (None, 0)

    assert set(Assessment.objects.values_list("pk", flat=True)) > before
    reported = tuple(as_reported(size, "1") for size in sizes if size)
    assert told_volumes(first.nodule.label) == {tuple(str(size) for size in reported)}
    open_steps = FollowUp.objects.filter(state__in=OPEN_FOLLOW_UP)
    planned = open_steps.exclude(kind=FollowUpKind.REVIEW).get()
    assert planned.assessment_id not in before
    reviewed = open_steps.filter(kind=FollowUpKind.REVIEW)
    assert second.nodule in {nodule for step in reviewed for nodule in step.nodules.all()}
    assert safety_net.prove()


def test_what_nobody_marked_is_proposed_and_followed_once_accepted(simulated_patient: Path) -> None:
    intake.receive_folder(source=simulated_patient, by=None)
    work()
    patient = Patient.objects.get()
    assert Run.objects.get(kind=RunKind.PROPOSE).versions["candidates"]
    assert not Nodule.objects.exists()
    assert not FollowUp.objects.filter(nodules__isnull=False).exists()  # the exam may be owed a reader, no nodule is
    proposed = proposals_of(patient).waiting
    truth = json.loads((simulated_patient / "truth.json").read_text("utf-8"))["nodules"]
    places = [one["current_lps_mm"] for one in truth if one["current_lps_mm"]]
    found = [one for one in proposed if one.current and any(dist(one.current.lps_mm, at) < 4 for at in places)]
    assert len(found) >= len(places) // 2
    row = Candidate.objects.get(code=found[0].code)
    nodule = candidates.accept(candidate=row, by=User.objects.create(username="reader"))
    work()
    assert Measurement.objects.filter(finding__nodule=nodule, volume_mm3__gt=0).exists()
    assert Assessment.objects.exists()
    row.refresh_from_db()
    assert row.state == CandidateState.ACCEPTED
    assert row.code not in {one.code for one in proposals_of(patient).waiting}
