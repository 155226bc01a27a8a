"""Shape, content and place of drawn nodules whose truth is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inference.content import Airspace, CalciumPattern
from inference.describe import Description, describe_nodule
from inference.figure import Figure, Reason, Said, Unsaid
from inference.measure import measure
from inference.places import find_place
from registration.lobes import FissureDistance, Lobe, LobeAt
from registration.lungs import Lungs
from tests.phantoms import NodulePhantom, draw


def described(asked: NodulePhantom, off_mm: float = 0.0) -> Description:
    drawn = draw(replace(asked, seed=5, side_mm=1.3 * asked.diameter_mm + 28))
    seed_lps_mm = drawn.centre_lps_mm + np.array([off_mm, 0, 0])
    return describe_nodule(measure(drawn.volume, seed_lps_mm, slice_thickness_mm=asked.slice_thickness_mm))


def figure(said: Said) -> Figure:
    assert isinstance(said, Figure), said
    return said


@pytest.fixture(scope="module")
def ball() -> Description:
    return described(NodulePhantom(diameter_mm=12))


def test_a_ball_is_round_smooth_and_empty(ball: Description) -> None:
    assert figure(ball.shape.sphericity).value == pytest.approx(1.0, abs=0.01)
    assert figure(ball.shape.lobulation).value < 0.02
    assert figure(ball.shape.spiculation).value == 0
    assert ball.shape.going_on == 0
    assert figure(ball.content.calcified_share).value == 0
    assert figure(ball.content.fat_share).value == 0
    assert ball.content.calcium_pattern is None
    assert ball.content.airspace is None
    assert (ball.shape.largest_long_mm, ball.shape.largest_short_mm) == pytest.approx((12, 12), abs=0.4)


def test_an_oval_is_less_round_and_its_axes_are_on_the_slanted_plane() -> None:
    shape = described(NodulePhantom(diameter_mm=10, stretch_zyx=(1.5, 1.0, 0.8))).shape
    assert figure(shape.sphericity).value == pytest.approx(0.950, abs=0.02)  # of half axes 7.5, 5 and 4 mm
    assert shape.largest_long_mm == pytest.approx(15, rel=0.08)
    assert shape.largest_short_mm == pytest.approx(10, rel=0.06)
    assert shape.largest_mean_mm == pytest.approx(12.5, rel=0.06)


@pytest.mark.parametrize("bulge", [0.05, 0.08])
def test_lobules_are_as_deep_as_drawn(bulge: float) -> None:
    lobulation = figure(described(NodulePhantom(diameter_mm=12, knobs=bulge)).shape.lobulation)
    assert lobulation.value == pytest.approx(bulge, abs=2 * lobulation.standard_error)
    assert lobulation.value > 3 * lobulation.standard_error


@pytest.mark.parametrize(("diameter_mm", "strands"), [(8.0, 6), (12.0, 9)])
def test_spicules_are_counted(diameter_mm: float, strands: int) -> None:
    shape = described(NodulePhantom(diameter_mm=diameter_mm, spicules=strands)).shape
    assert figure(shape.spiculation).value == pytest.approx(strands, abs=1)


def test_vessels_are_no_spicules() -> None:
    shape = described(NodulePhantom(diameter_mm=12, vessels=3)).shape
    assert figure(shape.spiculation).value == 0
    assert shape.going_on in (2, 3)  # two of them may leave side by side


@pytest.mark.parametrize(
    ("asked", "pattern"),
    [
        (NodulePhantom(diameter_mm=12, solid_core_mm=5, core_hu=600), CalciumPattern.CENTRAL),
        (NodulePhantom(diameter_mm=10, nodule_hu=500), CalciumPattern.DIFFUSE),
        (NodulePhantom(diameter_mm=14, solid_core_mm=4, core_hu=600, core_off_mm=4), CalciumPattern.ECCENTRIC),
        (NodulePhantom(diameter_mm=14, solid_core_mm=11, core_hu=600, shell_mm=1.5), CalciumPattern.LAMINATED),
    ],
)
def test_calcium_is_found_and_its_pattern_told(asked: NodulePhantom, pattern: CalciumPattern) -> None:
    content = described(asked).content
    share = figure(content.calcified_share)
    assert share.value > 2 * share.standard_error
    assert content.calcium_pattern == pattern


def test_on_thick_slices_a_pattern_is_not_told() -> None:
    thick = NodulePhantom(
        diameter_mm=8, nodule_hu=500, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5, noise_hu=15
    )
    content = described(thick).content
    assert figure(content.calcified_share).value > 0.3
    assert content.calcium_pattern is None


def test_fat_is_found_inside_and_not_in_the_rim() -> None:
    assert figure(described(NodulePhantom(diameter_mm=14, solid_core_mm=7, core_hu=-85)).content.fat_share).value > 0.1
    assert figure(described(NodulePhantom(diameter_mm=12, nodule_hu=-85)).content.fat_share).value > 0.9
    assert figure(described(NodulePhantom(diameter_mm=14)).content.fat_share).value == 0


def test_ground_glass_says_nothing_of_fat() -> None:
    content = described(NodulePhantom(diameter_mm=12, nodule_hu=-600)).content
    assert content.fat_share == Unsaid(Reason.NOT_SOLID)
    assert content.airspace is None


def test_a_cavity_is_found_with_its_wall_and_takes_the_words_of_shape_away() -> None:
    hollow = NodulePhantom(diameter_mm=20, solid_core_mm=9, core_hu=-950, core_off_mm=3)
    described_ = described(hollow, off_mm=-5.5)
    assert described_.content.airspace == Airspace.CAVITY
    assert described_.content.air_mm3 == pytest.approx(np.pi / 6 * 9**3, rel=0.15)
    wall = figure(described_.content.wall_mm or Unsaid(Reason.TOO_SMALL))
    assert 2.5 < wall.value < 8.5  # drawn between those
    assert described_.shape.sphericity == Unsaid(Reason.HOLLOW)
    assert described_.content.fat_share == Unsaid(Reason.HOLLOW)


def test_small_nodules_and_thick_slices_say_less() -> None:
    small = described(NodulePhantom(diameter_mm=4.5))
    assert small.shape.spiculation == Unsaid(Reason.TOO_SMALL)
    assert small.content.fat_share == Unsaid(Reason.TOO_SMALL)
    thick = described(NodulePhantom(diameter_mm=8, spacing_zyx_mm=(2.5, 0.7, 0.7), slice_thickness_mm=2.5))
    assert thick.shape.sphericity == Unsaid(Reason.SLICES_TOO_THICK)
    assert thick.shape.spiculation == Unsaid(Reason.SLICES_TOO_THICK)


def test_what_is_unknown_is_said_in_place_and_json(ball: Description) -> None:
    assert ball.place.lobe is None
    assert ball.place.pleura_mm == Unsaid(Reason.NO_LUNGS)
    plain = ball.as_json()
    assert plain["fissure_mm"] == "no_fissure"
    assert plain["sphericity"] == pytest.approx(
        [figure(ball.shape.sphericity).value, figure(ball.shape.sphericity).standard_error], abs=0.001
    )
    assert plain["calcium_pattern"] is None


def block_of_lung() -> Lungs:
    mask = np.zeros((30, 30, 30), np.uint8)
    mask[5:25, 5:25, 5:25] = 1
    return Lungs(mask, (3.0, 3.0, 3.0), (0.0, 0.0, 0.0), np.eye(3), 216.0, 0.0, -850.0, False, False)


class OneFissure:
    """A scan of which only a fissure 9 mm from every point is known."""

    def lobe_at(self, points_lps_mm: object) -> list[LobeAt]:
        return [LobeAt(Lobe.RIGHT_LOWER, 0.97)]

    def fissure_distance(self, points_lps_mm: object) -> list[FissureDistance | None]:
        return [FissureDistance(9.0, 1.6)]


def test_distances_are_from_the_border() -> None:
    place = find_place((22.5, 43.5, 43.5), 4.0, (), lungs=block_of_lung(), lobes=OneFissure())  # type: ignore[arg-type]
    assert figure(place.pleura_mm).value == pytest.approx(9.0 - 4.0 - 0.0, abs=3.1)
    assert place.fissure_mm == Figure(5.0, 1.6)
    assert (place.lobe, place.lobe_certainty) == (Lobe.RIGHT_LOWER, 0.97)


def test_on_the_wall_the_pleura_is_touched() -> None:
    place = find_place((22.5, 43.5, 43.5), 4.0, ("mediastinum",), lungs=None, lobes=None)
    assert figure(place.pleura_mm).value == 0
    assert place.fissure_mm == Unsaid(Reason.NO_FISSURE)
