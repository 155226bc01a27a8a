"""The planted mistakes still fit the source that they change; whether tests notice them is ``make mutants``."""

from __future__ import annotations

import pytest

from tests.mutants.general import sampled
from tests.mutants.mistakes import MISTAKES, Mistake, NoLongerFits


def test_each_of_the_46_mistakes_can_be_planted() -> None:
    assert {mistake.number for mistake in MISTAKES} == set(range(1, 47))


@pytest.mark.parametrize("mistake", MISTAKES, ids=[f"{mistake.number}-{mistake.what}" for mistake in MISTAKES])
def test_a_mistake_still_fits_its_module(mistake: Mistake) -> None:
    fault = mistake.fault()
    compile(fault.source, fault.module, "exec", dont_inherit=True)


def test_a_mistake_that_fits_no_longer_says_so() -> None:
    with pytest.raises(NoLongerFits, match="0 times"):
        Mistake(1, "gone", "sizes", (("no such line", ""),)).fault()


def test_general_faults_are_small_valid_and_the_same_each_time() -> None:
    faults = sampled(60, seed=3)
    assert [fault.where for fault in faults] == [fault.where for fault in sampled(60, seed=3)]
    assert [fault.where for fault in faults] != [fault.where for fault in sampled(60, seed=4)]
    for fault in faults:
        compile(fault.source, fault.module, "exec", dont_inherit=True)
