"""Where the research CTs lie, for tests that need them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def research_data(folder: str = "") -> Path:
    """Give the folder of research data, or skip the calling test with the reason."""
    root = Path(os.environ.get("NODULES_TEST_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    if not (root / folder).exists():
        pytest.skip(f"research data {folder or 'folder'} is not beside the checkout (set NODULES_TEST_DATA)")
    return root / folder
