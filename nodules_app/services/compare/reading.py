"""One side of the pair: files to a volume with lungs, noise and the facts that matter for comparing."""

from __future__ import annotations

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


def read_scan(source: Path, *, wanted_uid: str | None, prior_kernel: str = "") -> ReadScan:
    """Read headers, choose the series, decode it."""
    with read_examination(source, lists_within=Path("/")) as examination:  # the caller's own files
        choice = choose_series(examination.series, wanted_uid=wanted_uid, prior_kernel=prior_kernel)
        said: list[Refused | Notice] = [*examination.refused, *examination.warnings, *choice.series.notices]
        warnings = tuple(f"{one.as_sentence()} {one.as_remedy()}".strip() for one in said)
        return ReadScan(choice, read_volume(choice.series), warnings)


def make_ready(read: ReadScan) -> ReadyScan:
    """Find the lungs and measure the noise."""
    return ReadyScan(read, segment_lungs(read.volume), measure_noise(read.volume))
