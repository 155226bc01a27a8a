"""Reading both exams of a comparison side by side: what is wrong is said of the earlier one first, and nobody waits."""

from __future__ import annotations

from concurrent.futures import CancelledError, ThreadPoolExecutor
from pathlib import Path

import pytest

from nodules_app.dicom.errors import InputRefused
from nodules_app.services.compare.reading import Source, begin_reading

WAIT_S = 30.0


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_prior_without_images_is_refused_and_the_current_exam_is_not_waited_for(tmp_path: Path, threads: int) -> None:
    sources = [Source(tmp_path / name) for name in ("prior", "current")]
    for source in sources:
        source.path.mkdir()
        (source.path / "note.txt").write_text(f"no image of the {source.path.name} exam")
    with ThreadPoolExecutor(threads) as pool:
        prior, current = begin_reading(*sources, pool)
        for coming in (prior.read, prior.ready):
            with pytest.raises(InputRefused):
                coming.result(WAIT_S)
        for coming in (current.read, current.ready):
            with pytest.raises(CancelledError):
                coming.result(WAIT_S)
