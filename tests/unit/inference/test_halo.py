"""A thin halo of ground glass is seen around a solid core, and none around what is solid through and through."""

from __future__ import annotations

import numpy as np
import pytest

from inference.joint import measure_together
from inference.measure import NoduleMeasurement, measure
from tests.phantoms import DrawnNodule, NodulePhantom, draw, repeat

GROUND_GLASS_HU = -600


def measured(drawn: DrawnNodule, shift_mm: tuple[float, float, float] = (0, 0, 0)) -> NoduleMeasurement:
    return measure(drawn.volume, drawn.centre_lps_mm + np.asarray(shift_mm))


def part_solid(diameter_mm: float, core_mm: float, **asked: object) -> NodulePhantom:
    return NodulePhantom(  # type: ignore[arg-type]
        diameter_mm=diameter_mm, nodule_hu=GROUND_GLASS_HU, solid_core_mm=core_mm, irregularity=0.05, **asked
    )


@pytest.mark.parametrize(
    "asked",
    [
        part_solid(7.0, 4.0),
        part_solid(7.5, 4.4, core_off_mm=0.4),
        part_solid(7.5, 4.4, wall=True),
        part_solid(7.5, 4.4, spacing_zyx_mm=(2.0, 0.7, 0.7), slice_thickness_mm=2.0),
        part_solid(9.0, 5.2),
    ],
    ids=["7 mm", "core to one side", "on the wall", "2 mm slices", "9 mm"],
)
def test_the_whole_is_measured_and_its_core_apart(asked: NodulePhantom):
    """Before, the volume of the core was given, 20 % of the whole, and called solid."""
    found = [(drawn, measured(drawn)) for drawn in repeat(asked, 3)]
    off = [one.volume_mm3.value / drawn.volume_mm3 for drawn, one in found]
    assert {one.attenuation for _, one in found} == {"part_solid"}
    assert np.median(off) == pytest.approx(1.0, abs=0.15)
    assert max(abs(np.log(off))) < 0.3
    cores_mm = [one.solid_mean_diameter_mm for _, one in found]
    assert np.median(np.asarray(cores_mm, float)) == pytest.approx(asked.solid_core_mm, abs=0.4)


@pytest.mark.parametrize(
    "asked",
    [
        NodulePhantom(diameter_mm=5, irregularity=0.12),
        NodulePhantom(diameter_mm=7, irregularity=0.12, vessels=2),
        NodulePhantom(diameter_mm=8, irregularity=0.12, wall=True),
        NodulePhantom(diameter_mm=7, irregularity=0.12, spicules=5),
        NodulePhantom(diameter_mm=6, irregularity=0.12, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5),
    ],
    ids=["small", "on vessels", "on the wall", "with spicules", "thick slices"],
)
def test_what_is_solid_gets_no_halo(asked: NodulePhantom):
    assert [measured(drawn).border.core for drawn in repeat(asked, 4)] == [None] * 4


def test_a_halo_that_blur_hides_is_not_pretended():
    """Of 0.6 mm around 4 mm: less than the scan can show."""
    assert measured(draw(part_solid(5.2, 4.0))).border.core is None


def test_a_moved_point_finds_the_same_halo():
    drawn = draw(part_solid(7.5, 4.4))
    middle = measured(drawn).volume_mm3.value
    for move in ((1.5, 0, 0), (0, -1.5, 0), (0, 0, 1.5)):
        assert measured(drawn, move).volume_mm3.value == pytest.approx(middle, rel=0.03)


def test_what_one_scan_shows_helps_the_other():
    """On thin slices the halo is sure, on thick ones only likely; measured together both are the whole."""
    thin = draw(part_solid(7.0, 4.0))
    thick = draw(part_solid(7.0, 4.0, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5))
    prior, current = measured(thin), measured(thick)
    assert prior.border.core is not None
    assert current.border.core is None
    together = measure_together(prior, current, np.eye(3))
    assert together is not None
    assert all(one.border.core is not None for one in together)
