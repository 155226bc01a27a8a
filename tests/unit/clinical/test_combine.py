"""Combining a base model with further inputs: worked examples, laws, and which way a probability points."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodules_app.clinical.risk.combine import Combination, Ratios, Slope, combine
from nodules_app.clinical.risk.steps import STEPS
from nodules_app.clinical.risk.subject import log_odds

PET = Ratios("pet", {"absent": Decimal("0.08"), "faint": Decimal("0.17"), "intense": Decimal("9.9")})
MARKER = Slope("marker", Decimal("0.5"), Decimal(2), Decimal(0), Decimal(6))
BOTH = Combination("mayo", Decimal(0), Decimal(1), (PET, MARKER), "sha256 of the outcomes", together=False)

probabilities = st.decimals("0.001", "0.999", places=3)


def test_a_likelihood_ratio_multiplies_the_odds() -> None:
    # 20 % are odds of 1 to 4; times 9.9 that is 2.475, or 71.2 %.
    found = combine(BOTH, Decimal("0.20"), {"pet": "intense"})
    assert found.probability == pytest.approx(Decimal("0.7122"), abs=Decimal("0.0001"))
    assert found.missing == ("marker",)
    assert found.assumes == "independent_given_base"


@given(probabilities)
def test_nothing_told_moves_nothing(base: Decimal) -> None:
    found = combine(BOTH, base, {})
    assert abs(found.probability - base) < Decimal("1e-20")
    assert found.missing == ("pet", "marker")
    assert found.moves == ()


@given(probabilities, st.sampled_from(list(PET.ratios)), st.decimals("-3", "9", places=2))
def test_the_moves_add_up_to_the_answer(base: Decimal, pet: str, marker: Decimal) -> None:
    found = combine(BOTH, base, {"pet": pet, "marker": marker})
    moved = sum((move.log_odds for move in found.moves), Decimal(0))
    assert abs(log_odds(found.probability) - log_odds(base) - moved) < Decimal("1e-15")
    assert found.moves[-1].probability_after == found.probability
    assert [move.name for move in found.moves] == ["pet", "marker"]


def test_a_number_beyond_what_was_seen_moves_no_further_than_its_end() -> None:
    end = combine(BOTH, Decimal("0.3"), {"marker": Decimal(6)})
    assert combine(BOTH, Decimal("0.3"), {"marker": Decimal(600)}).probability == end.probability


@pytest.mark.parametrize("base", ["0", "1", "-0.1"])
def test_certainty_cannot_be_moved(base: str) -> None:
    with pytest.raises(ValueError, match="no such base"):
        combine(BOTH, Decimal(base), {})


def test_what_was_never_fitted_is_no_input() -> None:
    with pytest.raises(ValueError, match="nothing was fitted"):
        combine(BOTH, Decimal("0.2"), {"smoking": Decimal(1)})
    with pytest.raises(KeyError):
        combine(BOTH, Decimal("0.2"), {"pet": "moderate"})


@pytest.mark.parametrize(
    ("model", "probability", "step"),
    [
        ("brock_2b", "0.0999", "ct"),
        ("brock_2b", "0.10", "pet_ct"),
        ("brock_2b", "0.95", "pet_ct"),
        ("herder", "0.0999", "ct"),
        ("herder", "0.10", "biopsy"),
        ("herder", "0.70", "biopsy"),
        ("herder", "0.7001", "excision"),
        ("mayo", "0.0499", "ct"),
        ("mayo", "0.05", "pet_ct"),
        ("mayo", "0.65", "pet_ct"),
        ("va", "0.6501", "excision"),
    ],
)
def test_limits_belong_to_the_class_that_the_guideline_gives_them(model: str, probability: str, step: str) -> None:
    assert STEPS[model].at(Decimal(probability)) == step
