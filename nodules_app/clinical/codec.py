"""JSON in and out, in the shapes of the ``assess`` command (contract ``clinical-cases``).

Numbers are read as decimals, also from JSON numbers; nothing passes through a binary float.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from nodules_app.clinical import errors
from nodules_app.clinical.answers import answer_to_json
from nodules_app.clinical.assess import assess
from nodules_app.clinical.assessment import Assessment
from nodules_app.clinical.case import (
    LUNGRADS_CATEGORIES,
    Airway,
    Attenuation,
    Calcification,
    Case,
    Cyst,
    CystChange,
    Exam,
    ExamKind,
    Incomplete,
    Lobe,
    Location,
    Margin,
    Measurement,
    Nodule,
    Patient,
    PetUptake,
    Race,
    Setting,
    Shape,
    SizeBasis,
    SizeErrors,
    Smoking,
    SmokingStatus,
    Status,
    SuspiciousFeature,
)
from nodules_app.clinical.editions.catalogue import EDITIONS
from nodules_app.clinical.eligibility import RULES as ELIGIBILITY
from nodules_app.clinical.reading import Fields, fields


def _no_constant(name: str) -> Decimal:
    """NaN and Infinity are no JSON."""
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(parse_float=Decimal, parse_int=Decimal, parse_constant=_no_constant)


def parse(text: str) -> Mapping[str, Any]:
    """One JSON object with every number a ``Decimal``.

    Raises
    ------
    errors.NotAnObject
        Not JSON, or JSON of another kind.
    """
    try:
        value = _DECODER.decode(text)
    except (ValueError, ArithmeticError, RecursionError):
        raise errors.NotAnObject from None
    if not isinstance(value, dict):
        raise errors.NotAnObject
    return value


def case_id(document: Mapping[str, Any]) -> str | None:
    """The id if it can be read."""
    value = document.get("id")
    return value if isinstance(value, str) and value else None


def case_from_json(source: str | Mapping[str, Any]) -> Case:
    """Read a case.

    Parameters
    ----------
    source
        A JSON text, or an object already parsed by ``parse``.

    Raises
    ------
    errors.NotUnderstood
        With one sentence; the subclass says which part of the contract was broken.
    """
    document = parse(source) if isinstance(source, str) else source
    case = Fields(document, "case")
    if case_id(document) is None:
        raise errors.FieldMissing(where="case", field="id")
    setting = case.word("setting", Setting) if case.get("setting") != "" else None
    if setting is None:
        raise errors.FieldMissing(where="case", field="setting")
    patient = case.inner("patient", "patient")
    return Case(
        id=case.required_text("id"),
        setting=setting,
        exams=tuple(_exam(item, n) for n, item in enumerate(case.items("exams"), 1)),
        nodules=tuple(_nodule(item, n) for n, item in enumerate(case.items("nodules"), 1)),
        patient=Patient() if patient is None else _patient(patient),
        guidelines=None if case.get("guidelines") is None else _codes(case, "guidelines", EDITIONS),
        eligibility=_codes(case, "eligibility", ELIGIBILITY),
        risk_override=cast("Any", case.one_of("risk_override", ("low", "high"))),
        size_basis=case.word("size_basis", SizeBasis) or SizeBasis.AUTO,
        nodule_count=case.whole("nodule_count", 0, 10**6),
        risk_nodule_id=case.text("risk_nodule_id"),
    )


def _codes(case: Fields, name: str, known: Mapping[str, object]) -> tuple[str, ...]:
    codes = case.items(name)
    for code in codes:
        Fields({name: code}, case.where).one_of(name, tuple(known))
        if code is None:
            raise errors.UnknownWord(where=case.where, field=name, value="null", allowed=", ".join(known))
    return tuple(codes)


def _texts(source: Fields, name: str) -> tuple[str, ...]:
    items = source.items(name)
    if not all(isinstance(item, str) for item in items):
        raise errors.WrongKind(where=source.where, field=name, expected="a list of texts")
    return tuple(items)


def _patient(p: Fields) -> Patient:
    smoking = p.inner("smoking", "patient")
    return Patient(
        birth_date=p.day("birth_date"),
        age=p.number("age"),
        sex=cast("Any", p.one_of("sex", ("female", "male"))),
        smoking=Smoking() if smoking is None else _smoking(smoking),
        family_history_lung_cancer=p.flag("family_history_lung_cancer"),
        family_history_any_cancer=p.flag("family_history_any_cancer"),
        emphysema=p.flag("emphysema"),
        pulmonary_fibrosis=p.flag("pulmonary_fibrosis"),
        copd=p.flag("copd"),
        tuberculosis=p.flag("tuberculosis"),
        exposures=_texts(p, "exposures"),
        known_cancer=p.flag("known_cancer"),
        previous_extrathoracic_cancer_years=p.number("previous_extrathoracic_cancer_years"),
        personal_history_cancer=p.flag("personal_history_cancer"),
        immunosuppressed=p.flag("immunosuppressed"),
        race=p.word("race", Race),
        education=p.whole("education", 1, 6),
        bmi=p.size("bmi"),
    )


def _smoking(s: Fields) -> Smoking:
    return Smoking(
        status=s.word("status", SmokingStatus) or SmokingStatus.UNKNOWN,
        pack_years=s.number("pack_years"),
        quit_years=s.number("quit_years"),
        years_smoked=s.number("years_smoked"),
        cigarettes_per_day=s.number("cigarettes_per_day"),
    )


def _exam(item: object, number: int) -> Exam:
    exam = fields(item, f"exam {number}", "exam")
    return Exam(
        date=exam.required_day("date"),
        kind=exam.word("kind", ExamKind) or ExamKind.BASELINE,
        coverage=cast("Any", exam.one_of("coverage", ("complete", "partial")) or "complete"),
        incomplete=exam.word("incomplete", Incomplete),
        infection_overridden=bool(exam.flag("infection_overridden")),
        significant_other_finding=bool(exam.flag("significant_other_finding")),
    )


def _nodule(item: object, number: int) -> Nodule:
    name = fields(item, f"nodule {number}", "nodule").required_text("id")
    nodule = fields(item, f"nodule {name}", "nodule")
    attenuation = nodule.word("attenuation", Attenuation)
    if attenuation is None:
        raise errors.FieldMissing(where=nodule.where, field="attenuation")
    location, cyst = nodule.inner("location", nodule.where), nodule.inner("cyst", nodule.where)
    return Nodule(
        id=name,
        attenuation=attenuation,
        measurements=tuple(_measurement(m, nodule.where) for m in nodule.items("measurements")),
        lobe=nodule.word("lobe", Lobe),
        status=nodule.word("status", Status),
        location=Location() if location is None else _location(location),
        margin=nodule.word("margin", Margin),
        shape=nodule.word("shape", Shape),
        calcification=nodule.word("calcification", Calcification),
        fat=bool(nodule.flag("fat")),
        bubbly=bool(nodule.flag("bubbly")),
        cyst=None if cyst is None else _cyst(cyst),
        suspicious_features=_features(nodule),
        workup=cast("Any", nodule.one_of("workup", ("benign", "malignant"))),
        previous_category=nodule.one_of("previous_category", LUNGRADS_CATEGORIES),
        previous_category_date=nodule.day("previous_category_date"),
        pet_uptake=nodule.word("pet_uptake", PetUptake),
    )


def _features(nodule: Fields) -> tuple[SuspiciousFeature, ...]:
    name = "suspicious_features"
    words = (Fields({name: item}, nodule.where).word(name, SuspiciousFeature) for item in nodule.items(name))
    return tuple(word for word in words if word is not None)


def _location(location: Fields) -> Location:
    return Location(
        perifissural=bool(location.flag("perifissural")),
        juxtapleural=bool(location.flag("juxtapleural")),
        airway=location.word("airway", Airway),
        airway_secretions=bool(location.flag("airway_secretions")),
    )


def _cyst(cyst: Fields) -> Cyst:
    return Cyst(
        wall=cast("Any", cyst.one_of("wall", ("thin", "thick"))),
        multilocular=bool(cyst.flag("multilocular")),
        change=cyst.word("change", CystChange),
    )


def _measurement(item: object, where: str) -> Measurement:
    m = fields(item, where, "measurement")
    sd = m.inner("sd", where)
    return Measurement(
        date=m.required_day("date"),
        long_axis_mm=m.size("long_axis_mm"),
        short_axis_mm=m.size("short_axis_mm"),
        mean_diameter_mm=m.size("mean_diameter_mm"),
        volume_mm3=m.size("volume_mm3"),
        mass_mg=m.size("mass_mg"),
        solid_long_axis_mm=m.size("solid_long_axis_mm"),
        solid_short_axis_mm=m.size("solid_short_axis_mm"),
        solid_mean_mm=m.size("solid_mean_mm"),
        solid_volume_mm3=m.size("solid_volume_mm3"),
        attenuation=m.word("attenuation", Attenuation),
        method=m.text("method"),
        resolved=bool(m.flag("resolved")),
        sd=None if sd is None else _size_errors(sd),
    )


def _size_errors(sd: Fields) -> SizeErrors:
    rho = sd.number("rho") or Decimal(0)
    if rho > 1:
        raise errors.NumberOutOfRange(where=sd.where, field="rho", value=str(rho), allowed="from 0 to 1")
    return SizeErrors(
        volume_mm3=sd.number("volume_mm3"),
        mean_diameter_mm=sd.number("mean_diameter_mm"),
        long_axis_mm=sd.number("long_axis_mm"),
        solid_mean_mm=sd.number("solid_mean_mm"),
        rho=rho,
    )


Written = Callable[[Assessment], dict[str, Any]]
BOM: Final = b"\xef\xbb\xbf"


def answer_lines(data: bytes, *, as_json: Written = answer_to_json) -> Iterator[bytes]:
    """The answers to a whole file of cases, one line each; empty lines give none."""
    for number, line in enumerate(data.removeprefix(BOM).split(b"\n"), 1):
        if line.strip():
            yield answer_line(line, number, as_json=as_json).encode() + b"\n"


def with_guidelines(data: bytes, guidelines: Sequence[str]) -> bytes:
    """The same file of cases, each asking these guidelines; a line that is no object stays as it is."""
    return b"\n".join(_asking(line, guidelines) for line in data.removeprefix(BOM).split(b"\n"))


def _asking(line: bytes, guidelines: Sequence[str]) -> bytes:
    try:
        document = dict(parse(_text(line)))
    except errors.NotAnObject:
        return line
    document["guidelines"] = list(guidelines)
    # Numbers as texts: the contract reads both alike, and a text keeps every digit.
    return json.dumps(document, ensure_ascii=False, default=lambda number: format(number, "f")).encode(
        "utf-8", "backslashreplace"
    )


def answer_line(source: str | bytes, number: int, *, as_json: Written = answer_to_json) -> str:
    """The answer to one input line as one line of JSON; a case that is not understood gives its error, never a crash.

    Parameters
    ----------
    source
        One line, bytes or text, without its end.
    number
        Counts from 1; named in the error.
    as_json
        ``answer_to_json`` for the contract of the ``assess`` command, ``kept_answer`` for what is stored.
    """
    name: str | None = None
    try:
        document = parse(_text(source))
        name = case_id(document)
        answer = as_json(assess(case_from_json(document)))
    except errors.Refused as refused:
        answer = {"id": name, "error": refused.as_sentence(), "line": number}
    # Half of a surrogate pair cannot be written in UTF-8; it goes out as the JSON escape that it came in as.
    return json.dumps(answer, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()


def _text(source: str | bytes) -> str:
    if isinstance(source, str):
        return source
    try:
        return source.decode()
    except UnicodeDecodeError:
        raise errors.NotAnObject from None
