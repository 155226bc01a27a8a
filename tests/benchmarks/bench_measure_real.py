"""Real CT with real nodules of other patients in it, grown by known factors: ratios and their intervals.

``python -m tests.benchmarks.bench_measure_real`` lays nodules of the reader cubes into free lung of the research scans,
lets the generator beside the data move the patient, breathe, grow the nodules and add noise of its own, and measures
both scans as the product does. The prior's noise is smoothed out of the current scan first, so that both are
independent; that leaves the current scan softer.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.comparability import grade
from inference.errors import NotMeasured
from inference.estimate import Z_95
from inference.growth import REPEATABLE_RATIO
from inference.joint import measure_together
from inference.measure import NoduleMeasurement, measure
from inference.repeatability import OTHER_KIND_ERROR
from nodules_app.services.compare.reading import ReadyScan, make_ready, read_scan
from registration.register import register
from registration.volume import Volume
from tests.benchmarks.known_motion import DATA

HOSTS = {"nlst": DATA / "nlst-101287" / "prior", "lidc": DATA / "lidc-0001" / "ct"}
APART_MM = 42.0
CLEAR_OF_LUNG_EDGE_MM = 9.0
READERS_MM3 = (45.0, 900.0)
RATIOS = (0.7, 0.85, 1.0, 1.0, 1.0, 1.15, 1.3, 1.6, 2.0)
RADIUS_IN_MM = 8.0
RADIUS_OUT_MM = 16.0


@dataclass(frozen=True, slots=True)
class Row:
    """One nodule: logarithms of the true and the measured ratios, and the standard errors of the latter."""

    true: float
    apart: float
    apart_error: float
    together: float
    together_error: float


def implants(folder: Path) -> list[Path]:
    """Write the nodules of the reader cubes that are whole, as the generator wants them."""
    written = []
    for path in sorted((DATA / "lidc-vois").glob("*.npz")):
        with np.load(path) as cube:
            majority = cube["reader_masks"].mean(axis=0) >= 0.5
            hu, spacing = cube["hu"], cube["spacing_zyx"]
        volume_mm3 = float(majority.sum() * np.prod(spacing))
        whole = not (majority[0].any() or majority[-1].any())
        if whole and spacing[0] <= 1.5 and READERS_MM3[0] < volume_mm3 < READERS_MM3[1]:
            target = folder / path.name
            np.savez_compressed(target, hu=hu, mask=majority, spacing_zyx=spacing)
            written.append(target)
    return written


def free_places(scan: ReadyScan, wanted: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Points (n, 3) in the lungs, well inside, apart, and dark: nodules can be laid there."""
    lungs, volume = scan.lungs, scan.read.volume
    inside = ndimage.distance_transform_edt(lungs.mask > 0, sampling=lungs.spacing_zyx_mm) > CLEAR_OF_LUNG_EDGE_MM
    nodes = rng.permutation(np.argwhere(inside))
    along = (nodes * lungs.spacing_zyx_mm)[:, ::-1]
    points = along @ np.asarray(lungs.direction).T + np.asarray(lungs.origin_lps_mm)
    chosen: list[NDArray[np.float64]] = []
    for point in points:
        if len(chosen) == wanted:
            break
        near = volume.index_from_lps(point).astype(int)
        box = volume.crop(
            (int(near[0]) - 3, int(near[1]) - 8, int(near[2]) - 8),
            (int(near[0]) + 4, int(near[1]) + 9, int(near[2]) + 9),
        )
        dark = float((box.array_hu > -500).mean()) < 0.04
        if dark and all(np.linalg.norm(point - other) > APART_MM for other in chosen):
            chosen.append(point)
    return np.array(chosen)


def make_pair(host: str, seed: int, folder: Path) -> None:
    """Let the generator write prior, current and truth into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    scan = make_ready(read_scan(HOSTS[host], wanted_uid=None))
    sources = [Path(str(one)) for one in rng.permutation([str(path) for path in implants(folder)])]
    places = free_places(scan, min(16, len(sources)), rng)
    spacing_mm = scan.read.series.spacing_zyx_mm[0]
    config = {
        "seed": seed,
        "motion": {"amplitude_si_mm": 9.0, "amplitude_ap_mm": 3.0, "amplitude_lr_mm": 1.5, "bumps_mm": 0.6},
        "rotation_deg": [1.0, -0.7, 0.5],
        "shift_mm": [4.0, -6.0, 3.0],
        "spacing_mm": spacing_mm,
        "thickness_mm": spacing_mm,
        "noise_hu": 22,
        "source_sigma_mm": 0.6,
        "nodules": [
            {
                "id": f"{number}",
                "center_lps": place.tolist(),
                "volume_ratio": float(RATIOS[number % len(RATIOS)]),
                "radius_in": RADIUS_IN_MM,
                "radius_out": RADIUS_OUT_MM,
                "implant_npz": source.name,
            }
            for number, (place, source) in enumerate(zip(places, sources, strict=False))
        ],
    }
    (folder / "config.json").write_text(json.dumps(config))
    generator = [sys.executable, str(DATA / "followup_pair.py"), "--codec", "none"]
    paths = ["--input", str(HOSTS[host]), "--config", str(folder / "config.json"), "--out", str(folder)]
    subprocess.run([*generator, *paths], check=True, stdout=subprocess.DEVNULL)


def measure_pair(folder: Path, truth: dict[str, Any]) -> tuple[list[Row], int]:
    """Measure all nodules of a pair; gives also how many were refused on either scan."""
    prior, current = (make_ready(read_scan(folder / side, wanted_uid=None)) for side in ("prior", "current"))
    found = register(prior.read.volume, current.read.volume, prior_lungs=prior.lungs, current_lungs=current.lungs)
    graded = grade(prior.facts, current.facts, registration_residual_mm=found.median_residual_mm, interval_days=180)
    rows, refused = [], 0
    for nodule in truth["nodules"]:
        try:
            first = _measure(prior, np.asarray(nodule["prior_lps_mm"]))
            second = _measure(current, found.current_from_prior(first.centre_lps_mm))
        except NotMeasured:
            refused += 1
            continue
        both = measure_together(first, second, found.jacobians(first.centre_lps_mm)[0]) or (first, second)
        extra = graded.extra_relative_error
        apart, together = ((_log_ratio(a, b), _error(a, b, extra)) for a, b in ((first, second), both))
        rows.append(Row(math.log(nodule["volume_ratio"]), *apart, *together))
    return rows, refused


def _measure(scan: ReadyScan, point: NDArray[np.float64]) -> NoduleMeasurement:
    volume: Volume = scan.read.volume
    thickness = scan.read.series.slice_thickness_mm
    return measure(volume, point, lungs=scan.lungs, slice_thickness_mm=thickness, noise=scan.noise)


def _log_ratio(first: NoduleMeasurement, second: NoduleMeasurement) -> float:
    return math.log(second.volume_mm3.value / first.volume_mm3.value)


def _error(first: NoduleMeasurement, second: NoduleMeasurement, extra: float) -> float:
    other_kind = OTHER_KIND_ERROR if (first.attenuation == "solid") != (second.attenuation == "solid") else 0.0
    return math.hypot(first.volume_mm3.relative_error, second.volume_mm3.relative_error, extra, other_kind)


def summary(name: str, rows: list[Row], refused: int) -> str:
    """One row of the table."""
    cells = []
    for how in ("apart", "together"):
        off = np.array([getattr(row, how) - row.true for row in rows])
        error = np.array([getattr(row, f"{how}_error") for row in rows])
        grown = np.array([getattr(row, how) for row in rows]) > np.maximum(math.log(REPEATABLE_RATIO), Z_95 * error)
        unchanged = np.array([row.true == 0 for row in rows])
        cells.append(f"{100 * np.median(off):+.1f} / {100 * np.median(np.abs(off)):.1f}")
        cells.append(f"{100 * np.mean(np.abs(off) < Z_95 * error):.0f}")
        cells.append(f"{int((grown & unchanged).sum())} of {int(unchanged.sum())}")
    return f"| {name} | {len(rows)} | {refused} | {' | '.join(cells)} |"


def main() -> None:
    """Make the pairs, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="where the pairs are written; else they are thrown away")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1])
    parser.add_argument("--hosts", choices=HOSTS, nargs="*", default=list(HOSTS))
    parser.add_argument("--made", type=Path, help="measure the pairs that lie here (as bench_registration keeps them)")
    asked = parser.parse_args()
    if asked.made:
        report({truth.parent.name: truth.parent for truth in sorted(asked.made.glob("*/truth.json"))})
        return
    if not DATA.exists():
        sys.stdout.write("No research data beside the checkout.\n")
        return
    with tempfile.TemporaryDirectory() as thrown_away:
        report(make_pairs(asked.out or Path(thrown_away), asked.hosts, asked.seeds))


def make_pairs(out: Path, hosts: list[str], seeds: list[int]) -> dict[str, Path]:
    """Make the pairs of every host; where each lies."""
    pairs = {f"{host} {seed}": out / f"{host}-{seed}" for host in hosts for seed in seeds}
    for name, folder in pairs.items():
        host, seed = name.split()
        make_pair(host, int(seed), folder)
    return pairs


def report(pairs: dict[str, Path]) -> None:
    """Measure the pairs and print each as it is done."""
    sys.stdout.write(
        "| pair | n | refused | apart: bias / median error % | covered % | falsely grown "
        "| together: bias / median error % | covered % | falsely grown |\n|---|---|---|---|---|---|---|---|---|\n"
    )
    everything: list[Row] = []
    all_refused = 0
    for name, folder in pairs.items():
        rows, refused = measure_pair(folder, json.loads((folder / "truth.json").read_text()))
        everything += rows
        all_refused += refused
        sys.stdout.write(summary(name, rows, refused) + "\n")
        sys.stdout.flush()
    sys.stdout.write(summary("all", everything, all_refused) + "\n")


if __name__ == "__main__":
    main()
