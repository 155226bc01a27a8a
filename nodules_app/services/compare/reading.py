"""One side of the pair: files to a volume with lungs, noise and the facts that matter for comparing."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from inference.comparability import ScanFacts, scan_grain_mm
from inference.noise import ScanNoise, measure_noise
from inference.sightings import Scan
from nodules_app.dicom.choose import Choice, choose_series
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.notices import Notice
from nodules_app.dicom.series import CtSeries
from nodules_app.dicom.volumes import read_volume
from registration.errors import Refused
from registration.lungs import Lungs, segment_lungs
from registration.volume import Volume


@dataclass(frozen=True, slots=True, eq=False)
class ReadScan:
    """A chosen series with its pixels; what was said of the input besides."""

    choice: Choice
    volume: Volume
    warnings: tuple[str, ...]

    @property
    def series(self) -> CtSeries:
        """The series that was chosen."""
        return self.choice.series


@dataclass(frozen=True, slots=True, eq=False)
class ReadyScan:
    """A scan whose lungs and noise are known."""

    read: ReadScan
    lungs: Lungs
    noise: ScanNoise | None

    @property
    def for_following(self) -> Scan:
        """The scan as ``inference.follow`` takes it."""
        return Scan(
            volume=self.read.volume,
            lungs=self.lungs,
            slice_thickness_mm=self.read.series.slice_thickness_mm,
            noise=self.noise,
        )

    @property
    def facts(self) -> ScanFacts:
        """What matters for comparing this scan with another."""
        series, cut = self.read.series, self.lungs.cut_above or self.lungs.cut_below
        spacing_z_mm, _, spacing_x_mm = series.spacing_zyx_mm
        return ScanFacts(
            slice_thickness_mm=series.slice_thickness_mm or spacing_z_mm,
            slice_spacing_mm=spacing_z_mm,
            kernel=series.kernel,
            noise_hu=self.noise.sd_hu if self.noise else None,
            grain_mm=scan_grain_mm(self.noise.correlation_voxels, spacing_x_mm) if self.noise else None,
            lung_volume_ml=None if cut else self.lungs.total_ml,
            lung_hu=self.lungs.mean_hu,
            lungs_cut=cut,
            contrast=series.contrast,
            blocking=tuple(notice.as_sentence() for notice in series.notices if notice.blocks_volumetry),
        )


@dataclass(frozen=True, slots=True)
class Source:
    """Where an exam lies, and which of its series a person wants."""

    path: Path
    wanted_uid: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Coming:
    """A scan that is being read: its pixels, and then its lungs."""

    read: Future[ReadScan]
    ready: Future[ReadyScan]


def begin_reading(prior: Source, current: Source, pool: Executor) -> tuple[Coming, Coming]:
    """Read both exams, the later one's headers while the earlier one's slices are decoded, and so on.

    Parameters
    ----------
    pool
        Needs no certain number of threads: no task waits for one that was handed over later.
    """
    kernel: Future[str] = Future()  # of the prior's series: the current one's is chosen to match
    reads = pool.submit(_read_prior, prior, kernel), pool.submit(_read_current, current, kernel)
    return Coming(reads[0], pool.submit(_ready, reads[0])), Coming(reads[1], pool.submit(_ready, reads[1]))


def _read_prior(source: Source, kernel: Future[str]) -> ReadScan:
    try:
        with _chosen(source, prior_kernel="") as (choice, warnings):
            kernel.set_result(choice.series.kernel)
            return ReadScan(choice, read_volume(choice.series), warnings)
    finally:
        kernel.cancel()  # refused before it was known: nobody shall wait for it


def _read_current(source: Source, kernel: Future[str]) -> ReadScan:
    with _chosen(source, prior_kernel=kernel.result()) as (choice, warnings):
        return ReadScan(choice, read_volume(choice.series), warnings)


def _ready(coming: Future[ReadScan]) -> ReadyScan:
    return make_ready(coming.result())


@contextmanager
def _chosen(source: Source, *, prior_kernel: str) -> Iterator[tuple[Choice, tuple[str, ...]]]:
    """Read headers and choose the series; its files stay until the end."""
    with read_examination(source.path, lists_within=Path("/")) as examination:  # the caller's own files
        choice = choose_series(examination.series, wanted_uid=source.wanted_uid, prior_kernel=prior_kernel)
        said: list[Refused | Notice] = [*examination.refused, *examination.warnings, *choice.series.notices]
        yield choice, tuple(f"{one.as_sentence()} {one.as_remedy()}".strip() for one in said)


def read_scan(source: Path, *, wanted_uid: str | None) -> ReadScan:
    """Read one exam alone: headers, choice of the series, pixels."""
    with _chosen(Source(source, wanted_uid), prior_kernel="") as (choice, warnings):
        return ReadScan(choice, read_volume(choice.series), warnings)


def make_ready(read: ReadScan) -> ReadyScan:
    """Find the lungs and measure the noise."""
    return ReadyScan(read, segment_lungs(read.volume), measure_noise(read.volume))
