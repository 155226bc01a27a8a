"""Compile the loops of this package ahead of use: ``python -m inference.warm``; see ``registration.warm``."""

from __future__ import annotations

from inference.candidates import find_candidates
from registration.lungs import segment_lungs
from registration.volume import Volume
from registration.warm import drawn_chest


def warm() -> None:
    """Look for candidates in a drawn chest, from a plain and from a read-only array as a mapped file gives it."""
    chest = drawn_chest()
    mapped = Volume(chest.array_hu.copy(), chest.spacing_zyx_mm, chest.origin_lps_mm, chest.direction)
    mapped.array_hu.flags.writeable = False
    for volume in (chest, mapped):
        find_candidates(volume, segment_lungs(volume))


if __name__ == "__main__":
    warm()
