"""Reads what was handed in, header by header, and says what can be used and what cannot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Self

from nodules_app.dicom import notices
from nodules_app.dicom.enhanced import read_frames
from nodules_app.dicom.errors import (
    DamagedHeader,
    FileRefused,
    InputRefused,
    Localizer,
    NoDicomFound,
    WrongModality,
    name_some,
    printable,
)
from nodules_app.dicom.header import UNREADABLE, Header, NotDicom, judging_ourselves, read_header
from nodules_app.dicom.instance import ENHANCED, Instance, check_kind, read_instance
from nodules_app.dicom.notices import Notice
from nodules_app.dicom.series import CtSeries
from nodules_app.dicom.series_errors import SeriesRefused
from nodules_app.dicom.sources import Sources, collect, collect_files
from nodules_app.dicom.stacking import build_series
from nodules_app.dicom.unzip import DEFAULT_LIMITS, UnzipLimits
from nodules_app.dicom.wanted import WANTED_TAGS
from registration.errors import Refused

SEGMENTATION_STORAGE = "1.2.840.10008.5.1.4.1.1.66.4"
SR_STORAGE = "1.2.840.10008.5.1.4.1.1.88."
DIRECTORY_STORAGE = "1.2.840.10008.1.3.10"  # DICOMDIR: a table of contents, no image

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Examination:
    """What an input holds. Unpacked files live as long as this does: use it in a ``with`` block.

    Parameters
    ----------
    series
        CT series fit to be read, the one with most slices first.
    refused
        What cannot be used, each complaint once, with the files it concerns.
    warnings
        About the input as a whole; those about a series are in ``CtSeries.notices``.
    finding_files
        DICOM SEG and SR objects that came along.
    names
        For each file, what its sender calls it.
    """

    series: tuple[CtSeries, ...]
    refused: tuple[Refused, ...]
    warnings: tuple[Notice, ...]
    finding_files: tuple[Path, ...] = ()
    names: dict[Path, str] = field(default_factory=dict, repr=False)
    sources: Sources = field(default_factory=Sources, repr=False)

    def close(self) -> None:
        """Remove what was unpacked for reading."""
        self.sources.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def read_examination(
    source: Path,
    *,
    progress: Progress | None = None,
    today: date | None = None,
    limits: UnzipLimits = DEFAULT_LIMITS,
    lists_within: Path | None = None,
    findings_alone: bool = False,
) -> Examination:
    """Read the headers of a folder (nested), zip, single file, or text file that lists paths.

    Parameters
    ----------
    source
        Folders are read in place; a zip, also one lying in the folder, is unpacked to a temporary folder.
    progress
        Called with (files done, files in all).
    today
        To notice dates in the future; the core itself reads no clock.
    limits
        What a zip may become.
    lists_within
        Folder below which a text list may name files. By default the folder of the list itself, so that an uploaded
        list cannot reach the files of others.
    findings_alone
        Take segmentations and reports without their images too, for a caller who may have the images already.

    Returns
    -------
    Examination
        With at least one usable series, or with ``findings_alone`` at least one file of findings.

    Raises
    ------
    Refused
        Nothing is usable. It is the complaint that concerns most files; ``also`` holds the others.
    """
    return _examine(collect(source, limits=limits, lists_within=lists_within), progress, today, findings_alone)


def read_files(paths: Sequence[Path], *, progress: Progress | None = None, today: date | None = None) -> Examination:
    """Read the headers of given files, such as those of one series in the archive; see :func:`read_examination`."""
    return _examine(collect_files(list(paths)), progress, today)


@dataclass(slots=True)
class _Heap:
    """What the files turned out to be."""

    planes: dict[str, list[Instance]] = field(default_factory=lambda: defaultdict(list))
    complaints: list[FileRefused] = field(default_factory=list)
    junk: list[str] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
    findings: list[Path] = field(default_factory=list)
    said: list[Notice] = field(default_factory=list)


def _examine(
    sources: Sources, progress: Progress | None, today: date | None, findings_alone: bool = False
) -> Examination:
    try:
        heap = _Heap()
        with judging_ourselves():
            for done, (path, name) in enumerate(sources.files, start=1):
                _read_one(path, name, heap)
                if progress is not None:
                    progress(done, len(sources.files))
            return _conclude(heap, sources, today, findings_alone)
    except BaseException:
        sources.close()
        raise


def _read_one(path: Path, name: str, heap: _Heap) -> None:
    series_uid = ""
    try:
        header = read_header(path, name, WANTED_TAGS)
        series_uid = header.text("SeriesInstanceUID")
        sop_class = header.text("SOPClassUID")
        if sop_class == DIRECTORY_STORAGE:
            heap.directories.append(name)
            return
        if sop_class == SEGMENTATION_STORAGE or sop_class.startswith(SR_STORAGE):
            heap.findings.append(path)
            return
        for plane in _planes(header):
            heap.planes[plane.series_uid].append(plane)
    except NotDicom:
        heap.junk.append(name)
    except FileRefused as complaint:
        complaint.series_uid = series_uid
        heap.complaints.append(complaint)


def _planes(header: Header) -> Sequence[Instance]:
    check_kind(header)
    if header.text("SOPClassUID") not in ENHANCED:
        return (read_instance(header),)
    try:
        return read_frames(header)
    except UNREADABLE as problem:  # functional groups are parsed only now
        raise DamagedHeader(header.name) from problem


def _conclude(heap: _Heap, sources: Sources, today: date | None, findings_alone: bool) -> Examination:
    refused: list[Refused] = list(sources.refused)
    localizers = [c for c in FileRefused.merged(heap.complaints) if isinstance(c, Localizer)]
    refused.extend(c for c in FileRefused.merged(heap.complaints) if not isinstance(c, Localizer))
    built: list[CtSeries] = []
    for series_uid, planes in heap.planes.items():
        beside = tuple(_left_out(c) for c in localizers if c.series_uid == series_uid)
        try:
            series = build_series(planes, today=today, beside=beside)
        except SeriesRefused as refusal:
            refusal.series_uid = series_uid
            refused.append(refusal)
        else:
            built.append(series)
    if not built and not (findings_alone and heap.findings):
        raise _main_complaint([*refused, *localizers], heap)
    built.sort(key=lambda series: (-len(series.slices), series.series_uid))
    apart = [c for c in localizers if c.series_uid not in heap.planes]
    warnings = [*_about_all(built, heap), *(_left_out(c) for c in apart)]
    return Examination(
        tuple(built), tuple(refused), tuple(warnings), tuple(heap.findings), dict(sources.files), sources
    )


def _left_out(localizer: Localizer) -> Notice:
    return notices.LocalizerLeftOut(count=len(localizer.names), files=name_some(localizer.names))


def _about_all(built: list[CtSeries], heap: _Heap) -> list[Notice]:
    said: list[Notice] = []
    if heap.junk:
        said.append(notices.JunkIgnored(count=len(heap.junk), files=name_some(heap.junk)))
    patients = sorted({(one.issuer, one.patient_id) for one in built})
    if len(patients) > 1:
        named = ", ".join(printable(identifier) for _, identifier in patients)
        said.append(notices.SeveralPatients(count=len(patients), patients=named))
    return said


def _main_complaint(refused: list[Refused], heap: _Heap) -> Refused:
    """Choose what to say first when nothing is usable: what concerns most files, and no localizer beside worse."""
    if not refused and heap.findings:
        return without_images(heap.findings)
    if not refused:
        names = heap.junk + heap.directories
        return NoDicomFound(count=len(names), files=name_some(names))
    ranked = sorted(refused, key=_weight, reverse=True)
    main = ranked[0]
    if isinstance(main, InputRefused):
        main.also = tuple(ranked[1:])
    return main


def without_images(findings: Sequence[Path]) -> WrongModality:
    """Say of segmentations and reports that the images they were made on are not there."""
    return WrongModality(*(path.name for path in findings), modality="SR/SEG", kind="findings without their images")


def _weight(refusal: Refused) -> tuple[bool, int]:
    files = refusal.files_concerned if isinstance(refusal, InputRefused) else 0
    return not isinstance(refusal, Localizer), files
