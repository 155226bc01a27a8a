"""Draw the outlines of real nodules beside what readers drew, for people to look at.

Run as ``python -m tests.benchmarks.contact_sheet FOLDER``; writes one PNG for each collection of the research data.
Each tile is the slice of the nodule's axes: our outline in red, the readers' in green, their consensus in yellow.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from inference.errors import NotMeasured
from inference.measure import NoduleMeasurement, measure
from nodules_app.dicom.examination import read_examination
from nodules_app.dicom.volumes import read_volume
from registration.lungs import segment_lungs
from registration.volume import Volume
from tests.benchmarks.bench_lungs import DATA
from tests.benchmarks.bench_measure_readers import MARGIN_MM, MARGIN_PX

TILE_PX: Final = 240
REACH_MM: Final = 22.0
COLUMNS: Final = 6
CAPTION_PX: Final = 30
WINDOW_HU: Final = (-1150.0, 250.0)
OURS, READER, CONSENSUS = (255, 60, 60), (60, 170, 60), (255, 220, 0)

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Shown:
    """One nodule: its scan, a point in it, and the readers' masks (reader, z, y, x), if there are any."""

    name: str
    volume: Volume
    seed_lps_mm: NDArray[np.float64]
    readers: Mask | None = None


def follow_up_pair() -> Iterator[Shown]:
    """The nodules of the research pair; nobody drew them."""
    truth = json.loads((DATA / "nlst-101287" / "truth.json").read_text())
    for day in ("prior", "current"):
        volume = _scan(f"nlst-101287/{day}")
        for nodule in truth["nodules"]:
            if nodule[f"{day}_lps_mm"]:
                yield Shown(f"{nodule['id']} {day}", volume, np.asarray(nodule[f"{day}_lps_mm"]))


def large_nodule() -> Iterator[Shown]:
    """LIDC-IDRI-0001 with the masks of its four readers."""
    volume = _scan("lidc-0001/ct")
    drawn = pydicom.dcmread(DATA / "lidc-0001" / "seg-sr" / "readers.seg.dcm")
    readers = np.zeros((len(drawn.SegmentSequence), *volume.shape_zyx), bool)
    for frame, groups in zip(drawn.pixel_array, drawn.PerFrameFunctionalGroupsSequence, strict=True):
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        at = volume.index_from_lps(np.asarray(groups.PlanePositionSequence[0].ImagePositionPatient, np.float64))
        z, y, x = np.rint(at).astype(int)
        rows, columns = frame.shape
        readers[number - 1, z, y : y + rows, x : x + columns] = frame > 0
    yield Shown("LIDC 0001", volume, _middle(volume, readers), readers)


def cubes() -> Iterator[Shown]:
    """The cubes with readers' masks; most end one slice beyond the nodule, so their border is repeated outward."""
    for path in sorted((DATA / "lidc-vois").glob("*.npz")):
        with np.load(path) as stored:
            z, y, x = (float(step) for step in stored["spacing_zyx"])
            more = math.ceil(MARGIN_MM / z), MARGIN_PX, MARGIN_PX
            around = [(voxels, voxels) for voxels in more]
            array = np.pad(stored["hu"], around, mode="edge").astype(np.int16)
            first = np.asarray(stored["origin_lps"], np.float64) - np.array([more[2] * x, more[1] * y, more[0] * z])
            readers = np.pad(stored["reader_masks"].astype(bool), [(0, 0), *around])
        volume = Volume(array, (z, y, x), (float(first[0]), float(first[1]), float(first[2])), np.eye(3))
        yield Shown(path.stem.removeprefix("LIDC-IDRI-"), volume, _middle(volume, readers), readers)


def _scan(name: str) -> Volume:
    with read_examination(DATA / name) as examination:
        return read_volume(examination.series[0])


def _middle(volume: Volume, readers: Mask) -> NDArray[np.float64]:
    """The voxel of the consensus that lies nearest to its middle."""
    inside = np.argwhere(_consensus(readers))
    return volume.lps_from_index(inside[np.argmin(((inside - inside.mean(axis=0)) ** 2).sum(axis=1))])


def _consensus(readers: Mask) -> Mask:
    return np.asarray(readers.mean(axis=0) >= 0.5)


def tile(shown: Shown) -> Image.Image:
    """Picture of one nodule with what was drawn and a caption."""
    lungs = segment_lungs(shown.volume) if shown.readers is None else None
    try:
        measured = measure(shown.volume, shown.seed_lps_mm, lungs=lungs)
    except NotMeasured as refusal:
        return _drawn(shown, None, f"{shown.name}\nrefused: {refusal.code}")
    caption = f"{shown.name}, {measured.attenuation}\n{measured.volume_mm3.value:.0f} mm3"
    if shown.readers is not None:
        ours, theirs = _whole(measured, shown.volume), _consensus(shown.readers)
        overlap = 2 * np.count_nonzero(ours & theirs) / (np.count_nonzero(ours) + np.count_nonzero(theirs))
        caption += f", readers {theirs.sum() * shown.volume.voxel_mm3:.0f}, Dice {overlap:.2f}"
    return _drawn(shown, measured, caption)


def _whole(measured: NoduleMeasurement, volume: Volume) -> Mask:
    """Our outline as a mask of the whole volume."""
    mask = np.zeros(volume.shape_zyx, bool)
    box = zip(measured.outline_start_zyx, measured.outline.shape, strict=True)
    mask[tuple(slice(start, start + size) for start, size in box)] = measured.outline
    return mask


def _drawn(shown: Shown, measured: NoduleMeasurement | None, caption: str) -> Image.Image:
    volume = shown.volume
    centre = volume.index_from_lps(shown.seed_lps_mm if measured is None else measured.centre_lps_mm)
    z = int(np.clip(round(float(centre[0])) if measured is None else measured.axial_index, 0, len(volume.array_hu) - 1))
    masks = [] if shown.readers is None else [(reader[z], READER) for reader in shown.readers]
    if shown.readers is not None:
        masks.append((_consensus(shown.readers)[z], CONSENSUS))
    if measured is not None:
        masks.append((_whole(measured, volume)[z], OURS))
    step = REACH_MM * 2 / TILE_PX
    rows, columns = (
        (centre[axis] + (np.arange(TILE_PX) - TILE_PX / 2) * step / volume.spacing_zyx_mm[axis]) for axis in (1, 2)
    )
    places = np.meshgrid(rows, columns, indexing="ij")
    low, high = WINDOW_HU
    grey = ndimage.map_coordinates(volume.array_hu[z].astype(np.float32), places, order=1, cval=low)
    picture = np.repeat(np.clip((grey - low) / (high - low) * 255, 0, 255).astype(np.uint8)[..., None], 3, axis=-1)
    for mask, colour in masks:
        inside = ndimage.map_coordinates(mask.astype(np.float32), places, order=1) > 0.5
        picture[inside & ~ndimage.binary_erosion(inside)] = colour
    image = Image.new("RGB", (TILE_PX, TILE_PX + CAPTION_PX))
    image.paste(Image.fromarray(picture), (0, 0))
    ImageDraw.Draw(image).text((4, TILE_PX + 2), caption, fill=(230, 230, 230))
    return image


def main() -> None:
    """Write the sheets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the PNG files go")
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    for name, collection in (("nlst-101287", follow_up_pair), ("lidc-0001", large_nodule), ("lidc-vois", cubes)):
        tiles = [tile(shown) for shown in collection()]
        width, height = TILE_PX, TILE_PX + CAPTION_PX
        sheet = Image.new("RGB", (width * min(COLUMNS, len(tiles)), height * -(-len(tiles) // COLUMNS)))
        for number, one in enumerate(tiles):
            sheet.paste(one, (number % COLUMNS * width, number // COLUMNS * height))
        sheet.save(folder / f"{name}.png")
        sys.stdout.write(f"{folder / name}.png: {len(tiles)} nodules\n")


if __name__ == "__main__":
    main()
