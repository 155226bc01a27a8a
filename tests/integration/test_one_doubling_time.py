"""The page and the guidelines count from the same figures, so that they give one doubling time."""

from __future__ import annotations

from typing import Any

import pytest

from nodules_app.models import Growth, Registration, RunKind
from nodules_app.services import assessments
from nodules_app.services.pipeline.growing import compute_growth
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("prior_mm3", "current_mm3"), [(300.49, 600.51), (55.5, 76.49), (112.4, 230.6)])
def test_growth_is_computed_from_the_volumes_as_reported(prior_mm3: float, current_mm3: float) -> None:
    patient = factories.patient()
    prior, current = factories.scan(patient, factories.PRIOR_ON), factories.scan(patient)
    nodule = factories.nodule(patient)
    found = {}
    for scan, volume_mm3 in ((prior, prior_mm3), (current, current_mm3)):
        scan.lung_right_ml = scan.lung_left_ml = None  # a block of noise has no lungs to compare
        scan.save()
        factories.keep_volume(scan, [((0.0, 0.0, 0.0), 8.0)])
        found[scan] = factories.finding(nodule, scan)
        factories.measurement(found[scan], volume_mm3, volume_sd_mm3=0.05 * volume_mm3)
    pair = factories.comparison(prior, current)
    factories.match(pair, found[prior], found[current])
    well = {"residual_mm": 0.8, "inverse_error_mm": 0.1, "fold_fraction": 0.0}
    Registration.objects.create(comparison=pair, method="test", version="1", map_file="none", **well)
    compute_growth(factories.run(patient, RunKind.GROWTH, comparison=pair))()
    case = assessments.case_of(patient)
    assert case is not None
    answer: dict[str, Any] = assessments.answer_case(case)
    (told,) = answer["growth"]
    shown = Growth.objects.get()
    assert shown.vdt_days == pytest.approx(float(told["vdt_days"]), rel=1e-5)
    assert shown.volume_ratio == pytest.approx(float(told["volume_ratio"]), rel=1e-5)


def test_fleischners_answer_by_diameter_says_how_sure_it_is() -> None:
    patient = factories.patient()
    finding = factories.finding(factories.nodule(patient), factories.scan(patient))
    near_six_mm = {"mean_diameter_mm": 5.9, "long_axis_mm": 6.1, "short_axis_mm": 5.7}
    factories.measurement(finding, 108.0, **near_six_mm)
    case = assessments.case_of(patient)
    assert case is not None
    answer: dict[str, Any] = assessments.answer_case(case | {"size_basis": "diameter"})
    (fleischner,) = [result for result in answer["results"] if result["guideline"] == "FLEISCHNER2017"]
    assert fleischner["stability"] in ("borderline", "could_go_either_way")
    assert len(fleischner["branches"]) > 1
