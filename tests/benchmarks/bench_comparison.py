"""The whole comparison as a person runs it: process start, imports, JPEG-LS reading, ten nodules, guidelines.

Makes a simulated pair of 300 slices of 512 x 512 each, as JPEG-LS DICOM, unless ``--pair`` names a folder with
``prior``, ``current`` and ``truth.json`` as ``manage.py simulate`` writes them. Each run is a process of its own; the
first fills numba's cache and is not counted. Run as ``python -m tests.benchmarks.bench_comparison``.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from inference.simulate import simulate_pair
from inference.simulate.anatomy import Lobe
from inference.simulate.nodules import Attenuation, NodulePlan, Placement, sphere_mm3
from nodules_app.management.commands.simulate import SIZES, write_pair

ROOT = Path(__file__).resolve().parents[2]
NODULES = 10
ALLOWED_RATIO = (0.8, 1.25)  # of the volume ratio that is found to the true one


def ten_nodules() -> tuple[NodulePlan, ...]:
    """Two in each lobe, of all kinds; one new, one gone."""
    kinds = (Attenuation.SOLID, Attenuation.SOLID, Attenuation.GROUND_GLASS)
    placements = (Placement.ISOLATED, Placement.VESSEL, Placement.ISOLATED, Placement.PLEURA)
    plans = []
    for number in range(NODULES):
        diameter_mm, ratio = 6.0 + 0.8 * number, (1.0, 1.6, 0.7)[number % 3]
        before, after = sphere_mm3(diameter_mm), ratio * sphere_mm3(diameter_mm)
        if number in (3, 7):
            before, after = (0.0, before) if number == 3 else (before, 0.0)
        plans.append(
            NodulePlan(
                f"K{number}",
                list(Lobe)[number % len(Lobe)],
                kinds[number % len(kinds)],
                placements[number % len(placements)],
                before,
                after,
            )
        )
    return tuple(plans)


def asked_words(truth: Sequence[Mapping[str, Any]]) -> list[str]:
    """The command line's words for the nodules: on the prior where they are there."""
    words = []
    for nodule in truth:
        on = "" if nodule["prior_lps_mm"] else "current:"
        point = nodule["prior_lps_mm"] or nodule["current_lps_mm"]
        words.append(f"--nodule={on}{','.join(map(str, point))}")
    return words


def run(folder: Path, words: Sequence[str]) -> tuple[dict[str, Any], float, float]:
    """Compare once in a process of its own: the answer, wall and CPU seconds of the whole process."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        asked = [sys.executable, "manage.py", "compare", folder / "prior", folder / "current", *words]
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([*map(str, asked), "--json", out.name], cwd=ROOT, check=True, capture_output=True)
        wall_s, after = time.perf_counter() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return json.loads(Path(out.name).read_text("utf-8")), wall_s, cpu_s


def is_right(said: Mapping[str, Any], true: Mapping[str, Any]) -> bool:
    """Tell whether a nodule was found again, or rightly missed, with a ratio near the true one."""
    if not true["prior_lps_mm"] or not true["current_lps_mm"]:
        return bool(said["comparison"] == ("resolved" if true["prior_lps_mm"] else "new"))
    if said["growth"] is None:
        return False
    low, high = ALLOWED_RATIO
    return bool(low < said["growth"]["volume_ratio"] / true["volume_ratio"] < high)


def report(folder: Path, repeats: int) -> str:
    """Steps, whole process and memory; how busy the machine was; how many nodules were right."""
    truth = json.loads((folder / "truth.json").read_text("utf-8"))["nodules"]
    words = asked_words(truth)
    run(folder, words)
    told = [run(folder, words) for _ in range(repeats)]
    answers = [answer for answer, _, _ in told]
    steps = {step: statistics.median(one["seconds"][step] or 0.0 for one in answers) for step in answers[0]["seconds"]}
    right = sum(is_right(said, true) for said, true in zip(answers[0]["nodules"], truth, strict=True))
    lines = [
        f"{len(truth)} nodules, {right} right; load {os.getloadavg()[0]:.1f}; medians of {repeats}.",
        "| " + " | ".join(steps) + " | process wall | process CPU | peak MB |",
        "|" + "---|" * (len(steps) + 3),
        "| "
        + " | ".join(f"{seconds:.2f}" for seconds in steps.values())
        + f" | {statistics.median(wall for _, wall, _ in told):.1f} | {statistics.median(cpu for *_, cpu in told):.1f}"
        + f" | {max(one['peak_mb'] for one in answers):.0f} |",
    ]
    return "\n".join(lines)


def main() -> None:
    """Make the pair if none is named, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pair", type=Path)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    if asked.pair:
        sys.stdout.write(report(asked.pair, asked.repeats) + "\n")
        return
    shape, spacing = SIZES["full"]
    with tempfile.TemporaryDirectory() as made:
        pair = simulate_pair(5, shape_zyx=shape, spacing_zyx_mm=spacing, nodules=ten_nodules())
        write_pair(pair, Path(made), jpeg_ls=True)
        sys.stdout.write(report(Path(made), asked.repeats) + "\n")


if __name__ == "__main__":
    main()
