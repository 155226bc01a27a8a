"""Every kind of line that is not understood, and lines that must be."""

# ruff: noqa: E501 - one case of a table is one line

from __future__ import annotations

import json
from typing import Any

import pytest

from nodules_app.clinical import errors
from nodules_app.clinical.assess import assess
from nodules_app.clinical.codec import answer_line, case_from_json
from tests.unit.clinical.cases import case, measured, nodule


def line(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    document: dict[str, Any] = {
        "id": "x",
        "setting": "incidental",
        "exams": [{"date": "2024-02-29"}],
        "nodules": [
            {
                "id": "n1",
                "attenuation": "solid",
                "measurements": [{"date": "2024-02-29", "long_axis_mm": "6.5", "short_axis_mm": 5}],
            }
        ],
    }
    return document | changes


def with_nodule(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    document = line()
    document["nodules"][0] |= changes
    return document


def with_measurement(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    document = line()
    document["nodules"][0]["measurements"][0] |= changes
    return document


def with_exam(**changes: Any) -> dict[str, Any]:  # noqa: ANN401
    return line(exams=[{"date": "2024-02-29"} | changes])


NOT_UNDERSTOOD = [
    (line(id=None), errors.FieldMissing), (line(id=""), errors.FieldMissing), (line(id=5), errors.FieldMissing),
    (line(setting=None), errors.FieldMissing), (line(setting=""), errors.FieldMissing), (line(setting="other"), errors.UnknownWord),
    (line(exams=[]), errors.FieldMissing), (line(exams=None), errors.FieldMissing), (line(exams="2024"), errors.WrongKind),
    (line(exams=["2024-02-29"]), errors.WrongKind), (line(nodules={}), errors.WrongKind), (line(nodules=[3]), errors.WrongKind),
    (line(patient=[]), errors.WrongKind), (line(guidelines=["FLEISCHNER2005"]), errors.UnknownWord),
    (line(guidelines=[None]), errors.UnknownWord), (line(guidelines=[["BTS2015"]]), errors.UnknownWord),
    (line(eligibility=["USPSTF"]), errors.UnknownWord), (line(risk_override="medium"), errors.UnknownWord),
    (line(size_basis="area"), errors.UnknownWord), (line(nodule_count="2.5"), errors.NumberOutOfRange), (line(risk_nodule_id=1), errors.WrongKind),
    (with_exam(date="2023-02-29"), errors.NotADate), (with_exam(date="29.2.2024"), errors.NotADate), (with_exam(date=20240229), errors.NotADate),
    (with_exam(date="0001-01-01"), errors.NotADate), (with_exam(date=None), errors.FieldMissing), (with_exam(kind="first"), errors.UnknownWord),
    (with_exam(coverage="half"), errors.UnknownWord), (with_exam(incomplete="yes"), errors.UnknownWord),
    (with_exam(infection_overridden="yes"), errors.UnknownWord),
    (with_nodule(id=None), errors.FieldMissing), (with_nodule(attenuation=None), errors.FieldMissing),
    (with_nodule(attenuation="mixed"), errors.UnknownWord), (with_nodule(attenuation=1), errors.UnknownWord),
    (with_nodule(lobe="left"), errors.UnknownWord), (with_nodule(previous_category="5"), errors.UnknownWord),
    (with_nodule(location={"airway": "trachea"}), errors.UnknownWord), (with_nodule(cyst={"wall": "big"}), errors.UnknownWord),
    (with_nodule(suspicious_features=["ugly"]), errors.UnknownWord), (with_nodule(workup="done"), errors.UnknownWord),
    (with_measurement(long_axis_mm="6,5"), errors.NotANumber), (with_measurement(long_axis_mm="1e1"), errors.NotANumber),
    (with_measurement(long_axis_mm="+6"), errors.NotANumber), (with_measurement(long_axis_mm=True), errors.NotANumber),
    (with_measurement(long_axis_mm=" 6"), errors.NotANumber), (with_measurement(long_axis_mm="\u0666"), errors.NotANumber),
    (with_measurement(long_axis_mm=[6]), errors.NotANumber), (with_measurement(long_axis_mm=-3), errors.NumberOutOfRange),
    (with_measurement(long_axis_mm="-3"), errors.NumberOutOfRange), (with_measurement(long_axis_mm=0), errors.NumberOutOfRange),
    (with_measurement(volume_mm3="0"), errors.NumberOutOfRange), (with_measurement(long_axis_mm="9" * 20), errors.NumberOutOfRange),
    (with_measurement(short_axis_mm=7), errors.ShortAxisLonger),
    (with_measurement(solid_long_axis_mm=5, solid_short_axis_mm=6), errors.ShortAxisLonger),
    (with_measurement(solid_long_axis_mm=7), errors.SolidPartLarger), (with_measurement(date="2024-02-28"), errors.NoSuchExam),
    (with_measurement(method=3), errors.WrongKind), (with_measurement(sd={"rho": 2}), errors.NumberOutOfRange),
    (line(nodules=2 * line()["nodules"]), errors.SameNoduleTwice),
    (line(patient={"birth_date": "2024-03-01"}), errors.BornAfterExam), (line(patient={"sex": "m"}), errors.UnknownWord),
    (line(patient={"education": 7}), errors.NumberOutOfRange), (line(patient={"smoking": {"status": "ex"}}), errors.UnknownWord),
    (line(patient={"smoking": {"pack_years": "many"}}), errors.NotANumber), (line(patient={"exposures": [1]}), errors.WrongKind),
    (line(patient={"age": "sixty"}), errors.NotANumber), (line(patient={"emphysema": 1}), errors.UnknownWord),
]  # fmt: skip


@pytest.mark.parametrize(("document", "refusal"), NOT_UNDERSTOOD)
def test_a_case_that_is_not_understood(document: dict[str, Any], refusal: type[errors.NotUnderstood]) -> None:
    text = json.dumps(document)
    with pytest.raises(refusal) as caught:
        case_from_json(text)
    assert caught.value.as_remedy()
    answer = json.loads(answer_line(text, 7))
    known = isinstance(document["id"], str) and bool(document["id"])
    assert answer == {"id": "x" if known else None, "error": caught.value.as_sentence(), "line": 7}
    assert answer["error"].endswith(".")


@pytest.mark.parametrize(
    "text",
    ['{"id": ', "[]", "5", "null", '"x"', '{"id": "x", "a": NaN}', '{"id": "x", "a": Infinity}', "[" * 100_000, b"\xff\xfe", '{"id": "x"} trailing'],
)  # fmt: skip
def test_a_line_that_is_no_object(text: str | bytes) -> None:
    answer = json.loads(answer_line(text, 3))
    assert answer == {"id": None, "error": "The line is not a JSON object.", "line": 3}


@pytest.mark.parametrize("where", ["id", "lobe"])
def test_text_that_utf8_cannot_hold_goes_out_as_it_came_in(where: str) -> None:
    document = line(id="\ud800") if where == "id" else with_nodule(lobe="\ud800")
    written = answer_line(json.dumps(document), 1)
    assert "\\ud800" in written
    assert written.encode()
    assert json.loads(written)["id"] == document["id"]


def test_null_counts_as_absent_and_unknown_fields_are_ignored() -> None:
    plain = answer_line(json.dumps(line()), 1)
    more = with_measurement(volume_mm3=None, sd=None, colour="grey")
    more |= {"patient": None, "guidelines": None, "risk_override": None, "weather": "fine"}
    more["nodules"][0] |= {
        "cyst": None,
        "location": None,
        "status": None,
        "measurements": more["nodules"][0]["measurements"],
    }
    assert answer_line(json.dumps(more), 1) == plain


def test_numbers_and_decimal_strings_say_the_same() -> None:
    as_text, as_number = (answer_line(json.dumps(with_measurement(long_axis_mm=v)), 1) for v in ("6.5", 6.5))
    assert as_text == as_number


def test_a_nodule_without_entries_is_named_as_missing() -> None:
    answer = json.loads(answer_line(json.dumps(with_nodule(measurements=None)), 1))
    assert [result["missing"] for result in answer["results"]] == [
        ["patient.age", "nodules.n1.current"],
        ["nodules.n1.current"],
    ]


def test_a_case_built_in_python_is_checked_too() -> None:
    with pytest.raises(errors.SameNoduleTwice):
        case(nodule(measured(5)), nodule(measured(6)))
    with pytest.raises(errors.UnknownWord):
        assess(case(guidelines=("NOBODY",)))
    with pytest.raises(errors.UnknownWord):
        assess(case(eligibility=("NOBODY",)))
