"""What a CT scanner makes of a scene: blur in plane, slice profile, and noise with the grain of its kernel."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from inference.simulate.grid import Floats, Grid

LOWEST_HU, HIGHEST_HU = -1024, 3071
OUTSIDE_FIELD_HU = -2048
FINEST_PLANE_MM = 1.3  # thicker planes are painted as several thinner ones
SLAB_PLANES = 16
PROFILE_SOFTNESS = 0.25  # of the slice thickness: the sloping flanks of a helical slice profile
REFERENCE_EXPOSURE_MAS = 100.0
REFERENCE_THICKNESS_MM = 1.0
REFERENCE_WATER_MM = 230.0  # diameter of the water cylinder as bright as the reference slice
PAD = 16  # pixels of margin against wrapping round in the Fourier transform


class Kernel(StrEnum):
    """Reconstruction kernel."""

    SOFT = "soft"
    SHARP = "sharp"


@dataclass(frozen=True, slots=True)
class KernelShape:
    """How a kernel passes detail and noise.

    Parameters
    ----------
    blur_mm
        Standard deviation of the smooth part of its point spread.
    boost
        Overshoot at edges: how much middle frequencies are raised.
    noise_hu
        Standard deviation of noise in the middle of the reference slice at the reference exposure and thickness.
    """

    blur_mm: float
    boost: float
    noise_hu: float


KERNELS: dict[Kernel, KernelShape] = {
    Kernel.SOFT: KernelShape(blur_mm=0.55, boost=0.0, noise_hu=21.0),
    Kernel.SHARP: KernelShape(blur_mm=0.42, boost=0.55, noise_hu=48.0),
}
BOOST_PER_MM = 0.42  # spatial frequency at which a sharp kernel raises most


@dataclass(frozen=True, slots=True)
class Scanner:
    """One protocol.

    Parameters
    ----------
    kernel
        Sharp or soft.
    slice_thickness_mm
        Width of the slice profile at half its height.
    exposure_mas
        Dose; noise falls with its square root. Infinite: no noise.
    round_field
        Voxels outside the inscribed circle are set to -2048, as some scanners do.
    """

    kernel: Kernel
    slice_thickness_mm: float
    exposure_mas: float = 60.0
    round_field: bool = False

    @property
    def noise_hu(self) -> float:
        """Standard deviation in the middle of the reference slice."""
        dose = self.exposure_mas * self.slice_thickness_mm / (REFERENCE_EXPOSURE_MAS * REFERENCE_THICKNESS_MM)
        return KERNELS[self.kernel].noise_hu / float(np.sqrt(dose))

    def planes_per_slice(self, spacing_zyx_mm: tuple[float, float, float]) -> int:
        """Into how many planes a slice step is cut for painting; never finer than pixels."""
        return int(np.ceil(spacing_zyx_mm[0] / max(FINEST_PLANE_MM, *spacing_zyx_mm[1:])))

    def profile(self, offsets_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """Weight of planes at these distances from the middle of the slice, sum 1."""
        flank = PROFILE_SOFTNESS * self.slice_thickness_mm
        weight = np.clip((0.5 * self.slice_thickness_mm + flank - np.abs(offsets_mm)) / (2 * flank), 0, 1)
        total = weight.sum()
        if total == 0:
            raise ValueError(f"no plane lies within a slice of {self.slice_thickness_mm} mm")
        share: NDArray[np.float64] = weight / total
        return share


def acquire(
    scanner: Scanner, grid: Grid, paint: Callable[[Grid], Floats], noise_seed: tuple[int, ...], *, threads: int = 2
) -> NDArray[np.int16]:
    """Scan a scene.

    Parameters
    ----------
    scanner
        The protocol.
    grid
        Voxels of the wanted volume.
    paint
        Gives the scene on any block of thin planes.
    noise_seed
        Source of the noise; slices draw from it one by one, so that threads do not change the picture.
    threads
        Slabs worked on at once.

    Returns
    -------
    (z, y, x)
        HU.
    """
    volume = np.empty(grid.shape_zyx, np.int16)
    starts = range(0, grid.shape_zyx[0], SLAB_PLANES)

    def scan(start: int) -> None:
        stop = min(start + SLAB_PLANES, grid.shape_zyx[0])
        volume[start:stop] = _slab(scanner, grid, paint, noise_seed, start, stop)

    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(scan, starts):
            pass
    if scanner.round_field:
        y, x = grid.axis_mm(1)[:, None], grid.axis_mm(2)
        radius = 0.5 * min(np.ptp(y), np.ptp(x))
        volume[:, np.hypot(y - y.mean(), x - x.mean()) > radius] = OUTSIDE_FIELD_HU
    return volume


def _slab(
    scanner: Scanner,
    grid: Grid,
    paint: Callable[[Grid], Floats],
    noise_seed: tuple[int, ...],
    start: int,
    stop: int,
) -> Floats:
    parts = scanner.planes_per_slice(grid.spacing_zyx_mm)
    plane_mm = grid.spacing_zyx_mm[0] / parts
    reach = int(np.ceil((0.5 + PROFILE_SOFTNESS) * scanner.slice_thickness_mm / plane_mm))
    fine = grid.divided_along_z(parts)
    first = start * parts - reach
    scene = paint(fine.planes(first, stop * parts + reach))
    numbers = np.arange(scene.shape[0]) + first
    slices = np.empty((stop - start, *grid.shape_zyx[1:]), np.float32)
    for k in range(start, stop):
        middle = k * parts + 0.5 * (parts - 1)
        weight = scanner.profile((numbers - middle) * plane_mm).astype(np.float32)
        used = np.flatnonzero(weight)
        ideal = np.tensordot(weight[used], scene[used[0] : used[-1] + 1], 1)
        slices[k - start] = _reconstruct(scanner, grid, ideal, noise_seed, k)
    np.rint(slices, out=slices)
    return np.clip(slices, LOWEST_HU, HIGHEST_HU, out=slices)


def _reconstruct(scanner: Scanner, grid: Grid, ideal: Floats, noise_seed: tuple[int, ...], number: int) -> Floats:
    """Blur one slice as the kernel does and add its noise."""
    _, dy, dx = grid.spacing_zyx_mm
    padded = np.pad(ideal, PAD, mode="edge")
    fy, fx = fft.fftfreq(padded.shape[0], dy)[:, None], fft.rfftfreq(padded.shape[1], dx)
    frequency = np.hypot(fy, fx)
    passed = _transfer(KERNELS[scanner.kernel], frequency)
    inner = (slice(PAD, -PAD), slice(PAD, -PAD))
    blurred: Floats = fft.irfft2(fft.rfft2(padded) * passed.astype(np.float32), padded.shape)[inner]
    if not np.isfinite(scanner.exposure_mas):
        return blurred
    strength, streak = _attenuation_of(ideal, grid)
    white = _white(scanner, grid, padded.shape, noise_seed, number)
    # Filtered back projection gives noise the slope of the ramp filter; rays across the shoulders make it streak.
    grain = np.sqrt(frequency) * passed * np.sqrt(1 + streak * (fy / np.maximum(frequency, 1e-9)) ** 6)
    grain /= np.sqrt(np.mean(np.concatenate([grain, grain[:, 1:]], axis=1) ** 2))
    noise = fft.irfft2(fft.rfft2(white) * grain.astype(np.float32), padded.shape)[inner]
    blurred += noise * (scanner.noise_hu * strength)
    return blurred


def _transfer(shape: KernelShape, frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Modulation transfer; 1 at frequency 0, so that no kernel changes a nodule's integral."""
    smooth = np.exp(-2 * (np.pi * shape.blur_mm * frequency) ** 2)
    ratio2 = (frequency / BOOST_PER_MM) ** 2
    passed: NDArray[np.float64] = smooth * (1 + shape.boost * np.e * ratio2 * np.exp(-ratio2))
    return passed


def _white(scanner: Scanner, grid: Grid, shape: tuple[int, ...], noise_seed: tuple[int, ...], number: int) -> Floats:
    """Unit noise without grain; slices thicker than their distance share part of it with their neighbours."""
    step = grid.spacing_zyx_mm[0]
    reach = int((0.5 + PROFILE_SOFTNESS) * scanner.slice_thickness_mm / step - 1e-9)
    weight = scanner.profile(np.arange(-reach, reach + 1, dtype=np.float64) * step)
    weight /= np.sqrt(np.sum(weight**2))
    total = np.zeros(shape, np.float32)
    for offset, share in zip(range(-reach, reach + 1), weight, strict=True):
        if share:
            # SeedSequence wants no negative numbers; the first slices have neighbours outside the volume.
            rng = np.random.default_rng([*noise_seed, number + offset + 1000])
            total += np.float32(share) * rng.standard_normal(shape, dtype=np.float32)
    return total


def _attenuation_of(ideal: Floats, grid: Grid) -> tuple[Floats, float]:
    """Relative noise over the slice (strongest in the middle of the body), and how strongly it streaks sideways."""
    density = np.clip((ideal + 1000) / 1000, 0, 2)
    _, dy, dx = grid.spacing_zyx_mm
    along_x, along_y = density.sum(axis=1) * dx, density.sum(axis=0) * dy
    water_mm = 2 * np.sqrt(float(density.sum()) * dy * dx / np.pi)
    level = np.exp(0.0085 * (water_mm - REFERENCE_WATER_MM))
    y, x = grid.axis_mm(1)[:, None], grid.axis_mm(2)
    weight = density.sum()
    cy, cx = (float((density * axis).sum() / weight) if weight else 0.0 for axis in (y, x))
    away2 = ((x - cx) / 175) ** 2 + ((y - cy) / 125) ** 2
    inside = 0.42 + 0.58 * np.exp(-0.9 * away2)
    lateral, sagittal = np.quantile(along_x, 0.9), np.quantile(along_y, 0.9)
    streak = float(np.clip(3.0 * (lateral / max(sagittal, 1.0) - 1.3), 0, 8))
    return (float(np.clip(level, 0.5, 2.4)) * inside).astype(np.float32), streak
