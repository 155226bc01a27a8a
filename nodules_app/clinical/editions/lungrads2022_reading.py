"""How the rows of Lung-RADS v2022 are read for one nodule: kind, size, step (reference 2.2, 2.5, 2.7)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from nodules_app.clinical.assessment import Basis, Branch, Finding
from nodules_app.clinical.case import Attenuation, CystChange, Measurement, Status
from nodules_app.clinical.editions import lungrads2022 as table
from nodules_app.clinical.editions.edition import basis_of, found, mean_notes, with_more
from nodules_app.clinical.editions.lungrads2022_status import Course, course_of, reported
from nodules_app.clinical.months import whole_months
from nodules_app.clinical.reasons import Reason, because
from nodules_app.clinical.rules import Rule, the_rule
from nodules_app.clinical.sizes import mean_mm, solid_mean_mm
from nodules_app.clinical.view import Look, View, is_benign, is_spiculated

KINDS: Final = {Attenuation.SOLID: "SOLID", Attenuation.PART_SOLID: "PARTSOLID", Attenuation.GROUND_GLASS: "GGN"}
ROWS: Final = {
    Attenuation.SOLID: table.SOLID,
    Attenuation.PART_SOLID: table.PARTSOLID,
    Attenuation.GROUND_GLASS: table.GGN,
}
MONTHS_NEEDED: Final = {"3": 5, "4A": 2}  # what counts as the 6- and the 3-month CT (AMB-17)
OF_STATUS: Final = {
    a: {s: tuple(r for r in rows if r.when["status"] == s) for s in ("baseline", "new", "growing")}
    for a, rows in ROWS.items()
}
FIRST_SIGHT: Final = (Status.BASELINE, Status.NEW, Status.GROWING)


def rank(category: str) -> int:
    """Position in the order of suspicion."""
    return table.CATEGORIES.index(category)


# --- size -------------------------------------------------------------------------------------------------------------


def row_by_size(
    m: Measurement, attenuation: Attenuation, status: Status, basis: Basis, *, raw: bool = False
) -> Rule | None:
    """The size row of a measurement; ``None`` when a size that decides is missing.

    ``raw`` reads unrounded diameters, to see whether the reporting mattered (AMB-14).
    """
    size, solid = _compare_size(m, basis, raw=raw), _compare_solid(m, basis, raw=raw)
    rows = OF_STATUS[attenuation][status.value]
    holding = [row for row in rows if _holds(row, "size", size) and _holds(row, "solid", solid)]
    return holding[0] if len(holding) == 1 else None


def _holds(row: Rule, name: str, sized: tuple[str, Decimal] | None) -> bool:
    if f"{name}_mm" not in row.when:
        return True
    if sized is None:
        return False
    unit, value = sized
    limits = row.when[f"{name}_{unit}"]
    return not isinstance(limits, str | bool) and value in limits


def _compare_size(m: Measurement, basis: Basis, *, raw: bool) -> tuple[str, Decimal] | None:
    size_mm = mean_mm(m)
    if m.volume_mm3 is not None and (basis == "volume" or size_mm is None):
        return "mm3", m.volume_mm3
    return None if size_mm is None else ("mm", size_mm if raw else reported(size_mm))


def _compare_solid(m: Measurement, basis: Basis, *, raw: bool) -> tuple[str, Decimal] | None:
    size_mm = solid_mean_mm(m)
    if m.solid_volume_mm3 is not None and (basis == "volume" or size_mm is None):
        return "mm3", m.solid_volume_mm3
    return None if size_mm is None else ("mm", size_mm if raw else reported(size_mm))


@dataclass(frozen=True, slots=True)
class Sighting:
    """A nodule at the current exam with its course and the size that is looked at."""

    view: View
    look: Look
    course: Course
    basis: Basis | None

    @property
    def why(self) -> tuple[Reason, ...]:
        """Status and size as used."""
        return (*self.course.why, *self._sizes())

    def _sizes(self) -> tuple[Reason, ...]:
        now = self.look.now
        size_mm, solid_mm = mean_mm(now), solid_mean_mm(now)
        reasons = []
        if self.basis == "volume":
            reasons.append(because("volume", volume_mm3=now.volume_mm3))
        elif size_mm is not None:
            reasons.append(because("mean_reported", size_mm=size_mm, rounded_mm=reported(size_mm)))
        if self.look.attenuation is Attenuation.PART_SOLID and solid_mm is not None:
            reasons.append(because("solid_reported", size_mm=solid_mm, rounded_mm=reported(solid_mm)))
        return tuple(reasons)

    def find(self, rule: Rule, *why: Reason) -> Finding:
        """Apply a row; the reported size that decided is named when the raw one would have said something else."""
        missing, noted = mean_notes(self.look) if self.basis == "diameter" else ((), ())
        finding = found(
            rule,
            self.view,
            self.look,
            why=(*self.why, *why),
            ambiguities=(*self.course.ambiguities, *noted),
            missing=missing,
            basis=self.basis,
            category=rule.category,
            base_category=rule.category,
        )
        return _with_pet(finding, self) if rule.category == "4A" else finding


def _with_pet(finding: Finding, sighting: Sighting) -> Finding:
    """4A with a solid nodule or component of 8 mm and more: PET/CT may be considered; never cysts and airways."""
    if finding.rule.id.endswith((".CYST", ".AIRWAY")) or sighting.basis is None:
        return finding
    now = sighting.look.now
    of_solid = sighting.look.attenuation is Attenuation.SOLID
    size = (_compare_size if of_solid else _compare_solid)(now, sighting.basis, raw=False)
    if size is None or sighting.look.attenuation is Attenuation.GROUND_GLASS:
        return finding
    limits = table.PET_FROM[0] if size[0] == "mm" else table.PET_FROM[1]
    return replace(finding, management="lr_ldct_3m_or_pet") if size[1] in limits else finding


# --- one nodule -------------------------------------------------------------------------------------------------------


def classify(view: View, look: Look) -> Finding | None:
    """Category of one nodule; ``None`` for a thin-walled unilocular cyst, which contributes nothing."""
    nodule = look.nodule
    sighting = Sighting(view, look, course_of(view, look), basis_of(view, look, volume_first=False))
    if is_benign(nodule):
        return found(
            table.BENIGN, view, look, why=(because("benign"),), category="1", base_category="1", basis=sighting.basis
        )
    if nodule.workup == "benign":
        return sighting.find(table.STEPPED_2, because("workup_benign"))
    if nodule.cyst is not None:
        finding = _cyst(sighting)
    elif nodule.location.airway is not None and not _growing_subsegmental(sighting):
        finding = _airway(sighting)
    else:
        finding = _by_size(sighting)
    return None if finding is None else _suspicious(finding, look)


def _suspicious(finding: Finding, look: Look) -> Finding:
    """3, 4A and 4B become 4X with a suspicious feature; the category before is kept (AMB-19)."""
    features = [str(feature) for feature in look.nodule.suspicious_features]
    if is_spiculated(look.nodule):
        features.append("spiculated margin")
    if not features or finding.category not in ("3", "4A", "4B"):
        return finding
    return replace(
        finding,
        rule=table.SUSPICIOUS,
        months=None,
        management="",
        category="4X",
        why=(*finding.why, *(because("suspicious", feature=feature) for feature in features)),
        ambiguities=(*finding.ambiguities, *table.SUSPICIOUS.ambiguities),
    )


def _cyst(sighting: Sighting) -> Finding | None:
    cyst = sighting.look.nodule.cyst
    assert cyst is not None  # noqa: S101 - classify has asked
    change = cyst.change or CystChange.NONE
    atypical = cyst.wall == "thick" or cyst.multilocular
    if not atypical and change in (CystChange.NONE, CystChange.CYSTIC_GROWTH):
        return None
    rule = the_rule(table.CYST, {"change": change, "multilocular": cyst.multilocular})
    why = because("cyst", wall=cyst.wall or "-", multilocular="yes" if cyst.multilocular else "no", change=str(change))
    known = sighting.look.seen_before or sighting.look.nodule.previous_category is not None
    if change is CystChange.NONE and known:
        return _stepped(sighting, "CYST", derived="4A", why=(why,))
    return sighting.find(rule, why)


def _persists(sighting: Sighting) -> bool:
    nodule = sighting.look.nodule
    later = nodule.status in (Status.STABLE, Status.GROWING, Status.DECREASING)
    return sighting.look.seen_before or later or nodule.previous_category is not None


def _growing_subsegmental(sighting: Sighting) -> bool:
    """No row covers a growing subsegmental airway nodule; it is read as the nodule that it is."""
    airway = sighting.look.nodule.location.airway
    return airway == "subsegmental" and sighting.course.status is Status.GROWING


def _airway(sighting: Sighting) -> Finding:
    location = sighting.look.nodule.location
    persists = _persists(sighting)
    rule = the_rule(
        table.AIRWAY,
        {
            "airway": location.airway,
            "secretions": location.airway_secretions,
            "persists": persists,
            "growing": False,
        },
    )
    why = [because("airway", airway=location.airway)]
    if location.airway_secretions:
        why.append(because("secretions"))
    if persists:
        why.append(because("persists"))
    finding = sighting.find(rule, *why)
    if rule.category == "4A" and sighting.course.status is Status.NEW:
        finding = with_more(finding, ambiguities=("AMB-18",))
    return finding


def _by_size(sighting: Sighting) -> Finding:
    look, course = sighting.look, sighting.course
    if sighting.basis is None:
        return _unmeasured(sighting, "long_axis_mm")
    juxtapleural = _juxtapleural(sighting)
    if juxtapleural is not None:
        return juxtapleural
    if course.slow:
        finding = sighting.find(table.SLOW)
        stepped = _stepped(sighting, KINDS[look.attenuation], derived=None)
        return replace(finding, branches=(Branch(stepped.code, stepped.rule.id, "stepped category"),))
    if course.status in FIRST_SIGHT:
        return _size_row(sighting, course.status)
    return _stepped(sighting, KINDS[look.attenuation], derived=None)


def _unmeasured(sighting: Sighting, field: str) -> Finding:
    return found(
        table.MEASUREMENT, sighting.view, sighting.look, why=(*sighting.why, because("unmeasured")), missing=(field,)
    )


def _size_row(sighting: Sighting, status: Status) -> Finding:
    look, basis = sighting.look, sighting.basis
    assert basis is not None  # noqa: S101 - _by_size has asked
    row = row_by_size(look.now, look.attenuation, status, basis)
    if row is None:
        return _unmeasured(sighting, "solid_long_axis_mm")
    finding = sighting.find(row)
    unrounded = row_by_size(look.now, look.attenuation, status, basis, raw=True)
    if unrounded is not None and unrounded.category != row.category:
        finding = with_more(finding, ambiguities=("AMB-14",))
    return finding


def _juxtapleural(sighting: Sighting) -> Finding | None:
    look = sighting.look
    nodule = look.nodule
    at_pleura = nodule.location.juxtapleural or nodule.location.perifissural
    if look.attenuation is not Attenuation.SOLID or not at_pleura or sighting.basis is None:
        return None
    size = _compare_size(look.now, sighting.basis, raw=False)
    when = table.JUXTAPLEURAL.when
    shapes = when["shape"]
    if (
        nodule.margin == when["margin"]
        and isinstance(shapes, frozenset)
        and nodule.shape in shapes
        and sighting.course.status is not Status.GROWING
        and _holds(table.JUXTAPLEURAL, "size", size)
    ):
        return sighting.find(table.JUXTAPLEURAL, because("juxtapleural", shape=nodule.shape))
    return None


# --- stepped management (2.5) -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Previous:
    """The category that an earlier exam gave, and when."""

    category: str
    on: date | None
    missing: tuple[str, ...] = ()


def _previous(sighting: Sighting, derived: str | None) -> Previous | None:
    """As told, else by the baseline rows applied to the previous measurement."""
    nodule, look = sighting.look.nodule, sighting.look
    before = [exam.date for exam in sighting.view.exams[:-1] if exam.date < sighting.view.today]
    if nodule.previous_category not in (None, "0"):
        on = nodule.previous_category_date or (before[-1] if before else None)
        missing = () if on is not None else ("previous_category_date",)
        return Previous(str(nodule.previous_category), on, missing)
    if derived is not None:
        return Previous(derived, before[-1] if before else None)
    if not look.earlier or sighting.basis is None:
        return None
    last = look.earlier[-1]
    row = row_by_size(last, look.attenuation_at(last), Status.BASELINE, sighting.basis)
    return None if row is None else Previous(row.category, last.date)


def _crossed(sighting: Sighting) -> tuple[Rule, str] | None:
    """The baseline row of the current size when it lies above that of the previous size (not for ground glass)."""
    look = sighting.look
    if look.attenuation is Attenuation.GROUND_GLASS or not look.earlier or sighting.basis is None:
        return None
    last = look.earlier[-1]
    then = row_by_size(last, look.attenuation_at(last), Status.BASELINE, sighting.basis)
    now = row_by_size(look.now, look.attenuation, Status.BASELINE, sighting.basis)
    if then is None or now is None or rank(now.category) <= rank(then.category):
        return None
    return now, then.category


def _stepped(sighting: Sighting, kind: str, *, derived: str | None, why: tuple[Reason, ...] = ()) -> Finding:
    """A nodule that did not grow: one step down when the time has come, up when a threshold was crossed."""
    previous = _previous(sighting, derived)
    if previous is None:  # nothing tells what it was: the size speaks as at first sight
        return with_more(_size_row(sighting, Status.BASELINE), why=why, missing=("previous_category",))
    why = (*why, because("previous", category=previous.category, on=previous.on or "-"))
    crossed = None if derived is not None else _crossed(sighting)
    if crossed is not None:
        row, earlier_category = crossed
        why = (*why, because("crossed", earlier=earlier_category, now=row.category))
        if rank(previous.category) <= rank(row.category):
            return sighting.find(row, *why)
        return _stay(sighting, kind, previous, why)
    if previous.category in MONTHS_NEEDED:
        return _step_down(sighting, kind, previous, why)
    return _stay(sighting, kind, previous, why)


def _step_down(sighting: Sighting, kind: str, previous: Previous, why: tuple[Reason, ...]) -> Finding:
    months = None if previous.on is None else whole_months(previous.on, sighting.view.today)
    if months is None or months < MONTHS_NEEDED[previous.category]:
        why = (*why, because("too_early", months=0 if months is None else months))
        return with_more(_stay(sighting, kind, previous, why), missing=previous.missing, ambiguities=("AMB-17",))
    rule = table.STEPPED_2 if previous.category == "3" else table.STEPPED_3
    finding = sighting.find(rule, *why, because("step", months=months))
    return finding if "AMB-17" in finding.ambiguities else with_more(finding, ambiguities=("AMB-17",))


def _stay(sighting: Sighting, kind: str, previous: Previous, why: tuple[Reason, ...]) -> Finding:
    """The previous category with its management again; 1 and 2 stay or become 2."""
    category = "2" if previous.category in ("1", "2") else previous.category
    if category == "4X":
        finding = sighting.find(table.SUSPICIOUS, *why)
        return replace(finding, base_category="4B")
    if category == "2" and (kind == "CYST" or (kind == "SOLID" and not _small(sighting))):
        return sighting.find(table.STEPPED_2, *why)
    ending = f"{category}.{kind}"
    return sighting.find(table.STAYS[ending if ending in table.STAYS else f"{category}.PARTSOLID"], *why)


def _small(sighting: Sighting) -> bool:
    look, basis = sighting.look, sighting.basis
    assert basis is not None  # noqa: S101 - _by_size has asked
    row = row_by_size(look.now, look.attenuation, Status.BASELINE, basis)
    return row is not None and row.category == "2"
