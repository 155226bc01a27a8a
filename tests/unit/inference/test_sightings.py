"""What both scans show at the places of asked nodules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from inference.measure import NoduleMeasurement
from inference.sightings import Asked, Scan, Sighting, begin_measuring, look
from tests.phantoms import NodulePhantom, draw
from tests.unit.inference.test_follow import nearly_identity


def told(sightings: list[Sighting]) -> list[tuple[object, ...]]:
    """What must be the same to the last bit."""
    rows: list[tuple[object, ...]] = []
    for one in sightings:
        assert isinstance(one.shown, NoduleMeasurement)
        rows.append((one.centre_lps_mm, one.shown.volume_mm3, one.shown.outline.tobytes(), one.asked))
    return rows


@pytest.mark.parametrize("threads", [1, 3])
def test_what_was_begun_beforehand_is_what_is_measured_afresh(threads: int) -> None:
    prior, current = (draw(NodulePhantom(diameter_mm=mm, seed=seed, side_mm=44)) for mm, seed in ((7, 1), (8, 2)))
    scans = Scan(volume=prior.volume), Scan(volume=current.volume)
    places = [tuple(float(v) for v in drawn.centre_lps_mm) for drawn in (prior, current)]
    asked = [Asked((x, y, z), on) for (x, y, z), on in zip(places, ("prior", "current"), strict=True)]
    with ThreadPoolExecutor(threads) as pool:
        begun = begin_measuring(*scans, asked, pool)
        beforehand = look(*scans, nearly_identity(), asked, own=begun)
    afresh = look(*scans, nearly_identity(), asked)
    assert told(beforehand.on_prior) == told(afresh.on_prior)
    assert told(beforehand.on_current) == told(afresh.on_current)
    assert beforehand.own == afresh.own == [0, 0]
