"""What was measured of a nodule besides its size: kept with the measurement, and shown in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import translation

from inference.figure import Reason
from nodules_app.templatetags.features import PATTERNS, REASONS, feature_words
from tests import factories
from tests.integration.browsing import page_of, words

FEATURES: dict[str, Any] = {
    "version": "1",
    "sphericity": [0.962, 0.018],
    "lobulation": [0.081, 0.012],
    "spicules": [3.0, 2.0],
    "strands_going_on": 1,
    "largest_long_mm": 12.6,
    "largest_short_mm": 9.8,
    "calcified_share": [0.131, 0.036],
    "calcium_pattern": "central",
    "fat_share": [0.0, 0.006],
    "airspace": None,
    "air_mm3": None,
    "wall_mm": None,
    "lobe": "LLL",
    "lobe_certainty": 0.942,
    "pleura_mm": [0.0, 1.5],
    "fissure_mm": [14.2, 2.1],
}


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Pages asked for by other tests leave their language behind."""
    with translation.override("en"):
        yield


def words_of(**changed: object) -> dict[str, str]:
    return dict(feature_words(FEATURES | changed))


def test_every_figure_has_its_error_and_unit() -> None:
    told = words_of()
    assert told["Lobe"] == "LLL, 94 % sure"
    assert told["To the pleura"] == "touches it"
    assert told["To the fissure"] == "14 ± 2 mm"
    assert told["On its largest plane"] == "12.6 × 9.8 mm"
    assert told["Sphericity"] == "0.96 ± 0.02"
    assert told["Lobulation"] == "8 ± 1 %"
    assert told["Calcium"] == "13 ± 4 % of the inside, central"
    assert told["Fat"] == "none found"
    assert "Air inside" not in told


def test_what_cannot_be_said_gives_its_reason() -> None:
    told = words_of(sphericity="slices_too_thick", fat_share="not_solid", fissure_mm="no_fissure", lobe=None)
    assert told["Sphericity"] == "the slices are too thick to tell"
    assert told["Fat"] == "not told of ground glass"
    assert told["To the fissure"] == "no fissure is seen there"
    assert told["Lobe"] == "unknown: no fissure decides"


def test_a_share_within_its_error_is_none() -> None:
    assert words_of(calcified_share=[0.12, 0.28], calcium_pattern=None)["Calcium"] == "none found"


def test_a_cavity_is_told_with_its_wall() -> None:
    told = words_of(airspace="cavity", air_mm3=381.7, wall_mm=[3.88, 0.41])
    assert told["Air inside"] == "cavity of 382 mm³, wall 3.9 ± 0.4 mm"


def test_every_reason_has_words_in_both_languages() -> None:
    assert set(REASONS) == set(Reason)
    for word in (*REASONS.values(), *PATTERNS.values()):
        with translation.override("zh-hans"):
            chinese = str(word)
        assert chinese != str(word)


@pytest.mark.django_db
def test_the_patient_page_shows_what_was_measured() -> None:
    patient = factories.followed_patient()
    finding = patient.nodules.get().findings.order_by("-scan__study__acquired_on").first()
    assert finding is not None
    assert "As measured" not in page_of(patient)
    factories.measurement(finding, 480.0, features=FEATURES)
    lead = words(page_of(patient).split('id="lead"')[1].split("</section>")[0])
    assert "As measured Lobe LLL, 94 % sure" in lead
    assert "Calcium 13 ± 4 % of the inside, central" in lead
