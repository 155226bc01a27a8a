"""Our registration beside what a user would pick instead, on one pair in one run: error, time, memory.

The peers are elastix, ANTs, convexAdam and SimpleITK, at settings that suit lung CT. They take minutes and need
``requirements-bench.txt``, in an environment of its own if you like; one that is not installed is named and left out.
Run as ``python -m tests.benchmarks.bench_registration_peers``; each method runs in a process of its own, so that its
peak memory is its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
import SimpleITK
from numpy.typing import NDArray
from scipy import ndimage

from registration.lungs import segment_lungs
from registration.register import register
from registration.volume import Volume
from registration.warm import warm
from tests.benchmarks.known_motion import MOVED_SCANS, Case, Points, moved_scan

PAIR: Final = MOVED_SCANS[1]
PEER_MM: Final = 2.0
CONVEX_MM: Final = 1.75
CLIP_HU: Final = (-1000, 300)
DEMONS_STAGES: Final = ((4, 40), (2, 40), (1, 20))  # shrunk so much, so many iterations
Carry = Callable[[Points], Points]


@dataclass(frozen=True)
class Figures:
    """What one method did: errors (n,) in mm, and what it took."""

    name: str
    vessels_mm: NDArray[np.float64]
    nodules_mm: NDArray[np.float64]
    wall_s: float
    cpu_s: float
    peak_mb: float


def ours(case: Case) -> Carry:
    """Our registration."""
    return register(case.prior, case.current).current_from_prior


def simple_itk(case: Case) -> Carry:
    """Affine, then B-splines, on correlation at 2 mm."""
    fixed, moving = (_at_spacing(volume, PEER_MM) for volume in (case.prior, case.current))
    start = SimpleITK.CenteredTransformInitializer(
        fixed, moving, SimpleITK.AffineTransform(3), SimpleITK.CenteredTransformInitializerFilter.MOMENTS
    )
    affine = _peer_method(start, sampling=0.02).Execute(fixed, moving)
    nodes = [
        max(int(size * spacing / 20), 4) for size, spacing in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)
    ]
    method = _peer_method(SimpleITK.BSplineTransformInitializer(fixed, nodes), sampling=0.05)
    method.SetMovingInitialTransform(affine)
    method.SetOptimizerAsLBFGSB(numberOfIterations=15)
    both = SimpleITK.CompositeTransform([affine, method.Execute(fixed, moving)])
    return lambda points: np.array([both.TransformPoint(point) for point in points.tolist()])


def demons(case: Case) -> Carry:
    """Affine, then symmetric demons at twice 2 mm and at 2 mm."""
    fixed, moving = (_at_spacing(volume, PEER_MM) for volume in (case.prior, case.current))
    start = SimpleITK.CenteredTransformInitializer(
        fixed, moving, SimpleITK.AffineTransform(3), SimpleITK.CenteredTransformInitializerFilter.MOMENTS
    )
    affine = _peer_method(start, sampling=0.02).Execute(fixed, moving)
    brought = SimpleITK.Resample(moving, fixed, affine, SimpleITK.sitkLinear, float(CLIP_HU[0]))
    field_mm: SimpleITK.Image | None = None
    for shrink, iterations in DEMONS_STAGES:
        images = [
            SimpleITK.Shrink(SimpleITK.SmoothingRecursiveGaussian(image, shrink * PEER_MM / 2), [shrink] * 3)
            for image in (fixed, brought)
        ]
        step = SimpleITK.FastSymmetricForcesDemonsRegistrationFilter()
        step.SetNumberOfIterations(iterations)
        step.SetStandardDeviations(1.5)
        if field_mm is None:
            field_mm = step.Execute(*images)
        else:
            field_mm = step.Execute(*images, SimpleITK.Resample(field_mm, images[0]))
    both = SimpleITK.CompositeTransform(
        [affine, SimpleITK.DisplacementFieldTransform(SimpleITK.Cast(field_mm, SimpleITK.sitkVectorFloat64))]
    )
    return lambda points: np.array([both.TransformPoint(point) for point in points.tolist()])


def _peer_method(start: SimpleITK.Transform, *, sampling: float) -> SimpleITK.ImageRegistrationMethod:
    """Correlation over three levels, sampled at random with a fixed seed."""
    method = SimpleITK.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(sampling, 1)
    method.SetInterpolator(SimpleITK.sitkLinear)
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 0])
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 60)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetInitialTransform(start, inPlace=False)
    return method


def elastix(case: Case) -> Carry:
    """Affine, then B-splines of 10 mm at full resolution over five levels, inside the lungs."""
    import itk  # type: ignore[import-not-found]

    fixed, moving = (
        _itk_image(itk, volume, np.clip(volume.array_hu, *CLIP_HU)) for volume in (case.prior, case.current)
    )
    mask = _itk_image(itk, case.prior, _lung_mask(case.prior))
    settings = itk.ParameterObject.New()
    for kind, iterations in (("affine", 250), ("bspline", 500)):
        one = (
            settings.GetDefaultParameterMap(kind, 5, 10.0)
            if kind == "bspline"
            else settings.GetDefaultParameterMap(kind, 4)
        )
        one["Metric"] = ["AdvancedNormalizedCorrelation"] if kind == "affine" else [
            "AdvancedNormalizedCorrelation", "TransformBendingEnergyPenalty"]  # fmt: skip
        one["MaximumNumberOfIterations"] = [str(iterations)]
        one["NumberOfSpatialSamples"] = ["2000"]
        settings.AddParameterMap(one)
    with tempfile.TemporaryDirectory() as folder:
        _, found = itk.elastix_registration_method(
            fixed, moving, parameter_object=settings, fixed_mask=mask, log_to_console=False, output_directory=folder
        )

    def carry(points: Points) -> Points:
        with tempfile.TemporaryDirectory() as folder:
            asked = Path(folder) / "points.txt"
            rows = "\n".join(" ".join(f"{value:.6f}" for value in point) for point in points)
            asked.write_text(f"point\n{len(points)}\n{rows}\n")
            itk.transformix_filter(moving, found, fixed_point_set_file_name=str(asked), output_directory=folder)
            said = (Path(folder) / "outputpoints.txt").read_text().splitlines()
        return np.array([line.split("OutputPoint = [")[1].split("]")[0].split() for line in said], dtype=np.float64)

    return carry


def ants_syn(case: Case) -> Carry:
    """Affine, then symmetric normalisation on local correlation at 2 mm."""
    import ants  # type: ignore[import-not-found]

    images = []
    for volume in (case.prior, case.current):
        image = _at_spacing(volume, PEER_MM)
        direction = np.array(image.GetDirection()).reshape(3, 3)
        array = np.ascontiguousarray(SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0))
        images.append(ants.from_numpy(array, origin=image.GetOrigin(), spacing=image.GetSpacing(), direction=direction))
    found = ants.registration(
        images[0], images[1], type_of_transform="SyNCC", syn_sampling=2, reg_iterations=(60, 40, 20)
    )

    def carry(points: Points) -> Points:
        import pandas  # type: ignore[import-untyped]

        table = pandas.DataFrame(points, columns=["x", "y", "z"])
        return np.asarray(ants.apply_transforms_to_points(3, table, found["fwdtransforms"]))[:, :3].astype(np.float64)

    return carry


def convex_adam(case: Case) -> Carry:
    """Coupled convex optimisation with Adam on MIND features at 1.75 mm, the lungs brought over each other before."""
    import torch
    from convexAdam.convex_adam_MIND import convex_adam_pt  # type: ignore[import-not-found]

    boxes = [_lung_box_mm(volume) for volume in (case.prior, case.current)]
    shift_mm = boxes[1].mean(axis=0) - boxes[0].mean(axis=0)
    low_mm = boxes[0][0] - 20.0
    size = [int(n) for n in np.ceil((np.ptp(boxes[0], axis=0) + 40.0) / CONVEX_MM / 12) * 12]
    arrays = []
    for volume, corner_mm in ((case.prior, low_mm), (case.current, low_mm + shift_mm)):
        image = SimpleITK.Resample(
            _as_image(volume), size, SimpleITK.Transform(), SimpleITK.sitkLinear, corner_mm.tolist(), [CONVEX_MM] * 3,
            np.eye(3).ravel().tolist(), -1000.0,
        )  # fmt: skip
        arrays.append(torch.from_numpy(SimpleITK.GetArrayFromImage(image)))
    moved = convex_adam_pt(arrays[0], arrays[1], grid_sp=6, disp_hw=4, selected_niter=80, device=torch.device("cpu"))

    def carry(points: Points) -> Points:
        index = ((points - low_mm) / CONVEX_MM)[:, ::-1].T
        steps = np.stack(
            [ndimage.map_coordinates(moved[..., axis], index, order=1, mode="nearest") for axis in range(3)]
        )
        return np.asarray(points + shift_mm + steps.T[:, ::-1] * CONVEX_MM)

    return carry


def _lung_box_mm(volume: Volume) -> NDArray[np.float64]:
    """Lowest and highest corner (2, 3) of the lungs, LPS."""
    lungs = segment_lungs(volume)
    along_axes_mm = (np.argwhere(lungs.mask) * np.asarray(lungs.spacing_zyx_mm))[:, ::-1]
    points = along_axes_mm @ lungs.direction.T + np.asarray(lungs.origin_lps_mm)
    return np.stack([points.min(axis=0), points.max(axis=0)])


def _lung_mask(volume: Volume) -> NDArray[np.uint8]:
    """The lungs on the voxels of their scan."""
    lungs = segment_lungs(volume)
    axes = [np.arange(n) for n in volume.shape_zyx]
    mask = np.empty(volume.shape_zyx, np.uint8)
    for z in axes[0]:
        rows = np.stack(np.meshgrid([z], axes[1], axes[2], indexing="ij"), axis=-1).reshape(-1, 3)
        mask[z] = lungs.contains(volume.lps_from_index(rows)).reshape(volume.shape_zyx[1:])
    return mask


def _as_image(volume: Volume) -> SimpleITK.Image:
    """Volume as SimpleITK wants it, bone and padding clipped."""
    image = SimpleITK.GetImageFromArray(np.clip(volume.array_hu, *CLIP_HU).astype(np.float32))
    image.SetSpacing(volume.spacing_zyx_mm[::-1])
    image.SetOrigin(volume.origin_lps_mm)
    image.SetDirection(volume.direction.ravel().tolist())
    return image


def _at_spacing(volume: Volume, spacing_mm: float) -> SimpleITK.Image:
    """The same on a coarser grid."""
    image = _as_image(volume)
    size = [int(n * s / spacing_mm) for n, s in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    return SimpleITK.Resample(
        image,
        size,
        SimpleITK.Transform(),
        SimpleITK.sitkLinear,
        image.GetOrigin(),
        [spacing_mm] * 3,
        image.GetDirection(),
    )


def _itk_image(itk: ModuleType, volume: Volume, array: NDArray[Any]) -> object:
    """Array on the voxels of a volume as ITK wants it."""
    wanted = array.astype(np.uint8) if array.dtype == np.uint8 else array.astype(np.float32)
    image = itk.image_from_array(np.ascontiguousarray(wanted))
    image.SetSpacing([float(s) for s in volume.spacing_zyx_mm[::-1]])
    image.SetOrigin([float(x) for x in volume.origin_lps_mm])
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(volume.direction)))
    return image


METHODS: Final[dict[str, tuple[Callable[[Case], Carry], str]]] = {
    "ours": (ours, "registration"),
    "convexAdam": (convex_adam, "convexAdam"),
    "SimpleITK B-spline": (simple_itk, "SimpleITK"),
    "SimpleITK demons": (demons, "SimpleITK"),
    "elastix": (elastix, "itk"),
    "ANTs SyN": (ants_syn, "ants"),
}


def halved(case: Case) -> Case:
    """The same pair with pixels of twice the size, for methods that take too long otherwise."""
    return replace(case, prior=_halved(case.prior), current=_halved(case.current))


def _halved(volume: Volume) -> Volume:
    rows, columns = (size - size % 2 for size in volume.shape_zyx[1:])
    pairs = volume.array_hu[:, :rows, :columns].reshape(-1, rows // 2, 2, columns // 2, 2)
    z, y, x = volume.spacing_zyx_mm
    first = volume.lps_from_index(np.array([0.0, 0.5, 0.5]))
    array = np.rint(pairs.mean(axis=(2, 4))).astype(np.int16)
    return Volume(array, (z, 2 * y, 2 * x), (float(first[0]), float(first[1]), float(first[2])), volume.direction)


def measured(name: str, folder: str, half: bool, limit_cpu_s: int) -> Figures:
    """Run one method in this process, which the system ends when it has used so much processor time."""
    resource.setrlimit(resource.RLIMIT_CPU, (limit_cpu_s, limit_cpu_s))
    case = moved_scan(PAIR, Path(folder))
    if half:
        case = halved(case)
    if name == "ours":
        warm()
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    carry = METHODS[name][0](case)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    vessels_mm, nodules_mm = (np.linalg.norm(carry(part[0]) - part[1], axis=1) for part in (case.vessels, case.nodules))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return Figures(name, vessels_mm, nodules_mm, wall_s, cpu_s, peak_mb)


def row(found: Figures, best: Figures) -> str:
    """One line of the table."""
    vessels, nodules = found.vessels_mm, found.nodules_mm
    spread = f"{np.nanmedian(vessels):.3f} / {np.nanpercentile(vessels, 95):.3f} / {np.nanmax(vessels):.2f}"
    return (
        f"| {found.name} | {spread} "
        f"| {np.nanmedian(nodules):.3f} / {np.nanmax(nodules):.2f} | {found.wall_s:.1f} | {found.cpu_s:.1f} "
        f"| {found.peak_mb:.0f} | {found.wall_s / best.wall_s:.0f} | {found.cpu_s / best.cpu_s:.0f} |\n"
    )


def main() -> None:
    """Run the methods one after the other, ours first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=list(METHODS), choices=METHODS, help="these methods beside ours")
    parser.add_argument("--folder", help="keep the pair here; it takes a minute or more to make")
    parser.add_argument("--limit-cpu-s", type=int, default=3600, help="end a method that has used so much")
    parser.add_argument("--half", action="store_true", help="pixels of twice the size, for every method alike")
    asked = parser.parse_args()
    sys.stdout.write(
        f"{PAIR.name}{', half the matrix' if asked.half else ''}; errors: median / 95th percentile / largest\n"
        "| method | vessels mm | nodules mm | wall s | CPU s | peak MB | wall ratio | CPU ratio |\n"
        "|---|---|---|---|---|---|---|---|\n"
    )
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or temporary
        best: Figures | None = None
        for name, (_, package) in METHODS.items():
            if name != "ours" and name not in asked.only:
                continue
            if importlib.util.find_spec(package) is None:
                sys.stdout.write(f"| {name} | not installed: see requirements-bench.txt |\n")
                continue
            try:
                with ProcessPoolExecutor(max_workers=1, mp_context=fresh) as process:
                    found = process.submit(measured, name, folder, asked.half, asked.limit_cpu_s).result()
            except BrokenProcessPool:
                sys.stdout.write(f"| {name} | ended by itself, or by its limit of {asked.limit_cpu_s} CPU s |\n")
                sys.stdout.flush()
                continue
            best = best or found
            sys.stdout.write(row(found, best))
            sys.stdout.flush()


if __name__ == "__main__":
    main()
