"""Calendar days from headers. A day that does not exist is said, never repaired."""

from __future__ import annotations

import re
from datetime import date

from nodules_app.dicom import notices
from nodules_app.dicom.errors import printable
from nodules_app.dicom.header import Header
from nodules_app.dicom.notices import Notice

# The day of the scan, best source first. Content and arrival dates are not days of the scan.
SOURCES = (
    ("AcquisitionDate", "acquisition date"),
    ("AcquisitionDateTime", "acquisition date"),
    ("SeriesDate", "series date"),
    ("StudyDate", "study date"),
)
DAY = re.compile(r"(\d{4})[.-]?(\d{2})[.-]?(\d{2})")  # with dots: ACR-NEMA


def date_or_none(text: str) -> date | None:
    """Read YYYYMMDD (or YYYY.MM.DD), None where it is empty or no day."""
    if not (match := DAY.match(text.strip())):
        return None
    try:
        return date(*(int(part) for part in match.groups()))
    except ValueError:
        return None


def read_acquisition_date(header: Header, today: date | None, said: list[Notice]) -> date | None:
    """Give the day of the scan from the best element that is filled in, or say why there is none."""
    for keyword, tag in SOURCES:
        if not (text := header.text(keyword)):
            continue
        day = date_or_none(text)
        if day is None:
            said.append(notices.DateDoesNotExist(tag=tag, value=_as_written(text)))
        elif today is not None and day > today:
            said.append(notices.DateInFuture(tag=tag, value=day.isoformat()))
            return None
        return day
    said.append(notices.DateMissing())
    return None


def _as_written(text: str) -> str:
    """Put dashes between year, month and day so that a person sees what is wrong with them."""
    match = DAY.match(text)
    return "-".join(match.groups()) if match else printable(text)
