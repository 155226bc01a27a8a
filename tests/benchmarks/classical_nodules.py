"""What measuring and describing say of simulated nodules with features, kept once, for comparing networks with it.

``python -m tests.benchmarks.classical_nodules FOLDER FILE`` measures what ``inference.training.nodule_data --blocks``
kept in FOLDER and adds a line of JSON for each to FILE; blocks that FILE holds already are left out.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.describe import describe_nodule
from inference.errors import NotMeasured
from inference.figure import Figure, Said
from inference.measure import measure
from registration.volume import Volume


def read_block(path: Path) -> tuple[Volume, NDArray[np.float64]]:
    """The scanned block of a nodule, and the point that is asked about."""
    with np.load(path) as kept:
        place = [float(v) for v in kept["place"]]
        z, y, x = place[:3]
        return Volume(kept["hu"], (z, y, x), (place[3], place[4], place[5]), np.eye(3)), np.array(place[6:])


def classical(volume: Volume, asked_lps_mm: NDArray[np.float64]) -> dict[str, Any]:
    """Volumes and words; which refusal, where measuring cannot stand behind a volume."""
    started = time.process_time()
    try:
        found = measure(volume, asked_lps_mm)
    except NotMeasured as refusal:
        return {"refused": refusal.code}
    seconds = time.process_time() - started
    told = describe_nodule(found)
    solid_mm3 = {"solid": found.volume_mm3.value, "ground_glass": 0.0}.get(
        found.attenuation, found.solid_volume_mm3 or 0.0
    )
    return {
        "volume_mm3": found.volume_mm3.value,
        "error_mm3": found.volume_mm3.standard_error,
        "solid_mm3": solid_mm3,
        "solid": found.attenuation == "solid",
        "part_solid": found.attenuation == "part_solid",
        "ground_glass": found.attenuation == "ground_glass",
        "lobulation": _value(told.shape.lobulation),
        "spiculation": _value(told.shape.spiculation),
        "calcification": _value(told.content.calcified_share),
        "cavity": told.content.air_mm3 or 0.0,
        "pleural_tag": told.shape.going_on,
        "cpu_seconds": seconds,
    }


def _value(said: Said) -> float | None:
    return said.value if isinstance(said, Figure) else None


def read_classical(file: Path) -> dict[str, dict[str, Any]]:
    """What was kept, by the name of the block."""
    rows = (json.loads(line) for line in file.read_text("utf-8").splitlines()) if file.exists() else ()
    return {row["name"]: row for row in rows}


def main() -> None:
    """Measure what was not measured yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("file", type=Path)
    told = parser.parse_args()
    known = read_classical(told.file)
    with told.file.open("a", encoding="utf-8") as kept:
        for path in sorted(told.folder.glob("block-*.npz")):
            if path.stem not in known:
                kept.write(json.dumps({"name": path.stem} | classical(*read_block(path))) + "\n")
                kept.flush()


if __name__ == "__main__":
    main()
