"""A case or a cohort without the persons, as one zip: images, objects of what was signed, tables, versions.

What is exported follows from the project's name and the installation's secret key alone: the same person has the same
pseudonym, UIDs and shift of days in every export of one project, and others in another project. No table of pairs is
kept anywhere. Before the zip is handed out every file in it is searched for what identified the originals.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from inference.repeatability import METHOD_VERSION
from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.ruleset import ruleset_hash
from nodules_app.dicom import deidentify
from nodules_app.dicom.deidentify import METHODS, Nobody, Pseudonyms
from nodules_app.dicom.deidentify_errors import MayShowThePerson
from nodules_app.dicom.examination import read_files
from nodules_app.dicom.finishing import as_file
from nodules_app.dicom.report_sr import report_sr
from nodules_app.dicom.segmentation import segmentation
from nodules_app.dicom.signed_report import SignedReport
from nodules_app.dicom.source_images import SourceImages
from nodules_app.exchange.spreadsheets import as_csv
from nodules_app.models import Patient, Scan, Sex, User
from nodules_app.selectors.deidentified import HEADS, Case, NumberedScan, Row, numbered_scans, signed_reading, tables
from nodules_app.services.archived import archived_series, volume_of
from nodules_app.services.audit import record
from nodules_app.services.objects_report import Source, report_of
from registration.errors import Refused, gettext_noop

PROJECT: Final = re.compile(r"[a-z0-9][a-z0-9-]{1,38}[a-z0-9]")
SEXES: Final[Mapping[str, str]] = {Sex.FEMALE: "F", Sex.MALE: "M"}
NOBODY: Final = "Reader"
NO_TIME: Final = (1980, 1, 1, 0, 0, 0)  # the moment of packing is nobody's business
ABOUT: Final = """De-identified export.

images   one folder a patient and exam; DICOM CT written anew, PS3.15 Annex E (see manifest.json)
objects  outlines (SEG) and measurements (SR) of what a reader signed, on these images
tables   exams, nodules, measurements, growth, assessments; UTF-8 CSV, one row a fact, standard deviations beside sizes

Days are moved by one number of days for each patient: intervals are exact, calendar days mean nothing. UIDs, patient
names and tracking numbers are replacements that agree within the project. Ages above 90 are given as 90.
Not for clinical use. To find out who somebody is, is forbidden.
"""


class NoSuchProject(Refused):
    """The name of the project is a file name and a key."""

    code = "no_such_project"
    sentence = gettext_noop("A project is named by 3 to 40 small letters, digits and hyphens.")
    remedy = gettext_noop("Choose such a name; the same name gives the same pseudonyms again.")


class NobodyToExport(Refused):
    """An empty cohort."""

    code = "nobody_to_export"
    sentence = gettext_noop("No patient was chosen, or nothing of them was signed.")
    remedy = gettext_noop("Choose other patients, or another period.")


class StillIdentifying(Refused):
    """Something of the original is left."""

    code = "still_identifying"
    sentence = gettext_noop("A file of the export still carried something of the original; nothing was handed out.")
    remedy = gettext_noop("Tell the operator which exam it was: the export has to be mended first.")


@dataclass(slots=True)
class Exported:
    """What went into a zip, and what did not."""

    patients: int = 0
    images: int = 0
    objects: int = 0
    left_out: list[dict[str, Any]] = field(default_factory=list)  # {"patient", "exam", "because"}: pseudonyms only


def pseudonyms_of(project: str) -> Pseudonyms:
    """The replacements of a project. Raises ``NoSuchProject``."""
    if not PROJECT.fullmatch(project):
        raise NoSuchProject
    return Pseudonyms(hmac.digest(settings.SECRET_KEY.encode(), f"deidentified:{project}".encode(), "sha256"))


def export(
    *, patients: Sequence[Patient], project: str, out: Path, by: User | None, with_images: bool = True
) -> Exported:
    """Write patients without their persons into a zip; the file appears when it is complete and was searched.

    Parameters
    ----------
    by
        Who asked; None for the operator's command.

    Raises
    ------
    NoSuchProject, NobodyToExport, StillIdentifying
    """
    names = pseudonyms_of(project)
    if not patients:
        raise NobodyToExport
    with tempfile.TemporaryDirectory(dir=_scratch()) as folder:
        work = _Work(Path(folder) / "export", names, with_images=with_images)
        for patient in patients:
            work.add(patient)
        work.finish(project)
        packed = Path(folder) / "export.zip"
        _pack(work.root, packed)
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(packed, out)
    for patient in patients:
        record("patient.exported", patient, by=by, project=project, with_images=with_images)
    record("export.made", None, by=by, project=project, patients=len(patients), left_out=len(work.done.left_out))
    return work.done


def _scratch() -> Path:
    """A folder on the disk that has room for exams."""
    folder = Path(settings.CACHE_DIR) / "export"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class _Work:
    """The folder that becomes the zip."""

    def __init__(self, root: Path, names: Pseudonyms, *, with_images: bool) -> None:
        self.root, self.names, self.with_images = root, names, with_images
        self.done = Exported()
        self.rows: dict[str, list[Row]] = {name: [] for name in HEADS}
        self.forbidden: set[str] = set()
        root.mkdir()

    def add(self, patient: Patient) -> None:
        case = Case(patient, self._nobody(patient))
        self.forbidden |= {value for value in (patient.name, patient.identifier) if len(value) >= 4}
        written = {one.scan.code for one in numbered_scans(patient) if self.with_images and self._exam(one, case)}
        for name, rows in tables(case, self.names, lambda scan: scan.code in written).items():
            self.rows[name] += rows
        self.done.patients += 1

    def _nobody(self, patient: Patient) -> Nobody:
        code = str(patient.code)
        return Nobody(self.names.person(code), self.names.shift(code), SEXES.get(patient.sex, ""), patient.birth_date)

    def _exam(self, one: NumberedScan, case: Case) -> bool:
        """Write images and objects of one exam; False where they may not leave."""
        place = f"{case.whose.pseudonym}/exam-{one.number}"
        try:
            series = archived_series(one.scan.series)
            on = SourceImages(series)
            volume = volume_of(one.scan.series)
            self.forbidden |= deidentify.identifying_values(on.headers(range(len(series.slices))))
            files = deidentify.write_without_the_person(
                on, volume, self.root / "images" / place, case.whose, self.names
            )
        except Refused as refusal:
            because = refusal.code if isinstance(refusal, MayShowThePerson) else "not_readable"
            self.done.left_out.append({"patient": case.whose.pseudonym, "exam": one.number, "because": because})
            return False
        self.done.images += len(files)
        self._objects(one.scan, Source(one.scan, series, volume), files, case.whose, self.root / "objects" / place)
        return True

    def _objects(self, scan: Scan, source: Source, files: Sequence[Path], whose: Nobody, folder: Path) -> None:
        reading = signed_reading(scan)
        if reading is None:
            return
        with read_files(files) as examination:
            on = SourceImages(examination.series[0])
            report = _without_the_person(report_of(reading, source), whose, self.names)
            if not report.nodules:
                return
            segments = segmentation(report, on)
            made = {"seg": segments, "sr": report_sr(report, on, segments)}
            folder.mkdir(parents=True, exist_ok=True)
            for kind, dataset in made.items():
                if dataset is not None:
                    deidentify.mark_as_deidentified(dataset)
                    (folder / f"{kind}.dcm").write_bytes(as_file(dataset))
                    self.done.objects += 1

    def finish(self, project: str) -> None:
        """Write tables and manifest, and search all of it."""
        folder = self.root / "tables"
        folder.mkdir()
        for name, rows in self.rows.items():
            (folder / f"{name}.csv").write_bytes(as_csv(HEADS[name], rows))
        (self.root / "README.txt").write_text(ABOUT, "utf-8")
        files = sorted(path for path in self.root.rglob("*") if path.is_file())
        _search(files, self.forbidden)
        manifest = _manifest(project, self.done, {path.relative_to(self.root).as_posix(): path for path in files})
        (self.root / "manifest.json").write_text(json.dumps(manifest, indent=1), "utf-8")


def _without_the_person(report: SignedReport, whose: Nobody, names: Pseudonyms) -> SignedReport:
    """Give a signed report with nobody's name, moved days and without words that a person typed."""
    day = whose.day(report.signed_at.date())
    moved = datetime.combine(day, time()) if day else datetime.combine(report.signed_at, time())
    return replace(
        report,
        name=str(names.uid(report.name)),
        revision=0,
        observer=NOBODY,
        organisation="De-identified",
        signed_at=moved,
        made_at=moved,
        exam_on=whose.day(report.exam_on),
        prior_on=whose.day(report.prior_on),
        recommended="",
        recommended_on=whose.day(report.recommended_on),
        addenda=(),
        nodules=tuple(
            replace(
                nodule,
                tracking_uid=str(names.uid(nodule.tracking_uid)),
                drawn_by=NOBODY if nodule.drawn_by else "",
            )
            for nodule in report.nodules
        ),
    )


def _search(files: Iterable[Path], forbidden: Iterable[str]) -> None:
    """Look for identifying values in every file. Raises ``StillIdentifying``."""
    wanted = {value.encode(encoding) for value in forbidden for encoding in ("utf-8", "utf-16-le")}
    for path in files:
        data = path.read_bytes()
        head = data[: data.rfind(b"\xe0\x7f\x10\x00") + 1] or data  # voxels are no text, and are most of the bytes
        if any(value in head for value in wanted):
            raise StillIdentifying


def _manifest(project: str, done: Exported, files: Mapping[str, Path]) -> dict[str, Any]:
    return {
        "format": 1,
        "project": project,
        "profile": [{"code": code.value, "scheme": "DCM", "meaning": code.meaning} for code in METHODS],
        "days": "moved by one whole number of days for each patient",
        "versions": {
            "measurement": METHOD_VERSION,
            "rules": RULESET_VERSION,
            "rules_sha256": ruleset_hash(),
        },
        "patients": done.patients,
        "images": done.images,
        "objects": done.objects,
        "left_out": done.left_out,
        "sha256": {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in files.items()},
    }


def _pack(root: Path, out: Path) -> None:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed:
        for path in sorted(root.rglob("*")):
            if path.is_file():
                info = zipfile.ZipInfo(path.relative_to(root).as_posix(), NO_TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                packed.writestr(info, path.read_bytes())
