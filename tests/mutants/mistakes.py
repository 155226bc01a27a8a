"""The 46 classic mistakes of nodule software, each as an exact change of the source that makes it.

``test_mutants.py`` holds that every change still fits the source; ``python -m tests.mutants mistakes`` plants them.
"""

# ruff: noqa: E501 - one change is one line

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.mutants.planting import Fault, path_of


class NoLongerFits(Exception):
    """The text that a change replaces does not stand in the source exactly once."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One way of making one mistake: replacements in one module of the core, each of a text that stands there once."""

    number: int
    what: str
    module: str
    changes: tuple[tuple[str, str], ...]

    def fault(self) -> Fault:
        """The module with the mistake made.

        Raises
        ------
        NoLongerFits
            The source has changed: write the mistake anew.
        """
        source = path_of(self.module).read_text("utf-8")
        for before, after in self.changes:
            if source.count(before) != 1:
                raise NoLongerFits(f"mistake {self.number}, {self.module}: {source.count(before)} times {before!r}")
            source = source.replace(before, after)
        return Fault(self.module, source, f"mistake {self.number}: {self.what}")


def _m(number: int, what: str, module: str, *changes: tuple[str, str]) -> Mistake:
    return Mistake(number, what, module, changes)


SIZES, GROWTH, MONTHS, VIEW = "sizes", "growth", "months", "view"
FLEISCHNER, FL_READING, FL_LATER, FL_JUDGE = (
    "editions.fleischner2017", "editions.fleischner2017_reading", "editions.fleischner2017_follow_up",
    "editions.fleischner2017_judge",
)  # fmt: skip
LUNGRADS, LR_READING, LR_STATUS = (
    "editions.lungrads2022",
    "editions.lungrads2022_reading",
    "editions.lungrads2022_status",
)
BTS, BTS_READING, NELSON = "editions.bts2015", "editions.bts2015_reading", "editions.nelson"

MEAN = "return (m.long_axis_mm + m.short_axis_mm) / 2"
SOLID_MEAN = "return (m.solid_long_axis_mm + m.solid_short_axis_mm) / 2"
NO_SHORT_AXIS = "return m.long_axis_mm if m.mean_diameter_mm is None else m.mean_diameter_mm"

MISTAKES: Final = (
    _m(1, "each axis rounded before averaging", SIZES, (MEAN, "return (half_up(m.long_axis_mm, WHOLE) + half_up(m.short_axis_mm, WHOLE)) / 2")),
    _m(1, "each axis of the solid component rounded before averaging", SIZES, (SOLID_MEAN, "return (half_up(m.solid_long_axis_mm, WHOLE) + half_up(m.solid_short_axis_mm, WHOLE)) / 2")),
    _m(2, "rounded to 0.1 mm, then to whole mm", FL_READING, ("        whole = half_up(size_mm, WHOLE)", '        whole = half_up(half_up(size_mm, Decimal("0.1")), WHOLE)')),
    _m(2, "solid component rounded twice", FL_READING, ('    whole = half_up(size_mm, WHOLE)\n    size_class = class_of(whole, table.MM_CLASSES)\n    rounding', '    whole = half_up(half_up(size_mm, Decimal("0.1")), WHOLE)\n    size_class = class_of(whole, table.MM_CLASSES)\n    rounding')),
    _m(3, "banker's rounding", SIZES, ("from decimal import ROUND_HALF_UP, ", "from decimal import ROUND_HALF_EVEN as ROUND_HALF_UP\nfrom decimal import ")),
    _m(4, "mean through binary floats", SIZES, (MEAN, "return Decimal((float(m.long_axis_mm) + float(m.short_axis_mm)) / 2)")),
    _m(4, "JSON numbers read as binary floats", "codec", ("parse_float=Decimal", "parse_float=lambda text: Decimal(float(text))")),
    _m(5, "Lung-RADS on the unrounded mean", LR_STATUS, ("return half_up(size_mm, TENTH)", "return size_mm")),
    _m(6, "Lung-RADS rounded to whole mm", LR_STATUS, ("return half_up(size_mm, TENTH)", "return half_up(size_mm, Decimal(1))")),
    _m(7, "long axis in place of the mean", SIZES, (MEAN, "return m.long_axis_mm")),
    _m(7, "mean in place of the long axis", SIZES, ("return m.mean_diameter_mm if m.long_axis_mm is None else m.long_axis_mm", "return mean_mm(m)")),
    _m(7, "Brock fed with the mean", "risk.subject", ("return longest_mm(self.look.now)", "return mean_mm(self.look.now)")),
    _m(8, "6 mm treated as < 6", FLEISCHNER, ('"<6": span("< 6"), "6-8": span("[6, 8]")', '"<6": span("<= 6"), "6-8": span("(6, 8]")')),
    _m(8, "8 mm treated as > 8", FLEISCHNER, ('span("[6, 8]"), ">8": span("> 8")', 'span("[6, 8)"), ">8": span(">= 8")')),
    _m(8, "100 mm3 treated as < 100", FLEISCHNER, ('"<6": span("< 100"), "6-8": span("[100, 250]")', '"<6": span("<= 100"), "6-8": span("(100, 250]")')),
    _m(8, "250 mm3 treated as > 250", FLEISCHNER, ('span("[100, 250]"), ">8": span("> 250")', 'span("[100, 250)"), ">8": span(">= 250")')),
    _m(9, "8.0 mm solid put in 3", LUNGRADS, ('"status": BASELINE, "size": limits("[6.0, 8.0)")', '"status": BASELINE, "size": limits("[6.0, 8.0]")'), ('limits("[8.0, 15.0)")', 'limits("(8.0, 15.0)")')),
    _m(9, "15.0 mm solid put in 4A", LUNGRADS, ('limits("[8.0, 15.0)")', 'limits("[8.0, 15.0]")'), ('limits(">= 15.0")', 'limits("> 15.0")')),
    _m(10, "BTS 5.0 mm discharged", BTS, ('_row("SOLID.LT5", {"largest_mm": span("< 5")}', '_row("SOLID.LT5", {"largest_mm": span("<= 5")}'), ('span("[5, 6)")', 'span("(5, 6)")')),
    _m(10, "BTS 80 mm3 discharged", BTS, ('span("< 80")', 'span("<= 80")'), ('span("[80, 300)")', 'span("(80, 300)")')),
    _m(10, "BTS 300 mm3 kept in surveillance", BTS, ('span("[80, 300)")', 'span("[80, 300]")'), ('LARGE_MM3: Final = span(">= 300")', 'LARGE_MM3: Final = span("> 300")')),
    _m(11, "NELSON 500 mm3 referred", NELSON, ('{"kind": "solid", "volume_mm3": span("[50, 500]")}', '{"kind": "solid", "volume_mm3": span("[50, 500)")}'), ('{"kind": "solid", "volume_mm3": span("> 500")}', '{"kind": "solid", "volume_mm3": span(">= 500")}')),
    _m(11, "NELSON 500 mm3 of a solid component referred", NELSON, ('{"kind": "part_solid", "solid_volume_mm3": span("[50, 500]")}', '{"kind": "part_solid", "solid_volume_mm3": span("[50, 500)")}'), ('{"kind": "part_solid", "solid_volume_mm3": span("> 500")}', '{"kind": "part_solid", "solid_volume_mm3": span(">= 500")}')),
    _m(12, "Fleischner applied to a screening exam", FLEISCHNER, ('{"setting": "screening"}', '{"setting": "-"}')),
    _m(12, "Fleischner applied below 35", FLEISCHNER, ('{"age": span("< 35")}', '{"age": span("< 18")}')),
    _m(12, "Fleischner refused at 35", FLEISCHNER, ('{"age": span("< 35")}', '{"age": span("<= 35")}')),
    _m(12, "Fleischner applied to known cancer", FLEISCHNER, ('{"known_cancer": True}', '{"known_cancer": "-"}')),
    _m(12, "Fleischner applied under immunosuppression", FLEISCHNER, ('{"immunosuppressed": True}', '{"immunosuppressed": "-"}')),
    _m(13, "Lung-RADS applied to an incidental nodule", LUNGRADS, ('{"setting": "incidental"}', '{"setting": "-"}')),
    _m(14, "risk raises a subsolid nodule", FL_JUDGE, ("if n.look.earlier else subsolid_first(view, subsolid, n)", 'if n.look.earlier else (solid_first(view, subsolid, n, risk) if risk.row == "high" else subsolid_first(view, subsolid, n))')),
    _m(15, "30.0 mm ground glass coded 2", LUNGRADS, ('"status": BASELINE, "size": limits("< 30.0")', '"status": BASELINE, "size": limits("<= 30.0")'), ('"status": BASELINE, "size": limits(">= 30.0")', '"status": BASELINE, "size": limits("> 30.0")')),
    _m(15, "20 mm limit of version 1.0", LUNGRADS, ('"15.0", "30.0")', '"15.0", "20.0", "30.0")'), ('"1767", "14137")', '"1767", "4189", "14137")'), ('"status": BASELINE, "size": limits("< 30.0")', '"status": BASELINE, "size": limits("< 20.0")'), ('"status": BASELINE, "size": limits(">= 30.0")', '"status": BASELINE, "size": limits(">= 20.0")')),
    _m(16, "baseline thresholds for a new nodule", LR_READING, ("OF_STATUS[attenuation][status.value]", 'OF_STATUS[attenuation]["baseline" if status is Status.NEW else status.value]')),
    _m(17, "nodule of a later exam called baseline", LR_STATUS, ("only = len(view.exams) == 1 and view.exam.kind is ExamKind.BASELINE", "only = len(view.exams) == 1")),
    _m(17, "nodule of the first exam called new", LR_STATUS, ("only = len(view.exams) == 1 and view.exam.kind is ExamKind.BASELINE", "only = False")),
    _m(18, "growth from 1.5 mm, not above it", LR_STATUS, ("if difference <= CHANGE_MM:", "if difference < CHANGE_MM:")),
    _m(19, "growth over three years as if over twelve months", LR_STATUS, ("if add_months(earlier.date, 12) < later.date:", "if False:")),
    _m(20, "4A stable at three months coded 2", LR_READING, ('rule = table.STEPPED_2 if previous.category == "3" else table.STEPPED_3', "rule = table.STEPPED_2")),
    _m(21, "stable airway nodule kept at 4A", LR_READING, ("    persists = _persists(sighting)", "    persists = False")),
    _m(21, "stable airway nodule stepped down", LR_READING, ("elif nodule.location.airway is not None and not", "elif nodule.location.airway is not None and not look.seen_before and not")),
    _m(22, "stepped down at an exam that came too early", LR_READING, ("if months is None or months < MONTHS_NEEDED[previous.category]:", "if months is None:")),
    _m(23, "resolved nodule kept as stable", VIEW, ("entries = in_time(nodule.measurements)", "first = nodule.measurements[0]\n        entries = in_time([Measurement(m.date, first.long_axis_mm, first.short_axis_mm) if m.resolved else m for m in nodule.measurements])")),
    _m(24, "months of 30 days", MONTHS, ("    year, month0 = divmod(", "    return date.fromordinal(day.toordinal() + 30 * months)\n    year, month0 = divmod(")),
    _m(24, "elapsed months of 30 days", MONTHS, ("    n = (end.year - start.year) * 12", "    return (end - start).days // 30\n    n = (end.year - start.year) * 12")),
    _m(24, "age in years of 365 days", MONTHS, ("return whole_months(born, day) // 12", "return (day - born).days // 365")),
    _m(24, "a year of 360 days in annualised growth", LR_STATUS, ('YEAR_DAYS: Final = Decimal("365.25")', "YEAR_DAYS: Final = Decimal(360)")),
    _m(25, "31 January + 1 month = 3 March", MONTHS, ("return date(year, month, day.day if day.day <= 28 else min(day.day, monthrange(year, month)[1]))", "return date.fromordinal(date(year, month, 1).toordinal() + day.day - 1)")),
    _m(25, "months added to a date that was already shortened", MONTHS, ("add_months(anchor_date, months.latest),", "add_months(earliest, months.latest - months.earliest),")),
    _m(26, "Lung-RADS counted from baseline", LR_READING, ("            basis=self.basis,\n            category=rule.category,", "            basis=self.basis,\n            anchor_date=self.look.earlier[0].date if self.look.earlier else self.view.today,\n            category=rule.category,")),
    _m(27, "BTS one year counted from the last exam", BTS, ('FROM_BASELINE: Final = frozenset({"FU.3M.STABLE", "FU.3M.GROWTH.SLOW", "FU.12M.STABLE.DIAM"})', "FROM_BASELINE: Final = frozenset()")),
    _m(27, "Fleischner 18-24 months counted from the last exam", FL_LATER, ("anchor_date=baseline,", "anchor_date=view.today,")),
    _m(28, "negative doubling time of a shrinking nodule", GROWTH, ("if volume_ratio > 1 and days > 0 else None", "if volume_ratio != 1 and days > 0 else None")),
    _m(28, "division by zero of an equal nodule", GROWTH, ("if volume_ratio > 1 and days > 0 else None", "if volume_ratio >= 1 and days > 0 else None")),
    _m(29, "doubling time by diameters without the factor 3", GROWTH, ('"diameter", (d2 / d1) ** 3,', '"diameter", d2 / d1,')),
    _m(29, "BTS doubling time by diameters without the factor 3", BTS_READING, ("doubling_time_days(days, (d2 / d1) ** 3)", "doubling_time_days(days, d2 / d1)")),
    _m(29, "log10 in place of ln", GROWTH, ("return days * LN2 / volume_ratio.ln()", "return days * LN2 / volume_ratio.log10()")),
    _m(30, "volumes of two methods compared", SIZES, ("return earlier.method is None or later.method is None or earlier.method == later.method", "return True")),
    _m(30, "a volume compared with the sphere of a diameter", SIZES, ("    if earlier.volume_mm3 is None or later.volume_mm3 is None or not same_method(earlier, later):\n        return None\n    return earlier.volume_mm3, later.volume_mm3", "    sizes = [m.volume_mm3 or sphere_volume_mm3(mean_mm(m) or Decimal(1)) for m in (earlier, later)]\n    return (sizes[0], sizes[1]) if earlier.volume_mm3 or later.volume_mm3 else None")),
    _m(31, "percent change of the later value", GROWTH, ("percent_change=(ratio - 1) * 100", "percent_change=(1 - 1 / ratio) * 100")),
    _m(31, "25 % growth measured on the later volume", GROWTH, ("if v2 >= v1 * GROWTH_RATIO:", "if v1 <= v2 * DECREASE_RATIO:")),
    _m(32, "Brock with linear size", "risk.brock", ("1 / (size_mm / 10).sqrt() - SIZE_OFFSET", "size_mm / 10 - SIZE_OFFSET")),
    _m(32, "Brock without the size offset", "risk.brock", ("1 / (size_mm / 10).sqrt() - SIZE_OFFSET", "1 / (size_mm / 10).sqrt()")),
    _m(32, "Brock age not centred", "risk.brock", ("(s.age or 0) - 62", "(s.age or 0)")),
    _m(32, "Brock count not centred", "risk.brock", ("s.nodule_count - 4", "s.nodule_count")),
    _m(32, "percent in place of the fraction in Herder", "risk.herder", ("MAYO * pretest.probability", "MAYO * pretest.probability * 100")),
    _m(33, "Brock sex coded male = 1", "risk.brock", ('s.patient.sex == "female"', 's.patient.sex == "male"')),
    _m(34, "PKUPH diameter in mm", "risk.pkuph", ("DIAMETER_CM * s.mean_mm / 10", "DIAMETER_CM * s.mean_mm")),
    _m(35, "VA years since quitting of current smokers", "risk.va", ("smoking.quit_years if smoking.status is SmokingStatus.FORMER else Decimal(0)", "smoking.quit_years or Decimal(0)")),
    _m(35, "PLCOm2012 with no cigarettes a day", "risk.plcom2012", ("smoking.cigarettes_per_day or None", "smoking.cigarettes_per_day")),
    _m(36, "Herder fed with Brock", "risk.herder", ("    pretest = mayo(s)", '    from nodules_app.clinical.risk.brock import brock\n\n    pretest = brock("brock_2b", s)')),
    _m(37, "the largest leads in Fleischner", FL_JUDGE, ("return most_urgent(_in_order(findings, doubtful))", "return max(_in_order(findings, doubtful), key=lambda f: (size_mm_of(f.look.now) or 0) if f.look else 0)")),
    _m(37, "the smallest id leads on ties", "editions.edition", ("    return candidates[0] if len(candidates) == 1 else", '    candidates.sort(key=lambda finding: finding.nodule_id or "")\n    return candidates[0] if len(candidates) == 1 else')),
    _m(38, "benign nodules counted as multiple", FL_JUDGE, ("for n in measured if not is_subsolid(n.look)), len(solid_looks))", "for n in measured if not is_subsolid(n.look)), len([look for look in view.present if not is_subsolid(look)]))")),
    _m(38, "perifissural nodules counted as multiple", FL_JUDGE, ("for n in measured if not is_subsolid(n.look)), len(solid_looks))", "for n in measured if not is_subsolid(n.look)), len([look for look in view.present if not is_subsolid(look) and not look.nodule.calcification and not look.nodule.fat]))")),
    _m(39, "Fleischner total read from the solid component", FL_READING, ("        size_mm = mean_mm(now)\n        assert", "        size_mm = solid_mean_mm(now) or mean_mm(now)\n        assert")),
    _m(39, "Fleischner solid component read from the total", FL_READING, ("    now = look.now\n    size_mm = solid_mean_mm(now)", "    now = look.now\n    size_mm = mean_mm(now)")),
    _m(39, "Lung-RADS total read from the solid component", LR_READING, ("    size_mm = mean_mm(m)\n", "    size_mm = solid_mean_mm(m) or mean_mm(m)\n")),
    _m(39, "Lung-RADS solid component read from the total", LR_READING, ("    size_mm = solid_mean_mm(m)\n", "    size_mm = mean_mm(m)\n")),
    _m(40, "missing short axis taken as zero", SIZES, (NO_SHORT_AXIS, "return m.long_axis_mm / 2 if m.long_axis_mm is not None and m.mean_diameter_mm is None else m.mean_diameter_mm")),
    _m(41, "a number compared as text", "reading", ("            if _DIGITS.fullmatch(value):\n                return Decimal(value)", "            if _DIGITS.fullmatch(value):\n                return value")),
    _m(41, "comma accepted silently", "reading", ("            if _DIGITS.fullmatch(value):\n", '            value = value.replace(",", ".")\n            if _DIGITS.fullmatch(value):\n')),
    _m(42, "missing smoking status read as never", "codec", ('s.word("status", SmokingStatus) or SmokingStatus.UNKNOWN', 's.word("status", SmokingStatus) or SmokingStatus.NEVER')),
    _m(42, "missing smoking history read as never", "case", ("status: SmokingStatus = SmokingStatus.UNKNOWN", "status: SmokingStatus = SmokingStatus.NEVER")),
    _m(42, "unknown smoking counted as never in the models", "risk.subject", ("return None if status is SmokingStatus.UNKNOWN else status is not SmokingStatus.NEVER", "return status not in (SmokingStatus.UNKNOWN, SmokingStatus.NEVER)")),
    _m(43, "known cancer an exclusion in BTS", BTS, ('    _row("SCOPE.PROVEN"', '    _row("SCOPE.CANCER", {"known_cancer": True}, "not_applicable", None, "scope", "P"),\n    _row("SCOPE.PROVEN"')),
    _m(44, "oval perifissural nodule discharged by BTS", BTS, ('frozenset({"lentiform", "triangular"})', 'frozenset({"oval", "lentiform", "triangular"})')),
    _m(44, "oval perifissural nodule refused by Fleischner", FLEISCHNER, ('frozenset({"triangular", "oval", "lentiform"})', 'frozenset({"triangular", "lentiform"})')),
    _m(45, "S raises the category", "assess", ("category=(finding.category or", 'category=("4A" if modifiers else finding.category or')),
    _m(46, "one bad case stops the file", "codec", ("    except errors.Refused as refused:\n        answer =", "    except errors.SameNoduleTwice as refused:\n        answer =")),
)  # fmt: skip
