"""Finds the messages of a Django template for Babel, which reads Python only.

Understood are ``translate``, ``blocktranslate`` (with ``plural``, ``trimmed``, ``context``) and ``_("…")`` in any
tag. Per cent signs are doubled, since Django looks messages up that way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, Final

from django.template.base import Lexer, Token, TokenType
from django.utils.text import smart_split
from django.utils.translation import trim_whitespace

Found = tuple[int, str, str | tuple[str | None, ...], list[str]]  # line, function, messages, comments: Babel's shape

CONSTANT: Final = re.compile(r"""_\(\s*("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\)""")
TRANSLATE: Final = frozenset({"translate", "trans"})
BLOCK: Final = frozenset({"blocktranslate", "blocktrans"})


class UntranslatableTemplate(ValueError):
    """A template whose messages cannot be found, with the line."""


def extract_template(
    file: BinaryIO,
    _keywords: Sequence[str],
    _comment_tags: Sequence[str],
    options: Mapping[str, Any],
) -> Iterator[Found]:
    """Give every message of a template, in Babel's extraction protocol."""
    tokens = iter(Lexer(file.read().decode()).tokenize())
    for token in tokens:
        if token.token_type not in (TokenType.BLOCK, TokenType.VAR):
            continue
        for constant in CONSTANT.findall(token.contents):
            yield _found(token, unquoted(constant))
        if token.token_type is not TokenType.BLOCK:
            continue
        bits = list(smart_split(token.contents))
        if bits[0] in TRANSLATE and bits[1][0] in "\"'":
            yield _found(token, unquoted(bits[1]), context=_context(bits))
        elif bits[0] in BLOCK:
            singular, plural = _block(tokens, token, trimmed="trimmed" in bits)
            yield _found(token, singular, plural, context=_context(bits))


def _found(token: Token, singular: str, plural: str | None = None, *, context: str | None = None) -> Found:
    messages: tuple[str | None, ...] = (singular,) if plural is None else (singular, plural)
    name = "gettext" if plural is None else "ngettext"
    if context is not None:
        name, messages = ("pgettext" if plural is None else "npgettext"), (context, *messages)
    return token.lineno or 0, name, messages if len(messages) > 1 else singular, []


def _context(bits: Sequence[str]) -> str | None:
    return unquoted(bits[bits.index("context") + 1]) if "context" in bits else None


def _block(tokens: Iterator[Token], opening: Token, *, trimmed: bool) -> tuple[str, str | None]:
    """Read on to the end of a block; variables become named placeholders."""
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token.token_type is TokenType.TEXT:
            parts[-1].append(token.contents.replace("%", "%%"))
        elif token.token_type is TokenType.VAR:
            parts[-1].append(f"%({token.contents})s")
        elif token.contents.strip() == "plural":
            parts.append([])
        elif token.contents.split()[0] in {f"end{name}" for name in BLOCK}:
            texts = [trim_whitespace("".join(part)) if trimmed else "".join(part) for part in parts]
            return texts[0], texts[1] if len(texts) > 1 else None
        elif token.token_type is not TokenType.COMMENT:
            break
    raise UntranslatableTemplate(f"line {opening.lineno}: {opening.contents} does not end, or holds another tag")


def unquoted(literal: str) -> str:
    """Give the text of a template's string literal, per cent signs doubled."""
    quote = literal[0]
    end = literal.rindex(quote)
    return literal[1:end].replace(f"\\{quote}", quote).replace("\\\\", "\\").replace("%", "%%")
