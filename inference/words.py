"""The words for what became of a nodule between two scans.

*unchanged*: the volume ratio lies within what repeat scans of an unchanged nodule show (25 %, or the 95 % interval
when that is wider). *markedly* larger or smaller: beyond that, and by at least 20 % in diameter (a factor 1.73 in
volume), the step that RECIST 1.1 calls progression (Eisenhauer et al. 2009, Eur J Cancer 45:228). *slightly*:
between. *new* and *resolved*: the other scan shows clear lung at the place. *obscured*: it shows opacified lung or
metal there. *present*: on both scans, but the sizes cannot be compared, because one of them could not be measured or
the scans do not allow it. *merged* and *split*: two nodules of one scan lie in one of the other. *seen in retrospect*:
not on the list of the prior scan, but there; its own change stands beside the word. *resected* and *not a nodule* are
said by people only.
"""

from __future__ import annotations

from typing import Final, Literal

from inference.growth import Growth

ComparisonWord = Literal[
    "new",
    "unchanged",
    "larger-slightly",
    "larger-markedly",
    "smaller-slightly",
    "smaller-markedly",
    "resolved",
    "obscured",
    "merged",
    "split",
    "seen-in-retrospect",
    "present",
    "outside-field",
    "not-assessable",
]

MARKED_RATIO: Final = 1.2**3


def change_word(change: Growth) -> ComparisonWord:
    """Comparison word of a nodule present on both scans; see the module for what the words mean."""
    if change.significant:
        return "larger-markedly" if change.volume_ratio >= MARKED_RATIO else "larger-slightly"
    if change.significantly_smaller:
        return "smaller-markedly" if change.volume_ratio <= 1 / MARKED_RATIO else "smaller-slightly"
    return "unchanged"
