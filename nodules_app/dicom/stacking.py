"""From loose planes of one series UID to one ``CtSeries``, or the reason why not."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Sequence
from datetime import date

import numpy as np

from nodules_app.dicom import notices
from nodules_app.dicom.dates import date_or_none, read_acquisition_date
from nodules_app.dicom.errors import InputRefused, name_some, printable
from nodules_app.dicom.geometry import (
    SAME_PLACE_MM,
    TILT_DEGREES,
    Gap,
    Stack,
    gaps,
    is_axial,
    normal_of,
    plane_word,
    stack,
)
from nodules_app.dicom.instance import Instance
from nodules_app.dicom.notices import Notice
from nodules_app.dicom.series import CtSeries, Slice
from nodules_app.dicom.series_errors import GantryTilt, NotAxial, OneSliceOnly, SeriesInTwoStudies, TwoPatients

# Above this neither nodule volume nor doubling time is trustworthy: the ACR-STR practice parameter for
# lung screening asks for 2.5 mm or less, Fleischner 2017 for 1.5 mm or less.
TOO_THICK_MM = 3.0
MERGED_SHARE = 0.25  # of positions taken twice: then it is no stray file but a second acquisition
NAMED_POSITIONS = 5
UNEVEN_NAMED_MM = 0.1  # a step that differs by more is named as the first odd one
AIR_HU = -1000
WITHOUT_CONTRAST = frozenset({"NO", "NONE", "N", "WITHOUT", "W/O", "NATIVE"})


def build_series(planes: Sequence[Instance], *, today: date | None = None, beside: Sequence[Notice] = ()) -> CtSeries:
    """Order and check the planes that share a series UID.

    Parameters
    ----------
    planes
        At least one.
    today
        For dates in the future; None where the caller has no clock.
    beside
        What was already noticed about the files of this series.

    Raises
    ------
    TwoPatients, SeriesInTwoStudies, NotAxial, OneSliceOnly, GantryTilt
    """
    try:
        return _build(planes, [*beside], today)
    except InputRefused as refusal:
        refusal.files_concerned = len(planes)
        raise


def _build(planes: Sequence[Instance], said: list[Notice], today: date | None) -> CtSeries:
    uid = planes[0].series_uid
    _one_patient(planes, uid)
    chosen = _main_stack(_drop_copies(planes, said), said, uid)
    chosen = _one_at_each_place(chosen, said)
    if len(chosen) < 2:
        z = f"{chosen[0].position_lps_mm[2]:g}"
        raise OneSliceOnly(position=z, files=name_some([one.name for one in chosen]), series_uid=uid)
    placed = stack(np.array([one.position_lps_mm for one in chosen]), chosen[0].orientation)
    chosen = [chosen[i] for i in placed.order]
    if placed.tilt_degrees > TILT_DEGREES:
        table_step = np.median(np.linalg.norm(np.diff([one.position_lps_mm for one in chosen], axis=0), axis=1))
        raise GantryTilt(
            tilt_degrees=placed.tilt_degrees,
            count=len(chosen),
            normal_step_mm=placed.step_mm,
            table_step_mm=round(float(table_step), 3),
        )
    one_grid = _say_unevenness(chosen, placed, said)
    acquired_on = read_acquisition_date(chosen[0].header, today, said)
    _say_qualities(chosen, placed, said)
    return _series(chosen, placed, tuple(said), acquired_on, one_grid=one_grid)


def _one_patient(planes: Sequence[Instance], uid: str) -> None:
    patients = sorted({one.patient for one in planes})
    if len(patients) > 1:
        names = sorted({printable(identifier) for _, identifier, _ in patients})
        raise TwoPatients(count=len(patients), patients=", ".join(names), series_uid=uid)
    studies = {one.study_uid for one in planes}
    if len(studies) > 1:
        raise SeriesInTwoStudies(count=len(studies), series_uid=uid)


def _drop_copies(planes: Sequence[Instance], said: list[Notice]) -> list[Instance]:
    """Keep each SOP Instance UID (and frame) once; a copy that differs from its original is named."""
    kept: dict[tuple[str, int], Instance] = {}
    copies: list[str] = []
    different: list[str] = []
    for one in planes:
        first = kept.setdefault((one.sop_instance_uid, one.frame), one)
        if first is one:
            continue
        same = first.path == one.path or filecmp.cmp(first.path, one.path, shallow=False)
        (copies if same else different).append(one.name)
    if copies:
        said.append(notices.SameInstanceTwice(count=len(copies), files=name_some(copies)))
    if different:
        said.append(notices.SameInstanceDiffers(count=len(different), files=name_some(different)))
    return list(kept.values())


def _main_stack(planes: Sequence[Instance], said: list[Notice], uid: str) -> list[Instance]:
    """Take the largest group of axial planes of one orientation, size and kernel; say what is left out."""
    groups: dict[tuple[object, ...], list[Instance]] = defaultdict(list)
    for one in planes:
        grid = (one.pixels.rows, one.pixels.columns, *np.round(one.spacing_yx_mm, 4))
        groups[(*np.round(one.orientation, 3), *grid, one.kernel)].append(one)
    axial = [group for group in groups.values() if is_axial(group[0].orientation)]
    if not axial:
        raise NotAxial(plane=plane_word(planes[0].orientation), count=len(planes), series_uid=uid)
    best = max(axial, key=len)
    if len(groups) > 1:
        ranked = sorted(groups.values(), key=lambda group: (group is not best, -len(group)))
        words = ", ".join(f"{plane_word(group[0].orientation)} ({len(group)})" for group in ranked)
        said.append(notices.OtherStackLeftOut(groups=words, count=len(best)))
    return best


def _one_at_each_place(planes: Sequence[Instance], said: list[Notice]) -> list[Instance]:
    """Where two instances lie in one place keep the one that was numbered first, and name the other."""
    by_age = sorted(planes, key=lambda one: (one.header.number_if_any("InstanceNumber") or 0, one.sop_instance_uid))
    kept: dict[int, Instance] = {}
    normal = normal_of(planes[0].orientation)
    twice: list[tuple[Instance, Instance]] = []
    for one in by_age:
        place = round(float(one.position_lps_mm @ normal) / SAME_PLACE_MM)
        first = kept.setdefault(place, one)
        if first is not one:
            twice.append((first, one))
    if len(twice) > MERGED_SHARE * len(kept):
        said.append(notices.TwoScansInOneSeries(count=len(twice), total=len(kept)))
    elif twice:
        positions = ", ".join(f"{used.position_lps_mm[2]:g}" for used, _ in twice[:NAMED_POSITIONS])
        said.append(
            notices.TwoInstancesOnePosition(
                positions=positions,
                used=name_some([used.name for used, _ in twice]),
                left_out=name_some([other.name for _, other in twice]),
                uid=", ".join(other.sop_instance_uid for _, other in twice[:NAMED_POSITIONS]),
            )
        )
    return list(kept.values())


def _say_unevenness(planes: Sequence[Instance], placed: Stack, said: list[Notice]) -> bool:
    """Name gaps, uneven distances and sideways shifts; tell whether the planes make one grid."""
    half_pixel = min(planes[0].spacing_yx_mm) / 2
    worst = int(np.argmax(placed.sideways_mm))
    if placed.sideways_mm[worst] > half_pixel:
        shift = float(placed.sideways_mm[worst])
        said.append(notices.ShiftedSlices(shift_mm=shift, where=f"{planes[worst].position_lps_mm[2]:g}"))
        return False
    if placed.even:
        return True
    missing = gaps(placed.along_mm, placed.step_mm)
    if missing:
        said.append(_gap_notice(planes, placed, missing))
        return False
    steps = np.round(np.diff(placed.along_mm), 3)
    odd = int(np.argmax(np.abs(steps - steps[0]) > UNEVEN_NAMED_MM))
    said.append(
        notices.UnevenSpacing(
            least_mm=float(steps.min()), most_mm=float(steps.max()), where=f"{planes[odd].position_lps_mm[2]:g}"
        )
    )
    return False


def _gap_notice(planes: Sequence[Instance], placed: Stack, missing: tuple[Gap, ...]) -> Notice:
    first = missing[0]
    below, above = planes[first.index].position_lps_mm[2], planes[first.index + 1].position_lps_mm[2]
    each = (above - below) / (first.missing + 1)
    absent = ", ".join(f"{round(below + each * (k + 1), 3):g}" for k in range(min(first.missing, NAMED_POSITIONS)))
    return notices.GapBetweenSlices(
        below=f"{below:g}",
        above=f"{above:g}",
        gap_mm=round(first.gap_mm, 3),
        step_mm=round(placed.step_mm, 3),
        missing=first.missing,
        missing_at=absent + (" …" if first.missing > NAMED_POSITIONS else ""),
        gaps=len(missing),
    )


def _say_qualities(planes: Sequence[Instance], placed: Stack, said: list[Notice]) -> None:
    """Name thickness, frames of reference, lossy compression and odd padding."""
    first = planes[0]
    slice_mm = round(max(first.slice_thickness_mm or 0.0, placed.step_mm), 2)
    if slice_mm > TOO_THICK_MM:
        said.append(notices.TooThick(slice_mm=slice_mm, limit_mm=TOO_THICK_MM))
    frames_of_reference = {one.header.text("FrameOfReferenceUID") for one in planes}
    if len(frames_of_reference) > 1:
        said.append(notices.ManyFramesOfReference(count=len(frames_of_reference)))
    if any(one.header.text("LossyImageCompression") == "01" for one in planes):
        said.append(notices.LossyCompression(ratio=first.header.text("LossyImageCompressionRatio") or "?"))
    if first.pixels.padding:
        padding_hu = first.pixels.padding[1] * first.rescale_slope + first.rescale_intercept
        if padding_hu > AIR_HU:
            said.append(notices.PaddingIsTissue(padding_hu=padding_hu))


def _series(
    planes: Sequence[Instance], placed: Stack, said: tuple[Notice, ...], acquired_on: date | None, *, one_grid: bool
) -> CtSeries:
    first, header = planes[0], planes[0].header
    issuer, patient_id, birth = first.patient
    x, y, z = (float(c) for c in placed.direction)
    return CtSeries(
        study_uid=first.study_uid,
        series_uid=first.series_uid,
        frame_of_reference_uid=header.text("FrameOfReferenceUID"),
        patient_id=patient_id,
        issuer=issuer,
        patient_name=header.text("PatientName"),
        birth_date=date_or_none(birth),
        sex=header.text("PatientSex"),
        accession=header.text("AccessionNumber"),
        acquired_on=acquired_on,
        study_description=header.text("StudyDescription"),
        description=header.text("SeriesDescription"),
        body_part=header.text("BodyPartExamined"),
        manufacturer=header.text("Manufacturer"),
        model=header.text("ManufacturerModelName"),
        kernel=first.kernel,
        kvp=header.number_if_any("KVP"),
        contrast=_contrast(header.text("ContrastBolusAgent")),
        slice_thickness_mm=first.slice_thickness_mm,
        spacing_zyx_mm=(placed.step_mm, *first.spacing_yx_mm),
        rows=first.pixels.rows,
        columns=first.pixels.columns,
        orientation=first.orientation,
        stack_direction=(x, y, z),
        slices=tuple(_slice(one) for one in planes),
        one_grid=one_grid,
        notices=said,
    )


def _slice(one: Instance) -> Slice:
    return Slice(
        path=one.path,
        name=one.name,
        sop_instance_uid=one.sop_instance_uid,
        position_lps_mm=one.position_lps_mm,
        transfer_syntax=str(one.header.syntax),
        rescale_slope=one.rescale_slope,
        rescale_intercept=one.rescale_intercept,
        pixels=one.pixels,
        frame=one.frame,
    )


def _contrast(agent: str) -> bool | None:
    """True with an agent, False where the agent says there was none, None where nothing is said."""
    return agent.upper() not in WITHOUT_CONTRAST if agent else None
