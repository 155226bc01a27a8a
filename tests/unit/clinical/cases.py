"""Cases for the tests of the clinical core: one that a test changes, and all that hypothesis can think of."""

# ruff: noqa: ANN401 - builders hand their keywords on

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from nodules_app.clinical import case as c
from nodules_app.clinical.assess import assess
from nodules_app.clinical.assessment import Result
from nodules_app.clinical.months import add_months

TODAY = date(2024, 3, 15)
GUIDELINES = ("FLEISCHNER2017", "LUNGRADS2022", "BTS2015", "ACCP2013", "NELSON", "EUPS2017", "CHINA2024")


def mm(value: str | float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def measured(
    mean: str | float | None = None,
    *,
    on: date = TODAY,
    v: str | float | None = None,
    solid: str | float | None = None,
    **more: Any,
) -> c.Measurement:
    """Both axes equal to ``mean``; ``v`` the volume, ``solid`` both axes of the solid component."""
    return c.Measurement(
        on,
        long_axis_mm=more.pop("long", mm(mean)),
        short_axis_mm=more.pop("short", mm(mean)),
        volume_mm3=mm(v),
        solid_long_axis_mm=mm(solid),
        solid_short_axis_mm=mm(solid),
        **more,
    )


def months_ago(months: int) -> date:
    return add_months(TODAY, -months)


def nodule(*measurements: c.Measurement, name: str = "n1", attenuation: str = "solid", **more: Any) -> c.Nodule:
    facts: dict[str, Any] = {"lobe": c.Lobe.RLL, "margin": c.Margin.SMOOTH} | more
    return c.Nodule(name, c.Attenuation(attenuation), measurements, **facts)


NEVER = c.Smoking(c.SmokingStatus.NEVER)
HEAVY = c.Smoking(c.SmokingStatus.CURRENT, pack_years=Decimal(35))
PERSON = c.Patient(age=Decimal(60), sex="male", smoking=NEVER, family_history_lung_cancer=False, emphysema=False)


def case(*nodules: c.Nodule, setting: str = "incidental", patient: c.Patient = PERSON, **more: Any) -> c.Case:
    days = sorted({m.date for n in nodules for m in n.measurements} | {TODAY})
    exams = more.pop("exams", tuple(c.Exam(day) for day in days))
    return c.Case("case", c.Setting(setting), exams, nodules, patient, **more)


def answer(guideline: str, *nodules: c.Nodule, **more: Any) -> Result:
    if guideline in ("LUNGRADS2022", "NELSON", "EUPS2017"):
        more.setdefault("setting", "screening")
    (result,) = assess(case(*nodules, guidelines=(guideline,), **more)).results
    return result


# --- everything -------------------------------------------------------------------------------------------------------

sizes = st.decimals("1", "40", places=1)
volumes = st.integers(5, 20000).map(Decimal)
flags = st.booleans()


def words(kind: type[Any]) -> st.SearchStrategy[Any]:
    return st.sampled_from(list(kind))


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


@st.composite
def measurements(draw: st.DrawFn, day: date, *, complete: bool = False) -> c.Measurement:
    """One entry; a complete one has both axes, a volume and a solid component."""
    keep = (lambda s: s) if complete else maybe
    long_mm = draw(keep(sizes))
    short_mm = None if long_mm is None else draw(keep(st.decimals("0.8", str(long_mm), places=1)))
    solid = draw(keep(st.decimals("0.5", str(long_mm or 30), places=1)))
    return c.Measurement(
        day,
        long_axis_mm=long_mm,
        short_axis_mm=short_mm,
        mean_diameter_mm=None if complete else draw(maybe(sizes)),
        volume_mm3=draw(keep(volumes)),
        solid_long_axis_mm=solid,
        solid_volume_mm3=draw(keep(volumes)),
        attenuation=None if complete else draw(maybe(words(c.Attenuation))),
        method=draw(st.sampled_from([None, "auto", "manual"])),
        resolved=not complete and draw(st.integers(0, 9)) == 0,
    )


@st.composite
def nodules(draw: st.DrawFn, name: str, days: list[date], *, complete: bool = False) -> c.Nodule:
    seen = [day for day in days[:-1] if draw(flags)]
    if complete or draw(st.integers(0, 9)):
        seen.append(days[-1])
    airway = draw(maybe(words(c.Airway))) if draw(st.integers(0, 5)) == 0 else None
    cyst = c.Cyst(draw(st.sampled_from(["thin", "thick", None])), draw(flags), draw(maybe(words(c.CystChange))))
    return c.Nodule(
        name,
        draw(words(c.Attenuation)),
        tuple(draw(measurements(day, complete=complete)) for day in seen),
        lobe=draw(maybe(words(c.Lobe))),
        status=draw(maybe(words(c.Status))) if draw(st.integers(0, 3)) == 0 else None,
        location=c.Location(draw(flags), draw(flags), airway, draw(flags)),
        margin=draw(maybe(words(c.Margin))),
        shape=draw(maybe(words(c.Shape))),
        calcification=draw(maybe(words(c.Calcification))) if draw(flags) else None,
        fat=draw(st.integers(0, 9)) == 0,
        bubbly=draw(flags),
        cyst=cyst if draw(st.integers(0, 5)) == 0 else None,
        suspicious_features=tuple(draw(st.lists(words(c.SuspiciousFeature), max_size=1))) if draw(flags) else (),
        workup=draw(st.sampled_from([None, None, None, "benign", "malignant"])),
        previous_category=draw(maybe(st.sampled_from(c.LUNGRADS_CATEGORIES))),
        previous_category_date=draw(maybe(st.dates(date(2015, 1, 1), date(2026, 1, 1)))),
        pet_uptake=draw(maybe(words(c.PetUptake))),
    )


@st.composite
def patients(draw: st.DrawFn) -> c.Patient:
    years = st.decimals("0", "60", places=0)
    return c.Patient(
        age=draw(maybe(st.integers(10, 95).map(Decimal))),
        sex=draw(st.sampled_from([None, "female", "male"])),
        smoking=c.Smoking(
            draw(words(c.SmokingStatus)), draw(maybe(years)), draw(maybe(years)), draw(maybe(years)), draw(maybe(years))
        ),
        family_history_lung_cancer=draw(maybe(flags)),
        family_history_any_cancer=draw(maybe(flags)),
        emphysema=draw(maybe(flags)),
        pulmonary_fibrosis=draw(maybe(flags)),
        copd=draw(maybe(flags)),
        tuberculosis=draw(maybe(flags)),
        exposures=tuple(draw(st.lists(st.sampled_from(["asbestos", "radon", "beryllium", "dust"]), max_size=2))),
        known_cancer=draw(st.sampled_from([None, None, False, True])),
        previous_extrathoracic_cancer_years=draw(maybe(years)),
        personal_history_cancer=draw(maybe(flags)),
        immunosuppressed=draw(st.sampled_from([None, None, False, True])),
        race=draw(maybe(words(c.Race))),
        education=draw(maybe(st.integers(1, 6))),
        bmi=draw(maybe(st.decimals("15", "45", places=1))),
    )


@st.composite
def cases(draw: st.DrawFn, *, complete: bool = False) -> c.Case:
    gaps = draw(st.lists(st.integers(0 if not complete else 1, 900), max_size=3))
    days = [TODAY]
    for gap in gaps:
        days.insert(0, days[0] - timedelta(days=gap))
    names = [f"n{n}" for n in range(draw(st.integers(0, 3)))]
    exams = [
        c.Exam(
            day,
            draw(words(c.ExamKind)),
            draw(st.sampled_from(["complete", "complete", "complete", "partial"])),
            draw(st.sampled_from([None, None, None, None, *c.Incomplete])),
            draw(flags),
            draw(flags),
        )
        for day in days
    ]
    return c.Case(
        "case",
        draw(words(c.Setting)),
        tuple(exams),
        tuple(draw(nodules(name, days, complete=complete)) for name in names),
        draw(patients()),
        guidelines=GUIDELINES,
        eligibility=("USPSTF2021", "CMS2022", "ACS2023", "NCCN2025", "CHINA2024_SCREEN"),
        risk_override=draw(st.sampled_from([None, None, "low", "high"])),
        size_basis=draw(words(c.SizeBasis)),
        nodule_count=draw(maybe(st.integers(1, 9))),
    )
