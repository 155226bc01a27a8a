"""The rules of the house that no linter knows: who loads what, units in names, sizes, silence about machines."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("nodules_app", "inference", "registration")
PYTHON_FILES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.parent.name != "migrations"
)
TEST_FILES = sorted((ROOT / "tests").rglob("*.py"))

FILE_LINES = 500
FUNCTION_LINES = 70

UNITS = (
    "_mm",
    "_mm2",
    "_mm3",
    "_ml",
    "_hu",
    "_mas",
    "_mg",
    "_days",
    "_months",
    "_minutes",
    "_years",
    "_s",
    "_ms",
    "_px",
    "_voxels",
    "_mb",
    "_degrees",
    "_zyx",
    "_xyz",
    "_ci95",
)
# True ratios and names that DICOM gave. A new line here needs the reader's consent: is there really no unit?
WITHOUT_UNIT = frozenset(
    {
        "Variety.density",  # shares of the window of networks, as its docstring says
        "Variety.gain",
        "Variety.noise",
        "Progress.loss",
        "Estimate.value",  # the unit stands in the name of the field that holds the estimate
        "Estimate.standard_error",
        "Figure.value",  # as of an estimate
        "Figure.standard_error",
        "Threshold.value",  # in the unit of the drawing, which is the reader's choice
        "LobeAt.certainty",  # probabilities
        "Place.lobe_certainty",
        "ErrorTable.noise",  # shares of the volume that each cause is worth
        "ErrorTable.sampling",
        "ErrorTable.wall",
        "Finding.slenderness",  # long through short axis
        "ErrorParts.noise",  # standard errors of a logarithm
        "ErrorParts.sampling",
        "ErrorParts.method",
        "Growth.log_ratio_error",
        "LearnedGrowth.log_ratio_error",
        "Fused.log_ratio_error",
        "_Kept.log_ratio_error",
        "HeatRegion.heat_log_odds",
        "Look.offset",  # log odds too
        "Performance.value",  # in the unit that its measure names
        "Performance.low",
        "Performance.high",
        "Performance.before",
        "Contract.largest",  # of what a network answers
        "Tubes.flattening",
        "Anatomy.muscle",  # times the average
        "_Seen.escaping",  # shares of the rays
        "_Seen.long",
        "KernelShape.boost",
        "Round.stiffness",  # weight of a penalty
        "Surface.log_scale",
        "FindingMark.certainty",  # of a program, 0 to 1
        "Quantity.value",  # in the unit that its name ends in, as its ends are
        "Quantity.low",
        "Quantity.high",
        "Measure.value",  # of a report of others, in the unit beside it
        "Measure.reach",
        "ReportedMeasure.value",
        "ReportedMeasure.reach",
        "ReportedLine.value",
        "ReportedLine.reach",
        "confidence",  # of a match, 0 to 1
        "hu",  # is a unit
        "likeness",
        "probability",
        "Passing.probabilities",
        "PairReport.limits",  # of probability
        "Share.share",
        "score",
        "Marked.nodule_scores",
        "Marked.false_scores",
        "kvp",  # DICOM's own names, as they stand in the header
        "orientation",
        "stack_direction",
        "rescale_slope",
        "rescale_intercept",
    }
)
RATIO_ENDINGS = (
    "_fraction",
    "_ratio",
    "_ratio_low",
    "_ratio_high",
    "_probability",
    "_agreement",
    "_share",
    "relative_error",
)


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def loaded_by(module: str, *, django: bool = False) -> set[str]:
    """Import a module in a fresh interpreter and give the top-level packages that came with it."""
    return {name.partition(".")[0] for name in every_module_of(module, django=django)}


def every_module_of(module: str, *, django: bool = True) -> set[str]:
    setup = "import django; django.setup();" if django else ""
    code = f"{setup}import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    environment = {"DJANGO_SETTINGS_MODULE": "nodules_app.settings", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stdout))


@pytest.mark.parametrize(
    "core", ["registration.volume", "inference.estimate", "nodules_app.lifecycles", "nodules_app.clinical"]
)
def test_cores_come_without_django(core: str) -> None:
    assert loaded_by(core).isdisjoint({"django", "celery", "redis", "psycopg2"})


def test_clinical_rules_need_only_python() -> None:
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in sorted((ROOT / "nodules_app" / "clinical").rglob("*.py"))
        if path.name != "__init__.py"
    ]
    assert modules
    unwanted = {"numpy", "scipy", "torch", "SimpleITK", "pydicom", "registration", "inference"}
    assert loaded_by(", ".join(modules)).isdisjoint(unwanted)


@pytest.mark.parametrize("process", ["nodules_app.urls", "nodules_app.tasks.desk"])
def test_pages_and_desk_load_neither_torch_nor_itk_nor_a_compiler(process: str) -> None:
    assert loaded_by(process, django=True).isdisjoint({"torch", "SimpleITK", "numba"})


def test_the_clock_knows_tasks_by_name_only() -> None:
    assert "nodules_app.services" not in every_module_of("nodules_app.celery_app")


def test_the_servers_start_without_django() -> None:
    assert "django" not in loaded_by("nodules_app.embedded")


def test_a_file_is_no_longer_than_one_can_read() -> None:
    too_long = {
        str(path.relative_to(ROOT)): lines
        for path in PYTHON_FILES + TEST_FILES
        if (lines := len(path.read_text("utf-8").splitlines())) > FILE_LINES
    }
    assert too_long == {}


def test_a_function_fits_a_screen() -> None:
    too_long = {
        f"{path.relative_to(ROOT)}:{node.name}": lines
        for path in PYTHON_FILES + TEST_FILES
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (lines := _code_lines(node)) > FUNCTION_LINES
    }
    assert too_long == {}


def _code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count from the signature to the end; the docstring may be as long as its mathematics needs."""
    lines = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def test_a_float_says_its_unit() -> None:
    nameless = [
        f"{path.relative_to(ROOT)}: {owner}.{name}"
        for path in PYTHON_FILES
        if path.parent.name != "templatetags"  # they draw, in units of their drawing
        for owner, name in _float_fields(tree(path))
        if not {name, f"{owner}.{name}"} & WITHOUT_UNIT and not name.endswith(UNITS + RATIO_ENDINGS)
    ]
    assert nameless == []


def _float_fields(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Give every float field of a frozen dataclass and every FloatField of a table."""
    for node in ast.walk(module):
        if not isinstance(node, ast.ClassDef):
            continue
        frozen = any("frozen=True" in ast.unparse(decorator) for decorator in node.decorator_list)
        for line in node.body:
            if frozen and isinstance(line, ast.AnnAssign) and _holds_floats(line.annotation):
                yield node.name, ast.unparse(line.target)
            elif isinstance(line, ast.Assign) and ast.unparse(line.value).startswith("models.FloatField"):
                yield node.name, ast.unparse(line.targets[0])


def _holds_floats(annotation: ast.expr) -> bool:
    return bool(re.fullmatch(r"(float|tuple\[(float(, )?)+(\.\.\.)?\])( \| None)?", ast.unparse(annotation)))


def test_the_unit_rule_sees_what_it_should() -> None:
    fields = ["length: float", "size_mm: float | None", "at: tuple[float, float, float]", "n: int"]
    source = "\n    ".join(["@dataclass(frozen=True)\nclass A:", *fields])
    assert list(_float_fields(ast.parse(source))) == [("A", "length"), ("A", "size_mm"), ("A", "at")]


def _tracked_texts() -> Iterator[tuple[str, str]]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: nothing says which files belong to the project")
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if (
            path.suffix in {".py", ".md", ".html", ".js", ".css", ".toml", ".txt", ".yml", ".json", ""}
            and path.is_file()
        ):
            yield name, path.read_text("utf-8", errors="replace")


def test_the_project_names_no_machine_of_its_makers() -> None:
    paths = re.compile(r"(?<![\w.])/(work|root|home/\w+)/")
    found = [name for name, text in _tracked_texts() if paths.search(text)]
    assert found == []


def test_no_module_is_called_by_a_word_that_says_nothing() -> None:
    empty_words = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
    assert [path for path in PYTHON_FILES if path.stem in empty_words] == []
