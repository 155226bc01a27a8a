"""``python -m tests.mutants mistakes`` or ``general``: plant faults, run the tests, list what nobody noticed.

Exit code 1 when a fault survives that is not listed as harmless.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.mutants.general import is_harmless, sampled
from tests.mutants.mistakes import MISTAKES
from tests.mutants.planting import ROOT, Fault, Outcome, run, warm_up

UNIT = Path("tests/unit/clinical")
# That file alone must find the mistakes.
FOR_MISTAKES = (f"{UNIT}/test_mistakes.py",)
FIRST = ("mistakes", "tables", "thresholds", "examples", "small_print", "windows", "errors", "risk")  # quick and exact
LAST = ("laws", "oracle")  # slow
# The printed pages, the hash of the tables and the planted changes differ with every number of a table, which only
# shows that something is other and not that it is wrong; the others start interpreters of their own.
NOT_ASKED = ("house", "printed", "program", "embedding", "mutants", "both_sides")


def for_general() -> tuple[str, ...]:
    """Every other file of tests of the core."""
    named = {*FIRST, *LAST, *NOT_ASKED}
    others = sorted(file.stem.removeprefix("test_") for file in (ROOT / UNIT).glob("test_*.py"))
    names = (*FIRST, *(name for name in others if name not in named), *LAST)
    return tuple(f"{UNIT}/test_{name}.py" for name in names)


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
    return _report(_planted(faults, for_general(), minutes=asked.cpu_minutes), len(faults))


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
        if outcome.survived and is_harmless(fault):
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
