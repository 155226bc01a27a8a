"""What docs/embedding.md shows is run as it stands there, in an interpreter that has nothing but Python."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "embedding.md").read_text("utf-8")
SHOWN = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)
NOT_NEEDED = ("django", "numpy", "celery", "torch")


def test_the_page_shows_code_with_what_it_prints() -> None:
    assert len(SHOWN) == PAGE.count("```python") == 4
    assert len(SHOWN[0][0].replace("\n\n", "\n").splitlines()) == 5


@pytest.mark.parametrize(
    ("code", "printed"), SHOWN, ids=["five lines", "typed values", "what an interval shows", "a no"]
)
def test_the_code_prints_what_the_page_says(code: str, printed: str) -> None:
    refuse = f"import sys\nfor name in {NOT_NEEDED!r}:\n    sys.modules[name] = None\n"  # importing one would raise
    done = subprocess.run(
        [sys.executable, "-c", refuse + code],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == printed
