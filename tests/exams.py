"""Exams whose files lie in the archive and whose voxels are kept, with real nodules in them: for tests end to end."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from django.conf import settings

from nodules_app.dicom.archive import Archive
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.write_ct import CtHeader, write_ct
from nodules_app.models import Instance, Patient, Scan, Series, Study
from tests import factories

LpsMm = tuple[float, float, float]


def archived_exam(
    of: Patient, balls: Sequence[tuple[LpsMm, float]], on: date = factories.CURRENT_ON, *, seed: int = 0
) -> Scan:
    """Write an exam with solid balls (place, diameter in mm) into archive and cache, and its rows."""
    scan = factories.scan(of, on)
    volume = factories.keep_volume(scan, balls, seed=seed)
    header = CtHeader(
        uid_seed=str(scan.code),
        patient_name=of.name,
        patient_id=of.identifier,
        accession=f"ACC{scan.pk}",
        acquired_on=on,
        kernel="FC51",
        slice_thickness_mm=2.0,
        birth_date=of.birth_date,
        sex="M",
        issuer=of.issuer,
    )
    with tempfile.TemporaryDirectory() as folder:
        write_ct(volume, Path(folder) / "ct", header)
        with read_examination(Path(folder)) as examination:
            (found,) = examination.series
            archive = Archive(settings.ARCHIVE_DIR)
            digests = [archive.put(plane.path) for plane in found.slices]
    Study.objects.filter(pk=scan.study_id).update(study_uid=found.study_uid, accession=found.accession)
    Series.objects.filter(pk=scan.series_id).update(
        series_uid=found.series_uid, frame_of_reference_uid=found.frame_of_reference_uid
    )
    Instance.objects.bulk_create(
        Instance(series_id=scan.series_id, sop_instance_uid=plane.sop_instance_uid, sha256=digest, index_z=index)
        for index, (plane, digest) in enumerate(zip(found.slices, digests, strict=True))
    )
    return Scan.objects.select_related("study__patient__clinic", "series").get(pk=scan.pk)
