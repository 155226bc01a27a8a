"""The numbers of a measurement group of a report: what was measured, in which unit, how sure, by whom.

What a public code or one of ours names gets the product's own name; anything else keeps the words of its author. The
numbers are those of the report and are never mixed with ours.

Source
------
DICOM PS3.16 TID 300 (Measurement), TID 310 (uncertainty), TID 4019 (algorithm).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.dataset import Dataset

from nodules_app.dicom import codes
from nodules_app.dicom.errors import printable
from nodules_app.dicom.header import Header

ALGORITHM_NAME, ALGORITHM_VERSION = "111001", "111003"
LONGEST_SOURCE: Final = 200
MOST: Final = 100  # numbers of one group that are read
NAMED: Final[Mapping[tuple[str, str], str]] = {
    (code.scheme_designator, code.value): name for name, code in codes.QUANTITIES.items()
} | {
    ("SRT", "G-D705"): "volume_mm3",  # SNOMED RT codes of older reports (PS3.16 table D-1)
    ("SRT", "G-A185"): "long_axis_mm",
    ("SRT", "G-A186"): "short_axis_mm",
    ("SRT", "M-02550"): "mean_diameter_mm",
}
UNIT_OF: Final[Mapping[str, str]] = {name: codes.UNITS[name.rsplit("_", 1)[-1]].value for name in codes.QUANTITIES}
# Into the product's unit: factor by (unit of the report, unit of ours).
FACTORS: Final[Mapping[tuple[str, str], float]] = {
    ("cm3", "mm3"): 1000.0,
    ("ml", "mm3"): 1000.0,
    ("mL", "mm3"): 1000.0,
    ("cm", "mm"): 10.0,
    ("g", "mg"): 1000.0,
}


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a report.

    Parameters
    ----------
    quantity
        Name that the product uses (``volume_mm3``), or the words of the report.
    unit
        UCUM; of a known quantity the product's own.
    reach
        How far the truth may lie from it, as the report says; None when it does not.
    """

    quantity: str
    is_known: bool
    value: float
    unit: str
    reach: float | None = None


def code_of(item: Dataset, sequence: str = "ConceptNameCodeSequence") -> tuple[str, str, str]:
    """Scheme, value and meaning of a coded name, ``""`` where there is none."""
    names = item.get(sequence)
    if not names:
        return "", "", ""
    first = names[0]
    value = first.get("CodeValue") or first.get("LongCodeValue") or ""
    return str(first.get("CodingSchemeDesignator", "")), str(value), str(first.get("CodeMeaning", ""))


def measures_of(items: Sequence[Dataset]) -> tuple[Measure, ...]:
    """Read the numbers among the items of a group; those that are no finite number are left out."""
    found = (_measure(item) for item in items if item.get("ValueType") == "NUM")
    return tuple(one for one in found if one is not None)[:MOST]


def _measure(item: Dataset) -> Measure | None:
    value, unit = _number(item)
    if value is None:
        return None
    reach = max((abs(end) for end in _uncertainties(item)), default=None)
    scheme, code, meaning = code_of(item)
    name = NAMED.get((scheme, code), "")
    ours = UNIT_OF.get(name, "")
    factor = 1.0 if unit == ours else FACTORS.get((unit, ours))
    if name and factor is not None:
        return Measure(name, True, value * factor, ours, None if reach is None else reach * factor)
    return Measure(printable(meaning)[:40] or code[:40], False, value, unit[:32], reach)


def _number(item: Dataset) -> tuple[float | None, str]:
    measured = item.get("MeasuredValueSequence")
    if not measured:  # a number that could not be taken, with a qualifier instead
        return None, ""
    value = float(measured[0].NumericValue)
    _, unit, _ = code_of(measured[0], "MeasurementUnitsCodeSequence")
    return (value if math.isfinite(value) else None), unit


def _uncertainties(item: Dataset) -> Iterator[float]:
    wanted = {codes.UPPER_UNCERTAINTY.value, codes.LOWER_UNCERTAINTY.value, "R-00364", "R-00363"}
    for child in item.get("ContentSequence") or ():
        if child.get("ValueType") == "NUM" and code_of(child)[1] in wanted:
            value, _ = _number(child)
            if value is not None:
                yield value


def source_of(header: Header, items: Sequence[Dataset] = ()) -> str:
    """Say whose a report is: institution, equipment, and the algorithm of the group where it is named."""
    texts = {code_of(item)[1]: str(item.get("TextValue", "")) for item in items if item.get("ValueType") == "TEXT"}
    algorithm = f"{texts.get(ALGORITHM_NAME, '')} {texts.get(ALGORITHM_VERSION, '')}".strip()
    equipment = (header.text(keyword) for keyword in ("InstitutionName", "Manufacturer", "ManufacturerModelName"))
    named = (*equipment, algorithm)
    said = ", ".join(dict.fromkeys(printable(one) for one in named if one))
    return said[:LONGEST_SOURCE]
