"""Register two CT series from the command line: ``python -m registration PRIOR CURRENT``.

PRIOR and CURRENT are folders with one DICOM series each, or any image file that SimpleITK reads. Prints a report, and
with ``--point`` where a point of the prior scan lies on the current one; with ``--save`` keeps the registration.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK

from registration.errors import Refused
from registration.register import register
from registration.transform import Registration
from registration.volume import Volume


class NotReadable(Refused):
    """A path on the command line holds no series that can be read."""

    code = "not_readable"
    sentence = "{path} holds {found}."
    remedy = "Name a folder with the slices of one CT series, or one image file."


def read_ct(path: Path) -> Volume:
    """Read one series with SimpleITK.

    Raises
    ------
    NotReadable
        Nothing there, no series, more than one, or voxels without a value.
    """
    if not path.exists():
        raise NotReadable(path=path, found="nothing: there is no such file or folder")
    if path.is_dir():
        series: Any = SimpleITK.ImageSeriesReader  # ITK carries no types
        names = series.GetGDCMSeriesIDs(str(path))
        if len(names) != 1:
            raise NotReadable(path=path, found=f"{len(names) or 'no'} DICOM series, not one")
        files = series.GetGDCMSeriesFileNames(str(path), names[0])
        image: Any = SimpleITK.ReadImage(files)
    else:
        image = SimpleITK.ReadImage(str(path))
    if image.GetDimension() != 3:
        raise NotReadable(path=path, found=f"a picture of {image.GetDimension()} dimensions, not a volume")
    values = SimpleITK.GetArrayViewFromImage(image)
    if not np.isfinite(values).all():
        raise NotReadable(path=path, found="voxels that are no numbers")
    array = np.clip(values, -32768, 32767).astype(np.int16)
    sx, sy, sz = image.GetSpacing()
    x, y, z = image.GetOrigin()
    return Volume(array, (sz, sy, sx), (x, y, z), np.array(image.GetDirection()).reshape(3, 3))


def report(registration: Registration, seconds: float) -> str:
    """The figures of a registration in a few lines."""
    return "\n".join(
        [
            f"method             {registration.method}, version {registration.version}",
            f"time               {seconds:.1f} s without reading",
            f"expected error     {registration.median_residual_mm:.2f} mm (median over the lungs)",
            f"inverse error      {registration.inverse_error_mm:.2f} mm",
            f"folded             {100 * registration.fold_fraction:.2f} % of the lungs",
            f"structure found    {100 * registration.kept_fraction:.0f} % again, "
            f"correlation {registration.median_agreement:.2f}",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the command; 0 when registered, 2 when refused."""
    parser = argparse.ArgumentParser(prog="python -m registration", description="Bring two chest CTs into one space.")
    parser.add_argument("prior", type=Path)
    parser.add_argument("current", type=Path)
    parser.add_argument("--point", type=float, nargs=3, action="append", default=[], metavar=("X", "Y", "Z"),
                        help="a point of the prior scan, LPS in mm; may be repeated")  # fmt: skip
    parser.add_argument("--save", type=Path, metavar="FILE.npz")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or auto")
    asked = parser.parse_args(arguments)
    try:
        prior, current = read_ct(asked.prior), read_ct(asked.current)
        began = time.perf_counter()
        registration = register(prior, current, device=asked.device)
    except Refused as refused:
        print(f"Refused ({refused.code}): {refused.as_sentence()} {refused.as_remedy()}", file=sys.stderr)
        return 2
    print(report(registration, time.perf_counter() - began))
    for point in asked.point:
        x, y, z = registration.current_from_prior(point)
        error_mm = float(registration.residual_mm(point))
        print(f"{point[0]:.2f} {point[1]:.2f} {point[2]:.2f} -> {x:.2f} {y:.2f} {z:.2f} mm, +/- {error_mm:.2f} mm")
    if asked.save:
        registration.save(asked.save)
    return 0


if __name__ == "__main__":
    sys.exit(main())
