"""The definitions of growth as a ladder: from which present size on each of them speaks of growth."""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import Final

from nodules_app.clinical.case import Measurement
from nodules_app.clinical.change import Comparison, Verdict
from nodules_app.clinical.sizes import mean_mm
from nodules_app.services.ladders import Ladder, Strip, Zone

GROWTH: Final = "growth"
NO_GROWTH: Final = "stable"
TENTH: Final = Decimal("0.1")
WHOLE: Final = Decimal(1)


def definitions_ladder(whole: Comparison, now: Measurement) -> Ladder | None:
    """Draw the definitions along the volume where both exams have one, else along the present mean diameter.

    Parameters
    ----------
    whole
        The first measurement against the present one.
    now
        The present measurement, for its size and its error.

    Returns
    -------
    Ladder or None
        One strip a definition; ``None`` when the first measurement gave no size to begin with.
    """
    size_mm = mean_mm(now)
    by_volume = size_mm is None or any(change.quantity == "volume_mm3" for change in whole.changes)
    size = now.volume_mm3 if by_volume else size_mm
    if size is None or not whole.verdicts:
        return None
    sd = None if now.sd is None else now.sd.volume_mm3 if by_volume else now.sd.mean_diameter_mm
    return Ladder(
        quantity="volume_mm3" if by_volume else "mean_diameter_mm",
        unit="mm³" if by_volume else "mm",
        size=size,
        sd=sd,
        measured=None,
        strips=tuple(_strip(verdict, by_volume=by_volume) for verdict in whole.verdicts),
    )


def _strip(verdict: Verdict, *, by_volume: bool) -> Strip:
    """No growth below the first reportable size that counts as growth."""
    exact, step = (verdict.from_mm3, WHOLE) if by_volume else (verdict.from_mm, TENTH)
    start = exact.quantize(step, ROUND_CEILING)
    zones = (Zone(None, start, NO_GROWTH, (), None), Zone(start, None, GROWTH, (), None))
    return Strip(verdict.definition.code, zones)
