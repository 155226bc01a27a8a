"""The command line of the package, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from registration.__main__ import main
from registration.transform import Registration
from registration.volume import Volume
from registration.warm import drawn_chest, warm
from tests.unit.registration.chest import ChestPair


def written(volume: Volume, path: Path) -> Path:
    image = SimpleITK.GetImageFromArray(volume.array_hu)
    image.SetSpacing(volume.spacing_zyx_mm[::-1])
    image.SetOrigin(volume.origin_lps_mm)
    image.SetDirection(volume.direction.ravel().tolist())
    SimpleITK.WriteImage(image, str(path))
    return path


def test_it_registers_two_files_and_carries_a_point(
    chest_pair: ChestPair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prior = written(chest_pair.prior, tmp_path / "prior.nrrd")
    current = written(chest_pair.current, tmp_path / "current.nrrd")
    here, there = chest_pair.truth()
    point = [f"{value:.3f}" for value in here[700]]
    assert main([str(prior), str(current), "--point", *point, "--save", str(tmp_path / "map.npz")]) == 0
    said = capsys.readouterr().out
    found = [float(value) for value in said.splitlines()[-1].split("->")[1].split("mm")[0].split()]
    assert found == pytest.approx(there[700], abs=1.0)
    assert "expected error" in said
    kept = Registration.load(tmp_path / "map.npz")
    assert kept.current_from_prior(here[700]) == pytest.approx(found, abs=0.01)


def test_it_refuses_in_one_sentence_with_a_remedy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flat = Volume(np.zeros((40, 40, 40), np.int16), (3.0, 3.0, 3.0), (0.0, 0.0, 0.0), np.eye(3))
    path = written(flat, tmp_path / "flat.nrrd")
    assert main([str(path), str(path)]) == 2
    said = capsys.readouterr().err
    assert "no_lungs_found" in said
    assert "Choose the series" in said


@pytest.mark.parametrize("name", ["nothing-here", "."])
def test_a_path_without_a_series_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / name), str(tmp_path)]) == 2
    assert "not_readable" in capsys.readouterr().err


def test_an_image_with_voxels_that_are_no_numbers_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = np.zeros((20, 20, 20), np.float32)
    values[3, 4, 5] = np.nan
    path = tmp_path / "holes.nrrd"
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(values), str(path))
    assert main([str(path), str(path)]) == 2
    assert "no numbers" in capsys.readouterr().err


def test_warming_compiles_what_registering_needs() -> None:
    warm()
    assert drawn_chest().array_hu.dtype == np.int16


def test_importing_compiles_nothing_and_starts_no_threads() -> None:
    """A worker forks after the import; numba's threads must not be running by then."""
    program = (
        "import sys, registration.register, registration.match, numba, threading\n"
        "from numba.core.dispatcher import Dispatcher\n"
        "loops = [value for name, module in list(sys.modules.items()) if name.startswith('registration')\n"
        "         for value in vars(module).values() if isinstance(value, Dispatcher)]\n"
        "assert len(loops) > 20, len(loops)\n"
        "assert not any(loop.signatures for loop in loops)\n"
        "assert not numba.np.ufunc.parallel._is_initialized\n"
        "assert threading.active_count() == 1\n"
        "assert 'torch' not in sys.modules and 'django' not in sys.modules and 'SimpleITK' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
