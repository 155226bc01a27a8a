"""What of a stored scan matters for comparing it with another one."""

from __future__ import annotations

from inference.comparability import ScanFacts, scan_grain_mm
from inference.noise import measure_noise
from nodules_app.models import Scan
from nodules_app.services.pipeline.volumes import lungs_of, volume_of


def facts_of(scan: Scan) -> ScanFacts:
    """Gather header and image facts of a scan; noise and kernel are measured on the image, not only named."""
    series = scan.series
    noise = measure_noise(volume_of(series))
    lungs = lungs_of(scan) if scan.lung_right_ml is not None else None
    cut = lungs is None or lungs.cut_above or lungs.cut_below
    return ScanFacts(
        slice_thickness_mm=series.slice_thickness_mm or series.spacing_z_mm,
        slice_spacing_mm=series.spacing_z_mm,
        kernel=series.kernel,
        noise_hu=noise.sd_hu if noise else None,
        grain_mm=scan_grain_mm(noise.correlation_voxels, series.spacing_x_mm) if noise else None,
        lung_volume_ml=None if lungs is None or cut else lungs.total_ml,
        lung_hu=lungs.mean_hu if lungs else None,
        lungs_cut=cut,
        contrast=series.contrast,
        blocking=tuple(notice["sentence"] for notice in series.notices if notice["blocks_volumetry"]),
    )
