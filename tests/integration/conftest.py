"""What several integration tests share: a simulated patient, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command


@pytest.fixture(scope="session")
def simulated_patient(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two CTs of one simulated patient as DICOM, coarse but measurable, and ``truth.json``."""
    folder = tmp_path_factory.mktemp("simulated") / "patient"
    call_command("simulate", str(folder), size="coarse", verbosity=0)
    return folder
