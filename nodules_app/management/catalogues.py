"""The translation catalogues: found in the sources, kept as text, compiled by Babel; no gettext programs are needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from nodules_app.management.template_messages import extract_template

KEYWORDS: Final = DEFAULT_KEYWORDS | {
    "gettext_noop": None,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
}
SOURCES: Final = (("nodules_app", "*.py"), ("registration", "*.py"), ("inference", "*.py"), ("templates", "*.html"))
HEADER: Final = """\
# What the pages and refusals say in another language. Collected by `manage.py messages`; the words follow
# docs/glossary.md. Full-width punctuation in sentences, a space between Latin and Han, half-width digits.
"""
BRACES: Final = re.compile(r"\{(\w+)[^{}]*\}")
NAMED: Final = re.compile(r"%\((\w+)\)s")


def in_sources(root: Path) -> Catalog:
    """Collect every marked message of the project."""
    found = Catalog(charset="utf-8", fuzzy=False)
    for path in _files(root):
        method = extract_template if path.suffix == ".html" else "python"
        with path.open("rb") as file:
            for _line, message, comments, context in extract(method, file, keywords=KEYWORDS):  # type: ignore[arg-type]
                place = [(path.relative_to(root).as_posix(), 0)]
                found.add(message, locations=place, auto_comments=comments, context=context)
    return found


def _files(root: Path) -> Iterator[Path]:
    for folder, pattern in SOURCES:
        yield from sorted(path for path in (root / folder).rglob(pattern) if "migrations" not in path.parts)


def read(path: Path, locale: str) -> Catalog:
    """Read a catalogue; a file that does not exist yet is an empty one."""
    if not path.exists():
        return Catalog(locale, header_comment=HEADER, project="Nodule Clinic", version="1", fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def brought_up_to_date(kept: Catalog, sources: Catalog) -> Catalog:
    """Add what is new in the sources and drop what has gone; nothing is guessed from similar messages."""
    begun = kept.creation_date
    kept.update(sources, no_fuzzy_matching=True, update_header_comment=False)
    kept.creation_date = kept.revision_date = begun  # or each run would change the file
    kept.obsolete.clear()
    return kept


def write(catalog: Catalog, path: Path) -> None:
    """Write a catalogue as text, without line numbers, so that moving code changes nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog.msgid_bugs_address = "the issue tracker"
    catalog.last_translator = catalog.language_team = "the maintainers"
    with path.open("wb") as file:
        write_po(file, catalog, width=120, include_lineno=False, sort_by_file=True, omit_header=False)


def compile_to(catalog: Catalog, path: Path) -> None:
    """Write the binary form that Django loads."""
    partial = path.with_suffix(".part")
    with partial.open("wb") as file:
        write_mo(file, catalog)
    partial.replace(path)  # a server that starts meanwhile reads the old one or the new one, never half of one


def faults(kept: Catalog, sources: Catalog) -> list[str]:
    """Say what is wrong with a catalogue: missing, fuzzy, no longer used, or with other placeholders."""
    said = [f"not in the catalogue: {_name(message)}" for message in sources if message.id and not _same(kept, message)]
    for message in kept:
        if not message.id:
            continue
        if not _same(sources, message):
            said.append(f"no longer in the sources: {_name(message)}")
        elif message.fuzzy:
            said.append(f"fuzzy: {_name(message)}")
        elif not all(_strings(message.string)):
            said.append(f"not translated: {_name(message)}")
        elif not _placeholders_agree(message):
            said.append(f"other placeholders: {_name(message)}")
    return said


def _same(catalog: Catalog, message: Message) -> Message | None:
    found: Message | None = catalog.get(message.id, message.context)
    return found


def _name(message: Message) -> str:
    return repr(_strings(message.id)[0])


def _strings(value: str | tuple[str, ...] | list[str] | None) -> list[str]:
    return [value or ""] if isinstance(value, str | None) else list(value)


def _placeholders_agree(message: Message) -> bool:
    """Whether each translation names the same facts as the message; one form of a plural may leave out its number."""
    asked = {name for text in _strings(message.id) for name in (*BRACES.findall(text), *NAMED.findall(text))}
    return all({*BRACES.findall(text), *NAMED.findall(text)} <= asked for text in _strings(message.string)) and (
        not asked or any({*BRACES.findall(text), *NAMED.findall(text)} == asked for text in _strings(message.string))
    )
