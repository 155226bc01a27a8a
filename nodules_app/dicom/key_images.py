"""The slices that show the nodules best, as Key Object Selection (PS3.3 A.35.4, TID 2010)."""

from __future__ import annotations

from typing import Final

from highdicom import sr
from highdicom.ko import KeyObjectSelection, KeyObjectSelectionDocument
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes as public

from nodules_app.dicom import codes
from nodules_app.dicom.finishing import finished, shared_fields
from nodules_app.dicom.header import judging_ourselves
from nodules_app.dicom.signed_report import SignedReport
from nodules_app.dicom.source_images import SourceImages
from nodules_app.dicom.uids import uid_of

SERIES_NUMBER: Final = 9103


def key_images(report: SignedReport, on: SourceImages) -> Dataset | None:
    """Point to the key slice of each nodule; None where no nodule is on this exam.

    Of an Enhanced CT the whole file is the object: key objects name frames only through a presentation state.
    """
    shown = [nodule for nodule in report.nodules if nodule.key_plane is not None and nodule.present]
    if not shown:
        return None
    images = on.headers(sorted({nodule.key_plane for nodule in shown if nodule.key_plane is not None}))
    told = "; ".join(f"{one.label}: image {_number(one.key_plane or 0, on)}" for one in shown)
    person = sr.ObserverContext(
        observer_type=public.DCM.Person,
        observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(name=report.observer),
    )
    with judging_ourselves():
        made = KeyObjectSelectionDocument(
            evidence=images,
            content=KeyObjectSelection(
                document_title=codes.OF_INTEREST,
                referenced_objects=images,
                observer_person_context=person,
                description=told,
            ),
            series_instance_uid=uid_of("series", "kos", report.name),
            series_number=SERIES_NUMBER,
            sop_instance_uid=uid_of("kos", report.name),
            instance_number=1,
            **shared_fields(report, "Key images of nodules"),
        )
    return finished(made, report.signed_at)


def _number(plane: int, on: SourceImages) -> str:
    """How the viewer of the archive calls this slice."""
    header = on.header(on.series.slices[plane])
    return str(header.get("InstanceNumber") or plane + 1)
