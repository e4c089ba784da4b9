"""Imports point one way: from room to room in the order below, and from the runtime to the language's contracts."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

#: Where each package's source is.
PACKAGES = {"ltdsl": ROOT / "ltdsl", "ltdsl_runtime": ROOT / "runtime" / "ltdsl_runtime"}

#: The rooms of each package, those that others stand on first: a room knows only what is before it. Files beside the
#: rooms are rooms of their own.
ROOMS = {
    "ltdsl": [
        "errors",
        "wording",
        "epochs",
        "longtail",
        "survey",
        "source",
        "system",
        "diagnostics",
        "syntax",
        "catalogue",
        "plugins",
        "recipe",
        "plan",
        "prefix",
        "options",
        "runs",
        "cache",
        "analysis",
        "evidence",
        "advice",
        "codes",
        "configuration",
        "compiler",
        "fixes",
        "format",
        "compare",
        "judge",
        "display",
        "importing",
        "reference",
        "sweep",
        "reproduce",
        "report",
        "lsp",
        "doctor",
        "api",
        "cli",
    ],
    "ltdsl_runtime": [
        "errors",
        "streams",
        "plugged",
        "clock",
        "machine",
        "rundir",
        "parallel",
        "data",
        "models",
        "weights",
        "tricks",
        "graph",
        "tracking",
        "training",
        "use",
    ],
}

#: Of the language, the runtime knows the contracts, the declarations in them, and what both halves compute alike.
SHARED = (
    "ltdsl.errors",
    "ltdsl.plan",
    "ltdsl.prefix",
    "ltdsl.survey",
    "ltdsl.wording",
    "ltdsl.options",
    "ltdsl.runs",
    "ltdsl.catalogue",
    "ltdsl.plugins",
    "ltdsl.longtail",
    "ltdsl.runs",
    "ltdsl.system",
    "ltdsl.cache",
)

#: What trains, and what reads data: functions, so that nothing is imported before they are called.
READ_DATA = {
    ("ltdsl/api.py", "run"),
    ("ltdsl/api.py", "resume"),
    ("ltdsl/api.py", "evaluate"),
    ("ltdsl/api.py", "predict"),
    ("ltdsl/api.py", "survey"),
    ("ltdsl/api.py", "_trained"),
    ("ltdsl/cli/commands/evaluate.py", "eval"),
    ("ltdsl/cli/commands/explain.py", "_try"),
    ("ltdsl/cli/commands/export.py", "export"),
    ("ltdsl/cli/commands/predict.py", "predict"),
    ("ltdsl/cli/commands/report.py", "_pictures"),
    ("ltdsl/cli/refusals.py", "unsuitable"),
    ("ltdsl/cli/commands/run.py", "_keeping_nothing"),
    ("ltdsl/cli/commands/run.py", "_trained"),
    ("ltdsl/cli/commands/run.py", "look"),
    ("ltdsl/cli/commands/run.py", "train"),
    ("ltdsl/cli/commands/run.py", "try_out"),
    ("ltdsl/cli/commands/sweep.py", "_need_writers"),
    ("ltdsl/cli/survey.py", "data_of_run"),
    ("ltdsl/cli/survey.py", "survey"),
    ("ltdsl/cli/survey.py", "within"),
    ("ltdsl/cli/workers.py", "enlist"),
    ("ltdsl/cli/workers.py", "spread"),
    ("ltdsl/cli/workers.py", "stop"),
    ("ltdsl/cli/commands/weights.py", "inspect"),
    ("ltdsl/cli/commands/weights.py", "convert"),
    ("ltdsl/cli/commands/data.py", "inspect"),
    ("ltdsl/cli/commands/data.py", "fetch"),
}

#: Files of the language that compute with NumPy: nothing of theirs is imported before it is asked for.
NUMERIC = (
    "ltdsl.runs.arrays",
    "ltdsl.judge.intervals",
    "ltdsl.judge.mistakes",
    "ltdsl.judge.own",
    "ltdsl.judge.pairs",
    "ltdsl.judge.ranking",
    "ltdsl.judge.temperature",
)

#: Slow to import or absent where only recipes are checked.
HEAVY = ("mindspore", "mindcv", "numpy", "scipy", "PIL")


def files(package: str) -> list[Path]:
    found = sorted(PACKAGES[package].rglob("*.py"))
    assert found
    return found


def label(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def module(path: Path) -> str:
    """A file's dotted name."""
    package = next(name for name, base in PACKAGES.items() if path.is_relative_to(base))
    parts = [package, *path.relative_to(PACKAGES[package]).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(tree: ast.AST, inside: str = "", typing: bool = False) -> Iterator[tuple[str, str]]:
    """Every imported name in full, with the function that imports it.

    What only type checkers see is left out unless it is asked for.
    """
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((f"{node.module}.{alias.name}", inside) for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            seen = [*node.body, *node.orelse] if typing else node.orelse
            yield from imports(ast.Module(seen, []), inside, typing)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(node, node.name, typing)
        else:
            yield from imports(node, inside, typing)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@pytest.mark.parametrize("package", PACKAGES)
def test_rooms_know_only_what_is_before_them(package):
    """Type-only imports count too: whoever reads a file follows them."""
    rank = {room: place for place, room in enumerate(ROOMS[package])}
    upwards = []
    for path in files(package):
        _, room, *_ = *module(path).split("."), ""
        if room in ("", "__main__"):
            continue
        assert room in rank, f"{label(path)} is in no room of the list above"
        for name, _ in imports(tree_of(path), typing=True):
            top, other, *_ = (*name.split("."), "", "")
            if top == package and other in rank and rank[other] > rank[room]:
                upwards.append(f"{label(path)} -> {name}")
    assert not upwards


def test_no_files_import_each_other():
    known = {module(path): path for package in PACKAGES for path in files(package)}
    arrows: dict[str, set[str]] = {}
    for name, path in known.items():
        found = (i for i, _ in imports(tree_of(path), typing=True))
        used = {i if i in known else i.rpartition(".")[0] for i in found}
        arrows[name] = {each for each in used if each in known and each != name}
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize("package", PACKAGES)
def test_no_room_is_crowded(package):
    """Beyond this, somebody who looks for a thing reads a list instead of a name."""
    for folder in {path.parent for path in files(package)}:
        assert len(list(folder.glob("*.py"))) <= 28, label(folder)


@pytest.mark.parametrize("path", files("ltdsl"), ids=label)
def test_the_language_reaches_the_runtime_only_to_run(path):
    numeric = within(module(path), NUMERIC)
    for name, function in imports(tree_of(path)):
        assert not within(name, HEAVY) or (numeric and within(name, ("numpy",))), name
        assert not within(name, NUMERIC) or numeric or function, name
        if within(name, ("ltdsl_runtime",)):
            place = label(path)
            assert (place, function) in READ_DATA, name


@pytest.mark.parametrize("path", files("ltdsl_runtime"), ids=label)
def test_the_runtime_knows_only_plans_of_the_language(path):
    for name, _ in imports(tree_of(path)):
        if within(name, ("ltdsl",)):
            assert within(name, SHARED) or name == "ltdsl.__version__", name


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_reaches_into_tests_or_benchmarks(package):
    for path in files(package):
        for name, _ in imports(tree_of(path)):
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
