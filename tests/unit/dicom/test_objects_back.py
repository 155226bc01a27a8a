"""Our own objects, read as if somebody else had sent them: the same nodules, the same places, the same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nodules_app.dicom.finding_marks import FindingMark
from nodules_app.dicom.findings import read_findings, read_referred
from nodules_app.dicom.finishing import as_file
from nodules_app.dicom.report_sr import report_sr
from nodules_app.dicom.segmentation import segmentation
from nodules_app.dicom.source_images import SourceImages
from tests.unit.dicom import signed


@pytest.fixture(scope="module")
def back(tmp_path_factory: pytest.TempPathFactory) -> tuple[SourceImages, Path, Path]:
    folder = tmp_path_factory.mktemp("back")
    on, told = signed.source(folder / "ct"), signed.report()
    segments = segmentation(told, on)
    assert segments is not None
    sr, seg = folder / "sr.dcm", folder / "seg.dcm"
    seg.write_bytes(as_file(segments))
    sr.write_bytes(as_file(report_sr(told, on, segments)))
    return on, sr, seg


def of(marks: tuple[FindingMark, ...]) -> dict[str, FindingMark]:
    return {mark.tracking_uid: mark for mark in marks}


def test_the_segmentation_gives_each_nodule_once_where_it_lies(back: tuple[SourceImages, Path, Path]) -> None:
    on, _, seg = back
    marks = of(read_findings(seg, on=on.series))
    assert set(marks) == {"2.25.101", "2.25.102"}  # the solid part is no nodule of its own
    for nodule in signed.nodules()[:2]:
        assert nodule.outline is not None
        index = np.argwhere(nodule.outline.inside).mean(axis=0) + nodule.outline.start_zyx
        first = on.series.slices[0].position_lps_mm
        expected = np.asarray(first) + (index * signed.SPACING)[::-1]
        assert marks[nodule.tracking_uid].lps_mm == pytest.approx(expected, abs=1e-4)


def test_the_report_gives_the_same_tracking_and_the_same_numbers(back: tuple[SourceImages, Path, Path]) -> None:
    on, sr, seg = back
    marks = of(read_findings(sr, on=on.series, beside=[seg]))
    assert set(marks) == {"2.25.101", "2.25.102"}
    for nodule in signed.nodules()[:2]:
        mark = marks[nodule.tracking_uid]
        assert mark.label == nodule.label
        assert [one.quantity for one in mark.measures] == [one.name for one in nodule.quantities]
        for measure, quantity in zip(mark.measures, nodule.quantities, strict=True):
            assert measure.is_known
            assert measure.value == quantity.value
            ends = [abs(end - quantity.value) for end in (quantity.low, quantity.high) if end is not None]
            assert measure.reach == (pytest.approx(max(ends)) if ends else None)


def test_whose_it_is_goes_with_it(back: tuple[SourceImages, Path, Path]) -> None:
    on, sr, seg = back
    mark = read_findings(sr, on=on.series, beside=[seg])[0]
    assert mark.source == "Test Clinic, Nodule Clinic, star-35 star-pv 3"
    assert str(read_referred(sr).made_on) == "2026-11-20"
