"""The frozen input of the clinical core: one patient, the exams, the nodules, every number a ``Decimal``.

Field names are those of the ``assess`` command. ``None`` always means "not told"; what a rule makes of that
stands with the rule. A case that contradicts itself is refused when it is built, however it is built.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from nodules_app.clinical import errors


class Setting(StrEnum):
    """Why the CT was made."""

    INCIDENTAL = "incidental"
    SCREENING = "screening"


class Attenuation(StrEnum):
    """Subsolid is part-solid or (pure) ground glass."""

    SOLID = "solid"
    PART_SOLID = "part_solid"
    GROUND_GLASS = "ground_glass"


class Lobe(StrEnum):
    """Lobes; the lingula counts as upper lobe."""

    RUL = "RUL"
    RML = "RML"
    RLL = "RLL"
    LUL = "LUL"
    LINGULA = "lingula"
    LLL = "LLL"


class Status(StrEnum):
    """What became of a nodule, as a reader states it or as it is derived from the measurements."""

    BASELINE = "baseline"
    NEW = "new"
    GROWING = "growing"
    STABLE = "stable"
    DECREASING = "decreasing"
    RESOLVED = "resolved"


class Airway(StrEnum):
    """How far out in the bronchial tree an airway nodule lies."""

    SUBSEGMENTAL = "subsegmental"
    SEGMENTAL_OR_PROXIMAL = "segmental_or_proximal"


class Margin(StrEnum):
    """Margin of the nodule."""

    SMOOTH = "smooth"
    LOBULATED = "lobulated"
    IRREGULAR = "irregular"
    SPICULATED = "spiculated"


class Shape(StrEnum):
    """Shape of the nodule."""

    ROUND = "round"
    OVAL = "oval"
    LENTIFORM = "lentiform"
    TRIANGULAR = "triangular"
    IRREGULAR = "irregular"


class Calcification(StrEnum):
    """Concentric rings are ``laminated``, complete calcification is ``diffuse``."""

    NONE = "none"
    DIFFUSE = "diffuse"
    CENTRAL = "central"
    LAMINATED = "laminated"
    POPCORN = "popcorn"
    ECCENTRIC = "eccentric"
    STIPPLED = "stippled"


class CystChange(StrEnum):
    """What changed in a cyst since the exam before."""

    NONE = "none"
    CYSTIC_GROWTH = "cystic_growth"
    WALL_GROWTH = "wall_growth"
    BECAME_MULTILOCULAR = "became_multilocular"
    MULTILOCULAR_GROWTH = "multilocular_growth"
    MORE_LOCULATION_OR_OPACITY = "more_loculation_or_opacity"


class SuspiciousFeature(StrEnum):
    """Findings beyond size that raise suspicion (Lung-RADS 4X)."""

    SPICULATION = "spiculation"
    LYMPHADENOPATHY = "lymphadenopathy"
    METASTASIS = "metastasis"
    GGN_DOUBLED_1Y = "ggn_doubled_1y"
    CHEST_WALL_INVASION = "chest_wall_invasion"
    OTHER = "other"


class PetUptake(StrEnum):
    """Absent = background; faint = up to the mediastinal blood pool; moderate = above; intense = markedly above."""

    ABSENT = "absent"
    FAINT = "faint"
    MODERATE = "moderate"
    INTENSE = "intense"


class SmokingStatus(StrEnum):
    """``unknown`` is never read as never-smoker."""

    NEVER = "never"
    FORMER = "former"
    CURRENT = "current"
    UNKNOWN = "unknown"


class Race(StrEnum):
    """The groups that PLCOm2012 distinguishes."""

    WHITE = "white"
    BLACK = "black"
    HISPANIC = "hispanic"
    ASIAN = "asian"
    AMERICAN_INDIAN = "american_indian"
    PACIFIC_ISLANDER = "pacific_islander"


class Incomplete(StrEnum):
    """Why an exam cannot be classified yet (Lung-RADS 0)."""

    PRIOR = "prior"  # an earlier CT is being located
    LUNGS = "lungs"  # part of the lungs cannot be evaluated
    INFECTION = "infection"  # findings suggest infection or inflammation


class ExamKind(StrEnum):
    """Which exam of a screening programme this is."""

    BASELINE = "baseline"
    ANNUAL = "annual"
    INTERVAL = "interval"
    DIAGNOSTIC = "diagnostic"


class SizeBasis(StrEnum):
    """Which size a guideline should look at first."""

    AUTO = "auto"
    DIAMETER = "diameter"
    VOLUME = "volume"


LUNGRADS_CATEGORIES: Final = ("0", "1", "2", "3", "4A", "4B", "4X")
UPPER_LOBES: Final = frozenset({Lobe.RUL, Lobe.LUL, Lobe.LINGULA})
BENIGN_CALCIFICATION: Final = frozenset(
    {Calcification.DIFFUSE, Calcification.CENTRAL, Calcification.LAMINATED, Calcification.POPCORN}
)


@dataclass(frozen=True, slots=True)
class SizeErrors:
    """Standard deviations of a measurement, each in the unit of its name; ``rho`` correlates prior and current."""

    volume_mm3: Decimal | None = None
    mean_diameter_mm: Decimal | None = None
    long_axis_mm: Decimal | None = None
    solid_mean_mm: Decimal | None = None
    rho: Decimal = Decimal(0)

    @property
    def states_any(self) -> bool:
        """Whether a standard deviation is given; 0 is one."""
        given = (self.volume_mm3, self.mean_diameter_mm, self.long_axis_mm, self.solid_mean_mm)
        return any(error is not None for error in given)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured on one day. Only a date means: present, not measured."""

    date: date
    long_axis_mm: Decimal | None = None
    short_axis_mm: Decimal | None = None
    mean_diameter_mm: Decimal | None = None  # used only if one of the axes is absent
    volume_mm3: Decimal | None = None
    mass_mg: Decimal | None = None
    solid_long_axis_mm: Decimal | None = None
    solid_short_axis_mm: Decimal | None = None
    solid_mean_mm: Decimal | None = None
    solid_volume_mm3: Decimal | None = None
    attenuation: Attenuation | None = None  # on that day; absent: as the nodule is now
    method: str | None = None  # volumes of different methods are not compared
    resolved: bool = False
    sd: SizeErrors | None = None


@dataclass(frozen=True, slots=True)
class Location:
    """Where a nodule lies, as far as a guideline asks."""

    perifissural: bool = False
    juxtapleural: bool = False
    airway: Airway | None = None
    airway_secretions: bool = False


@dataclass(frozen=True, slots=True)
class Cyst:
    """An atypical pulmonary cyst."""

    wall: Literal["thin", "thick"] | None = None
    multilocular: bool = False
    change: CystChange | None = None


@dataclass(frozen=True, slots=True)
class Nodule:
    """One nodule; ``attenuation`` and the other findings are those of the current exam."""

    id: str
    attenuation: Attenuation
    measurements: tuple[Measurement, ...] = ()
    lobe: Lobe | None = None
    status: Status | None = None
    location: Location = field(default_factory=Location)
    margin: Margin | None = None
    shape: Shape | None = None
    calcification: Calcification | None = None
    fat: bool = False
    bubbly: bool = False
    cyst: Cyst | None = None
    suspicious_features: tuple[SuspiciousFeature, ...] = ()
    workup: Literal["benign", "malignant"] | None = None
    previous_category: str | None = None
    previous_category_date: date | None = None
    pet_uptake: PetUptake | None = None


@dataclass(frozen=True, slots=True)
class Smoking:
    """Smoking history; an absent status is ``unknown``."""

    status: SmokingStatus = SmokingStatus.UNKNOWN
    pack_years: Decimal | None = None
    quit_years: Decimal | None = None
    years_smoked: Decimal | None = None
    cigarettes_per_day: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Patient:
    """What is known of the person. An absent boolean is unknown: false in rules, missing in risk models."""

    birth_date: date | None = None
    age: Decimal | None = None
    sex: Literal["female", "male"] | None = None
    smoking: Smoking = field(default_factory=Smoking)
    family_history_lung_cancer: bool | None = None
    family_history_any_cancer: bool | None = None
    emphysema: bool | None = None
    pulmonary_fibrosis: bool | None = None
    copd: bool | None = None
    tuberculosis: bool | None = None
    exposures: tuple[str, ...] = ()
    known_cancer: bool | None = None
    previous_extrathoracic_cancer_years: Decimal | None = None
    personal_history_cancer: bool | None = None
    immunosuppressed: bool | None = None
    race: Race | None = None
    education: int | None = None
    bmi: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Exam:
    """One CT."""

    date: date
    kind: ExamKind = ExamKind.BASELINE
    coverage: Literal["complete", "partial"] = "complete"
    incomplete: Incomplete | None = None
    infection_overridden: bool = False
    significant_other_finding: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that a guideline may ask about one patient at the last exam.

    Raises
    ------
    errors.NotUnderstood
        The case contradicts itself; the subclass says how.
    """

    id: str
    setting: Setting
    exams: tuple[Exam, ...]
    nodules: tuple[Nodule, ...] = ()
    patient: Patient = field(default_factory=Patient)
    guidelines: tuple[str, ...] | None = None  # None: the defaults of the setting
    eligibility: tuple[str, ...] = ()
    risk_override: Literal["low", "high"] | None = None
    size_basis: SizeBasis = SizeBasis.AUTO
    nodule_count: int | None = None
    risk_nodule_id: str | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be true."""
        if not self.exams:
            raise errors.FieldMissing(where="case", field="exams")
        days = {exam.date for exam in self.exams}
        ids: set[str] = set()
        for nodule in self.nodules:
            if nodule.id in ids:
                raise errors.SameNoduleTwice(nodule=nodule.id)
            ids.add(nodule.id)
            for measurement in nodule.measurements:
                _check(nodule, measurement, days)
        born = self.patient.birth_date
        if born is not None and born > (last := max(days)):
            raise errors.BornAfterExam(birth_date=born, exam_date=last)


def _check(nodule: Nodule, m: Measurement, days: set[date]) -> None:
    if m.date not in days:
        raise errors.NoSuchExam(nodule=nodule.id, date=m.date)
    for prefix, long_mm, short_mm in (
        ("", m.long_axis_mm, m.short_axis_mm),
        ("solid_", m.solid_long_axis_mm, m.solid_short_axis_mm),
    ):
        if long_mm is not None and short_mm is not None and short_mm > long_mm:
            raise errors.ShortAxisLonger(
                nodule=nodule.id,
                date=m.date,
                short_field=f"{prefix}short_axis_mm",
                short_mm=short_mm,
                long_field=f"{prefix}long_axis_mm",
                long_mm=long_mm,
            )
    if m.solid_long_axis_mm is not None and m.long_axis_mm is not None and m.solid_long_axis_mm > m.long_axis_mm:
        raise errors.SolidPartLarger(
            nodule=nodule.id, date=m.date, solid_mm=m.solid_long_axis_mm, whole_mm=m.long_axis_mm
        )
