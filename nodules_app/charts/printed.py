"""What paper carries of a patient's images and sizes: crops with their outlines, and the curve."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.utils import formats
from django.utils.translation import gettext

from inference.estimate import Estimate
from nodules_app.charts.pairs import Dated, NoduleRow, Volumes, crop_of, size_text, two_latest
from nodules_app.exchange.documents import Picture
from nodules_app.exchange.documents_curve import Curve, CurveLine, Mark
from nodules_app.exchange.pictures import printed_png
from nodules_app.lifecycles import NoduleState
from nodules_app.selectors.timeline import Appearance, Measured, NoduleLine, Timeline

SHAPES: Final = 7  # lines that can be told apart on one curve


def pictures(row: NoduleRow, shown: Timeline, volumes: Volumes) -> Iterator[Picture]:
    """Give a nodule on the prior and on the current exam, where there are two."""
    prior, current = two_latest(shown)
    if prior is not None:
        yield _picture(row, gettext("prior"), prior, row.prior, volumes)
    if current is not None:
        yield _picture(row, gettext("current"), current, row.current, volumes)


def _picture(row: NoduleRow, when: str, dated: Dated, seen: Appearance | None, volumes: Volumes) -> Picture:
    exam, scan = dated
    day = formats.date_format(exam.acquired_on, "DATE_FORMAT") if exam.acquired_on else ""
    title = f"{row.nodule.label} · {when}, {day}"
    if seen is None:
        return Picture(None, f"{title}\n{gettext('not looked for here')}")
    volume = volumes.of(scan.series.code)
    if volume is None:
        return Picture(None, f"{title}\n{gettext('the images are not at hand')}")
    outline = seen.measured.outline_px if seen.measured and seen.present else ()
    return Picture(printed_png(volume, crop_of(seen, volume), outline), f"{title}\n{size_text(seen)}")


def curve(shown: Timeline, *, lead: str) -> tuple[Curve | None, tuple[str, ...]]:
    """Give the volumes over time, and which nodules are left out of it: too many lines cannot be told apart.

    The leading nodule comes first, then those that were measured most often. There is none before the second exam.
    """
    days = tuple(
        (exam.acquired_on, formats.date_format(exam.acquired_on, "DATE_FORMAT"))
        for exam, _scan in shown.scans
        if exam.acquired_on is not None
    )
    known = [(nodule.label, line) for nodule in shown.nodules if (line := _line(nodule)) is not None]
    if len(days) < 2 or not known:
        return None, ()
    known.sort(key=lambda one: (one[0] != lead, -len(one[1].marks)))
    drawn = tuple(line for _label, line in known[:SHAPES])
    return Curve(days, drawn), tuple(label for label, _line in known[SHAPES:])


def _line(nodule: NoduleLine) -> CurveLine | None:
    marks = tuple(
        Mark(seen.on, seen.measured.volume_mm3, *_interval_mm3(seen.measured))
        for seen in nodule.appearances
        if seen.on is not None and seen.measured is not None and seen.present
    )
    if not marks or nodule.state is NoduleState.NOT_A_NODULE:
        return None
    return CurveLine(f"{nodule.label} {marks[-1].volume_mm3:.0f}", marks)


def _interval_mm3(measured: Measured) -> tuple[float, float]:
    return Estimate(measured.volume_mm3, measured.volume_sd_mm3).interval_95
