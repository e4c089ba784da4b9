"""One way to print, to open and to write: what sees to strangers' names and files cannot be gone round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Calls by name or attribute, and imports, with the files that may have them and why.
PRINTING = {
    "print": {
        "ltdsl/system/terminal.py": "the one way",
        "ltdsl/reference/__main__.py": "for those who work on ltdsl",
    },
    ".echo": {},
    ".secho": {},
    "rich.console.Console": {
        "ltdsl/display/console.py": "what ours is made of",
        "ltdsl/display/tables.py": "a type",
    },
    "sys.stdout.write": {},
    "sys.stderr.write": {},
}


def calls(tree: ast.AST) -> Iterator[str]:
    """Names of what is called, as they are written, and of what is imported, in full; types only are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield name
            if "." in name:
                yield "." + name.rsplit(".", 1)[1]
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from calls(node)


def found(rules: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    """Each forbidden call with the file that has it."""
    return {
        (name, path.relative_to(ROOT).as_posix())
        for package in ("ltdsl", "runtime/ltdsl_runtime")
        for path in (ROOT / package).rglob("*.py")
        for name in calls(ast.parse(path.read_text(encoding="utf-8")))
        if name in rules
    }


def allowed(rules: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    return {(name, path) for name, paths in rules.items() for path in paths}


@pytest.mark.parametrize("rules", [PRINTING], ids=["printing"])
def test_there_is_one_way(rules):
    assert found(rules) - allowed(rules) == set(), "use the room for it, or say here why not"
    assert allowed(rules) - found(rules) == set(), "no longer there: take the reason out"


def test_the_walk_sees_calls_wherever_they_are():
    tree = ast.parse(
        "import x\nif TYPE_CHECKING:\n    from unseen import a\n"
        "def f():\n    from a.b import c as d\n    return [Path(x).open().read() for x in g(1)]\n"
    )
    assert sorted(set(calls(tree))) == [
        ".open", ".read", "Path", "Path(x).open", "Path(x).open().read", "a.b.c", "g",
    ]  # fmt: skip
