"""Rulesets that can be asked: today's, and past ones kept as archives of the program that they were.

A past ruleset is a zip file of ``nodules_app.clinical`` that Python runs as it is. Nothing of today's program takes
part in its answers, so they stay what they were to the last byte (decision 0013).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from nodules_app.clinical.assessment import RULESET_VERSION
from nodules_app.clinical.errors import Refused, UnknownEdition, gettext_noop

PACKAGE: Final = Path(__file__).resolve().parents[1]
FOLDER: Final = PACKAGE / "past_rulesets"
START: Final = """from nodules_app.clinical.__main__ import main
import sys

sys.stdout.buffer.write(main(sys.argv[1:], b"" if "--which" in sys.argv else sys.stdin.buffer.read()))
"""
_NAME: Final = re.compile(r"(?P<version>R[0-9]+)-(?P<tables>[0-9a-f]{64})\.pyz")
_WRITTEN_ON: Final = (1980, 1, 1, 0, 0, 0)  # the same core gives the same archive, whenever it is kept


class BrokenRuleset(Refused):
    """An archive that is not what its name says, or that does not run."""

    code = "broken_ruleset"
    sentence = gettext_noop("The kept ruleset {file} is not what its name says: {found}.")
    remedy = gettext_noop("Bring the file back from the version control or from a backup.")


@dataclass(frozen=True, slots=True)
class PastRuleset:
    """One archive; ``tables`` is the hash of its tables, as answers carry it."""

    version: str
    tables: str
    file: Path


def past_rulesets(folder: Path | None = None) -> Mapping[str, PastRuleset]:
    """The kept rulesets by version; today's is not among them."""
    files = sorted((FOLDER if folder is None else folder).glob("*.pyz"))
    named = ((_NAME.fullmatch(file.name), file) for file in files)
    found = (PastRuleset(name["version"], name["tables"], file) for name, file in named if name is not None)
    return {ruleset.version: ruleset for ruleset in found if ruleset.version != RULESET_VERSION}


def held() -> tuple[str, ...]:
    """Every version that can be asked, today's last."""
    return (*past_rulesets(), RULESET_VERSION)


def past_ruleset(version: str) -> PastRuleset:
    """The archive of a past version.

    Raises ``UnknownEdition`` for one that is not kept, ``BrokenRuleset`` for one that is not what its name says.
    """
    kept = past_rulesets()
    if version not in kept:
        raise UnknownEdition(ruleset=version, held=", ".join(held()))
    _verify(kept[version])
    return kept[version]


@cache
def _verify(ruleset: PastRuleset) -> None:
    said = json.loads(_run(ruleset, b"", "--which"))
    if said != {"version": ruleset.version, "tables": ruleset.tables}:
        raise BrokenRuleset(file=ruleset.file.name, found=f"{said['version']}, tables {said['tables'][:12]}")


def _run(ruleset: PastRuleset, data: bytes, *arguments: str) -> bytes:
    """Run the archive in an interpreter of its own that sees nothing of today's program."""
    command = [sys.executable, "-I", "-X", "utf8", str(ruleset.file), *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    if done.returncode:
        raise BrokenRuleset(file=ruleset.file.name, found=done.stderr.decode(errors="replace").strip()[-200:])
    return done.stdout


def answers_under(version: str, lines: bytes) -> bytes:
    """The answers of a past ruleset to cases, in the contract of ``manage.py assess``."""
    return _run(past_ruleset(version), lines)


def kept_answers_under(version: str, cases: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The answers of a past ruleset as they were stored, one for each case; a refused case has ``error``."""
    lines = b"".join(json.dumps(case).encode() + b"\n" for case in cases)
    return [json.loads(line) for line in _run(past_ruleset(version), lines, "--kept").splitlines()]


def keep(package: Path = PACKAGE, folder: Path | None = None) -> PastRuleset:
    """Archive a core under its own version; done when its tables are about to change and the version to rise.

    Parameters
    ----------
    package
        A folder ``nodules_app`` with a clinical core; the running program's own by default.

    Raises
    ------
    BrokenRuleset
        The version is kept already with other tables: raise the version first.
    """
    folder = FOLDER if folder is None else folder
    folder.mkdir(exist_ok=True)
    draft = folder / "draft.pyz"
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "__main__.py", START)
        for file in (package / "__init__.py", *sorted((package / "clinical").rglob("*.py"))):
            _write(archive, str(Path("nodules_app") / file.relative_to(package)), file.read_text("utf-8"))
    said = json.loads(_run(PastRuleset("", "", draft), b"", "--which"))
    ruleset = PastRuleset(said["version"], said["tables"], folder / f"{said['version']}-{said['tables']}.pyz")
    for other in folder.glob(f"{ruleset.version}-*.pyz"):
        if other != ruleset.file:
            draft.unlink()
            raise BrokenRuleset(file=other.name, found=f"{ruleset.version} has the tables {ruleset.tables[:12]} now")
    draft.replace(ruleset.file)
    return ruleset


def _write(archive: zipfile.ZipFile, name: str, text: str) -> None:
    entry = zipfile.ZipInfo(name, _WRITTEN_ON)
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive.writestr(entry, text)
