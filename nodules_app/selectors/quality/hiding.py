"""What of the figures may leave the house: no small group, and none that the others give away.

Three rules hold in a shared view. A group with one to four people on either side of a share is not shown. A table hides
more of its groups until those that are hidden count at least five together and are two or more, so that the total
minus what is shown leaves every hidden group open. And every count is rounded to the nearest five, so that two
overlapping periods, clinics or exports subtracted from each other say nothing of few people either.

Source
------
Complementary suppression: Willenborg and de Waal 2001, Elements of Statistical Disclosure Control, chapter 4. Rounding
to five beside suppression is what the disclosure rules of the English hospital statistics ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

FEWEST: Final = 5


def is_small(count: int) -> bool:
    """Whether so few people could be known by it; nobody at all is no group."""
    return 0 < count < FEWEST


def rounded(count: int) -> int:
    """Give the nearest multiple of five."""
    return FEWEST * ((count + FEWEST // 2) // FEWEST)


def hidden(groups: Sequence[Sequence[int]]) -> frozenset[int]:
    """Say which groups of one table are not shown.

    Parameters
    ----------
    groups
        For each group its disjoint counts: one number, or those who did and those who did not.

    Returns
    -------
    frozenset of int
        Places of hidden groups. Either none is hidden, or together they stand for at least five people on each side
        and are at least two, or all are hidden, and then their total is too small to be shown as well.
    """
    out = {place for place, counts in enumerate(groups) if any(map(is_small, counts))}
    while out and not _keep_each_other(groups, out):
        rest = [place for place, counts in enumerate(groups) if place not in out and any(counts)]
        if not rest:
            return frozenset(range(len(groups)))
        out.add(min(rest, key=lambda place: (sum(groups[place]), place)))
    return frozenset(out)


def _keep_each_other(groups: Sequence[Sequence[int]], out: set[int]) -> bool:
    filled = [groups[place] for place in out if sum(groups[place])]
    together: list[int] = [sum(side) for side in zip(*filled, strict=True)]
    return len(filled) > 1 and not any(map(is_small, together))
