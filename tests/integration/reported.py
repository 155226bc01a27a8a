"""From an exam to a signed report, as tests of reports begin."""

from __future__ import annotations

from typing import Final

import pytest
from django.db import IntegrityError, connection, transaction

from nodules_app.models import ClinicalDocument, DocumentKind, Patient, SignedVersion, User
from nodules_app.selectors.reading_content import content_of, sha256_of
from nodules_app.services import readings, reports

REPORT: Final = DocumentKind.REPORT


def read_and_sign(of: Patient, by: User) -> None:
    scan = readings.latest_scan(of)
    assert scan is not None
    if readings.open_reading(of) is None:
        readings.exam_came(scan)
    begun = readings.begin(patient=of, by=by)
    readings.sign(reading=begun, shown_sha256=sha256_of(content_of(of, scan)), by=by)


def write(of: Patient, by: User, kind: DocumentKind = REPORT, language: str = "en") -> ClinicalDocument:
    return reports.write(patient=of, kind=kind, language=language, by=by)


def sign(document: ClinicalDocument, by: User) -> SignedVersion:
    document.refresh_from_db()
    return reports.sign(document=document, shown_version=document.version, by=by)


def refused_by_the_database(sql: str, *values: int) -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)
