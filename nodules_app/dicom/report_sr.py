"""A signed reading as Comprehensive 3D SR with the root template TID 1500.

One measurement group a nodule: with an outline as volumetric group (TID 1411) that points to its segment, without one
as plain group (TID 1501) that points to the slice. The tracking UID is that of the nodule, on every exam of the patient
the same. Each number carries its unit and the interval in which 95 of 100 repetitions would lie, where it is known.
What guidelines say of the patient stands in the container for qualitative evaluations.

Source
------
DICOM PS3.16 TID 1500, 1501, 1411, 1419, 300, 310, 1502, 4019; PS3.3 A.35.13 and C.17.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import highdicom as hd
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as public
from pydicom.sr.coding import Code

from nodules_app.dicom import codes
from nodules_app.dicom.finishing import finished, own_scheme, shared_fields
from nodules_app.dicom.header import judging_ourselves
from nodules_app.dicom.segmentation import segment_numbers
from nodules_app.dicom.signed_report import MANUFACTURER, MODEL, Quantity, ReportedNodule, SignedReport
from nodules_app.dicom.source_images import SourceImages
from nodules_app.dicom.uids import uid_of

SERIES_NUMBER: Final = 9102
CONTAINS: Final = hd.sr.RelationshipTypeValues.CONTAINS
HAS_PROPERTIES: Final = hd.sr.RelationshipTypeValues.HAS_PROPERTIES
Group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations


def report_sr(
    report: SignedReport, on: SourceImages, segments: Dataset | None, predecessors: Sequence[Dataset] = ()
) -> Dataset:
    """Write a reading as structured report.

    Parameters
    ----------
    segments
        What ``segmentation`` made of the same reading.
    predecessors
        Reports that this one replaces: their UIDs and classes are enough.

    Raises
    ------
    ValueError
        A reading without a nodule has nothing to measure.
    """
    images = on.headers(_planes(report, segments, on))
    with judging_ourselves():
        content = _content(report, on, segments, images)
        made = sr.Comprehensive3DSR(
            evidence=[*images, *([segments] if segments is not None else [])],
            content=content,
            series_instance_uid=uid_of("series", "sr", report.name),
            series_number=SERIES_NUMBER,
            sop_instance_uid=uid_of("sr", report.name, str(report.revision)),
            instance_number=report.revision + 1,
            is_complete=True,
            is_final=True,
            is_verified=True,
            verifying_observer_name=report.observer,
            verifying_organization=report.organisation[:64],
            performed_procedure_codes=[codes.CT_CHEST],
            previous_versions=list(predecessors) or None,
            coding_schemes=[own_scheme()],
            **shared_fields(report, "Measurements of nodules"),
        )
    return finished(made, report.made_at)


def _planes(report: SignedReport, segments: Dataset | None, on: SourceImages) -> list[int]:
    """The planes that the report refers to: those of the segments, and the key plane of each nodule."""
    wanted = {nodule.key_plane for nodule in report.nodules if nodule.key_plane is not None}
    for nodule in report.nodules if segments is not None else ():
        if nodule.outline is not None:
            first = nodule.outline.start_zyx[0]
            wanted |= {first + depth for depth, layer in enumerate(nodule.outline.inside) if layer.any()}
    return sorted(plane for plane in wanted if 0 <= plane < len(on.series.slices)) or [0]


def _content(
    report: SignedReport, on: SourceImages, segments: Dataset | None, images: Sequence[Dataset]
) -> sr.MeasurementReport:
    numbers = segment_numbers(report)
    content = sr.MeasurementReport(
        observation_context=_observers(report),
        procedure_reported=codes.CT_CHEST,
        imaging_measurements=[_group(nodule, report, on, segments, numbers) for nodule in report.nodules],
        referenced_images=None if on.is_enhanced else images,
    )
    evaluations = list(_evaluations(report))
    if evaluations:
        container = sr.ContainerContentItem(name=codes.QUALITATIVE_EVALUATIONS, relationship_type=CONTAINS)
        container.ContentSequence = sr.ContentSequence(evaluations)
        content[0].ContentSequence.append(container)
    return content


def _observers(report: SignedReport) -> sr.ObservationContext:
    person = sr.ObserverContext(
        observer_type=public.DCM.Person,
        observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
            name=report.observer, organization_name=report.organisation or None
        ),
    )
    device = sr.ObserverContext(
        observer_type=public.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=uid_of("device", report.organisation), name=MODEL, manufacturer_name=MANUFACTURER, model_name=MODEL
        ),
    )
    return sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _group(
    nodule: ReportedNodule, report: SignedReport, on: SourceImages, segments: Dataset | None, numbers: dict[str, int]
) -> Group:
    common: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(uid=nodule.tracking_uid, identifier=nodule.label),
        "finding_type": codes.NODULE,
        "finding_sites": [_site(nodule)],
        "algorithm_id": _algorithm(nodule),
        "time_point_context": sr.TimePointContext(report.exam_on.isoformat()) if report.exam_on else None,
        "measurements": [_measurement(one) for one in nodule.quantities],
        "qualitative_evaluations": list(_of_nodule(nodule)),
    }
    if segments is not None and nodule.tracking_uid in numbers:
        return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=sr.ReferencedSegment(
                sop_class_uid=segments.SOPClassUID,
                sop_instance_uid=segments.SOPInstanceUID,
                segment_number=numbers[nodule.tracking_uid],
                source_series=sr.SourceSeriesForSegmentation(on.series.series_uid),
            ),
            **common,
        )
    return sr.MeasurementsAndQualitativeEvaluations(source_images=_source(nodule, on), **common)


def _source(nodule: ReportedNodule, on: SourceImages) -> list[sr.SourceImageForMeasurementGroup]:
    if nodule.key_plane is None:
        return []
    plane = on.series.slices[nodule.key_plane]
    frames = [plane.frame + 1] if on.is_enhanced else None
    header = on.header(plane)
    return [sr.SourceImageForMeasurementGroup(header.SOPClassUID, header.SOPInstanceUID, frames)]


def _site(nodule: ReportedNodule) -> sr.FindingSite:
    if nodule.lobe not in codes.SITES:
        return sr.FindingSite(codes.LUNG)
    place, side = codes.SITES[nodule.lobe]
    return sr.FindingSite(place, laterality=side)


def _algorithm(nodule: ReportedNodule) -> sr.AlgorithmIdentification | None:
    if not nodule.method:
        return None
    drawn = [f"edited by {nodule.drawn_by}"] if nodule.drawn_by else None
    return sr.AlgorithmIdentification(
        name=nodule.method,
        version=nodule.method_version,
        parameters=drawn,
        family=codes.EDGE_DETECTION,
        manufacturer=MANUFACTURER,
    )


def _measurement(quantity: Quantity) -> sr.Measurement:
    unit = codes.UNITS[quantity.unit]
    properties = sr.MeasurementProperties()
    for name, end in ((codes.UPPER_UNCERTAINTY, quantity.high), (codes.LOWER_UNCERTAINTY, quantity.low)):
        if end is not None:
            # In the unit of the measurement itself (TID 310); how far it reaches, not where it ends.
            reach = _short(abs(end - quantity.value))
            properties.append(sr.NumContentItem(name, reach, unit, relationship_type=HAS_PROPERTIES))
    return sr.Measurement(
        name=codes.QUANTITIES[quantity.name],
        value=_short(quantity.value),
        unit=unit,
        derivation=codes.DERIVED.get(quantity.name),
        properties=properties if len(properties) else None,
    )


def _short(value: float) -> float:
    """Seven digits: what was signed has fewer, and a decimal string has room for 16 characters."""
    return float(f"{value:.7g}")


def _of_nodule(nodule: ReportedNodule) -> Iterator[sr.QualitativeEvaluation]:
    if nodule.present is not None:
        yield sr.QualitativeEvaluation(codes.PRESENCE, codes.PRESENCES[nodule.present])
    if nodule.attenuation in codes.ATTENUATIONS:
        yield sr.QualitativeEvaluation(codes.ATTENUATION, codes.ATTENUATIONS[nodule.attenuation])
    if nodule.word in codes.CHANGES:
        yield sr.QualitativeEvaluation(codes.CHANGE_IN_SIZE, codes.CHANGES[nodule.word])
    if nodule.word:
        yield sr.QualitativeEvaluation(codes.COMPARISON, codes.term(nodule.word))
    if nodule.why_not_measured:
        yield sr.QualitativeEvaluation(codes.NOT_MEASURED, codes.term(nodule.why_not_measured))


def _evaluations(report: SignedReport) -> Iterator[sr.ContentItem]:
    """What was compared, what guidelines say, what was added: of the patient, not of one nodule."""
    if report.prior_on is not None:
        yield sr.DateContentItem(codes.PRIOR_ON, report.prior_on, CONTAINS)
    for answer in report.answers:
        name = codes.own(answer.guideline, f"Category by {answer.guideline} {answer.edition}"[:64])
        if answer.category:
            yield sr.CodeContentItem(name, codes.term(answer.category), CONTAINS)
        said = f"{answer.guideline} {answer.edition}, {answer.rule}: {answer.words}"
        yield _text(codes.RECOMMENDED, said)
    if report.recommended:
        yield _text(codes.RECOMMENDED, report.recommended)
    if report.recommended_on is not None:
        yield sr.DateContentItem(codes.RECOMMENDED_ON, report.recommended_on, CONTAINS)
    for addendum in report.addenda:
        yield _text(codes.COMMENT, addendum)


def _text(name: Code, said: str) -> sr.TextContentItem:
    return sr.TextContentItem(name, said, CONTAINS)
