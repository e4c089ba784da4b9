"""One way to print, to open and to write: what sees to strangers' names and files cannot be gone round."""

from __future__ import annotations

import ast
import functools
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
    },
    "sys.stdout.write": {},
    "sys.stderr.write": {},
}

_PACKAGE = "a file of ours"
_OURS = "a folder that this process has just made"
_SEEN = "opened by the room before"

#: Ways to open a file, whoever made it.
OPENING = {
    "open": {},
    "os.open": {
        "runtime/ltdsl_runtime/parallel/exchange.py": "memory of another worker, by its number",
        "ltdsl/system/opening.py": "the one way to read",
        "ltdsl/system/writing.py": "the one way to add to a file",
        "ltdsl/system/files.py": "a folder's names",
        "ltdsl/cache/draft.py": "a new file alone",
        "ltdsl/cache/locks.py": "looks at the owner, which only a cache has",
        "ltdsl/cache/trust.py": "looks at the owner, which only a cache has",
        "runtime/ltdsl_runtime/rundir/lock.py": "a lock, opened through no link and written to",
        "runtime/ltdsl_runtime/use/export/prediction.py": "nowhere",
    },
    ".open": {
        "ltdsl/system/opening.py": "what a person named, a pipe too",
        "ltdsl/cli/inputs.py": "makes a new file, or fails",
        "ltdsl/evidence/rows.py": _PACKAGE,
        "runtime/ltdsl_runtime/data/fetch/__init__.py": "an archive whose checksum was compared",
        "runtime/ltdsl_runtime/data/decoded.py": "a view's, which goes through the room",
        "runtime/ltdsl_runtime/data/files.py": "a view's, which goes through the room",
        "runtime/ltdsl_runtime/data/image.py": _SEEN,
        "runtime/ltdsl_runtime/data/inspect.py": _SEEN,
        "runtime/ltdsl_runtime/parallel/launch.py": _OURS,
        "runtime/ltdsl_runtime/use/predict.py": "a view's, which goes through the room",
        "runtime/ltdsl_runtime/weights/checkpoints.py": "what was just written",
        "runtime/ltdsl_runtime/weights/foreign/pytorch.py": _SEEN,
    },
    ".read_bytes": {
        "ltdsl/doctor/verify.py": _PACKAGE,
        "ltdsl/report/library.py": "an entry of the cache, which was checked",
        "runtime/ltdsl_runtime/data/decoded.py": _PACKAGE,
        "runtime/ltdsl_runtime/data/digits.py": _PACKAGE,
        "runtime/ltdsl_runtime/machine/identity.py": _PACKAGE,
        "runtime/ltdsl_runtime/machine/native/prebuilt.py": _PACKAGE,
        "runtime/ltdsl_runtime/machine/native/sources.py": _PACKAGE,
        "runtime/ltdsl_runtime/rundir/ended.py": _OURS,
    },
    ".read_text": {
        "ltdsl/cache/room.py": "a file in a folder that was checked",
        "ltdsl/reference/__main__.py": "for those who work on ltdsl",
        "ltdsl/report/page.py": _PACKAGE,
        "ltdsl/syntax/tables.py": _PACKAGE,
        "ltdsl/system/memory.py": "a file of the system",
        "runtime/ltdsl_runtime/machine/identity.py": "a file of the system",
        "runtime/ltdsl_runtime/machine/native/library.py": "a file of the system",
        "runtime/ltdsl_runtime/parallel/launch.py": _OURS,
    },
    "np.load": {"runtime/ltdsl_runtime/data/npz.py": _SEEN},
}

#: Ways to write one.
WRITING = {
    ".write_text": {
        "runtime/ltdsl_runtime/use/export/__init__.py": _OURS,
    },
    ".write_bytes": {"ltdsl/report/library.py": "a draft of the cache"},
    "shutil.copy": {},
    "shutil.copyfile": {},
}


#: The clock of the world, which may be set back at any time; how long something took, time.monotonic tells.
CLOCKS = {
    "time.time": {
        "ltdsl/cache/listing.py": "ages of files, which may be negative",
        "ltdsl/cache/store.py": "ages of files, which may be negative",
        "ltdsl/cli/commands/cache.py": "ages of files, which may be negative",
        "ltdsl/report/__init__.py": "ages of files, which may be negative",
    },
    "datetime.now": {"ltdsl/cache/draft.py": "says when an entry was made"},
    "datetime.datetime.now": {},
}


def calls(tree: ast.AST) -> Iterator[str]:
    """Names of what is called, as they are written, and of what is imported, in full; types only are left out."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            yield name
            if "." in name and name != "os.open":
                yield "." + name.rsplit(".", 1)[1]
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from calls(node)


@functools.cache
def calls_by_file() -> dict[str, frozenset[str]]:
    return {
        path.relative_to(ROOT).as_posix(): frozenset(
            calls(ast.parse(path.read_text(encoding="utf-8")))
        )
        for package in ("ltdsl", "runtime/ltdsl_runtime")
        for path in (ROOT / package).rglob("*.py")
    }


def found(rules: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    """Each forbidden call with the file that has it."""
    return {
        (name, path) for path, names in calls_by_file().items() for name in names & rules.keys()
    }


def allowed(rules: dict[str, dict[str, str]]) -> set[tuple[str, str]]:
    return {(name, path) for name, paths in rules.items() for path in paths}


@pytest.mark.parametrize(
    "rules", [PRINTING, OPENING, WRITING, CLOCKS], ids=["print", "open", "write", "clock"]
)
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
