"""The pictures of a report: each nodule on the prior and the current exam, at the place that was signed.

They are drawn when the draft is written, so that whoever signs has seen what the paper will carry.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.utils import translation
from django.utils.translation import gettext

from nodules_app.dicom.volumes import VolumeUnreadable, open_volume
from nodules_app.exchange import reports_words as words
from nodules_app.exchange.pictures import crop_around, printed_png
from nodules_app.lifecycles import NoduleState
from nodules_app.models import ClinicalDocument, DocumentPicture, PictureSide, Reading, Scan
from nodules_app.selectors.signed_findings import finding_told, findings_then, measurement_then
from nodules_app.services.cache import volume_folder
from registration.volume import Volume

CROP_MM: Final = 50.0
Json = dict[str, Any]


def keep_pictures(document: ClinicalDocument) -> None:
    """Draw and keep the pictures of a report that was just written: nodule by nodule, prior before current."""
    content: Json = document.reading.content or {}
    with translation.override(document.language):
        sides = list(_sides(document.reading, content))
        shown = (told for told in content["nodules"] if told["state"] != NoduleState.NOT_A_NODULE)
        pictures = [side.picture(told) for told in shown for side in sides]
    for number, picture in enumerate(pictures, start=1):
        picture.document, picture.number = document, number
    DocumentPicture.objects.bulk_create(pictures)


def _sides(reading: Reading, content: Json) -> Iterator[_Side]:
    prior = Scan.objects.select_related("study", "series").filter(code=content["prior_scan"]).first()
    if prior is not None:
        yield _Side(PictureSide.PRIOR, prior, reading)
    yield _Side(PictureSide.CURRENT, reading.scan, reading)


class _Side:
    """One exam of the pair, with what stood of it when the reading was signed."""

    def __init__(self, which: PictureSide, scan: Scan, reading: Reading) -> None:
        if reading.signed_at is None:
            raise ValueError(f"{reading} was not signed")
        self.which, self.scan, self.at = which, scan, reading.signed_at
        self.findings = findings_then(scan, self.at)
        self.volume = _kept_volume(scan)

    def picture(self, nodule: Json) -> DocumentPicture:
        """Draw a nodule here, or say why there is no picture."""
        told: Json | None = nodule[self.which]
        png = None
        if told is None:
            said = gettext("not looked for here")
        elif self.volume is None:
            said = gettext("the images were not at hand when this was written")
        else:
            png, said = self._drawn(told, self.volume), _size(told)
        exam = f"{self.which.label}, {words.day(self.scan.study.acquired_on)}"
        return DocumentPicture(side=self.which, words=f"{nodule['label']} · {exam}\n{said}", png=png)

    def _drawn(self, told: Json, volume: Volume) -> bytes:
        row = measurement_then(finding_told(told, self.findings), self.at)
        measured = row if row is not None and row.refusal is None and told["present"] else None
        index = measured.axial_index if measured else None
        crop = crop_around(volume, tuple(told["lps_mm"]), side_mm=CROP_MM, slice_index=index)
        return printed_png(volume, crop, measured.outline_px if measured else ())


def _kept_volume(scan: Scan) -> Volume | None:
    try:
        return open_volume(volume_folder(scan.series))
    except VolumeUnreadable:
        return None


def _size(told: Json) -> str:
    if not told["present"]:
        return gettext("not seen here")
    volume_mm3 = told.get("volume_mm3")
    return gettext("not measured") if volume_mm3 is None else f"{words.volume(volume_mm3)} mm³"
