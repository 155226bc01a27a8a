"""What all our objects say alike of the equipment that made them, and what makes them the same when made again."""

from __future__ import annotations

import io
import logging
from datetime import datetime
from typing import Any, Final

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import PYDICOM_IMPLEMENTATION_UID
from pydicom.valuerep import DA, DT, TM

from nodules_app.dicom import codes
from nodules_app.dicom.signed_report import MANUFACTURER, MODEL, SignedReport

logging.getLogger("highdicom").setLevel(logging.WARNING)  # it tells of each attribute it copies, with UIDs
VERSION_NAME: Final = "NODULE_CLINIC"


def shared_fields(report: SignedReport, description: str) -> dict[str, Any]:
    """Name the equipment and the moment for a constructor of highdicom."""
    at = report.made_at
    return {
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MODEL,
        "software_versions": report.software_version,
        "device_serial_number": report.software_version,
        "institution_name": report.organisation[:64],
        "series_description": description,
        "content_date": at.date(),
        "content_time": at.time(),
        "series_date": at.date(),
        "series_time": at.time(),
    }


def own_scheme() -> CodingSchemeIdentificationItem:
    """Say whose terms ``99NODULECLINIC`` are (PS3.3 C.12.1)."""
    return CodingSchemeIdentificationItem(
        designator=codes.SCHEME,
        name=codes.SCHEME_NAME,
        version=codes.SCHEME_VERSION,
        responsible_organization=MANUFACTURER,
    )


def finished(made: Dataset, at: datetime) -> Dataset:
    """Take the clock of the machine out of an object: its moments are those of what it tells.

    Contributions of the library that wrote it are left out with their moments; the equipment module names the product.
    """
    made.InstanceCreationDate, made.InstanceCreationTime = DA(at.date()), TM(at.time())
    if "ContributingEquipmentSequence" in made:
        del made.ContributingEquipmentSequence
    for observer in made.get("VerifyingObserverSequence") or ():
        observer.VerificationDateTime = DT(at)
    made.TimezoneOffsetFromUTC = "+0000"
    made.file_meta.ImplementationClassUID = PYDICOM_IMPLEMENTATION_UID
    made.file_meta.ImplementationVersionName = VERSION_NAME
    return made


def as_file(made: Dataset) -> bytes:
    """Give an object as the bytes of a DICOM file (PS3.10)."""
    written = io.BytesIO()
    dcmwrite(written, made, enforce_file_format=True)
    return written.getvalue()
