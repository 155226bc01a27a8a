"""Pairs of scans with a motion that is known at every point: real CT moved by a script, and simulated patients.

The script ``followup_pair.py`` lies with the research data. It warps a real scan by a turn, a shift, a breath and
random bumps, puts nodules of other patients into both scans and lets them grow. Here are the settings of the pairs, and
the truth: at the nodules, at vessels, and on a lattice that reaches the pleura.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from inference.simulate.follow_up import simulate_pair
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from registration.lungs import Lungs, segment_lungs
from registration.volume import Volume

Points = NDArray[np.float64]
DATA: Final = Path(os.environ.get("NODULES_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
SCRIPT: Final = DATA / "followup_pair.py"
IMPLANTS: Final = DATA / "nlst-101287" / "generator"
IMPLANT_RADII_MM: Final = {"B": (7.5, 14.0), "C": (6.5, 12.5), "D": (6.5, 12.5), "N": (6.5, 12.5)}
GROWTH: Final = (0.6, 0.8, 1.0, 1.0, 1.3, 1.7, 2.2, 3.0)  # volume ratios, one after the other
NODULES: Final = 10
APART: Final = 1.15  # of the two shells in which growth is taken up
LEAST_DEPTH_MM: Final = 4.0  # of the centre of an implanted nodule
LATTICE_POINTS: Final = 4000
LUNG_STEP: Final = 4  # of the script's own look for the lungs
SAME_MM: Final = 0.01


@dataclass(frozen=True)
class Case:
    """Two scans, and places (n, 3) on both: LPS, mm.

    Parameters
    ----------
    vessels, nodules, lattice
        Each a pair: on the prior, on the current scan. The lattice fills the lung to the pleura.
    depth_mm : (n,)
        Distance of each lattice point from the border of the lung.
    """

    prior: Volume
    current: Volume
    vessels: tuple[Points, Points]
    nodules: tuple[Points, Points]
    lattice: tuple[Points, Points]
    depth_mm: NDArray[np.float64]


class Warp(Protocol):
    """The script's map, as far as it is used here."""

    def add_nodule(self, center: Sequence[float], ratio: float, r_in: float, r_out: float) -> None:
        """Let a nodule grow."""

    def pull(self, y: Points) -> Points:
        """Points of the current scan on the prior one."""


@dataclass(frozen=True)
class MovedScan:
    """How a real scan is moved: settings of ``followup_pair.py``, and a seed for the places of the nodules."""

    name: str
    source: str
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """Where it is kept, within the folder of all."""
        return self.name.replace(", ", "-").replace(" ", "_")


def _motion(si: float, ap: float, lr: float, bumps: float) -> dict[str, float]:
    return {"amplitude_si_mm": si, "amplitude_ap_mm": ap, "amplitude_lr_mm": lr, "bumps_mm": bumps}


NLST, LIDC = "nlst-101287/prior", "lidc-0001/ct"  # 2 mm slices, sharp, low dose; 2.5 mm slices, soft, contrast
# The source is smoothed and noise of its own added, lest the current scan carry the prior's noise.
THIN = {"spacing_mm": 1.0, "subslices": 1, "pixel_mm": 0.7, "matrix": 400, "source_sigma_mm": 0.6}
THICK = {"spacing_mm": 2.5, "pixel_mm": 0.7, "matrix": 400, "source_sigma_mm": 0.6}
MOVED_SCANS: Final = (
    MovedScan("NLST, small breath, 1 mm", NLST, 1, THIN | {
        "motion": _motion(7, 3, 1, 1.0), "rotation_deg": [1, -1, 2], "shift_mm": [4, -6, 8], "noise_hu": 20}),
    MovedScan("NLST, deep breath, 2.5 mm", NLST, 2, THICK | {
        "motion": _motion(26, 7, 4, 1.5), "rotation_deg": [-2, 2, -3], "shift_mm": [-6, 8, -10], "noise_hu": 25}),
    MovedScan("NLST, breathed out, 1 mm, quarter dose", NLST, 3, THIN | {
        "motion": _motion(-18, -5, -3, 1.0), "rotation_deg": [2, 1, 3], "shift_mm": [5, 5, -5], "noise_hu": 45}),
    MovedScan("NLST, uneven breath, 2.5 mm", NLST, 4, THICK | {
        "motion": _motion(12, 4, 3, 3.0), "rotation_deg": [0, 3, -2], "shift_mm": [10, 0, 15], "noise_hu": 20}),
    MovedScan("LIDC, breath, 1 mm", LIDC, 5, THIN | {
        "motion": _motion(12, 4, 2, 1.0), "rotation_deg": [1, 2, -2], "shift_mm": [5, -8, 6], "noise_hu": 15,
        "pixel_mm": 0.85}),
    MovedScan("LIDC, deep breath, 2.5 mm, low dose", LIDC, 6, THICK | {
        "motion": _motion(24, 6, 4, 1.5), "rotation_deg": [-2, 1, 3], "shift_mm": [-8, 6, 12], "noise_hu": 35,
        "pixel_mm": 0.85}),
)  # fmt: skip
FULL_SIZE: Final = {"shape_zyx": (300, 512, 512), "spacing_zyx_mm": (1.0, 0.7, 0.7)}


def read_ct(folder: Path) -> Volume:
    """Read the one series of a folder."""
    with read_examination(folder) as examination:
        (series,) = examination.series
        return read_volume(series)


def research_pair() -> Case:
    """The pair that lies ready with the research data."""
    folder = DATA / "nlst-101287"
    return _case(folder, json.loads((IMPLANTS / "config.json").read_text()))


def moved_scan(plan: MovedScan, folder: Path) -> Case:
    """Make a pair under ``folder``, unless it lies there, and read it."""
    target = folder / plan.folder
    settings_file = target / "settings.json"
    if not (target / "truth.json").exists():
        target.mkdir(parents=True, exist_ok=True)
        settings = plan.settings | {"seed": plan.seed, "nodules": _nodules(plan)}
        settings_file.write_text(json.dumps(settings))
        asked = ["--input", str(DATA / plan.source), "--config", str(settings_file), "--out", str(target)]
        subprocess.run([sys.executable, str(SCRIPT), *asked, "--codec", "none"], check=True, stdout=subprocess.DEVNULL)
    return _case(target, json.loads(settings_file.read_text()))


def simulated_pair(seed: int, size: dict[str, Any]) -> Case:
    """A simulated patient, scanned twice."""
    pair = simulate_pair(seed, **size)
    truth = pair.truth
    places = [(nodule.expected_prior_lps_mm, nodule.expected_current_lps_mm) for nodule in truth.nodules]
    current, depth_mm = _lattice(pair.current, seed)
    return Case(
        prior=pair.prior,
        current=pair.current,
        vessels=(np.array(truth.prior_points_lps_mm), np.array(truth.current_points_lps_mm)),
        nodules=(np.array([prior for prior, _ in places]), np.array([current for _, current in places])),
        lattice=(pair.prior_from_current(current), current),
        depth_mm=depth_mm,
    )


def _nodules(plan: MovedScan) -> list[dict[str, Any]]:
    """Implants at random places of the lung, each with room for its growth; some reach the pleura."""
    rng = np.random.default_rng([plan.seed, 5])
    lungs = segment_lungs(read_ct(DATA / plan.source))
    places = rng.permutation(_voxel_centres(lungs))[:LATTICE_POINTS]
    placed: list[dict[str, Any]] = []
    for place in places[-lungs.distance_mm(places) > LEAST_DEPTH_MM]:
        name = "BCDN"[len(placed) % len(IMPLANT_RADII_MM)]
        ratio = GROWTH[(plan.seed + len(placed)) % len(GROWTH)]
        inner_mm, outer_mm = IMPLANT_RADII_MM[name]
        shell_mm = outer_mm * max(1.0, ratio ** (1 / 3))
        if all(
            np.linalg.norm(place - other["center_lps"]) > APART * (shell_mm + other["shell_mm"]) for other in placed
        ):
            placed.append({
                "id": f"{name}{len(placed)}", "center_lps": place.tolist(), "volume_ratio": ratio, "shell_mm": shell_mm,
                "implant_npz": str(IMPLANTS / f"{name}.npz"), "radius_in": inner_mm, "radius_out": outer_mm,
            })  # fmt: skip
        if len(placed) == NODULES:
            break
    return placed


def _case(folder: Path, settings: dict[str, Any]) -> Case:
    """Read a pair that the script made."""
    truth = json.loads((folder / "truth.json").read_text())
    prior, current = read_ct(folder / "prior"), read_ct(folder / "current")
    warp = _warp(prior, settings)
    lattice, depth_mm = _lattice(current, int(settings["seed"]))
    vessels = [np.array([point[f"{when}_lps_mm"] for point in truth["lung_points"]]) for when in ("prior", "current")]
    if np.abs(warp.pull(vessels[1]) - vessels[0]).max() > SAME_MM:
        raise ValueError(f"the truth of {folder} is not what its settings say")
    expected = [
        np.array([nodule[f"expected_place_in_{when}_lps_mm"] for nodule in truth["nodules"]])
        for when in ("prior", "current")
    ]
    return Case(
        prior=prior,
        current=current,
        vessels=(vessels[0], vessels[1]),
        nodules=(expected[0], expected[1]),
        lattice=(warp.pull(lattice), lattice),
        depth_mm=depth_mm,
    )


def _warp(prior: Volume, settings: dict[str, Any]) -> Warp:
    """The script's map from current to prior, built from the prior as the script builds it."""
    spec = importlib.util.spec_from_file_location("followup_pair", SCRIPT)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(SCRIPT)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    upwards = np.sign(np.diag(prior.direction))[::-1]  # the script sorts slices from the feet up, rows from the front
    array_hu = prior.array_hu[tuple(slice(None, None, int(step)) for step in upwards)]
    corner_index = [0 if step > 0 else size - 1 for step, size in zip(upwards, prior.shape_zyx, strict=True)]
    voxels = np.argwhere(script.lung_mask(np.maximum(array_hu, -1024), LUNG_STEP)) * [1, LUNG_STEP, LUNG_STEP]
    ends_mm = (
        prior.lps_from_index(corner_index)
        + np.stack([voxels.min(axis=0), voxels.max(axis=0)])[:, ::-1] * (np.asarray(prior.spacing_zyx_mm)[::-1])
    )
    warp: Warp = script.Warp((ends_mm[0], ends_mm[1]), settings)
    for nodule in settings["nodules"]:
        radii_mm = nodule.get("radius_in", 9.0), nodule.get("radius_out", 16.0)
        warp.add_nodule(nodule["center_lps"], nodule.get("volume_ratio", 1.0), *radii_mm)
    return warp


def _lattice(scan: Volume, seed: int) -> tuple[Points, NDArray[np.float64]]:
    """Points (n, 3) spread over the lungs of a scan to their very border, and how deep each lies."""
    lungs = segment_lungs(scan)
    points = np.random.default_rng(seed).permutation(_voxel_centres(lungs))[:LATTICE_POINTS]
    return points, -lungs.distance_mm(points)


def _voxel_centres(lungs: Lungs) -> Points:
    """Centres (n, 3) of all voxels of the lungs."""
    along_axes_mm = (np.argwhere(lungs.mask) * np.asarray(lungs.spacing_zyx_mm))[:, ::-1]
    return np.asarray(along_axes_mm @ lungs.direction.T + np.asarray(lungs.origin_lps_mm))
