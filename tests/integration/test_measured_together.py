"""A nodule that both scans of a pair show is measured on both together, and keeps the number that it has."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from pytest_django import Settings

from nodules_app.models import Comparison, Finding, Growth, Measurement, Nodule, Patient, Registration, RunKind
from nodules_app.services.cache import map_file
from nodules_app.services.growths import BY_LOG_RATIO_TOGETHER
from nodules_app.services.pipeline.growing import compute_growth
from nodules_app.services.pipeline.measuring import measure_scan
from registration.affine import Affine
from registration.mapping import Mapping
from registration.quality import Support
from registration.transform import Registration as Map
from tests import factories

pytestmark = pytest.mark.django_db

AT = (0.0, 0.0, 0.0)


@pytest.fixture(autouse=True)
def storage(settings: Settings, tmp_path: Path) -> None:
    settings.CACHE_DIR = tmp_path / "cache"


def shown_on(of: Patient, nodule: Nodule, back_days: int, diameter_mm: float) -> Finding:
    scan = factories.scan(of, factories.CURRENT_ON - timedelta(days=back_days))
    scan.lung_right_ml = scan.lung_left_ml = None  # a block of noise has no lungs to compare
    scan.save()
    factories.keep_volume(scan, [(AT, diameter_mm)], seed=back_days)
    return factories.finding(nodule, scan, AT)


def compared(prior: Finding, current: Finding) -> Comparison:
    pair = factories.comparison(prior.scan, current.scan)
    factories.match(pair, prior, current)
    well = {"residual_mm": 0.4, "inverse_error_mm": 0.1, "fold_fraction": 0.0}
    Registration.objects.create(comparison=pair, method="test", version="1", map_file=map_file(pair).name, **well)
    map_file(pair).parent.mkdir(parents=True, exist_ok=True)
    standing_still().save(map_file(pair))
    return pair


def standing_still() -> Map:
    around = np.asarray(8 * (np.indices((5, 5, 5)).reshape(3, -1).T - 2.0), np.float64)
    return Map(
        mapping=Mapping(Affine(np.eye(3), np.zeros(3), np.zeros(3))),
        prior_rotation=np.eye(3),
        current_rotation=np.eye(3),
        support=Support(around, np.full(len(around), 0.5)),
        median_residual_mm=0.4,
        inverse_error_mm=0.1,
        fold_fraction=0.0,
        kept_fraction=0.9,
        median_agreement=0.9,
    )


def work_on(pair: Comparison) -> None:
    for kind, step in ((RunKind.MEASURE, measure_scan), (RunKind.GROWTH, compute_growth)):
        step(factories.run(pair.patient, kind, comparison=pair))()


@pytest.fixture
def patient() -> Patient:
    return factories.patient()


@pytest.fixture
def findings(patient: Patient) -> tuple[Finding, Finding, Finding]:
    nodule = factories.nodule(patient)
    first, second, third = (
        shown_on(patient, nodule, back_days, mm) for back_days, mm in ((400, 8.0), (200, 9.0), (0, 10.0))
    )
    return first, second, third


def test_the_first_pair_is_measured_together(findings: tuple[Finding, Finding, Finding]) -> None:
    prior, current, _ = findings
    work_on(compared(prior, current))
    first, second = (one.measurements.get() for one in (prior, current))
    assert second.measured_with == first
    assert first.measured_with is None
    grown = Growth.objects.get()
    assert grown.method == BY_LOG_RATIO_TOGETHER
    assert grown.volume_ratio == pytest.approx((9 / 8) ** 3, rel=0.08)


def test_a_later_pair_leaves_the_number_of_its_prior_alone(findings: tuple[Finding, Finding, Finding]) -> None:
    first, second, third = findings
    work_on(compared(first, second))
    kept = second.measurements.get()
    work_on(compared(second, third))
    assert second.measurements.get() == kept
    assert third.measurements.get().measured_with == kept
    assert set(Growth.objects.values_list("method", flat=True)) == {BY_LOG_RATIO_TOGETHER}


def test_a_scan_that_was_measured_alone_is_the_anchor(findings: tuple[Finding, Finding, Finding]) -> None:
    first, second, _ = findings
    measure_scan(factories.run(second.scan.study.patient, RunKind.MEASURE, scan=second.scan))()
    alone = second.measurements.get()
    work_on(compared(first, second))
    assert second.measurements.get() == alone
    assert first.measurements.get().measured_with == alone
    assert Growth.objects.get().method == BY_LOG_RATIO_TOGETHER


def test_numbers_that_a_person_typed_are_no_anchor(findings: tuple[Finding, Finding, Finding]) -> None:
    first, second, _ = findings
    factories.measurement(first, 250.0, by=factories.member())
    work_on(compared(first, second))
    assert second.measurements.get().measured_with is None


def test_measuring_twice_gives_no_second_row(findings: tuple[Finding, Finding, Finding]) -> None:
    pair = compared(*findings[:2])
    work_on(pair)
    work_on(pair)
    assert Measurement.objects.count() == 2
    assert Growth.objects.count() == 1


def test_another_error_of_the_pair_is_another_growth(findings: tuple[Finding, Finding, Finding]) -> None:
    prior, current, _ = findings
    pair = compared(prior, current)
    work_on(pair)
    current.scan.series.slice_thickness_mm = 3.2
    current.scan.series.save()
    compute_growth(factories.run(pair.patient, RunKind.GROWTH, comparison=pair))()
    narrow, wide = Growth.objects.order_by("pk")
    assert wide.extra_relative_error > narrow.extra_relative_error
    assert wide.volume_ratio == pytest.approx(narrow.volume_ratio)
    assert wide.volume_ratio_high > narrow.volume_ratio_high
