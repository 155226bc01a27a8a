"""``requirements.txt`` and ``requirements-dev.txt`` from ``pyproject.toml``: written by ``write``, proven by ``check``.

Writing needs uv, whose universal resolution holds for every Python and machine; plain pip installs the result.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
HEADERS = {
    "requirements.txt": (
        "# Written from pyproject.toml by `make requirements`; plain pip installs it. "
        "torch takes the local (CPU) wheel where one is offered."
    ),
    "requirements-dev.txt": ("# Written from pyproject.toml by `make requirements`: the tools.\n-r requirements.txt"),
}
# torch asks for them on every Linux; its CUDA wheel brings them by itself, its CPU wheel must not.
ONLY_FOR_CUDA = re.compile(r"^(nvidia|cuda|triton)\b")
LOCAL_VERSION = re.compile(r"\+\w+")


def _resolved(uv: str, *extras: str) -> list[str]:
    command = [
        uv,
        "pip",
        "compile",
        "--universal",
        "--python-version",
        "3.11",
        "--no-header",
        "--no-annotate",
        "--quiet",
    ]
    done = subprocess.run([*command, *extras, "pyproject.toml"], cwd=ROOT, check=True, capture_output=True, text=True)
    lines = (LOCAL_VERSION.sub("", line) for line in done.stdout.splitlines() if not ONLY_FOR_CUDA.match(line))
    return [line for line in lines if line and not line.startswith(("#", "-"))]


def write(uv: str) -> None:
    """Resolve anew; look at the difference before committing it."""
    runtime = _resolved(uv)
    tools = [line for line in _resolved(uv, "--extra", "dev") if line not in runtime]
    for name, lines in (("requirements.txt", runtime), ("requirements-dev.txt", tools)):
        (ROOT / name).write_text("\n".join([HEADERS[name], *lines, ""]))


def _pins(name: str) -> dict[str, list[Requirement]]:
    pins: dict[str, list[Requirement]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith(("#", "-")):
            pin = Requirement(line)
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def faults() -> list[str]:
    """Say where the three files disagree."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    runtime, tools = _pins("requirements.txt"), _pins("requirements-dev.txt")
    asked = [(text, runtime) for text in project["dependencies"]]
    asked += [(text, runtime | tools) for text in project["optional-dependencies"]["dev"]]
    found = [f"{name} stands in both files" for name in sorted(runtime.keys() & tools.keys())]
    every_pin = [pin for pins in (*runtime.values(), *tools.values()) for pin in pins]
    loose = [pin for pin in every_pin if [part.operator for part in pin.specifier] != ["=="]]
    found += [f"{pin} is not pinned to one version" for pin in loose]
    for text, pinned in asked:
        wanted = Requirement(text)
        pins = pinned.get(canonicalize_name(wanted.name), [])
        versions = [part.version for pin in pins for part in pin.specifier]
        if not versions:
            found.append(f"{wanted.name} is asked for in pyproject.toml and pinned nowhere")
        found += [
            f"{wanted} does not allow the pinned {version}" for version in versions if version not in wanted.specifier
        ]
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", uv]:
            write(uv)
        case ["check"]:
            sys.exit("\n".join([*found, "Run `make requirements`."]) if (found := faults()) else 0)
        case _:
            sys.exit("usage: requirements.py check | write UV")
