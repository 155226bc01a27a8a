"""The volumes of a patient's nodules over time: the curve, and the same numbers as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import formats
from django.utils.translation import gettext

from nodules_app.charts import pairs, trajectory
from nodules_app.templatetags.quantities import vdt_words

if TYPE_CHECKING:
    from nodules_app.selectors.patients import PatientPage


def curve(page: PatientPage) -> trajectory.Figure | None:
    """Give what the script draws, with the window of the next CT if one is owed; None before the first volume."""
    exams = [
        (exam.acquired_on, formats.date_format(exam.acquired_on, "DATE_FORMAT"))
        for exam, _scan in page.timeline.scans
        if exam.acquired_on is not None
    ]
    window = None
    if page.owed and page.owed[0].kind == "ct":
        window = trajectory.NextWindow(page.owed[0].due_from, page.owed[0].due_until, gettext("next CT"))
    return trajectory.figure(
        pairs.lines(page.timeline, lambda change: f"VDT {vdt_words(change)}"), exams, unit="mm³", next_window=window
    )


def table(page: PatientPage) -> dict[str, object]:
    """Give the numbers behind the curve: one row a nodule, one column an exam."""
    scans = [(exam.acquired_on, scan) for exam, scan in page.timeline.scans if exam.acquired_on is not None]
    rows = []
    for nodule in page.timeline.nodules:
        row = [nodule.label]
        for _day, scan in scans:
            seen = nodule.on_scan(scan.code)
            measured = seen.measured if seen and seen.present else None
            row.append(f"{measured.volume_mm3:.0f} ± {1.96 * measured.volume_sd_mm3:.0f}" if measured else "–")
        rows.append(row)
    columns = ["mm³", *(formats.date_format(day, "DATE_FORMAT") for day, _scan in scans)]
    return {"columns": columns, "rows": rows}
