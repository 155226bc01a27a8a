"""Which earlier exams of a patient are worth bringing here: chest CTs, the newest first and the oldest as baseline.

What a PACS says of an exam is all there is to choose by, and much of it is left empty or written by hand, in English or
in Chinese. An exam that says nothing of its body part is taken when it is thin enough to be measured on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from nodules_app.dicom.network_found import FoundSeries, FoundStudy

CHEST: Final = re.compile(r"chest|thora|lung|pulmon|\bctpa\b|\bldct\b|胸|肺", re.IGNORECASE)
# Only where no word of the chest stands beside: "chest and abdomen" is one of ours.
ELSEWHERE: Final = re.compile(
    r"head|brain|skull|neck|spine|abdom|pelvi|liver|kidney|knee|hip\b|foot|ankle|hand|wrist|sinus|dental|colon"
    r"|heart|cardi|coron|calcium"
    r"|头|颅|脑|颈|脊|椎|腹|盆|肝|肾|膝|髋|足|踝|手|腕|鼻|牙|结肠|心脏|冠脉|冠状动脉",
    re.IGNORECASE,
)
THIN_MM: Final = 3.0  # thicker slices carry no volumetry (docs/guidelines.md)
MANY_IMAGES: Final = (
    80  # of one series: a chest of 300 mm in slices of some 3 mm and thinner, where no thickness is told
)


class WhyNot(StrEnum):
    """Why an exam that a PACS holds is not brought."""

    HERE_ALREADY = "here_already"
    OTHER_PATIENT = "other_patient"  # number, issuer or day of birth differ
    NOT_EARLIER = "not_earlier"  # or without a day
    NO_CT = "no_ct"
    NOT_THE_CHEST = "not_the_chest"
    TOO_THICK = "too_thick"  # says nothing of its body part, and is not thin
    ENOUGH_OTHERS = "enough_others"


@dataclass(frozen=True, slots=True)
class Sought:
    """Whose earlier exams, before which day, and how many.

    Parameters
    ----------
    here
        Study UIDs that are stored here; they count among the ``most``.
    """

    patient_id: str
    issuer: str
    birth_date: date | None
    before: date
    most: int
    here: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Choice:
    """What to bring, in the order in which to ask for it, and why not the others."""

    chosen: tuple[FoundStudy, ...]
    left_out: tuple[tuple[FoundStudy, WhyNot], ...]


def worth_looking_into(found: Sequence[FoundStudy], sought: Sought) -> tuple[FoundStudy, ...]:
    """Those of which the series are worth asking for: right patient, earlier, CT or unsaid."""
    return tuple(study for study in found if _why_not_at_all(study, sought) is None)


def choose(found: Sequence[FoundStudy], sought: Sought) -> Choice:
    """Choose the exams to bring.

    Parameters
    ----------
    found
        With their series, where the PACS told them.
    """
    left_out: list[tuple[FoundStudy, WhyNot]] = []
    fit: list[FoundStudy] = []
    for study in {study.study_uid: study for study in found}.values():
        why = _why_not_at_all(study, sought) or _why_not_its_images(study)
        if why is None:
            fit.append(study)
        else:
            left_out.append((study, why))
    newest_first = sorted(fit, key=lambda study: (study.acquired_on or date.min, study.study_uid), reverse=True)
    wanted = _newest_and_baseline(newest_first, sought.most)
    left_out += [(study, WhyNot.ENOUGH_OTHERS) for study in newest_first if study not in wanted]
    left_out += [(study, WhyNot.HERE_ALREADY) for study in wanted if study.study_uid in sought.here]
    return Choice(tuple(study for study in wanted if study.study_uid not in sought.here), tuple(left_out))


def is_chest(study: FoundStudy) -> bool | None:
    """Whether an exam shows the chest by what is written of it; None where nothing is written."""
    written = [study.description]
    for series in study.series:
        written += [series.description, series.body_part]
    if any(CHEST.search(text) for text in written):
        return True
    return False if any(ELSEWHERE.search(text) for text in written) else None


def _newest_and_baseline(newest_first: Sequence[FoundStudy], most: int) -> tuple[FoundStudy, ...]:
    if len(newest_first) <= most or most < 2:
        return tuple(newest_first[:most])
    return (*newest_first[: most - 1], newest_first[-1])


def _why_not_at_all(study: FoundStudy, sought: Sought) -> WhyNot | None:
    if not _same_patient(study, sought):
        return WhyNot.OTHER_PATIENT
    if study.acquired_on is None or study.acquired_on >= sought.before:
        return WhyNot.NOT_EARLIER
    if study.modalities and "CT" not in study.modalities:
        return WhyNot.NO_CT
    return None


def _same_patient(study: FoundStudy, sought: Sought) -> bool:
    if study.patient_id != sought.patient_id:
        return False
    if study.issuer and sought.issuer and study.issuer != sought.issuer:
        return False
    return study.birth_date is None or sought.birth_date is None or study.birth_date == sought.birth_date


def _why_not_its_images(study: FoundStudy) -> WhyNot | None:
    cts = [series for series in study.series if series.modality == "CT"]
    if not cts and (study.series or "CT" not in study.modalities):
        return WhyNot.NO_CT
    chest = is_chest(study)
    if chest is None:
        return None if any(_is_thin(series) for series in cts) else WhyNot.TOO_THICK
    return None if chest else WhyNot.NOT_THE_CHEST


def _is_thin(series: FoundSeries) -> bool:
    if series.slice_thickness_mm is not None:
        return 0 < series.slice_thickness_mm <= THIN_MM
    return (series.instances or 0) >= MANY_IMAGES
