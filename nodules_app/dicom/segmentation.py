"""Outlines of a signed reading as DICOM Segmentation (PS3.3 A.51): one segment a nodule, one more its solid part.

The planes, their order and their places are those of the source series; only planes that hold something are written.
The outline is that on which the signed volume rests, so that whoever counts its voxels sees what was measured. The
volume itself counts border voxels in parts and is not the count of voxels; the report carries it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import highdicom as hd
import numpy as np
from highdicom.seg import Segmentation, SegmentDescription
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from nodules_app.dicom import codes
from nodules_app.dicom.finishing import finished, own_scheme, shared_fields
from nodules_app.dicom.header import judging_ourselves
from nodules_app.dicom.signed_report import MANUFACTURER, Mask, ReportedNodule, SignedReport
from nodules_app.dicom.source_images import SourceImages
from nodules_app.dicom.uids import uid_of

SERIES_NUMBER = 9101


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What becomes one segment."""

    nodule: ReportedNodule
    label: str
    kind: Code
    mask: Mask


def segment_numbers(report: SignedReport) -> dict[str, int]:
    """Number of the segment of each outlined nodule, by its tracking UID."""
    return {part.nodule.tracking_uid: number for number, part in _numbered(report) if part.kind == codes.NODULE}


def segmentation(report: SignedReport, on: SourceImages) -> Dataset | None:
    """Write the outlines of a report; None when no nodule has one.

    Raises
    ------
    ValueError
        An outline reaches beyond the series: it belongs to another one.
    """
    parts = _parts(report)
    if not parts:
        return None
    planes = sorted({plane for part in parts for plane in _planes_of(part.mask)})
    pixels = np.zeros((len(planes), on.series.rows, on.series.columns, len(parts)), np.uint8)
    place = {plane: index for index, plane in enumerate(planes)}
    for number, part in enumerate(parts):
        _paint(pixels[..., number], part.mask, place)
    with judging_ourselves():
        made = Segmentation(
            source_images=on.headers(planes),
            pixel_array=pixels,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[_described(number, part) for number, part in _numbered(report)],
            series_instance_uid=uid_of("series", "seg", report.name),
            series_number=SERIES_NUMBER,
            sop_instance_uid=uid_of("seg", report.name),
            instance_number=1,
            content_label="NODULES",
            content_description="Lung nodules of a signed reading",
            content_creator_name=report.observer,
            pixel_measures=_measures(on),
            plane_orientation=hd.PlaneOrientationSequence("PATIENT", on.series.orientation),
            plane_positions=[
                hd.PlanePositionSequence("PATIENT", on.series.slices[plane].position_lps_mm) for plane in planes
            ],
            coding_schemes=[own_scheme()],
            **shared_fields(report, "Segmentation of nodules"),
        )
    organisation = uid_of("dimensions", "seg", report.name)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = organisation
    return finished(made, report.signed_at)


def _parts(report: SignedReport) -> list[_Part]:
    parts = []
    for nodule in report.nodules:
        if nodule.outline is not None:
            parts.append(_Part(nodule, nodule.label, codes.NODULE, nodule.outline))
        if nodule.solid is not None and nodule.solid.inside.any():
            parts.append(_Part(nodule, f"{nodule.label} solid part", codes.SOLID_PART, nodule.solid))
    return parts


def _numbered(report: SignedReport) -> Iterator[tuple[int, _Part]]:
    return enumerate(_parts(report), start=1)


def _planes_of(mask: Mask) -> list[int]:
    return [mask.start_zyx[0] + int(depth) for depth in np.flatnonzero(mask.inside.any(axis=(1, 2)))]


def _paint(pixels: NDArray[np.uint8], mask: Mask, place: dict[int, int]) -> None:
    """Lay a mask on the planes that are written, (plane, y, x)."""
    _, row, column = mask.start_zyx
    depth, height, width = mask.inside.shape
    if row < 0 or column < 0 or row + height > pixels.shape[1] or column + width > pixels.shape[2]:
        raise ValueError("the outline reaches beyond the image")
    for layer in range(depth):
        index = place.get(mask.start_zyx[0] + layer)
        if index is not None:
            pixels[index, row : row + height, column : column + width] |= mask.inside[layer]


def _described(number: int, part: _Part) -> SegmentDescription:
    nodule = part.nodule
    drawn = bool(nodule.drawn_by)
    algorithm = hd.AlgorithmIdentificationSequence(
        name=nodule.method, version=nodule.method_version, family=codes.EDGE_DETECTION, source=MANUFACTURER
    )
    is_whole = part.kind == codes.NODULE
    return SegmentDescription(
        segment_number=number,
        segment_label=part.label,
        segmented_property_category=codes.ABNORMAL_STRUCTURE,
        segmented_property_type=part.kind,
        algorithm_type="SEMIAUTOMATIC" if drawn else "AUTOMATIC",
        algorithm_identification=algorithm,
        tracking_uid=nodule.tracking_uid if is_whole else uid_of("solid part", nodule.tracking_uid),
        tracking_id=part.label,
        anatomic_regions=[_site(nodule)],
    )


def _site(nodule: ReportedNodule) -> Code:
    return codes.SITES[nodule.lobe][0] if nodule.lobe in codes.SITES else codes.LUNG


def _measures(on: SourceImages) -> hd.PixelMeasuresSequence:
    step_mm, row_mm, column_mm = on.series.spacing_zyx_mm
    return hd.PixelMeasuresSequence(
        pixel_spacing=(row_mm, column_mm),
        slice_thickness=on.series.slice_thickness_mm or step_mm,
        spacing_between_slices=step_mm,
    )
