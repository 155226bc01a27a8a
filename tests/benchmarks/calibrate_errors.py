"""Fit the tables of ``inference.repeatability`` on nodules of known growth, and check them on others.

``python -m tests.benchmarks.calibrate_errors FILE`` reads what ``measured_pairs`` kept. Patients with seeds up to
``LAST_FITTED`` are fitted (the method was developed on them as well); the others, made later, are only counted.
Printed are the constants of both tables, the coverage of the 95 % interval of the ratio by subgroup, how often an
unchanged nodule is called grown, and both ways of measuring side by side.

The errors have heavy tails (a border that ran into a vessel), so the fit is by maximum likelihood of Student's t with
three degrees of freedom; then all constants are multiplied by the one number that makes the interval of a normal
distribution hold 95 % of the fitted pairs with a border that is seen all around. For the others, whose errors are
seldom but large, the constants that are theirs alone are raised until ``GROUP_HELD`` of each group are held.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from inference.estimate import Z_95
from inference.growth import REPEATABLE_RATIO
from inference.repeatability import WALL_SHARE, ErrorTable
from tests.benchmarks.measured_pairs import Case, How, read_cases

LAST_FITTED = 21  # seed
HEAVY_TAILS = 3.0  # degrees of freedom
FIRST_GUESS = ErrorTable(
    noise=1.0,
    sampling=0.15,
    border_mm=0.01,
    joined_mm=0.25,
    wall=0.03,
    wall_joined_ratio=0.5,
    moved_wall_ratio=1.5,
    subsolid_mm=0.04,
    part_solid_mm=0.06,
    small_mm2=0.3,
    small_joined_mm2=3.0,
)
SMALL_MM = 6.0  # as measured
JOINED_SHARE = 0.1  # of the border: more is a vessel or a fold
MOVED_SHARE = 0.05  # of the border
# Measured together, what holds 95 % of those that it was fitted on held less of others.
GROUP_HELD: dict[How, float] = {"apart": 0.95, "together": 0.97}
WORST = 15  # cases told one by one
PULL = 1.0  # towards the first guess (in squares of logarithms): a few dozen pairs do not settle every constant
BOTH_WAYS: tuple[How, How] = ("apart", "together")


def fit(cases: Sequence[Case], how: How) -> ErrorTable:
    """Constants of one way of measuring, from the pairs given."""
    off = np.array([case.off(how) for case in cases])
    # Measured apart, a scan cannot know where the other one puts the wall.
    known = replace(FIRST_GUESS, moved_wall_ratio=0.0) if how == "apart" else FIRST_GUESS
    names = [one.name for one in fields(ErrorTable) if getattr(known, one.name)]
    start = np.log([getattr(known, name) for name in names])

    def table(logs: NDArray[np.float64]) -> ErrorTable:
        return replace(known, **dict(zip(names, map(float, np.exp(logs)), strict=True)))

    def errors(logs: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.array([case.error(how, table(logs)) for case in cases])

    def misfit(logs: NDArray[np.float64]) -> float:
        error = errors(logs)
        return float(
            -(stats.t.logpdf(off / error, HEAVY_TAILS) - np.log(error)).sum() + PULL * ((logs - start) ** 2).sum()
        )

    best = optimize.minimize(misfit, start, method="Powell", options={"maxiter": 12, "ftol": 1e-4}).x
    seen = np.array([_is_seen(case, how) for case in cases])
    scaled = best + math.log(float(np.quantile((np.abs(off) / errors(best))[seen], 0.95)) / Z_95)
    return _widened(cases, how, table(scaled))


def _widened(cases: Sequence[Case], how: How, table: ErrorTable) -> ErrorTable:
    """The table with as much more error for each group by itself as holds ``GROUP_HELD`` of it.

    Theirs are few large errors among many small ones, which no likelihood of all together widens for.
    """
    for name, belongs, step, most in WIDENED:
        group = [case for case in cases if belongs(case, how)] if getattr(table, name) else []
        while group and getattr(table, name) < most:
            held = sum(abs(case.off(how)) < Z_95 * case.error(how, table) for case in group)
            if held >= GROUP_HELD[how] * len(group):
                break
            table = replace(table, **{name: getattr(table, name) + step})
    return table


def _no_surer(apart: ErrorTable, together: ErrorTable) -> ErrorTable:
    """The table of volumes measured apart, surer in nothing than that of volumes drawn together."""
    known = {one.name for one in fields(ErrorTable) if getattr(apart, one.name)}
    return replace(apart, **{name: max(getattr(apart, name), getattr(together, name)) for name in known})


def _is_small(case: Case, how: How) -> bool:
    return min(one.volume_mm3 for one in case.seen(how)) < math.pi / 6 * SMALL_MM**3


def _has_moved_wall(case: Case, how: How) -> bool:
    first, second = case.seen(how)
    return abs(first.wall_share - second.wall_share) > MOVED_SHARE


def _joined_share(case: Case, how: How) -> float:
    return max(one.joined_share for one in case.seen(how))


def _is_seen(case: Case, how: How) -> bool:
    return _joined_share(case, how) < JOINED_SHARE and not _is_on_wall(case, how)


def _is_joined(case: Case, how: How) -> bool:
    return _joined_share(case, how) >= JOINED_SHARE and not _is_on_wall(case, how)


def _is_joined_on_wall(case: Case, how: How) -> bool:
    return _joined_share(case, how) >= JOINED_SHARE and _is_on_wall(case, how)


def _is_small_and_seen(case: Case, how: How) -> bool:
    return _is_small(case, how) and _joined_share(case, how) < JOINED_SHARE


def _is_small_and_joined(case: Case, how: How) -> bool:
    return _is_small(case, how) and _joined_share(case, how) >= JOINED_SHARE


def _is_part_solid(case: Case, how: How) -> bool:
    return any(one.attenuation == "part_solid" for one in case.seen(how))


def _is_on_wall(case: Case, how: How) -> bool:
    return max(one.wall_share for one in case.seen(how)) >= WALL_SHARE


# Constant, whom it is widened for, by how much at a time, how far at most.
WIDENED: tuple[tuple[str, Callable[[Case, How], bool], float, float], ...] = (
    ("moved_wall_ratio", _has_moved_wall, 0.1, 6.0),
    ("wall_joined_ratio", _is_joined_on_wall, 0.05, 3.0),
    ("wall", _is_on_wall, 0.002, 0.2),
    ("small_joined_mm2", _is_small_and_joined, 0.5, 60.0),
    ("joined_mm", _is_joined, 0.01, 1.0),
    ("small_mm2", _is_small_and_seen, 0.1, 6.0),
    ("part_solid_mm", _is_part_solid, 0.005, 0.3),
)


def _size_mm(case: Case) -> float:
    return min(case.prior.diameter_mm, case.current.diameter_mm)


SUBGROUPS: dict[str, Callable[[Case], bool]] = {
    "all": lambda case: True,
    "below 6 mm": lambda case: _size_mm(case) < 6,
    "6 to 8 mm": lambda case: 6 <= _size_mm(case) < 8,
    "8 to 11 mm": lambda case: 8 <= _size_mm(case) < 11,
    "11 mm and more": lambda case: _size_mm(case) >= 11,
    "solid": lambda case: case.attenuation == "solid",
    "ground glass": lambda case: case.attenuation == "ground_glass",
    "part solid": lambda case: case.attenuation == "part_solid",
    "isolated": lambda case: case.placement == "isolated",
    "on a vessel": lambda case: case.placement == "vessel",
    "on the pleura": lambda case: case.placement == "pleura",
    "slices to 1.25 mm": lambda case: max(case.prior.slice_mm, case.current.slice_mm) <= 1.25,
    "slices from 2 mm": lambda case: max(case.prior.slice_mm, case.current.slice_mm) >= 2,
    "soft kernel": lambda case: case.prior.kernel == case.current.kernel == "soft",
    "sharp kernel": lambda case: case.prior.kernel == case.current.kernel == "sharp",
}


def report(cases: Sequence[Case], tables: dict[How, ErrorTable]) -> str:
    """Coverage by subgroup and spread of both ways, on the cases given, as a Markdown table."""
    lines = [
        "| subgroup | n | apart: bias / spread / rms % | covered % | together: bias / spread / rms % | covered % |",
        "|---|---|---|---|---|---|",
    ]
    for name, belongs in SUBGROUPS.items():
        chosen = [case for case in cases if belongs(case)]
        if not chosen:
            continue
        cells = []
        for how, table in tables.items():
            off = np.array([case.off(how) for case in chosen])
            error = np.array([case.error(how, table) for case in chosen])
            spread = 1.4826 * float(np.median(np.abs(off - np.median(off))))
            cells.append(f"{100 * np.median(off):+.1f} / {100 * spread:.1f} / {100 * np.sqrt(np.mean(off**2)):.1f}")
            cells.append(f"{100 * np.mean(np.abs(off) < Z_95 * error):.0f}")
        lines.append(f"| {name} | {len(chosen)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def falsely_grown(cases: Sequence[Case], how: How, table: ErrorTable) -> str:
    """How many unchanged nodules are called grown."""
    unchanged = [case for case in cases if case.log_ratio == 0]
    limit = math.log(REPEATABLE_RATIO)
    called = sum(case.off(how) > max(limit, Z_95 * case.error(how, table)) for case in unchanged)
    return f"{called} of {len(unchanged)}"


def _told(case: Case) -> str:
    sides = [
        f"{seen.volume_mm3 / side.true_mm3:.2f} of {side.true_mm3:.0f} mm3, {seen.attenuation}, "
        f"joined {seen.joined_share:.2f}, wall {seen.wall_share:.2f}"
        for seen, side in zip(case.seen("together"), (case.prior, case.current), strict=True)
    ]
    return f"{case.name} {case.attenuation} {case.placement}: {'; '.join(sides)}"


def main() -> None:
    """Fit, check, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--untouched", type=int, default=LAST_FITTED + 1, help="seeds from here on stand apart as well")
    asked = parser.parse_args()
    kept = read_cases(asked.file)
    cases = [case for case in kept if case.measured]
    alike = [case for case in cases if case.like_kinds]
    fitted = [case for case in alike if case.seed <= LAST_FITTED]
    checked = [case for case in alike if case.seed > LAST_FITTED]
    tables = {how: fit(fitted, how) for how in BOTH_WAYS}
    tables["apart"] = _no_surer(tables["apart"], tables["together"])
    refused = len(kept) - len(cases)
    out = [f"{len(cases)} nodules measured on both scans, {refused} refused; {len(alike)} of like kinds"]
    out += [f"{how}, fitted on these seeds: {table}" for how, table in tables.items()]
    untouched = [case for case in checked if case.seed >= asked.untouched]
    for title, chosen in (("Fitted", fitted), ("Checked", checked), ("Untouched", untouched)):
        out += ["", f"{title} seeds", "", report(chosen, tables)]
        out += [f"unchanged called grown, {how}: {falsely_grown(chosen, how, tables[how])}" for how in tables]
    other = [case for case in checked if not case.like_protocols]
    out += ["", "Checked seeds, two protocols", "", report(other, tables)]
    unlike = [case.off("together") for case in cases if not case.like_kinds]
    out += [f"called solid once only: {len(unlike)}, rms {100 * np.sqrt(np.mean(np.square(unlike))):.0f} %"]
    worst = sorted(cases, key=lambda case: -abs(case.off("together")))[:WORST]
    out += ["", "Furthest off (together):"] + [_told(case) for case in worst]
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
