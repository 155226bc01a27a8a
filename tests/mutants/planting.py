"""Plant one fault in the clinical core of a forked child and see whether the tests given fail.

Nothing of ``nodules_app.clinical`` may be imported in the parent: every child imports it anew, with the fault in it.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
CORE: Final = "nodules_app.clinical"
CPU_SECONDS: Final = 90  # of one child; a fault that makes a loop endless is found by this
QUIET: Final = ("-o", "addopts=", "-p", "no:cacheprovider", "-W", "ignore", "-x", "-q", "--no-header", "--tb=no")


@dataclass(frozen=True, slots=True)
class Fault:
    """Another source for one module of the core; ``where`` names it in reports."""

    module: str  # dotted, below the core: "editions.nelson"
    source: str
    where: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """How the tests ended: by which test the fault was found; empty when none noticed it."""

    found_by: str
    cpu_seconds: float

    @property
    def survived(self) -> bool:
        return not self.found_by


def path_of(module: str) -> Path:
    """The file of a module below the core."""
    return ROOT / CORE.replace(".", "/") / f"{module.replace('.', '/')}.py"


class _Planted(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the one module with its fault; every other is found as always."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.name = f"{CORE}.{fault.module}"

    def find_spec(
        self, fullname: str, _path: object = None, _target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.util.spec_from_file_location(fullname, path_of(self.fault.module), loader=self)

    def exec_module(self, module: ModuleType) -> None:
        code = compile(self.fault.source, str(path_of(self.fault.module)), "exec", dont_inherit=True)
        exec(code, vars(module))  # noqa: S102 - our own source with one change


class _FirstFailure:
    """Which test, or which file that could not be loaded, failed first."""

    def __init__(self) -> None:
        self.name = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.name:
            self.name = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and not self.name:
            self.name = f"{report.nodeid} (not loaded)"


def warm_up() -> None:
    """Load what every child needs, once."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    import hypothesis
    import hypothesis.strategies  # noqa: F401

    if loaded := [name for name in sys.modules if name.startswith(CORE)]:
        raise RuntimeError(f"the clinical core is loaded already: {loaded[0]}")


def run(fault: Fault | None, tests: Sequence[str]) -> Outcome:
    """Run the tests in a child that has the fault (``None``: as the code stands)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _in_the_child(fault, tests, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as answers:
        found_by = answers.read().decode()
    _, status = os.waitpid(child, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if os.WIFSIGNALED(status):
        found_by = f"stopped after {cpu:.0f} s (signal {os.WTERMSIG(status)})"
    elif os.WEXITSTATUS(status) not in (0, 1, 2):
        raise RuntimeError(f"the tests could not be run: pytest ended with {os.WEXITSTATUS(status)}")
    elif os.WEXITSTATUS(status) and not found_by:
        found_by = "?"
    return Outcome(found_by, cpu)


def _in_the_child(fault: Fault | None, tests: Sequence[str], writing: int) -> None:
    """Never returns: the child must not run what belongs to the parent."""
    ended = 70
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 5))
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        if fault is not None:
            sys.meta_path.insert(0, _Planted(fault))
        first = _FirstFailure()
        ended = int(pytest.main([*QUIET, *tests], plugins=[first]))
        os.write(writing, first.name.encode())
    finally:
        os._exit(ended)
