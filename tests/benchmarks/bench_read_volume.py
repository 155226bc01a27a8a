"""How long 300 slices of 512 x 512 take to become one volume, by transfer syntax.

Makes its own input: a round body with lungs and noise of 22 HU, which compresses as badly as a thin, low-dose CT.
Run as ``python -m tests.benchmarks.bench_read_volume``; wall time counts on free cores only, CPU time always.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from tests.unit.dicom.made import as_bytes, compressed, ct

SIDE = 512
NOISE_HU = 22
DIFFERENT = 10  # slices that are really different; the rest repeats them, which no codec can see
GOALS_S = {ExplicitVRLittleEndian: 1.0, JPEGLSLossless: 1.5, JPEG2000Lossless: 8.0}
SYNTAXES = (
    ExplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    RLELossless,
    JPEGLSLossless,
    JPEGLosslessSV1,
    JPEG2000Lossless,
)


def chest(seed: int) -> NDArray[np.int16]:
    """Stored numbers of one slice."""
    y, x = np.mgrid[:SIDE, :SIDE] - SIDE / 2
    hu = np.full((SIDE, SIDE), -1000.0)
    hu[(x / 230) ** 2 + (y / 170) ** 2 < 1] = 40
    for side in (-1, 1):
        hu[((x - side * 105) / 80) ** 2 + (y / 120) ** 2 < 1] = -850
    noise = np.random.default_rng(seed).normal(0, NOISE_HU, hu.shape)
    return np.rint(hu + noise + 1024).astype(np.int16)


def write_series(folder: Path, syntax: UID, slices: int, planes: list[NDArray[np.int16]]) -> int:
    """Write a series and give its size in bytes."""
    size = 0
    for number in range(slices):
        stored = planes[number % len(planes)]
        ds = ct(number, stored, ImagePositionPatient=[-170, -170, float(number)])
        raw = compressed(ds, stored, syntax) if syntax.is_encapsulated else as_bytes(ds, syntax)
        (folder / f"IM{number:04d}.dcm").write_bytes(raw)
        size += len(raw)
    return size


def measure(syntax: UID, slices: int, threads: int, planes: list[NDArray[np.int16]]) -> None:
    """Time header reading and decoding of one series, and check that the numbers are right."""
    with tempfile.TemporaryDirectory() as name:
        size = write_series(Path(name), syntax, slices, planes)
        wall, cpu = time.perf_counter(), time.process_time()
        with read_examination(Path(name)) as exam:
            headers = time.perf_counter() - wall, time.process_time() - cpu
            wall, cpu = time.perf_counter(), time.process_time()
            volume = read_volume(exam.series[0], threads=threads)
            decoding = time.perf_counter() - wall, time.process_time() - cpu
    exact = all(np.array_equal(volume.array_hu[n] + 1024, planes[n % len(planes)]) for n in range(slices))
    goal = f"goal {GOALS_S[syntax]:.1f} s" if syntax in GOALS_S else ""
    say(
        f"{syntax.name[:44]:44} {size / 1e6:6.0f} MB  headers {headers[0]:5.2f} s wall {headers[1]:5.2f} s CPU  "
        f"volume {decoding[0]:5.2f} s wall {decoding[1]:5.2f} s CPU  exact {exact}  {goal}"
    )


def say(line: str) -> None:
    """Print one line of figures at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    """Measure every syntax and the memory of all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slices", type=int, default=300)
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    planes = [chest(seed) for seed in range(DIFFERENT)]
    for syntax in SYNTAXES:
        measure(syntax, asked.slices, asked.threads, planes)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    volume_mb = asked.slices * SIDE * SIDE * 2 / 1e6
    say(f"peak memory of the process {peak_mb:.0f} MB, of which one volume {volume_mb:.0f} MB")


if __name__ == "__main__":
    main()
