"""``python -m tests.mutants mistakes`` or ``general``: plant faults, run the tests, list what nobody noticed.

Exit code 1 when a fault survives that is not listed as harmless.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from tests.mutants.general import HARMLESS, sampled
from tests.mutants.mistakes import MISTAKES
from tests.mutants.planting import Fault, Outcome, run, warm_up

UNIT = "tests/unit/clinical"
# The first row of a test of the mistakes names its number; that file alone must find them.
FOR_MISTAKES = (f"{UNIT}/test_mistakes.py",)
# Quick and exact ones first. Not test_house: the printed pages and the hash of the tables change with any number in a
# table, which shows that something changed and not that it is wrong.
FOR_GENERAL = tuple(
    f"{UNIT}/test_{name}.py"
    for name in (
        "mistakes", "thresholds", "examples", "errors", "risk", "calendar_and_growth", "fleischner", "lungrads", "bts",
        "others", "stability", "flips", "oracle",
    )
)  # fmt: skip


def main() -> int:
    """Run one of the two."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("which", choices=("mistakes", "general"))
    parser.add_argument("--sample", type=int, default=400, help="how many faults of the general kind (default 400)")
    parser.add_argument("--seed", type=int, default=1, help="which ones (default 1)")
    parser.add_argument("--cpu-minutes", type=float, default=15, help="end the general run after this (default 15)")
    asked = parser.parse_args()
    warm_up()
    if asked.which == "mistakes":
        faults = [mistake.fault() for mistake in MISTAKES]
        return _report(_planted(faults, FOR_MISTAKES, minutes=asked.cpu_minutes), len(faults))
    faults = sampled(asked.sample, asked.seed)
    return _report(_planted(faults, FOR_GENERAL, minutes=asked.cpu_minutes), len(faults))


def _planted(faults: list[Fault], tests: tuple[str, ...], *, minutes: float) -> Iterator[tuple[Fault, Outcome]]:
    unharmed = run(None, tests)
    if unharmed.found_by:
        sys.exit(f"The tests fail without any fault: {unharmed.found_by}")
    spent = unharmed.cpu_seconds
    for fault in faults:
        if spent > minutes * 60:
            return
        outcome = run(fault, tests)
        spent += outcome.cpu_seconds
        yield fault, outcome


def _report(outcomes: Iterator[tuple[Fault, Outcome]], asked: int) -> int:
    planted = harmless = 0
    survivors = []
    seconds = 0.0
    for fault, outcome in outcomes:
        planted += 1
        seconds += outcome.cpu_seconds
        if outcome.survived and fault.where in HARMLESS:
            harmless += 1
        elif outcome.survived:
            survivors.append(fault.where)
            print(f"SURVIVED  {fault.where}", flush=True)
    found = planted - harmless - len(survivors)
    print(
        f"{planted} of {asked} faults planted: {found} found, {harmless} harmless, {len(survivors)} survived;"
        f" {seconds:.0f} s CPU"
    )
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
