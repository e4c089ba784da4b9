"""Which tests name which trick: `python tests/support/trick_table.py` writes the table of docs/tricks.md anew."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from ltdsl.catalogue import TRICKS  # noqa: E402 - it may run from anywhere

PAGE = ROOT / "docs" / "tricks.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"

#: Tests of a trick that a row shows.
SHOWN = 5

#: Where tests ask what a trick does, and not how a command or an editor writes of it.
FOLDERS = ("runtime", "composition", "compiler", "catalogue")

#: Tests of what a new trick is asked for: those that are there serve as examples only.
ADDING = "test_adding"


class Case(NamedTuple):
    """A test and the tricks that it names."""

    file: str
    name: str
    tricks: frozenset[str]


def cases() -> Iterator[Case]:
    """All tests that name a trick."""
    paths = [path for folder in FOLDERS for path in (ROOT / "tests" / folder).rglob("test_*.py")]
    for path in sorted(path for path in paths if path.stem != ADDING):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        parts: dict[str, list[ast.AST]] = {}
        for node in tree.body:
            for name in _defined(node):
                parts.setdefault(name, []).append(node)
            for name, named in _helpers(node):
                parts.setdefault(name, []).append(named)
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                named = frozenset(_named(node, parts, set()))
                if named:
                    yield Case(path.relative_to(ROOT / "tests").as_posix(), node.name, named)


def _defined(node: ast.stmt) -> list[str]:
    """The names that a statement of a module gives a meaning."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    if isinstance(node, ast.Assign):
        return [target.id for target in node.targets if isinstance(target, ast.Name)]
    return []


def _helpers(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    """A module of formulas that is imported, by the name that it has here: it names what it has functions for.

    ``papers.ldam`` names `ldam`; the module alone, as in ``getattr(papers, name)``, all of them.
    """
    imported = node.names if isinstance(node, ast.Import) else []
    for alias in imported:
        path = ROOT / "tests" / f"{alias.name}.py"
        if path.is_file():
            defined = ast.parse(path.read_text(encoding="utf-8")).body
            functions = [each.name for each in defined if isinstance(each, ast.FunctionDef)]
            own = alias.asname or alias.name
            yield own, ast.parse(repr(functions))
            yield from ((f"{own}.{name}", ast.parse(repr(name))) for name in functions)


def _used(node: ast.AST, parts: Mapping[str, object]) -> Iterator[str]:
    """The names that code uses: of a module's own, and of formulas ``module.name``."""
    whole = {
        inner.value: f"{inner.value.id}.{inner.attr}"
        for inner in ast.walk(node)
        if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name)
    }
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            yield whole[inner] if whole.get(inner) in parts else inner.id
        elif isinstance(inner, ast.arg):
            yield inner.arg


def _named(node: ast.AST, parts: dict[str, list[ast.AST]], seen: set[str]) -> Iterator[str]:
    """Tricks in the strings of a test, its decorators, and what it uses of its module."""
    has_docstring = isinstance(node, ast.FunctionDef | ast.ClassDef)
    prose = ast.get_docstring(node, clean=False) if has_docstring else None
    for inner in ast.walk(node):
        is_text = isinstance(inner, ast.Constant) and isinstance(inner.value, str)
        if is_text and inner.value != prose:
            yield from set(re.findall(r"\w+", inner.value)) & TRICKS.keys()
    for name in set(_used(node, parts)) & parts.keys() - seen:
        seen.add(name)
        for part in parts[name]:
            yield from _named(part, parts, seen)


def table() -> str:
    """A row a trick: its kind, and its tests, those that name the fewest tricks first."""
    found = sorted(cases(), key=lambda test: (len(test.tricks), test.file, test.name))
    rows = ["| trick | kind | tests that name it |", "|---|---|---|"]
    for name, trick in TRICKS.items():
        own = [test for test in found if name in test.tricks]
        shown = [f"`{test.file}`: {test.name}" for test in own[:SHOWN]]
        more = ["and more"] if len(own) > SHOWN else []
        rows.append(f"| `{name}` | {trick.kind} | {'<br>'.join(shown + more)} |")
    return "\n".join(rows)


def main() -> None:
    """Write the table into the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
