"""The questions of the what-if page: words, units and choices, named as the clinical contract names its fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from nodules_app.forms.patients import SETTINGS, SMOKING, YES_NO

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    Text = str | _StrPromise
    Choices = Sequence[tuple[str, Text]]

SIZES: Final = (
    "volume_mm3",
    "volume_sd_mm3",
    "long_axis_mm",
    "short_axis_mm",
    "mean_diameter_mm",
    "diameter_sd_mm",
    "solid_mean_mm",
    "solid_sd_mm",
)
LABELS: Final[Mapping[str, Text]] = {
    "on": _("Date"),
    "date": _("Date"),
    "volume_mm3": _("Volume"),
    "volume_sd_mm3": _("Standard error of the volume"),
    "long_axis_mm": _("Long axis"),
    "short_axis_mm": _("Short axis"),
    "mean_diameter_mm": _("Mean diameter"),
    "diameter_sd_mm": _("Standard error of the diameter"),
    "solid_mean_mm": _("Solid part, mean diameter"),
    "solid_sd_mm": _("Standard error of the solid part"),
    "attenuation": _("Density"),
    "lobe": _("Lobe"),
    "margin": _("Margin"),
    "perifissural": _("At a fissure"),
    "juxtapleural": _("At the pleura"),
    "calcification": _("Calcification"),
    "pet_uptake": _("PET uptake"),
    "cea": _("CEA in the blood"),
    "nodule_count": _("Number of nodules"),
    "setting": _("How the nodule was found"),
    "age": _("Age"),
    "sex": _("Sex"),
    "smoking": _("Smoking"),
    "pack_years": _("Pack-years"),
    "quit_years": _("Years since the last cigarette"),
    "family_history_any_cancer": _("Any cancer in a parent, sibling or child"),
    "previous_extrathoracic_cancer_years": _("Years since an earlier cancer outside the chest"),
    "risk_override": _("Risk, as the clinician sees it"),
    "size_basis": _("Which size decides"),
    **YES_NO,
}
UNITS: Final[Mapping[str, Text]] = {
    "volume_mm3": "mm³",
    "volume_sd_mm3": "mm³",
    "long_axis_mm": "mm",
    "short_axis_mm": "mm",
    "mean_diameter_mm": "mm",
    "diameter_sd_mm": "mm",
    "solid_mean_mm": "mm",
    "solid_sd_mm": "mm",
    "age": _("years"),
    "quit_years": _("years"),
    "previous_extrathoracic_cancer_years": _("years"),
}
HINTS: Final[Mapping[str, Text]] = {
    "nodule_count": _("For Brock. Empty: the nodules of this case are counted."),
    "cea": _("Moves the risk layers alone; no guideline asks for it."),
}
KNOWN: Final[Choices] = [("", _("Unknown")), ("yes", _("Yes")), ("no", _("No"))]
PLAIN_NO: Final[Choices] = [("", _("No")), ("yes", _("Yes"))]  # findings that count as absent unless told
UNTOLD: Final[tuple[str, Text]] = ("", _("Not told"))
CHOICES: Final[Mapping[str, Choices]] = {
    "setting": SETTINGS,
    "sex": [UNTOLD, ("female", _("Female")), ("male", _("Male"))],
    "smoking": SMOKING,
    "attenuation": [("solid", _("solid")), ("part_solid", _("part-solid")), ("ground_glass", _("ground glass"))],
    "lobe": [
        UNTOLD,
        ("RUL", _("RUL")),
        ("RML", _("RML")),
        ("RLL", _("RLL")),
        ("LUL", _("LUL")),
        ("lingula", _("Lingula")),
        ("LLL", _("LLL")),
    ],
    "margin": [
        UNTOLD,
        ("smooth", _("Smooth")),
        ("lobulated", _("Lobulated")),
        ("irregular", _("Irregular")),
        ("spiculated", _("Spiculated")),
    ],
    "calcification": [
        UNTOLD,
        ("none", pgettext_lazy("calcification", "None")),
        ("diffuse", _("Diffuse")),
        ("central", _("Central")),
        ("laminated", _("Laminated")),
        ("popcorn", _("Popcorn")),
        ("eccentric", _("Eccentric")),
        ("stippled", _("Stippled")),
    ],
    "pet_uptake": [
        UNTOLD,
        ("absent", pgettext_lazy("uptake", "Absent")),
        ("faint", _("Faint, up to the blood pool")),
        ("moderate", _("Moderate, above the blood pool")),
        ("intense", _("Intense, markedly above")),
    ],
    "cea": [UNTOLD, ("positive", _("Above the laboratory's limit")), ("negative", _("Not above it"))],
    "risk_override": [
        ("", _("By the guideline's own factors")),
        ("low", pgettext_lazy("risk", "Low")),
        ("high", pgettext_lazy("risk", "High")),
    ],
    "size_basis": [
        ("auto", _("As each guideline prefers")),
        ("diameter", _("The diameter")),
        ("volume", _("The volume")),
    ],
    "perifissural": PLAIN_NO,
    "juxtapleural": PLAIN_NO,
    "family_history_any_cancer": KNOWN,
    **dict.fromkeys(YES_NO, KNOWN),
}
GROUPS: Final[Sequence[tuple[Text, Sequence[str], bool]]] = (
    (_("Nodule"), ("attenuation", "lobe", "margin"), False),
    (_("Person"), ("setting", "age", "sex", "smoking", "pack_years", "quit_years"), False),
    (
        _("More of the nodule"),
        ("perifissural", "juxtapleural", "calcification", "pet_uptake", "cea", "nodule_count", "size_basis"),
        True,
    ),
    (
        _("More of the person"),
        (
            "family_history_lung_cancer",
            "family_history_any_cancer",
            "emphysema",
            "pulmonary_fibrosis",
            "copd",
            "known_cancer",
            "previous_extrathoracic_cancer_years",
            "immunosuppressed",
            "risk_override",
        ),
        True,
    ),
)
