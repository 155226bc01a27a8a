"""``manage.py validate``: a file in, a report that stands alone and every figure as CSV out; honest about bad files."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from inference.validation.cases import Cases
from inference.validation.discrimination import area
from nodules_app.services.validation import read_marks

ROWS = [(f"p{index // 2}", ("upper", "lower")[index % 2], 0.05 + 0.03 * index, index % 3 == 2) for index in range(24)]


def written(file: Path, rows: list[str]) -> Path:
    file.write_text("\n".join(rows) + "\n", "utf-8")
    return file


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    lines = [f"{who},{lobe},{score:.2f},{1 - score / 2:.3f},{int(hit)}" for who, lobe, score, hit in ROWS]
    return written(tmp_path / "predictions.csv", ["patient,lobe,brock_2b,other,outcome", *lines])


def figures(folder: Path) -> dict[tuple[str, str, str], dict[str, str]]:
    with (folder / "figures.csv").open(encoding="utf-8-sig", newline="") as file:
        return {(row["section"], row["model"], row["figure"]): row for row in csv.DictReader(file)}


def test_every_figure_stands_in_the_table_and_every_curve_in_the_report(predictions: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    asked = ["--score", "brock_2b", "--score", "other", "--patient", "patient", "--group", "lobe", "--draws", "50"]
    call_command("validate", str(predictions), *asked, "--out", str(out))
    found = figures(out)
    known = area(Cases.of([row[2] for row in ROWS], [row[3] for row in ROWS]))
    row = found["model", "brock_2b", "auc"]
    assert [float(row[name]) for name in ("value", "low_95", "high_95")] == pytest.approx(
        [known.share, known.low_share, known.high_share], abs=1e-9
    )
    assert (row["cases"], row["events"]) == ("24", "8")
    assert {"calibration_slope", "brier", "average_precision"} <= {name for _, _, name in found}
    assert ("pair", "other - brock_2b", "p_delong") in found
    assert ("group lobe", "brock_2b", "auc upper") in found
    html = (out / "report.html").read_text("utf-8")
    assert html.count("Plotly.newPlot(") == 4
    assert "http://" not in html.split("</script>", 1)[1]  # after the bundle nothing points anywhere
    assert "src=" not in html.split("</script>", 1)[1]


def test_the_report_carries_its_own_plotly(predictions: Path, tmp_path: Path) -> None:
    call_command("validate", str(predictions), "--score", "other", "--draws", "20", "--out", str(tmp_path / "out"))
    assert len((tmp_path / "out" / "report.html").read_bytes()) > 1_000_000


def test_marks_give_a_froc(tmp_path: Path) -> None:
    lines = ["scan,nodule,score", "a,1,0.9", "a,1,0.4", "a,,0.8", "b,2,", "c,,"]
    file = written(tmp_path / "marks.csv", lines)
    marks = {tuple(one.nodule_scores): one for one in read_marks(file)}
    assert set(marks) == {(0.9,), (float("-inf"),), ()}
    call_command("validate", str(file), "--froc", "--draws", "20", "--out", str(tmp_path / "out"))
    assert float(figures(tmp_path / "out")["froc", "", "found at 1 false marks a scan"]["value"]) == 0.5


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (["score,outcome", "0.1,1", "x,0"], "line 3: 'x' in column 'score' is no finite number"),
        (["score,outcome", "0.1,1", "nan,0"], "line 3: 'nan' in column 'score' is no finite number"),
        (["score,outcome", "0.1,maybe"], "line 2: 'maybe' in column 'outcome' is no outcome"),
        (["risk,outcome", "0.1,1"], "no column 'score'; it has risk, outcome"),
        (["score,outcome"], "holds no case"),
        (["score,outcome", "0.1,1", "0.2,0", "0.3,0"], "1 of 3 cases are malignant"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_nothing_is_written(
    rows: list[str], said: str, tmp_path: Path
) -> None:
    with pytest.raises(CommandError) as refused:
        call_command("validate", str(written(tmp_path / "bad.csv", rows)), "--out", str(tmp_path / "out"))
    assert said in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there_or_no_text_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("validate", str(tmp_path / "none.csv"), "--out", str(tmp_path / "out"))
    (tmp_path / "binary.csv").write_bytes(b"score,outcome\n\xff\xfe,1\n")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("validate", str(tmp_path / "binary.csv"), "--out", str(tmp_path / "out"))
