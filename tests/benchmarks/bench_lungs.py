"""How well the lungs are found, against a slow and careful method at full resolution, and how fast.

Run as ``python -m tests.benchmarks.bench_lungs``; prints Markdown tables for ``docs/benchmarks.md``. Scans: a simulated
chest of full size, whose lungs are known, and the real scans that lie beside the checkout. The reference is written
here only: it takes a minute and a gigabyte where the product takes parts of a second. Wall time counts on free cores
only, CPU time always.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage

from inference.simulate.follow_up import simulate_pair
from inference.simulate.grid import interpolate
from inference.simulate.patient import Patient
from inference.simulate.shapes import Shapes
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from registration.lungs import LEFT, RIGHT, Lungs, segment_lungs
from registration.volume import Volume
from registration.warm import drawn_chest

DATA = Path(os.environ.get("NODULES_TEST_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data")
REAL = ("nlst-101287/prior", "nlst-101287/current", "lidc-0001/ct", "lung-dx-a0001/kernel-B")
FULL_SIZE_ZYX = (300, 512, 512)
FULL_SPACING_ZYX_MM = (1.0, 0.7, 0.7)
SEED = 7

AIR_HU = -500
BALL_MM = 10.0  # radius of the ball that rolls over the lungs from outside
LUMEN_HU = (-930, -950, -970)  # ever darker, until growing from the trachea does not leak
LARGEST_AIRWAYS_ML = 120.0
WALL_MM = 2.0  # of a large airway
NODULE_SIZES_MM = (5.0, 8.0, 12.0, 16.0)
NODULE_DEPTH = 0.25  # of the diameter: how deep the middle of a nodule on the pleura lies under it
NODULES = 24  # of each size
NODULE_HU = 35
MOSTLY_INSIDE = 0.5  # of its voxels: the registration and the candidates see it

Mask = NDArray[np.bool_]
Sides = NDArray[np.uint8]


@dataclass(frozen=True)
class Timed:
    """One run: what came out and what it took."""

    lungs: Lungs
    wall_s: float
    cpu_s: float
    extra_mb: float


def peak_mb() -> float:
    """Largest resident memory since it was last forgotten."""
    status = Path("/proc/self/status").read_text()
    return float(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def timed(volume: Volume) -> Timed:
    """Find the lungs with the loops compiled; the best of three, as neighbours on the machine come and go."""
    segment_lungs(drawn_chest())
    runs = []
    for _ in range(3):
        Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
        before, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
        lungs = segment_lungs(volume)
        runs.append(Timed(lungs, time.perf_counter() - wall, time.process_time() - cpu, peak_mb() - before))
    return min(runs, key=lambda run: run.cpu_s)


def reference(volume: Volume) -> Sides:
    """Both lungs at full resolution, (z, y, x): threshold, airways grown and taken out, a ball rolled around each lung.

    Only for axial scans, head or feet first.
    """
    headwards = volume.direction[2, 2] > 0
    hu = volume.array_hu if headwards else volume.array_hu[::-1]
    spacing = np.asarray(volume.spacing_zyx_mm)
    air = _air_in_body(hu)
    airways = _airways(hu, air, spacing)
    wide = _within(airways, WALL_MM, spacing)
    sides = _sides(air & ~wide, spacing)
    if volume.direction[0, 0] < 0:
        sides = np.where(sides > 0, 3 - sides, 0).astype(np.uint8)
    for side in (LEFT, RIGHT):
        whole = _rolled(sides == side, spacing)
        sides[whole & (sides == 0)] = side
    sides[airways & (ndimage.uniform_filter(sides.astype(np.float32), 5) == 0)] = 0
    return sides if headwards else sides[::-1]


def _air_in_body(hu: NDArray[np.int16]) -> Mask:
    """Air that a slice encloses: lungs, airways, gas."""
    air = (hu < AIR_HU) & (hu > -1500)
    for z, values in enumerate(hu):
        labels, count = ndimage.label(air[z])
        edge = ndimage.maximum_filter(values <= -1500, 3)
        edge[[0, -1], :] = edge[:, [0, -1]] = True
        area = np.bincount(labels.ravel(), minlength=count + 1)
        contact = np.bincount(labels[edge], minlength=count + 1)
        open_air = contact > np.sqrt(area)
        air[z] &= ~open_air[labels]
    return air


def _large(mask: Mask, least_share: float) -> Mask:
    """Components that hold at least this share of the largest one's voxels."""
    labels, count = ndimage.label(mask)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    return np.asarray((sizes >= least_share * sizes.max())[labels], dtype=bool)


def _airways(hu: NDArray[np.int16], air: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """Grow from the trachea in the upper third; the least dark lumen that does not leak into the lung."""
    soft = ndimage.gaussian_filter(hu.astype(np.float32), 0.8 / spacing_mm)
    seed = _trachea(soft, air, spacing_mm)
    if seed is None:
        return np.zeros_like(air)
    for level in LUMEN_HU:
        labels, _ = ndimage.label((soft < level) & (hu > -1500))
        grown: Mask = labels == labels[seed]
        if grown.sum() * np.prod(spacing_mm) < LARGEST_AIRWAYS_ML * 1000:
            return grown
    return np.zeros_like(air)


def _trachea(soft: NDArray[np.float32], air: Mask, spacing_mm: NDArray[np.float64]) -> tuple[int, int, int] | None:
    """Middle of the small round dark spot nearest to the midline in a slice of the upper quarter that shows one."""
    middle = np.nonzero(air.any(axis=(0, 1)))[0][[0, -1]].mean()
    for z in range(len(soft) - 2, len(soft) * 2 // 3, -1):
        labels, _ = ndimage.label(soft[z] < -850)
        for label, box in enumerate(ndimage.find_objects(labels), start=1):
            rows, columns = np.nonzero(labels[box] == label)
            area_mm2 = len(rows) * spacing_mm[1] * spacing_mm[2]
            round_ = len(rows) > 0.55 * labels[box].size
            at = int(rows.mean() + box[0].start), int(columns.mean() + box[1].start)
            if 80 < area_mm2 < 700 and round_ and abs(at[1] - middle) * spacing_mm[2] < 30 and labels[at] == label:
                return z, at[0], at[1]
    return None


def _sides(air: Mask, spacing_mm: NDArray[np.float64]) -> Sides:
    """Right 1 and left 2 for arrays whose columns run to the patient's left; touching lungs parted at their necks."""
    air = _large(air, 0.08)
    for shrink_mm in (0.0, 1.0, 2.0, 3.0, 4.5, 6.0):
        core = air if not shrink_mm else _inner(air, shrink_mm, spacing_mm)
        labels, count = ndimage.label(core)
        sizes = np.bincount(labels.ravel(), minlength=count + 1)
        sizes[0] = 0
        first, second = np.argsort(-sizes)[:2]
        if sizes[second] > 0.15 * sizes[first]:
            break
    else:
        raise ValueError("the lungs of this scan do not come apart")
    columns = [ndimage.center_of_mass(labels == one)[2] for one in (first, second)]
    right, left = (first, second) if columns[0] < columns[1] else (second, first)
    seeds = np.where(labels == right, 1, 0) + np.where(labels == left, 2, 0)
    nearest = ndimage.distance_transform_edt(
        seeds == 0, sampling=spacing_mm, return_distances=False, return_indices=True
    )
    return np.asarray(np.where(air, seeds[tuple(nearest)], 0), dtype=np.uint8)


def _distance_mm(mask: Mask, spacing_mm: NDArray[np.float64]) -> NDArray[np.float32]:
    image = SimpleITK.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(spacing_mm[::-1].tolist())  # type: ignore[no-untyped-call]
    filtered = SimpleITK.SignedMaurerDistanceMap(  # type: ignore[no-untyped-call]
        image, squaredDistance=False, useImageSpacing=True
    )
    return np.asarray(SimpleITK.GetArrayFromImage(filtered))


def _within(mask: Mask, reach_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    return _distance_mm(mask, spacing_mm) <= reach_mm if mask.any() else mask


def _inner(mask: Mask, depth_mm: float, spacing_mm: NDArray[np.float64]) -> Mask:
    return _distance_mm(mask, spacing_mm) <= -depth_mm


def _rolled(lung: Mask, spacing_mm: NDArray[np.float64]) -> Mask:
    """Close a lung by a ball, its end slices repeated outwards, and fill what it encloses."""
    box = ndimage.find_objects(lung.view(np.uint8))[0]
    pad = np.ceil(BALL_MM / spacing_mm).astype(int) + 1
    cut = np.pad(lung[box], ((pad[0],) * 2, (0, 0), (0, 0)), mode="edge")
    cut = np.pad(cut, ((0, 0), (pad[1],) * 2, (pad[2],) * 2))
    grown = _within(cut, BALL_MM, spacing_mm)
    closed = _distance_mm(~grown, spacing_mm) > BALL_MM
    closed |= cut
    closed = np.stack([ndimage.binary_fill_holes(plane) for plane in closed])
    whole = np.zeros_like(lung)
    whole[box] = closed[tuple(slice(p, -p) for p in pad)]
    return whole


def at_full_resolution(lungs: Lungs, volume: Volume) -> Sides:
    """The product's answer for every voxel, (z, y, x)."""
    rows, columns = np.mgrid[: volume.shape_zyx[1], : volume.shape_zyx[2]]
    sides = np.empty(volume.shape_zyx, np.uint8)
    for z in range(len(sides)):
        index = np.stack([np.full(rows.shape, z), rows, columns], axis=-1).reshape(-1, 3)
        sides[z] = lungs.side_of(volume.lps_from_index(index)).reshape(rows.shape)
    return sides


def dice(first: Mask, second: Mask) -> float:
    """Overlap of two masks."""
    both = np.count_nonzero(first) + np.count_nonzero(second)
    return float(2 * np.count_nonzero(first & second) / both) if both else 1.0


def with_nodules_on_the_pleura(volume: Volume, lung: Mask, diameter_mm: float) -> tuple[Volume, Mask]:
    """Balls of tissue against the wall from inside, at random places of the lung's surface that lie far apart."""
    spacing = np.asarray(volume.spacing_zyx_mm)
    depth = -_distance_mm(lung, spacing)
    rng = np.random.default_rng(int(diameter_mm))
    places = rng.permutation(np.argwhere(np.abs(depth - NODULE_DEPTH * diameter_mm) < 0.5 * spacing.max()))
    reach = np.ceil(diameter_mm / 2 / spacing).astype(int)
    places = places[np.all((places >= reach) & (places < np.asarray(lung.shape) - reach), axis=1)]
    chosen: list[NDArray[np.int64]] = []
    for place in places:
        if all(np.linalg.norm((place - other) * spacing) > 2.5 * diameter_mm for other in chosen):
            chosen.append(place)
        if len(chosen) == NODULES:
            break
    nodules = np.zeros_like(lung)
    grid = np.mgrid[tuple(slice(-r, r + 1) for r in reach)]
    ball = sum((g * s) ** 2 for g, s in zip(grid, spacing, strict=True)) <= (diameter_mm / 2) ** 2
    for place in chosen:
        nodules[tuple(slice(p - r, p + r + 1) for p, r in zip(place, reach, strict=True))] |= ball
    nodules &= lung
    array = np.where(nodules, np.maximum(volume.array_hu, np.int16(NODULE_HU)), volume.array_hu)
    return Volume(array, volume.spacing_zyx_mm, volume.origin_lps_mm, volume.direction), nodules


def simulated() -> tuple[Volume, Mask]:
    """A simulated chest of full size, and where its lungs are."""
    pair = simulate_pair(SEED, shape_zyx=FULL_SIZE_ZYX, spacing_zyx_mm=FULL_SPACING_ZYX_MM)
    day = pair.days[0]
    patient = Patient.drawn(SEED)
    shapes = Shapes.of(patient.anatomy, day.grid, day.motion, patient.texture_seed)
    return pair.prior, interpolate(shapes.lung_mm, shapes.nodes, day.grid) < 0


def real(name: str) -> Volume:
    """A scan of the research data."""
    with read_examination(DATA / name) as examination:
        return read_volume(examination.series[0])


def row(name: str, volume: Volume, true_lung: Mask | None) -> str:
    """One line of the table; runs in a process of its own, so that its peak memory is its own."""
    run = timed(volume)
    ours, careful = at_full_resolution(run.lungs, volume), reference(volume)
    overlap = [dice(ours == side, careful == side) for side in (RIGHT, LEFT)]
    swapped_ml = np.count_nonzero((ours > 0) & (careful > 0) & (ours != careful)) * volume.voxel_mm3 / 1000
    against_truth = (
        "-" if true_lung is None else f"{dice(ours > 0, true_lung):.3f} / {dice(careful > 0, true_lung):.3f}"
    )
    lung = careful > 0 if true_lung is None else true_lung
    inside = []
    for diameter_mm in NODULE_SIZES_MM:
        changed, nodules = with_nodules_on_the_pleura(volume, lung, diameter_mm)
        found = at_full_resolution(segment_lungs(changed), changed) > 0
        labels, count = ndimage.label(nodules)
        shares = ndimage.mean(found, labels, np.arange(1, count + 1))
        inside.append(f"{100 * np.mean(shares > MOSTLY_INSIDE):.0f} ({100 * np.mean(found[nodules]):.0f})")
    return (
        f"| {name} | {run.wall_s:.2f} / {run.cpu_s:.2f} | {run.extra_mb:.0f} | {overlap[0]:.3f} / {overlap[1]:.3f} "
        f"| {swapped_ml:.1f} | {against_truth} | {' / '.join(inside)} |"
    )


def measure_one(name: str) -> str:
    """The line of one scan."""
    if name == "simulated 512 x 512 x 300":
        return row(name, *simulated())
    return row(name, real(name), None)


def main() -> None:
    """Print the table."""
    sys.stdout.write(
        "| scan | wall / CPU s | extra MB | Dice against the reference, right / left | taken for the other side, ml "
        "| Dice against truth, ours / reference | % of nodules on the pleura that lie mostly inside (of their voxels), "
        f"{' / '.join(f'{size:.0f}' for size in NODULE_SIZES_MM)} mm |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    context = multiprocessing.get_context("spawn")
    for name in ("simulated 512 x 512 x 300", *(name for name in REAL if (DATA / name).exists())):
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            sys.stdout.write(pool.submit(measure_one, name).result() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
