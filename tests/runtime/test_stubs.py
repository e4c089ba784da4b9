"""Stubs say what installed packages have: the runtime's use of them is checked against nothing else."""

from __future__ import annotations

import ast
import importlib
import inspect
import pathlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

STUBS = Path(__file__).parents[2] / "runtime" / "typings"


def stubs() -> dict[str, Path]:
    found = {}
    for path in sorted(STUBS.rglob("*.pyi")):
        parts = path.relative_to(STUBS).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def missing(body: list[ast.stmt], real: Any, name: str) -> Iterator[str]:
    """What a module or a class lacks of its stub's; attributes that instances get in `__init__` are not looked at."""
    for node in body:
        names: list[str] = []
        if isinstance(node, ast.ImportFrom):
            names = [alias.asname for alias in node.names if alias.asname]
        elif isinstance(node, ast.AnnAssign) and inspect.ismodule(real):
            names = [ast.unparse(node.target)]
        elif isinstance(node, ast.ClassDef | ast.FunctionDef):
            names = [node.name]
        for each in names:
            if each.startswith("_") and not each.endswith("__"):
                continue  # the stub's own
            if not hasattr(real, each):
                yield f"{name}.{each}"
            elif isinstance(node, ast.ClassDef):
                yield from missing(node.body, getattr(real, each), f"{name}.{each}")
            elif isinstance(node, ast.FunctionDef):
                yield from unknown(node.args, getattr(real, each), f"{name}.{each}")


def unknown(stub: ast.arguments, function: Any, name: str) -> Iterator[str]:
    """Parameters that a stub names and the function does not take."""
    try:
        real = inspect.signature(function).parameters
    except (ValueError, TypeError):  # written in C++
        return
    if any(each.kind in (each.VAR_POSITIONAL, each.VAR_KEYWORD) for each in real.values()):
        return
    yield from (f"{name}({a.arg})" for a in (*stub.args, *stub.kwonlyargs) if a.arg not in real)


@pytest.mark.parametrize("module", stubs())
def test_the_package_has_what_its_stub_has(module):
    real = importlib.import_module(module)
    tree = ast.parse(stubs()[module].read_text(encoding="utf-8"))
    assert list(missing(tree.body, real, module)) == []


def test_a_stub_that_is_wrong_is_found():
    wrong = ast.parse("class Path:\n def exists(self, soon): ...\n def vanish(self): ...\nx: int")
    assert list(missing(wrong.body, pathlib, "pathlib")) == [
        "pathlib.Path.exists(soon)",
        "pathlib.Path.vanish",
        "pathlib.x",
    ]
