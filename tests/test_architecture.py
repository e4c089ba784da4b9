"""Imports point one way: the runtime reads plans; the language never reaches what trains."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Of the language, the runtime knows the plan, the declarations in it, and what both halves compute alike.
SHARED = (
    "ltdsl.plan",
    "ltdsl.options",
    "ltdsl.catalogue",
    "ltdsl.longtail",
    "ltdsl.system",
    "ltdsl.cache",
)

#: What trains, and what reads data: functions, so that nothing is imported before they are called.
READ_DATA = {
    ("ltdsl/cli/evaluate.py", "eval"),
    ("ltdsl/cli/export.py", "export"),
    ("ltdsl/cli/predict.py", "predict"),
    ("ltdsl/cli/run.py", "train"),
    ("ltdsl/cli/sweep.py", "_need_tensorboard"),
    ("ltdsl/cli/survey.py", "survey"),
    ("ltdsl/cli/survey.py", "within"),
    ("ltdsl/cli/workers.py", "enlist"),
    ("ltdsl/cli/workers.py", "spread"),
    ("ltdsl/cli/workers.py", "stop"),
    ("ltdsl/cli/data.py", "inspect"),
    ("ltdsl/cli/data.py", "fetch"),
}

#: Slow to import or absent where only recipes are checked.
HEAVY = ("mindspore", "mindcv", "numpy", "scipy", "PIL")


def modules(package: str) -> list[Path]:
    found = sorted((ROOT / package).rglob("*.py"))
    assert found
    return found


def imports(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, str]]:
    """Every imported name in full, with the function that imports it; what only type checkers see is left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((f"{node.module}.{alias.name}", inside) for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from imports(ast.Module(node.orelse, []), inside)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(node, node.name)
        else:
            yield from imports(node, inside)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("path", modules("ltdsl"), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_language_reaches_the_runtime_only_to_run(path):
    for name, function in imports(ast.parse(path.read_text(encoding="utf-8"))):
        assert not within(name, HEAVY), name
        if within(name, ("ltdsl_runtime",)):
            place = path.relative_to(ROOT).as_posix()
            assert (place, function) in READ_DATA, name


@pytest.mark.parametrize(
    "path", modules("runtime/ltdsl_runtime"), ids=lambda path: str(path.relative_to(ROOT))
)
def test_the_runtime_knows_only_plans_of_the_language(path):
    for name, _ in imports(ast.parse(path.read_text(encoding="utf-8"))):
        if within(name, ("ltdsl",)):
            assert within(name, SHARED) or name == "ltdsl.__version__", name


@pytest.mark.parametrize("package", ["ltdsl", "runtime/ltdsl_runtime"])
def test_nothing_reaches_into_tests_or_benchmarks(package):
    for path in modules(package):
        for name, _ in imports(ast.parse(path.read_text(encoding="utf-8"))):
            assert not within(name, ("tests", "benchmarks")), path


def test_the_walk_sees_imports_wherever_they_are():
    text = """
if TYPE_CHECKING:
    import unseen
else:
    import first
def run():
    with x:
        from second import part
class A:
    def inner(self):
        import third.deep
"""
    assert list(imports(ast.parse(text))) == [
        ("first", ""),
        ("second.part", "run"),
        ("third.deep", "inner"),
    ]
