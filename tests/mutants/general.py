"""Small faults anywhere in the core: another comparison, another constant, another bracket of a range."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tests.mutants.planting import Fault, path_of

# Not what only prints, names or stores, nor the words of a refusal.
NOT_CHANGED: Final = frozenset(
    {"__init__", "__main__", "printed", "reasons", "management", "errors", "ruleset", "assessment", "answers", "codec",
     "case", "editions.__init__", "risk.__init__", "editions.catalogue", "editions.not_supported"}
)  # fmt: skip


def modules() -> Iterator[str]:
    """Every module of the core that decides."""
    core = path_of("__init__").parent
    for file in sorted(core.rglob("*.py")):
        name = ".".join(file.relative_to(core).with_suffix("").parts)
        if name not in NOT_CHANGED:
            yield name


# Lines whose faults change nothing that anybody can see, each with why.
HARMLESS: Final[Mapping[str, str]] = {
    "strict=True": "zip: both sides are of one length by construction",
    "compare=False": "rules are never compared",
    "context.prec = 40": "digits beyond those that are used",
    "SMALLEST: Final = Decimal(10) ** -9": "no size comes near",
    "LARGEST: Final = Decimal(10) ** 9": "no size comes near",
    "lru_cache(": "the size of a cache",
    "Decimal(0) if volume is None else sphere_diameter_mm(volume)": "no nodule is smaller than 1 mm",
    "(s.age or 0) - 62": "the age was asked for before",
    'half_up(size_mm, Decimal("0.01"))': "a step rounds by its exponent, not by its digit",
    'mass=_row("SCOPE.MASS"': "the rounded size decides before the row is looked up",
    "MASS: Final = _row(": "the rounded size decides before the row is looked up",
    '"mean_mm": span("> 30")': "the rounded size decides before the row is looked up",
    '{"1": "< 1 %", "2": "< 1 %"': "printed only",
}

COMPARISONS: Final[Mapping[type[ast.cmpop], tuple[str, str]]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}  # fmt: skip
ARITHMETIC: Final[Mapping[type[ast.operator], tuple[str, str]]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.FloorDiv: ("//", "/"),
}  # fmt: skip
_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_RANGE: Final = re.compile(r"(<=|<|>=|>) [0-9.]+|[\[(][0-9.]+, [0-9.]+[\])]")
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Change:
    """Other characters in one place of a source."""

    start: int
    end: int
    text: str


def is_harmless(fault: Fault) -> bool:
    """Whether the line stands in the list above."""
    line = fault.where.partition("   in: ")[2]
    return any(part in line for part in HARMLESS)


def sampled(count: int, seed: int) -> list[Fault]:
    """The same faults for the same seed and source, from all modules alike."""
    rng = random.Random(seed)
    faults = [fault for module in modules() for fault in _faults(module)]
    return rng.sample(faults, min(count, len(faults)))


def _faults(module: str) -> Iterator[Fault]:
    source = path_of(module).read_text("utf-8")
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    code = source.encode()
    for node in _deciding(ast.parse(source)):
        for change in _changes(node, code, starts):
            mutated = code[: change.start] + change.text.encode() + code[change.end :]
            number = code.count(b"\n", 0, change.start) + 1
            before = code[change.start : change.end].decode()
            shown = lines[number - 1].strip()
            yield Fault(module, mutated.decode(), f"{module}:{number}: {before} -> {change.text}   in: {shown}")


def _deciding(tree: ast.AST) -> Iterator[ast.AST]:
    """Every node but annotations, assertions (which only tell the type checker) and docstrings."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assert | ast.arg) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for inner in node.body:
                yield from _statement(inner)
            continue
        yield from _statement(node)


def _statement(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Assert) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
        return
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield node.value
            yield from _deciding(node.value)
        return
    yield node
    yield from _deciding(node)


def _changes(node: ast.AST, code: bytes, starts: list[int]) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        yield from _comparisons(node, code, starts)
    elif isinstance(node, ast.BoolOp):
        word, other = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from _between(left, right, word, other, code, starts)
    elif isinstance(node, ast.BinOp) and type(node.op) in ARITHMETIC:
        word, other = ARITHMETIC[type(node.op)]
        yield from _between(node.left, node.right, word, other, code, starts)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        start, _ = _place(node, starts)
        yield Change(start, start + 4, "")
    elif isinstance(node, ast.Constant):
        yield from _constants(node, starts)
    elif isinstance(node, ast.Name) and node.id in ("min", "max", "any", "all"):
        other = {"min": "max", "max": "min", "any": "all", "all": "any"}[node.id]
        yield Change(*_place(node, starts), other)


def _place(node: ast.expr | ast.UnaryOp, starts: list[int]) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def _comparisons(node: ast.Compare, code: bytes, starts: list[int]) -> Iterator[Change]:
    left = node.left
    for operator, right in zip(node.ops, node.comparators, strict=True):
        word, other = COMPARISONS[type(operator)]
        yield from _between(left, right, word, other, code, starts)
        left = right


def _between(
    left: ast.expr, right: ast.expr, word: str, other: str, code: bytes, starts: list[int]
) -> Iterator[Change]:
    start = code.find(word.encode(), _place(left, starts)[1], _place(right, starts)[0])
    if start >= 0:
        yield Change(start, start + len(word), other)


def _constants(node: ast.Constant, starts: list[int]) -> Iterator[Change]:
    value, (start, end) = node.value, _place(node, starts)
    if isinstance(value, bool):
        yield Change(start, end, str(not value))
    elif isinstance(value, int):
        yield Change(start, end, str(value + 1))
    elif isinstance(value, str) and _DECIMAL.fullmatch(value):
        yield Change(start, end, f'"{_bumped(value)}"')
    elif isinstance(value, str) and _RANGE.fullmatch(value):
        for other in _ranges(value):
            yield Change(start, end, f'"{other}"')


def _bumped(number: str) -> str:
    """The first digit that is not zero, one higher: a change that no rounding hides."""
    place = next((n for n, digit in enumerate(number) if digit in "123456789"), len(number) - 1)
    digit = "8" if number[place] == "9" else str(int(number[place]) + 1)
    return number[:place] + digit + number[place + 1 :]


def _ranges(text: str) -> Iterator[str]:
    """Each end included or not, each bound a little further."""
    if text[0] in "<>":
        yield text.replace("=", "") if "=" in text else text.replace(text[0], f"{text[0]}=", 1)
    else:
        yield ("(" if text[0] == "[" else "[") + text[1:]
        yield text[:-1] + (")" if text[-1] == "]" else "]")
    for match in _NUMBER.finditer(text):
        yield text[: match.start()] + _bumped(match[0]) + text[match.end() :]
