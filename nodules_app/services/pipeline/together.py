"""Nodules that both scans of a comparison show are measured on both together.

What was measured once keeps its number. A scan that has one already is the anchor: the other's volume is the anchor's
times the ratio that both borders, drawn together, give. So every finding has one volume, and page and guidelines, which
divide volumes, find the ratio that was measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from inference.estimate import Estimate
from inference.joint import measure_together
from inference.measure import NoduleMeasurement
from nodules_app.models import Comparison, Finding, Match, Measurement
from nodules_app.services.pipeline.registering import map_of
from registration.errors import Refused
from registration.transform import Registration as Map

SAME_JUDGEMENT = 2.0  # standard errors between a kept volume and the same border drawn again: beyond, it is no anchor

Outcomes = dict[int, NoduleMeasurement | Refused]
MeasureAgain = Callable[[Finding], NoduleMeasurement | Refused]


@dataclass(frozen=True, slots=True)
class Together:
    """What of a comparison was measured together.

    Parameters
    ----------
    outcomes
        By finding, to be stored in place of what each scan gave alone.
    with_whom
        For the finding measured with another: that other finding.
    """

    outcomes: Mapping[int, NoduleMeasurement | Refused]
    with_whom: Mapping[int, int]


def measure_matches(
    comparison: Comparison, alone: Outcomes, kept: Callable[[Finding], Measurement | None], again: MeasureAgain
) -> Together:
    """Measure the matched nodules of a comparison together where one of both still needs its numbers.

    Parameters
    ----------
    alone
        What was measured in this run, by finding.
    kept
        The numbers that a finding has from this method already.
    again
        Measures a finding that has numbers once more, for its border.
    """
    outcomes, with_whom = dict(alone), dict[int, int]()
    matches = comparison.matches.filter(superseded_at__isnull=True).select_related("prior_finding", "current_finding")
    wanted = [(match, sides) for match in matches.order_by("pk") if (sides := _sides(match, alone)) is not None]
    found_map = map_of(comparison) if wanted else None
    for match, sides in wanted:
        anchor, other = sides
        stored = kept(anchor)
        if anchor.pk not in alone and stored is None:
            continue  # a person has typed its numbers
        found = {one.pk: alone[one.pk] if one.pk in alone else again(one) for one in sides}
        both = _drawn_together(found_map, match, found)
        if both is None:
            continue
        if anchor.pk in alone:
            outcomes |= both
        else:
            scaled = _anchored(stored, both[anchor.pk], both[other.pk])
            if scaled is None:
                continue
            outcomes[other.pk] = scaled
        with_whom[other.pk] = anchor.pk
    return Together(outcomes, with_whom)


def _sides(match: Match, alone: Outcomes) -> tuple[Finding, Finding] | None:
    """The finding that is the anchor and the other, which needs numbers; None when there is nothing to do."""
    prior, current = match.prior_finding, match.current_finding
    if prior is None or current is None or not (prior.present and current.present):
        return None
    if current.pk in alone:
        return prior, current
    return (current, prior) if prior.pk in alone else None


def _drawn_together(found_map: Map | None, match: Match, found: Outcomes) -> dict[int, NoduleMeasurement] | None:
    if found_map is None or match.prior_finding is None or match.current_finding is None:
        return None
    prior, current = found[match.prior_finding.pk], found[match.current_finding.pk]
    if not isinstance(prior, NoduleMeasurement) or not isinstance(current, NoduleMeasurement):
        return None
    jacobian = found_map.jacobians(prior.centre_lps_mm)[0]
    both = measure_together(prior, current, jacobian) if np.isfinite(jacobian).all() else None
    return None if both is None else {match.prior_finding.pk: both[0], match.current_finding.pk: both[1]}


def _anchored(
    stored: Measurement | None, anchor: NoduleMeasurement, other: NoduleMeasurement
) -> NoduleMeasurement | None:
    """The other measurement on the anchor's scale; None when the anchor's border is judged otherwise by now."""
    if stored is None or stored.volume_mm3 is None or stored.volume_sd_mm3 is None:
        return None
    scale = stored.volume_mm3 / anchor.volume_mm3.value
    if abs(math.log(scale)) > SAME_JUDGEMENT * stored.volume_sd_mm3 / stored.volume_mm3:
        return None
    volume = other.volume_mm3
    return replace(other, volume_mm3=Estimate(volume.value * scale, volume.standard_error * scale))
