"""The codes that our DICOM objects speak in: those of the standard, and our own where the standard has none.

A receiver that knows only DICOM, SNOMED CT and UCUM reads sizes, places and changes; what no public system has a code
for (a doubling time, the category of a guideline) carries our scheme, which every object names and ``docs/dicom.md``
lists. A site that may not use SNOMED CT changes this file alone.

Source
------
DICOM PS3.16 (TID 1500, CID 6102, 7469, 7464), SNOMED CT codes as listed there, UCUM.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydicom.sr.coding import Code

SCHEME: Final = "99NODULECLINIC"
SCHEME_NAME: Final = "Nodule Clinic: terms of nodule follow-up without a public code"
SCHEME_VERSION: Final = "1"


def own(value: str, meaning: str) -> Code:
    """Give a term of our own scheme."""
    return Code(value, SCHEME, meaning)


NODULE: Final = Code("27925004", "SCT", "Nodule")
ABNORMAL_STRUCTURE: Final = Code("49755003", "SCT", "Morphologically Altered Structure")
LUNG: Final = Code("39607008", "SCT", "Lung")
RIGHT: Final = Code("24028007", "SCT", "Right")
LEFT: Final = Code("7771000", "SCT", "Left")
UPPER_LOBE: Final = Code("45653009", "SCT", "Upper lobe of lung")
MIDDLE_LOBE: Final = Code("72481006", "SCT", "Middle lobe of right lung")
LOWER_LOBE: Final = Code("90572001", "SCT", "Lower lobe of lung")
# Where a nodule lies, by the lobe as readers name it.
SITES: Final[Mapping[str, tuple[Code, Code]]] = MappingProxyType(
    {
        "RUL": (UPPER_LOBE, RIGHT),
        "RML": (MIDDLE_LOBE, RIGHT),
        "RLL": (LOWER_LOBE, RIGHT),
        "LUL": (UPPER_LOBE, LEFT),
        "lingula": (UPPER_LOBE, LEFT),  # a part of it
        "LLL": (LOWER_LOBE, LEFT),
    }
)
EDGE_DETECTION: Final = Code("123103", "DCM", "Edge Detection")
SOLID_PART: Final = own("solid_part", "Solid part of a nodule")

MM: Final = Code("mm", "UCUM", "mm")
MM3: Final = Code("mm3", "UCUM", "cubic millimeter")
HU: Final = Code("[hnsf'U]", "UCUM", "Hounsfield unit")
MG: Final = Code("mg", "UCUM", "mg")
PERCENT: Final = Code("%", "UCUM", "percent")
DAYS: Final = Code("d", "UCUM", "day")
UNITS: Final[Mapping[str, Code]] = MappingProxyType(
    {"mm": MM, "mm3": MM3, "hu": HU, "mg": MG, "percent": PERCENT, "days": DAYS}
)

MEAN: Final = Code("373098007", "SCT", "Mean")
UPPER_UNCERTAINTY: Final = Code("371886008", "SCT", "+, range of upper measurement uncertainty")
LOWER_UNCERTAINTY: Final = Code("371885007", "SCT", "-, range of lower measurement uncertainty")

# What is measured: by the name that the rest of the product uses, its unit at the end.
QUANTITIES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "volume_mm3": Code("118565006", "SCT", "Volume"),
        "mean_diameter_mm": Code("81827009", "SCT", "Diameter"),
        "long_axis_mm": Code("103339001", "SCT", "Long axis"),
        "short_axis_mm": Code("103340004", "SCT", "Short axis"),
        "mean_hu": Code("112181", "DCM", "Mean Attenuation Coefficient"),
        "mass_mg": Code("118538004", "SCT", "Mass"),
        "solid_volume_mm3": own("solid_volume", "Volume of the solid part"),
        "solid_mean_diameter_mm": own("solid_diameter", "Mean diameter of the solid part"),
        "volume_change_percent": own("volume_change", "Change of volume since the prior exam"),
        "vdt_days": own("vdt", "Volume doubling time"),
        "interval_days": own("interval", "Interval to the prior exam"),
    }
)
DERIVED: Final[Mapping[str, Code]] = MappingProxyType({"mean_diameter_mm": MEAN, "solid_mean_diameter_mm": MEAN})

ATTENUATION: Final = own("attenuation", "Attenuation of a nodule")
ATTENUATIONS: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "solid": own("solid", "Solid"),
        "part_solid": own("part_solid", "Part-solid"),
        "ground_glass": Code("112120", "DCM", "Ground glass opacity"),
    }
)
PRESENCE: Final = own("presence", "Presence on this exam")
PRESENCES: Final[Mapping[bool, Code]] = MappingProxyType(
    {True: own("present", "Present"), False: own("absent", "Looked for and not there")}
)
CHANGE_IN_SIZE: Final = own("change_in_size", "Change in size since the prior exam")
LARGER: Final = Code("15454001", "SCT", "Increase in size")
SMALLER: Final = Code("19776001", "SCT", "Decrease in size")
UNCHANGED: Final = Code("129723006", "SCT", "No significant changes in the finding")
CHANGES: Final[Mapping[str, Code]] = MappingProxyType(
    {
        "unchanged": UNCHANGED,
        "larger-slightly": LARGER,
        "larger-markedly": LARGER,
        "smaller-slightly": SMALLER,
        "smaller-markedly": SMALLER,
    }
)
COMPARISON: Final = own("comparison", "What became of it since the prior exam")
NOT_MEASURED: Final = own("not_measured", "Why it was not measured")

QUALITATIVE_EVALUATIONS: Final = Code("C0034375", "UMLS", "Qualitative Evaluations")
PRIOR_ON: Final = own("prior_exam_on", "Day of the prior exam")
RECOMMENDED: Final = Code("111053", "DCM", "Recommended Follow-up")
RECOMMENDED_ON: Final = Code("111054", "DCM", "Recommended Follow-up Date")
COMMENT: Final = Code("121106", "DCM", "Comment")
CT_CHEST: Final = Code("24627-2", "LN", "CT Chest")
OF_INTEREST: Final = Code("113000", "DCM", "Of Interest")


def term(value: str) -> Code:
    """Give a word of the product that has no public code, such as a comparison word or a category, as a term."""
    return own(value, value.replace("-", " ").replace("_", " ")[:64])
